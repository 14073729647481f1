"""Opens the operator of a command, for this machine, a server, or the file of an emergency.

The code behind each is imported only when it is used: a page of help needs none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rootkeeper.cli.invocation import Invocation
from rootkeeper.errors import DatabaseError, InputError

if TYPE_CHECKING:
    from rootkeeper.cli.operator.interface import Operator
    from rootkeeper.cli.operator.local import LocalOperator


def open_operator(
    invocation: Invocation, *, creates_database: bool = True, needs_ledger: bool = True, api_share: int | None = None
) -> Operator:
    """Open the named server, or else this process; a context manager closes it.

    :param api_share: only for the user's own AWS credentials; the others as ``Invocation.open_application``.
    :raises InputError: as ``Invocation.open_server``, or if the server's share of quotas would be set.
    """
    if invocation.server_address is None:
        application = invocation.open_application(
            creates_database=creates_database, needs_ledger=needs_ledger, api_share=api_share
        )
        from rootkeeper.cli.operator.local import LocalOperator

        return LocalOperator(invocation, application)
    from rootkeeper.cli.operator.remote import RemoteOperator

    server = invocation.open_server()
    if api_share is not None:
        raise InputError(
            "--api-share needs AWS credentials of your own.", hint="On the server, use the setting aws.api_share."
        )
    return RemoteOperator(server, invocation.terminal)


def open_for_emergency(invocation: Invocation, *, leave_open: bool) -> LocalOperator:
    """Open the settings' database if it can be written; otherwise a new file for this emergency.

    :raises PermissionDeniedError: if the settings don't allow emergencies.
    :raises InputError: if the database can't be reached and the window is to stay open: nothing would close it.
    """
    from rootkeeper.cli.operator.local import LocalOperator
    from rootkeeper.composition.services import make_window_policy

    application = invocation.open_application()
    try:
        make_window_policy(application.settings.windows).require_emergencies_allowed()
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
            hint="Leave out --leave-open, so that the command waits and closes the window.",
        ) from error
    from rootkeeper.cli.operator.local import LocalOperator
    from rootkeeper.composition.application import open_emergency_application

    application, path = open_emergency_application(
        invocation.load_settings(),
        profile=invocation.options.profile,
        region=invocation.options.region,
        warn=invocation.terminal.remark,
    )
    for line in (
        f"EMERGENCY: {error.message}",
        f"The only record is {path}, a ledger of its own.",
        (
            "No server and no other command knows this window. Nothing else closes it, and nothing keeps others from "
            "working on the same account. Exceptions and windows in the database aren't known here."
        ),
        f"If this command dies, run: ROOTKEEPER_DATABASE_URL=sqlite:///{path} rootkeeper windows close ACCOUNT",
    ):
        invocation.terminal.remark(line, style="bold red")
    return LocalOperator(invocation, application, path)
