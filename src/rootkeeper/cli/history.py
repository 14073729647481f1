"""``rootkeeper history``: works on the database alone, or through a server; without AWS."""

from __future__ import annotations

from typing import Annotated

import typer

from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import Invocation, OutputFormat, single, through_server
from rootkeeper.cli.moments import parse_past_moment


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
    with invocation.open_operator(creates_database=False) as operator:
        now = operator.now()
        begins = None if start is None else parse_past_moment(start, "--from", now, day_ends=False)
        ends = None if end is None else parse_past_moment(end, "--to", now, day_ends=True)
        record = operator.read_history(account, organization, begins, ends)
    show_history(record, output, invocation.terminal)
    return ExitStatus.GOOD


application = single(history)
