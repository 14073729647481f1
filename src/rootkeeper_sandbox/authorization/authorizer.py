"""The decision about a request: a pure function of the request and of the policies over its caller.

``task_policies`` contains the five root task policies as IAM GetPolicyVersion returns them.

Source: IAM User Guide, "Policy evaluation logic"; ``arn:aws:iam::aws:policy/root-task/*``, read from IAM in 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, StrEnum, auto
from importlib.resources import files

from rootkeeper_sandbox.authorization.conditions import (
    AccessRequest,
    Context,
    DeferredContext,
    principal_arn,
    request_context,
)
from rootkeeper_sandbox.authorization.documents import PolicyKind, compile_policy
from rootkeeper_sandbox.codec.errors import Refusal, RefusalError
from rootkeeper_sandbox.exchange import (
    AttachedPolicy,
    Call,
    GuardedResource,
    Operation,
    PrincipalKind,
)
from rootkeeper_sandbox.partitions import PARTITIONS

TASK_POLICIES = {
    f"arn:{partition.name}:iam::aws:policy/root-task/{resource.name.removesuffix('.json')}": partition.translate(
        resource.read_text(encoding="utf-8")
    )
    for partition in PARTITIONS.values()
    for resource in sorted((files(__package__) / "task_policies").iterdir(), key=lambda resource: resource.name)
    if resource.name.endswith(".json")
}
"""JSON documents by ARN. That those of other partitions differ in the ARNs alone is assumed."""


def task_policy_name(arn: str) -> str:
    """Give the name in a task policy's ARN, such as ``IAMAuditRootUserCredentials``."""
    return arn.rpartition("/")[2]


class DenyingPolicyType(StrEnum):
    """The kinds of policies, as denials name them."""

    IDENTITY = "identity-based policy"
    RESOURCE = "resource-based policy"
    RESOURCE_CONTROL = "resource control policy"
    SERVICE_CONTROL = "service control policy"
    SESSION = "session policy"


class ResourceGrant(Enum):
    """The permission that a resource policy gives a caller."""

    NOTHING = auto()
    TO_ACCOUNT = auto()
    """Allows the caller's account, which hands it on by its own policies."""
    TO_CALLER = auto()
    """Allows the caller itself, or everyone."""


@dataclass(frozen=True, slots=True)
class RequestPolicies:
    """The policies that decide about a caller, and about the resource it asks for."""

    service_control_levels: Sequence[Sequence[AttachedPolicy]] = ()
    """A list for each level, from the organization's root down; none for the management account."""
    identity_policies: Sequence[str] | None = ()
    """Documents; ``None`` for a root user, who needs no Allow in its own account."""
    task_policy: str | None = None
    """The document of a root session, which only denies."""
    resource_control_levels: Sequence[Sequence[AttachedPolicy]] = ()
    """As for SCPs, but of the resource owner's account."""
    resource_policy: str | None = None
    """The resource's own document; ``None`` too where it can't bind the caller, a bucket owner's root user."""
    is_cross_account: bool = False
    """Whether the resource is another account's, so that both sides must allow."""


@dataclass(frozen=True, slots=True)
class AccessDenial:
    """Why a request is refused: AWS names a single policy type."""

    policy_type: DenyingPolicyType
    is_explicit: bool
    policy_arn: str | None = None
    """The policy with the explicit Deny, where AWS names it."""


def decide(request: AccessRequest, request_policies: RequestPolicies) -> AccessDenial | None:
    """Decide about a request; ``None`` allows it.

    Any Deny wins. Without a Deny, each level of SCPs and of RCPs must allow. In the caller's own account an identity
    policy or the resource policy must allow, across accounts both; a root user needs no identity policy.
    """
    return _find_explicit_denial(request, request_policies) or _find_implicit_denial(request, request_policies)


