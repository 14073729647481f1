"""How every command that changes something begins: somebody must be able to say yes, then leftovers are dealt with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rootkeeper.cli.confirmation import ChangeContext, ChangeOptions, Confirmation
from rootkeeper.cli.housekeeping import deal_with_leftovers, name_overdue
from rootkeeper.cli.invocation import Invocation, OutputFormat

if TYPE_CHECKING:
    from rootkeeper.bootstrap import Application
    from rootkeeper.ports.progress import Progress


def begin_change(
    invocation: Invocation, application: Application, options: ChangeOptions, output: OutputFormat, progress: Progress
) -> Confirmation:
    """Prepare a change, or only name what is overdue for a dry run.

    :raises InputError: if nobody can confirm; nothing was done.
    """
    confirmation = _open_confirmation(invocation, application, options, output)
    if options.dry_run:
        name_overdue(application, invocation.terminal)
    else:
        confirmation.ensure_answerable()
        deal_with_leftovers(application, invocation.terminal, progress)
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
