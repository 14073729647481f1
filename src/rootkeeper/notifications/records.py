"""Deliveries and tests of notification targets as JSON."""

from __future__ import annotations

from typing import Annotated, Literal

from rootkeeper.notifications.rules import Delivery, Notification, NotificationTarget, Severity
from rootkeeper.shapes import Answer, JsonRecord, JsonSchema, filled_from, record, record_of


@record_of(
    Delivery,
    inside={"notification": Notification},
    without=("body", "at", "organization_id", "endpoint", "deduplication_key", "person"),
    before={
        "created_at": "target",
        "event": "target",
        "severity": "target",
        "title": "target",
        "account_id": "target",
        "window_id": "target",
    },
)
class NotificationDeliveryRecord(JsonRecord):
    """The delivery of a notification to a target."""

    notification_id: Annotated[str, JsonSchema(pattern="^n-[0-9a-f]+$")]
    """The same at each target and at each attempt."""
    event: str
    """``resource:action:outcome``, such as ``window:close:failed``."""
    title: str


@record
class NotificationDeliveriesDocument(Answer):
    """Deliveries of notifications."""

    deliveries: list[NotificationDeliveryRecord]


@record_of(NotificationTarget, renamed={"name": "target", "least": "least_severity"})
class TargetRecord(JsonRecord):
    """A target as the settings name it."""

    failure: str | None
    """Why the latest attempt of the last two days failed; ``null`` if it didn't."""


@record
class NotificationTargetsDocument(Answer):
    """Notification targets."""

    targets: list[TargetRecord]


@filled_from(target="target.name", least_severity="target.least", failure="failure.message", hint="failure.hint")
class TargetTestRecord(JsonRecord):
    """The result of a test of a target."""

    target: str
    least_severity: Severity
    result: Literal["taken", "failed"]
    failure: str | None
    """Why the target refused it."""
    hint: str | None


@record
class NotificationTestDocument(Answer):
    """Tests of notification targets."""

    targets: list[TargetTestRecord]
