"""Whether policies would make a recovery fail or useless, checked before anything is opened.

A policy that blocks creating or deleting the login profile would leave the window unopened or, worse, unclosed. One
that denies the signed-in root user makes it useless: whoever is let in can do nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from rootkeeper.domain.organizations import Account, Inventory
from rootkeeper.domain.policies.documents import PolicyKind
from rootkeeper.domain.policies.evaluation import AccessVerdict
from rootkeeper.domain.preflight import PreflightRow
from rootkeeper.domain.preflight_judging import PreflightEvaluator
from rootkeeper.domain.preflight_tasks import Task
from rootkeeper.errors import AwsAccessDeniedError, AwsUnreachableError, DenialCause
from rootkeeper.ports.policies import PolicyReader
from rootkeeper.workflows.policy_reading import PolicyTreeReader

_NEEDED = {
    Task.CREATE_PASSWORD: "allowing password recovery",
    Task.DELETE: "deleting the credentials at the window's end",
    Task.ROOT_USER_SIGN_IN: "what the root user could do after its sign-in",
}


@dataclass(frozen=True, slots=True)
class RecoveryGuardrailChecker:
    """Reads the policies over one account; changes nothing and opens no root session."""

    policies: PolicyReader

    def check(self, account: Account, inventory: Inventory) -> tuple[str, ...]:
        """What the person should know: what can't be known beforehand, or couldn't be read.

        :raises AwsAccessDeniedError: if a policy blocks; it is named, with the change that mends it, and for the
            sign-in with the one that restores it.
        :raises AwsCredentialsError: if the operator's own credentials ended.
        """
        try:
            evaluator = PolicyTreeReader(self.policies).read_evaluator_over((account,), inventory)
        except AwsUnreachableError as error:
            return (_unread(error),)
        rows = [row for row in evaluator.evaluate(account) if row.task in _NEEDED]
        for row in rows:
            if row.verdict is AccessVerdict.BLOCKED:
                raise _refuse(row, evaluator)
        doubtful = [row for row in rows if row.verdict is not AccessVerdict.ALLOWED]
        return tuple(dict.fromkeys(f"Policies and {_NEEDED[row.task]}: {row.explanation}" for row in doubtful))


def _refuse(row: PreflightRow, evaluator: PreflightEvaluator) -> AwsAccessDeniedError:
    policy_id = row.policies[0].policy_id
    kind = PolicyKind.SERVICE_CONTROL if policy_id is None else evaluator.tree.describe(policy_id).kind
    return AwsAccessDeniedError(
        f"A policy blocks {_NEEDED[row.task]} in {row.account.account_id}: {row.explanation} Nothing was opened.",
        hint=_describe_change(row, evaluator),
        denied_by=DenialCause(kind.value),
        policy_id=policy_id,
    )


def _describe_change(row: PreflightRow, evaluator: PreflightEvaluator) -> str | None:
    if row.fix is None:
        return None
    if row.task is not Task.ROOT_USER_SIGN_IN:
        return f"Change the policy first:\n{row.fix}"
    find_inverse_fix = evaluator.find_inverse_fix(row.account, row.task)
    return f"Lift it for this account first:\n{row.fix}\nPut it back after the window:\n{find_inverse_fix}"


def _unread(error: AwsUnreachableError) -> str:
    return f"Whether a policy blocks the recovery couldn't be read: {error.message}"
