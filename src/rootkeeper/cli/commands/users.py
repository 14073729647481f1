"""``rootkeeper users`` and ``rootkeeper token``: they work on the database, also beside a running server.

A password comes from a hidden prompt, a file or stdin; never from an argument, which other processes and the shell's
history can show. Who has the database can set any password, so these commands may ask for one, and the API may not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rootkeeper.access.links import make_link_address
from rootkeeper.access.records import identity_to_record
from rootkeeper.access.rules import (
    Identity,
    IdentityKind,
    Permission,
    ServerRole,
    SignInWay,
    TokenScope,
    fold_name,
    make_no_password_error,
    require_scope,
)
from rootkeeper.cli.changes import ChangeContext, ChangeOptions, Confirmation
from rootkeeper.cli.invocation import Invocation, PanelGroup, add
from rootkeeper.cli.options import parse_moment
from rootkeeper.cli.outputs import LIST_OUTPUTS, ExitStatus, OutputFormat, argument, option
from rootkeeper.cli.rendering.listings import render_timestamp, show_record
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import InputError
from rootkeeper.installation import require_extra

if TYPE_CHECKING:
    from rootkeeper.access.service import IdentityService, NewLink
    from rootkeeper.composition.application import Application
    from rootkeeper.organizations.roles import RoleService

_LONGEST_FILE = 4096
_USUAL_ORIGIN = "http://localhost:8700"
_OPTION = "Give it with --password-file FILE, or - for stdin."


def read_new_password(terminal: Terminal, path: Path | None, name: str) -> str:
    """Read a password for the user of that name; from a file, the first line.

    :param path: ``-`` for stdin; ``None`` for a person at the terminal.
    :raises InputError: if it can't be read or asked for, or the two typed passwords differ.
    """
    if path is None:
        if not terminal.can_ask:
            raise InputError("No one can type a password here, because this isn't a terminal.", hint=_OPTION)
        password = terminal.ask_secret(f"New password for {name}:", "password", _OPTION)
        if terminal.ask_secret("The same password again:", "password", _OPTION) != password:
            raise InputError("The two passwords differ.", hint="Try again.")
        return password
    try:
        if path == Path("-"):
            return sys.stdin.readline(_LONGEST_FILE).rstrip("\r\n")
        with path.open(encoding="utf-8") as source:
            return source.readline(_LONGEST_FILE).rstrip("\r\n")
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.", hint=_OPTION) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} isn't UTF-8 text.", hint=_OPTION) from error


NameArgument = Annotated[str, argument("NAME", "The name, as list shows it.")]
RoleOption = Annotated[ServerRole, option("--role", "The role, which decides the permissions.")]


class IdentityAdministration:
    """The service of users and tokens, and the actor of its changes."""

    def __init__(
        self,
        invocation: Invocation,
        application: Application,
        output: OutputFormat,
        people: Application | None = None,
    ) -> None:
        """:param people: the server's, if it has several organizations and the command names one of them."""
        self.terminal, self.application, self.output = invocation.terminal, application, output
        self.identities = application.identity_service
        self.people = people

    @property
    def now(self) -> datetime:
        return self.application.clock.now()

    def announce(self, statement: str) -> None:
        """Show organization, endpoint and change, and ask nothing: the change isn't in AWS and can be undone."""
        application, actor = self.application, self.application.actor
        context = ChangeContext(application.organization_id, actor.caller_arn or actor.name, application.endpoint.label)
        Confirmation(self.terminal, context, ChangeOptions(yes=True), self.output).show_context()
        self.terminal.remark(statement)

    def show(self, *identities: Identity, empty: str = "") -> None:
        from rootkeeper.cli.rendering.identities import show_identities

        show_identities(identities, self.output, self.terminal, self.now, empty)

    def get(self, name: str) -> Identity:
        """Return the user or token of that name, which exists."""
        return next(
            found for found in self.identities.store.list_identities() if fold_name(found.name) == fold_name(name)
        )

    @property
    def roles(self) -> RoleService | None:
        """Gives roles in the organization to the server's people; ``None`` if the users are its own."""
        from rootkeeper.organizations.roles import RoleService

        return None if self.people is None else RoleService(self.people.identity_service, self.identities)

    def describe_addition(self, change: str, name: str, role: ServerRole) -> str:
        """:param change: what happens to a user who is unknown, such as ``Add``."""
        if self.people is None:
            return f"{change} the user {name} with the role {role.value}."
        known = self.people.identity_service.store.find(name)
        before = "" if known is not None else f"{change} the user {name} to the server. "
        return f"{before}Give the server's user {name} the role {role.value} in this organization."

    def require_signs_in_here(self, name: str) -> None:
        """:raises InputError: if the user signs in at the server of several organizations, once for all of them."""
        found = self.identities.store.get(name)
        if self.people is not None and found.signs_in_by is not SignInWay.PASSWORD:
            raise make_no_password_error(found.name, SignInWay.SERVER)


