"""AWS's definitions that pure rules use: task policies, resources to unlock, root e-mail changes, a server's roles,
rejected findings.

Source: IAM User Guide, AWS managed policies, path ``root-task/``; Account Management guide, "Update the root user email
address", API version 2021-02-01.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from types import MappingProxyType

from rootkeeper.errors import Hint, InputError, TargetRefusedError, make_setting_hint
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId


class AwsWork(StrEnum):
    """The work of a server, each with its role. The values are in names of settings, such as ``aws.roles.audit``."""

    AUDIT = "audit"
    DELETE = "delete"
    RECOVER = "recover"
    REPORT = "report"
    UNLOCK = "unlock"


SERVER_NAME = "rootkeeper"
"""The name for acts of the server itself, in the ledger and in AWS; no user can have it."""
ACCOUNT_SERVICE_PRINCIPAL = "account.amazonaws.com"
"""Its delegated administrator can read and change addresses, if trusted access for it is on."""


class Lifetime(StrEnum):
    """How long credentials stay valid for a process that keeps running."""

    RENEWED = "renewed"
    """They are renewed without a person."""
    ENDING = "ending"
    """A session that isn't renewed."""
    STATIC = "static"
    """An access key, which never expires."""
    UNKNOWN = "unknown"
    """A session without a readable end."""


@dataclass(frozen=True, slots=True)
class CredentialsLifetime:
    """How long the operator's credentials can be used, as far as it can be read."""

    lifetime: Lifetime
    usable_until: datetime | None = None
    """Of ENDING: their end. Of UNKNOWN: they can be used at least until then; ``None``: no time is known."""
    doubt: str = ""
    """Of UNKNOWN: a clause that says why."""


@dataclass(frozen=True, slots=True)
class OneTimePassword:
    """The code that AWS sent to the new address. It is never shown, logged or kept."""

    value: str = field(repr=False)


class EmailUpdateStatus(StrEnum):
    """AWS's status of the newest change of an account's address."""

    ACCEPTED = "ACCEPTED"
    """The one-time password was right; the change is in progress."""
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    PENDING = "PENDING"
    """AWS waits for the one-time password."""
    UNKNOWN = "UNKNOWN"
    """A status that we don't know."""


@dataclass(frozen=True, slots=True)
class EmailUpdate:
    """The newest change of an account's address. AWS doesn't say who started it or to which address."""

    status: EmailUpdateStatus
    updated_at: datetime | None


class TaskPolicy(StrEnum):
    """The five task policies of AssumeRoot, by the names in their ARNs."""

    AUDIT = "IAMAuditRootUserCredentials"
    CREATE_PASSWORD = "IAMCreateRootUserPassword"  # noqa: S105 - a policy's name
    DELETE = "IAMDeleteRootUserCredentials"
    UNLOCK_BUCKET = "S3UnlockBucketPolicy"
    UNLOCK_QUEUE = "SQSUnlockQueuePolicy"

    def arn(self, partition: str) -> str:
        return f"arn:{partition}:iam::aws:policy/root-task/{self.value}"

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions that this task policy allows on the root user, its buckets or its queues."""
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
"""The NotAction lists of the five documents. One of them contains DeleteVirtualMFADevice, but the same document denies
it on everything that isn't a root user, and so on every virtual device.

Source: IAM GetPolicyVersion, version v1 of each.
"""


class ResourceKind(StrEnum):
    """The service, as commands and outputs name it."""

    BUCKET = "s3"
    QUEUE = "sqs"

    @property
    def noun(self) -> str:
        return "bucket" if self is ResourceKind.BUCKET else "queue"

    @property
    def task_policy(self) -> TaskPolicy:
        """The task policy of root sessions that reach it."""
        return TaskPolicy.UNLOCK_BUCKET if self is ResourceKind.BUCKET else TaskPolicy.UNLOCK_QUEUE

    @property
    def save_action(self) -> Action:
        return Action.BUCKET_POLICY_SAVE if self is ResourceKind.BUCKET else Action.QUEUE_POLICY_SAVE

    @property
    def fix_actions(self) -> tuple[str, ...]:
        """Each of them allows a principal to change the policy without the root user; in lower case.

        ``sqs:RemovePermission`` isn't among them: it removes only labelled statements.
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
    """Return the ledger's action for the change; SQS has the same call for both."""
    if kind is ResourceKind.QUEUE:
        return Action.QUEUE_POLICY_SET
    return Action.BUCKET_POLICY_DELETE if removes else Action.BUCKET_POLICY_PUT


@dataclass(frozen=True, slots=True)
class Resource:
    """A bucket or queue."""

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
"""Includes old names of buckets; excludes ARNs of access points and all that could reach another path.

Source: S3 User Guide, "Bucket naming rules"; SQS CreateQueue, API version 2012-11-05.
"""


def require_resource_name(kind: ResourceKind, name: str) -> None:
    """:raises InputError: if AWS doesn't allow such names."""
    if not _NAMES[kind].fullmatch(name):
        raise InputError(
            f"{name!r} isn't a valid {kind.noun} name.",
            hint=Hint("Give the bare name, not an ARN or a URL.", "unlock.list", service=kind.value),
        )


def is_protected(name: str, patterns: Sequence[str]) -> bool:
    """Whether the settings protect the name."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def require_unprotected(kind: ResourceKind, name: str, patterns: Sequence[str]) -> None:
    """:raises TargetRefusedError: if the settings protect the name."""
    caught = [pattern for pattern in patterns if fnmatchcase(name, pattern)]
    if caught:
        raise TargetRefusedError(
            f"The pattern {caught[0]!r} protects the policy of {kind.noun} {name}. Nothing was changed.",
            hint=make_setting_hint("The server's settings list the protected names.", "unlock.protect"),
        )


@dataclass(frozen=True, slots=True)
class RejectedFinding:
    """Security Hub's answer about a finding that it doesn't take."""

    finding_id: str
    code: str
    message: str
