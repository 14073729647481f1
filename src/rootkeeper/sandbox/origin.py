"""What a world is built from, and how that fits what a state file holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from rootkeeper.sandbox.scenarios import build_world, is_scenario_file
from rootkeeper.sandbox.state import World


@dataclass(frozen=True, slots=True)
class Origin:
    """What a world was built from at first, and is again at a reset; ``None`` where nothing was asked for."""

    scenario: str | None = None
    accounts: int | None = None
    """Generates an organization of that many accounts instead of the scenario."""
    organizational_units: int | None = None
    """How many units the generated organization has."""
    seed: int | None = None
    features: str | None = None

    def settled(self) -> Origin:
        """Put the usual in the place of what wasn't asked for, and the whole path of a scenario file."""
        scenario = self.scenario or "demo"
        return Origin(
            scenario=str(Path(scenario).resolve()) if is_scenario_file(scenario) else scenario,
            accounts=self.accounts,
            organizational_units=self.organizational_units,
            seed=1 if self.seed is None else self.seed,
            features=self.features or "none",
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
        )

    def find_contradiction(self, stored: Mapping[str, Any]) -> str | None:
        """Say where what was asked for isn't what a state file holds."""
        settled = asdict(self.settled())
        for field in fields(self):
            if getattr(self, field.name) is not None and settled[field.name] != stored.get(field.name):
                return f"{field.name} {stored.get(field.name)!r} and not {settled[field.name]!r}"
        return None
