"""Judges accounts one after the other, and evaluates each distinct set of policies once.

What couldn't be read makes an answer ``unknown``; no path leads from there to ``allowed``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rootkeeper.domain.organization_policies import CONTROL_KINDS, PlacedPolicies, PolicyTree, UnreadPolicy
from rootkeeper.domain.organizations import Account, AccountState, Organization
from rootkeeper.domain.policies.documents import AccessRequest, PolicyKind
from rootkeeper.domain.policies.evaluation import (
    AccessVerdict,
    ApplicablePolicies,
    Decision,
    DenyingPolicy,
    PolicyLevel,
    evaluate,
    merge,
)
from rootkeeper.domain.preflight import PreflightRow, list_blocking, list_unread
from rootkeeper.domain.preflight_fixes import FixWriter, TaskBlock
from rootkeeper.domain.preflight_groups import PolicyTraits, distinguish, read_traits
from rootkeeper.domain.preflight_tasks import (
    ROOT_SESSION_TASKS,
    AccountPlace,
    Task,
    assume_root_request,
    list_requests,
)

_REACHED_BY_RCPS = ("s3:", "sqs:")
"""Source: Organizations User Guide, "AWS services that support RCPs"; IAM doesn't."""
_PERHAPS_REACHED_BY_RCPS = frozenset({"s3:ListAllMyBuckets", "sqs:ListQueues", "sts:AssumeRoot"})
"""The lists concern no resource of their own; and STS supports RCPs, but a root user is no resource of STS."""
_TASKS_REACHED_BY_RCPS = frozenset({Task.UNLOCK_BUCKET, Task.UNLOCK_QUEUE, Task.ROOT_USER_SIGN_IN})

_Placed = Mapping[PolicyKind, PlacedPolicies]


@dataclass(frozen=True, slots=True)
class _TaskResult:
    """The answer for one task and all accounts of a group."""

    task: Task
    verdict: AccessVerdict
    denials: tuple[DenyingPolicy, ...] = ()
    conditions: tuple[str, ...] = ()
    decisions: tuple[tuple[str, Decision], ...] = ()
    unread: tuple[UnreadPolicy, ...] = ()
    evaluated: _Placed = field(default_factory=dict)
    """The policies over the account that stood for the group."""


