"""``rootkeeper exceptions``."""

from __future__ import annotations

from typing import Annotated

from rootkeeper.cli.changes import ChangeOptions, begin_change, read_account, warn_overdue
from rootkeeper.cli.invocation import Invocation, PanelGroup, add
from rootkeeper.cli.options import AccountArgument, parse_moment
from rootkeeper.cli.outputs import LIST_OUTPUTS, ExitStatus, option
from rootkeeper.cli.progress import open_progress
from rootkeeper.cli.rendering.listings import render_timestamp


def add_exception(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    account: AccountArgument,
    owner: Annotated[str, option("--owner", "Who is responsible for it.")],
    reason: Annotated[str, option("--reason", "Why deletion skips the account.")],
    until: Annotated[str, option("--until DATE", "When it ends, such as 2026-12-31 or 30d.")],
) -> int:
    """Make deletion skip an account until a date.

    Changes: nothing in AWS; stores the exception in the database and the ledger. A later exception for the same account
    replaces it.

    AWS permissions: those of reading the organization (see rootkeeper audit); opens no root session.

    Exit statuses: 0 added; 2 wrong usage, the management account, or not confirmed; 3 AWS, the database or the ledger
    refused.
    """
    from rootkeeper.cli.rendering.deletions import show_exceptions

    output = invocation.choose_output(*LIST_OUTPUTS)
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        now = application.clock.now()
        end = parse_moment(until, "--until", now, day_ends=True)
        confirmation = begin_change(invocation, application, change, output, progress, changes_aws=False)
        inventory, found = read_account(application, account, progress)
        exception = application.exceptions.prepare(found, inventory, owner=owner, reason=reason, until=end)
        statement = f"Deletion will skip account {found.account_id} ({found.name}) until {render_timestamp(end)}."
        if not confirmation.confirm([statement]):
            return ExitStatus.GOOD
        kept = application.exceptions.add(exception)
        show_exceptions([kept], output, invocation.terminal, now)
    return ExitStatus.GOOD


def list_exceptions(invocation: Invocation) -> int:
    """List exceptions, those in force first.

    Changes: nothing.

    AWS permissions: organizations:DescribeOrganization.

    Exit statuses: 0 shown; 2 wrong usage; 3 AWS or the database refused.
    """
    from rootkeeper.cli.rendering.deletions import show_exceptions

    output = invocation.choose_output(*LIST_OUTPUTS)
    with invocation.open_application() as application:
        warn_overdue(application, invocation.terminal)
        kept = application.exceptions.list_exceptions()
        show_exceptions(kept, output, invocation.terminal, application.clock.now())
    return ExitStatus.GOOD


def remove_exception(invocation: Invocation, change: ChangeOptions, *, account: AccountArgument) -> int:
    """Remove an account's exception now.

    Changes: nothing in AWS; deletion no longer skips the account.

    AWS permissions: those of reading the organization (see rootkeeper audit); opens no root session.

    Exit statuses: 0 removed; 2 wrong usage, not confirmed, or there is no exception; 3 AWS, the database or the ledger
    refused.
    """
    output = invocation.choose_output(*LIST_OUTPUTS)
    progress = open_progress(invocation.terminal)
    with invocation.open_application() as application:
        confirmation = begin_change(invocation, application, change, output, progress, changes_aws=False)
        _, found = read_account(application, account, progress)
        statement = f"Deletion will no longer skip account {found.account_id} ({found.name})."
        if not confirmation.confirm([statement]):
            return ExitStatus.GOOD
        application.exceptions.remove(found.account_id)
    invocation.terminal.remark(f"Removed the exception of account {found.account_id}.")
    return ExitStatus.GOOD


application = PanelGroup(help="Manage the accounts that deletion skips.")
add(application, add_exception, "add")
add(application, list_exceptions, "list")
add(application, remove_exception, "remove")
