"""What a sandbox starts with: the demo organization, or a generated one of any size."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rootkeeper.sandbox.scenarios.demo import build_demo
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
    seed: int = 1,
    features: str = "none",
) -> World:
    """Build the world that a sandbox starts with; the same arguments give the same ids and keys.

    With ``accounts`` an organization of that many accounts is generated and ``scenario`` doesn't count. Dates are
    relative to the clock. ``features`` other than ``none`` turn trusted access on, too.

    :raises ValueError: if the scenario or feature set is unknown or the number of accounts too small.
    """
    if features not in FEATURES:
        raise ValueError(f"features must be one of {', '.join(FEATURES)}, not {features!r}.")
    if accounts is not None:
        world = build_generated(accounts, seed, clock)
    elif scenario == "demo":
        world = build_demo(clock)
    else:
        raise ValueError(f"there is no scenario {scenario!r}; known: demo.")
    if FEATURES[features]:
        world.organization.features.update(FEATURES[features])
        world.organization.trusted_services[IAM_SERVICE_PRINCIPAL] = clock()
    return world
