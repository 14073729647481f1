"""Evaluates which policies block which task for an account; the rows of a preflight.

Accounts under the same policies form a group and get the same answer, unless a policy distinguishes them: by an account
id, by a pattern that matches only some ids, or by their place in the tree. Ten thousand accounts are usually a few
groups. Failed readings make an answer ``unknown``, never ``allowed``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rootkeeper.guardrails.fixes import FixWriter, Placed, TaskResult
from rootkeeper.guardrails.tasks import (
    ROOT_SESSION_TASKS,
    AccountPlace,
    Task,
    assume_root_request,
    list_requests,
    list_root_tasks,
)
from rootkeeper.organization.accounts import Account, AccountState, Organization
from rootkeeper.policy_language.documents import AccessRequest, Policy, PolicyKind
from rootkeeper.policy_language.evaluation import (
    CONTROL_KINDS,
    AccessVerdict,
    ApplicablePolicies,
    Decision,
    DenyingPolicy,
    PlacedPolicies,
    PolicyLevel,
    PolicyTree,
    UnreadPolicy,
    evaluate,
    merge,
)


@dataclass(frozen=True, slots=True)
class BlockingPolicy:
    """A policy that causes a verdict, at a place where it is attached."""

    policy_id: str | None
    """``None`` where a place has no policy at all."""
    name: str | None
    sid: str | None
    """The Deny statement's Sid, or its number; ``None`` where an Allow is missing or the policy couldn't be read."""
    attached_to: str
    """The organization's root, a unit or an account."""

    def __str__(self) -> str:
        if self.policy_id is None:
            return f"no policy that allows it, at {self.attached_to}"
        named = self.policy_id if self.name == self.policy_id else f"{self.policy_id} ({self.name})"
        return f"{named}, {self.sid or 'no Allow'}, at {self.attached_to}"


@dataclass(frozen=True, slots=True)
class PreflightRow:
    """The result of a task in an account."""

    account: Account
    task: Task
    verdict: AccessVerdict
    policies: tuple[BlockingPolicy, ...] = ()
    conditions: tuple[str, ...] = ()
    """What the verdict depends on; if ``unknown``, what is needed to know it."""
    fix: str | None = None
    """The smallest change that lets the task pass, as unified diffs of the policies' JSON; ``None`` for an intended
    denial.
    """

    @property
    def is_intended(self) -> bool:
        """Whether it is the denial that AWS recommends, of everything that a root user does after its sign-in.

        Source: AWS Organizations User Guide, best practices for member accounts (restrict the root user by an SCP).
        """
        return self.task is Task.ROOT_USER_SIGN_IN and self.verdict is AccessVerdict.BLOCKED

    @property
    def explanation(self) -> str:
        """A sentence; empty if the task is allowed."""
        named = "; ".join(str(policy) for policy in self.policies)
        conditions = ", ".join(self.conditions)
        if self.verdict is AccessVerdict.DEPENDS:
            return f"Depends on {conditions}: {named}." if named else f"Depends on {conditions}."
        if self.verdict is AccessVerdict.UNKNOWN:
            unread = ", ".join(f"{policy.policy_id} at {policy.attached_to}" for policy in self.policies)
            return f"Unknown: {'; '.join(part.rstrip('.') for part in (conditions, unread) if part)}."
        word = "Denied" if self.is_intended else "Blocked"
        return f"{word} by {named}." if self.verdict is AccessVerdict.BLOCKED else ""


def has_blocked(rows: Iterable[PreflightRow]) -> bool:
    """Whether a row is unknown, or blocked and not intended."""
    return any(row.verdict in (AccessVerdict.BLOCKED, AccessVerdict.UNKNOWN) and not row.is_intended for row in rows)


INTENDED = "denied"
"""The word for a denial that is intended, in place of the verdict ``blocked``."""


def count_verdicts(rows: Iterable[PreflightRow]) -> dict[str, int]:
    """Count the rows of each verdict; intended denials aren't among the blocked rows."""
    counted = Counter(INTENDED if row.is_intended else row.verdict.value for row in rows)
    return {word: counted[word] for word in (*AccessVerdict, INTENDED)}


