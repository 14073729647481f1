"""The five task policies of AssumeRoot; every root session is opened with the least of them.

Source: IAM User Guide, AWS managed policies, path ``root-task/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


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
