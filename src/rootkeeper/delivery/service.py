"""Sends a planned report to Security Hub, to a bucket or to a file.

Each call is intent, call, re-read, outcome. Only the re-read proves that something arrived, not AWS's answer: every
finding of a batch must be shown as it was sent, and an object must have the checksum of the report. A batch that can't
be read again stops those after it. Sending the report again completes it, because findings keep their ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rootkeeper.aws.report_places import ReportBuckets, SecurityHubFindings
from rootkeeper.changes.rules import ChangeResult
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.clock import Clock
from rootkeeper.delivery.changes import DocumentDelivery, FindingsImport
from rootkeeper.delivery.planning import DeliveryPlan
from rootkeeper.delivery.rules import MOST_FINDINGS, DeliveryResult, Finding, split_batches
from rootkeeper.errors import AwsError, AwsThrottledError, InputError, RunStoppedError
from rootkeeper.findings.rules import FindingReport
from rootkeeper.ledger.rules import Result
from rootkeeper.ledger.store import Ledger
from rootkeeper.organization.progress import Progress, StopSignal
from rootkeeper.reports.asff import SecurityHub, to_finding

_THROTTLED_PAUSE_SECONDS = 5.0
_MOST_THROTTLES = 12
"""In a row, before a batch that AWS throttles is given up."""

_AGAIN = "Send the report again: what has arrived is updated, and nothing is doubled."


@dataclass(frozen=True, slots=True)
class ReportSender:
    """Sends reports as they are planned."""

    findings: SecurityHubFindings
    buckets: ReportBuckets
    ledger: Ledger
    clock: Clock
    reread_pauses_seconds: tuple[float, ...]
    """Before each further re-read while Security Hub doesn't show the sent findings."""
    batch_size: int = MOST_FINDINGS
    """The most findings of a call."""

    def send(self, plan: DeliveryPlan, progress: Progress, stop: StopSignal | None = None) -> DeliveryResult:
        """Send a report, and read it again.

        Security Hub: securityhub:GetFindings once; then for each 100 findings securityhub:BatchImportFindings, and
        securityhub:GetFindings for each 20 of them. S3: s3:PutObject and s3:HeadObject.

        :raises AwsError: if AWS refuses before anything was sent.
        :raises InputError: if the file can't be written.
        :raises RunStoppedError: if it was asked to stop between two batches.
        :raises LedgerUnavailableError: if an intent can't be recorded; its call wasn't made.
        :raises LockLostError: if this process may not act any more.
        """
        if plan.hub is not None and plan.findings is not None:
            return self._send_findings(plan, plan.hub, plan.findings, progress, stop)
        assert plan.chosen is not None  # noqa: S101 - only findings have no format
        body = b"".join(plan.chosen.render(plan.evidence))
        sha256 = hashlib.sha256(body).hexdigest()
        made = self.runner.make(DocumentDelivery(self.buckets, plan, plan.chosen.media_type, body, sha256))
        explanation = made.explanation
        explanation += "" if made.answer.is_success else f" The answer was: {made.answer.text}."
        return replace(_begin(plan, made.result, explanation), sha256=sha256, size_bytes=len(body))

    def send_all(
        self, plans: Sequence[DeliveryPlan], progress: Progress, stop: StopSignal | None = None
    ) -> tuple[DeliveryResult, ...]:
        """Send to each place. With several, a place that is refused doesn't keep the report from the others.

        :raises RootkeeperError: as ``send`` does, if it is the only place.
        """
        results = []
        for plan in plans:
            try:
                results.append(self.send(plan, progress, stop))
            except (AwsError, InputError) as error:
                if len(plans) == 1:
                    raise
                results.append(_begin(plan, Result.FAILED, error.message))
        return tuple(results)

    @property
    def runner(self) -> ChangeRunner:
        return ChangeRunner(self.ledger, self.clock)

    def check(self, plan: DeliveryPlan) -> None:
        """Check that Security Hub is on and can be read, without a change. The only call: securityhub:GetFindings.

        :raises AwsError: if it isn't, or can't.
        """
        if plan.hub is not None:
            self.findings.read_findings(plan.hub.region, plan.hub.product_arn, ["none"])

    def _send_findings(
        self, plan: DeliveryPlan, hub: SecurityHub, report: FindingReport, progress: Progress, stop: StopSignal | None
    ) -> DeliveryResult:
        self.check(plan)
        progress.start("Sending findings", plan.finding_count)
        result = _begin(plan, Result.DONE, "")
        for batch in split_batches((to_finding(report, finding, hub) for finding in report.findings), self.batch_size):
            if stop is not None and stop.asked_once():
                raise RunStoppedError(
                    f"Stopped between two batches: {result.arrived} of {result.findings} findings arrived.", hint=_AGAIN
                )
            number = result.batches + 1
            change = FindingsImport(self.findings, plan, hub, batch, number, self.reread_pauses_seconds)
            try:
                made = self._make_unthrottled(change)
            except AwsError as error:
                if result.batches == 0:
                    raise
                explanation = f"Batch {number} was refused: {error.message} {_AGAIN}"
                return replace(result, result=Result.FAILED, explanation=explanation)
            unread = made.explanation if made.shown is None else None
            failed = change.list_failed(made.shown or {}, made.answer, unread)
            result = replace(
                result,
                batches=number,
                arrived=result.arrived + len(batch) - len(failed),
                failed=result.failed + failed,
            )
            for _ in batch:
                progress.advance()
            if unread is not None:
                explanation = f"Batch {number} can't be read again: {unread} {_AGAIN}"
                return replace(result, result=Result.UNKNOWN, explanation=explanation)
        if result.failed:
            explanation = (
                f"{len(result.failed)} of {result.findings} findings aren't in Security Hub as they were sent."
            )
            return replace(result, result=Result.FAILED, explanation=explanation)
        return replace(result, explanation=f"Security Hub shows all {result.findings} findings as they were sent.")

    def _make_unthrottled(self, change: FindingsImport) -> ChangeResult[Mapping[str, Finding]]:
        """Make a change, and again after a pause while AWS throttles it; each time with an intent of its own."""
        for _ in range(_MOST_THROTTLES - 1):
            try:
                return self.runner.make(change)
            except AwsThrottledError:
                self.clock.sleep(_THROTTLED_PAUSE_SECONDS)
        return self.runner.make(change)


def _begin(plan: DeliveryPlan, result: Result, explanation: str) -> DeliveryResult:
    return DeliveryResult(
        target=str(plan.target),
        format=plan.format_name,
        place=plan.place,
        period=plan.evidence.period,
        result=result,
        explanation=explanation,
        findings=plan.finding_count,
    )
