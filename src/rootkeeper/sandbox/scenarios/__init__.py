"""What a sandbox starts with: the demo organization, a scenario file, or a generated organization of any size."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from rootkeeper.sandbox.scenarios.demo import build_demo
from rootkeeper.sandbox.scenarios.examples import EXAMPLES, find_example
from rootkeeper.sandbox.scenarios.files import build_from_file
from rootkeeper.sandbox.scenarios.generated import build_generated
from rootkeeper.sandbox.state import Feature, World
from rootkeeper.sandbox.state.organization import IAM_SERVICE_PRINCIPAL

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
) -> World:
    """Build the world that a sandbox starts with; the same arguments give the same ids and keys.

    With ``accounts`` an organization of that many accounts, in that many ``organizational_units`` if said, is generated
    and ``scenario`` doesn't count. Dates are relative to the clock. ``features`` other than ``none`` turn trusted
    access on, too. ``scenario`` is ``demo``, the name of an example, or a path that ends in ``.yaml`` or ``.yml``.

    :raises ValueError: if the scenario or feature set is unknown, a number is out of range or has nothing to number, or
        the scenario file isn't in order.
    """
    if features not in FEATURES:
        raise ValueError(f"features must be one of {', '.join(FEATURES)}, not {features!r}.")
    if accounts is not None:
        world = build_generated(accounts, seed, clock, organizational_units)
    elif organizational_units is not None:
        raise ValueError("a number of organizational units needs a number of accounts.")
    elif scenario == "demo":
        world = build_demo(clock)
    elif is_scenario_file(scenario):
        world = build_from_file(Path(scenario), clock)
    elif scenario in EXAMPLES:
        world = build_from_file(find_example(scenario), clock)
    else:
        known = ", ".join(("demo", *EXAMPLES))
        raise ValueError(f"there is no scenario {scenario!r}; known: {known}, or a path that ends in .yaml.")
    if FEATURES[features]:
        world.organization.features.update(FEATURES[features])
        world.organization.trusted_services[IAM_SERVICE_PRINCIPAL] = clock()
    return world


def is_scenario_file(scenario: str) -> bool:
    """Tell whether a scenario is a path, not a name."""
    return scenario.endswith((".yaml", ".yml"))
