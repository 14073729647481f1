"""Plans the sending of reports: chooses the place and the format, and compiles the report.

A report about a sandbox is never sent to AWS, nor a report about AWS to a sandbox.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from rootkeeper.clock import Clock
from rootkeeper.delivery.targets import (
    ConfiguredTarget,
    DeliveryRequest,
    DeliveryTarget,
    TargetKind,
    choose_sent_format,
    choose_targets,
    name_report,
)
from rootkeeper.errors import InputError
from rootkeeper.evidence.findings import list_findings
from rootkeeper.evidence.rules import Period, end_second
from rootkeeper.evidence.service import EvidenceCompiler, EvidenceReport
from rootkeeper.findings.rules import FindingReport, Verdict
from rootkeeper.organization.accounts import Caller, Endpoint
from rootkeeper.reports.asff import SecurityHub
from rootkeeper.reports.formats import SECURITY_HUB_FORMAT, Format


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """A report, and the place that it goes to."""

    target: DeliveryTarget
    chosen: Format | None
    """``None`` for findings."""
    evidence: EvidenceReport
    place: str
    hub: SecurityHub | None = None
    findings: FindingReport | None = None
    verdicts: Mapping[Verdict, int] = field(default_factory=dict)

    @property
    def finding_count(self) -> int:
        return sum(self.verdicts.values())

    def describe(self) -> list[str]:
        """Describe the reports and their places, for the question and for a dry run."""
        period = self.evidence.period
        span = f"{period.start:%Y-%m-%d %H:%M} to {period.end:%Y-%m-%d %H:%M} UTC"
        if self.hub is None:
            return [
                f"Send the evidence report of {span}, as {self.format_name}, to {self.place}.",
                "What has this name there already is replaced.",
            ]
        counts = ", ".join(f"{count} {verdict.value}" for verdict, count in sorted(self.verdicts.items()))
        what = f"{self.finding_count} findings of the evidence report of {span}"
        return [
            f"Send {what} to Security Hub of account {self.hub.account_id} in {self.hub.region}: {counts or 'none'}.",
            "Findings that are there already are updated; each has the id that it had in earlier reports.",
        ]

    @property
    def format_name(self) -> str:
        return SECURITY_HUB_FORMAT if self.chosen is None else self.chosen.name


@dataclass(frozen=True, slots=True)
class DeliveryPlanner:
    """Plans the sending of reports of an organization."""

    compiler: EvidenceCompiler
    clock: Clock
    find_caller: Callable[[], Caller]
    endpoint: Endpoint
    region: str
    """Of Security Hub, where a target names none."""
    usual_period: timedelta
    usual_stale_after: timedelta
    """The age at which a reading counts as unknown, if a request names none."""
    targets: tuple[ConfiguredTarget, ...]
    """Those of the settings."""

    def plan(self, request: DeliveryRequest, *, only_configured: bool = False) -> tuple[DeliveryPlan, ...]:
        """Compile the report, and plan a sending for each place. Makes no AWS call but sts:GetCallerIdentity.

        :param only_configured: whether places must be in the settings, as on a server.
        :raises PermissionDeniedError: if the settings don't name the place.
        :raises InputError: if there is no place, the report is empty, or it would mix a sandbox and AWS.
        """
        wanted = choose_targets(request, self.targets, only_configured=only_configured)
        end = end_second(self.clock.now()) if request.end is None else request.end
        stale = request.stale_after_seconds
        period = Period(
            end - self.usual_period if request.start is None else request.start,
            end,
            self.usual_stale_after if stale is None else timedelta(seconds=stale),
        )
        evidence = self.compiler.compile(period)
        return tuple(self._plan_one(choice.target, choice.format_name, evidence) for choice in wanted)

    def _plan_one(self, target: DeliveryTarget, format_name: str | None, evidence: EvidenceReport) -> DeliveryPlan:
        chosen = choose_sent_format(target, format_name)
        if target.kind is not TargetKind.FILE and evidence.is_sandbox is not self.endpoint.is_sandbox:
            raise InputError(
                f"The report is about {evidence.endpoint}, and calls go to {self.endpoint.label}. Nothing was sent.",
                hint="Use the database and the endpoint of the same organization.",
            )
        if chosen is not None:
            name = name_report(evidence.organization_id, evidence.period, chosen)
            return DeliveryPlan(target, chosen, evidence, _find_place(target, name))
        caller = self.find_caller()
        hub = SecurityHub(caller.account_id, target.region or self.region, evidence.partition)
        findings = list_findings(evidence)
        verdicts = Counter(finding.verdict for finding in findings.findings)
        return DeliveryPlan(target, None, evidence, hub.product_arn, hub, findings, verdicts)


def _find_place(target: DeliveryTarget, name: str) -> str:
    if target.kind is TargetKind.BUCKET:
        return f"s3://{target.bucket}/{target.prefix}{name}"
    path = Path(target.path).expanduser().absolute()
    return str(path / name if target.path.endswith("/") or path.is_dir() else path)
