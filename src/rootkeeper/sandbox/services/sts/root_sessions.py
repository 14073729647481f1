"""AssumeRoot: a short session as a member account's root user, bound to one of five task policies.

The order of checks is AWS's as observed (aws-facts B and M.3): endpoint, parameters, the caller's permission, the
caller's and the target's place in the organization, trusted access, the feature that the task needs, and last whether
the target is ACTIVE, which nobody has seen and is assumed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation, Principal, PrincipalKind, ServiceError
from rootkeeper.sandbox.services.sts.issuing import describe_issue, issue_session, render_credentials
from rootkeeper.sandbox.state import AccountState, Feature

_DEFAULT_SECONDS = 900
_TASK_POLICY_PATH = "policy/root-task/"

TASK_FEATURES: Mapping[str, Feature] = {
    "IAMAuditRootUserCredentials": Feature.ROOT_CREDENTIALS_MANAGEMENT,
    "IAMCreateRootUserPassword": Feature.ROOT_CREDENTIALS_MANAGEMENT,
    "IAMDeleteRootUserCredentials": Feature.ROOT_CREDENTIALS_MANAGEMENT,
    "S3UnlockBucketPolicy": Feature.ROOT_SESSIONS,
    "SQSUnlockQueuePolicy": Feature.ROOT_SESSIONS,
}
"""The feature that each task policy needs, as observed; the User Guide reads otherwise for the recovery task."""

_FEATURE_REFUSALS = {
    Feature.ROOT_CREDENTIALS_MANAGEMENT: (
        "Root credentials management feature is not enabled for your AWS Organization."
    ),
    Feature.ROOT_SESSIONS: "Root sessions feature is not enabled for your AWS Organization.",
}


def assume_root(call: Call) -> dict[str, Any]:
    """Open a root session on a member account."""
    target = _target_account_id(call)
    _require_place_in_organization(call, target)
    _require_feature(call)
    if call.world.organization.accounts[target].state is not AccountState.ACTIVE:
        raise deny(call)
    caller = call.principal
    root_user = Principal(
        kind=PrincipalKind.ROOT_SESSION,
        arn=call.world.root_user_arn(target),
        account_id=target,
        user_id=target,
        access_key_id="",
        task_policy_arn=_task_policy_arn(call),
        source_identity=caller.source_identity,
    )
    credential = issue_session(call, root_user, call.parameters.get("DurationSeconds", _DEFAULT_SECONDS))
    source_identity = {"SourceIdentity": caller.source_identity} if caller.source_identity else {}
    _describe_event(call, target, describe_issue(credential))
    return {"Credentials": render_credentials(credential)} | source_identity


def _describe_event(call: Call, target: str, issued: dict[str, Any]) -> None:
    """The event is the caller's account's; ``resources`` names the target (aws-facts B9)."""
    elements: dict[str, Any] = {"credentials": issued}
    if call.principal.source_identity:
        elements["sourceIdentity"] = call.principal.source_identity
    call.event_details["responseElements"] = elements
    resource = {"accountId": target, "type": "AWS::IAM::User", "ARN": call.world.root_user_arn(target)}
    call.event_details["resources"] = [resource]


def _require_place_in_organization(call: Call, target: str) -> None:
    """Refuse root users as callers, callers that administer nothing, and targets that aren't member accounts."""
    organization, caller = call.world.organization, call.principal
    is_administrator = organization.may_open_root_sessions(caller.account_id, call.now)
    is_member = target in organization.accounts and target != organization.management_account_id
    if caller.kind in (PrincipalKind.ROOT_USER, PrincipalKind.ROOT_SESSION) or not is_administrator or not is_member:
        raise deny(call)


def _require_feature(call: Call) -> None:
    organization = call.world.organization
    if not organization.is_trusted_by_sts(call.now):
        raise ServiceError("AccessDenied", "Service not enabled for AWS Organizations.", 403)
    feature = TASK_FEATURES[_task_policy_arn(call).rpartition("/")[2]]
    if not organization.is_feature_on_for_sts(feature, call.now):
        raise ServiceError("AccessDenied", _FEATURE_REFUSALS[feature], 403)


def deny(call: Call) -> ServiceError:
    """Word a refusal as AssumeRoot does: one text for every cause, without a reason."""
    message = (
        f"User: {call.principal.arn} is not authorized to perform: sts:AssumeRoot on resource: {_target_arn(call)}"
    )
    return ServiceError("AccessDenied", message, 403)


def validate(call: Call) -> None:
    """Check the target, then the task policy.

    :raises ServiceError: ValidationError for anything but a root user or a task policy.
    """
    if _find_target_account_id(call) is None:
        raise ServiceError("ValidationError", "Request must contain a valid target principal")
    prefix = f"arn:{call.world.partition}:iam::aws:{_TASK_POLICY_PATH}"
    if _task_policy_arn(call) not in {prefix + name for name in TASK_FEATURES}:
        raise ServiceError("ValidationError", "Request must contain valid AWS managed task policy ARN")


def _find_target_account_id(call: Call) -> str | None:
    return _parse_target(call.parameters["TargetPrincipal"], call.world.partition)


@lru_cache(maxsize=1024)
def _parse_target(target: str, partition: str) -> str | None:
    """Find the account in an id or a root ARN; a call asks for it at several of its steps."""
    pattern = rf"(?:arn:{partition}:iam::)?(\d{{12}})(:root)?"
    match = re.fullmatch(pattern, target, re.ASCII)
    is_whole = match is not None and target.startswith("arn:") == (match[2] is not None)
    return match[1] if match and is_whole else None


def _target_account_id(call: Call) -> str:
    return _find_target_account_id(call) or ""


def _target_arn(call: Call) -> str:
    return call.world.root_user_arn(_target_account_id(call))


def _task_policy_arn(call: Call) -> str:
    return str(call.parameters["TaskPolicyArn"].get("arn", ""))


def _condition_keys(call: Call) -> Mapping[str, str]:
    return {"sts:TaskPolicyArn": _task_policy_arn(call)}


OPERATIONS = {
    "AssumeRoot": Operation(
        assume_root,
        "sts:AssumeRoot",
        resource=_target_arn,
        validate=validate,
        condition_keys=_condition_keys,
        denial=deny,
        target_account=_target_account_id,
        is_regional_only=True,
    ),
}
