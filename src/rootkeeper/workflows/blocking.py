"""Names the policy behind a refusal inside a root session.

AWS's message names one policy at most, and often none. Where it names none, the policies over the blocked accounts are
read and evaluated, once for all of them; where nothing is blocked, nothing is read. Mostly an explicit Deny is behind
it, which few calls find. Where FullAWSAccess is attached is read only for accounts that no Deny explains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from rootkeeper.domain.deletion import AccountDeletion, KindReason, KindResult
from rootkeeper.domain.organization_policies import POLICY_ID
from rootkeeper.domain.organizations import Account, Inventory
from rootkeeper.domain.policies.evaluation import AccessVerdict
from rootkeeper.domain.preflight import PreflightRow
from rootkeeper.domain.preflight_judging import PreflightEvaluator
from rootkeeper.domain.preflight_tasks import Task
from rootkeeper.domain.statuses import AccountStatus, StatusReason
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.errors import AwsAccessDeniedError, AwsError, DenialCause
from rootkeeper.ports.policies import PolicyReader
from rootkeeper.ports.stopping import StopSignal
from rootkeeper.workflows.policy_reading import PolicyTreeReader
from rootkeeper.workflows.worker_threads import WorkerThreads

_LOOK_SECONDS = 0.2
"""How long the reading is waited for, so that a request to stop is seen."""
_FIX = "See how to mend it: rootkeeper preflight"
_UNEXPLAINED = "No policy of the organization explains it: a VPC endpoint policy may, or one was changed meanwhile."
_STOPPED = "Which policy it is wasn't read."
_POLICIES_OF_THE_ORGANIZATION = (None, DenialCause.SERVICE_CONTROL_POLICY, DenialCause.RESOURCE_CONTROL_POLICY)

_Sentences = dict[str, str]
"""By account id."""


def lacks_policy(status: AccountStatus) -> bool:
    """Whether a policy blocks the account and nothing says yet which."""
    return status.reason is StatusReason.BLOCKED_BY_POLICY and not _names_policy(status.detail)


@dataclass(frozen=True, slots=True)
class BlockingPolicyFinder:
    """Reads policies only when asked to name one; changes nothing and opens no root session.

    What can't be read is said; nothing becomes better by it, and nothing is raised for it.
    """

    policies: PolicyReader
    inventory: Inventory
    stop: StopSignal | None = None
    """Ends the reading early."""

    def explain_statuses(self, statuses: Sequence[AccountStatus]) -> tuple[AccountStatus, ...]:
        """The same statuses in the same order; those that are ``blocked_by_policy`` say in their detail by which."""
        named = self.name([status.account for status in statuses if lacks_policy(status)], TaskPolicy.AUDIT)
        return tuple(
            replace(status, detail=_join(status.detail, named[status.account.account_id]))
            if lacks_policy(status)
            else status
            for status in statuses
        )

    def explain_deletions(self, deletions: Sequence[AccountDeletion]) -> tuple[AccountDeletion, ...]:
        """The same for what came of a deletion, kind by kind."""
        accounts = {account.account_id: account for account in self.inventory.accounts}
        blocked = [
            accounts[deletion.account_id]
            for deletion in deletions
            if deletion.account_id in accounts and any(map(_lacks_policy, deletion.kinds))
        ]
        named = self.name(blocked, TaskPolicy.DELETE)
        return tuple(
            replace(deletion, kinds=tuple(_explain_kind(kind, named[deletion.account_id]) for kind in deletion.kinds))
            if deletion.account_id in named
            else deletion
            for deletion in deletions
        )

    def explain(self, error: AwsAccessDeniedError, account: Account, task_policy: TaskPolicy) -> AwsAccessDeniedError:
        """The refusal of a call in a root session of that task, with the policy that stands behind it.

        What was refused outside of the session, such as AssumeRoot itself, stays as it is.
        """
        if error.policy_id is not None or not _is_from_policy(error, task_policy):
            return error
        sentence = self.name([account], task_policy)[account.account_id]
        named = POLICY_ID.search(sentence)
        return AwsAccessDeniedError(
            _join(error.message, sentence),
            hint=error.hint,
            operation=error.operation,
            aws_code=error.aws_code,
            request_id=error.request_id,
            denied_by=error.denied_by,
            policy_id=named.group() if named else None,
        )

    @contextmanager
    def explaining_refusals(self, account: Account, task_policy: TaskPolicy) -> Iterator[None]:
        """Refusals that pass through here are explained."""
        try:
            yield
        except AwsAccessDeniedError as error:
            explained = self.explain(error, account, task_policy)
            if explained is error:
                raise
            raise explained from error

    def name(self, blocked: Iterable[Account], task_policy: TaskPolicy) -> _Sentences:
        """One sentence for each account in which a root session of that task was denied its call, by account id."""
        accounts, task = tuple(blocked), Task(task_policy.value)
        named = self._explain_by_denials(accounts, task)
        left = tuple(account for account in accounts if account.account_id not in named)
        return named | self._explain_by_all_policies(left, task)

    def _explain_by_denials(self, accounts: tuple[Account, ...], task: Task) -> _Sentences:
        """Leaves out the accounts that no explicit Deny explains; all of them, if they are few enough to be asked."""
        reading = PolicyTreeReader(self.policies)
        if reading.is_short(accounts, self.inventory):
            return {}
        return self._explain_blocked(
            accounts, task, lambda: reading.read_denial_evaluator(self.inventory), is_answer=_is_sure
        )

    def _explain_by_all_policies(self, accounts: tuple[Account, ...], task: Task) -> _Sentences:
        reading = PolicyTreeReader(self.policies)
        return self._explain_blocked(accounts, task, lambda: reading.read_evaluator_over(accounts, self.inventory))

    def _explain_blocked(
        self,
        accounts: tuple[Account, ...],
        task: Task,
        read: Callable[[], PreflightEvaluator],
        is_answer: Callable[[PreflightRow | None], bool] = lambda _: True,
    ) -> _Sentences:
        if not accounts:
            return {}
        try:
            evaluator = self._wait_for(read)
        except AwsError as error:
            return {account.account_id: _unread(error) for account in accounts}
        if evaluator is None:
            return {account.account_id: _STOPPED for account in accounts}
        rows = ((account, _find_row(evaluator, account, task)) for account in accounts)
        return {account.account_id: _describe(account, row) for account, row in rows if is_answer(row)}

    def _wait_for(self, read: Callable[[], PreflightEvaluator]) -> PreflightEvaluator | None:
        """``None`` if it was asked to stop before the end."""
        if self.stop is None:
            return read()
        threads = WorkerThreads[PreflightEvaluator](1, "policies")
        threads.begin(read)
        threads.close()
        while True:
            if found := threads.take_done(_LOOK_SECONDS):
                return found[0]
            if self.stop.asked_once():
                return None


def _find_row(evaluator: PreflightEvaluator, account: Account, task: Task) -> PreflightRow | None:
    """The row of one task; ``None`` for an account that has no rows."""
    return next((row for row in evaluator.evaluate(account) if row.task is task), None)


def _is_from_policy(error: AwsAccessDeniedError, task_policy: TaskPolicy) -> bool:
    services = {action.partition(":")[0] for action in task_policy.actions}
    return error.denied_by in _POLICIES_OF_THE_ORGANIZATION and error.operation.partition(":")[0] in services


def _is_sure(row: PreflightRow | None) -> bool:
    """Whether to know where FullAWSAccess is attached would change nothing.

    An explicit Deny blocks, whatever is allowed; and what couldn't be read stays unread. What only depends may turn out
    to lack an Allow.
    """
    if row is None or row.verdict is AccessVerdict.UNKNOWN:
        return True
    return row.verdict is AccessVerdict.BLOCKED and all(policy.sid is not None for policy in row.policies)


def _describe(account: Account, row: PreflightRow | None) -> str:
    if row is None or row.verdict is AccessVerdict.ALLOWED:
        return _UNEXPLAINED
    return f"{row.explanation} {_FIX} {account.account_id}"


def _explain_kind(result: KindResult, sentence: str) -> KindResult:
    return replace(result, detail=_join(result.detail, sentence)) if _lacks_policy(result) else result


def _lacks_policy(result: KindResult) -> bool:
    return result.reason is KindReason.BLOCKED_BY_POLICY and not _names_policy(result.detail)


def _names_policy(detail: str | None) -> bool:
    return detail is not None and POLICY_ID.search(detail) is not None


def _unread(error: AwsError) -> str:
    return f"Which policy it is couldn't be read: {error.message.rstrip('.')}."


def _join(detail: str | None, sentence: str) -> str:
    """An account that was read before an interruption may say so already."""
    if detail is None or sentence in detail:
        return detail or sentence
    return f"{detail if detail.endswith('.') else f'{detail}.'} {sentence}"
