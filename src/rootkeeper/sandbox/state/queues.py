"""SQS standard queues and their messages, by ARN: one name can exist in each account and Region.

A message that was received becomes visible again at its time; messages past their retention are dropped when
somebody looks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

DEFAULT_ATTRIBUTES = {
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
}
"""Source: SQS CreateQueue, API version 2012-11-05."""


@dataclass(slots=True)
class QueuedMessage:
    """One message."""

    message_id: str
    body: str
    sent_at: datetime
    sender_id: str
    visible_at: datetime
    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    """Message attributes by name: ``DataType`` and ``StringValue``, or ``BinaryValue`` as base64."""
    receive_count: int = 0
    first_received_at: datetime | None = None
    receipt: str = ""
    """What the newest receipt handle holds."""


@dataclass(slots=True)
class Queue:
    """One standard queue."""

    name: str
    account_id: str
    region: str
    created_at: datetime
    modified_at: datetime
    partition: str = "aws"
    attributes: dict[str, str] = field(default_factory=dict)
    """Those that were set, the policy aside; the others have their defaults."""
    policy: str | None = None
    """JSON text, as it was set last."""
    previous_policy: str | None = None
    policy_changed_at: datetime | None = None
    tags: dict[str, str] = field(default_factory=dict)
    messages: dict[str, QueuedMessage] = field(default_factory=dict)
    """By message id, in the order in which they were sent."""
    purged_at: datetime | None = None

    @property
    def arn(self) -> str:
        return queue_arn(self.partition, self.region, self.account_id, self.name)

    def attribute(self, name: str) -> str:
        return self.attributes.get(name, DEFAULT_ATTRIBUTES.get(name, ""))

    def set_policy(self, policy: str | None, now: datetime) -> None:
        if policy != self.policy:
            self.previous_policy, self.policy, self.policy_changed_at = self.policy, policy, now

    def policy_in_force(self, now: datetime, lag_seconds: float) -> str | None:
        """Give the policy that decides: for a while after a change the one before."""
        changed_at = self.policy_changed_at
        is_propagating = changed_at is not None and (now - changed_at).total_seconds() < lag_seconds
        return self.previous_policy if is_propagating else self.policy

    def drop_old_messages(self, now: datetime) -> None:
        limit = now - timedelta(seconds=int(self.attribute("MessageRetentionPeriod")))
        for message_id in [m.message_id for m in self.messages.values() if m.sent_at < limit]:
            del self.messages[message_id]

    def visible_messages(self, now: datetime) -> list[QueuedMessage]:
        return [message for message in self.messages.values() if message.visible_at <= now]


@dataclass(slots=True)
class QueueStore:
    """All queues by ARN, and when names were given up."""

    queues: dict[str, Queue] = field(default_factory=dict)
    deleted_at: dict[str, datetime] = field(default_factory=dict)
    """By ARN; a deleted queue's name can't be used again for 60 seconds."""

    def add(self, queue: Queue) -> None:
        self.queues[queue.arn] = queue
        self.deleted_at.pop(queue.arn, None)

    def remove(self, queue: Queue, now: datetime) -> None:
        del self.queues[queue.arn]
        limit = now - timedelta(hours=1)
        self.deleted_at = {arn: moment for arn, moment in self.deleted_at.items() if moment > limit}
        self.deleted_at[queue.arn] = now

    def of_account(self, account_id: str, region: str) -> list[Queue]:
        found = (q for q in self.queues.values() if q.account_id == account_id and q.region == region)
        return sorted(found, key=lambda queue: queue.name)


def queue_arn(partition: str, region: str, account_id: str, name: str) -> str:
    return f"arn:{partition}:sqs:{region}:{account_id}:{name}"


@dataclass(frozen=True, slots=True)
class EventRule:
    """An EventBridge rule that forwards every Root event of the organization to a queue."""

    name: str
    queue_arn: str
