"""The five task policies of AssumeRoot; every root session is opened with the least of them.

Source: IAM User Guide, AWS managed policies, path ``root-task/``.
"""

from __future__ import annotations

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
