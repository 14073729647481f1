"""The removal of a root user credential as a change, the state of each call, and the results that a re-read gives.

A successful answer from AWS isn't enough: a call is done only when a re-read no longer shows its target.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from rootkeeper.aws.root_sessions import RootSession
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.changes.removal_rules import (
    ACTIONS,
    TARGET_PARAMETERS,
    KindOutcome,
    KindReason,
    KindResult,
    PlannedCall,
    leaves_unguarded,
    list_targets,
)
from rootkeeper.changes.rules import SUCCESS, Answer, Evaluation, SentChange
from rootkeeper.changes.sessions import AccountSessions, RootChange
from rootkeeper.errors import AwsError, AwsNotFoundError, AwsUnclearError, AwsUnreachableError, RootkeeperError
from rootkeeper.ledger.rules import Action, Intent, Result
from rootkeeper.organization.statuses import CredentialKind, RootCredentials, RootCredentialsSummary
from rootkeeper.values import JsonValue


class CallState(StrEnum):
    """The state of a changing call."""

    PLANNED = "planned"
    """Not sent."""
    SENT = "sent"
    """Sent, and not re-read yet."""
    GONE = "gone"
    """A re-read no longer shows the target."""
    ABSENT = "absent"
    """AWS answered that there was nothing to remove, and a re-read doesn't show the target."""
    REFUSED = "refused"
    """AWS refused; nothing changed."""
    LEFT = "left"
    """A re-read still shows the target."""
    UNPROVEN = "unproven"
    """Sent, but the account couldn't be re-read."""
    KEPT = "kept"
    """An MFA device that wasn't touched because credentials that it guards are left or may be left."""


@dataclass(frozen=True, slots=True)
class RemainingCredentials:
    """The credentials that a re-read shows."""

    summary: RootCredentialsSummary
    credentials: RootCredentials | None
    """In detail, if the summary shows any."""

    @property
    def combined(self) -> RootCredentialsSummary:
        """A kind counts as left if the summary or the details show it."""
        return self.summary if self.credentials is None else self.summary.combined_with(self.credentials.summary)

    def shows(self, call: PlannedCall) -> bool:
        """Whether the call's target may still exist: by its id, or by the summary alone if the details show none."""
        targets = () if self.credentials is None else list_targets(self.credentials, call.kind)
        return call.target in targets or (not targets and self.combined.has(call.kind))


@dataclass(frozen=True, slots=True)
class CredentialRemoval(RootChange[RemainingCredentials]):
    """The removal of a credential of the root user."""

    sessions: AccountSessions = field(repr=False)
    call: PlannedCall
    pauses_seconds: tuple[float, ...] = (1.0, 2.0)
    task_policy = TaskPolicy.DELETE

    @property
    def action(self) -> Action:
        return ACTIONS[self.call.kind]

    @property
    def parameters(self) -> Mapping[str, JsonValue]:
        target = self.call.target
        return {**self.sessions.context, **({} if target is None else {TARGET_PARAMETERS[self.call.kind]: target})}

    def send(self, intent: Intent) -> None:
        session, kind, target = self.session, self.call.kind, self.call.target
        if target is None:
            session.delete_login_profile(intent)
        elif kind is CredentialKind.ACCESS_KEYS:
            session.delete_access_key(target, intent)
        elif kind is CredentialKind.SIGNING_CERTIFICATES:
            session.delete_signing_certificate(target, intent)
        else:
            session.deactivate_mfa_device(target, intent)

    def may_have_acted(self, error: AwsError) -> bool:
        """That there is nothing to remove is an answer like success: only the re-read proves it."""
        return isinstance(error, AwsNotFoundError | AwsUnclearError | AwsUnreachableError)

    def observe(self) -> RemainingCredentials:
        return self.sessions.read(TaskPolicy.AUDIT, read_remaining)

    def evaluate(self, shown: RemainingCredentials, answer: Answer | None) -> Evaluation:
        text = SUCCESS if answer is None else answer.text
        if shown.shows(self.call):
            explanation = f"{self.call.operation} returned {text}, but a re-read still shows its target."
            if answer is None:
                explanation = "Not done, as a re-read shows."
            return Evaluation(Result.FAILED, explanation, is_settled=False, details=_describe(CallState.LEFT))
        return self.evaluate_gone(answer)

    def evaluate_gone(self, answer: Answer | None) -> Evaluation:
        """The result once a re-read doesn't show the target any more."""
        is_absent = answer is not None and answer.is_absent
        state = CallState.ABSENT if is_absent else CallState.GONE
        return Evaluation(Result.DONE, "Done, as a re-read shows.", details=_describe(state))

    def evaluate_unread(self, error: RootkeeperError, answer: Answer | None) -> Evaluation:
        if answer is None:
            return Evaluation(None, f"The account can't be re-read: {error.message}")
        return self.unproven

    @property
    def unproven(self) -> Evaluation:
        """The result while there is no re-read."""
        explanation = f"{self.call.operation} was sent, but its result couldn't be re-read."
        return Evaluation(Result.UNKNOWN, explanation, details=_describe(CallState.UNPROVEN))


