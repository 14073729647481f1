"""The options that say in which waves a deletion goes, for ``delete`` and ``apply``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import typer

from rootkeeper.cli.option_sets import OptionSet
from rootkeeper.domain.durations import parse_duration
from rootkeeper.domain.waves import WaveRules
from rootkeeper.errors import InputError

_PANEL = "Waves"
_LONGEST_PAUSE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class WaveOptions(OptionSet):
    """How carefully many accounts are dealt with."""

    canary: Annotated[
        int | None,
        typer.Option(
            "--canary",
            metavar="N",
            help="The first N accounts go alone; unless all of them succeed, no other is begun.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    wave: Annotated[
        int | None,
        typer.Option("--wave", metavar="N", help="So many accounts at a time.", rich_help_panel=_PANEL),
    ] = None
    pause: Annotated[
        str | None,
        typer.Option("--pause", metavar="LENGTH", help="Wait between waves, such as 30s.", rich_help_panel=_PANEL),
    ] = None
    stop_after_failures: Annotated[
        int | None,
        typer.Option(
            "--stop-after-failures",
            metavar="N",
            help="Begin no further account once N have failed or aren't proven.",
            rich_help_panel=_PANEL,
        ),
    ] = None

    def to_rules(self) -> WaveRules:
        """What was asked for.

        :raises InputError: if a number isn't positive, or a pause has nothing to stand between.
        """
        for option, number in (
            ("--canary", self.canary),
            ("--wave", self.wave),
            ("--stop-after-failures", self.stop_after_failures),
        ):
            if number is not None and number < 1:
                raise InputError(
                    f"{option} is {number}, but it counts accounts.", hint="Give 1 or more, or leave it out."
                )
        if self.pause is not None and self.wave is None and self.canary is None:
            raise InputError("--pause stands between waves, and there are none.", hint="Add --canary N or --wave N.")
        return WaveRules(self.canary or 0, self.wave, self._parse_pause(), self.stop_after_failures)

    def _parse_pause(self) -> int:
        if self.pause is None:
            return 0
        pause = parse_duration(self.pause, option="--pause", shortest=timedelta(seconds=1), longest=_LONGEST_PAUSE)
        return int(pause.total_seconds())
