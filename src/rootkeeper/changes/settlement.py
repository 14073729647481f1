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
from rootkeeper.changes.rules import SENDING_LATENCY, Answer, Change, Evaluation
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.ledger.rules import Action, LedgerEntry, Result
from rootkeeper.organization.accounts import AccountId

RestoreChange = Callable[[LedgerEntry], Change[Any]]
"""Rebuilds the change of an orphaned intent.

:raises ValueError: if the intent's parameters don't describe one.
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
    entries: Sequence[LedgerEntry], restore: RestoreChange, runner: ChangeRunner
) -> Iterator[SettledIntent]:
    """Settle orphans by re-reads, and record the outcomes; those that another process has settled are left out.

    :raises LedgerUnavailableError: if the ledger can't be written.
    :raises LockLostError: if the account's lock is lost.
    """
    for entry in entries:
        try:
            change = restore(entry)
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
class InterruptedStep(Change[None]):
    """A step whose effect nothing shows: reading, or a call of which no re-read is possible."""

    action: Action
    account_id: AccountId | None
    evaluation: Evaluation
    pauses_seconds: tuple[float, ...] = ()

    @property
    def parameters(self) -> dict[str, Any]:
        return {}

    def observe(self) -> None:
        """Read nothing."""

    def evaluate(self, shown: None, answer: Answer | None) -> Evaluation:  # noqa: ARG002 - there is nothing to see
        return self.evaluation


def restore_interrupted(entry: LedgerEntry, result: Result = Result.UNKNOWN, text: str = "Interrupted.") -> Change[Any]:
    """Rebuild a step whose effect nothing shows."""
    return InterruptedStep(entry.action, entry.account_id, Evaluation(result, text))


def restore_session_opening(entry: LedgerEntry) -> Change[Any]:
    """A root session can't be observed; it changes nothing after its end."""
    ended_at = entry.at + SENDING_LATENCY + SESSION_LASTS
    text = (
        "It isn't known whether the session was opened. It ended by "
        f"{ended_at.isoformat(timespec='seconds')} at the latest."
    )
    return restore_interrupted(entry, Result.UNKNOWN, text)


def restore_audit(entry: LedgerEntry) -> Change[Any]:
    """An audit changes nothing."""
    return restore_interrupted(entry, Result.FAILED, "Interrupted: the audit has no result. It changes nothing.")


def restore_removal(entry: LedgerEntry) -> Change[Any]:
    """Rebuild the removal of a credential.

    :raises ValueError: if the intent names no account or no credential.
    """
    kind = next(kind for kind, action in ACTIONS.items() if action is entry.action)
    name = TARGET_PARAMETERS.get(kind)
    target = None if name is None else entry.parameters.get(name)
    if entry.account_id is None or (name is not None and not isinstance(target, str)):
        raise ValueError("the intent doesn't name the credential")
    return CredentialRemoval(entry.account_id, PlannedCall(kind, None if target is None else str(target)))


RESTORED: dict[Action, RestoreChange] = {
    **dict.fromkeys(ACTIONS.values(), restore_removal),
    Action.ACCOUNTS_AUDIT: restore_audit,
    Action.ROOT_SESSION_OPEN: restore_session_opening,
}
"""How orphans of this mechanism's own actions are rebuilt."""
