"""AssumeRole: a session as an IAM role, if the caller may and the role's trust policy says so.

Source: STS AssumeRole, API version 2011-06-15; IAM User Guide, "Policy evaluation logic" and "Role trust policies".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rootkeeper.sandbox.authorization.authorizer import access_request, find_request_policies
from rootkeeper.sandbox.authorization.decision import AccessDenial, DenyingPolicyType, decide
from rootkeeper.sandbox.authorization.documents import Policy, PolicyKind, compile_policy
from rootkeeper.sandbox.authorization.requests import AccessRequest
from rootkeeper.sandbox.exchange import Call, Operation, Principal, PrincipalKind, ServiceError
from rootkeeper.sandbox.services.sts.issuing import describe_issue, issue_session, render_credentials
from rootkeeper.sandbox.state import IamRole
from rootkeeper.sandbox.totp import find_step

_DEFAULT_SECONDS = 3600
_CHAINED_SECONDS = 3600
_ROLE_ARN = re.compile(r"arn:[^:]+:iam::(\d{12}):role(/(?:[!-.0-~]+/)*)([\w+=,.@-]{1,64})", re.ASCII)
_NOT_IMITATED = ("Policy", "PolicyArns", "ProvidedContexts", "Tags", "TransitiveTagKeys")
_MFA_FAILED = "MultiFactorAuthentication failed"


def assume_role(call: Call) -> dict[str, Any]:
    """Open a session as a role."""
    if call.principal.kind is PrincipalKind.ROOT_USER:
        raise ServiceError("AccessDenied", "Roles may not be assumed by root accounts.", 403)
    role, account_id = _get_permitted_role(_with_mfa(call))
    seconds = _read_duration(call, role)
    session_name = call.parameters["RoleSessionName"]
    principal = _make_principal(call, role, account_id, session_name)
    credential = issue_session(call, principal, seconds)
    assumed = {"AssumedRoleId": principal.user_id, "Arn": principal.arn}
    _describe_event(call, principal, describe_issue(credential))
    source_identity = {"SourceIdentity": principal.source_identity} if principal.source_identity else {}
    return {"Credentials": render_credentials(credential), "AssumedRoleUser": assumed} | source_identity


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
        what = "with invalid MFA one time pass code." if device else "unable to validate MFA code."
        raise ServiceError("AccessDenied", f"{_MFA_FAILED}{' ' if device else ', '}{what}", 403)
    device.use(step)
    return replace(call, principal=replace(call.principal, has_mfa=True, session_issued_at=call.now))


def _make_principal(call: Call, role: IamRole, account_id: str, session_name: str) -> Principal:
    return Principal(
        kind=PrincipalKind.ROLE_SESSION,
        arn=f"arn:{call.world.partition}:sts::{account_id}:assumed-role/{role.name}/{session_name}",
        account_id=account_id,
        user_id=f"{role.role_id}:{session_name}",
        access_key_id="",
        identity_name=role.name,
        role_arn=call.world.role_arn(account_id, role),
        source_identity=call.principal.source_identity or call.parameters.get("SourceIdentity"),
    )


def _describe_event(call: Call, principal: Principal, issued: dict[str, Any]) -> None:
    elements: dict[str, Any] = {"credentials": issued}
    elements["assumedRoleUser"] = {"assumedRoleId": principal.user_id, "arn": principal.arn}
    if principal.source_identity:
        elements["sourceIdentity"] = principal.source_identity
    call.event_details["responseElements"] = elements
    resource = {"accountId": principal.account_id, "type": "AWS::IAM::Role", "ARN": principal.role_arn}
    call.event_details["resources"] = [resource]


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
    _require_same_source_identity(call)
    return role, account.account_id


def _is_permitted(call: Call, role: IamRole, account_id: str, action: str) -> bool:
    """Ask the caller's own policies and the role's trust policy; any Deny wins.

    Within one account a trust policy that names the caller itself is enough; one that names the account, and any
    across accounts, needs the caller's own policies to allow, too.
    """
    asked = access_request(call, OPERATIONS["AssumeRole"], call.world, call.parameters["RoleArn"])
    request = replace(asked, action=action.lower())
    trust = compile_policy(role.trust_policy, PolicyKind.RESOURCE)
    if trust.denies(request) or not trust.allows(request):
        return False
    denial = decide(request, find_request_policies(call.principal, call.world))
    is_trusted_by_name = account_id == call.principal.account_id and _names_caller(trust, request)
    return denial is None or (
        is_trusted_by_name and denial == AccessDenial(DenyingPolicyType.IDENTITY, is_explicit=False)
    )


def _names_caller(trust: Policy, request: AccessRequest) -> bool:
    return any(
        statement.principals is not None
        and not statement.principals.arns.isdisjoint(request.principal_arns)
        and statement.applies(request)
        for statement in trust.allowances
    )


def _require_same_source_identity(call: Call) -> None:
    """A source identity can't be changed once it is set."""
    carried, asked = call.principal.source_identity, call.parameters.get("SourceIdentity")
    if carried and asked and carried != asked:
        raise _deny(call, "sts:SetSourceIdentity")


def _deny(call: Call, action: str) -> ServiceError:
    message = (
        f"User: {call.principal.arn} is not authorized to perform: {action} on resource: {call.parameters['RoleArn']}"
    )
    return ServiceError("AccessDenied", message, 403)


def _read_duration(call: Call, role: IamRole) -> int:
    seconds: int = call.parameters.get("DurationSeconds", _DEFAULT_SECONDS)
    if call.principal.kind is PrincipalKind.ROLE_SESSION and seconds > _CHAINED_SECONDS:
        message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        raise ServiceError("ValidationError", message)
    if seconds > role.max_session_seconds:
        message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        raise ServiceError("ValidationError", message)
    return seconds


def _refuse_what_is_not_imitated(call: Call) -> None:
    """Refuse parameters that would narrow the session, rather than issue one that may do more than was asked for."""
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


OPERATIONS = {
    "AssumeRole": Operation(
        assume_role,
        "sts:AssumeRole",
        resource=lambda call: str(call.parameters["RoleArn"]),
        validate=_refuse_what_is_not_imitated,
        condition_keys=_condition_keys,
        # Two sides decide, so the call judges itself; the request path would ask one of them only.
        is_open=True,
    ),
}
