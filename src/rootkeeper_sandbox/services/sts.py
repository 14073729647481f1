"""STS: who signed a call, and sessions as a role or as a member account's root user.

AssumeRoot opens a short session, bound to one of five task policies. The order of its checks is AWS's as observed
(aws-facts B and M.3): endpoint, parameters, the caller's permission, the caller's and the target's place in the
organization, trusted access, the feature that the task needs, and last whether the target is ACTIVE, which is
assumed.

Source: STS, API version 2011-06-15; IAM User Guide, "Policy evaluation logic" and "Role trust policies".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from typing import Any

from rootkeeper_sandbox.authorization.authorizer import (
    AccessDenial,
    DenyingPolicyType,
    access_request,
    decide,
    find_request_policies,
)
from rootkeeper_sandbox.authorization.documents import PolicyKind, compile_policy
from rootkeeper_sandbox.clock import find_step
from rootkeeper_sandbox.exchange import Call, Credential, Principal, PrincipalKind, ServedOperations, ServiceError
from rootkeeper_sandbox.services.pagination import format_event_time
from rootkeeper_sandbox.state.accounts import (
    AccountState,
    IamRole,
    account_of_access_key,
)
from rootkeeper_sandbox.state.organization import Feature


def _refuse_what_is_not_imitated(call: Call) -> None:
    """Refuse parameters that would narrow the session, rather than issue a wider session than was asked for."""
    for name in _NOT_IMITATED:
        if call.parameters.get(name):
            raise ServiceError("ValidationError", f"The sandbox does not imitate the parameter {name} of AssumeRole.")


def _condition_keys(call: Call) -> Mapping[str, str]:
    sent = {
        "sts:ExternalId": call.parameters.get("ExternalId"),
        "sts:RoleSessionName": call.parameters["RoleSessionName"],
        "sts:SourceIdentity": call.parameters.get("SourceIdentity"),
    }
    return {key: value for key, value in sent.items() if value}


def deny(call: Call) -> ServiceError:
    """Word a refusal as AssumeRoot does: the same text for every cause, without a reason."""
    message = (
        f"User: {call.principal.arn} is not authorized to perform: sts:AssumeRoot on resource: {_target_arn(call)}"
    )
    return ServiceError("AccessDenied", message, 403)


def validate(call: Call) -> None:
    """Check the target, then the task policy.

    :raises ServiceError: ValidationError for anything but a root user or a task policy.
    """
    if not _target_account_id(call):
        raise ServiceError("ValidationError", "Request must contain a valid target principal")
    prefix = f"arn:{call.world.partition}:iam::aws:{_TASK_POLICY_PATH}"
    if _task_policy_arn(call) not in {prefix + name for name in TASK_FEATURES}:
        raise ServiceError("ValidationError", "Request must contain valid AWS managed task policy ARN")


def _target_account_id(call: Call) -> str:
    """Find the account that is the target; empty for anything but an account id or a root ARN."""
    return _parse_target(call.parameters["TargetPrincipal"], call.world.partition)


def _target_arn(call: Call) -> str:
    return call.world.root_user_arn(_target_account_id(call))


OPERATIONS = ServedOperations("sts")


@OPERATIONS.read("GetCallerIdentity", is_open=True)
def get_caller_identity(call: Call) -> dict[str, Any]:
    """Describe who signed the call. It needs no permission and works even where a policy denies it."""
    caller = call.principal
    return {"UserId": caller.user_id, "Account": caller.account_id, "Arn": caller.arn}


@OPERATIONS.read("GetAccessKeyInfo")
def get_access_key_info(call: Call) -> dict[str, Any]:
    """Find the account that an access key id was made for, whether or not the key exists."""
    key_id = call.parameters["AccessKeyId"]
    owner = call.world.find_key_owner(key_id)
    account_id = owner.account_id if owner else account_of_access_key(key_id)
    if account_id is None:
        raise ServiceError("ValidationError", f"Invalid Access Key ID: {key_id}")
    return {"Account": account_id}


_SESSION_TOKEN_SECONDS, _ROOT_SESSION_TOKEN_SECONDS = 43_200, 3600


@OPERATIONS.read("GetSessionToken", is_open=True)
def get_session_token(call: Call) -> dict[str, Any]:
    """Open a session of the user that calls, with MFA where a code is given. No policy can allow or deny it.

    A root user's lasts an hour at most. Source: STS GetSessionToken, API version 2011-06-15.
    """
    caller = call.principal
    if caller.session_issued_at or caller.kind in (PrincipalKind.ROLE_SESSION, PrincipalKind.ROOT_SESSION):
        raise ServiceError("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
    seconds: int = call.parameters.get("DurationSeconds", _SESSION_TOKEN_SECONDS)
    if caller.kind is PrincipalKind.ROOT_USER:
        seconds = min(seconds, _ROOT_SESSION_TOKEN_SECONDS)
    credential = issue_session(call, replace(_with_mfa(call).principal, is_from_session_token=True), seconds)
    call.event_details["responseElements"] = {"credentials": describe_issue(credential)}
    return {"Credentials": render_credentials(credential)}


def issue_session(call: Call, principal: Principal, duration_seconds: int) -> Credential:
    """Issue credentials that prove ``principal`` from now on."""
    issued = replace(principal, session_issued_at=call.now)
    return call.world.sessions.issue(issued, call.now, call.now + timedelta(seconds=duration_seconds))


def render_credentials(credential: Credential) -> dict[str, Any]:
    """Give the response member ``Credentials``."""
    return {
        "AccessKeyId": credential.access_key_id,
        "SecretAccessKey": credential.secret_access_key,
        "SessionToken": credential.session_token,
        "Expiration": credential.expires_at,
    }


def describe_issue(credential: Credential) -> dict[str, Any]:
    """Give the credentials as the CloudTrail event shows them: never the secret."""
    return {
        "accessKeyId": credential.access_key_id,
        "sessionToken": credential.session_token,
        "expiration": format_event_time(credential.expires_at) if credential.expires_at else None,
    }


_DEFAULT_SECONDS = 3600
_CHAINED_SECONDS = 3600
_ROLE_ARN = re.compile(r"arn:[^:]+:iam::(\d{12}):role(/(?:[!-.0-~]+/)*)([\w+=,.@-]{1,64})", re.ASCII)
_NOT_IMITATED = ("Policy", "PolicyArns", "ProvidedContexts", "Tags", "TransitiveTagKeys")
_MFA_FAILED = "MultiFactorAuthentication failed"


@OPERATIONS.read(
    "AssumeRole",
    resource=lambda call: str(call.parameters["RoleArn"]),
    validate=_refuse_what_is_not_imitated,
    condition_keys=_condition_keys,
    # Two sides decide, so the call decides itself; the request path would ask only one of them.
    is_open=True,
)
def assume_role(call: Call) -> dict[str, Any]:
    """Open a session as a role."""
    if call.principal.kind is PrincipalKind.ROOT_USER:
        raise ServiceError("AccessDenied", "Roles may not be assumed by root accounts.", 403)
    role, account_id = _get_permitted_role(_with_mfa(call))
    seconds: int = call.parameters.get("DurationSeconds", _DEFAULT_SECONDS)
    if call.principal.kind is PrincipalKind.ROLE_SESSION and seconds > _CHAINED_SECONDS:
        message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        raise ServiceError("ValidationError", message)
    if seconds > role.max_session_seconds:
        message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        raise ServiceError("ValidationError", message)
    session_name = call.parameters["RoleSessionName"]
    principal = Principal(
        kind=PrincipalKind.ROLE_SESSION,
        arn=f"arn:{call.world.partition}:sts::{account_id}:assumed-role/{role.name}/{session_name}",
        account_id=account_id,
        user_id=f"{role.role_id}:{session_name}",
        access_key_id="",
        identity_name=role.name,
        role_arn=call.world.role_arn(account_id, role),
        source_identity=call.principal.source_identity or call.parameters.get("SourceIdentity"),
    )
    credential = issue_session(call, principal, seconds)
    answer: dict[str, Any] = {
        "Credentials": render_credentials(credential),
        "AssumedRoleUser": {"AssumedRoleId": principal.user_id, "Arn": principal.arn},
    }
    elements: dict[str, Any] = {
        "credentials": describe_issue(credential),
        "assumedRoleUser": {"assumedRoleId": principal.user_id, "arn": principal.arn},
    }
    if principal.source_identity:
        elements["sourceIdentity"] = answer["SourceIdentity"] = principal.source_identity
    resource = {"accountId": principal.account_id, "type": "AWS::IAM::Role", "ARN": principal.role_arn}
    call.event_details |= {"responseElements": elements, "resources": [resource]}
    return answer


def _with_mfa(call: Call) -> Call:
    """Give the call as the trust policy sees it, once a code of the user's own device is shown to be right.

    The session that is issued knows nothing of it. Source: IAM User Guide, "Secure API access with MFA".
    """
    serial_number, code = call.parameters.get("SerialNumber"), call.parameters.get("TokenCode")
    if serial_number is None and code is None:
        return call
    user = call.world.account(call.principal.account_id).find_user(call.principal.identity_name or "")
    is_user = call.principal.kind is PrincipalKind.USER
    device = user.credentials.mfa_devices.get(serial_number or "") if user and is_user else None
    seed = call.world.mfa_seed(device.serial_number, device.seed) if device else ""
    step = find_step(seed, code or "", call.now, device.used_steps) if device else None
    if device is None or step is None:
        reason = "with invalid MFA one time pass code." if device else "unable to validate MFA code."
        raise ServiceError("AccessDenied", f"{_MFA_FAILED}{' ' if device else ', '}{reason}", 403)
    device.use(step)
    return replace(call, principal=replace(call.principal, has_mfa=True, session_issued_at=call.now))


def _get_permitted_role(call: Call) -> tuple[IamRole, str]:
    """Find the role, if both sides allow; a role that doesn't exist is refused in the same words."""
    match = _ROLE_ARN.fullmatch(call.parameters["RoleArn"])
    account = call.world.find_account(match[1]) if match else None
    role = account.find_role(match[3]) if match and account else None
    if account is None or role is None or call.world.role_arn(account.account_id, role) != call.parameters["RoleArn"]:
        raise _deny(call, "sts:AssumeRole")
    for action in ("sts:AssumeRole", *(["sts:SetSourceIdentity"] if "SourceIdentity" in call.parameters else [])):
        if not _is_permitted(call, role, account.account_id, action):
            raise _deny(call, action)
    carried, asked = call.principal.source_identity, call.parameters.get("SourceIdentity")
    if carried and asked and carried != asked:
        # A source identity can't be changed once it is set.
        raise _deny(call, "sts:SetSourceIdentity")
    return role, account.account_id