@contextmanager
def open_identity_administration(
    invocation: Invocation, *outputs: OutputFormat, kind: IdentityKind = IdentityKind.USER
) -> Iterator[IdentityAdministration]:
    """Open the service of users and tokens: of several organizations, that of the people who sign in once for all.

    :param kind: a token is always of an organization.
    :raises InputError: if the output isn't one of ``outputs``.
    """
    require_extra("server")
    output = invocation.choose_output(*(outputs or LIST_OUTPUTS))
    if kind is IdentityKind.USER and invocation.list_several():
        from rootkeeper.organizations.front import open_people

        invocation.require_no_server()
        with open_people(invocation.options.config, invocation.terminal.remark) as application:
            yield IdentityAdministration(invocation, application, output)
        return
    with invocation.open_application() as application:
        application.use_known_organization()
        with _open_people(invocation, kind) as people:
            yield IdentityAdministration(invocation, application, output, people)


def _open_people(invocation: Invocation, kind: IdentityKind) -> AbstractContextManager[Application | None]:
    """Open the people of the server, if the settings have several organizations, or had several before."""
    from rootkeeper.organizations.front import has_people
    from rootkeeper.organizations.roles import open_known_people
    from rootkeeper.settings.reading import list_organizations

    config = invocation.options.config
    tables = () if kind is IdentityKind.TOKEN else list_organizations(config)
    if not tables or (len(tables) == 1 and not has_people(config)):
        return nullcontext()
    return open_known_people(config, invocation.terminal.remark)


def list_kind(invocation: Invocation, kind: IdentityKind, empty: str) -> int:
    with open_identity_administration(invocation, kind=kind) as administration:
        found = administration.identities.store.list_identities()
        administration.show(*(identity for identity in found if identity.kind is kind), empty=empty)
    return ExitStatus.GOOD


def change_one(
    invocation: Invocation,
    change: ChangeOptions,
    statement: str | Callable[[IdentityAdministration], str],
    make: Callable[[IdentityAdministration], Identity],
    kind: IdentityKind = IdentityKind.USER,
) -> int:
    """Announce a change of a user or token, make it, and show the result; a dry run only announces it."""
    with open_identity_administration(invocation, kind=kind) as administration:
        administration.announce(statement if isinstance(statement, str) else statement(administration))
        if not change.dry_run:
            administration.show(make(administration))
    return ExitStatus.GOOD


def disable_one(invocation: Invocation, change: ChangeOptions, name: str, kind: IdentityKind) -> int:
    statement = f"Disable the {kind.value} {name}."
    return change_one(invocation, change, statement, lambda opened: opened.identities.disable(name, kind), kind)


PasswordOption = Annotated[
    Path | None, option("--password-file FILE", "A file with the password in its first line; - for stdin.")
]


def add_user(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    name: Annotated[str, argument("NAME", "The name; the ledger, approvals and CloudTrail show it.")],
    role: RoleOption,
    password_file: PasswordOption = None,
) -> int:
    """Add a user who signs in to a server with a password, such as a first administrator.

    With invite, the password stays with the user alone.

    Works beside a running server. It asks for the password at a terminal, and for no confirmation, because nothing
    changes in AWS.

    With --organization on a server of several organizations, gives the server's user of that name the role in that
    organization. Only a user whom the server doesn't know is added to it, and needs a password.

    Changes: nothing in AWS; stores the user with an argon2 hash of the password in the database, and records who added
    it in the ledger.

    AWS permissions: none for a database that knows its organization; otherwise organizations:DescribeOrganization.

    Exit statuses: 0 added; 2 wrong usage, or the name is taken; 3 the database or the ledger refused.
    """

    def make(administration: IdentityAdministration) -> Identity:
        roles = administration.roles
        if roles is not None:
            return roles.give(name, role, lambda: add_with_password(roles.people, ServerRole.VIEWER))
        return add_with_password(administration.identities, role)

    def add_with_password(identities: IdentityService, role: ServerRole) -> Identity:
        return identities.add_user(name, role, read_new_password(invocation.terminal, password_file, name))

    return change_one(invocation, change, lambda opened: opened.describe_addition("Add", name, role), make)


