"""``rootkeeper token``: API tokens of a server, each an identity of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from rootkeeper.cli.confirmation import ChangeOptions
from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.identities import NameArgument, RoleOption, disable_one, list_kind, open_identity_administration
from rootkeeper.cli.invocation import Invocation, OutputFormat, add, group
from rootkeeper.cli.moments import parse_moment
from rootkeeper.cli.rendering.listings import SCHEMA_VERSION
from rootkeeper.cli.rendering.text import json_text, render_timestamp
from rootkeeper.domain.access import IdentityKind, Permission, TokenScope, require_scope
from rootkeeper.domain.identity_records import identity_to_record
from rootkeeper.workflows.access import NewToken


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


application = group("Keep API tokens of a server.")
add(application, create_token, "create")
add(application, list_tokens, "list")
add(application, revoke_token, "revoke")
