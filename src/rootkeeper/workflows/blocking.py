"""Names the policy behind a refusal inside a root session.

AWS's message names one policy at most, often none, and never the statement. So once something was blocked, the policies
over the blocked accounts are read and evaluated; an audit in which nothing is blocked pays nothing for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rootkeeper.domain.organizations import Account, Inventory
from rootkeeper.domain.policies.evaluation import Verdict
from rootkeeper.domain.preflight import PreflightRow
from rootkeeper.domain.preflight_judging import PreflightJudge
from rootkeeper.domain.preflight_tasks import Task
from rootkeeper.domain.statuses import AccountStatus, Reason
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.errors import AwsCredentialsError, AwsError, AwsThrottledError
from rootkeeper.ports.policies import PolicyReader
from rootkeeper.workflows.policy_reading import PolicyReading

_MEND = "See how to mend it: rootkeeper preflight"
_UNEXPLAINED = "No policy of the organization explains it: a VPC endpoint policy may, or one was changed meanwhile."


@dataclass(frozen=True, slots=True)
class BlockNaming:
    """Reads policies only when asked to name one; changes nothing and opens no root session."""

    policies: PolicyReader
    inventory: Inventory

    def name_in_statuses(
        self, statuses: Sequence[AccountStatus], task_policy: TaskPolicy = TaskPolicy.AUDIT
    ) -> tuple[AccountStatus, ...]:
        """The same statuses in the same order; those that are ``blocked_by_policy`` say in their detail by which.

        Without such a status no call is made. What can't be read is said in the detail; nothing becomes better by it.

        :raises AwsCredentialsError: if the operator's own credentials ended.
        """
        blocked = [status.account for status in statuses if status.reason is Reason.BLOCKED_BY_POLICY]
        if not blocked:
            return tuple(statuses)
        named = self.name(blocked, task_policy)
        return tuple(
            replace(status, detail=_join(status.detail, sentence))
            if status.reason is Reason.BLOCKED_BY_POLICY
            and (sentence := named.get(status.account.account_id)) is not None
            else status
            for status in statuses
        )

    def name(self, blocked: Iterable[Account], task_policy: TaskPolicy) -> dict[str, str]:
        """One sentence for each account in which a root session of that task was denied its call, by account id.

        :raises AwsCredentialsError: if the operator's own credentials ended.
        """
        accounts = tuple(blocked)
        try:
            judge = PolicyReading(self.policies).judge_over(accounts, self.inventory)
        except AwsCredentialsError:
            raise
        except AwsError as error:
            return {account.account_id: _unread(error) for account in accounts}
        task = Task(task_policy.value)
        return {account.account_id: _name(judge, account, task) for account in accounts}


def find_row(judge: PreflightJudge, account: Account, task: Task) -> PreflightRow | None:
    """The row of one task; ``None`` for an account that has no rows."""
    return next((row for row in judge.judge(account) if row.task is task), None)


def _name(judge: PreflightJudge, account: Account, task: Task) -> str:
    row = find_row(judge, account, task)
    if row is None or row.verdict is Verdict.ALLOWED:
        return _UNEXPLAINED
    return f"{row.explanation} {_MEND} {account.account_id}"


def _unread(error: AwsError) -> str:
    why = "AWS limited the rate" if isinstance(error, AwsThrottledError) else error.message.rstrip(".")
    return f"Which policy it is couldn't be read: {why}."


def _join(detail: str | None, sentence: str) -> str:
    return f"{detail} {sentence}" if detail else sentence
