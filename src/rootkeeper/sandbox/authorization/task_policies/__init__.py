"""The five root task policies, as IAM GetPolicyVersion returns their version v1.

Source: ``arn:aws:iam::aws:policy/root-task/*``, read from IAM in 2026.
"""

from __future__ import annotations

from importlib.resources import files

_ARN_PREFIX = "arn:aws:iam::aws:policy/root-task/"

TASK_POLICIES = {
    _ARN_PREFIX + resource.name.removesuffix(".json"): resource.read_text(encoding="utf-8")
    for resource in sorted(files(__name__).iterdir(), key=lambda resource: resource.name)
    if resource.name.endswith(".json")
}
"""JSON documents by ARN."""


def task_policy_name(arn: str) -> str:
    """Give the name in a task policy's ARN, such as ``IAMAuditRootUserCredentials``."""
    return arn.rpartition("/")[2]
