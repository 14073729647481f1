"""Deliveries and tests of notification targets as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from typing_extensions import TypedDict

from rootkeeper.notifications.rules import Delivery, Severity
from rootkeeper.shapes import AccountNumber, Answer, JsonRecord, JsonSchema, fill_record, record, record_of

if TYPE_CHECKING:
    from rootkeeper.notifications.service import TargetTrial


@record_of(
    Delivery,
    without=("notification",),
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
    severity: Severity
    title: str
    account_id: AccountNumber | None
    window_id: str | None


@record
class NotificationDeliveriesDocument(Answer):
    """Deliveries of notifications."""

    deliveries: list[NotificationDeliveryRecord]


@record
class TargetRecord(TypedDict):
    """A target as the settings name it."""

    target: str
    least_severity: Severity
    """Less urgent notifications aren't sent there."""
    reference: str
    """``env:VARIABLE`` or ``file:PATH``, which contains the target's URL. The URL itself is shown nowhere."""
    failure: str | None
    """Why the latest attempt of the last two days failed; ``null`` if it didn't."""


@record
class NotificationTargetsDocument(Answer):
    """Notification targets."""

    targets: list[TargetRecord]


@record
class TargetTestRecord(TypedDict):
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


def trial_to_record(trial: TargetTrial) -> TargetTestRecord:
    failure = trial.failure
    return {
        "target": trial.target.name,
        "least_severity": trial.target.least,
        "result": "taken" if failure is None else "failed",
        "failure": None if failure is None else failure.message,
        "hint": None if failure is None else failure.hint,
    }


def delivery_to_record(delivery: Delivery) -> NotificationDeliveryRecord:
    notification = delivery.notification
    return fill_record(
        NotificationDeliveryRecord,
        delivery,
        event=notification.event.value,
        severity=notification.severity.value,
        title=notification.title,
        account_id=notification.account_id,
        window_id=notification.window_id,
    )
