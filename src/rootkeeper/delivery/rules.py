"""How findings are cut into batches, and how a re-read proves that they arrived."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from rootkeeper.aws.rules import RejectedFinding
from rootkeeper.evidence.rules import Period
from rootkeeper.ledger.rules import Action, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.shapes import Count, Sha256
from rootkeeper.values import JsonValue, parse_instant

MOST_FINDINGS = 100
"""Per call. Source: Security Hub BatchImportFindings, API version 2018-10-26."""
Finding = Mapping[str, Any]


def split_batches(findings: Iterable[Finding], most: int) -> Iterator[tuple[Finding, ...]]:
    walking = iter(findings)
    while batch := tuple(islice(walking, most)):
        yield batch


NOT_SHOWN, NOT_UPDATED = "not_shown", "not_updated"


@dataclass(frozen=True, slots=True)
class FailedFinding:
    """A finding that isn't proven to be in Security Hub as it was sent."""

    finding_id: str
    account_id: AccountId
    rule_id: str
    code: str
    """Security Hub's, or ``not_shown``, ``not_updated``, ``newer_exists`` or ``not_read``."""
    detail: str

    @property
    def is_final(self) -> bool:
        """Whether reading it again later shows nothing else."""
        return self.code not in (NOT_SHOWN, NOT_UPDATED)


def describe_failure(finding: Finding, code: str, detail: str) -> FailedFinding:
    account = str(finding["Resources"][0]["Id"]).removeprefix("AWS::::Account:")
    rule_id = str(finding["GeneratorId"]).rpartition("/")[2]
    return FailedFinding(str(finding["Id"]), AccountId(account), rule_id, code, detail)


def compare_shown(sent: Finding, shown: Finding | None) -> FailedFinding | None:
    """Compare a sent finding with the finding that Security Hub shows; ``None`` if it is there as it was sent."""
    if shown is None:
        return describe_failure(sent, NOT_SHOWN, "Security Hub doesn't show it.")
    if _judgement(sent) == _judgement(shown) and _read_time(shown) == _read_time(sent):
        return None
    if _read_time(shown) > _read_time(sent):
        detail = f"Security Hub has a newer state, of {shown['UpdatedAt']}, and ignores older ones."
        return describe_failure(sent, "newer_exists", detail)
    status = shown.get("Compliance", {}).get("Status", "no status")
    detail = f"Security Hub still shows {status}, of {shown['UpdatedAt']}. It ignores an update that isn't newer."
    return describe_failure(sent, NOT_UPDATED, detail)


def _judgement(finding: Finding) -> tuple[Any, ...]:
    severity = finding.get("FindingProviderFields", {}).get("Severity", {}).get("Label")
    return finding.get("Compliance", {}).get("Status"), finding.get("RecordState"), severity


def _read_time(finding: Finding) -> datetime:
    return parse_instant(finding["UpdatedAt"])


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """The result of sending a report to a place."""

    target: str
    format: str
    place: str
    """The product's ARN, the object's address, or the file's path."""
    period: Period
    result: Result
    """``done``: a re-read shows all of it."""
    explanation: str
    findings: Count = 0
    """How many were to be sent; 0 for a file or object."""
    arrived: Count = 0
    """How many of them a re-read shows as they were sent."""
    batches: Count = 0
    failed: tuple[FailedFinding, ...] = ()
    sha256: Sha256 | None = None
    """Of the file or object."""
    size_bytes: Count | None = None


def evaluate_batch(
    batch: Sequence[Finding],
    rejected: Iterable[RejectedFinding],
    shown: Mapping[str, Finding],
    unread: str | None = None,
) -> tuple[FailedFinding, ...]:
    """Name each finding of a batch that isn't shown as it was sent; AWS's own refusal comes first.

    :param unread: why the batch can't be read again, so that none is shown.
    """
    refused = {rejection.finding_id: rejection for rejection in rejected}
    failed: list[FailedFinding | None] = []
    for finding in batch:
        if (refusal := refused.get(finding["Id"])) is not None:
            failed.append(describe_failure(finding, refusal.code, refusal.message))
        elif unread is not None:
            failed.append(describe_failure(finding, "not_read", unread))
        else:
            failed.append(compare_shown(finding, shown.get(finding["Id"])))
    return tuple(failure for failure in failed if failure is not None)


DELIVERY_ACTIONS = frozenset({Action.FINDINGS_IMPORT, Action.REPORT_SEND})
INTERRUPTED = (
    "Interrupted: it isn't known whether it arrived. Send the report again; what has arrived is updated, not doubled."
)


def describe_failed(failed: Iterable[FailedFinding]) -> list[JsonValue]:
    """List failures for the ledger, without texts from outside."""
    return [
        {
            "finding_id": failure.finding_id,
            "account_id": failure.account_id,
            "rule_id": failure.rule_id,
            "code": failure.code,
        }
        for failure in failed
    ]
