"""Results of sending reports, as JSON."""

from __future__ import annotations

from collections.abc import Iterable

from typing_extensions import TypedDict

from rootkeeper.delivery.rules import DeliveryResult
from rootkeeper.ledger.rules import Result
from rootkeeper.shapes import (
    SCHEMA_VERSION,
    AccountNumber,
    Answer,
    Count,
    Endpoint,
    Moment,
    OrganizationId,
    Sha256,
    fill_record,
    record,
)
from rootkeeper.values import json_time


@record
class FailedFindingRecord(TypedDict):
    """A finding that isn't proven to be in Security Hub as it was sent."""

    finding_id: str
    account_id: AccountNumber
    rule_id: str
    code: str
    """Security Hub's, or ``not_shown``, ``not_updated``, ``newer_exists`` or ``not_read``."""
    detail: str


@record
class DeliveryRecord(TypedDict):
    """One report, sent to one place."""

    target: str
    format: str
    place: str
    """The product's ARN, the object's address, or the file's path."""
    period_start: Moment
    period_end: Moment
    result: Result
    """``done``: a re-read shows all of it."""
    explanation: str
    findings: Count
    """How many were to be sent; 0 for a file or object."""
    arrived: Count
    """How many of them a re-read shows as they were sent."""
    batches: Count
    failed: list[FailedFindingRecord]
    sha256: Sha256 | None
    """Of the file or object."""
    size_bytes: Count | None


@record
class DeliveriesDocument(Answer):
    """Sent reports."""

    organization_id: OrganizationId
    endpoint: Endpoint
    deliveries: list[DeliveryRecord]


def delivery_to_record(result: DeliveryResult) -> DeliveryRecord:
    return fill_record(
        DeliveryRecord, result, period_start=json_time(result.period.start), period_end=json_time(result.period.end)
    )


def deliveries_to_record(results: Iterable[DeliveryResult], organization_id: str, endpoint: str) -> DeliveriesDocument:
    return {
        "schema_version": SCHEMA_VERSION,
        "organization_id": organization_id,
        "endpoint": endpoint,
        "deliveries": [delivery_to_record(result) for result in results],
    }
