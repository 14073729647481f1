"""The policies of an organization, and which of them stand over an account.

A policy that couldn't be read or understood stays in the tree with its name: what it would say is unknown, and that is
never taken for "nothing".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from rootkeeper.domain.organizations import Account
from rootkeeper.domain.policies.documents import Policy, PolicyKind, PolicyLabel, parse_policy
from rootkeeper.domain.policies.evaluation import PolicyLevel
from rootkeeper.errors import PolicyDocumentError

CONTROL_KINDS = (PolicyKind.SERVICE_CONTROL, PolicyKind.RESOURCE_CONTROL)
POLICY_ID = re.compile(r"\bp-[0-9a-zA-Z_]{8,128}\b")
"""Within a text. Source: Organizations DescribePolicy, API version 2016-11-28."""


@dataclass(frozen=True, slots=True)
class OrganizationPolicy:
    """One SCP or RCP as AWS Organizations has it."""

    label: PolicyLabel
    kind: PolicyKind
    content: str | None
    """JSON text; ``None`` where it couldn't be read."""
    target_ids: frozenset[str]
    """The organization's root, units and accounts that it is attached to."""
    is_aws_managed: bool = False
    is_everywhere: bool = False
    """Attached to everything: RCPFullAWSAccess, which can't be detached, and FullAWSAccess where it is taken to be."""
    problem: str | None = None
    """Why content or targets couldn't be read, such as ``needs organizations:DescribePolicy``."""


@dataclass(frozen=True, slots=True)
class PolicyListing:
    """Everything that was read of an organization's SCPs and RCPs."""

    policies: tuple[OrganizationPolicy, ...]
    enabled_kinds: frozenset[PolicyKind]
    """A kind that isn't enabled on the organization's root restricts nothing."""
    problems: Mapping[PolicyKind, tuple[str, ...]] = field(default_factory=dict)
    """What couldn't be read of a kind at all; while there is something, no account is known to be free of denials."""


@dataclass(frozen=True, slots=True)
class PlacedPolicies:
    """One kind of policies over one account: for each place from the root down, the ids attached there."""

    kind: PolicyKind
    places: tuple[tuple[str, frozenset[str]], ...]

    @property
    def signature(self) -> frozenset[frozenset[str]]:
        """All that the answer hangs on: which sets there are, not where or how often."""
        return frozenset(policy_ids for _, policy_ids in self.places)

    @property
    def policy_ids(self) -> frozenset[str]:
        return frozenset().union(*self.signature)

    def places_of(self, policy_id: str) -> Iterator[str]:
        return (target_id for target_id, policy_ids in self.places if policy_id in policy_ids)

    def attached_to(self, target_id: str | None) -> frozenset[str]:
        """The ids at one place; none at a place that isn't among these."""
        return next((policy_ids for place, policy_ids in self.places if place == target_id), frozenset())

    def places_with(self, policy_ids: frozenset[str]) -> Iterator[str]:
        """The places at which just these are attached."""
        return (target_id for target_id, attached in self.places if attached == policy_ids)


@dataclass(frozen=True, slots=True)
class UnreadPolicy:
    """A policy of which it isn't known what it says."""

    label: PolicyLabel
    problem: str


@dataclass(frozen=True, slots=True)
class PolicyTree:
    """All policies, each parsed once, by where they are attached."""

    enabled_kinds: frozenset[PolicyKind]
    problems: Mapping[PolicyKind, tuple[str, ...]]
    _by_target: Mapping[tuple[PolicyKind, str], frozenset[str]]
    _everywhere: Mapping[PolicyKind, frozenset[str]]
    _known: Mapping[str, OrganizationPolicy]
    _read: Mapping[str, Policy]
    _unread: Mapping[str, UnreadPolicy] = field(default_factory=dict)

    def over(self, account: Account, kind: PolicyKind) -> PlacedPolicies:
        """The policies over a member account; none of a kind that isn't enabled."""
        if kind not in self.enabled_kinds:
            return PlacedPolicies(kind, ())
        everywhere = self._everywhere.get(kind, frozenset())
        targets = (*account.ou_ids, account.account_id)
        return PlacedPolicies(
            kind,
            tuple((target, self._by_target.get((kind, target), frozenset()) | everywhere) for target in targets),
        )

    def levels(self, placed: PlacedPolicies) -> tuple[PolicyLevel, ...]:
        """The same for the evaluation; unread policies are left out, see ``list_unread``."""
        return tuple(
            PolicyLevel(
                target, tuple(self._read[policy_id] for policy_id in sorted(policy_ids) if policy_id in self._read)
            )
            for target, policy_ids in placed.places
        )

    def list_unread(self, placed: PlacedPolicies) -> tuple[UnreadPolicy, ...]:
        return tuple(self._unread[policy_id] for policy_id in sorted(placed.policy_ids) if policy_id in self._unread)

    def find_policy(self, policy_id: str) -> Policy | None:
        """The policy, if it was read and understood."""
        return self._read.get(policy_id)

    def describe(self, policy_id: str) -> OrganizationPolicy:
        return self._known[policy_id]


def build_tree(listing: PolicyListing) -> PolicyTree:
    """Parse every policy once and turn targets into places."""
    read: dict[str, Policy] = {}
    unread: dict[str, UnreadPolicy] = {}
    for policy in listing.policies:
        found = _read_policy(policy)
        if isinstance(found, Policy):
            read[policy.label.policy_id] = found
        else:
            unread[policy.label.policy_id] = found
    return PolicyTree(
        enabled_kinds=listing.enabled_kinds,
        problems=listing.problems,
        _by_target=_place(listing.policies),
        _everywhere={kind: frozenset(_list_everywhere(listing.policies, kind)) for kind in CONTROL_KINDS},
        _known={policy.label.policy_id: policy for policy in listing.policies},
        _read=read,
        _unread=unread,
    )


def _read_policy(policy: OrganizationPolicy) -> Policy | UnreadPolicy:
    if policy.content is None or policy.problem is not None:
        return UnreadPolicy(policy.label, policy.problem or f"The policy {policy.label} couldn't be read.")
    try:
        return parse_policy(policy.content, policy.label, policy.kind)
    except PolicyDocumentError as error:
        return UnreadPolicy(policy.label, error.message)


def _place(policies: Iterable[OrganizationPolicy]) -> Mapping[tuple[PolicyKind, str], frozenset[str]]:
    placed: dict[tuple[PolicyKind, str], set[str]] = {}
    for policy in policies:
        for target_id in policy.target_ids:
            placed.setdefault((policy.kind, target_id), set()).add(policy.label.policy_id)
    return {place: frozenset(policy_ids) for place, policy_ids in placed.items()}


def _list_everywhere(policies: Iterable[OrganizationPolicy], kind: PolicyKind) -> Iterator[str]:
    return (policy.label.policy_id for policy in policies if policy.kind is kind and policy.is_everywhere)