def _describe(state: CallState) -> dict[str, JsonValue]:
    return {"reread": state.value}


def read_remaining(session: RootSession) -> RemainingCredentials:
    """Read the summary, and the details if it isn't empty. If the details are denied, the summary counts alone."""
    summary = session.read_summary()
    return RemainingCredentials(summary, None if summary.is_empty else session.read_credentials())


@dataclass(slots=True)
class CallRecord:
    """A changing call with its current state."""

    change: CredentialRemoval
    state: CallState = CallState.PLANNED
    sent: SentChange[RemainingCredentials] | None = None
    """``None`` until AWS has answered."""
    reason: KindReason | None = None
    detail: str | None = None

    @property
    def call(self) -> PlannedCall:
        return self.change.call

    @property
    def answer(self) -> Answer:
        return Answer() if self.sent is None else self.sent.answer

    @property
    def counts_as_gone(self) -> bool:
        return self.state in {CallState.GONE, CallState.ABSENT}

    def accept(self, evaluation: Evaluation) -> None:
        """Take the state and the reason from a re-read."""
        self.state = CallState(str(evaluation.details["reread"]))
        self.reason = _REREAD_REASONS.get(self.state)
        self.detail = None if self.reason is None else evaluation.explanation


_REREAD_REASONS: Mapping[CallState, KindReason] = MappingProxyType(
    {CallState.LEFT: KindReason.STILL_PRESENT, CallState.UNPROVEN: KindReason.UNPROVEN}
)


def evaluate_sent_calls(
    records: Iterable[CallRecord], left: RemainingCredentials | None
) -> list[tuple[CallRecord, Evaluation]]:
    """Decide the result of every call that was sent by the last re-read; ``None``: there was no re-read.

    :returns: the calls without an outcome yet, each with its evaluation.
    """
    decided = []
    for record in records:
        if record.state is CallState.SENT:
            evaluation = record.change.unproven if left is None else record.change.evaluate(left, record.answer)
            record.accept(evaluation)
            decided.append((record, evaluation))
        elif record.counts_as_gone and left is not None and left.shows(record.call):
            record.accept(record.change.evaluate(left, record.answer))
    return decided


def evaluate_kinds(
    records: Sequence[CallRecord],
    *,
    only: frozenset[CredentialKind],
    left: RemainingCredentials | None,
    obstacle: KindReason | None,
    obstacle_detail: str | None,
    found: RootCredentials | None,
) -> tuple[KindResult, ...]:
    """Evaluate the result for each of the four kinds.

    :param obstacle: why calls weren't sent, or why the account couldn't be read.
    :param found: as read at the start; ``None`` if that failed.
    """
    results = []
    for kind in CredentialKind:
        if kind not in only:
            results.append(KindResult(kind, KindOutcome.SKIPPED, KindReason.NOT_SELECTED))
        elif found is None:
            results.append(KindResult(kind, KindOutcome.FAILED, obstacle or KindReason.ERROR, obstacle_detail))
        elif kind is CredentialKind.MFA_DEVICES and leaves_unguarded(found, only):
            results.append(KindResult(kind, KindOutcome.SKIPPED, KindReason.GUARDS_SOMETHING, "What it guards stays."))
        else:
            mine = [record for record in records if record.call.kind is kind]
            is_left = left is not None and left.combined.has(kind)
            results.append(_evaluate_kind(kind, mine, is_left, obstacle, obstacle_detail))
    return tuple(results)


def _evaluate_kind(
    kind: CredentialKind,
    records: Sequence[CallRecord],
    is_left: bool,
    obstacle: KindReason | None,
    obstacle_detail: str | None,
) -> KindResult:
    for record in records:
        if record.state is CallState.KEPT:
            return KindResult(kind, KindOutcome.SKIPPED, KindReason.GUARDS_SOMETHING, record.detail)
        if not record.counts_as_gone:
            reason = record.reason or obstacle or KindReason.ERROR
            return KindResult(kind, KindOutcome.FAILED, reason, record.detail or obstacle_detail)
    if is_left:
        return KindResult(kind, KindOutcome.FAILED, KindReason.APPEARED_MEANWHILE, "A re-read shows a new one.")
    is_deleted = any(record.state is CallState.GONE for record in records)
    return KindResult(kind, KindOutcome.DELETED if is_deleted else KindOutcome.ALREADY_ABSENT)
