"""What users and token share, and where a password comes from.

Where a password comes from: hidden at a terminal, a new one typed twice; a file, stdin.

Never from the command line itself, which other processes can see, and shells remember.

What ``users`` and ``token`` share: they work on the database, beside a running server too, mostly without AWS.
"""

from __future__ import annotations

import getpass
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.access.rules import Identity, IdentityKind, ServerRole, fold_name
from rootkeeper.cli.changes import ChangeContext, ChangeOptions, Confirmation
from rootkeeper.cli.invocation import Invocation
from rootkeeper.cli.outputs import ExitStatus, OutputFormat
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import InputError
from rootkeeper.evidence.windows import printable

if TYPE_CHECKING:
    from datetime import datetime

    from rootkeeper.access.factors import FactorService
    from rootkeeper.access.service import IdentityService, SessionEnder
    from rootkeeper.composition.application import Application, LedgerIdentity


_STDIN = Path("-")


_LONGEST_FILE = 4096


_OPTION = "Give it with --password-file FILE, or - for stdin."


def read_new_password(terminal: Terminal, path: Path | None, name: str) -> str:
    """A password for the user of that name; of a file the first line.

    :param path: ``-`` for stdin; ``None`` for a person at the terminal.
    :raises InputError: if it can't be read or asked for, or the two that were typed differ.
    """
    if path is None:
        return _ask_twice(terminal, name)
    try:
        if path == _STDIN:
            return _first_line(sys.stdin.readline(_LONGEST_FILE))
        with path.open(encoding="utf-8") as source:
            return _first_line(source.readline(_LONGEST_FILE))
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.", hint=_OPTION) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} isn't text.", hint=_OPTION) from error


def _first_line(text: str) -> str:
    return text.rstrip("\r\n")


def _ask_twice(terminal: Terminal, name: str) -> str:
    if not terminal.can_ask:
        raise InputError("Nobody can be asked for a password here, since this isn't a terminal.", hint=_OPTION)
    password = ask_password(f"New password for {name}:", _OPTION)
    if ask_password("The same again:", _OPTION) != password:
        raise InputError("The two passwords differ.", hint="Try again.")
    return password


def ask_password(question: str, hint: str) -> str:
    """What somebody types at the terminal, where nobody sees it.

    :param hint: how else it can be given.
    :raises InputError: if it would be seen, or nothing is typed any more.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(f"{printable(question)} ", stream=sys.stderr)
        except (EOFError, getpass.GetPassWarning) as error:
            raise InputError("The password can't be asked for here without showing it.", hint=hint) from error


OUTPUTS = (OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)


NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The name, as list shows it.")]


RoleOption = Annotated[ServerRole, typer.Option("--role", help="What it may do.")]


@dataclass(frozen=True, slots=True)
class IdentityAdministration:
    """Where users and tokens are kept, and in whose name."""

    invocation: Invocation
    application: Application
    output: OutputFormat
    keeping: IdentityService
    context: ChangeContext
    who: LedgerIdentity

    @property
    def factor_service(self) -> FactorService:
        return self.application.factor_service_as(self.who)

    @property
    def session_ender(self) -> SessionEnder:
        return self.application.session_ender_as(self.who)

    @property
    def now(self) -> datetime:
        return self.application.clock.now()

    def announce(self, statement: str) -> None:
        """Name organization and endpoint, and what is done to which. Nobody is asked: it changes nothing in AWS, and
        can be taken back.
        """
        terminal = self.invocation.terminal
        Confirmation(terminal, self.context, yes=True, output=self.output).show_context()
        terminal.remark(statement)

    def show(self, identities: tuple[Identity, ...], empty: str = "") -> None:
        """Write them to stdout."""
        from rootkeeper.cli.rendering.identities import show_identities

        show_identities(identities, self.output, self.invocation.terminal, self.now, empty)

    def show_one(self, name: str) -> None:
        """Write the one of that name to stdout."""
        self.show(tuple(one for one in self.keeping.list_identities() if fold_name(one.name) == fold_name(name)))


@contextmanager
def open_identity_administration(invocation: Invocation, *outputs: OutputFormat) -> Iterator[IdentityAdministration]:
    """What the commands work with.

    :raises InputError: if the output isn't one of ``outputs``.
    """
    output = invocation.choose_output(*(outputs or OUTPUTS))
    with invocation.open_application() as application:
        who = application.ledger_identity
        context = ChangeContext(who.organization_id, who.actor.caller_arn or who.actor.name, who.endpoint.label)
        yield IdentityAdministration(
            invocation, application, output, application.identity_service_as(who), context, who
        )


def list_kind(invocation: Invocation, kind: IdentityKind, empty: str) -> int:
    """Show all of one kind."""
    with open_identity_administration(invocation) as desk:
        desk.show(tuple(one for one in desk.keeping.list_identities() if one.kind is kind), empty)
    return ExitStatus.GOOD


def disable_one(invocation: Invocation, change: ChangeOptions, name: str, kind: IdentityKind) -> int:
    """Let one act no more."""
    with open_identity_administration(invocation) as desk:
        desk.announce(f"Let the {kind.value} {name} act no more.")
        if not change.dry_run:
            desk.show((desk.keeping.disable(name, kind),))
    return ExitStatus.GOOD
