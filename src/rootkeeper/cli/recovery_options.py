"""What somebody says who asks for a recovery window: the same for ``recover`` and ``windows request``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from rootkeeper.cli.option_sets import OptionSet


@dataclass(frozen=True, slots=True)
class RecoveryOptions(OptionSet):
    """For what, by which ticket, for how long, and whether it is a drill."""

    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="An account id or unique name.")]
    reason: Annotated[str, typer.Option("--reason", help="What the root user is needed for.")]
    ticket: Annotated[str | None, typer.Option("--ticket", help="The ticket or change number.")] = None
    duration: Annotated[str, typer.Option("--for", metavar="LENGTH", help="How long, from 10s to 72h.")] = "4h"
    drill: Annotated[bool, typer.Option("--drill", help="Mark it as a drill; everything else is the same.")] = False
