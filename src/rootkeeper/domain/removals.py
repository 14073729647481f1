"""What came of each changing call of one account's removal, and what that makes of each kind.

A call that AWS answered isn't done: only a re-read that doesn't show its target any more makes it so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from rootkeeper.domain.deletion import KindOutcome, KindReason, KindResult, PlannedCall, leaves_unguarded, list_targets
from rootkeeper.domain.ledger import Action, Intent, JsonValue, Result
from rootkeeper.domain.root_credentials import CredentialKind, RootCredentials, RootCredentialsSummary
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsThrottledError,
    IdentityMismatchError,
    LedgerUnavailableError,
    LockLostError,
    RootkeeperError,
    RunStoppedError,
)

ACTIONS: Mapping[CredentialKind, Action] = MappingProxyType(
    {
        CredentialKind.ACCESS_KEYS: Action.ACCESS_KEY_DELETE,
        CredentialKind.SIGNING_CERTIFICATES: Action.SIGNING_CERTIFICATE_DELETE,
        CredentialKind.PASSWORD: Action.LOGIN_PROFILE_DELETE,
        CredentialKind.MFA_DEVICES: Action.MFA_DEVICE_DEACTIVATE,
    }
)
"""What the ledger calls the removal of one credential of each kind."""

TARGET_PARAMETERS: Mapping[CredentialKind, str] = MappingProxyType(
    {
        CredentialKind.ACCESS_KEYS: "access_key_id",
        CredentialKind.SIGNING_CERTIFICATES: "signing_certificate_id",
        CredentialKind.MFA_DEVICES: "mfa_serial_number",
    }
)
"""Under which name an intent's parameters hold the target; a password needs none."""


class CallState(StrEnum):
    """How far one changing call came."""

    PLANNED = "planned"
    """Not sent."""
    SENT = "sent"
    """Sent, and no re-read has shown yet what came of it."""
    GONE = "gone"
    """A re-read doesn't show the target any more."""
    ABSENT = "absent"
    """AWS says that there was nothing to remove."""
    REFUSED = "refused"
    """AWS refused; nothing changed."""
    LEFT = "left"
    """A re-read still shows the target."""
    UNPROVEN = "unproven"
    """Sent, and it couldn't be re-read."""
    KEPT = "kept"
    """An MFA device that wasn't touched, since what it guards is left or may be."""


@dataclass(slots=True)
class CallRecord:
    """One changing call and how far it came; it moves on as the removal does."""

    call: PlannedCall
    state: CallState = CallState.PLANNED
    intent: Intent | None = None
    """Its last intent."""
    answer: str = "success"
    """AWS's answer, or what was seen instead of one."""
    reason: KindReason | None = None
    detail: str | None = None

    @property
    def counts_as_gone(self) -> bool:
        return self.state in {CallState.GONE, CallState.ABSENT}


def make_target_parameters(call: PlannedCall) -> dict[str, JsonValue]:
    """The target as an intent's parameters hold it."""
    return {} if call.target is None else {TARGET_PARAMETERS[call.kind]: call.target}


@dataclass(frozen=True, slots=True)
class RemainingCredentials:
    """What a re-read shows."""

    summary: RootCredentialsSummary
    credentials: RootCredentials | None
    """In detail, where the summary shows anything."""

    @property
    def combined(self) -> RootCredentialsSummary:
        """A kind is left if either reading shows it."""
        return self.summary if self.credentials is None else self.summary.combined_with(self.credentials.summary)

    def shows(self, call: PlannedCall) -> bool:
        """Whether the call's target may still be there: by its id, or by the summary alone where details show none."""
        targets = () if self.credentials is None else list_targets(self.credentials, call.kind)
        return call.target in targets or (not targets and self.combined.has(call.kind))


def evaluate_sent_calls(
    records: Iterable[CallRecord], left: RemainingCredentials | None
) -> list[tuple[CallRecord, Result]]:
    """Let the last re-read decide what came of every call that was sent; ``None``: there was no re-read.

    :returns: the calls whose intents still owe their outcome, with it.
    """
    decided = []
    for record in records:
        if record.state is CallState.SENT:
            decided.append((record, _evaluate_call(record, left)))
        elif record.counts_as_gone and left is not None and left.shows(record.call):
            _mark_left(record)
    return decided


def _evaluate_call(record: CallRecord, left: RemainingCredentials | None) -> Result:
    if left is None:
        record.state, record.reason = CallState.UNPROVEN, KindReason.UNPROVEN
        record.detail = f"{record.call.operation} was sent; it couldn't be re-read what came of it."
        return Result.UNKNOWN
    if left.shows(record.call):
        _mark_left(record)
        return Result.FAILED
    record.state = CallState.GONE
    return Result.DONE


def _mark_left(record: CallRecord) -> None:
    record.state, record.reason = CallState.LEFT, KindReason.STILL_PRESENT
    record.detail = f"{record.call.operation} was answered with {record.answer}; a re-read still shows its target."


def evaluate_kinds(
    records: Sequence[CallRecord],
    *,
    only: frozenset[CredentialKind],
    left: RemainingCredentials | None,
    obstacle: KindReason | None,
    obstacle_detail: str | None,
    found: RootCredentials | None,
) -> tuple[KindResult, ...]:
    """What came of each of the four kinds.

    :param obstacle: what kept calls from being sent, or the account from being read.
    :param found: as read at the start; ``None`` if it couldn't be.
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
        return KindResult(kind, KindOutcome.FAILED, KindReason.APPEARED_MEANWHILE, "A re-read shows another one.")
    is_deleted = any(record.state is CallState.GONE for record in records)
    return KindResult(kind, KindOutcome.DELETED if is_deleted else KindOutcome.ALREADY_ABSENT)


def classify_obstacle(error: RootkeeperError, *, in_session: bool) -> KindReason:
    """An error as the reason of a kind's result; a refusal inside an open session comes from a policy."""
    if isinstance(error, AwsAccessDeniedError):
        return KindReason.BLOCKED_BY_POLICY if in_session else KindReason.ACCESS_DENIED
    for kind_of_error, reason in _REASONS.items():
        if isinstance(error, kind_of_error):
            return reason
    return KindReason.ERROR


_REASONS: Mapping[type[RootkeeperError], KindReason] = MappingProxyType(
    {
        AwsThrottledError: KindReason.THROTTLED,
        IdentityMismatchError: KindReason.IDENTITY_MISMATCH,
        LedgerUnavailableError: KindReason.LEDGER_UNAVAILABLE,
        LockLostError: KindReason.LOCK_LOST,
        RunStoppedError: KindReason.STOPPED,
    }
)
