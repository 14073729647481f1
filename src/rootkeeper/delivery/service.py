"""Sends a planned report to Security Hub, to a bucket or to a file.

Each call is intent, call, re-read, outcome. Only the re-read proves that something arrived, not AWS's answer: every
finding of a batch must be shown as it was sent, and an object must have the checksum of the report. A batch that can't
be read again stops those after it. Sending the report again completes it, because findings keep their ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rootkeeper.aws.report_places import ReportBuckets, SecurityHubFindings
from rootkeeper.aws.rules import RejectedFinding
from rootkeeper.changes.rules import describe_error
from rootkeeper.clock import Clock
from rootkeeper.database.files import open_replacing, sync_folder
from rootkeeper.delivery.planning import DeliveryPlan
from rootkeeper.delivery.rules import (
    MOST_FINDINGS,
    DeliveryResult,
    FailedFinding,
    describe_failed,
    evaluate_batch,
    split_batches,
)
from rootkeeper.delivery.targets import TargetKind
from rootkeeper.errors import (
    AwsError,
    AwsThrottledError,
    AwsUnclearError,
    AwsUnreachableError,
    InputError,
    LockLostError,
    RunStoppedError,
)
from rootkeeper.findings.rules import FindingReport
from rootkeeper.ledger.rules import Action, Intent, Result
from rootkeeper.ledger.store import Ledger
from rootkeeper.organization.progress import Progress, StopSignal
from rootkeeper.reports.asff import SecurityHub, to_finding
from rootkeeper.values import JsonValue, canonical_json

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
        return self._send_document(plan)

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

    # Security Hub.

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
            try:
                sent = self._send_batch(plan, hub, batch, result.batches + 1)
            except AwsError as error:
                if result.batches == 0:
                    raise
                explanation = f"Batch {result.batches + 1} was refused: {error.message} {_AGAIN}"
                return replace(result, result=Result.FAILED, explanation=explanation)
            result = replace(
                result,
                batches=result.batches + 1,
                arrived=result.arrived + len(batch) - len(sent.failed),
                failed=result.failed + sent.failed,
            )
            for _ in batch:
                progress.advance()
            if sent.result is Result.UNKNOWN:
                explanation = f"Batch {result.batches} can't be read again: {sent.explanation} {_AGAIN}"
                return replace(result, result=Result.UNKNOWN, explanation=explanation)
        if result.failed:
            explanation = (
                f"{len(result.failed)} of {result.findings} findings aren't in Security Hub as they were sent."
            )
            return replace(result, result=Result.FAILED, explanation=explanation)
        return replace(result, explanation=f"Security Hub shows all {result.findings} findings as they were sent.")

    def _send_batch(self, plan: DeliveryPlan, hub: SecurityHub, batch: tuple[Any, ...], number: int) -> _SentBatch:
        throttles = 0
        while True:
            intent = self._record_intent(plan, hub, batch, number)
            answer = "success"
            rejected: tuple[RejectedFinding, ...] = ()
            try:
                rejected = self.findings.import_findings(hub.region, batch, intent)
            except AwsThrottledError as error:
                self.ledger.append_outcome(intent, Result.FAILED, describe_error(error))
                throttles += 1
                if throttles >= _MOST_THROTTLES:
                    raise
                self.clock.sleep(_THROTTLED_PAUSE_SECONDS)
                continue
            except (AwsUnclearError, AwsUnreachableError) as error:
                answer = error.aws_code or error.code
            except (AwsError, LockLostError) as error:
                self.ledger.append_outcome(intent, Result.FAILED, describe_error(error))
                raise
            return self._prove_batch(hub, batch, rejected, answer, intent)

    def _record_intent(self, plan: DeliveryPlan, hub: SecurityHub, batch: tuple[Any, ...], number: int) -> Intent:
        parameters: dict[str, JsonValue] = {
            "target": str(plan.target),
            "product_arn": hub.product_arn,
            "batch": number,
            "findings": len(batch),
            "findings_sha256": hashlib.sha256(canonical_json(batch).encode()).hexdigest(),
            "period_end": plan.evidence.period.end.isoformat(),
        }
        return self.ledger.append_intent(Action.FINDINGS_IMPORT, parameters=parameters)

    def _prove_batch(
        self,
        hub: SecurityHub,
        batch: tuple[Any, ...],
        rejected: tuple[RejectedFinding, ...],
        answer: str,
        intent: Intent,
    ) -> _SentBatch:
        """Read the batch again, for a while until all of it is shown, and record the outcome."""
        wanted = [
            finding["Id"] for finding in batch if finding["Id"] not in {refused.finding_id for refused in rejected}
        ]
        shown: dict[str, Any] = {}
        failed: tuple[FailedFinding, ...] = ()
        for pause in (*self.reread_pauses_seconds, None):
            missing = [finding_id for finding_id in wanted if finding_id not in shown]
            try:
                shown |= self.findings.read_findings(hub.region, hub.product_arn, missing)
            except AwsError as error:
                # It isn't known which findings of the batch arrived.
                self.ledger.append_outcome(intent, Result.UNKNOWN, {"answer": answer, "reread": describe_error(error)})
                failed = evaluate_batch(batch, rejected, {}, unread=error.message)
                return _SentBatch(Result.UNKNOWN, failed, error.message)
            failed = evaluate_batch(batch, rejected, shown)
            if pause is None or all(failure.is_final for failure in failed):
                break
            for failure in failed:
                shown.pop(failure.finding_id, None)
            self.clock.sleep(pause)
        result = Result.FAILED if failed else Result.DONE
        details: dict[str, JsonValue] = {
            "answer": answer,
            "arrived": len(batch) - len(failed),
            "failed": describe_failed(failed),
        }
        self.ledger.append_outcome(intent, result, details)
        return _SentBatch(result, failed)

    # Files and objects.

    def _send_document(self, plan: DeliveryPlan) -> DeliveryResult:
        assert plan.chosen is not None  # noqa: S101 - only findings have no format
        body = b"".join(plan.chosen.render(plan.evidence))
        sha256 = hashlib.sha256(body).hexdigest()
        parameters: dict[str, JsonValue] = {
            "target": str(plan.target),
            "place": plan.place,
            "format": plan.format_name,
            "sha256": sha256,
            "size_bytes": len(body),
            "period_end": plan.evidence.period.end.isoformat(),
        }
        intent = self.ledger.append_intent(Action.REPORT_SEND, parameters=parameters)
        answer = self._put(plan, body, intent)
        result, explanation = self._prove_document(plan, sha256)
        self.ledger.append_outcome(intent, result, {"answer": answer, "reread": explanation})
        explanation += "" if answer == "success" else f" The answer was: {answer}."
        return replace(_begin(plan, result, explanation), sha256=sha256, size_bytes=len(body))

    def _put(self, plan: DeliveryPlan, body: bytes, intent: Intent) -> str:
        """Send it once. Record and raise a clear refusal; the re-read settles any other error."""
        assert plan.chosen is not None  # noqa: S101 - only findings have no format
        try:
            if plan.target.kind is TargetKind.FILE:
                place = Path(plan.place)
                with open_replacing(place) as target:
                    target.write(body)
                sync_folder(place.parent)
            else:
                bucket, key = _split_address(plan.place)
                self.buckets.put_report(bucket, key, body, plan.chosen.media_type, intent)
        except (AwsUnclearError, AwsUnreachableError) as error:
            return error.aws_code or error.code
        except (AwsError, LockLostError) as error:
            self.ledger.append_outcome(intent, Result.FAILED, describe_error(error))
            raise
        except OSError as error:
            self.ledger.append_outcome(intent, Result.FAILED, {"error": "file", "message": error.strerror})
            raise InputError(
                f"{plan.place} can't be written: {error.strerror}.", hint="Check the folder and its permissions."
            ) from error
        return "success"

    def _prove_document(self, plan: DeliveryPlan, sha256: str) -> tuple[Result, str]:
        try:
            if plan.target.kind is TargetKind.FILE:
                found = _find_sha256(Path(plan.place))
            else:
                found = self.buckets.read_sha256(*_split_address(plan.place))
        except (AwsError, OSError) as error:
            reason = error.message if isinstance(error, AwsError) else error.strerror
            return Result.UNKNOWN, f"The report was sent, but it can't be read again: {reason}"
        if found == sha256:
            return Result.DONE, f"{plan.place} has the report, as a re-read of its SHA-256 shows."
        if found == "":
            return Result.UNKNOWN, f"{plan.place} is there, but S3 shows no SHA-256 of it."
        what = "isn't there" if found is None else "has another content"
        return Result.FAILED, f"{plan.place} {what}, as a re-read shows."


@dataclass(frozen=True, slots=True)
class _SentBatch:
    """The result of a batch."""

    result: Result
    failed: tuple[FailedFinding, ...]
    explanation: str = ""


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


def _split_address(place: str) -> tuple[str, str]:
    bucket, _, key = place.removeprefix("s3://").partition("/")
    return bucket, key


def _find_sha256(path: Path) -> str | None:
    """Hash the content of a file; ``None`` if there is no file."""
    try:
        with path.open("rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest()
    except FileNotFoundError:
        return None