def list_blocking(
    denials: Iterable[DenyingPolicy], placed: Placed, evaluated: Placed, tree: PolicyTree
) -> tuple[BlockingPolicy, ...]:
    """List the policies behind denials, at their places over an account (``placed``).

    The denials were found for another account of the same group (``evaluated``): a missing Allow is at the places of
    this account that have the same policies.
    """
    found: list[BlockingPolicy] = []
    for denial in denials:
        over, label = placed[denial.kind], denial.policy
        if not denial.is_explicit:
            lacking = evaluated[denial.kind].attached_to(denial.target_id)
            labels = [tree.describe(policy_id).label for policy_id in sorted(lacking)]
            for target_id in over.places_with(lacking):
                found += [BlockingPolicy(policy.policy_id, policy.name, None, target_id) for policy in labels]
                if not labels:
                    found.append(BlockingPolicy(None, None, None, target_id))
        elif label is not None and denial.statement is not None:
            sid = denial.statement.label
            found += [
                BlockingPolicy(label.policy_id, label.name, sid, place) for place in over.places_of(label.policy_id)
            ]
    return tuple(dict.fromkeys(found))


def list_unread(unread: Iterable[UnreadPolicy], placed: Placed) -> tuple[BlockingPolicy, ...]:
    """List the policies that couldn't be read, at their places over an account."""
    return tuple(
        BlockingPolicy(policy.label.policy_id, policy.label.name, None, target_id)
        for policy in unread
        for over in placed.values()
        for target_id in over.places_of(policy.label.policy_id)
    )


_ACCOUNT_KEYS = frozenset(
    {"aws:principalaccount", "aws:principalarn", "aws:resourceaccount", "aws:userid", "s3:resourceaccount"}
)

_TEXT_OPERATORS = ("arn", "string", "null")
_ACCOUNT_ID_DIGITS = 12
_DIGITS = re.compile(rf"\d{{{_ACCOUNT_ID_DIGITS},}}")


@dataclass(frozen=True, slots=True)
class PolicyTraits:
    """By which properties a policy can distinguish accounts."""

    account_ids: frozenset[str]
    """Account ids in the policy."""
    distinguishes_accounts: bool
    """Whether it has a pattern of account ids or compares them as numbers: then each account is a group."""
    distinguishes_places: bool
    """Whether it has a condition on the path in the tree."""


def read_traits(policy: Policy) -> PolicyTraits:
    leaves = tuple(_list_leaves(policy.document))
    return PolicyTraits(
        account_ids=frozenset(
            digits[start : start + _ACCOUNT_ID_DIGITS]
            for leaf in leaves
            for digits in _DIGITS.findall(leaf)
            for start in range(len(digits) - _ACCOUNT_ID_DIGITS + 1)
        ),
        distinguishes_accounts=any(_has_pattern_of_ids(leaf) for leaf in leaves)
        or _compares_otherwise(policy.document),
        distinguishes_places=any("orgpaths" in leaf.lower() for leaf in leaves),
    )


def distinguish(account: Account, traits: Iterable[PolicyTraits]) -> Hashable:
    """Return a key that is equal for accounts that get the same answer under the same policies."""
    found = tuple(traits)
    is_alone = any(policy.distinguishes_accounts or account.account_id in policy.account_ids for policy in found)
    path = account.ou_ids if any(policy.distinguishes_places for policy in found) else ()
    return account.account_id if is_alone else "", path


def _list_leaves(element: object) -> Iterator[str]:
    """List every name and value of a document as text."""
    if isinstance(element, Mapping):
        for name, value in element.items():
            yield str(name)
            yield from _list_leaves(value)
    elif isinstance(element, list):
        for value in element:
            yield from _list_leaves(value)
    else:
        yield str(element)


def _has_pattern_of_ids(leaf: str) -> bool:
    """Whether a segment that may be an account id contains digits and wildcards."""
    segments = leaf.split(":")
    places = segments[1:5] if segments[0] == "arn" else segments
    return any(re.search(r"\d", segment) and re.search(r"[*?]", segment) for segment in places)


def _compares_otherwise(document: Mapping[str, Any]) -> bool:
    statements = document.get("Statement", ())
    return any(
        str(key).lower() in _ACCOUNT_KEYS and not operator.lower().rpartition(":")[2].startswith(_TEXT_OPERATORS)
        for statement in (statements if isinstance(statements, list) else [statements])
        for operator, keys in statement.get("Condition", {}).items()
        for key in keys
    )


_REACHED_BY_RCPS = ("s3:", "sqs:")
"""Source: Organizations User Guide, "AWS services that support RCPs"; IAM doesn't."""

_PERHAPS_REACHED_BY_RCPS = frozenset({"s3:ListAllMyBuckets", "sqs:ListQueues", "sts:AssumeRoot"})
"""The lists have no resource of their own; STS supports RCPs, but a root user isn't a resource of STS."""

