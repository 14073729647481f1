"""Judges accounts one after the other, and evaluates each distinct set of policies once.

What couldn't be read makes an answer ``unknown``; no path leads from there to ``allowed``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rootkeeper.domain.organization_policies import CONTROL_KINDS, PlacedPolicies, PolicyTree, UnreadPolicy
from rootkeeper.domain.organizations import Account, AccountState, Organization
from rootkeeper.domain.policies.documents import AccessRequest, PolicyKind
from rootkeeper.domain.policies.evaluation import Decision, Denial, Level, Standing, Verdict, evaluate, merge
from rootkeeper.domain.preflight import PreflightRow, list_blocking, list_unread
from rootkeeper.domain.preflight_fixes import Blockage, FixWriting
from rootkeeper.domain.preflight_groups import PolicyTraits, distinguish, read_traits
from rootkeeper.domain.preflight_tasks import (
    ROOT_SESSION_TASKS,
    Place,
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
class _Judgement:
    """The answer for one task and all accounts of a group."""

    task: Task
    verdict: Verdict
    denials: tuple[Denial, ...] = ()
    conditions: tuple[str, ...] = ()
    decisions: tuple[tuple[str, Decision], ...] = ()
    unread: tuple[UnreadPolicy, ...] = ()
    judged: _Placed = field(default_factory=dict)
    """The policies over the account that stood for the group."""


@dataclass(slots=True)
class PreflightJudge:
    """Answers for one account after the other, and remembers what it has evaluated."""

    organization: Organization
    tree: PolicyTree
    delegates: tuple[Account, ...] | None
    """Delegated administrators for IAM; ``None`` where they couldn't be read."""
    evaluations: int = 0
    """How many groups were evaluated so far."""
    _judgements: dict[Hashable, tuple[_Judgement, ...]] = field(default_factory=dict)
    _calls: dict[Hashable, _Judgement] = field(default_factory=dict)
    _traits: dict[str, PolicyTraits] = field(default_factory=dict)
    _fixes: FixWriting = field(init=False)

    def __post_init__(self) -> None:
        self._fixes = FixWriting(self.tree)

    def is_judged(self, account: Account) -> bool:
        """Whether it is an ACTIVE member account. No policy restricts the management account's root user."""
        is_member = account.account_id != self.organization.management_account_id
        return is_member and account.state is AccountState.ACTIVE

    def judge(self, account: Account) -> tuple[PreflightRow, ...]:
        """The rows of one ACTIVE member account, in the order of the tasks, and none of any other account.

        There is no row for AssumeRoot where no delegated administrator is registered.
        """
        if not self.is_judged(account):
            return ()
        placed = {kind: self.tree.over(account, kind) for kind in CONTROL_KINDS}
        rows = tuple(self._row(account, judgement, placed) for judgement in self._judge_root(account, placed))
        return (*rows, *self._judge_callers(account, placed))

    def way_back(self, account: Account, task: Task) -> str | None:
        """The change that undoes the fix of a row."""
        placed = {kind: self.tree.over(account, kind) for kind in CONTROL_KINDS}
        judgement = next(one for one in self._judge_root(account, placed) if one.task is task)
        return self._write_fix(account, judgement, placed, is_way_back=True)

    # The root user.

    def _judge_root(self, account: Account, placed: _Placed) -> tuple[_Judgement, ...]:
        key = self._group(account, placed.values())
        if key not in self._judgements:
            self.evaluations += 1
            tasks = (*ROOT_SESSION_TASKS, Task.ROOT_USER_SIGN_IN)
            self._judgements[key] = tuple(self._judge_task(task, account, placed) for task in tasks)
        return self._judgements[key]

    def _judge_task(self, task: Task, account: Account, placed: _Placed) -> _Judgement:
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
    ) -> _Judgement:
        """A Deny that was read decides; everything else is unknown while something wasn't read."""
        merged = merge(decision for _, decision in decisions)
        needs = tuple(problem for kind in kinds for problem in self.tree.problems.get(kind, ()))
        unread = tuple(policy for kind in kinds for policy in self.tree.list_unread(placed[kind]))
        if not needs and not unread:
            return _Judgement(task, merged.verdict, merged.denials, merged.conditions, decisions, judged=placed)
        explicit = tuple(denial for denial in merged.denials if denial.is_explicit)
        if merged.verdict is Verdict.BLOCKED and explicit:
            return _Judgement(task, Verdict.BLOCKED, explicit, decisions=decisions, judged=placed)
        conditions = (*needs, *(policy.problem for policy in unread))
        return _Judgement(task, Verdict.UNKNOWN, conditions=conditions, unread=unread, judged=placed)

    def _row(self, account: Account, judgement: _Judgement, placed: _Placed) -> PreflightRow:
        return PreflightRow(
            account=account,
            task=judgement.task,
            verdict=judgement.verdict,
            policies=(
                *list_blocking(judgement.denials, placed, judgement.judged, self.tree),
                *list_unread(judgement.unread, placed),
            ),
            conditions=judgement.conditions,
            fix=self._write_fix(account, judgement, placed) if _can_be_mended(judgement) else None,
        )

    def _write_fix(
        self, account: Account, judgement: _Judgement, placed: _Placed, *, is_way_back: bool = False
    ) -> str | None:
        if not judgement.denials:
            return None
        blockage = Blockage(judgement.task, judgement.denials, judgement.decisions, judgement.judged, placed)
        return self._fixes.write(blockage, account.account_id, is_way_back=is_way_back)

    # Callers of AssumeRoot.

    def _judge_callers(self, account: Account, placed: _Placed) -> tuple[PreflightRow, ...]:
        if self.delegates is None:
            needs = ("needs organizations:ListDelegatedAdministrators",)
            return (PreflightRow(account, Task.ASSUME_ROOT, Verdict.UNKNOWN, conditions=needs),)
        rows = []
        for delegate in self.delegates:
            over = {**placed, PolicyKind.SERVICE_CONTROL: self.tree.over(delegate, PolicyKind.SERVICE_CONTROL)}
            rows.append(self._row(account, self._judge_caller(delegate, account, over), over))
        return (_join_callers(account, rows),) if rows else ()

    def _judge_caller(self, delegate: Account, account: Account, over: _Placed) -> _Judgement:
        key = (delegate.account_id, *self._group(account, over.values()))
        if key not in self._calls:
            self.evaluations += 1
            levels = {kind: self.tree.levels(one) for kind, one in over.items()}
            decision = _evaluate(assume_root_request(self._place(delegate), self._place(account)), levels)
            judgement = self._settle(
                Task.ASSUME_ROOT, (("sts:AssumeRoot", decision),), over, (PolicyKind.SERVICE_CONTROL,)
            )
            self._calls[key] = judgement
        return self._calls[key]

    # Groups.

    def _place(self, account: Account) -> Place:
        organization = self.organization
        return Place(account.account_id, organization.organization_id, account.ou_ids, organization.partition)

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


