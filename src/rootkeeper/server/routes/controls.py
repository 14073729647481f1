"""Routes of controls: the verdicts on the controls of frameworks, the accounts behind them, and attestations."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, TypeAlias

from fastapi import Query
from pydantic import AwareDatetime, Field

from rootkeeper.access.rules import Permission
from rootkeeper.controls.assessment import AssessedReport, assess_report
from rootkeeper.controls.control_map import choose_frameworks, get_control, get_framework, load_frameworks
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
from rootkeeper.evidence.rules import Period, end_second
from rootkeeper.server.documents import change, read
from rootkeeper.server.guards import Identified, Served
from rootkeeper.server.parameters import Body, Limit, Name, Text, show_example, show_one
from rootkeeper.shapes import ShortText, fill_record

DEFAULT_PERIOD = timedelta(days=90)

Start: TypeAlias = Annotated[
    AwareDatetime | None,
    Query(alias="from", description="The start of the period. Default: 90 days before its end."),
]
End: TypeAlias = Annotated[AwareDatetime | None, Query(alias="to", description="The end of the period. Default: now.")]


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
    until: Annotated[AwareDatetime, Field(description="When it ends: at most a year from now.")]


def list_frameworks() -> dict[str, Any]:
    """List the frameworks of the control map, each with what is known and isn't judged."""
    return show_one({"frameworks": [describe_framework(one) for one in load_frameworks()]})


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
    """Judge one control, with the accounts behind the verdict, the worst first."""
    control = get_control(f"{framework_id}/{control_id}")
    report = _assess(services, identity, (get_framework(framework_id),), start, end)
    assessment = next(one for one in report.assessments if one.control.key == control.key)
    return describe_control(report, assessment, only_open=only_open, after=after, limit=limit)


def attest_control(
    services: Served, identity: Identified, framework_id: Name, control_id: Name, body: ControlAttestationBody
) -> dict[str, Any]:
    """Attest what a person judges of a control, until a time; the ledger records it with your name.

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
    last = end_second(services.clock.now()) if end is None else end
    first = last - DEFAULT_PERIOD if start is None else start
    period = Period(first, last, services.settings.history.stale_after)
    with services.act_as(identity.to_actor(), None) as acting:
        evidence = acting.evidence_compiler(services.organization_id).compile(period)
    return assess_report(evidence, frameworks)


ROWS = (
    read("/frameworks", Permission.REPORTS_READ, list_frameworks, FrameworksDocument),
    read("/controls", Permission.REPORTS_READ, list_controls, ControlsDocument),
    read("/controls/{framework_id}/{control_id}", Permission.REPORTS_READ, show_control, ControlDocument),
    change(
        "/controls/{framework_id}/{control_id}/attestations",
        Permission.CONTROLS_ATTEST,
        attest_control,
        ControlAttestationAnswer,
    ),
)
