"""The decision about a request, and the policies that apply to an account.

``evaluate`` is a pure function of the request and of the policies that apply to its caller and its resource. The
preflight and ``breakglass`` use it::

    request = AccessRequest(
        "sts:AssumeRoot",
        known_text("arn:aws:iam::111122223333:root"),
        EvaluationContext(known_values({"sts:TaskPolicyArn": task_policy.arn("aws"), "aws:PrincipalArn": user_arn})),
    )
    policies = (parse_policy(text, PolicyLabel(policy_arn, policy_name), PolicyKind.IDENTITY),)
    decision = evaluate(request, ApplicablePolicies(identity_policies=policies, boundary=None))

A policy that couldn't be read or parsed stays in the tree with its name: its content is unknown, never "nothing".

Source: IAM User Guide, "Policy evaluation logic"; Organizations User Guide, "SCP evaluation" and "RCP evaluation".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from rootkeeper.errors import PolicyDocumentError
from rootkeeper.organization.accounts import Account
from rootkeeper.policy_language.conditions import TruthValue, any_of
from rootkeeper.policy_language.documents import (
    AccessRequest,
    Effect,
    Policy,
    PolicyKind,
    PolicyLabel,
    Statement,
    parse_policy,
)


class AccessVerdict(StrEnum):
    """The result of a request."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    DEPENDS = "depends"
    """It depends on a condition that can't be known before the request."""
    UNKNOWN = "unknown"
    """Policies couldn't be read; ``evaluate`` itself never returns it."""


@dataclass(frozen=True, slots=True)
class PolicyLevel:
    """The policies attached at a place of the tree."""

    target_id: str
    """The organization's root, an organizational unit or the account."""
    policies: tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class ApplicablePolicies:
    """All policies that decide about a request."""

    service_control_levels: Sequence[PolicyLevel] = ()
    """SCPs of the caller's account, from the organization's root down to the account. Each level must allow
    (FullAWSAccess usually does). Empty for the management account, which no SCP restricts.
    """
    resource_control_levels: Sequence[PolicyLevel] = ()
    """RCPs of the resource's account; empty for the management account and for services without RCPs."""
    identity_policies: Sequence[Policy] | None = ()
    """The caller's; a single Allow is enough. ``None`` for a root user, who needs no Allow in its own account."""
    boundary: Policy | None = None
    """The caller's permissions boundary, which must also allow."""


