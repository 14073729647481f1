"""``rootkeeper diff``: works on the database alone, or through a server; without AWS."""

from __future__ import annotations

from typing import Annotated

import typer

from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.fail_on import FailOnOptions
from rootkeeper.cli.history import ensure_no_organization
from rootkeeper.cli.invocation import Invocation, OutputFormat, single, through_server
from rootkeeper.cli.moments import parse_past_moment


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
    if (server := invocation.find_server()) is not None:
        from rootkeeper.cli.on_server import history as on_server

        ensure_no_organization(organization)
        if lists:
            return on_server.list_audits(invocation, server, output)
        return on_server.compare_audits(invocation, server, older, newer, findings, output)
    with invocation.open_application(creates_database=False) as application:
        reading, now = application.history_reading(organization), application.clock.now()
        if lists:
            show_audits(reading.list_audits(), output, invocation.terminal)
            return ExitStatus.GOOD
        compared = reading.compare(older, newer, lambda text: parse_past_moment(text, "The audit", now, day_ends=True))
    show_difference(compared, reading.organization_id, output, invocation.terminal)
    return ExitStatus.BAD if compared.difference.is_worse(findings) else ExitStatus.GOOD


application = single(diff)
