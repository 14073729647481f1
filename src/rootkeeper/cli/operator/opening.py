"""Opens what a command works through: this machine, a server, or the file of an emergency.

Each is imported when it is used."""

from __future__ import annotations

from pathlib import Path

from rootkeeper.cli.invocation import Invocation
from rootkeeper.cli.operator.interface import Operator
from rootkeeper.cli.operator.local import LocalOperator
from rootkeeper.errors import DatabaseError, InputError


def open_operator(
    invocation: Invocation, *, creates_database: bool = True, needs_ledger: bool = True, api_share: int | None = None
) -> Operator:
    """What the command works through: the server that is named, or else this process; a context manager.

    :param api_share: belongs to AWS credentials of one's own; the others too, see ``Invocation.open_application``.
    :raises InputError: as ``Invocation.open_server``, or if the server's share of quotas would be set.
    """
    if invocation.server_address is None:
        from rootkeeper.cli.operator.local import LocalOperator

        application = invocation.open_application(
            creates_database=creates_database, needs_ledger=needs_ledger, api_share=api_share
        )
        return LocalOperator(invocation, application)
    from rootkeeper.cli.operator.remote import RemoteOperator

    server = invocation.open_server()
    if api_share is not None:
        raise InputError(
            "--api-share is for AWS credentials of your own.", hint="On the server it is the setting aws.api_share."
        )
    return RemoteOperator(server, invocation.terminal)


def open_for_emergency(invocation: Invocation, *, leave_open: bool) -> LocalOperator:
    """The settings' database, if it can be written; else a file of this emergency's own.

    :raises PermissionDeniedError: if the settings don't allow emergencies.
    :raises InputError: if the database can't be reached, and the window was to be left open: nothing would close it.
    """
    application = invocation.open_application()
    try:
        application.window_policy.require_emergencies_allowed()
        _ = application.owner
    except DatabaseError as error:
        application.close()
        return _open_file(invocation, error, leave_open=leave_open)
    except BaseException:
        application.close()
        raise
    return LocalOperator(invocation, application)


def _open_file(invocation: Invocation, error: DatabaseError, *, leave_open: bool) -> LocalOperator:
    if leave_open:
        raise InputError(
            f"Nothing would close the window: {error.message}",
            hint="Take --leave-open away; the command waits then, and closes.",
        ) from error
    from rootkeeper.composition.application import open_emergency_application

    application, path = open_emergency_application(
        invocation.load_settings(),
        profile=invocation.options.profile,
        region=invocation.options.region,
        warn=invocation.terminal.remark,
    )
    for line in _warn(error, path):
        invocation.terminal.remark(line, style="bold red")
    return LocalOperator(invocation, application, path)


def _warn(error: DatabaseError, path: Path) -> list[str]:
    alone = "No server and no other command knows of it: nothing else closes the window, nothing keeps others from "
    blind = "working on the same account, and exceptions and windows that the database holds aren't known here."
    return [
        f"EMERGENCY: {error.message}",
        f"Everything is recorded in {path}, a ledger of its own.",
        alone + blind,
        f"Should this command die: ROOTKEEPER_DATABASE_URL=sqlite:///{path} rootkeeper windows close ACCOUNT",
    ]