@dataclass(frozen=True, slots=True)
class DenyingPolicy:
    """A policy that denies, or may deny."""

    kind: PolicyKind
    policy: PolicyLabel | None
    """``None`` if several policies could allow and none does."""
    statement: Statement | None
    """The Deny statement; ``None`` if an Allow is missing."""
    unknown: frozenset[str] = frozenset()
    """The unknown facts that it depends on; empty if it is certain."""
    target_id: str | None = None
    """The place of the tree that lacks an Allow; ``None`` for an explicit Deny, which counts from any place."""

    @property
    def is_explicit(self) -> bool:
        return self.statement is not None


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of a request, and why."""

    verdict: AccessVerdict
    denials: tuple[DenyingPolicy, ...] = ()
    """If blocked, all certain denials; if it depends, all possible denials."""

    @property
    def conditions(self) -> tuple[str, ...]:
        """The unknown facts that it depends on: condition keys as in the policies, or resources in them."""
        if self.verdict is not AccessVerdict.DEPENDS:
            return ()
        return tuple(sorted(frozenset().union(*(denial.unknown for denial in self.denials))))


def evaluate(request: AccessRequest, applicable: ApplicablePolicies) -> Decision:
    """Decide about a request as AWS would.

    Any Deny wins. Without a Deny, each level of SCPs, each level of RCPs, an identity policy, and any permissions
    boundary must allow. If a condition key is unknown and decides the result, it is ``DEPENDS``, never ``ALLOWED``.
    """
    found = (*_list_explicit(request, applicable), *_list_missing(request, applicable))
    certain = tuple(denial for denial in found if not denial.unknown)
    if certain:
        return Decision(AccessVerdict.BLOCKED, certain)
    return Decision(AccessVerdict.DEPENDS, found) if found else Decision(AccessVerdict.ALLOWED)


def merge(decisions: Iterable[Decision]) -> Decision:
    """Merge the decisions of a task that needs all of several requests: blocked if any is."""
    found = tuple(decisions)
    for verdict in (AccessVerdict.BLOCKED, AccessVerdict.DEPENDS):
        denials = [denial for decision in found if decision.verdict is verdict for denial in decision.denials]
        if denials:
            return Decision(verdict, _join(denials))
    return Decision(AccessVerdict.ALLOWED)


def _join(denials: Iterable[DenyingPolicy]) -> tuple[DenyingPolicy, ...]:
    """Join denials of the same cause, with everything that they depend on."""
    joined: dict[tuple[object, ...], DenyingPolicy] = {}
    for denial in denials:
        index = denial.statement.index if denial.statement else None
        key = (denial.kind, denial.policy, index, denial.target_id)
        unknown = denial.unknown | (joined[key].unknown if key in joined else frozenset())
        joined[key] = DenyingPolicy(denial.kind, denial.policy, denial.statement, unknown, denial.target_id)
    return tuple(joined.values())


def _list_explicit(request: AccessRequest, applicable: ApplicablePolicies) -> Iterator[DenyingPolicy]:
    levels = (*applicable.service_control_levels, *applicable.resource_control_levels)
    policies = [policy for level in levels for policy in level.policies]
    policies.extend(applicable.identity_policies or ())
    if applicable.boundary is not None:
        policies.append(applicable.boundary)
    # Each policy counts once, even if it is attached at several places.
    for policy in {(policy.kind, policy.label): policy for policy in policies}.values():
        for statement in policy.of(Effect.DENY):
            applies = statement.evaluate(request)
            if not applies.is_no:
                yield DenyingPolicy(policy.kind, policy.label, statement, applies.unknown)


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


CONTROL_KINDS = (PolicyKind.SERVICE_CONTROL, PolicyKind.RESOURCE_CONTROL)


@dataclass(frozen=True, slots=True)
class OrganizationPolicy:
    """An SCP or RCP as AWS Organizations has it."""

    label: PolicyLabel
    kind: PolicyKind
    content: str | None
    """JSON text; ``None`` if it couldn't be read."""
    target_ids: frozenset[str]
    """The organization's root, units and accounts that it is attached to."""
    is_aws_managed: bool = False
    is_everywhere: bool = False
    """Attached to everything: RCPFullAWSAccess, which can't be detached, and FullAWSAccess if that is assumed."""
    problem: str | None = None
    """Why content or targets couldn't be read, such as ``needs organizations:DescribePolicy``."""


@dataclass(frozen=True, slots=True)
class PolicyListing:
    """The SCPs and RCPs of an organization, as far as they were read."""

    policies: tuple[OrganizationPolicy, ...]
    enabled_kinds: frozenset[PolicyKind]
    """A kind that isn't enabled on the organization's root restricts nothing."""
    problems: Mapping[PolicyKind, tuple[str, ...]] = field(default_factory=dict)
    """Failed readings, by kind. If there are any, no account is known to be free of denials."""


@dataclass(frozen=True, slots=True)
class PlacedPolicies:
    """The policies of a kind for an account: for each place from the root down, the ids attached there."""

    kind: PolicyKind
    places: tuple[tuple[str, frozenset[str]], ...]

    @property
    def signature(self) -> frozenset[frozenset[str]]:
        """All that the decision depends on: the sets of policies, not where or how often."""
        return frozenset(policy_ids for _, policy_ids in self.places)

    @property
    def policy_ids(self) -> frozenset[str]:
        return frozenset().union(*self.signature)

    def places_of(self, policy_id: str) -> Iterator[str]:
        return (target_id for target_id, policy_ids in self.places if policy_id in policy_ids)

    def attached_to(self, target_id: str | None) -> frozenset[str]:
        """Return the ids at a place; empty for an unknown place."""
        return next((policy_ids for place, policy_ids in self.places if place == target_id), frozenset())

    def places_with(self, policy_ids: frozenset[str]) -> Iterator[str]:
        """Yield the places with exactly these policies."""
        return (target_id for target_id, attached in self.places if attached == policy_ids)


