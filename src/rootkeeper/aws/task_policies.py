"""The five task policies of AssumeRoot, and the resources that two of them unlock.

The five task policies of AssumeRoot; every root session is opened with the least of them.

Source: IAM User Guide, AWS managed policies, path ``root-task/``.

What can be unlocked: a bucket or a queue of one account, and how AWS names and limits it.

Policies of buckets and queues, as a root session of an unlock task reaches them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Protocol

from rootkeeper.errors import InputError, TargetRefusedError
from rootkeeper.ledger.rules import Action, Intent
from rootkeeper.organization.accounts import AccountId


class TaskPolicy(StrEnum):
    """Names of the task policies, as in their ARNs."""

    AUDIT = "IAMAuditRootUserCredentials"
    CREATE_PASSWORD = "IAMCreateRootUserPassword"  # noqa: S105 - a policy's name
    DELETE = "IAMDeleteRootUserCredentials"
    UNLOCK_BUCKET = "S3UnlockBucketPolicy"
    UNLOCK_QUEUE = "SQSUnlockQueuePolicy"

    def arn(self, partition: str) -> str:
        return f"arn:{partition}:iam::aws:policy/root-task/{self.value}"

    @property
    def actions(self) -> tuple[str, ...]:
        """What a session of this task may do on the root user, its buckets or its queues."""
        return TASK_ACTIONS[self]


TASK_ACTIONS: Mapping[TaskPolicy, tuple[str, ...]] = {
    TaskPolicy.AUDIT: (
        "iam:GetAccessKeyLastUsed",
        "iam:GetAccountSummary",
        "iam:GetLoginProfile",
        "iam:GetUser",
        "iam:ListAccessKeys",
        "iam:ListMFADevices",
        "iam:ListSigningCertificates",
    ),
    TaskPolicy.CREATE_PASSWORD: (
        "iam:CreateLoginProfile",
        "iam:GetLoginProfile",
    ),
    TaskPolicy.DELETE: (
        "iam:DeactivateMFADevice",
        "iam:DeleteAccessKey",
        "iam:DeleteLoginProfile",
        "iam:DeleteSigningCertificate",
        "iam:GetAccessKeyLastUsed",
        "iam:GetLoginProfile",
        "iam:GetUser",
        "iam:ListAccessKeys",
        "iam:ListMFADevices",
        "iam:ListSigningCertificates",
    ),
    TaskPolicy.UNLOCK_BUCKET: (
        "s3:DeleteBucketPolicy",
        "s3:GetBucketPolicy",
        "s3:ListAllMyBuckets",
        "s3:PutBucketPolicy",
    ),
    TaskPolicy.UNLOCK_QUEUE: (
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ListQueues",
        "sqs:SetQueueAttributes",
    ),
}
"""The NotAction lists of the five documents. DeleteVirtualMFADevice stands in one of them, but the same document denies
it on everything that isn't a root user, which no virtual device is.

Source: IAM GetPolicyVersion, version v1 of each.
"""


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


class ResourcePolicies(Protocol):
    """The buckets, or the queues, of one account within one root session; safe in many threads.

    Reading methods raise AwsAccessDeniedError (an SCP, RCP or VPC endpoint policy denies: no bucket or queue policy can
    deny its owner's root user), AwsCredentialsError (the session is over), AwsThrottledError or AwsUnreachableError.
    Changing methods are sent once, ask for the receipt of their intent, and raise LockLostError if that is no longer
    valid, AwsNotFoundError, AwsAccessDeniedError, AwsRejectedError, AwsThrottledError (all of which say that nothing
    changed) or AwsUnclearError (a re-read decides).
    """

    def list_resources(self, region: str) -> tuple[Resource, ...]:
        """By name. Buckets: those of all Regions, asked for in ``region``; s3:ListBuckets to the end. Queues: those of
        ``region``; sqs:ListQueues to the end.
        """
        ...

    def find_resource(self, name: str, region: str) -> Resource | None:
        """The account's own bucket of that name, whatever its Region, or its queue of that name in ``region``.

        s3:ListBuckets, or where that is denied s3:GetBucketPolicy and the redirect; sqs:GetQueueUrl.
        """
        ...

    def find_policy(self, resource: Resource) -> str | None:
        """The policy's text as AWS has it; ``None`` if there is none. s3:GetBucketPolicy; sqs:GetQueueAttributes.

        :raises AwsNotFoundError: if the bucket or queue itself doesn't exist.
        """
        ...

    def put_policy(self, resource: Resource, policy: str, intent: Intent) -> None:
        """One call: s3:PutBucketPolicy or sqs:SetQueueAttributes."""
        ...

    def remove_policy(self, resource: Resource, intent: Intent) -> None:
        """One call: s3:DeleteBucketPolicy, or sqs:SetQueueAttributes with an empty policy."""
        ...


class ResourcePlaces(Protocol):
    """Where buckets and queues are asked for."""

    @property
    def region(self) -> str:
        """The Region of the operator's own calls."""
        ...

    def require_same_place(self, kind: ResourceKind) -> None:
        """Check that the service's calls go where the others go, AWS or a sandbox. No call.

        :raises InputError: if they don't: credentials of AWS must not reach another server, nor the other way round.
        """
        ...

    def list_known_regions(self, kind: ResourceKind) -> tuple[str, ...]:
        """Regions of the partition that this program's AWS SDK knows. No call."""
        ...

    def list_enabled_regions(self, account_id: AccountId | None) -> tuple[str, ...]:
        """Regions that are enabled in an account, at least one; ``None``: the caller's own. account:ListRegions to the
        end.

        :raises AwsAccessDeniedError: if the caller isn't in the management account or a delegated administrator for
            Account Management, or trusted access for it is off.
        """
        ...