def _is_permitted(call: Call, role: IamRole, account_id: str, action: str) -> bool:
    """Ask the caller's own policies and the role's trust policy; any Deny wins.

    Within an account a trust policy that names the caller itself is enough; a policy that names the account, and
    any across accounts, needs the caller's own policies to allow, too.
    """
    asked = access_request(call, OPERATIONS["AssumeRole"], call.parameters["RoleArn"])
    request = replace(asked, action=action.lower())
    trust = compile_policy(role.trust_policy, PolicyKind.RESOURCE)
    if trust.denies(request) or not trust.allows(request):
        return False
    denial = decide(request, find_request_policies(call))
    is_trusted_by_name = account_id == call.principal.account_id and any(
        statement.principals is not None
        and not statement.principals.arns.isdisjoint(request.principal_arns)
        and statement.applies(request)
        for statement in trust.allowances
    )
    return denial is None or (
        is_trusted_by_name and denial == AccessDenial(DenyingPolicyType.IDENTITY, is_explicit=False)
    )


def _deny(call: Call, action: str) -> ServiceError:
    message = (
        f"User: {call.principal.arn} is not authorized to perform: {action} on resource: {call.parameters['RoleArn']}"
    )
    return ServiceError("AccessDenied", message, 403)


_ROOT_SESSION_SECONDS = 900
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


