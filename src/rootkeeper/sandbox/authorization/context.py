"""The condition keys of a call: what policies can ask about the caller, the resource and the request.

Source: IAM User Guide, "AWS global condition context keys".
"""

from __future__ import annotations

from collections.abc import Mapping

from rootkeeper.sandbox.authorization.variables import ContextValue
from rootkeeper.sandbox.codec.scalars import format_iso8601
from rootkeeper.sandbox.exchange import Authority, Call, Principal, PrincipalKind

_PRINCIPAL_TYPES = {
    PrincipalKind.ROLE_SESSION: "AssumedRole",
    PrincipalKind.ROOT_SESSION: "Account",
    PrincipalKind.ROOT_USER: "Account",
    PrincipalKind.USER: "User",
}


def request_context(
    call: Call, authority: Authority, resource: str, service_keys: Mapping[str, str], owner_id: str | None = None
) -> dict[str, ContextValue]:
    """Gather the condition keys of a call, by lower-case name; keys without a value are absent.

    ``owner_id`` is the account that the resource belongs to, where its ARN doesn't say so.
    """
    context = _request_keys(call)
    context.update(_principal_keys(call.principal, authority))
    context.update(_resource_keys(context, owner_id or _resource_account(resource), authority))
    context.update((key.lower(), value) for key, value in service_keys.items())
    return context


def _resource_keys(
    caller_keys: Mapping[str, ContextValue], owner_id: str | None, authority: Authority
) -> dict[str, ContextValue]:
    """Name the owner of the resource and its place, which mostly are the caller's own."""
    if owner_id is None or owner_id == caller_keys["aws:principalaccount"]:
        keys = {"account": "aws:principalaccount", "orgid": "aws:principalorgid", "orgpaths": "aws:principalorgpaths"}
        return {f"aws:resource{name}": caller_keys[key] for name, key in keys.items() if key in caller_keys}
    path = authority.organization_path(owner_id)
    places: dict[str, ContextValue] = {"aws:resourceorgid": authority.organization_id, "aws:resourceorgpaths": (path,)}
    return {"aws:resourceaccount": owner_id} | (places if path else {})


def _request_keys(call: Call) -> dict[str, ContextValue]:
    return {
        "aws:currenttime": format_iso8601(call.now),
        "aws:epochtime": str(int(call.now.timestamp())),
        "aws:principalisawsservice": "false",
        "aws:requestedregion": call.region,
        # AWS is called by TLS only; policies that insist on it would otherwise refuse everything here.
        "aws:securetransport": "true",
        "aws:sourceip": call.source_ip,
        "aws:useragent": call.user_agent,
        "aws:viaawsservice": "false",
    }


def _principal_keys(principal: Principal, authority: Authority) -> dict[str, ContextValue]:
    keys: dict[str, ContextValue] = {
        "aws:principalaccount": principal.account_id,
        "aws:principalarn": principal_arn(principal),
        "aws:principaltype": _PRINCIPAL_TYPES[principal.kind],
        "aws:userid": principal.user_id,
    }
    path = authority.organization_path(principal.account_id)
    if path:
        keys["aws:principalorgid"] = authority.organization_id
        keys["aws:principalorgpaths"] = (path,)
    if principal.kind is PrincipalKind.USER and principal.identity_name:
        keys["aws:username"] = principal.identity_name
    if principal.identity_name is not None:
        tags = authority.principal_tags(principal)
        keys.update((f"aws:principaltag/{name.lower()}", value) for name, value in tags.items())
    keys.update(_session_keys(principal))
    return keys


def _session_keys(principal: Principal) -> dict[str, ContextValue]:
    keys: dict[str, ContextValue] = {}
    if principal.kind is PrincipalKind.ROOT_SESSION:
        keys["aws:assumedroot"] = "true"
    if principal.source_identity:
        keys["aws:sourceidentity"] = principal.source_identity
    if principal.session_issued_at:
        keys["aws:multifactorauthpresent"] = "true" if principal.has_mfa else "false"
        keys["aws:tokenissuetime"] = format_iso8601(principal.session_issued_at)
    return keys


def principal_arn(principal: Principal) -> str:
    """Give aws:PrincipalArn: of a role session it is the role, not the session."""
    if principal.kind is not PrincipalKind.ROLE_SESSION:
        return principal.arn
    if principal.role_arn:
        return principal.role_arn
    partition = principal.arn.split(":")[1]
    return f"arn:{partition}:iam::{principal.account_id}:role/{principal.identity_name}"


def _resource_account(resource: str) -> str | None:
    segments = resource.split(":", 5)
    return segments[4] if len(segments) == 6 and segments[4].isdecimal() else None
