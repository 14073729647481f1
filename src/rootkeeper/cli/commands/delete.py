"""``rootkeeper delete``."""

from __future__ import annotations

from rootkeeper.access.rules import Permission
from rootkeeper.cli.changes import ChangeOptions
from rootkeeper.cli.invocation import Invocation, single, through_server
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import DeletionChoices, PaceOptions, SelectionOptions, WaveOptions
from rootkeeper.organization.selection import require_request


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
    from rootkeeper.cli.deleting import DELETION_OUTPUTS, agree_and_delete, show_interrupted

    output = invocation.choose_output(*DELETION_OUTPUTS)
    request = selection.to_request()
    require_request(request)
    rules = waves.to_rules()
    with open_operator(invocation, api_share=pace.api_share) as operator:
        options = choices.to_options(operator.recently_used_days)
        confirmation = operator.begin_change(change, output, Permission.ROOT_CREDENTIALS_DELETE)
        show_interrupted(operator)
        proposal = operator.plan_deletion(request, options)
        return agree_and_delete(invocation, operator, proposal, rules, change, confirmation)


application = single(delete)