@dataclass(slots=True)
class PreflightEvaluator:
    """Answers for one account after the other, and remembers what it has evaluated."""

    organization: Organization
    tree: PolicyTree
    delegates: tuple[Account, ...] | None
    """Delegated administrators for IAM; ``None`` where they couldn't be read."""
    evaluations: int = 0
    """How many groups were evaluated so far."""
    _task_results: dict[Hashable, tuple[_TaskResult, ...]] = field(default_factory=dict)
    _calls: dict[Hashable, _TaskResult] = field(default_factory=dict)
    _traits: dict[str, PolicyTraits] = field(default_factory=dict)
    _fixes: FixWriter = field(init=False)

    def __post_init__(self) -> None:
        self._fixes = FixWriter(self.tree)

    def is_evaluated(self, account: Account) -> bool:
        """Whether it is an ACTIVE member account. No policy restricts the management account's root user."""
        is_member = account.account_id != self.organization.management_account_id
        return is_member and account.state is AccountState.ACTIVE

    def evaluate(self, account: Account) -> tuple[PreflightRow, ...]:
        """The rows of one ACTIVE member account, in the order of the tasks, and none of any other account.

        There is no row for AssumeRoot where no delegated administrator is registered.
        """
        if not self.is_evaluated(account):
            return ()
        placed = {kind: self.tree.over(account, kind) for kind in CONTROL_KINDS}
        rows = tuple(self._row(account, assessment, placed) for assessment in self._evaluate_root(account, placed))
        return (*rows, *self._evaluate_callers(account, placed))

    def find_inverse_fix(self, account: Account, task: Task) -> str | None:
        """The change that undoes the fix of a row."""
        placed = {kind: self.tree.over(account, kind) for kind in CONTROL_KINDS}
        assessment = next(one for one in self._evaluate_root(account, placed) if one.task is task)
        return self._write_fix(account, assessment, placed, is_inverse=True)

    # The root user.

    def _evaluate_root(self, account: Account, placed: _Placed) -> tuple[_TaskResult, ...]:
        key = self._group(account, placed.values())
        if key not in self._task_results:
            self.evaluations += 1
            tasks = (*ROOT_SESSION_TASKS, Task.ROOT_USER_SIGN_IN)
            self._task_results[key] = tuple(self._evaluate_task(task, account, placed) for task in tasks)
        return self._task_results[key]

    def _evaluate_task(self, task: Task, account: Account, placed: _Placed) -> _TaskResult:
        levels = {kind: self.tree.levels(one) for kind, one in placed.items()}
        requests = list_requests(task, self._place(account))
        decisions = [(request.action, _evaluate(request, levels)) for request in requests]
        kinds = CONTROL_KINDS if task in _TASKS_REACHED_BY_RCPS else (PolicyKind.SERVICE_CONTROL,)
        return self._settle(task, tuple(decisions), placed, kinds)

    def _settle(
        self,
        task: Task,
        decisions: tuple[tuple[str, Decision], ...],
        placed: _Placed,
        kinds: Iterable[PolicyKind],
    ) -> _TaskResult:
        """A Deny that was read decides; everything else is unknown while something wasn't read."""
        merged = merge(decision for _, decision in decisions)
        needs = tuple(problem for kind in kinds for problem in self.tree.problems.get(kind, ()))
        unread = tuple(policy for kind in kinds for policy in self.tree.list_unread(placed[kind]))
        if not needs and not unread:
            return _TaskResult(task, merged.verdict, merged.denials, merged.conditions, decisions, evaluated=placed)
        explicit = tuple(denial for denial in merged.denials if denial.is_explicit)
        if merged.verdict is AccessVerdict.BLOCKED and explicit:
            return _TaskResult(task, AccessVerdict.BLOCKED, explicit, decisions=decisions, evaluated=placed)
        conditions = (*needs, *(policy.problem for policy in unread))
        return _TaskResult(task, AccessVerdict.UNKNOWN, conditions=conditions, unread=unread, evaluated=placed)

    def _row(self, account: Account, assessment: _TaskResult, placed: _Placed) -> PreflightRow:
        return PreflightRow(
            account=account,
            task=assessment.task,
            verdict=assessment.verdict,
            policies=(
                *list_blocking(assessment.denials, placed, assessment.evaluated, self.tree),
                *list_unread(assessment.unread, placed),
            ),
            conditions=assessment.conditions,
            fix=self._write_fix(account, assessment, placed) if _is_fixable(assessment) else None,
        )

    def _write_fix(
        self, account: Account, assessment: _TaskResult, placed: _Placed, *, is_inverse: bool = False
    ) -> str | None:
        if not assessment.denials:
            return None
        task_block = TaskBlock(assessment.task, assessment.denials, assessment.decisions, assessment.evaluated, placed)
        return self._fixes.write(task_block, account.account_id, is_inverse=is_inverse)

    # Callers of AssumeRoot.

    def _evaluate_callers(self, account: Account, placed: _Placed) -> tuple[PreflightRow, ...]:
        if self.delegates is None:
            needs = ("needs organizations:ListDelegatedAdministrators",)
            return (PreflightRow(account, Task.ASSUME_ROOT, AccessVerdict.UNKNOWN, conditions=needs),)
        rows = []
        for delegate in self.delegates:
            over = {**placed, PolicyKind.SERVICE_CONTROL: self.tree.over(delegate, PolicyKind.SERVICE_CONTROL)}
            rows.append(self._row(account, self._evaluate_caller(delegate, account, over), over))
        return (_join_callers(account, rows),) if rows else ()

    def _evaluate_caller(self, delegate: Account, account: Account, over: _Placed) -> _TaskResult:
        key = (delegate.account_id, *self._group(account, over.values()))
        if key not in self._calls:
            self.evaluations += 1
            levels = {kind: self.tree.levels(one) for kind, one in over.items()}
            decision = _evaluate(assume_root_request(self._place(delegate), self._place(account)), levels)
            assessment = self._settle(
                Task.ASSUME_ROOT, (("sts:AssumeRoot", decision),), over, (PolicyKind.SERVICE_CONTROL,)
            )
            self._calls[key] = assessment
        return self._calls[key]

    # Groups.

    def _place(self, account: Account) -> AccountPlace:
        organization = self.organization
        return AccountPlace(account.account_id, organization.organization_id, account.ou_ids, organization.partition)

    def _group(self, account: Account, placed: Iterable[PlacedPolicies]) -> tuple[Hashable, ...]:
        signatures = tuple((one.kind, one.signature) for one in placed)
        policy_ids = {policy_id for _, signature in signatures for some in signature for policy_id in some}
        return signatures, distinguish(account, self._list_traits(policy_ids))

    def _list_traits(self, policy_ids: Iterable[str]) -> Iterator[PolicyTraits]:
        for policy_id in policy_ids:
            policy = self.tree.find_policy(policy_id)
            if policy is not None and policy_id not in self._traits:
                self._traits[policy_id] = read_traits(policy)
            if policy_id in self._traits:
                yield self._traits[policy_id]


def _evaluate(request: AccessRequest, levels: Mapping[PolicyKind, Sequence[PolicyLevel]]) -> Decision:
    """By SCPs, and by RCPs if they reach the action; if perhaps, what they deny is in doubt."""
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


def _is_fixable(assessment: _TaskResult) -> bool:
    """A cap on some task policies or Regions is meant so; only root sessions are better exempted from it altogether."""
    if assessment.verdict is AccessVerdict.DEPENDS:
        return assessment.task in ROOT_SESSION_TASKS
    return assessment.verdict is AccessVerdict.BLOCKED


def _join_callers(account: Account, rows: Sequence[PreflightRow]) -> PreflightRow:
    """One row for the callers of several delegated administrator accounts."""
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
