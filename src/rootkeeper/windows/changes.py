"""The changes of a recovery window: password recovery allowed, the window closed, a failsafe's login kept, decisions.

Only the first changes AWS by a call of its own; closing makes the changes of a removal. The others are steps in the
window's row, which shows to a settlement whether they took effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.changes.rules import Answer, Change, Evaluation, ObservedChange
from rootkeeper.changes.sessions import AccountSessions, RootChange
from rootkeeper.changes.settlement import require_account
from rootkeeper.errors import (
    AwsAlreadyExistsError,
    AwsCredentialsError,
    AwsError,
    AwsUnclearError,
    AwsUnreachableError,
    InputError,
    RootkeeperError,
)
from rootkeeper.ledger.rules import Action, Intent, LedgerEntry, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import LoginProfile
from rootkeeper.values import JsonValue, render_time
from rootkeeper.windows.approvals import shows_decision
from rootkeeper.windows.rules import (
    CreateLoginProfileAnswer,
    OpeningReread,
    OpenOutcome,
    RecoveryWindow,
    WindowState,
    classify_opening,
)
from rootkeeper.windows.store import RecoveryWindowStore

_RESULTS = {
    OpenOutcome.OPEN: Result.DONE,
    OpenOutcome.CANCELLED: Result.FAILED,
    OpenOutcome.FOREIGN: Result.FAILED,
    OpenOutcome.UNKNOWN: None,
}

_EXPLANATIONS = {
    OpenOutcome.OPEN: "Done, as a re-read shows.",
    OpenOutcome.CANCELLED: "Not done, as a re-read shows.",
    OpenOutcome.FOREIGN: "Not done: a re-read shows a login profile that this intent didn't create.",
    OpenOutcome.UNKNOWN: "AWS returned success, but a re-read doesn't show it.",
}


@dataclass(frozen=True, slots=True)
class RecoveryAllowance(RootChange[LoginProfile | None]):
    """Password recovery is allowed, by a login profile without a password."""

    sessions: AccountSessions = field(repr=False)
    started_at: datetime
    """Before the intent; a login profile from then is ours."""
    window_id: str | None = None
    expires_at: datetime | None = None
    """The end of the window, as the entry of the call records it."""
    observed_in: TaskPolicy = TaskPolicy.CREATE_PASSWORD
    """The task policy of the session that re-reads."""
    pauses_seconds: tuple[float, ...] = (1.0, 2.0)
    action = Action.LOGIN_PROFILE_CREATE
    task_policy = TaskPolicy.CREATE_PASSWORD

    @property
    def parameters(self) -> Mapping[str, JsonValue]:
        end = {} if self.expires_at is None else {"expires_at": render_time(self.expires_at)}
        return {"window_id": self.window_id, **end}

    def send(self, intent: Intent) -> LoginProfile:
        return self.session.create_login_profile(intent)

    def may_have_acted(self, error: AwsError) -> bool:
        """The account is read again after a refusal, too: it must not have a login profile without a window."""
        return not isinstance(error, AwsCredentialsError)

    def observe(self) -> LoginProfile | None:
        return self.sessions.read(self.observed_in, lambda session: session.find_login_profile())

    def evaluate(self, shown: LoginProfile | None, answer: Answer | None) -> Evaluation:
        reread = OpeningReread(was_read=True, login_profile=shown)
        is_settled = shown is not None or _classify_answer(answer) is CreateLoginProfileAnswer.REFUSED
        return self._describe(reread, answer, is_settled)

    def evaluate_unread(self, error: RootkeeperError, answer: Answer | None) -> Evaluation:
        evaluation = self._describe(OpeningReread(was_read=False), answer, True)
        if evaluation.result is not None:
            return evaluation
        return Evaluation(None, f"The account can't be re-read: {error.message}", details=evaluation.details)

    def _describe(self, reread: OpeningReread, answer: Answer | None, is_settled: bool) -> Evaluation:
        outcome = classify_opening(_classify_answer(answer), reread, self.started_at)
        details: dict[str, JsonValue] = {"opening": outcome.value, "was_reread": reread.was_read}
        if reread.login_profile is not None:
            details["login_profile_created_at"] = reread.login_profile.created_at.isoformat()
        return Evaluation(_RESULTS[outcome], _EXPLANATIONS[outcome], is_settled, details)


def get_outcome(evaluation: Evaluation) -> OpenOutcome:
    """Return the outcome for the window from the evaluation of a :class:`RecoveryAllowance`."""
    return OpenOutcome(str(evaluation.details["opening"]))


def _classify_answer(answer: Answer | None) -> CreateLoginProfileAnswer:
    """That a login profile exists already isn't clear: an earlier try of the same call may have created it."""
    if answer is None or isinstance(answer.error, AwsUnclearError | AwsUnreachableError | AwsAlreadyExistsError):
        return CreateLoginProfileAnswer.UNCLEAR
    return CreateLoginProfileAnswer.CREATED if answer.is_success else CreateLoginProfileAnswer.REFUSED


