"""Routes of the evidence report and its coverage, an audit's findings, and controls with verdicts and attestations.

A file of a report or of findings has the same bytes as the commands write.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Annotated, Any, TypeAlias

from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from rootkeeper.access.rules import Permission
from rootkeeper.audit.records import head_from_record
from rootkeeper.controls.assessment import AssessedReport, assess_report
from rootkeeper.controls.control_map import choose_frameworks, get_control, load_frameworks
from rootkeeper.controls.records import (
    ControlAttestationAnswer,
    ControlAttestationRecord,
    ControlDocument,
    ControlsDocument,
    FrameworksDocument,
    describe_control,
    describe_controls,
    describe_framework,
)
from rootkeeper.controls.rules import Framework
from rootkeeper.errors import NotFoundError
from rootkeeper.evidence.periods import count_audited_days, list_coverage_gaps
from rootkeeper.evidence.records import (
    FINDINGS_HEADER,
    CoverageGapRecord,
    PeriodRecord,
    describe_period,
    render_findings,
)
from rootkeeper.evidence.rules import Period, end_second, require_period
from rootkeeper.evidence.service import ReportStep
from rootkeeper.findings.sources import list_status_findings
from rootkeeper.organization.accounts import Endpoint, sort_accounts
from rootkeeper.reports.formats import FINDING_FORMATS, FORMATS, Carries, Format, get_format, list_names
from rootkeeper.server.documents import change, read, read_file
from rootkeeper.server.guards import AccessRequirement, Identified, Served
from rootkeeper.server.parameters import Body, Limit, Name, Text, Time, show_example, show_one
from rootkeeper.server.report_work import ReportsInWork, ReportWork
from rootkeeper.server.routes.overview import LedgerStateRecord
from rootkeeper.server.turns import RouteLoad
from rootkeeper.shapes import Answer, Count, JsonRecord, ShortText, fill_record, record, record_of


@record_of(Format, without=("renderer", "has_ledger_entries"))
class FormatRecord(JsonRecord):
    """A format of a report."""


@record
class FormatsAnswer(Answer):
    """The formats of reports."""

    formats: list[FormatRecord]


@record
class ReportWorkAnswer(Answer):
    """What the server is doing for a report."""

    step: ReportStep | None
    """``null`` if no report of yours is being made."""
    written_bytes: Count
    """The size of the file so far."""


_LONGEST_DAYS = 3650
DEFAULT_PERIOD = timedelta(days=90)

Start: TypeAlias = Annotated[
    Time | None,
    Query(alias="from", description="The start of the period. Default: 90 days before its end."),
]
End: TypeAlias = Annotated[Time | None, Query(alias="to", description="The end of the period. Default: now.")]


def list_formats() -> dict[str, Any]:
    """List the formats of reports, in the order in which they are shown."""
    return show_one({"formats": [fill_record(FormatRecord, report_format) for report_format in FORMATS]})


def show_report_work(request: Request, identity: Identified) -> dict[str, Any]:
    """Show what the server is doing for the report that you are downloading, and how large its file is so far."""
    works: ReportsInWork = request.app.state.reports_in_work
    work = works.find(identity.identity_id) or ReportWork()
    return show_one({"step": work.step, "written_bytes": work.written_bytes})


def make_report(
    request: Request,
    services: Served,
    identity: Identified,
    start: Annotated[
        Time, Query(alias="from", description="The start of the period.", examples=["2026-01-01T00:00:00Z"])
    ],
    end: End = None,
    name: Annotated[str, Query(alias="format", json_schema_extra={"enum": list(list_names())})] = "html",
    stale_after_days: Annotated[
        int | None,
        Query(
            ge=1,
            le=_LONGEST_DAYS,
            description="A reading older than this at the end of the period counts as unknown. Default: the maximum "
            "age in the server's settings.",
        ),
    ] = None,
    framework: Annotated[
        list[ShortText] | None,
        Query(max_length=50, description="Adds the verdicts on a framework's controls, such as ``cis-7.0``."),
    ] = None,
) -> Response:
    """Write the evidence of a period as a file: root user credentials, windows, deletions, the set-up, the ledger.

    Makes no AWS call; accounts that weren't read in the period are unknown. The whole ledger is verified.
    The format ``package`` contains entries of the ledger, so it also needs the permission ``ledger:read``.
    """
    chosen, frameworks = get_format(name), choose_frameworks(framework or ())
    if chosen.has_ledger_entries:
        identity.require_permission(Permission.LEDGER_READ)
    last = end_second(services.clock.now()) if end is None else end
    usual = services.settings.history.stale_after
    stale_after = usual if stale_after_days is None else timedelta(days=stale_after_days)
    works: ReportsInWork = request.app.state.reports_in_work
    with services.act_as(identity.to_actor(), None) as acting, works.follow(identity.identity_id) as work:
        period = Period(start, last, stale_after)
        evidence = acting.evidence_compiler(services.organization_id).compile(period, work.begin)
        report = assess_report(evidence, frameworks)
        work.begin(ReportStep.RENDERING)
        response = _send(chosen, work.count(chosen.render(report)), f"rootkeeper-{start:%Y%m%d}-{last:%Y%m%d}")
    response.headers[FINDINGS_HEADER] = render_findings(report.list_fail_on())
    return response


def make_findings(
    services: Served,
    audit_id: Name,
    name: Annotated[str, Query(alias="format", json_schema_extra={"enum": list(list_names(Carries.FINDINGS))})],
) -> Response:
    """Write the findings of a stored audit as a file."""
    chosen = get_format(name, Carries.FINDINGS)
    audit, inventory = services.history.get(audit_id), services.inventory_store.find_last()
    if inventory is None:
        raise NotFoundError("The organization was never listed.", hint="Run an audit.")
    found = services.history.list_statuses(audit_id)
    outcome = json.loads(services.jobs.find_outcome(audit_id) or "{}")
    statuses = [found[account.account_id] for account in sort_accounts([status.account for status in found.values()])]
    drift = head_from_record(outcome).drift if "drift" in outcome else None
    report = list_status_findings(statuses, inventory, Endpoint(audit.endpoint), audit.ended_at, drift)
    return _send(chosen, chosen.render(report), f"rootkeeper-audit-{audit.ended_at:%Y%m%d-%H%M%S}")


def _send(chosen: Format, pieces: Iterable[bytes], stem: str) -> Response:
    """Send a file. Its name consists of digits and our words, so that no outside text gets into a header."""
    headers = {"Content-Disposition": f'attachment; filename="{stem}{chosen.suffix}"'}
    return Response(b"".join(pieces), media_type=chosen.media_type, headers=headers)


def _list_media_types(formats: tuple[Format, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(attrgetter("media_type"), formats)))


@record
class AuditedDay(TypedDict):
    """A day, in UTC, on which audits of the whole organization ended."""

    day: str
    """Such as ``2026-01-15``."""
    audits: Count


@record
class CoverageAnswer(Answer):
    """The days of a period with audits of the whole organization, and those without."""

    period: PeriodRecord
    audited_days: list[AuditedDay]
    days_without_audit: list[CoverageGapRecord]
    """The longest first; each has a whole day, in UTC, without an audit of the whole organization."""
    ledger: LedgerStateRecord


def show_coverage(services: Served, start: Start = None, end: End = None) -> dict[str, Any]:
    """Show on which days of a period the whole organization was audited, and until when the ledger is verified.

    Only kept audits count. The ledger is verified by the server again and again, not for this answer.
    """
    period = require_period(_choose_period(services, start, end))
    audited_at = services.history.list_complete(period.start, period.end)
    gaps = list_coverage_gaps(audited_at, period)
    return show_one(
        {
            "period": describe_period(period),
            "audited_days": [
                {"day": day.isoformat(), "audits": audits} for day, audits in count_audited_days(audited_at).items()
            ],
            "days_without_audit": [fill_record(CoverageGapRecord, gap) for gap in gaps if gap.days],
            "ledger": fill_record(LedgerStateRecord, services.ledger_state),
        }
    )


class ControlAttestationBody(Body):
    """An attestation."""

    model_config = show_example(
        {
            "owner": "Ana",
            "reason": "The alarms were tested with the drill in March; they page the security team.",
            "until": "2027-03-31T23:59:59Z",
        }
    )

    owner: Annotated[ShortText, Field(description="The person who is responsible for it.")]
    reason: Text
    until: Annotated[Time, Field(description="When it ends: at most a year from now.")]


def list_frameworks() -> dict[str, Any]:
    """List the frameworks of the control map, each with its known parts that aren't judged."""
    return show_one({"frameworks": [describe_framework(framework) for framework in load_frameworks()]})


