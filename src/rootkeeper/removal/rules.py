"""Root user credentials of one account: how they are removed, and what each call did.

The plan that removes root user credentials, and what came of it.

What was observed, what should be called and what came of it are kept apart, so that a plan can be shown, approved and
tested before anything changes.

What came of each changing call of one account's removal, and what that makes of each kind.

A call that AWS answered isn't done: only a re-read that doesn't show its target any more makes it so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsThrottledError,
    IdentityMismatchError,
    LedgerUnavailableError,
    LockLostError,
    RootkeeperError,
    RunStoppedError,
)
from rootkeeper.ledger.rules import Action, Intent, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.selection import Skip, SkipReason
from rootkeeper.organization.statuses import CredentialKind, RootCredentials, RootCredentialsSummary, Status
from rootkeeper.values import JsonValue

ALL_KINDS = frozenset(CredentialKind)


GUARDED_KINDS = frozenset({CredentialKind.PASSWORD, CredentialKind.ACCESS_KEYS})
"""What an MFA device guards: it may go only when none of these is left."""


OPERATIONS: Mapping[CredentialKind, str] = MappingProxyType(
    {
        CredentialKind.ACCESS_KEYS: "DeleteAccessKey",
        CredentialKind.SIGNING_CERTIFICATES: "DeleteSigningCertificate",
        CredentialKind.PASSWORD: "DeleteLoginProfile",
        CredentialKind.MFA_DEVICES: "DeactivateMFADevice",
    }
)
"""The IAM operation that removes one credential of each kind. Source: IAM, API version 2010-05-08."""


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One changing call."""

    kind: CredentialKind
    target: str | None
    """The key's, certificate's or device's id; ``None`` for the password, of which there is one."""

    @property
    def operation(self) -> str:
        return OPERATIONS[self.kind]


def list_targets(found: RootCredentials, kind: CredentialKind) -> tuple[str | None, ...]:
    """What there is of one kind, as targets of its call."""
    if kind is CredentialKind.ACCESS_KEYS:
        return tuple(key.access_key_id for key in found.access_keys)
    if kind is CredentialKind.SIGNING_CERTIFICATES:
        return tuple(certificate.signing_certificate_id for certificate in found.signing_certificates)
    if kind is CredentialKind.PASSWORD:
        return (None,) if found.login_profile is not None else ()
    return tuple(device.mfa_serial_number for device in found.mfa_devices)


def leaves_unguarded(found: RootCredentials, only: frozenset[CredentialKind]) -> bool:
    """Whether deleting ``only`` these kinds would leave a password or key without the MFA device that guards it."""
    if CredentialKind.MFA_DEVICES not in only or not found.mfa_devices:
        return False
    return any(list_targets(found, kind) for kind in GUARDED_KINDS - only)


def plan_deletion(found: RootCredentials, only: frozenset[CredentialKind] = ALL_KINDS) -> tuple[PlannedCall, ...]:
    """Order the calls that leave ``found.account_id`` without the root user credentials of these kinds.

    MFA devices come last, and not at all while a password or key is meant to stay: a run that stops half-way must never
    leave a password or a key without the second factor that guarded it.
    """
    wanted = only - {CredentialKind.MFA_DEVICES} if leaves_unguarded(found, only) else only
    return tuple(
        PlannedCall(kind, target) for kind in CredentialKind if kind in wanted for target in list_targets(found, kind)
    )


class KindOutcome(StrEnum):
    """What came of one kind of credential, or of an account."""

    ALREADY_ABSENT = "already_absent"
    DELETED = "deleted"
    """Gone, as a re-read shows."""
    FAILED = "failed"
    """Still there, or not shown to be gone."""
    SKIPPED = "skipped"


class KindReason(StrEnum):
    """Why a kind failed or was skipped."""

    ACCESS_DENIED = "access_denied"
    APPEARED_MEANWHILE = "appeared_meanwhile"
    """A re-read shows one that wasn't there at the start."""
    BLOCKED_BY_POLICY = "blocked_by_policy"
    ERROR = "error"
    GUARDS_SOMETHING = "guards_something"
    """An MFA device stays, since a password or key that it guards is left or may be."""
    IDENTITY_MISMATCH = "identity_mismatch"
    LEDGER_UNAVAILABLE = "ledger_unavailable"
    LOCK_LOST = "lock_lost"
    NOT_SELECTED = "not_selected"
    STILL_PRESENT = "still_present"
    """AWS answered success, and a re-read still shows it."""
    STOPPED = "stopped"
    THROTTLED = "throttled"
    UNPROVEN = "unproven"
    """The call was sent, and no re-read shows what came of it."""


@dataclass(frozen=True, slots=True)
class KindResult:
    """What came of one kind of credential in one account."""

    kind: CredentialKind
    outcome: KindOutcome
    reason: KindReason | SkipReason | None = None
    detail: str | None = None
    """One sentence."""


@dataclass(frozen=True, slots=True)
class AccountDeletion:
    """What came of one account."""

    account_id: AccountId
    name: str
    ou_path: str
    kinds: tuple[KindResult, ...]
    """All four, in the order of deletion."""
    skip: Skip | None = None
    """Why the account wasn't touched."""
    was_planned: bool = True
    """Whether the plan had calls for it."""
    status: Status | None = None
    """As re-read at the end; ``None`` if it wasn't."""
    is_final: bool = True
    """Whether a run that goes on needn't do it again: ``False`` for what wasn't begun, was busy, or was broken off."""

    @property
    def outcome(self) -> KindOutcome:
        outcomes = {result.outcome for result in self.kinds}
        if self.is_failure:
            return KindOutcome.FAILED
        if self.skip is not None and self.skip.reason is not SkipReason.NOTHING_TO_DELETE:
            return KindOutcome.SKIPPED
        return KindOutcome.DELETED if KindOutcome.DELETED in outcomes else KindOutcome.ALREADY_ABSENT

    @property
    def was_begun(self) -> bool:
        """Whether its turn came before the run was stopped."""
        return self.skip is None or self.skip.reason is not SkipReason.STOPPED

    @property
    def is_failure(self) -> bool:
        """Whether what the plan says isn't shown to be so; what wasn't begun can't have failed."""
        if not self.was_begun:
            return False
        if self.skip is not None:
            return self.was_planned or self.skip.reason is SkipReason.UNKNOWN
        return any(
            result.outcome is KindOutcome.FAILED or result.reason is KindReason.GUARDS_SOMETHING
            for result in self.kinds
        )

    @property
    def is_blocked(self) -> bool:
        return self.skip is not None and self.skip.reason is SkipReason.RECENTLY_USED


def skip_kinds(skip: Skip, kinds: Sequence[CredentialKind] = tuple(CredentialKind)) -> tuple[KindResult, ...]:
    """The results of an account that wasn't touched."""
    outcome = KindOutcome.ALREADY_ABSENT if skip.reason is SkipReason.NOTHING_TO_DELETE else KindOutcome.SKIPPED
    return tuple(KindResult(kind, outcome, skip.reason, skip.detail) for kind in kinds)


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
