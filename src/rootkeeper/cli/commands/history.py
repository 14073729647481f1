"""rootkeeper history and rootkeeper diff.

``rootkeeper history``: works on the database alone, or through a server; without AWS.

``rootkeeper diff``: works on the database alone, or through a server; without AWS.
"""

from __future__ import annotations

from typing import Annotated

import typer

from rootkeeper.cli.invocation import Invocation, single, through_server
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import FailOnOptions, parse_past_moment
from rootkeeper.cli.outputs import ExitStatus, OutputFormat


@through_server
def history(
    invocation: Invocation,
    *,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="An account's id, or its unique name.")],
    start: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="DATE", help="Only what happened since: 2026-01-01, or 90d.", show_default=False
        ),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Only what happened until then.", show_default=False)
    ] = None,
    organization: Annotated[
        str | None, typer.Option("--organization", metavar="ID", help="Needed where the database knows several.")
    ] = None,
) -> int:
    """Show one account's past: one time line, the oldest first.

    It has each change of status that a kept audit found, every entry of the ledger about the account, its recovery
    windows, and the root events that a server watched. An audit that found what the one before it had found isn't
    repeated.

    Changes: nothing.

    AWS permissions: none.

    Exit statuses: 0 shown; 2 wrong usage, or nothing is known of the account; 3 the database can't be read.
    """
    from rootkeeper.cli.rendering.histories import show_history

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
    with open_operator(invocation, creates_database=False) as operator:
        now = operator.now()
        begins = None if start is None else parse_past_moment(start, "--from", now, day_ends=False)
        ends = None if end is None else parse_past_moment(end, "--to", now, day_ends=True)
        record = operator.read_history(account, organization, begins, ends)
    show_history(record, output, invocation.terminal)
    return ExitStatus.GOOD


application = single(history)


@through_server
def diff(
    invocation: Invocation,
    fail_on: FailOnOptions,
    *,
    older: Annotated[
        str | None,
        typer.Argument(
            metavar="OLDER",
            help="An audit's id, or a date: the last one of the whole organization by then. Default: the one before "
            "NEWER.",
            show_default=False,
        ),
    ] = None,
    newer: Annotated[
        str | None, typer.Argument(metavar="NEWER", help="The same. Default: the last one.", show_default=False)
    ] = None,
    lists: Annotated[bool, typer.Option("--list", help="Only list the audits that are kept.")] = False,
    organization: Annotated[
        str | None, typer.Option("--organization", metavar="ID", help="Needed where the database knows several.")
    ] = None,
) -> int:
    """Show what changed between two audits.

    Accounts that joined and left, statuses, and each kind of credentials that appeared or went, with the times of both
    readings. What one of the two audits didn't read is told as not read, and never as gone. Without arguments the last
    two audits of the whole organization are compared.

    For --fail-on, "present" is a password, key or certificate that wasn't there before, or MFA that went while one of
    those stayed; "unknown" is an account that was read before and couldn't be now. An open recovery window counts as
    neither, nor does a guarded failsafe.

    Changes: nothing.

    AWS permissions: none.

    Exit statuses: 0 shown, and nothing got worse; 1 shown, and something did that --fail-on names; 2 wrong usage, or
    there are no such audits; 3 the database can't be read.
    """
    from rootkeeper.cli.rendering.histories import show_audits, show_difference

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
    findings = fail_on.to_set()
    with open_operator(invocation, creates_database=False) as operator:
        if lists:
            show_audits(operator.list_audits(organization), output, invocation.terminal)
            return ExitStatus.GOOD
        record, worse = operator.compare_audits(older, newer, organization)
    show_difference(record, output, invocation.terminal)
    return ExitStatus.BAD if findings & worse else ExitStatus.GOOD


diff_application = single(diff)