def invite_user(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    name: Annotated[str, argument("NAME", "The name or e-mail address; the ledger, approvals and CloudTrail show it.")],
    role: RoleOption,
) -> int:
    """Invite a user by a link that works once, within 24 hours. It is written to stdout and can't be shown again.

    The person opens the link and sets a password, which no one else knows; then a second factor, if the role needs one.
    Works beside a running server. The link begins with the setting server.public_url.

    With --organization on a server of several organizations, gives the server's user of that name the role in that
    organization. Only a user whom the server doesn't know is invited to it, and gets a link.

    Changes: nothing in AWS; stores the user with the hash of the link, and the ledger records who invited the user.

    AWS permissions: none for a database that knows its organization; otherwise organizations:DescribeOrganization.

    Exit statuses: 0 invited; 2 wrong usage, or the name is taken; 3 the database or the ledger refused.
    """

    def make(administration: IdentityAdministration) -> tuple[Identity, str | None]:
        roles = administration.roles
        links: list[NewLink] = []
        if roles is None:
            made = administration.identities.invite(name, role)
            return made.identity, made.token

        def add() -> Identity:
            links.append(roles.people.invite(name, ServerRole.VIEWER))
            return links[0].identity

        given = roles.give(name, role, add)
        return (replace(given, link_ends_at=links[0].identity.link_ends_at), links[0].token) if links else (given, None)

    return _make_link(invocation, change, lambda opened: opened.describe_addition("Invite", name, role), make)


def reset_user(invocation: Invocation, change: ChangeOptions, *, name: NameArgument) -> int:
    """Make a link for a user's new password. The old password and all sign-ins end now, not when the link is used.

    The link works once, within 24 hours, and until a newer link is made. It is written to stdout and can't be shown
    again. Second factors stay. First make sure that this user asks for it.

    Changes: nothing in AWS; password, link and sign-ins in the database, and the ledger records who did it.

    AWS permissions: none for a database that knows its organization; otherwise organizations:DescribeOrganization.

    Exit statuses: 0 made; 2 wrong usage, or there is no such user; 3 the database or the ledger refused.
    """
    statement = f"End the password and all sign-ins of {name}, and make a link for a new password."

    def make(administration: IdentityAdministration) -> tuple[Identity, str | None]:
        administration.require_signs_in_here(name)
        made = administration.identities.reset_by_link(name)
        return made.identity, made.token

    return _make_link(invocation, change, lambda _: statement, make)


def _make_link(
    invocation: Invocation,
    change: ChangeOptions,
    describe: Callable[[IdentityAdministration], str],
    make: Callable[[IdentityAdministration], tuple[Identity, str | None]],
) -> int:
    """Make a link, and show it. A user who is known to the server of several organizations needs none."""
    with open_identity_administration(invocation, OutputFormat.TABLE, OutputFormat.JSON) as administration:
        administration.announce(describe(administration))
        if change.dry_run:
            return ExitStatus.GOOD
        identity, token = make(administration)
        public = (administration.people or administration.application).settings.server.public_address
        origin = _USUAL_ORIGIN if public is None else public.origin
        link = None if token is None else make_link_address(origin, token)
        if administration.output is OutputFormat.JSON:
            record = {**identity_to_record(identity, administration.now), "link": link}
            show_record(record, administration.output, invocation.terminal)
        elif link is not None:
            invocation.terminal.write(f"{link}\n")
    if link is None:
        invocation.terminal.remark(f"{identity.name} signs in at the server as before, and needs no link.")
        return ExitStatus.GOOD
    invocation.terminal.remark(
        f"Give the link to {identity.name} over a secure channel. It works once, within 24 hours, and isn't shown "
        "again."
    )
    if public is None:
        invocation.terminal.remark(f"If the server isn't at {_USUAL_ORIGIN}, replace the address before /set-password.")
    return ExitStatus.GOOD


