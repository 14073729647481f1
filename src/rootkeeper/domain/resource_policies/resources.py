"""What can be unlocked: a bucket or a queue of one account, and how AWS names and limits it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from types import MappingProxyType

from rootkeeper.domain.ledger import Action
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.errors import InputError, TargetRefusedError


class ResourceKind(StrEnum):
    """The service, as command lines and outputs name it."""

    BUCKET = "s3"
    QUEUE = "sqs"

    @property
    def noun(self) -> str:
        return "bucket" if self is ResourceKind.BUCKET else "queue"

    @property
    def task_policy(self) -> TaskPolicy:
        """Of the root sessions that reach it."""
        return TaskPolicy.UNLOCK_BUCKET if self is ResourceKind.BUCKET else TaskPolicy.UNLOCK_QUEUE

    @property
    def save_action(self) -> Action:
        return Action.BUCKET_POLICY_SAVE if self is ResourceKind.BUCKET else Action.QUEUE_POLICY_SAVE

    @property
    def fix_actions(self) -> tuple[str, ...]:
        """Whoever may do one of them can change the policy without the root user, in lower case.

        ``sqs:RemovePermission`` isn't among them: it takes away labelled statements only.
        """
        if self is ResourceKind.BUCKET:
            return ("s3:deletebucketpolicy", "s3:putbucketpolicy")
        return ("sqs:setqueueattributes",)

    @property
    def policy_limit_bytes(self) -> int:
        """Source: S3 PutBucketPolicy, API version 2006-03-01; SQS Developer Guide, "Policy quotas"."""
        return 20 * 1024 if self is ResourceKind.BUCKET else 8192

    @property
    def statement_limit(self) -> int | None:
        """Source: SQS Developer Guide, "Policy quotas"; S3 publishes none."""
        return None if self is ResourceKind.BUCKET else 20


def change_action(kind: ResourceKind, *, removes: bool) -> Action:
    """What the ledger calls the change; SQS has one call for both."""
    if kind is ResourceKind.QUEUE:
        return Action.QUEUE_POLICY_SET
    return Action.BUCKET_POLICY_DELETE if removes else Action.BUCKET_POLICY_PUT


@dataclass(frozen=True, slots=True)
class Resource:
    """One bucket or queue."""

    kind: ResourceKind
    account_id: AccountId
    name: str
    region: str
    partition: str

    @property
    def arn(self) -> str:
        if self.kind is ResourceKind.BUCKET:
            return f"arn:{self.partition}:s3:::{self.name}"
        return f"arn:{self.partition}:sqs:{self.region}:{self.account_id}:{self.name}"

    def __str__(self) -> str:
        return f"{self.kind.noun} {self.name} ({self.region}) of account {self.account_id}"


_NAMES: Mapping[ResourceKind, re.Pattern[str]] = MappingProxyType(
    {
        ResourceKind.BUCKET: re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}"),
        ResourceKind.QUEUE: re.compile(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo"),
    }
)
"""Old names of buckets included; never an ARN of an access point, nor anything that reaches another path.

Source: S3 User Guide, "Bucket naming rules"; SQS CreateQueue, API version 2012-11-05.
"""


def require_resource_name(kind: ResourceKind, name: str) -> None:
    """:raises InputError: if AWS gives no such names."""
    if not _NAMES[kind].fullmatch(name):
        raise InputError(
            f"{name!r} is not the name of a {kind.noun}.",
            hint=f"Give the bare name, not an ARN or a URL: rootkeeper unlock {kind.value} ACCOUNT lists them.",
        )


def is_protected(name: str, patterns: Sequence[str]) -> bool:
    """Whether the settings keep the name from being touched."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def require_unprotected(kind: ResourceKind, name: str, patterns: Sequence[str]) -> None:
    """:raises TargetRefusedError: if the settings keep the name from being touched."""
    caught = [pattern for pattern in patterns if fnmatchcase(name, pattern)]
    if caught:
        raise TargetRefusedError(
            f"The policy of {kind.noun} {name} is protected by the pattern {caught[0]!r}; nothing was done.",
            hint="Protected names stand in the settings under unlock.protect (ROOTKEEPER_UNLOCK_PROTECT).",
        )
