"""``rootkeeper delete``."""

from __future__ import annotations

from rootkeeper.cli.changing import begin_change
from rootkeeper.cli.confirmation import ChangeOptions
from rootkeeper.cli.deletion_options import UNUSED_DAYS, DeletionChoices
from rootkeeper.cli.invocation import Invocation, OutputFormat, single, through_server
from rootkeeper.cli.pace_options import PaceOptions
from rootkeeper.cli.selection_options import SelectionOptions
from rootkeeper.cli.wave_options import WaveOptions
from rootkeeper.domain.selection import ensure_request


@through_server
def delete(
    invocation: Invocation,
    selection: SelectionOptions,
    choices: DeletionChoices,
    waves: WaveOptions,
    pace: PaceOptions,
    change: ChangeOptions,
) -> int:
    """Delete root user credentials of member accounts.

    Reads the selected accounts, shows what would go with its last use, asks, deletes account by account and reads each
    again. What was used in the last 90 days is held back. The management account, delegated administrators, accounts
    that aren't ACTIVE, exceptions and accounts with a recovery window are never touched.

    Many accounts are dealt with at once, or in waves. Ctrl-C once finishes what is in progress and leaves a job that
    rootkeeper jobs resume goes on with; twice stops now.

    Changes: access keys, signing certificates, the console password and MFA devices of the root users, in this order.
    The accounts stay. What is gone can't be restored, except that password recovery can be allowed again.

    AWS permissions: those of rootkeeper audit, and sts:AssumeRoot with the task policy IAMDeleteRootUserCredentials.

    Exit statuses: 0 everything that was planned is gone, as a re-read shows; 1 an account was held back as recently
    used; 2 wrong usage, not confirmed, or an account was named that may not be touched; 3 AWS or the ledger refused, or
    AWS can't be reached; 4 a deletion failed or isn't proven, or it stopped before its end; 130 interrupted.
    """
    from rootkeeper.cli.deleting import (
        confirm_deletion,
        judge_dry_run,
        name_interrupted,
        run_deletion,
        show_planned,
    )
    from rootkeeper.cli.progress import open_progress

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
    request = selection.to_request()
    ensure_request(request)
    rules = waves.to_rules()
    if (server := invocation.find_server()) is not None:
        from rootkeeper.cli.on_server import deletions as on_server

        pace.ensure_none_through_server()
        body = on_server.describe_plan_request(request, choices.to_options(UNUSED_DAYS))
        return on_server.delete(invocation, server, body, rules, change)
    progress = open_progress(invocation.terminal)
    with invocation.open_application(api_share=pace.api_share) as application:
        options = choices.to_options(application.settings.deletion.recently_used_days)
        confirmation = begin_change(invocation, application, change, output, progress)
        name_interrupted(application, invocation.terminal)
        reading = application.deletion.plan(request, options, progress)
        progress.finish()
        now = application.clock.now()
        if change.dry_run:
            confirmation.show_context()
            show_planned(reading.plan, output, invocation.terminal, now, rules)
            return judge_dry_run(reading.plan)
        plan = confirm_deletion(reading.plan, confirmation, invocation.terminal, now, rules)
        return run_deletion(application, plan, rules, reading.inventory, progress, output, invocation.terminal)


application = single(delete)
