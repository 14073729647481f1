"""Judges a parsed call before its service performs it."""

from __future__ import annotations

from rootkeeper.sandbox.authorization.context import principal_arn, request_context
from rootkeeper.sandbox.authorization.decision import Standing, decide, word_denial
from rootkeeper.sandbox.authorization.requests import AccessRequest
from rootkeeper.sandbox.authorization.task_policies import TASK_POLICIES
from rootkeeper.sandbox.codec.refusals import Refusal, RefusalError
from rootkeeper.sandbox.exchange import Authority, Call, Operation, Principal, PrincipalKind

_ROOT_KINDS = frozenset({PrincipalKind.ROOT_SESSION, PrincipalKind.ROOT_USER})


def authorize(call: Call, operation: Operation, authority: Authority) -> None:
    """Let a call pass, or refuse it.

    :raises RefusalError: worded with its cause.
    :raises ServiceError: where the service words refusals itself.
    """
    if operation.is_open:
        return
    resource = operation.resource(call)
    denial = decide(access_request(call, operation, authority, resource), standing_of(call.principal, authority))
    if denial is None:
        return
    if operation.denial:
        raise operation.denial(call)
    message = word_denial(denial, call.principal.arn, operation.action, resource)
    raise RefusalError(Refusal.ACCESS_DENIED, message)


def access_request(call: Call, operation: Operation, authority: Authority, resource: str) -> AccessRequest:
    """Put a call into the terms of policies."""
    service_keys = operation.condition_keys(call) if operation.condition_keys else {}
    return AccessRequest(
        action=operation.action.lower(),
        resource=resource,
        context=request_context(call, authority, resource, service_keys),
        account_id=call.principal.account_id,
        principal_arns=frozenset((call.principal.arn, principal_arn(call.principal))),
    )


def standing_of(principal: Principal, authority: Authority) -> Standing:
    """Gather the policies over a caller."""
    is_root = principal.kind in _ROOT_KINDS
    return Standing(
        service_control_levels=(
            ()
            if principal.account_id == authority.management_account_id
            else authority.service_control_policies(principal.account_id)
        ),
        identity_policies=None if is_root else authority.identity_policies(principal),
        task_policy=None if principal.task_policy_arn is None else TASK_POLICIES[principal.task_policy_arn],
    )
