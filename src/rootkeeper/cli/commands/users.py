"""``rootkeeper users`` and ``rootkeeper token``: they work on the database, beside a running server too."""

from __future__ import annotations

import getpass
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.access.records import identity_to_record
from rootkeeper.access.rules import Identity, IdentityKind, Permission, ServerRole, TokenScope, fold_name, require_scope
from rootkeeper.access.service import NewToken
from rootkeeper.cli.changes import ChangeContext, ChangeOptions, Confirmation
from rootkeeper.cli.invocation import Invocation, add, group
from rootkeeper.cli.options import parse_moment
from rootkeeper.cli.outputs import ExitStatus, OutputFormat
from rootkeeper.cli.rendering.listings import SCHEMA_VERSION, render_timestamp
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import InputError
from rootkeeper.untrusted_text import json_text, printable

if TYPE_CHECKING:
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


PasswordOption = Annotated[
    Path | None,
    typer.Option("--password-file", metavar="FILE", help="Its first line is the password; - for stdin."),
]


def add_user(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Also shown by the ledger, approvals and CloudTrail.")],
    role: RoleOption,
    password_file: PasswordOption = None,
) -> int:
    """Add a user who signs in to a server with a password.

    Works beside a running server. Nobody is asked, since it changes nothing in AWS; at a terminal the password is asked
    for.

    Changes: nothing in AWS; the user is kept in the database, the password as an argon2 hash, and the ledger names who
    added it.

    AWS permissions: none for a database that knows its organization; else organizations:DescribeOrganization.

    Exit statuses: 0 added; 2 wrong usage, or the name is taken; 3 the database or the ledger refused.
    """
    with open_identity_administration(invocation) as desk:
        desk.announce(f"Add the user {name} with the role {role.value}.")
        if change.dry_run:
            return ExitStatus.GOOD
        password = read_new_password(invocation.terminal, password_file, name)
        desk.show((desk.keeping.add_user(name, role, password),))
    return ExitStatus.GOOD


def list_users(invocation: Invocation) -> int:
    """List users, disabled ones too.

    Changes: nothing.

    AWS permissions: none for a database that knows its organization; else organizations:DescribeOrganization.

    Exit statuses: 0 shown; 2 wrong usage; 3 the database refused.
    """
    return list_kind(invocation, IdentityKind.USER, "No users. Add one: rootkeeper users add NAME --role ROLE")


def disable_user(invocation: Invocation, change: ChangeOptions, *, name: NameArgument) -> int:
    """Let a user act no more; whoever is signed in by that name isn't any more.

    The name stays taken, since the ledger names it.

    Changes: nothing in AWS; the user in the database, and the ledger names who did it.

    AWS permissions: none for a database that knows its organization; else organizations:DescribeOrganization.

    Exit statuses: 0 disabled; 2 wrong usage, or there is none; 3 the database or the ledger refused.
    """
    return disable_one(invocation, change, name, IdentityKind.USER)


def set_role(invocation: Invocation, change: ChangeOptions, *, name: NameArgument, role: RoleOption) -> int:
    """Give a user another role; it holds from the next request on.

    Changes: nothing in AWS; the user in the database, and the ledger names who did it.

    AWS permissions: none for a database that knows its organization; else organizations:DescribeOrganization.

    Exit statuses: 0 done; 2 wrong usage, or there is none; 3 the database or the ledger refused.
    """
    with open_identity_administration(invocation) as desk:
        desk.announce(f"Give the user {name} the role {role.value}.")
        if not change.dry_run:
            desk.show((desk.keeping.set_role(name, role),))
    return ExitStatus.GOOD


def set_password(
    invocation: Invocation, change: ChangeOptions, *, name: NameArgument, password_file: PasswordOption = None
) -> int:
    """Give a user another password; whoever is signed in by that name isn't any more.

    Changes: nothing in AWS; the password's hash in the database, and the ledger names who did it.

    AWS permissions: none for a database that knows its organization; else organizations:DescribeOrganization.

    Exit statuses: 0 done; 2 wrong usage, or there is none; 3 the database or the ledger refused.
    """
    with open_identity_administration(invocation) as desk:
        desk.announce(f"Give the user {name} another password.")
        if not change.dry_run:
            password = read_new_password(invocation.terminal, password_file, name)
            desk.show((desk.keeping.set_password(name, password),))
    return ExitStatus.GOOD


def sign_out(invocation: Invocation, change: ChangeOptions, *, name: NameArgument) -> int:
    """End all sign-ins of a user, in browsers and of the command line. API tokens stay as they are.

    Works beside a running server, and holds from the next request on.

    Changes: nothing in AWS; sign-ins in the database, and the ledger names who did it.

    AWS permissions: none for a database that knows its organization; else organizations:DescribeOrganization.

    Exit statuses: 0 ended; 2 wrong usage, or there is none; 3 the database or the ledger refused.
    """
    with open_identity_administration(invocation) as desk:
        desk.announce(f"End all sign-ins of {name}.")
        if not change.dry_run:
            ended = desk.session_ender.sign_out(name)
            invocation.terminal.remark(f"{ended} ended.")
            desk.show_one(name)
    return ExitStatus.GOOD


