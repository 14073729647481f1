"""Builds the world that a sandbox starts with: a scenario file, such as the demo's, or a generated organization."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from rootkeeper_sandbox.partitions import AWS, PARTITIONS, Partition
from rootkeeper_sandbox.scenarios.cast import build_generated, build_without_organization
from rootkeeper_sandbox.scenarios.files import build_from_file
from rootkeeper_sandbox.state.organization import IAM_SERVICE_PRINCIPAL, Feature
from rootkeeper_sandbox.state.world import World

EXAMPLES: Mapping[str, str] = {
    "demo": "26 accounts in every situation, with buckets, queues and people; what a sandbox starts with by default",
    "small-start": "eight accounts, everything switched on, a delegate registered, two accounts left to clean",
    "deny-root-guardrails": "policies that deny root: with and without an exemption for root sessions, twice over",
    "merger": "a bought company: invited accounts with everything they had, more of them still outside",
}
"""By name: its contents."""

NO_ORGANIZATION = "no-organization"
SCENARIOS = (*EXAMPLES, NO_ORGANIZATION)
"""The names of all scenarios."""


def find_example(name: str) -> Path:
    return Path(__file__).parent / "examples" / f"{name}.yaml"


FEATURES = {
    "none": frozenset[Feature](),
    "credentials": frozenset({Feature.ROOT_CREDENTIALS_MANAGEMENT}),
    "sessions": frozenset({Feature.ROOT_SESSIONS}),
    "all": frozenset(Feature),
}
"""The values of ``--features``."""


def build_world(
    *,
    clock: Callable[[], datetime],
    scenario: str = "demo",
    accounts: int | None = None,
    organizational_units: int | None = None,
    seed: int = 1,
    features: str = "none",
    partition: str = AWS.name,
) -> World:
    """Build the world that a sandbox starts with; the same arguments give the same ids and keys.

    With ``accounts`` an organization of that many accounts, in that many ``organizational_units`` if said, is generated
    and ``scenario`` doesn't count. Dates are relative to the clock. ``features`` other than ``none`` turn trusted
    access on, too. ``scenario`` is one of ``SCENARIOS``, or a path that ends in ``.yaml`` or ``.yml``.

    In a ``partition`` other than ``aws``, features and root user credentials that it doesn't have are left out, and
    ARNs and Regions of a scenario become the partition's.

    :raises ValueError: if the scenario or feature set is unknown, a number is out of range or has nothing to number, or
        the scenario file isn't in order.
    """
    if features not in FEATURES:
        raise ValueError(f"features must be one of {', '.join(FEATURES)}, not {features!r}.")
    if partition not in PARTITIONS:
        raise ValueError(f"partition must be one of {', '.join(PARTITIONS)}, not {partition!r}.")
    served = PARTITIONS[partition]
    if FEATURES[features] and not served.features & FEATURES[features]:
        raise ValueError(f"the partition {partition} has no such feature.")
    if accounts is not None:
        world = build_generated(accounts, seed, clock, organizational_units, partition)
    elif organizational_units is not None:
        raise ValueError("a number of organizational units needs a number of accounts.")
    elif is_scenario_file(scenario):
        world = build_from_file(Path(scenario), clock, served)
    elif scenario in EXAMPLES:
        world = build_from_file(find_example(scenario), clock, served)
    elif scenario == NO_ORGANIZATION:
        world = build_without_organization(clock, partition)
    else:
        known = ", ".join(SCENARIOS)
        raise ValueError(f"there is no scenario {scenario!r}; known: {known}, or a path that ends in .yaml.")
    if FEATURES[features]:
        if not world.organization.accounts:
            raise ValueError("features need an organization.")
        world.organization.features.update(FEATURES[features])
        world.organization.trusted_services[IAM_SERVICE_PRINCIPAL] = clock()
    if served is not AWS:
        _leave_out_impossible_parts(world, served)
    return world


def _leave_out_impossible_parts(world: World, partition: Partition) -> None:
    organization = world.organization
    organization.features = {feature for feature in organization.features if feature in partition.features}
    for account in (*organization.accounts.values(), *world.outsiders.values()):
        world.drop_impossible_credentials(account)


def is_scenario_file(scenario: str) -> bool:
    """Return whether a scenario is a path, not a name."""
    return scenario.endswith((".yaml", ".yml"))


@dataclass(frozen=True, slots=True)
class Origin:
    """The options that a world is built from at first and at a reset; ``None`` where nothing was asked for."""

    scenario: str | None = None
    accounts: int | None = None
    """Generates an organization of that many accounts instead of the scenario."""
    organizational_units: int | None = None
    """How many units the generated organization has."""
    seed: int | None = None
    features: str | None = None
    partition: str | None = None

    def settled(self) -> Origin:
        """Fill in the defaults of missing options, and the whole path of a scenario file."""
        scenario = self.scenario or "demo"
        return Origin(
            scenario=str(Path(scenario).resolve()) if is_scenario_file(scenario) else scenario,
            accounts=self.accounts,
            organizational_units=self.organizational_units,
            seed=1 if self.seed is None else self.seed,
            features=self.features or "none",
            partition=self.partition or AWS.name,
        )

    def build(self, clock: Callable[[], datetime]) -> World:
        """Build the world.

        :raises ValueError: if it can't be built.
        """
        whole = self.settled()
        return build_world(
            clock=clock,
            scenario=whole.scenario or "",
            accounts=whole.accounts,
            organizational_units=whole.organizational_units,
            seed=whole.seed or 0,
            features=whole.features or "",
            partition=whole.partition or "",
        )

    def find_contradiction(self, stored: Mapping[str, Any]) -> str | None:
        """Say which requested option differs from the state file's."""
        settled = asdict(self.settled())
        for field in fields(self):
            if getattr(self, field.name) is not None and settled[field.name] != stored.get(field.name):
                return f"{field.name} {stored.get(field.name)!r} and not {settled[field.name]!r}"
        return None
