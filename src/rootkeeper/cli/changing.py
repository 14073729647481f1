"""How every command that changes something begins: somebody must be able to say yes, then leftovers are dealt with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rootkeeper.cli.confirmation import ChangeContext, ChangeOptions, Confirmation
from rootkeeper.cli.housekeeping import prepare_for_changes, warn_overdue
from rootkeeper.cli.invocation import Invocation, OutputFormat
from rootkeeper.errors import DatabaseError, LedgerUnavailableError

if TYPE_CHECKING:
    from rootkeeper.bootstrap import Application
    from rootkeeper.ports.progress import Progress


def begin_change(
    invocation: Invocation,
    application: Application,
    options: ChangeOptions,
    output: OutputFormat,
    progress: Progress,
    *,
    needs_ledger: bool = True,
    changes_aws: bool = True,
) -> Confirmation:
    """Prepare a change, or only name what is overdue for a dry run.

    :param needs_ledger: ``False`` for closing a window: leftovers wait where the ledger can't be written.
    :param changes_aws: ``False`` for what only writes something down: it works beside a running server, to which
        leftovers belong then.
    :raises InputError: if nobody can confirm; nothing was done.
    :raises ServerRunningError: if a server runs on the same SQLite file, and AWS would be changed beside it.
    """
    confirmation = _open_confirmation(invocation, application, options, output)
    if options.dry_run:
        warn_overdue(application, invocation.terminal)
    else:
        confirmation.require_answerable()
        if not changes_aws and application.find_running_server() is not None:
            return confirmation
        application.require_no_server_runs()
        try:
            prepare_for_changes(application, invocation.terminal, progress)
        except (DatabaseError, LedgerUnavailableError) as error:
            if needs_ledger:
                raise
            invocation.terminal.remark(f"What earlier commands left behind has to wait: {error.message}", "bold red")
    return confirmation


def _open_confirmation(
    invocation: Invocation, application: Application, options: ChangeOptions, output: OutputFormat
) -> Confirmation:
    context = ChangeContext(
        organization_id=application.organization.organization_id,
        caller_arn=application.caller.arn,
        endpoint=application.endpoint.label,
    )
    return Confirmation(invocation.terminal, context, yes=options.yes, output=output)