def _evaluate(request: AccessRequest, levels: Mapping[PolicyKind, Sequence[Level]]) -> Decision:
    """By SCPs, and by RCPs if they reach the action; if perhaps, what they deny is in doubt."""
    scps, rcps = levels[PolicyKind.SERVICE_CONTROL], levels[PolicyKind.RESOURCE_CONTROL]
    if request.action not in _PERHAPS_REACHED_BY_RCPS:
        is_reached = request.action.startswith(_REACHED_BY_RCPS)
        return evaluate(request, Standing(scps, rcps if is_reached else (), identity_policies=None))
    decision = evaluate(request, Standing(scps, identity_policies=None))
    beside = evaluate(request, Standing(resource_control_levels=rcps, identity_policies=None))
    if decision.verdict is Verdict.BLOCKED or beside.verdict is Verdict.ALLOWED:
        return decision
    doubt = f"whether resource control policies reach {request.action}, which AWS doesn't say"
    doubtful = (replace(denial, unknown=denial.unknown | {doubt}) for denial in beside.denials)
    return Decision(Verdict.DEPENDS, (*decision.denials, *doubtful))


def _can_be_mended(judgement: _Judgement) -> bool:
    """A cap on some task policies or Regions is meant so; only root sessions are better exempted from it altogether."""
    if judgement.verdict is Verdict.DEPENDS:
        return judgement.task in ROOT_SESSION_TASKS
    return judgement.verdict is Verdict.BLOCKED


def _join_callers(account: Account, rows: Sequence[PreflightRow]) -> PreflightRow:
    """One row for the callers of several delegated administrator accounts."""
    verdicts = {row.verdict for row in rows}
    if len(verdicts) == 1:
        verdict = verdicts.pop()
    else:
        verdict = Verdict.UNKNOWN if Verdict.UNKNOWN in verdicts else Verdict.DEPENDS
    conditions = [condition for row in rows for condition in row.conditions]
    if verdict is Verdict.DEPENDS and len(rows) > 1:
        conditions.append("which delegated administrator account calls")
    return PreflightRow(
        account=account,
        task=Task.ASSUME_ROOT,
        verdict=verdict,
        policies=tuple(dict.fromkeys(policy for row in rows for policy in row.policies)),
        conditions=tuple(dict.fromkeys(conditions)),
        fix=next((row.fix for row in rows if row.fix), None),
    )
