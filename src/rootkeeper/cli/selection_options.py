"""The options that select accounts: the same for every command that takes a selection."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from rootkeeper.cli.option_sets import OptionSet
from rootkeeper.domain.organizations import AccountState, parse_account_id
from rootkeeper.domain.selection import NamedAccount, SelectionRequest, parse_account_list, parse_tag
from rootkeeper.domain.statuses import Status
from rootkeeper.errors import InputError

_PANEL = "Selection"


@dataclass(frozen=True, slots=True)
class SelectionOptions(OptionSet):
    """Which accounts a command means."""

    accounts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ACCOUNT]...", help="Account ids or unique names.", show_default=False),
    ] = None
    ou: Annotated[
        list[str] | None,
        typer.Option(
            "--ou", metavar="ID|PATH", help="An organizational unit with everything below.", rich_help_panel=_PANEL
        ),
    ] = None
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="KEY=VALUE", help="Only accounts with this tag.", rich_help_panel=_PANEL),
    ] = None
    account_state: Annotated[
        list[AccountState] | None,
        typer.Option("--account-state", help="Only accounts in this state.", rich_help_panel=_PANEL),
    ] = None
    status: Annotated[
        list[Status] | None,
        typer.Option(
            "--status", help="Only accounts whose root user credentials have this status.", rich_help_panel=_PANEL
        ),
    ] = None
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="ACCOUNT|OU", help="Leave these out.", rich_help_panel=_PANEL),
    ] = None
    from_file: Annotated[
        Path | None,
        typer.Option("--from-file", metavar="FILE", help="Accounts from a file, one a line.", rich_help_panel=_PANEL),
    ] = None
    all_accounts: Annotated[
        bool, typer.Option("--all", help="Every account of the organization.", rich_help_panel=_PANEL)
    ] = False
    include_failsafe: Annotated[
        list[str] | None,
        typer.Option(
            "--include-failsafe", metavar="ID", help="Don't spare this delegated administrator.", rich_help_panel=_PANEL
        ),
    ] = None

    def to_request(self) -> SelectionRequest:
        """What was asked for, as far as that can be read without the organization.

        :raises InputError: if a file can't be read, or an option can't be understood.
        """
        named = [NamedAccount(text) for text in self.accounts or ()]
        for entry in named:
            _require_plausible(entry.text)
        return SelectionRequest(
            named=(*named, *_read_file(self.from_file)),
            organizational_units=tuple(self.ou or ()),
            tags=tuple(parse_tag(text) for text in self.tag or ()),
            account_states=frozenset(self.account_state or ()),
            statuses=frozenset(self.status or ()),
            excluded=tuple(self.exclude or ()),
            everything=self.all_accounts,
            included_failsafes=frozenset(parse_account_id(text) for text in self.include_failsafe or ()),
        )


def _require_plausible(text: str) -> None:
    """Digits alone are meant as an id: a wrong one is told before any call."""
    if text.isdigit():
        parse_account_id(text)


def _read_file(path: Path | None) -> tuple[NamedAccount, ...]:
    if path is None:
        return ()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it isn't UTF-8 text"
        raise InputError(f"{path} can't be read: {why}.", hint="Give a text file with one account a line.") from error
    return parse_account_list(text, str(path))
