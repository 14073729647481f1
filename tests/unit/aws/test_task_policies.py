from __future__ import annotations

import pytest

from rootkeeper.aws.rules import TaskPolicy


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov"])
def test_the_arn_of_a_task_policy_bears_the_partition(partition: str) -> None:
    assert TaskPolicy.AUDIT.arn(partition) == (f"arn:{partition}:iam::aws:policy/root-task/IAMAuditRootUserCredentials")


def test_there_are_the_five_task_policies_of_aws() -> None:
    assert {policy.value for policy in TaskPolicy} == {
        "IAMAuditRootUserCredentials",
        "IAMCreateRootUserPassword",
        "IAMDeleteRootUserCredentials",
        "S3UnlockBucketPolicy",
        "SQSUnlockQueuePolicy",
    }
