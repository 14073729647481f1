"""The decision about one request: allowed, blocked, or depends.

A pure function of the request and of the policies over its caller and its resource. It serves the preflight, where
policies of the organization stand over a member's root user, and ``breakglass``, where identity policies say who may
call ``sts:AssumeRoot``::

    request = AccessRequest(
        "sts:AssumeRoot",
        known_text("arn:aws:iam::111122223333:root"),
        RequestContext(known_values({"sts:TaskPolicyArn": task_policy.arn("aws"), "aws:PrincipalArn": user_arn})),
    )
    policies = (parse_policy(text, PolicyLabel(policy_arn, policy_name), PolicyKind.IDENTITY),)
    decision = evaluate(request, Standing(identity_policies=policies, boundary=None))
    decision.verdict, decision.denials, decision.conditions

Source: IAM User Guide, "Policy evaluation logic"; Organizations User Guide, "SCP evaluation" and "RCP evaluation".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rootkeeper.domain.policies.documents import AccessRequest, Effect, Policy, PolicyKind, PolicyLabel, Statement
from rootkeeper.domain.policies.truths import TruthValue, any_of


class AccessVerdict(StrEnum):
    """What a request would come to."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    DEPENDS = "depends"
    """On a condition that can't be known beforehand."""
    UNKNOWN = "unknown"
    """Policies couldn't be read; ``evaluate`` itself never says so."""


@dataclass(frozen=True, slots=True)
class PolicyLevel:
    """The policies attached at one place of the tree."""

    target_id: str
    """The organization's root, an organizational unit or the account."""
    policies: tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class ApplicablePolicies:
    """All policies that decide about one request."""

    service_control_levels: Sequence[PolicyLevel] = ()
    """Over the caller's account, from the organization's root down to the account itself. Each level must allow
    (FullAWSAccess usually does). Empty for the management account, which no SCP restricts.
    """
    resource_control_levels: Sequence[PolicyLevel] = ()
    """The same over the resource's account; empty for the management account and for services without RCPs."""
    identity_policies: Sequence[Policy] | None = ()
    """Of the caller: one must allow. ``None`` for a root user, who needs no Allow in its own account."""
    boundary: Policy | None = None
    """The caller's permissions boundary, which must allow, too."""


@dataclass(frozen=True, slots=True)
class DenyingPolicy:
    """One policy that denies, or may deny."""

    kind: PolicyKind
    policy: PolicyLabel | None
    """``None`` where no single policy is at fault, since none of several allows."""
    statement: Statement | None
    """The Deny statement; ``None`` where the Allow is missing."""
    unknown: frozenset[str] = frozenset()
    """What it hangs on; empty if it is certain."""
    target_id: str | None = None
    """The place of the tree whose policies don't allow; ``None`` for an explicit Deny, which counts from anywhere."""

    @property
    def is_explicit(self) -> bool:
        return self.statement is not None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a request would come to, and why."""

    verdict: AccessVerdict
    denials: tuple[DenyingPolicy, ...] = ()
    """If blocked, everything that blocks for certain; if it depends, everything that may."""

    @property
    def conditions(self) -> tuple[str, ...]:
        """What it depends on: condition keys as the policies spell them, or resources that they name."""
        if self.verdict is not AccessVerdict.DEPENDS:
            return ()
        return tuple(sorted(frozenset().union(*(denial.unknown for denial in self.denials))))


def evaluate(request: AccessRequest, applicable: ApplicablePolicies) -> Decision:
    """Decide about a request as AWS would.

    Any Deny wins. Without one, each level of SCPs and each level of RCPs must allow, and an identity policy, and the
    permissions boundary if there is one. Where a condition key can't be known, the answer is ``DEPENDS`` unless the
    others decide already; never ``ALLOWED``.
    """
    found = (*_list_explicit(request, applicable), *_list_missing(request, applicable))
    certain = tuple(denial for denial in found if not denial.unknown)
    if certain:
        return Decision(AccessVerdict.BLOCKED, certain)
    return Decision(AccessVerdict.DEPENDS, found) if found else Decision(AccessVerdict.ALLOWED)


def merge(decisions: Iterable[Decision]) -> Decision:
    """The answer for a task that needs all of several requests: blocked if any of them is."""
    found = tuple(decisions)
    for verdict in (AccessVerdict.BLOCKED, AccessVerdict.DEPENDS):
        denials = [denial for decision in found if decision.verdict is verdict for denial in decision.denials]
        if denials:
            return Decision(verdict, _join(denials))
    return Decision(AccessVerdict.ALLOWED)


def _join(denials: Iterable[DenyingPolicy]) -> tuple[DenyingPolicy, ...]:
    """One for each cause, with everything that it hangs on."""
    joined: dict[tuple[object, ...], DenyingPolicy] = {}
    for denial in denials:
        index = denial.statement.index if denial.statement else None
        key = (denial.kind, denial.policy, index, denial.target_id)
        unknown = denial.unknown | (joined[key].unknown if key in joined else frozenset())
        joined[key] = DenyingPolicy(denial.kind, denial.policy, denial.statement, unknown, denial.target_id)
    return tuple(joined.values())


def _list_explicit(request: AccessRequest, applicable: ApplicablePolicies) -> Iterator[DenyingPolicy]:
    for policy in _distinct(_all_policies(applicable)):
        for statement in policy.of(Effect.DENY):
            applies = statement.evaluate(request)
            if not applies.is_no:
                yield DenyingPolicy(policy.kind, policy.label, statement, applies.unknown)


def _all_policies(applicable: ApplicablePolicies) -> Iterator[Policy]:
    for level in (*applicable.service_control_levels, *applicable.resource_control_levels):
        yield from level.policies
    yield from applicable.identity_policies or ()
    if applicable.boundary is not None:
        yield applicable.boundary


def _distinct(policies: Iterable[Policy]) -> Iterator[Policy]:
    """A policy that is attached at several places denies once."""
    seen: set[tuple[PolicyKind, PolicyLabel]] = set()
    for policy in policies:
        if (policy.kind, policy.label) not in seen:
            seen.add((policy.kind, policy.label))
            yield policy


def _list_missing(request: AccessRequest, applicable: ApplicablePolicies) -> Iterator[DenyingPolicy]:
    for kind, levels in (
        (PolicyKind.SERVICE_CONTROL, applicable.service_control_levels),
        (PolicyKind.RESOURCE_CONTROL, applicable.resource_control_levels),
    ):
        for level in levels:
            yield from _missing(kind, _evaluate_allow(request, level.policies), level.target_id)
    if applicable.identity_policies is not None:
        yield from _missing(PolicyKind.IDENTITY, _evaluate_allow(request, applicable.identity_policies))
    if applicable.boundary is not None:
        allows = _evaluate_allow(request, (applicable.boundary,))
        yield from _missing(PolicyKind.IDENTITY, allows, policy=applicable.boundary.label)


def _missing(
    kind: PolicyKind, allows: TruthValue, target_id: str | None = None, policy: PolicyLabel | None = None
) -> Iterator[DenyingPolicy]:
    if not allows.is_yes:
        yield DenyingPolicy(kind, policy, None, allows.unknown, target_id)


def _evaluate_allow(request: AccessRequest, policies: Sequence[Policy]) -> TruthValue:
    return any_of(statement.evaluate(request) for policy in policies for statement in policy.of(Effect.ALLOW))
