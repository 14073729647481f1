"""The decision itself: a pure function of a request and the policies that stand over its caller.

Source: IAM User Guide, "Policy evaluation logic".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rootkeeper.sandbox.authorization.documents import compile_policy
from rootkeeper.sandbox.authorization.requests import AccessRequest
from rootkeeper.sandbox.exchange import AttachedPolicy


class PolicyType(StrEnum):
    """The kinds of policies, as denials name them."""

    IDENTITY = "identity-based policy"
    SERVICE_CONTROL = "service control policy"
    SESSION = "session policy"


@dataclass(frozen=True, slots=True)
class Standing:
    """The policies that decide about one caller."""

    service_control_levels: Sequence[Sequence[AttachedPolicy]] = ()
    """One list for each level, from the organization's root down; none for the management account."""
    identity_policies: Sequence[str] | None = ()
    """Documents; ``None`` for a root user, who needs no Allow."""
    task_policy: str | None = None
    """The document of a root session, which only denies."""


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a request is refused: one policy type, as AWS names only one."""

    policy_type: PolicyType
    is_explicit: bool
    policy_arn: str | None = None
    """The policy with the explicit Deny, where AWS names it."""


def decide(request: AccessRequest, standing: Standing) -> Denial | None:
    """Decide about a request; ``None`` allows it.

    Any Deny wins. Without one, each level of SCPs must allow, and so must an identity policy, if the caller isn't a
    root user.
    """
    return _find_explicit_denial(request, standing) or _find_implicit_denial(request, standing)


def _find_explicit_denial(request: AccessRequest, standing: Standing) -> Denial | None:
    for level in standing.service_control_levels:
        for policy in level:
            if compile_policy(policy.document).denies(request):
                return Denial(PolicyType.SERVICE_CONTROL, is_explicit=True, policy_arn=policy.arn)
    if any(compile_policy(document).denies(request) for document in standing.identity_policies or ()):
        return Denial(PolicyType.IDENTITY, is_explicit=True)
    if standing.task_policy is not None and compile_policy(standing.task_policy).denies(request):
        return Denial(PolicyType.SESSION, is_explicit=True)
    return None


def _find_implicit_denial(request: AccessRequest, standing: Standing) -> Denial | None:
    for level in standing.service_control_levels:
        if not any(compile_policy(policy.document).allows(request) for policy in level):
            return Denial(PolicyType.SERVICE_CONTROL, is_explicit=False)
    if standing.identity_policies is None:
        return None
    if any(compile_policy(document).allows(request) for document in standing.identity_policies):
        return None
    return Denial(PolicyType.IDENTITY, is_explicit=False)


def word_denial(denial: Denial, caller_arn: str, action: str, resource: str) -> str:
    """Word a refusal as AWS does, naming the kind of policy behind it.

    Source: IAM User Guide, "Troubleshoot access denied error messages".
    """
    article = "an" if denial.policy_type is PolicyType.IDENTITY else "a"
    if denial.is_explicit:
        cause = f"with an explicit deny in {article} {denial.policy_type}"
        cause += f": {denial.policy_arn}" if denial.policy_arn else ""
    else:
        cause = f"because no {denial.policy_type} allows the {action} action"
    return f"User: {caller_arn} is not authorized to perform: {action} on resource: {resource} {cause}"