def list_controls(
    services: Served,
    identity: Identified,
    framework: Annotated[list[ShortText], Query(max_length=50, description="The id of a framework.")],
    start: Start = None,
    end: End = None,
) -> dict[str, Any]:
    """Judge the controls of some frameworks at the end of a period.

    Makes no AWS call; accounts that weren't read in the period are unknown. The whole ledger is verified.
    """
    return describe_controls(_assess(services, identity, choose_frameworks(framework), start, end))


def show_control(
    services: Served,
    identity: Identified,
    framework_id: Name,
    control_id: Name,
    start: Start = None,
    end: End = None,
    only_open: Annotated[
        bool, Query(alias="open", description="Only accounts that fail, are unknown, or need a person's judgement.")
    ] = False,
    after: Annotated[int, Query(ge=0, le=10_000_000, description="``next`` of the previous page.")] = 0,
    limit: Limit = 100,
) -> dict[str, Any]:
    """Judge a control, with the accounts behind the verdict, the worst first."""
    control = get_control(f"{framework_id}/{control_id}")
    report = _assess(services, identity, choose_frameworks([framework_id]), start, end)
    assessment = next(candidate for candidate in report.assessments if candidate.control.key == control.key)
    return describe_control(report, assessment, only_open=only_open, after=after, limit=limit)


