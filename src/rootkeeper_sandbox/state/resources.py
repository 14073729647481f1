"""S3 buckets, SQS queues, event rules and account contacts, in memory and bounded by the services that change them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

ENABLED = "Enabled"
SUSPENDED = "Suspended"
NULL_VERSION = "null"
"""The version id of objects that were put while their bucket had no versioning."""


@dataclass(slots=True)
class Retention:
    """Until when a version can't be deleted; ``COMPLIANCE`` can't be bypassed."""

    mode: str
    until: datetime


@dataclass(slots=True)
class ObjectVersion:
    """A version of an object, or a marker that it is deleted."""

    version_id: str
    modified_at: datetime
    etag: str = ""
    """With its quotes, as on the wire."""
    body: bytes = field(default=b"", repr=False)
    headers: dict[str, str] = field(default_factory=dict)
    """Headers answered as they were put, by the model's member: ``ContentType``, ``CacheControl``, …"""
    metadata: dict[str, str] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)
    """By the model's member, such as ``ChecksumCRC32``."""
    retention: Retention | None = None
    is_delete_marker: bool = False

    @property
    def size_bytes(self) -> int:
        return len(self.body)


@dataclass(slots=True)
class DefaultRetention:
    """The retention that a bucket gives to new versions without a retention of their own."""

    mode: str
    days: int


ALL_PUBLIC_ACCESS_BLOCKS = frozenset({
    "BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets",
})  # fmt: skip
"""The blocks of new buckets. Source: Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage"."""

DEFAULT_ENCRYPTION: dict[str, Any] = {
    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
}
"""In the shape of the API. Source: Amazon S3 User Guide, "Setting default server-side encryption behavior"."""


@dataclass(slots=True)
class Bucket:
    name: str
    account_id: str
    region: str
    created_at: datetime
    policy: str | None = None
    """JSON text, as it was given."""
    versioning: str | None = None
    """``None`` until it was switched on for the first time."""
    has_object_lock: bool = False
    default_retention: DefaultRetention | None = None
    tags: dict[str, str] = field(default_factory=dict)
    public_access_block: frozenset[str] | None = ALL_PUBLIC_ACCESS_BLOCKS
    """The settings that are on; ``None`` without a configuration."""
    encryption: dict[str, Any] = field(default_factory=lambda: DEFAULT_ENCRYPTION)
    objects: dict[str, list[ObjectVersion]] = field(default_factory=dict)
    """By key, the newest version last; a key without versions isn't there."""

    def find_version(self, key: str, version_id: str | None = None) -> ObjectVersion | None:
        """Find a version, or the newest; it may be a delete marker."""
        versions = self.objects.get(key, [])
        if version_id is None:
            return versions[-1] if versions else None
        return next((version for version in versions if version.version_id == version_id), None)

    def add_version(self, key: str, version: ObjectVersion) -> None:
        """Put the newest version; a version with the same id, which only ``null`` can be, is replaced."""
        versions = [old for old in self.objects.get(key, []) if old.version_id != version.version_id]
        self.objects[key] = [*versions, version]

    def remove_version(self, key: str, version_id: str) -> None:
        versions = [version for version in self.objects.get(key, []) if version.version_id != version_id]
        if versions:
            self.objects[key] = versions
        else:
            self.objects.pop(key, None)


@dataclass(slots=True)
class BucketStore:
    """All buckets by name, which is unique across accounts and Regions."""

    buckets: dict[str, Bucket] = field(default_factory=dict)

    def of_account(self, account_id: str) -> list[Bucket]:
        """List an account's buckets by name, as ListBuckets does."""
        return sorted((b for b in self.buckets.values() if b.account_id == account_id), key=lambda b: b.name)

    def count_bytes(self) -> int:
        return sum(
            version.size_bytes
            for bucket in self.buckets.values()
            for versions in bucket.objects.values()
            for version in versions
        )

    def count_versions(self) -> int:
        return sum(len(versions) for bucket in self.buckets.values() for versions in bucket.objects.values())


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
    """The receipt in the newest handle."""


@dataclass(slots=True)
class Queue:
    """A standard queue."""

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
        """Give the policy that decides: for a while after a change, the previous policy."""
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


@dataclass(slots=True)
class BusRule:
    """A rule of an account's default event bus, as PutRule was given it; it forwards nothing."""

    name: str
    arn: str
    account_id: str
    region: str
    state: str
    event_pattern: str | None = None
    schedule_expression: str | None = None
    description: str | None = None
    role_arn: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By id, in the shape of the API."""


@dataclass(slots=True)
class BusRuleStore:
    """All rules of event buses by ARN."""

    rules: dict[str, BusRule] = field(default_factory=dict)

    def of_account(self, account_id: str, region: str) -> list[BusRule]:
        found = (rule for rule in self.rules.values() if rule.account_id == account_id and rule.region == region)
        return sorted(found, key=lambda rule: rule.name)


OTP_LIFETIME = timedelta(hours=24)
"""Source: Account Management guide, "Update the root user email address" (aws-facts E2)."""


@dataclass(slots=True)
class EmailUpdate:
    """A change of the root e-mail address, waiting for the one-time password that went to the new address."""

    new_email: str
    otp: str = field(repr=False)
    started_at: datetime
    accepted_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        return self.accepted_at is None and now < self.started_at + OTP_LIFETIME


@dataclass(slots=True)
class AccountContacts:
    """The contacts of an account, in the shape of the API."""

    contact_information: dict[str, str] = field(default_factory=dict)
    alternate_contacts: dict[str, dict[str, str]] = field(default_factory=dict)
    """By type: ``BILLING``, ``OPERATIONS``, ``SECURITY``."""
    email_update: EmailUpdate | None = None


@dataclass(slots=True)
class ContactStore:
    """Contacts by account id; most accounts never get any."""

    accounts: dict[str, AccountContacts] = field(default_factory=dict)

    def of_account(self, account_id: str) -> AccountContacts:
        return self.accounts.setdefault(account_id, AccountContacts())

    def find(self, account_id: str) -> AccountContacts | None:
        return self.accounts.get(account_id)