def _find_explicit_denial(request: AccessRequest, request_policies: RequestPolicies) -> AccessDenial | None:
    for policy_type, kind, levels in _control_levels(request_policies):
        for level in levels:
            for policy in level:
                if compile_policy(policy.document, kind).denies(request):
                    return AccessDenial(policy_type, is_explicit=True, policy_arn=policy.arn)
    if any(compile_policy(document).denies(request) for document in request_policies.identity_policies or ()):
        return AccessDenial(DenyingPolicyType.IDENTITY, is_explicit=True)
    if request_policies.task_policy is not None and compile_policy(request_policies.task_policy).denies(request):
        return AccessDenial(DenyingPolicyType.SESSION, is_explicit=True)
    if request_policies.resource_policy and compile_policy(
        request_policies.resource_policy, PolicyKind.RESOURCE
    ).denies(request):
        return AccessDenial(DenyingPolicyType.RESOURCE, is_explicit=True)
    return None


def _control_levels(
    request_policies: RequestPolicies,
) -> tuple[tuple[DenyingPolicyType, PolicyKind, Sequence[Sequence[AttachedPolicy]]], ...]:
    return (
        (DenyingPolicyType.SERVICE_CONTROL, PolicyKind.IDENTITY, request_policies.service_control_levels),
        (DenyingPolicyType.RESOURCE_CONTROL, PolicyKind.RESOURCE, request_policies.resource_control_levels),
    )


def _find_implicit_denial(request: AccessRequest, request_policies: RequestPolicies) -> AccessDenial | None:
    for policy_type, kind, levels in _control_levels(request_policies):
        for level in levels:
            if not _level_allows(level, kind, request):
                return AccessDenial(policy_type, is_explicit=False)
    grant = find_grant(request, request_policies.resource_policy)
    if not _allows_itself(request, request_policies) and (
        request_policies.is_cross_account or grant is not ResourceGrant.TO_CALLER
    ):
        return AccessDenial(DenyingPolicyType.IDENTITY, is_explicit=False)
    if request_policies.is_cross_account and grant is ResourceGrant.NOTHING:
        return AccessDenial(DenyingPolicyType.RESOURCE, is_explicit=False)
    return None


def _level_allows(level: Sequence[AttachedPolicy], kind: PolicyKind, request: AccessRequest) -> bool:
    for policy in level:  # noqa: SIM110 - every call comes by here for each level, and a generator costs as much again
        if compile_policy(policy.document, kind).allows(request):
            return True
    return False


def _allows_itself(request: AccessRequest, request_policies: RequestPolicies) -> bool:
    """Return whether the caller's own side allows."""
    if request_policies.identity_policies is None:
        return True
    return any(compile_policy(document).allows(request) for document in request_policies.identity_policies)


def find_grant(request: AccessRequest, resource_policy: str | None) -> ResourceGrant:
    """Find the grant of a resource policy to a caller, leaving its denials aside."""
    if not resource_policy:
        return ResourceGrant.NOTHING
    allowing = [s for s in compile_policy(resource_policy, PolicyKind.RESOURCE).allowances if s.applies(request)]
    if not allowing:
        return ResourceGrant.NOTHING
    principals = [statement.principals for statement in allowing if statement.principals]
    is_direct = any(found.is_everyone or found.is_negated or found.names(request) for found in principals)
    return ResourceGrant.TO_CALLER if is_direct else ResourceGrant.TO_ACCOUNT


def render_denial(denial: AccessDenial, caller_arn: str, action: str, resource: str | None) -> str:
    """Word a refusal as AWS does, naming the kind of policy behind it; ``resource`` as the service shows it, if so.

    Source: IAM User Guide, "Troubleshoot access denied error messages".
    """
    article = "an" if denial.policy_type is DenyingPolicyType.IDENTITY else "a"
    if denial.is_explicit:
        cause = f"with an explicit deny in {article} {denial.policy_type}"
        cause += f": {denial.policy_arn}" if denial.policy_arn else ""
    else:
        cause = f"because no {denial.policy_type} allows the {action} action"
    place = f" on resource: {resource}" if resource is not None else ""
    return f"User: {caller_arn} is not authorized to perform: {action}{place} {cause}"


_ROOT_KINDS = frozenset({PrincipalKind.ROOT_SESSION, PrincipalKind.ROOT_USER})


