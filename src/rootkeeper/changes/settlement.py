"""Settles orphaned intents: those without an outcome of processes that are provably dead.

Each is rebuilt as a change, and judged by the same re-read as in a living process. An orphan whose target can't be read
stays open and is reported as unknown, never as done. Nothing is changed in AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rootkeeper.changes.credentials import CredentialRemoval
from rootkeeper.changes.removal_rules import ACTIONS, TARGET_PARAMETERS, PlannedCall
from rootkeeper.changes.rules import SENDING_LATENCY, Answer, Evaluation, ObservedChange
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.changes.sessions import AccountSessions
from rootkeeper.errors import RootkeeperError
from rootkeeper.ledger.rules import Action, LedgerEntry, Result
from rootkeeper.organization.accounts import AccountId

RestoreChange = Callable[[LedgerEntry, AccountSessions | None], ObservedChange[Any]]
"""Rebuilds the change of an orphaned intent, with the sessions of its account; ``None`` if it concerns no account.

:raises ValueError: if the intent's parameters don't describe a change.
"""

SESSION_LASTS = timedelta(seconds=900)
"""Source: STS AssumeRoot, API version 2011-06-15."""


@dataclass(frozen=True, slots=True)
class SettledIntent:
    """An orphaned intent, and its result according to a re-read."""

    sequence: int
    action: Action
    account_id: AccountId | None
    result: Result | None
    """``None`` if it stays open because it couldn't be read."""
    explanation: str


def leave_open(entry: LedgerEntry, explanation: str) -> SettledIntent:
    """Describe an orphan that stays open."""
    return SettledIntent(entry.sequence, entry.action, entry.account_id, None, explanation)


def settle_orphans(
    entries: Sequence[LedgerEntry],
    restore: RestoreChange,
    runner: ChangeRunner,
    sessions: AccountSessions | None = None,
) -> Iterator[SettledIntent]:
    """Settle orphans by re-reads, and record the outcomes; those that another process has settled are left out.

    :raises LedgerUnavailableError: if the ledger can't be written.
    :raises LockLostError: if the account's lock is lost.
    """
    for entry in entries:
        try:
            change = restore(entry, sessions)
        except ValueError as error:
            evaluation = Evaluation(Result.UNKNOWN, f"Interrupted; {error}.")
        else:
            evaluation = runner.watch(change, None).evaluation
        details = {"settled_by": "re-read", "explanation": evaluation.explanation}
        if evaluation.result is None or runner.ledger.settle_orphan(entry, evaluation.result, details):
            yield SettledIntent(
                entry.sequence, entry.action, entry.account_id, evaluation.result, evaluation.explanation
            )


@dataclass(frozen=True, slots=True)
class InterruptedStep(ObservedChange[None]):
    """A step whose effect nothing shows: reading, or a call of which no re-read is possible."""

    action: Action
    account_id: AccountId | None
    evaluation: Evaluation
    pauses_seconds: tuple[float, ...] = ()

    def observe(self) -> None:
        """Read nothing."""

    def evaluate(self, shown: None, answer: Answer | None) -> Evaluation:  # noqa: ARG002 - nothing shows it
        return self.evaluation

    def evaluate_unread(self, error: RootkeeperError, answer: Answer | None) -> Evaluation:  # noqa: ARG002 - see above
        return self.evaluation


def make_restorer_of_interrupted(text: str = "Interrupted.", result: Result = Result.UNKNOWN) -> RestoreChange:
    """Return the function that rebuilds steps whose effect nothing shows."""
    return lambda entry, _: InterruptedStep(entry.action, entry.account_id, Evaluation(result, text))


def restore_session_opening(entry: LedgerEntry, _: AccountSessions | None) -> ObservedChange[Any]:
    """A root session can't be observed; it changes nothing after its end."""
    ended_at = entry.at + SENDING_LATENCY + SESSION_LASTS
    text = (
        "It isn't known whether the session was opened. It ended by "
        f"{ended_at.isoformat(timespec='seconds')} at the latest."
    )
    return InterruptedStep(entry.action, entry.account_id, Evaluation(Result.UNKNOWN, text))


def require_account(sessions: AccountSessions | None) -> AccountSessions:
    """:raises ValueError: if the intent of a change in a root session names no account."""
    if sessions is None:
        raise ValueError("the intent names no account")
    return sessions


def restore_removal(entry: LedgerEntry, sessions: AccountSessions | None) -> ObservedChange[Any]:
    """Rebuild the removal of a credential.

    :raises ValueError: if the intent names no account or no credential.
    """
    kind = next(kind for kind, action in ACTIONS.items() if action is entry.action)
    name = TARGET_PARAMETERS.get(kind)
    target = None if name is None else entry.parameters.get(name)
    if name is not None and not isinstance(target, str):
        raise ValueError("the intent doesn't name the credential")
    return CredentialRemoval(require_account(sessions), PlannedCall(kind, None if target is None else str(target)))


RESTORED: dict[Action, RestoreChange] = {
    **dict.fromkeys(ACTIONS.values(), restore_removal),
    Action.ACCOUNTS_AUDIT: make_restorer_of_interrupted(
        "Interrupted: the audit has no result. It changes nothing.", Result.FAILED
    ),
    Action.ROOT_SESSION_OPEN: restore_session_opening,
}
"""How orphans of this mechanism's own actions are rebuilt."""
