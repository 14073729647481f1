"""Calls that AWS refuses, and how: one table for every client.

Source: AWS behaviour as listed in ``src/rootkeeper_sandbox/BEHAVIOUR.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TASK_POLICY_PREFIX = "arn:aws:iam::aws:policy/root-task/"
AUDIT = "IAMAuditRootUserCredentials"
DELETE = "IAMDeleteRootUserCredentials"
CREATE = "IAMCreateRootUserPassword"
UNLOCK_BUCKET = "S3UnlockBucketPolicy"
UNLOCK_QUEUE = "SQSUnlockQueuePolicy"
TASKS = (AUDIT, DELETE, CREATE, UNLOCK_BUCKET, UNLOCK_QUEUE)

CREDENTIALS_TASKS = {AUDIT, DELETE, CREATE}
ALLOWED_BY_FEATURES = {
    "none": set[str](),
    "credentials": CREDENTIALS_TASKS,
    "sessions": {UNLOCK_BUCKET, UNLOCK_QUEUE},
    "all": set(TASKS),
}
"""Which tasks may be done with which features on."""


def assume_root_input(target: str, task: str = AUDIT, **more: Any) -> dict[str, Any]:
    return {"TargetPrincipal": target, "TaskPolicyArn": {"arn": TASK_POLICY_PREFIX + task}, **more}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call and its refusal; ``{…}`` in texts is filled with account ids and ARNs known when the sandbox runs."""

    name: str
    caller: str
    service: str
    operation: str
    code: str
    status: int
    message: str
    input: Mapping[str, Any] = field(default_factory=dict)
    region: str | None = None


NOT_AUTHORIZED = "User: {caller} is not authorized to perform: sts:AssumeRoot on resource: arn:aws:iam::{target}:root"

REFUSALS = (
    Refusal(
        "the management account as target",
        "management-admin",
        "sts",
        "AssumeRoot",
        "AccessDenied",
        403,
        "User: {caller} is not authorized to perform: sts:AssumeRoot on resource: arn:aws:iam::{management}:root",
        assume_root_input("{management}"),
    ),
    Refusal(
        "an account outside the organization as target",
        "management-admin",
        "sts",
        "AssumeRoot",
        "AccessDenied",
        403,
        "User: {caller} is not authorized to perform: sts:AssumeRoot on resource: arn:aws:iam::999999999999:root",
        assume_root_input("999999999999"),
    ),
    Refusal(
        "an IAM user as target",
        "management-admin",
        "sts",
        "AssumeRoot",
        "ValidationError",
        400,
        "Request must contain a valid target principal",
        assume_root_input("arn:aws:iam::{target}:user/unknown"),
    ),
    Refusal(
        "a policy that isn't a task policy",
        "management-admin",
        "sts",
        "AssumeRoot",
        "ValidationError",
        400,
        "Request must contain valid AWS managed task policy ARN",
        {"TargetPrincipal": "{target}", "TaskPolicyArn": {"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}},
    ),
    Refusal(
        "no task policy",
        "management-admin",
        "sts",
        "AssumeRoot",
        "ValidationError",
        400,
        "1 validation error detected: Value null at 'taskPolicyArn' failed to satisfy constraint: "
        "Member must not be null",
        {"TargetPrincipal": "{target}", "TaskPolicyArn": {}},
    ),
    Refusal(
        "a session of 901 seconds",
        "management-admin",
        "sts",
        "AssumeRoot",
        "ValidationError",
        400,
        "1 validation error detected: Value '901' at 'durationSeconds' failed to satisfy constraint: "
        "Member must have value less than or equal to 900",
        assume_root_input("{target}", DurationSeconds=901),
    ),
    Refusal(
        "a caller in a member account that isn't a delegated administrator",
        "member-admin",
        "sts",
        "AssumeRoot",
        "AccessDenied",
        403,
        NOT_AUTHORIZED,
        assume_root_input("{target}"),
    ),
    Refusal(
        "a caller without permissions",
        "observer",
        "sts",
        "AssumeRoot",
        "AccessDenied",
        403,
        NOT_AUTHORIZED,
        assume_root_input("{target}"),
    ),
    Refusal(
        "a root user as caller",
        "management-root",
        "sts",
        "AssumeRoot",
        "AccessDenied",
        403,
        "",
        assume_root_input("{target}"),
    ),
    Refusal(
        "validation before authorization",
        "observer",
        "sts",
        "AssumeRoot",
        "ValidationError",
        400,
        "1 validation error detected: Value '901'",
        assume_root_input("{target}", DurationSeconds=901),
    ),
    Refusal(
        "a delegated administrator who enables a feature",
        "delegated-admin",
        "iam",
        "EnableOrganizationsRootSessions",
        "CallerIsNotManagementAccountException",
        400,
        "Caller account {delegate} is not management account of the organization and cannot enable IAM features.",
    ),
    Refusal(
        "a member that lists the features",
        "member-admin",
        "iam",
        "ListOrganizationsFeatures",
        "AccountNotManagementOrDelegatedAdministratorException",
        400,
        "Input account {member} is neither management account nor delegated admin.",
    ),
    Refusal(
        "a caller without permissions that lists the features",
        "observer",
        "iam",
        "ListOrganizationsFeatures",
        "AccessDenied",
        403,
        "User: {caller} is not authorized to perform: iam:ListOrganizationsFeatures on resource: *",
    ),
    Refusal(
        "trusted access that goes while a delegated administrator is registered",
        "management-admin",
        "organizations",
        "DisableAWSServiceAccess",
        "ConstraintViolationException",
        400,
        "You have delegated administrator/s for this service. De-register them in order to disable service access.",
        {"ServicePrincipal": "iam.amazonaws.com"},
    ),
    Refusal(
        "a delegated administrator that is registered twice",
        "management-admin",
        "organizations",
        "RegisterDelegatedAdministrator",
        "AccountAlreadyRegisteredException",
        400,
        "",
        {"AccountId": "{delegate}", "ServicePrincipal": "iam.amazonaws.com"},
    ),
    Refusal(
        "the management account as delegated administrator",
        "management-admin",
        "organizations",
        "RegisterDelegatedAdministrator",
        "ConstraintViolationException",
        400,
        "",
        {"AccountId": "{management}", "ServicePrincipal": "iam.amazonaws.com"},
    ),
    Refusal(
        "a page of 21 accounts",
        "management-admin",
        "organizations",
        "ListAccounts",
        "InvalidInputException",
        400,
        "",
        {"MaxResults": 21},
    ),
)

OUT_OF_TASK: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    (AUDIT, "DeleteLoginProfile", {}),
    (AUDIT, "CreateLoginProfile", {}),
    (AUDIT, "DeleteAccessKey", {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}),
    (DELETE, "GetAccountSummary", {}),
    (DELETE, "CreateLoginProfile", {}),
    (CREATE, "GetAccountSummary", {}),
    (CREATE, "ListAccessKeys", {}),
    (CREATE, "DeleteLoginProfile", {}),
    (UNLOCK_BUCKET, "GetAccountSummary", {}),
    (UNLOCK_QUEUE, "GetUser", {}),
)
"""Calls that a root session of a task may not make, since its task policy denies them."""


def fill(value: Any, known: Mapping[str, str]) -> Any:
    """``value`` with its ``{…}`` replaced, however deep."""
    if isinstance(value, str):
        for name, text in known.items():
            value = value.replace(f"{{{name}}}", text)
        return value
    if isinstance(value, Mapping):
        return {key: fill(item, known) for key, item in value.items()}
    return value
