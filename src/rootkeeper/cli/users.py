"""``rootkeeper users``: who may sign in to a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rootkeeper.cli.confirmation import ChangeOptions
from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.identities import NameArgument, RoleOption, disable_one, list_kind, open_identity_administration
from rootkeeper.cli.invocation import Invocation, add, group
from rootkeeper.cli.passwords import read_new_password
from rootkeeper.domain.access import IdentityKind

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


application = group("Keep users who sign in to a server.")
add(application, add_user, "add")
add(application, list_users, "list")
add(application, disable_user, "disable")
add(application, set_role, "set-role")
add(application, set_password, "set-password")
add(application, sign_out, "sign-out")
add(application, reset_factors, "reset-factors")
