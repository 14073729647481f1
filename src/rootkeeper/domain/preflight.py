"""The rows of a preflight: for each account and task whether organization policies would stop it, and what mends it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rootkeeper.domain.organization_policies import PlacedPolicies, PolicyTree, UnreadPolicy
from rootkeeper.domain.organizations import Account
from rootkeeper.domain.policies.documents import PolicyKind
from rootkeeper.domain.policies.evaluation import AccessVerdict, DenyingPolicy
from rootkeeper.domain.preflight_tasks import Task


@dataclass(frozen=True, slots=True)
class BlockingPolicy:
    """One policy that stands behind a verdict, at one place where it is attached."""

    policy_id: str | None
    """``None`` where a place has no policy at all, so that nothing allows there."""
    name: str | None
    sid: str | None
    """The Deny statement's Sid, or ``statement 2`` where it has none; ``None`` where an Allow is missing, or where the
    policy couldn't be read.
    """
    attached_to: str

    def __str__(self) -> str:
        if self.policy_id is None:
            return f"no policy that allows it, at {self.attached_to}"
        named = self.policy_id if self.name == self.policy_id else f"{self.policy_id} ({self.name})"
        return f"{named}, {self.sid or 'no Allow'}, at {self.attached_to}"


@dataclass(frozen=True, slots=True)
class PreflightRow:
    """One account and one task."""

    account: Account
    task: Task
    verdict: AccessVerdict
    policies: tuple[BlockingPolicy, ...] = ()
    conditions: tuple[str, ...] = ()
    """What the verdict depends on, or what is needed to know it."""
    fix: str | None = None
    """The smallest change that lets the task pass, as a diff of the policy."""

    @property
    def explanation(self) -> str:
        """One sentence for a person; empty for what is allowed."""
        named = "; ".join(str(policy) for policy in self.policies)
        conditions = ", ".join(self.conditions)
        if self.verdict is AccessVerdict.DEPENDS:
            return f"Depends on {conditions}: {named}." if named else f"Depends on {conditions}."
        if self.verdict is AccessVerdict.UNKNOWN:
            unread = ", ".join(f"{policy.policy_id} at {policy.attached_to}" for policy in self.policies)
            return f"Unknown: {'; '.join(part.rstrip('.') for part in (conditions, unread) if part)}."
        return f"Blocked by {named}." if self.verdict is AccessVerdict.BLOCKED else ""


def has_blocked(rows: Iterable[PreflightRow]) -> bool:
    """Whether the answer is bad: something is blocked, or couldn't be judged."""
    return any(row.verdict in (AccessVerdict.BLOCKED, AccessVerdict.UNKNOWN) for row in rows)


def count_verdicts(rows: Iterable[PreflightRow]) -> dict[str, int]:
    """How many rows there are of each verdict, as every summary shows them."""
    counts = {verdict.value: 0 for verdict in AccessVerdict}
    for row in rows:
        counts[row.verdict.value] += 1
    return counts


def list_blocking(
    denials: Iterable[DenyingPolicy],
    placed: Mapping[PolicyKind, PlacedPolicies],
    evaluated: Mapping[PolicyKind, PlacedPolicies],
    tree: PolicyTree,
) -> tuple[BlockingPolicy, ...]:
    """The policies behind denials, at their places over one account (``placed``).

    The denials were found for another account of the same group (``judged``): where an Allow is missing, the places of
    this account are those that hold the same policies.
    """
    found: dict[BlockingPolicy, None] = {}
    for denial in denials:
        over = placed[denial.kind]
        blocking = (
            _list_denying(denial, over)
            if denial.is_explicit
            else _list_lacking(denial, over, evaluated[denial.kind], tree)
        )
        found.update(dict.fromkeys(blocking))
    return tuple(found)


def _list_denying(denial: DenyingPolicy, over: PlacedPolicies) -> Iterator[BlockingPolicy]:
    if denial.policy is None or denial.statement is None:
        return
    for target_id in over.places_of(denial.policy.policy_id):
        yield BlockingPolicy(denial.policy.policy_id, denial.policy.name, denial.statement.label, target_id)


def _list_lacking(
    denial: DenyingPolicy, over: PlacedPolicies, evaluated: PlacedPolicies, tree: PolicyTree
) -> Iterator[BlockingPolicy]:
    lacking = evaluated.attached_to(denial.target_id)
    for target_id in over.places_with(lacking):
        for policy_id in sorted(lacking):
            yield BlockingPolicy(policy_id, tree.describe(policy_id).label.name, None, target_id)
        if not lacking:
            yield BlockingPolicy(None, None, None, target_id)


def list_unread(
    unread: Iterable[UnreadPolicy], placed: Mapping[PolicyKind, PlacedPolicies]
) -> tuple[BlockingPolicy, ...]:
    """Policies of which it isn't known what they say, at their places over an account."""
    return tuple(
        BlockingPolicy(policy.label.policy_id, policy.label.name, None, target_id)
        for policy in unread
        for over in placed.values()
        for target_id in over.places_of(policy.label.policy_id)
    )