def authorize(call: Call, operation: Operation) -> None:
    """Let a call pass, or refuse it.

    :raises RefusalError: worded with its cause.
    :raises ServiceError: where the service words refusals itself.
    """
    if call.principal.is_from_session_token:
        _limit_session_token(call)
    if operation.is_open:
        return
    for action in operation.actions(call) if operation.actions else (operation.action,):
        denial = find_denial(call, operation, action)
        if denial is not None:
            raise operation.denial(call) if operation.denial else _refuse(call, operation, denial, action)


def _limit_session_token(call: Call) -> None:
    """Refuse calls that the credentials of GetSessionToken can't make: IAM without MFA, and most of STS.

    Source: STS GetSessionToken, API version 2011-06-15; the texts are from public reports.
    """
    if call.service == "iam" and not call.principal.has_mfa:
        raise RefusalError(Refusal.UNKNOWN_KEY, "The security token included in the request is invalid")
    if call.service == "sts" and call.operation not in ("AssumeRole", "GetCallerIdentity"):
        message = f"Cannot call {call.operation} with session credentials"
        raise RefusalError(Refusal.ACCESS_DENIED, message)


def find_denial(call: Call, operation: Operation, action: str) -> AccessDenial | None:
    """Decide about an action of a call."""
    guarded = operation.guard(call) if operation.guard else None
    request = access_request(call, operation, operation.resource(call), action, guarded)
    request_policies = find_request_policies(call)
    if guarded is not None:
        is_own = call.principal.account_id == guarded.account_id
        is_owner_root = is_own and call.principal.kind in _ROOT_KINDS
        request_policies = replace(
            request_policies,
            resource_control_levels=call.world.resource_control_policies(guarded.account_id),
            resource_policy=None if is_owner_root and operation.is_open_to_owner_root else guarded.policy,
            is_cross_account=not is_own,
        )
    return decide(request, request_policies)


def access_request(
    call: Call,
    operation: Operation,
    resource: str,
    action: str | None = None,
    guarded: GuardedResource | None = None,
) -> AccessRequest:
    """Put a call into the terms of policies."""
    owner_id = guarded.account_id if guarded else None

    def gather_context() -> Context:
        service_keys = operation.condition_keys(call) if operation.condition_keys else {}
        return request_context(call, resource, service_keys, owner_id)

    return AccessRequest(
        action=(action or operation.action).lower(),
        resource=resource,
        context=DeferredContext(gather_context),
        account_id=call.principal.account_id,
        principal_arns=frozenset((call.principal.arn, principal_arn(call.principal))),
    )


def find_request_policies(call: Call) -> RequestPolicies:
    """Gather the policies over a caller."""
    principal, world = call.principal, call.world
    is_root = principal.kind in _ROOT_KINDS
    return RequestPolicies(
        service_control_levels=(
            ()
            if principal.account_id == world.management_account_id
            else _leave_out_repeats(world.service_control_policies(principal.account_id))
        ),
        identity_policies=None if is_root else world.identity_policies(principal),
        task_policy=None if principal.task_policy_arn is None else TASK_POLICIES[principal.task_policy_arn],
    )


def _leave_out_repeats(levels: Sequence[Sequence[AttachedPolicy]]) -> Sequence[Sequence[AttachedPolicy]]:
    """Leave out levels with the very policies of the level above, as most have nothing but AWS's own."""
    return [level for index, level in enumerate(levels) if index == 0 or level is not levels[index - 1]]


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
    """S3 quotes the ARN, and leaves out the ARN that means all buckets."""
    return None if resource.endswith(":::*") else f'"{resource}"'


ResourceForm = tuple[Callable[[str], str], Callable[[str], str | None]]
_AS_IT_IS: ResourceForm = (str, str)
_RESOURCE_FORMS: Mapping[str, ResourceForm] = {
    "ec2": (str, lambda _resource: None),
    "s3": (str, _quote_s3_resource),
    "sqs": (str.lower, str),
}
"""How services show action and resource in refusals, where they differ. Source: public reports."""