_TASKS_REACHED_BY_RCPS = frozenset({Task.UNLOCK_BUCKET, Task.UNLOCK_QUEUE, Task.ROOT_USER_SIGN_IN})


@dataclass(slots=True)
class PreflightEvaluator:
    """Evaluates accounts, each group once."""

    organization: Organization
    tree: PolicyTree
    delegates: tuple[Account, ...] | None
    """Delegated administrators for IAM; ``None`` if they couldn't be read."""
    evaluations: int = 0
    """Number of groups evaluated so far."""
    _task_results: dict[Hashable, tuple[TaskResult, ...]] = field(default_factory=dict)
    _calls: dict[Hashable, TaskResult] = field(default_factory=dict)
    _traits: dict[str, PolicyTraits] = field(default_factory=dict)
    _fixes: FixWriter = field(init=False)

    def __post_init__(self) -> None:
        self._fixes = FixWriter(self.tree)

    def is_evaluated(self, account: Account) -> bool:
        """Whether it is an ACTIVE member account. No policy restricts the management account's root user."""
        is_member = account.account_id != self.organization.management_account_id
        return is_member and account.state is AccountState.ACTIVE

    def evaluate(self, account: Account) -> tuple[PreflightRow, ...]:
        """Evaluate an account, in the order of the tasks; no rows unless it is an ACTIVE member account.

        Without a delegated administrator there is no row for AssumeRoot.
        """
        if not self.is_evaluated(account):
            return ()
        placed = {kind: self.tree.over(account, kind) for kind in CONTROL_KINDS}
        rows = tuple(self._row(account, assessment, placed) for assessment in self._evaluate_root(account, placed))
        return (*rows, *self._evaluate_callers(account, placed))

    def find_inverse_fix(self, account: Account, task: Task) -> str | None:
        """Find the change that undoes the fix of a row."""
        placed = {kind: self.tree.over(account, kind) for kind in CONTROL_KINDS}
        assessment = next(result for result in self._evaluate_root(account, placed) if result.task is task)
        return self._write_fix(account, assessment, placed, is_inverse=True)

    def _evaluate_root(self, account: Account, placed: Placed) -> tuple[TaskResult, ...]:
        key = self._group(account, placed.values())
        if key not in self._task_results:
            self.evaluations += 1
            levels = {kind: self.tree.levels(policies) for kind, policies in placed.items()}
            found: list[TaskResult] = []
            for task in list_root_tasks(self.organization.partition):
                requests = list_requests(task, self._place(account))
                decisions = tuple((request.action, _evaluate(request, levels)) for request in requests)
                kinds = CONTROL_KINDS if task in _TASKS_REACHED_BY_RCPS else (PolicyKind.SERVICE_CONTROL,)
                found.append(self._settle(task, decisions, placed, kinds))
            self._task_results[key] = tuple(found)
        return self._task_results[key]

    def _settle(
        self, task: Task, decisions: tuple[tuple[str, Decision], ...], placed: Placed, kinds: Iterable[PolicyKind]
    ) -> TaskResult:
        """A Deny decides in any case; every other result is unknown if something couldn't be read."""
        merged = merge(decision for _, decision in decisions)
        needs = tuple(problem for kind in kinds for problem in self.tree.problems.get(kind, ()))
        unread = tuple(policy for kind in kinds for policy in self.tree.list_unread(placed[kind]))
        if not needs and not unread:
            return TaskResult(task, merged.verdict, merged.denials, merged.conditions, decisions, evaluated=placed)
        explicit = tuple(denial for denial in merged.denials if denial.is_explicit)
        if merged.verdict is AccessVerdict.BLOCKED and explicit:
            return TaskResult(task, AccessVerdict.BLOCKED, explicit, decisions=decisions, evaluated=placed)
        conditions = (*needs, *(policy.problem for policy in unread))
        return TaskResult(task, AccessVerdict.UNKNOWN, conditions=conditions, unread=unread, evaluated=placed)

    def _row(self, account: Account, assessment: TaskResult, placed: Placed) -> PreflightRow:
        # A limit on task policies or Regions is intended; only root sessions should be exempt from it.
        is_fixable = assessment.verdict is AccessVerdict.BLOCKED or (
            assessment.verdict is AccessVerdict.DEPENDS and assessment.task in ROOT_SESSION_TASKS
        )
        return PreflightRow(
            account=account,
            task=assessment.task,
            verdict=assessment.verdict,
            policies=(
                *list_blocking(assessment.denials, placed, assessment.evaluated, self.tree),
                *list_unread(assessment.unread, placed),
            ),
            conditions=assessment.conditions,
            fix=self._write_fix(account, assessment, placed) if is_fixable else None,
        )

    def _write_fix(
        self, account: Account, assessment: TaskResult, placed: Placed, *, is_inverse: bool = False
    ) -> str | None:
        if not assessment.denials:
            return None
        return self._fixes.write(assessment, placed, account.account_id, is_inverse=is_inverse)

    def _evaluate_callers(self, account: Account, placed: Placed) -> tuple[PreflightRow, ...]:
        if self.delegates is None:
            needs = ("needs organizations:ListDelegatedAdministrators",)
            return (PreflightRow(account, Task.ASSUME_ROOT, AccessVerdict.UNKNOWN, conditions=needs),)
        rows = []
        for delegate in self.delegates:
            over = {**placed, PolicyKind.SERVICE_CONTROL: self.tree.over(delegate, PolicyKind.SERVICE_CONTROL)}
            rows.append(self._row(account, self._evaluate_caller(delegate, account, over), over))
        return (_join_callers(account, rows),) if rows else ()

    def _evaluate_caller(self, delegate: Account, account: Account, over: Placed) -> TaskResult:
        key = (delegate.account_id, *self._group(account, over.values()))
        if key not in self._calls:
            self.evaluations += 1
            levels = {kind: self.tree.levels(policies) for kind, policies in over.items()}
            decision = _evaluate(assume_root_request(self._place(delegate), self._place(account)), levels)
            assessment = self._settle(
                Task.ASSUME_ROOT, (("sts:AssumeRoot", decision),), over, (PolicyKind.SERVICE_CONTROL,)
            )
            self._calls[key] = assessment
        return self._calls[key]

    def _place(self, account: Account) -> AccountPlace:
        organization = self.organization
        return AccountPlace(account.account_id, organization.organization_id, account.ou_ids, organization.partition)

    def _group(self, account: Account, placed: Collection[PlacedPolicies]) -> tuple[Hashable, ...]:
        signatures = tuple((policies.kind, policies.signature) for policies in placed)
        policies = {policy_id: self.tree.find_policy(policy_id) for over in placed for policy_id in over.policy_ids}
        readable = {policy_id: policy for policy_id, policy in policies.items() if policy is not None}
        for policy_id in readable.keys() - self._traits.keys():
            self._traits[policy_id] = read_traits(readable[policy_id])
        return signatures, distinguish(account, (self._traits[policy_id] for policy_id in readable))


