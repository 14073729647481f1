"""The sending of a report as changes: a batch of findings to Security Hub, a document to a bucket or a file.

Only the re-read proves that something arrived: each finding must be shown as it was sent, and the document must have
the checksum of the report.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rootkeeper.aws.report_places import ReportBuckets, SecurityHubFindings
from rootkeeper.aws.rules import RejectedFinding
from rootkeeper.changes.rules import Answer, Change, Evaluation, describe_error
from rootkeeper.database.files import open_replacing, sync_folder
from rootkeeper.delivery.planning import DeliveryPlan
from rootkeeper.delivery.rules import FailedFinding, Finding, compare_shown, describe_failed, evaluate_batch
from rootkeeper.delivery.targets import TargetKind
from rootkeeper.errors import InputError, RootkeeperError
from rootkeeper.ledger.rules import Action, Intent, Result
from rootkeeper.reports.asff import SecurityHub
from rootkeeper.values import JsonValue, canonical_json


@dataclass(slots=True)
class FindingsImport(Change[Mapping[str, Finding]]):
    """A batch of findings for Security Hub. Remembers which of them have arrived, and reads only the others again."""

    security_hub: SecurityHubFindings
    plan: DeliveryPlan
    hub: SecurityHub
    batch: tuple[Finding, ...]
    number: int
    """Of the batch, from 1."""
    pauses_seconds: tuple[float, ...]
    _awaited: dict[str, Finding] = field(init=False)
    """By id, the findings that a re-read must still show."""
    _shown: dict[str, Finding] = field(init=False, default_factory=dict)
    action = Action.FINDINGS_IMPORT
    account_id = None

    def __post_init__(self) -> None:
        self._awaited = {finding["Id"]: finding for finding in self.batch}

    @property
    def parameters(self) -> Mapping[str, JsonValue]:
        return {
            "target": str(self.plan.target),
            "product_arn": self.hub.product_arn,
            "batch": self.number,
            "findings": len(self.batch),
            "findings_sha256": hashlib.sha256(canonical_json(self.batch).encode()).hexdigest(),
            "period_end": self.plan.evidence.period.end.isoformat(),
        }

    def send(self, intent: Intent) -> tuple[RejectedFinding, ...]:
        rejected = self.security_hub.import_findings(self.hub.region, self.batch, intent)
        for rejection in rejected:
            self._awaited.pop(rejection.finding_id, None)
        return rejected

    def observe(self) -> Mapping[str, Finding]:
        self._shown |= self.security_hub.read_findings(self.hub.region, self.hub.product_arn, list(self._awaited))
        self._awaited = {
            finding_id: finding
            for finding_id, finding in self._awaited.items()
            if compare_shown(finding, self._shown.get(finding_id)) is not None
        }
        return self._shown

    def evaluate(self, shown: Mapping[str, Finding], answer: Answer | None) -> Evaluation:
        failed = self.list_failed(shown, answer)
        arrived = len(self.batch) - len(failed)
        return Evaluation(
            Result.FAILED if failed else Result.DONE,
            f"Security Hub shows {arrived} of {len(self.batch)} findings as they were sent.",
            is_settled=all(failure.is_final for failure in failed),
            details={"arrived": arrived, "failed": describe_failed(failed)},
        )

    def evaluate_unread(self, error: RootkeeperError, answer: Answer | None) -> Evaluation:  # noqa: ARG002 - no answer proves it
        """Which findings of the batch arrived isn't known."""
        return Evaluation(None, error.message, details={"reread": describe_error(error)})

    def list_failed(
        self, shown: Mapping[str, Finding], answer: Answer | None, unread: str | None = None
    ) -> tuple[FailedFinding, ...]:
        """List the findings that aren't proven to be in Security Hub as they were sent.

        :param unread: why the batch can't be read again.
        """
        rejected = () if answer is None or answer.value is None else answer.value
        return evaluate_batch(self.batch, rejected, shown, unread)


@dataclass(frozen=True, slots=True)
class DocumentDelivery(Change[str | OSError | None]):
    """A document in a bucket or a file. A re-read shows its SHA-256; nothing; or why the file can't be read."""

    buckets: ReportBuckets
    plan: DeliveryPlan
    media_type: str
    body: bytes = field(repr=False)
    sha256: str
    action = Action.REPORT_SEND
    account_id = None
    pauses_seconds = ()

    @property
    def parameters(self) -> Mapping[str, JsonValue]:
        return {
            "target": str(self.plan.target),
            "place": self.plan.place,
            "format": self.plan.format_name,
            "sha256": self.sha256,
            "size_bytes": len(self.body),
            "period_end": self.plan.evidence.period.end.isoformat(),
        }

    def send(self, intent: Intent) -> None:
        """:raises InputError: if the file can't be written. All else as any change."""
        if self.plan.target.kind is not TargetKind.FILE:
            self.buckets.put_report(*self._address, self.body, self.media_type, intent)
            return
        path = Path(self.plan.place)
        try:
            with open_replacing(path) as target:
                target.write(self.body)
            sync_folder(path.parent)
        except OSError as error:
            raise InputError(
                f"{path} can't be written: {error.strerror}.", hint="Check the folder and its permissions."
            ) from error

    def observe(self) -> str | OSError | None:
        if self.plan.target.kind is not TargetKind.FILE:
            return self.buckets.read_sha256(*self._address)
        try:
            with Path(self.plan.place).open("rb") as source:
                return hashlib.file_digest(source, "sha256").hexdigest()
        except FileNotFoundError:
            return None
        except OSError as error:
            return error

    def evaluate(self, shown: str | OSError | None, answer: Answer | None) -> Evaluation:  # noqa: ARG002 - the checksum alone
        place = self.plan.place
        if isinstance(shown, OSError):
            return _describe_unread(shown.strerror)
        if shown == self.sha256:
            return Evaluation(Result.DONE, f"{place} has the report, as a re-read of its SHA-256 shows.")
        if shown == "":
            return Evaluation(Result.UNKNOWN, f"{place} is there, but S3 shows no SHA-256 of it.")
        what = "isn't there" if shown is None else "has another content"
        return Evaluation(Result.FAILED, f"{place} {what}, as a re-read shows.")

    def evaluate_unread(self, error: RootkeeperError, answer: Answer | None) -> Evaluation:  # noqa: ARG002 - no answer proves it
        return _describe_unread(error.message)

    @property
    def _address(self) -> tuple[str, str]:
        bucket, _, key = self.plan.place.removeprefix("s3://").partition("/")
        return bucket, key


def _describe_unread(reason: str | None) -> Evaluation:
    return Evaluation(None, f"The report was sent, but it can't be read again: {reason}")
