"""Results of sending reports, as JSON."""

from __future__ import annotations

from collections.abc import Iterable

from rootkeeper.delivery.rules import DeliveryResult, FailedFinding
from rootkeeper.evidence.rules import Period
from rootkeeper.shapes import (
    SCHEMA_VERSION,
    Answer,
    Endpoint,
    JsonRecord,
    OrganizationId,
    fill_record,
    record,
    record_of,
)


@record_of(FailedFinding)
class FailedFindingRecord(JsonRecord):
    """A finding that isn't proven to be in Security Hub as it was sent."""


@record_of(
    DeliveryResult,
    inside={"period": Period},
    without=("stale_after",),
    renamed={"start": "period_start", "end": "period_end"},
)
class DeliveryRecord(JsonRecord):
    """One report, sent to one place."""


@record
class DeliveriesDocument(Answer):
    """Sent reports."""

    organization_id: OrganizationId
    endpoint: Endpoint
    deliveries: list[DeliveryRecord]


def deliveries_to_record(results: Iterable[DeliveryResult], organization_id: str, endpoint: str) -> DeliveriesDocument:
    return {
        "schema_version": SCHEMA_VERSION,
        "organization_id": organization_id,
        "endpoint": endpoint,
        "deliveries": [fill_record(DeliveryRecord, result) for result in results],
    }