def attest_control(
    services: Served, identity: Identified, framework_id: Name, control_id: Name, body: ControlAttestationBody
) -> dict[str, Any]:
    """Attest a person's judgement of a control, until a time; the ledger records it with your name.

    It counts only while the verdict is Manual. It overrules no failed and no unknown check.
    """
    control = get_control(f"{framework_id}/{control_id}")
    with services.act_as(identity.to_actor(), None) as acting:
        attested = acting.control_attester.attest(control, owner=body.owner, reason=body.reason, until=body.until)
    return show_one(fill_record(ControlAttestationRecord, attested))


def _assess(
    services: Served,
    identity: Identified,
    frameworks: tuple[Framework, ...],
    start: datetime | None,
    end: datetime | None,
) -> AssessedReport:
    period = _choose_period(services, start, end)
    with services.act_as(identity.to_actor(), None) as acting:
        evidence = acting.evidence_compiler(services.organization_id).compile(period)
    return assess_report(evidence, frameworks)


def _choose_period(services: Served, start: datetime | None, end: datetime | None) -> Period:
    last = end_second(services.clock.now()) if end is None else end
    first = last - DEFAULT_PERIOD if start is None else start
    return Period(first, last, services.settings.history.stale_after)


ROWS = (
    read("/reports/formats", AccessRequirement.SIGNED_IN, list_formats, FormatsAnswer),
    read("/reports/current", Permission.REPORTS_READ, show_report_work, ReportWorkAnswer),
    read_file("/reports", Permission.REPORTS_READ, make_report, _list_media_types(FORMATS), load=RouteLoad.HEAVY),
    read("/reports/coverage", Permission.REPORTS_READ, show_coverage, CoverageAnswer, load=RouteLoad.HEAVY),
    read_file(
        "/audits/{audit_id}/findings",
        Permission.HISTORY_READ,
        make_findings,
        _list_media_types(FINDING_FORMATS),
        load=RouteLoad.HEAVY,
    ),
    read("/frameworks", Permission.REPORTS_READ, list_frameworks, FrameworksDocument),
    read("/controls", Permission.REPORTS_READ, list_controls, ControlsDocument, load=RouteLoad.HEAVY),
    read(
        "/controls/{framework_id}/{control_id}",
        Permission.REPORTS_READ,
        show_control,
        ControlDocument,
        load=RouteLoad.HEAVY,
    ),
    change(
        "/controls/{framework_id}/{control_id}/attestations",
        Permission.CONTROLS_ATTEST,
        attest_control,
        ControlAttestationAnswer,
    ),
)