@dataclass(frozen=True, slots=True)
class UnreadPolicy:
    """A policy with unknown content."""

    label: PolicyLabel
    problem: str


@dataclass(frozen=True, slots=True)
class PolicyTree:
    """All policies, each parsed once, by their places."""

    enabled_kinds: frozenset[PolicyKind]
    problems: Mapping[PolicyKind, tuple[str, ...]]
    _by_target: Mapping[tuple[PolicyKind, str], frozenset[str]]
    _everywhere: Mapping[PolicyKind, frozenset[str]]
    _known: Mapping[str, OrganizationPolicy]
    _read: Mapping[str, Policy]
    _unread: Mapping[str, UnreadPolicy] = field(default_factory=dict)

    def over(self, account: Account, kind: PolicyKind) -> PlacedPolicies:
        """Return the policies of a member account; none of a kind that isn't enabled."""
        if kind not in self.enabled_kinds:
            return PlacedPolicies(kind, ())
        everywhere = self._everywhere.get(kind, frozenset())
        targets = (*account.ou_ids, account.account_id)
        return PlacedPolicies(
            kind, tuple((target, self._by_target.get((kind, target), frozenset()) | everywhere) for target in targets)
        )

    def levels(self, placed: PlacedPolicies) -> tuple[PolicyLevel, ...]:
        """Return the levels for the evaluation, without unread policies, see ``list_unread``."""
        return tuple(
            PolicyLevel(
                target, tuple(self._read[policy_id] for policy_id in sorted(policy_ids) if policy_id in self._read)
            )
            for target, policy_ids in placed.places
        )

    def list_unread(self, placed: PlacedPolicies) -> tuple[UnreadPolicy, ...]:
        return tuple(self._unread[policy_id] for policy_id in sorted(placed.policy_ids) if policy_id in self._unread)

    def find_policy(self, policy_id: str) -> Policy | None:
        """Find the policy, if it was read and parsed."""
        return self._read.get(policy_id)

    def describe(self, policy_id: str) -> OrganizationPolicy:
        return self._known[policy_id]


def build_tree(listing: PolicyListing) -> PolicyTree:
    """Parse every policy once, and place it at its targets."""
    read: dict[str, Policy] = {}
    unread: dict[str, UnreadPolicy] = {}
    placed: dict[tuple[PolicyKind, str], set[str]] = {}
    for policy in listing.policies:
        label = policy.label
        for target_id in policy.target_ids:
            placed.setdefault((policy.kind, target_id), set()).add(label.policy_id)
        if policy.content is None or policy.problem is not None:
            problem = policy.problem or f"The policy {label} couldn't be read."
            unread[label.policy_id] = UnreadPolicy(label, problem)
            continue
        try:
            read[label.policy_id] = parse_policy(policy.content, label, policy.kind)
        except PolicyDocumentError as error:
            unread[label.policy_id] = UnreadPolicy(label, error.message)
    return PolicyTree(
        enabled_kinds=listing.enabled_kinds,
        problems=listing.problems,
        _by_target={place: frozenset(policy_ids) for place, policy_ids in placed.items()},
        _everywhere={
            kind: frozenset(
                policy.label.policy_id for policy in listing.policies if policy.kind is kind and policy.is_everywhere
            )
            for kind in CONTROL_KINDS
        },
        _known={policy.label.policy_id: policy for policy in listing.policies},
        _read=read,
        _unread=unread,
    )
