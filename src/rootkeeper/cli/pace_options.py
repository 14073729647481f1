"""The option by which a command leaves AWS's quotas to others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from rootkeeper.cli.option_sets import OptionSet


@dataclass(frozen=True, slots=True)
class PaceOptions(OptionSet):
    """How fast AWS may be called."""

    api_share: Annotated[
        int | None,
        typer.Option(
            "--api-share",
            metavar="PERCENT",
            min=1,
            max=100,
            help="Part of AWS's published request rates to use; the rest is left to other tools. Default: 80.",
        ),
    ] = None
