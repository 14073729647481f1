"""What ``rootkeeper unlock`` is asked to do with a policy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from rootkeeper.cli.option_sets import OptionSet
from rootkeeper.domain.organizations import AccountId, parse_account_id
from rootkeeper.domain.resource_policies.changes import ChangeKind
from rootkeeper.errors import InputError

_PANEL = "What to do"


@dataclass(frozen=True, slots=True)
class UnlockOptions(OptionSet):
    """At most one of them, the failsafe's aside."""

    show: Annotated[
        bool, typer.Option("--show", help="Show the policy, as without any of these.", rich_help_panel=_PANEL)
    ] = False
    remove: Annotated[bool, typer.Option("--remove", help="Remove the policy.", rich_help_panel=_PANEL)] = False
    corrected: Annotated[
        bool,
        typer.Option("--corrected", help="Leave out the statements that lock everyone out.", rich_help_panel=_PANEL),
    ] = False
    replace: Annotated[
        Path | None,
        typer.Option("--replace", metavar="FILE", help="Put the policy in FILE.", rich_help_panel=_PANEL),
    ] = None
    restore: Annotated[
        Path | None,
        typer.Option("--restore", metavar="FILE", help="Put a copy back that was saved.", rich_help_panel=_PANEL),
    ] = None
    include_failsafe: Annotated[
        list[str] | None,
        typer.Option("--include-failsafe", metavar="ID", help="Don't spare this delegated administrator."),
    ] = None

    @property
    def included_failsafes(self) -> frozenset[AccountId]:
        return frozenset(parse_account_id(text) for text in self.include_failsafe or ())

    @property
    def file(self) -> Path | None:
        """What is put."""
        return self.replace or self.restore

    def choose_change(self, resource: str | None) -> ChangeKind | None:
        """The change asked for; ``None`` for showing.

        :raises InputError: if more than one thing is asked for, or a change of no bucket or queue.
        """
        asked = {
            ChangeKind.REMOVE: self.remove,
            ChangeKind.CORRECTED: self.corrected,
            ChangeKind.REPLACE: self.replace is not None,
            ChangeKind.RESTORE: self.restore is not None,
        }
        chosen = [change for change, is_asked in asked.items() if is_asked]
        if len(chosen) + self.show > 1:
            raise InputError("Only one of --show, --remove, --corrected, --replace and --restore can be done at once.")
        if (chosen or self.show) and resource is None:
            raise InputError(
                "Name the bucket or queue whose policy is meant.", hint="Without a name all of the account are listed."
            )
        return chosen[0] if chosen else None

    def read_file(self) -> str | None:
        """The text to put, or ``None``. Its ends of lines stay as they are, since a copy is known by its hash.

        :raises InputError: if the file can't be read.
        """
        if self.file is None:
            return None
        try:
            return self.file.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise InputError(f"The policy file {self.file} can't be read: {reason}.", hint="Check its path.") from error
