"""Deliveries and tests of notification targets as JSON."""

from __future__ import annotations

from typing import Annotated, Literal

from typing_extensions import TypedDict

from rootkeeper.notifications.rules import DeliveryState, Severity
from rootkeeper.shapes import AccountNumber, Answer, Count, JsonSchema, Moment, record


@record
class DeliveryRecord(TypedDict):
    """The delivery of one notification to one target."""

    notification_id: Annotated[str, JsonSchema(pattern="^n-[0-9a-f]+$")]
    """The same at each target and at each attempt."""
    created_at: Moment
    event: str
    """``resource:action:outcome``, such as ``window:close:failed``."""
    severity: Severity
    title: str
    account_id: AccountNumber | None
    window_id: str | None
    target: str
    """The target's name in ``notifications.targets``."""
    state: DeliveryState
    attempts: Count
    next_attempt_at: Moment | None
    delivered_at: Moment | None
    failure: str | None
    """Why the last attempt failed."""


@record
class NotificationDeliveriesDocument(Answer):
    """Deliveries of notifications."""

    deliveries: list[DeliveryRecord]


@record
class TargetTestRecord(TypedDict):
    """The result of a test of one target."""

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