def list_users(invocation: Invocation) -> int:
    """List users, also disabled users.

    With --organization, those of the organization; without it, on a server of several, the people who sign in there.

    Changes: nothing.

    AWS permissions: none for a database that knows its organization; otherwise organizations:DescribeOrganization.

    Exit statuses: 0 shown; 2 wrong usage; 3 the database refused.
    """
    return list_kind(invocation, IdentityKind.USER, "No users. Invite one: rootkeeper users invite NAME --role ROLE")


def disable_user(invocation: Invocation, change: ChangeOptions, *, name: NameArgument) -> int:
    """Disable a user and end all sign-ins of that user.

    With --organization on a server of several organizations, the user has no role in that one any more, but signs in.
    The name stays taken, because ledger entries name it.

    Changes: nothing in AWS; the user in the database, and the ledger records who did it.

    AWS permissions: none for a database that knows its organization; otherwise organizations:DescribeOrganization.

    Exit statuses: 0 disabled; 2 wrong usage, or there is no such user; 3 the database or the ledger refused.
    """
    return disable_one(invocation, change, name, IdentityKind.USER)


def set_role(invocation: Invocation, change: ChangeOptions, *, name: NameArgument, role: RoleOption) -> int:
    """Give a user another role, from the next request on.

    Changes: nothing in AWS; the user in the database, and the ledger records who did it.

    AWS permissions: none for a database that knows its organization; otherwise organizations:DescribeOrganization.

    Exit statuses: 0 done; 2 wrong usage, or there is no such user; 3 the database or the ledger refused.
    """
    statement = f"Give the user {name} the role {role.value}."
    return change_one(
        invocation, change, statement, lambda opened: (opened.roles or opened.identities).set_role(name, role)
    )


def set_password(
    invocation: Invocation, change: ChangeOptions, *, name: NameArgument, password_file: PasswordOption = None
) -> int:
    """Give a user another password and end all sign-ins of that user.

    With reset, the password stays with the user alone.

    Changes: nothing in AWS; the hash of the password in the database, and the ledger records who did it.

    AWS permissions: none for a database that knows its organization; otherwise organizations:DescribeOrganization.

    Exit statuses: 0 done; 2 wrong usage, or there is no such user; 3 the database or the ledger refused.
    """

    def make(administration: IdentityAdministration) -> Identity:
        administration.require_signs_in_here(name)
        password = read_new_password(invocation.terminal, password_file, name)
        return administration.identities.set_password(name, password)

    return change_one(invocation, change, f"Give the user {name} another password.", make)


def sign_out(invocation: Invocation, change: ChangeOptions, *, name: NameArgument) -> int:
    """End all sign-ins of a user, in browsers and of the command line. API tokens stay valid.

    Works beside a running server, from the next request on.

    Changes: nothing in AWS; sign-ins in the database, and the ledger records who did it.

    AWS permissions: none for a database that knows its organization; otherwise organizations:DescribeOrganization.

    Exit statuses: 0 ended; 2 wrong usage, or there is no such user; 3 the database or the ledger refused.
    """

    def make(administration: IdentityAdministration) -> Identity:
        administration.require_signs_in_here(name)
        ended = administration.application.session_ender.sign_out(name)
        invocation.terminal.remark(f"{ended} ended.")
        return administration.get(name)

    return change_one(invocation, change, f"End all sign-ins of {name}.", make)


def reset_factors(invocation: Invocation, change: ChangeOptions, *, name: NameArgument) -> int:
    """Remove all second factors of a user who has lost them. All sign-ins end.

    The user sets up a new factor with the next password sign-in. First make sure that this user asks for it.

    Changes: nothing in AWS; factors and sign-ins in the database, and the ledger records who did it.

    AWS permissions: none for a database that knows its organization; otherwise organizations:DescribeOrganization.

    Exit statuses: 0 done; 2 wrong usage, or there is no such user; 3 the database or the ledger refused.
    """

    def make(administration: IdentityAdministration) -> Identity:
        administration.require_signs_in_here(name)
        removed = administration.application.factor_service.reset(name)
        invocation.terminal.remark(f"{removed} removed.")
        return administration.get(name)

    return change_one(invocation, change, f"Remove all second factors of {name}.", make)


