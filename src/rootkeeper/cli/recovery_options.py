"""What somebody says who asks for a recovery window: the same for ``recover`` and ``windows request``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import typer

from rootkeeper.cli.option_sets import OptionSet
from rootkeeper.domain.durations import parse_duration
from rootkeeper.domain.openings import WindowRequest
from rootkeeper.domain.windows import SHORTEST_DURATION


@dataclass(frozen=True, slots=True)
class RecoveryOptions(OptionSet):
    """For what, by which ticket, for how long, and whether it is a drill."""

    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="An account id or unique name.")]
    reason: Annotated[str, typer.Option("--reason", help="What the root user is needed for.")]
    ticket: Annotated[str | None, typer.Option("--ticket", help="The ticket or change number.")] = None
    duration: Annotated[str, typer.Option("--for", metavar="LENGTH", help="How long, from 10s to 72h.")] = "4h"
    drill: Annotated[bool, typer.Option("--drill", help="Mark it as a drill; everything else is the same.")] = False

    def to_request(self, longest: timedelta, *, is_emergency: bool) -> WindowRequest:
        """What the options ask for.

        :raises InputError: if the length can't be understood.
        """
        length = parse_duration(self.duration, option="--for", shortest=SHORTEST_DURATION, longest=longest)
        return WindowRequest(
            account=self.account,
            reason=self.reason,
            ticket=self.ticket,
            duration_seconds=int(length.total_seconds()),
            is_drill=self.drill,
            is_emergency=is_emergency,
        )