def reset_factors(invocation: Invocation, change: ChangeOptions, *, name: NameArgument) -> int:
    """Take all second factors of a user away, for somebody who has lost them. All sign-ins end.

    With the next password the user sets up a new one: so make sure first that it is that user who asks.

    Changes: nothing in AWS; factors and sign-ins in the database, and the ledger names who did it.

    AWS permissions: none for a database that knows its organization; else organizations:DescribeOrganization.

    Exit statuses: 0 done; 2 wrong usage, or there is none; 3 the database or the ledger refused.
    """
    with open_identity_administration(invocation) as desk:
        desk.announce(f"Take all second factors of {name} away.")
        if not change.dry_run:
            removed = desk.factor_service.reset(name)
            invocation.terminal.remark(f"{removed} removed.")
            desk.show_one(name)
    return ExitStatus.GOOD


def create_token(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Also shown by the ledger, approvals and CloudTrail.")
    ],
    role: RoleOption,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="DATE", help="When it ends, such as 2026-12-31 or 90d.")
    ] = None,
    permission: Annotated[
        list[Permission] | None,
        typer.Option("--permission", metavar="PERMISSION", help="It may only that, of what its role may; repeatable."),
    ] = None,
    organizational_unit: Annotated[
        list[str] | None,
        typer.Option(
            "--organizational-unit",
            metavar="OU",
            help="What it has done is about accounts below it alone: an id, or a path; repeatable.",
        ),
    ] = None,
) -> int:
    """Make an API token. Only the token goes to stdout, this once; nobody can find it again.

    Works beside a running server. Nobody is asked, since it changes nothing in AWS.

    Changes: nothing in AWS; the token's hash is kept in the database, and the ledger names who made it.

    AWS permissions: none for a database that knows its organization; else organizations:DescribeOrganization.

    Exit statuses: 0 made; 2 wrong usage, or the name is taken; 3 the database or the ledger refused.
    """
    with open_identity_administration(invocation, OutputFormat.TABLE, OutputFormat.JSON) as desk:
        end = None if expires is None else parse_moment(expires, "--expires", desk.now, day_ends=True)
        scope = TokenScope(frozenset(permission) if permission else None, tuple(organizational_unit or ()))
        require_scope(role, scope)
        desk.announce(f"Make the token {name} with the role {role.value}{_render_scope(scope)}{_render_end(end)}.")
        if change.dry_run:
            return ExitStatus.GOOD
        made = desk.keeping.create_token(name, role, end, scope)
        invocation.terminal.write(_render(made, desk.output, desk.now))
    invocation.terminal.remark("Keep it safe: it isn't shown again. Use it: export ROOTKEEPER_TOKEN=…")
    return ExitStatus.GOOD


def _render(made: NewToken, output: OutputFormat, now: datetime) -> str:
    if output is OutputFormat.TABLE:
        return f"{made.token}\n"
    record = {"schema_version": SCHEMA_VERSION, "token": made.token, "identity": identity_to_record(made.identity, now)}
    return json_text(record, indent=2) + "\n"


def _render_scope(scope: TokenScope) -> str:
    units = f", for accounts below {', '.join(scope.organizational_units)}" if scope.organizational_units else ""
    return units if scope.permissions is None else f", limited to {', '.join(sorted(scope.permissions))}{units}"


def _render_end(end: datetime | None) -> str:
    return ", without an end" if end is None else f", until {render_timestamp(end)}"


def list_tokens(invocation: Invocation) -> int:
    """List tokens, those that have ended too; never what proves them.

    Changes: nothing.

    AWS permissions: none for a database that knows its organization; else organizations:DescribeOrganization.

    Exit statuses: 0 shown; 2 wrong usage; 3 the database refused.
    """
    empty = "No tokens. Make one: rootkeeper token create --role ROLE --name NAME"
    return list_kind(invocation, IdentityKind.TOKEN, empty)


def revoke_token(invocation: Invocation, change: ChangeOptions, *, name: NameArgument) -> int:
    """Let a token act no more.

    The name stays taken, since the ledger names it.

    Changes: nothing in AWS; the token in the database, and the ledger names who did it.

    AWS permissions: none for a database that knows its organization; else organizations:DescribeOrganization.

    Exit statuses: 0 revoked; 2 wrong usage, or there is none; 3 the database or the ledger refused.
    """
    return disable_one(invocation, change, name, IdentityKind.TOKEN)


application = group("Keep users who sign in to a server.")
add(application, add_user, "add")
add(application, list_users, "list")
add(application, disable_user, "disable")
add(application, set_role, "set-role")
add(application, set_password, "set-password")
add(application, sign_out, "sign-out")
add(application, reset_factors, "reset-factors")
token_application = group("Keep API tokens of a server.")
add(token_application, create_token, "create")
add(token_application, list_tokens, "list")
add(token_application, revoke_token, "revoke")