def create_token(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    name: Annotated[str, option("--name NAME", "The name; the ledger, approvals and CloudTrail show it.")],
    role: RoleOption,
    expires: Annotated[str | None, option("--expires DATE", "When it ends, such as 2026-12-31 or 90d.")] = None,
    permission: Annotated[
        list[Permission] | None,
        option("--permission PERMISSION", "Limit it to this permission of its role; repeatable."),
    ] = None,
    organizational_unit: Annotated[
        list[str] | None,
        option("--organizational-unit OU", "Limit it to accounts below this unit: an id or a path; repeatable."),
    ] = None,
) -> int:
    """Create an API token. It is written to stdout once and can't be shown again.

    Works beside a running server. It asks for no confirmation, because nothing changes in AWS.

    Changes: nothing in AWS; stores the hash of the token in the database, and the ledger records who created it.

    AWS permissions: none for a database that knows its organization; otherwise organizations:DescribeOrganization.

    Exit statuses: 0 created; 2 wrong usage, or the name is taken; 3 the database or the ledger refused.
    """
    outputs = (OutputFormat.TABLE, OutputFormat.JSON)
    with open_identity_administration(invocation, *outputs, kind=IdentityKind.TOKEN) as administration:
        end = None if expires is None else parse_moment(expires, "--expires", administration.now, day_ends=True)
        scope = TokenScope(frozenset(permission) if permission else None, tuple(organizational_unit or ()))
        require_scope(role, scope)
        units = ", ".join(scope.organizational_units)
        limits = f", limited to {', '.join(sorted(scope.permissions))}" if scope.permissions is not None else ""
        limits += f", for accounts below {units}" if units else ""
        until = ", without an end date" if end is None else f", until {render_timestamp(end)}"
        administration.announce(f"Create the token {name} with the role {role.value}{limits}{until}.")
        if change.dry_run:
            return ExitStatus.GOOD
        made = administration.identities.create_token(name, role, end, scope)
        if administration.output is OutputFormat.TABLE:
            invocation.terminal.write(f"{made.token}\n")
        else:
            record = {"token": made.token, "identity": identity_to_record(made.identity, administration.now)}
            show_record(record, administration.output, invocation.terminal)
    invocation.terminal.remark("Store it safely; it isn't shown again. To use it: export ROOTKEEPER_TOKEN=…")
    return ExitStatus.GOOD


def list_tokens(invocation: Invocation) -> int:
    """List tokens, also expired tokens, without their secrets.

    Changes: nothing.

    AWS permissions: none for a database that knows its organization; otherwise organizations:DescribeOrganization.

    Exit statuses: 0 shown; 2 wrong usage; 3 the database refused.
    """
    empty = "No tokens. Create one: rootkeeper token create --role ROLE --name NAME"
    return list_kind(invocation, IdentityKind.TOKEN, empty)


def revoke_token(invocation: Invocation, change: ChangeOptions, *, name: NameArgument) -> int:
    """Revoke a token.

    The name stays taken, because ledger entries name it.

    Changes: nothing in AWS; the token in the database, and the ledger records who did it.

    AWS permissions: none for a database that knows its organization; otherwise organizations:DescribeOrganization.

    Exit statuses: 0 revoked; 2 wrong usage, or there is no such token; 3 the database or the ledger refused.
    """
    return disable_one(invocation, change, name, IdentityKind.TOKEN)


application = PanelGroup(help="Manage users who sign in to a server.")
add(application, invite_user, "invite")
add(application, add_user, "add")
add(application, list_users, "list")
add(application, disable_user, "disable")
add(application, set_role, "set-role")
add(application, reset_user, "reset")
add(application, set_password, "set-password")
add(application, sign_out, "sign-out")
add(application, reset_factors, "reset-factors")
token_application = PanelGroup(help="Manage API tokens of a server.")
add(token_application, create_token, "create")
add(token_application, list_tokens, "list")
add(token_application, revoke_token, "revoke")
