"""``rootkeeper report send``."""

from __future__ import annotations

from typing import Annotated

from rootkeeper.access.rules import Permission
from rootkeeper.cli.changes import ChangeOptions
from rootkeeper.cli.invocation import Invocation, through_server
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import parse_past_moment, parse_stale_after
from rootkeeper.cli.outputs import ExitStatus, OutputFormat, choice, option
from rootkeeper.cli.rendering.deliveries import show_deliveries
from rootkeeper.delivery.targets import DeliveryRequest, choose_format, parse_target
from rootkeeper.evidence.rules import end_second
from rootkeeper.ledger.rules import Result
from rootkeeper.reports.formats import FORMATS, SECURITY_HUB_FORMAT

_FORMATS = {one.name: one.name for one in FORMATS} | {SECURITY_HUB_FORMAT: SECURITY_HUB_FORMAT}


@through_server
def send(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    to: Annotated[
        str | None,
        option("--to PLACE", "securityhub[:REGION], s3://BUCKET/PREFIX or file:PATH. Default: delivery.targets."),
    ] = None,
    report_format: Annotated[
        str | None,
        choice("--format FORMAT", _FORMATS, f"{', '.join(_FORMATS)}. Default: by the file name; json for S3."),
    ] = None,
    start: Annotated[
        str | None, option("--from DATE", "Start of the period: 2026-01-01, or 90d before its end. Default: 30d.")
    ] = None,
    end: Annotated[str | None, option("--until DATE", "End of the period. Default: now.")] = None,
    stale_after: Annotated[
        str | None,
        option("--stale-after LENGTH", "A reading older than this at the period's end is unknown. Default: 30d."),
    ] = None,
) -> int:
    """Send the evidence report of a period to Security Hub, to a bucket or to a file.

    Security Hub gets one finding for each account and check, with the same id in every report: a finding that is there
    is updated, and that of a fixed account becomes PASSED. Findings are of the account that sends; the account that a
    finding is about is its resource. A bucket or a folder gets one file, named after organization and period. Success
    means that a re-read shows it: each finding as it was sent, or the report's SHA-256. Sending it again doubles
    nothing, so run the command again after an interruption.

    A server sends only to the places of its setting delivery.targets, and on the schedule schedules.reports.

    Changes: findings in Security Hub, an object, or a file.

    AWS permissions: organizations:DescribeOrganization; for Security Hub securityhub:BatchImportFindings and
    securityhub:GetFindings; for a bucket s3:PutObject and s3:GetObject. See rootkeeper policies roles --role report.

    Exit statuses: 0 sent, as a re-read shows; 2 wrong usage, not confirmed, or the file can't be written; 3 AWS or the
    ledger refused, or AWS can't be reached; 4 some of it failed, or isn't proven.
    """
    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON)
    if to is not None:
        choose_format(parse_target(to), report_format)
    with open_operator(invocation, creates_database=False) as operator:
        confirmation = operator.begin_change(change, output, Permission.REPORTS_SEND)
        now = operator.now()
        last = None if end is None else parse_past_moment(end, "--until", now, day_ends=True)
        stale = parse_stale_after(stale_after)
        delivery = operator.plan_delivery(
            DeliveryRequest(
                to=to,
                format=report_format,
                start=None
                if start is None
                else parse_past_moment(start, "--from", last or end_second(now), day_ends=False),
                end=last,
                stale_after_seconds=None if stale is None else int(stale.total_seconds()),
            )
        )
        if not confirmation.confirm(delivery.statement):
            return ExitStatus.GOOD
        record = delivery.send()
    show_deliveries(record, output, invocation.terminal)
    is_done = all(one["result"] == Result.DONE for one in record["deliveries"])
    return ExitStatus.GOOD if is_done else ExitStatus.INCOMPLETE