@dataclass(frozen=True, slots=True)
class RecordedStep(ObservedChange[RecoveryWindow | None]):
    """A step of a window that its row shows: a decision, the closing, a login kept."""

    action: Action
    account_id: AccountId | None
    windows: RecoveryWindowStore
    window_id: str | None
    context: Mapping[str, JsonValue] = field(default_factory=dict)
    """The other parameters of the intent."""
    actor_name: str = ""
    """Of the person who decided."""
    pauses_seconds: tuple[float, ...] = ()

    def observe(self) -> RecoveryWindow | None:
        """Read the row; no AWS call. ``None`` if the database has no such window."""
        if self.window_id is None:
            return None
        try:
            return self.windows.get(self.window_id)
        except InputError:
            return None

    def evaluate(self, shown: RecoveryWindow | None, answer: Answer | None) -> Evaluation:  # noqa: ARG002 - the row decides
        state = None if shown is None else shown.state
        if self.action is Action.WINDOW_CLOSE:
            if state is WindowState.CLOSED_VERIFIED:
                return Evaluation(Result.DONE, "The window is CLOSED_VERIFIED.")
            return Evaluation(Result.FAILED, "Interrupted: the window still has to be closed.")
        if self.action is Action.WINDOW_KEEP:
            if state is WindowState.KEPT:
                return Evaluation(Result.DONE, "The window is KEPT.")
            return Evaluation(Result.FAILED, "Interrupted: the login isn't kept; the window has to be closed.")
        decided_at = self.context.get("decided_at")
        is_shown = None if shown is None else shows_decision(shown, self.action, self.actor_name, decided_at)
        if is_shown is None:
            return Evaluation(Result.UNKNOWN, "Interrupted.")
        return Evaluation(Result.DONE if is_shown else Result.FAILED, "As the window shows.")

    def evaluate_unread(self, error: RootkeeperError, answer: Answer | None) -> Evaluation:  # noqa: ARG002 - no answer proves it
        return Evaluation(None, f"The window can't be read: {error.message}")


@dataclass(frozen=True, slots=True)
class WindowStep(RecordedStep, Change[RecoveryWindow | None]):
    """Such a step, to be made."""

    step: Callable[[Intent], object] = field(kw_only=True)
    """Takes the receipt of its intent."""

    @property
    def parameters(self) -> Mapping[str, JsonValue]:
        return {"window_id": self.window_id, **self.context}

    def send(self, intent: Intent) -> object:
        return self.step(intent)


WINDOW_STEPS = frozenset(action for action in Action if action.value.startswith("window:"))
"""The actions of which the window's row shows whether they took effect."""


def restore_allowance(entry: LedgerEntry, sessions: AccountSessions | None) -> RecoveryAllowance:
    """Rebuild the change of a dead process, to observe it in an audit session.

    :raises ValueError: if the intent names no account.
    """
    window_id = entry.parameters.get("window_id")
    return RecoveryAllowance(
        require_account(sessions),
        entry.at,
        None if window_id is None else str(window_id),
        observed_in=TaskPolicy.AUDIT,
    )


def restore_step(entry: LedgerEntry, windows: RecoveryWindowStore) -> RecordedStep:
    """Rebuild the step of a dead process, to observe it in the window's row."""
    window_id = entry.parameters.get("window_id")
    return RecordedStep(
        entry.action,
        entry.account_id,
        windows,
        None if window_id is None else str(window_id),
        entry.parameters,
        actor_name=entry.actor.name,
    )