def _evaluate(request: AccessRequest, levels: Mapping[PolicyKind, Sequence[PolicyLevel]]) -> Decision:
    """Evaluate SCPs, and RCPs if they apply to the action; if that isn't certain, their denials are in doubt."""
    scps, rcps = levels[PolicyKind.SERVICE_CONTROL], levels[PolicyKind.RESOURCE_CONTROL]
    if request.action not in _PERHAPS_REACHED_BY_RCPS:
        is_reached = request.action.startswith(_REACHED_BY_RCPS)
        return evaluate(request, ApplicablePolicies(scps, rcps if is_reached else (), identity_policies=None))
    decision = evaluate(request, ApplicablePolicies(scps, identity_policies=None))
    beside = evaluate(request, ApplicablePolicies(resource_control_levels=rcps, identity_policies=None))
    if decision.verdict is AccessVerdict.BLOCKED or beside.verdict is AccessVerdict.ALLOWED:
        return decision
    doubt = f"whether resource control policies reach {request.action}, which AWS doesn't say"
    doubtful = (replace(denial, unknown=denial.unknown | {doubt}) for denial in beside.denials)
    return Decision(AccessVerdict.DEPENDS, (*decision.denials, *doubtful))


def _join_callers(account: Account, rows: Sequence[PreflightRow]) -> PreflightRow:
    """Join the rows of several delegated administrator accounts into a single row."""
    verdicts = {row.verdict for row in rows}
    if len(verdicts) == 1:
        verdict = verdicts.pop()
    else:
        verdict = AccessVerdict.UNKNOWN if AccessVerdict.UNKNOWN in verdicts else AccessVerdict.DEPENDS
    conditions = [condition for row in rows for condition in row.conditions]
    if verdict is AccessVerdict.DEPENDS and len(rows) > 1:
        conditions.append("which delegated administrator account calls")
    return PreflightRow(
        account=account,
        task=Task.ASSUME_ROOT,
        verdict=verdict,
        policies=tuple(dict.fromkeys(policy for row in rows for policy in row.policies)),
        conditions=tuple(dict.fromkeys(conditions)),
        fix=next((row.fix for row in rows if row.fix), None),
    )
