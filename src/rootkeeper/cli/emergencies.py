"""``recover --emergency`` without a server: on the settings' database, or on a fresh file if it can't be reached."""

from __future__ import annotations

from pathlib import Path

from rootkeeper.cli.invocation import Invocation
from rootkeeper.cli.operator.local import LocalOperator
from rootkeeper.errors import DatabaseError, InputError


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
