"""Judges a parsed call before its service performs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rootkeeper.sandbox.authorization.context import principal_arn, request_context
from rootkeeper.sandbox.authorization.decision import AccessDenial, RequestPolicies, decide, render_denial
from rootkeeper.sandbox.authorization.requests import AccessRequest
from rootkeeper.sandbox.authorization.task_policies import TASK_POLICIES
from rootkeeper.sandbox.authorization.variables import Context, DeferredContext
from rootkeeper.sandbox.codec.refusals import Refusal, RefusalError
from rootkeeper.sandbox.exchange import (
    AttachedPolicy,
    Authority,
    Call,
    GuardedResource,
    Operation,
    Principal,
    PrincipalKind,
)

_ROOT_KINDS = frozenset({PrincipalKind.ROOT_SESSION, PrincipalKind.ROOT_USER})


def authorize(call: Call, operation: Operation, authority: Authority) -> None:
    """Let a call pass, or refuse it.

    :raises RefusalError: worded with its cause.
    :raises ServiceError: where the service words refusals itself.
    """
    if operation.is_open:
        return
    for action in operation.actions(call) if operation.actions else (operation.action,):
        denial = find_denial(call, operation, authority, action)
        if denial is not None:
            raise operation.denial(call) if operation.denial else _refuse(call, operation, denial, action)


def find_denial(call: Call, operation: Operation, authority: Authority, action: str) -> AccessDenial | None:
    """Decide about one of the actions of a call."""
    guarded = operation.guard(call) if operation.guard else None
    request = access_request(call, operation, authority, operation.resource(call), action, guarded)
    request_policies = find_request_policies(call.principal, authority)
    if guarded is not None:
        request_policies = _beside_resource(request_policies, guarded, call.principal, operation, authority)
    return decide(request, request_policies)


def access_request(
    call: Call,
    operation: Operation,
    authority: Authority,
    resource: str,
    action: str | None = None,
    guarded: GuardedResource | None = None,
) -> AccessRequest:
    """Put a call into the terms of policies."""
    owner_id = guarded.account_id if guarded else None

    def gather_context() -> Context:
        service_keys = operation.condition_keys(call) if operation.condition_keys else {}
        return request_context(call, authority, resource, service_keys, owner_id)

    return AccessRequest(
        action=(action or operation.action).lower(),
        resource=resource,
        context=DeferredContext(gather_context),
        account_id=call.principal.account_id,
        principal_arns=frozenset((call.principal.arn, principal_arn(call.principal))),
    )


def find_request_policies(principal: Principal, authority: Authority) -> RequestPolicies:
    """Gather the policies over a caller."""
    is_root = principal.kind in _ROOT_KINDS
    return RequestPolicies(
        service_control_levels=(
            ()
            if principal.account_id == authority.management_account_id
            else _leave_out_repeats(authority.service_control_policies(principal.account_id))
        ),
        identity_policies=None if is_root else authority.identity_policies(principal),
        task_policy=None if principal.task_policy_arn is None else TASK_POLICIES[principal.task_policy_arn],
    )


def _leave_out_repeats(levels: Sequence[Sequence[AttachedPolicy]]) -> Sequence[Sequence[AttachedPolicy]]:
    """Leave out levels that have the very policies of the one above, as most have nothing but AWS's own."""
    return [level for index, level in enumerate(levels) if index == 0 or level is not levels[index - 1]]


def _beside_resource(
    request_policies: RequestPolicies,
    guarded: GuardedResource,
    principal: Principal,
    operation: Operation,
    authority: Authority,
) -> RequestPolicies:
    """Add what stands over the resource."""
    is_own = principal.account_id == guarded.account_id
    is_owner_root = is_own and principal.kind in _ROOT_KINDS
    return RequestPolicies(
        service_control_levels=request_policies.service_control_levels,
        identity_policies=request_policies.identity_policies,
        task_policy=request_policies.task_policy,
        resource_control_levels=authority.resource_control_policies(guarded.account_id),
        resource_policy=None if is_owner_root and operation.is_open_to_owner_root else guarded.policy,
        is_cross_account=not is_own,
    )


def _refuse(call: Call, operation: Operation, denial: AccessDenial, action: str) -> RefusalError:
    if _gets_no_reason(call, operation):
        return RefusalError(Refusal.ACCESS_DENIED, "Access Denied")
    spell_action, spell_resource = _RESOURCE_FORMS.get(call.service, _AS_IT_IS)
    resource = spell_resource(operation.resource(call))
    message = render_denial(denial, call.principal.arn, spell_action(action), resource)
    return RefusalError(Refusal.ACCESS_DENIED, message)


def _gets_no_reason(call: Call, operation: Operation) -> bool:
    """S3 explains a refusal only to callers of the owner's account or organization.

    Source: Amazon S3 User Guide, "Troubleshoot access denied (403 Forbidden) errors".
    """
    guarded = operation.guard(call) if operation.guard else None
    if call.service != "s3" or guarded is None or guarded.account_id == call.principal.account_id:
        return False
    accounts = (guarded.account_id, call.principal.account_id)
    return not all(call.world.is_in_organization(account_id) for account_id in accounts)


def _quote_s3_resource(resource: str) -> str | None:
    """S3 puts the ARN into quotes, and leaves out the one that stands for all buckets."""
    return None if resource.endswith(":::*") else f'"{resource}"'


ResourceForm = tuple[Callable[[str], str], Callable[[str], str | None]]

_AS_IT_IS: ResourceForm = (str, str)
_RESOURCE_FORMS: Mapping[str, ResourceForm] = {"s3": (str, _quote_s3_resource), "sqs": (str.lower, str)}
"""How services show action and resource in refusals, where they differ. Source: public reports."""
