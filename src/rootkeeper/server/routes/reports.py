"""Routes of the evidence report and of an audit's findings, with the same bytes as the commands write."""

from __future__ import annotations

import json
from datetime import timedelta
from operator import attrgetter
from typing import Annotated, Any

from fastapi import Query
from pydantic import AwareDatetime
from starlette.responses import Response
from typing_extensions import TypedDict

from rootkeeper.access.rules import Permission
from rootkeeper.audit.records import head_from_record
from rootkeeper.controls.assessment import assess_report
from rootkeeper.controls.control_map import choose_frameworks
from rootkeeper.errors import NotFoundError
from rootkeeper.evidence.records import FINDINGS_HEADER, render_findings
from rootkeeper.evidence.rules import Period, end_second
from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.findings.rules import FindingReport
from rootkeeper.findings.sources import list_status_findings
from rootkeeper.organization.accounts import Endpoint, sort_accounts
from rootkeeper.reports.formats import FINDING_FORMATS, FORMATS, Carries, Format, get_format, list_names
from rootkeeper.server.documents import read, read_file
from rootkeeper.server.guards import AccessRequirement, Identified, Served
from rootkeeper.server.parameters import Name, show_one
from rootkeeper.shapes import Answer, ShortText, fill_record, record


@record
class FormatRecord(TypedDict):
    """One format of a report."""

    name: str
    """As ``format`` takes it."""
    title: str
    purpose: str
    """One sentence."""
    suffix: str
    """The end of its files' names."""
    media_type: str
    carries: Carries
    """Formats that carry findings are also those of an audit."""


@record
class FormatsAnswer(Answer):
    """The formats of reports."""

    formats: list[FormatRecord]


_LONGEST_DAYS = 3650


def list_formats() -> dict[str, Any]:
    """List the formats of reports, in the order in which they are shown."""
    return show_one({"formats": [fill_record(FormatRecord, one) for one in FORMATS]})


def make_report(
    services: Served,
    identity: Identified,
    start: Annotated[
        AwareDatetime, Query(alias="from", description="The start of the period.", examples=["2026-01-01T00:00:00Z"])
    ],
    end: Annotated[AwareDatetime | None, Query(alias="to", description="The end of the period. Default: now.")] = None,
    name: Annotated[str, Query(alias="format", json_schema_extra={"enum": list(list_names())})] = "html",
    stale_after_days: Annotated[
        int | None,
        Query(
            ge=1,
            le=_LONGEST_DAYS,
            description="A reading older than this at the end of the period counts as unknown. Default: the server's "
            "setting ``history.stale_after``.",
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
    with services.act_as(identity.to_actor(), None) as acting:
        evidence = acting.evidence_compiler(services.organization_id).compile(Period(start, last, stale_after))
        report = assess_report(evidence, frameworks)
        response = _send(chosen, report, f"rootkeeper-{start:%Y%m%d}-{last:%Y%m%d}")
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
    statuses = [found[one.account_id] for one in sort_accounts([status.account for status in found.values()])]
    drift = head_from_record(outcome).drift if "drift" in outcome else None
    report = list_status_findings(statuses, inventory, Endpoint(audit.endpoint), audit.ended_at, drift)
    return _send(chosen, report, f"rootkeeper-audit-{audit.ended_at:%Y%m%d-%H%M%S}")


def _send(chosen: Format, report: EvidenceReport | FindingReport, stem: str) -> Response:
    """Send a file. Its name consists of digits and our words, so that no outside text gets into a header."""
    headers = {"Content-Disposition": f'attachment; filename="{stem}{chosen.suffix}"'}
    return Response(b"".join(chosen.render(report)), media_type=chosen.media_type, headers=headers)


def _list_media_types(formats: tuple[Format, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(attrgetter("media_type"), formats)))


ROWS = (
    read("/reports/formats", AccessRequirement.SIGNED_IN, list_formats, FormatsAnswer),
    read_file("/reports", Permission.REPORTS_READ, make_report, _list_media_types(FORMATS)),
    read_file(
        "/audits/{audit_id}/findings", Permission.HISTORY_READ, make_findings, _list_media_types(FINDING_FORMATS)
    ),
)
