"""The decision itself: a pure function of a request and the policies that stand over its caller.

Source: IAM User Guide, "Policy evaluation logic".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from rootkeeper.sandbox.authorization.documents import PolicyKind, compile_policy
from rootkeeper.sandbox.authorization.requests import AccessRequest
from rootkeeper.sandbox.exchange import AttachedPolicy


class DenyingPolicyType(StrEnum):
    """The kinds of policies, as denials name them."""

    IDENTITY = "identity-based policy"
    RESOURCE = "resource-based policy"
    RESOURCE_CONTROL = "resource control policy"
    SERVICE_CONTROL = "service control policy"
    SESSION = "session policy"


class ResourceGrant(Enum):
    """What a resource policy gives a caller."""

    NOTHING = auto()
    TO_ACCOUNT = auto()
    """Allows the caller's account, which hands it on by its own policies."""
    TO_CALLER = auto()
    """Allows the caller itself, or everyone."""


@dataclass(frozen=True, slots=True)
class RequestPolicies:
    """The policies that decide about one caller, and about the resource it asks for."""

    service_control_levels: Sequence[Sequence[AttachedPolicy]] = ()
    """One list for each level, from the organization's root down; none for the management account."""
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
    """Why a request is refused: one policy type, as AWS names only one."""

    policy_type: DenyingPolicyType
    is_explicit: bool
    policy_arn: str | None = None
    """The policy with the explicit Deny, where AWS names it."""


def decide(request: AccessRequest, request_policies: RequestPolicies) -> AccessDenial | None:
    """Decide about a request; ``None`` allows it.

    Any Deny wins. Without one, each level of SCPs and of RCPs must allow. In the caller's own account an identity
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
    """Tell whether the caller's own side allows."""
    if request_policies.identity_policies is None:
        return True
    return any(compile_policy(document).allows(request) for document in request_policies.identity_policies)


def find_grant(request: AccessRequest, resource_policy: str | None) -> ResourceGrant:
    """Find what a resource policy allows a caller, leaving its denials aside."""
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