@OPERATIONS.read(
    "AssumeRoot",
    resource=_target_arn,
    validate=validate,
    condition_keys=lambda call: {"sts:TaskPolicyArn": _task_policy_arn(call)},
    denial=deny,
    target_account=_target_account_id,
    is_regional_only=True,
)
def assume_root(call: Call) -> dict[str, Any]:
    """Open a root session on a member account."""
    target = _target_account_id(call)
    # Neither root users nor accounts that administer nothing can call; the target must be a member account.
    organization, caller = call.world.organization, call.principal
    is_administrator = organization.may_open_root_sessions(caller.account_id, call.now)
    is_member = target in organization.accounts and target != organization.management_account_id
    if caller.kind in (PrincipalKind.ROOT_USER, PrincipalKind.ROOT_SESSION) or not is_administrator or not is_member:
        raise deny(call)
    if not organization.is_trusted_by_sts(call.now):
        raise ServiceError("AccessDenied", "Service not enabled for AWS Organizations.", 403)
    feature = TASK_FEATURES[_task_policy_arn(call).rpartition("/")[2]]
    if not organization.is_feature_on_for_sts(feature, call.now):
        raise ServiceError("AccessDenied", _FEATURE_REFUSALS[feature], 403)
    if organization.accounts[target].state is not AccountState.ACTIVE:
        raise deny(call)
    root_user = Principal(
        kind=PrincipalKind.ROOT_SESSION,
        arn=call.world.root_user_arn(target),
        account_id=target,
        user_id=target,
        access_key_id="",
        task_policy_arn=_task_policy_arn(call),
        source_identity=caller.source_identity,
        opened_by_arn=caller.arn,
    )
    credential = issue_session(call, root_user, call.parameters.get("DurationSeconds", _ROOT_SESSION_SECONDS))
    # The event is the caller's account's; ``resources`` names the target (aws-facts B9).
    elements: dict[str, Any] = {"credentials": describe_issue(credential)}
    answer: dict[str, Any] = {"Credentials": render_credentials(credential)}
    if caller.source_identity:
        elements["sourceIdentity"] = answer["SourceIdentity"] = caller.source_identity
    resource = {"accountId": target, "type": "AWS::IAM::User", "ARN": call.world.root_user_arn(target)}
    call.event_details |= {"responseElements": elements, "resources": [resource]}
    return answer


@lru_cache(maxsize=1024)
def _parse_target(target: str, partition: str) -> str:
    """Find the account in an id or a root ARN; a call asks for it at several of its steps."""
    pattern = rf"(?:arn:{partition}:iam::)?(\d{{12}})(:root)?"
    match = re.fullmatch(pattern, target, re.ASCII)
    is_whole = match is not None and target.startswith("arn:") == (match[2] is not None)
    return match[1] if match and is_whole else ""


def _task_policy_arn(call: Call) -> str:
    return str(call.parameters["TaskPolicyArn"].get("arn", ""))
