"""Makes changes in AWS: intent, one call, re-read, outcome. Nothing else sends a changing call.

The intent is on disk before the call is sent. A clear refusal is recorded and raised. After any other answer, success
too, only a re-read decides; it is repeated with the change's own pauses, because AWS is eventually consistent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from rootkeeper.changes.rules import (
    Answer,
    Change,
    ChangeResult,
    Evaluation,
    ObservedChange,
    Reread,
    SentChange,
    Shown,
    describe_error,
)
from rootkeeper.changes.sessions import AccountSessions
from rootkeeper.clock import Clock
from rootkeeper.errors import (
    AwsCredentialsError,
    AwsError,
    AwsThrottledError,
    AwsUnreachableError,
    DatabaseError,
    LedgerUnavailableError,
    LockLostError,
    RootkeeperError,
)
from rootkeeper.ledger.owners import AccountLock
from rootkeeper.ledger.rules import Result
from rootkeeper.ledger.store import Ledger


@dataclass(frozen=True, slots=True)
class ChangeRunner:
    """Makes changes one after the other; keeps no state between them."""

    ledger: Ledger
    clock: Clock
    lock: AccountLock | None = None
    """Of the account that is changed; each intent checks it."""
    on_pause: Callable[[float], None] = lambda _: None
    """Receives each pause before a further re-read, in seconds."""

    @classmethod
    def in_account(cls, sessions: AccountSessions, on_pause: Callable[[float], None] = lambda _: None) -> ChangeRunner:
        """Return a runner for changes in the account of these sessions."""
        return cls(sessions.ledger, sessions.clock, sessions.lock, on_pause)

    def make(self, change: Change[Shown]) -> ChangeResult[Shown]:
        """Make a change and prove it.

        :raises AwsError: if AWS refuses the session or the call; the change wasn't made, and that is recorded.
        :raises LedgerUnavailableError: if the intent or the outcome can't be recorded.
        :raises LockLostError: if the lock is lost; nothing was sent.
        """
        sent = self.send(change)
        reread = self.watch(change, sent.answer)
        self.record(sent, reread.evaluation)
        return ChangeResult(change, sent.answer, reread.shown, reread.evaluation)

    def send(self, change: Change[Shown]) -> SentChange[Shown]:
        """Record the intent and send the call; once more if a root session ended early, because AWS refused that call.

        Raises as ``make`` does.
        """
        try:
            return self._send_once(change)
        except AwsCredentialsError:
            if not change.drop_session():
                raise
        return self._send_once(change)

    def _send_once(self, change: Change[Shown]) -> SentChange[Shown]:
        session_id = change.enter()
        parameters = {**change.parameters, **({} if session_id is None else {"session_access_key_id": session_id})}
        intent = self.ledger.append_intent(
            change.action, account_id=change.account_id, parameters=parameters, lock=self.lock
        )
        try:
            return SentChange(change, intent, Answer(change.send(intent)))
        except LedgerUnavailableError:
            raise  # a change may make further ones; there is no outcome without a ledger
        except RootkeeperError as error:
            if isinstance(error, AwsError) and change.may_have_acted(error):
                return SentChange(change, intent, Answer(error=error))
            result = Result.UNKNOWN if isinstance(error, DatabaseError) else Result.FAILED
            self.ledger.append_outcome(intent, result, describe_error(error))
            raise

    def watch(self, change: ObservedChange[Shown], answer: Answer | None) -> Reread[Shown]:
        """Re-read until the result is settled, at most as often as the change has pauses. Changes nothing.

        A target that can't be read is part of the result, also if the lock for a further root session is lost.
        """
        for pause in (*change.pauses_seconds, None):
            try:
                shown = change.observe()
            except (AwsError, LockLostError) as error:
                evaluation = change.evaluate_unread(error, answer)
                is_transient = isinstance(error, AwsThrottledError | AwsUnreachableError)
                is_settled = evaluation.is_settled and not is_transient
                reread = Reread[Shown](None, replace(evaluation, is_settled=is_settled))
            else:
                reread = Reread(shown, change.evaluate(shown, answer))
            if reread.evaluation.is_settled or pause is None:
                break
            self.on_pause(pause)
            self.clock.sleep(pause)
        return reread

    def record(self, sent: SentChange[Shown], evaluation: Evaluation) -> None:
        """Record the outcome of a change.

        :raises LedgerUnavailableError: if it can't be recorded; the next settlement ends the intent.
        """
        error = sent.answer.error
        details = {
            "answer": sent.answer.text,
            "reread": evaluation.explanation,
            **({} if error is None else describe_error(error)),
            **evaluation.details,
        }
        self.ledger.append_outcome(sent.intent, evaluation.result or Result.UNKNOWN, details)
