"""``rootkeeper report``: written from the database alone, without AWS; and sent to where people look for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from rootkeeper.access.rules import Permission
from rootkeeper.cli.changes import ChangeOptions
from rootkeeper.cli.invocation import DefaultGroup, Invocation, add, gives_findings
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import (
    FailOnOptions,
    StaleAfterOption,
    gate,
    parse_past_moment,
    parse_period,
    parse_stale_after,
)
from rootkeeper.cli.output_files import out_option, require_output_file, write_output_file
from rootkeeper.cli.outputs import ExitStatus, Output, OutputFormat, choice, option
from rootkeeper.cli.rendering.histories import show_deliveries
from rootkeeper.delivery.targets import DeliveryRequest, require_fitting_format
from rootkeeper.errors import InputError
from rootkeeper.evidence.rules import end_second
from rootkeeper.ledger.rules import Result
from rootkeeper.reports.formats import FORMATS, SECURITY_HUB_FORMAT, Format, get_format, get_format_of_file

_BY_NAME = {known.name: known for known in FORMATS}


@gives_findings
def report(
    invocation: Invocation,
    fail_on: FailOnOptions,
    *,
    start: Annotated[str, option("--from DATE", "Start of the period: 2026-01-01, or 90d before its end.")],
    end: Annotated[str | None, option("--to DATE", "End of the period. Default: now.")] = None,
    report_format: Annotated[
        Format | None,
        choice("--format FORMAT", _BY_NAME, f"{', '.join(_BY_NAME)}. Default: by the file name; markdown on stdout."),
    ] = None,
    framework: Annotated[
        list[str] | None,
        option("--framework ID", "Add the verdicts on a framework's controls, such as cis-7.0. Can be repeated."),
    ] = None,
    out: Annotated[Path | None, out_option("The file to write. Default: stdout.")] = None,
    stale_after: StaleAfterOption = None,
) -> int:
    """Write the evidence report of a period, without calls to AWS.

    Contains for each account the four kinds of root user credentials, each with the time and method of its reading; the
    verdicts "centralized" (CIS AWS Foundations Benchmark 7.0, control 2.1.1), "no root credentials" at the end of the
    period, and "no root credentials in the period"; credentials that appeared or were gone within the period; days
    without an audit; root logins that are kept; recovery windows with their approvers; exceptions; deletions; the
    set-up and its drift; the head of the ledger. A fact that wasn't read in the period is unknown. The same database,
    period and organization give the same bytes.

    With --framework it also has the verdict on each control of that framework: its basis, the accounts behind it, and
    attestations. An auditor asks for one framework, so without the option there is none. rootkeeper controls frameworks
    lists them.

    The formats of findings have each account's verdict for other tools. Through a server, ages count whole days.

    For --fail-on, a failed verdict on the period's end, a failed control, credentials that appeared in the period and
    that no recovery window explains, drift and an altered ledger count as "present"; a verdict that is unknown, or
    Manual because a person must judge the facts, counts as "unknown".

    Changes: nothing; writes or replaces the file.

    AWS permissions: none.

    Exit statuses: 0 written, and the result is good; 1 written, with a result that --fail-on names; 2 wrong usage, or
    the file can't be written; 3 the database can't be read; 5 written, with no such result, but the last attempt to
    read some accounts failed.
    """
    chosen = choose_format(report_format, invocation.options.output, out)
    findings = fail_on.to_set()
    require_output_file(out)
    if out is None and invocation.terminal.shows_output and not chosen.is_text:
        raise InputError(f"A terminal can't show {chosen.title}.", hint=f"Add --out FILE{chosen.suffix}.")
    with open_operator(invocation, creates_database=False) as operator:
        wanted = parse_period(start, end, operator.now(), invocation.organization_id, stale_after)
        written = operator.write_report(wanted, chosen, framework or ())
        if out is None:
            invocation.terminal.write_bytes(written.parts)
        else:
            write_output_file(out, written.parts)
            invocation.terminal.remark(f"The report is in {out}.")
    if chosen.has_ledger_entries and written.other_organization_ids:
        others = ", ".join(written.other_organization_ids)
        invocation.terminal.remark(
            f"It also has ledger entries of {others}, because the ledger's chain runs through them."
        )
    if written.endpoint.is_sandbox:
        invocation.terminal.remark(
            f"{written.endpoint.label}: this report is about a sandbox. It is no evidence of an AWS organization."
        )
    return gate(findings, lambda fail_on: bool(fail_on & written.findings))


def choose_format(wanted: Format | None, output: Output | None, out: Path | None) -> Format:
    """Choose by ``--format``, by ``-o``, or by the file's name.

    :raises InputError: if they differ, or the name has no known format.
    """
    if output is not None:
        name = output.name if isinstance(output, Format) else output.value
        if name not in _BY_NAME or (wanted is not None and wanted.name != name):
            raise InputError(f"This report has no output {name!r}.", hint=f"Use --format {'|'.join(_BY_NAME)}.")
        return _BY_NAME[name]
    if wanted is not None:
        return wanted
    return get_format("markdown") if out is None else get_format_of_file(out.name)


_SENT_FORMATS = {known.name: known.name for known in FORMATS} | {SECURITY_HUB_FORMAT: SECURITY_HUB_FORMAT}


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
        choice(
            "--format FORMAT", _SENT_FORMATS, f"{', '.join(_SENT_FORMATS)}. Default: by the file name; json for S3."
        ),
    ] = None,
    start: Annotated[
        str | None, option("--from DATE", "Start of the period: 2026-01-01, or 90d before its end. Default: 30d.")
    ] = None,
    end: Annotated[str | None, option("--until DATE", "End of the period. Default: now.")] = None,
    stale_after: StaleAfterOption = None,
) -> int:
    """Send the evidence report of a period to Security Hub, to a bucket or to a file.

    Security Hub gets one finding for each account and check, with the same id in every report: an existing finding is
    updated, and becomes PASSED if the account is fixed. Findings are of the account that sends; the account that a
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
    require_fitting_format(to, report_format)
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
    is_done = all(outcome["result"] == Result.DONE for outcome in record["deliveries"])
    return ExitStatus.GOOD if is_done else ExitStatus.INCOMPLETE


application = DefaultGroup(help="Write or send the evidence report of a period. Without a command: write.")
add(application, report, "write")
add(application, send, "send")
