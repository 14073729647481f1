"""``rootkeeper history`` and ``rootkeeper diff``: they read the database or ask a server, and make no AWS call."""

from __future__ import annotations

from typing import Annotated

from rootkeeper.cli.invocation import Invocation, command
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import AccountArgument, FailOnOptions, gate, parse_past_moment
from rootkeeper.cli.outputs import LIST_OUTPUTS, ExitStatus, argument, option


def history(
    invocation: Invocation,
    *,
    account: AccountArgument,
    start: Annotated[str | None, option("--from DATE", "Only entries since then: 2026-01-01, or 90d.")] = None,
    end: Annotated[str | None, option("--to DATE", "Only entries until then.")] = None,
) -> int:
    """Show the timeline of one account, oldest first.

    It contains each change of status that a stored audit found, every ledger entry about the account, its recovery
    windows, and the root events that a server watched. An audit that found no change isn't shown.

    Changes: nothing.

    AWS permissions: none.

    Exit statuses: 0 shown; 2 wrong usage, or the account isn't known; 3 the database can't be read.
    """
    from rootkeeper.cli.rendering.histories import show_history

    output = invocation.choose_output(*LIST_OUTPUTS)
    with open_operator(invocation, creates_database=False) as operator:
        now = operator.now()
        begins = None if start is None else parse_past_moment(start, "--from", now, day_ends=False)
        ends = None if end is None else parse_past_moment(end, "--to", now, day_ends=True)
        record = operator.read_history(account, invocation.organization_id, begins, ends)
    show_history(record, output, invocation.terminal)
    return ExitStatus.GOOD


application = command(history)


def diff(
    invocation: Invocation,
    fail_on: FailOnOptions,
    *,
    older: Annotated[
        str | None,
        argument(
            "OLDER",
            "An audit id, or a date for the last audit of the whole organization by then. Default: "
            "the audit before NEWER.",
        ),
    ] = None,
    newer: Annotated[str | None, argument("NEWER", "The same. Default: the last audit.")] = None,
    lists: Annotated[bool, option("--list", "Only list the stored audits.")] = False,
) -> int:
    """Show the changes between two audits.

    Shows accounts that joined and left, statuses, and each kind of credentials that appeared or disappeared, with the
    times of both readings. An account that one audit couldn't read is shown as not read, never as gone. Without
    arguments it compares the last two audits of the whole organization.

    For --fail-on, "present" is a new password, key or certificate, or MFA that disappeared while one of these stayed;
    "unknown" is an account that was read before and couldn't be read now. An open recovery window and a guarded
    failsafe don't count.

    Changes: nothing.

    AWS permissions: none.

    Exit statuses: 0 nothing got worse; 1 something got worse that --fail-on names; 2 wrong usage, or there are no such
    audits; 3 the database can't be read; 5 no such change, but the newer audit couldn't read an account.
    """
    from rootkeeper.cli.rendering.histories import show_audits, show_difference

    output = invocation.choose_output(*LIST_OUTPUTS)
    findings = fail_on.to_set()
    with open_operator(invocation, creates_database=False) as operator:
        if lists:
            show_audits(operator.list_audits(invocation.organization_id), output, invocation.terminal)
            return ExitStatus.GOOD
        record, worse = operator.compare_audits(older, newer, invocation.organization_id)
    show_difference(record, output, invocation.terminal)
    return gate(findings, lambda fail_on: bool(fail_on & worse))


diff_application = command(diff)
