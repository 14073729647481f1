"""The calls that remove the root user credentials of an account, and their results.

A successful answer from AWS isn't enough: a call is done only when a re-read no longer shows its target.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsNotFoundError,
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

ALL_KINDS = frozenset(CredentialKind)

GUARDED_KINDS = frozenset({CredentialKind.PASSWORD, CredentialKind.ACCESS_KEYS})
"""The kinds that an MFA device guards: a device is removed only when none of these is left."""

OPERATIONS: Mapping[CredentialKind, str] = MappingProxyType(
    {
        CredentialKind.ACCESS_KEYS: "DeleteAccessKey",
        CredentialKind.SIGNING_CERTIFICATES: "DeleteSigningCertificate",
        CredentialKind.PASSWORD: "DeleteLoginProfile",
        CredentialKind.MFA_DEVICES: "DeactivateMFADevice",
    }
)
"""The IAM operation that removes a credential of each kind. Source: IAM, API version 2010-05-08."""


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A changing call."""

    kind: CredentialKind
    target: str | None
    """The key's, certificate's or device's id; ``None`` for the password."""

    @property
    def operation(self) -> str:
        return OPERATIONS[self.kind]


def list_targets(found: RootCredentials, kind: CredentialKind) -> tuple[str | None, ...]:
    """List the credentials of a kind as targets of its call."""
    if kind is CredentialKind.ACCESS_KEYS:
        return tuple(key.access_key_id for key in found.access_keys)
    if kind is CredentialKind.SIGNING_CERTIFICATES:
        return tuple(certificate.signing_certificate_id for certificate in found.signing_certificates)
    if kind is CredentialKind.PASSWORD:
        return (None,) if found.login_profile is not None else ()
    return tuple(device.mfa_serial_number for device in found.mfa_devices)


def leaves_unguarded(found: RootCredentials, only: frozenset[CredentialKind]) -> bool:
    """Whether deleting ``only`` these kinds leaves a password or key without the MFA device that guards it."""
    if CredentialKind.MFA_DEVICES not in only or not found.mfa_devices:
        return False
    return any(list_targets(found, kind) for kind in GUARDED_KINDS - only)


def plan_deletion(found: RootCredentials, only: frozenset[CredentialKind] = ALL_KINDS) -> tuple[PlannedCall, ...]:
    """Order the calls that leave ``found.account_id`` without the root user credentials of these kinds.

    MFA devices come last, and are left out if a password or key stays: a run that stops half-way must never leave a
    password or key without its second factor.
    """
    wanted = only - {CredentialKind.MFA_DEVICES} if leaves_unguarded(found, only) else only
    return tuple(
        PlannedCall(kind, target) for kind in CredentialKind if kind in wanted for target in list_targets(found, kind)
    )


class KindOutcome(StrEnum):
    """The result for a kind of credential, or for an account."""

    ALREADY_ABSENT = "already_absent"
    DELETED = "deleted"
    """A re-read no longer shows it."""
    FAILED = "failed"
    """Still present, or not proven to be deleted."""
    SKIPPED = "skipped"


class KindReason(StrEnum):
    """Why a kind failed or was skipped."""

    ACCESS_DENIED = "access_denied"
    APPEARED_MEANWHILE = "appeared_meanwhile"
    """A re-read shows a credential that didn't exist at the start."""
    BLOCKED_BY_POLICY = "blocked_by_policy"
    ERROR = "error"
    GUARDS_SOMETHING = "guards_something"
    """An MFA device stays because a password or key that it guards is left or may be left."""
    IDENTITY_MISMATCH = "identity_mismatch"
    LEDGER_UNAVAILABLE = "ledger_unavailable"
    LOCK_LOST = "lock_lost"
    NOT_SELECTED = "not_selected"
    STILL_PRESENT = "still_present"
    """AWS returned success, but a re-read still shows it."""
    STOPPED = "stopped"
    THROTTLED = "throttled"
    UNPROVEN = "unproven"
    """The call was sent, but its result couldn't be re-read."""


@dataclass(frozen=True, slots=True)
class KindResult:
    """The result for a kind of credential in an account."""

    kind: CredentialKind
    outcome: KindOutcome
    reason: KindReason | SkipReason | None = None
    detail: str | None = None
    """A sentence."""


@dataclass(frozen=True, slots=True)
class AccountDeletion:
    """The result for an account."""

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
    """As re-read at the end; ``None`` if it wasn't re-read."""
    is_final: bool = True
    """``False`` if a resumed run does the account again: it wasn't begun, was busy, or was stopped."""

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
        """Whether the account was begun before the run stopped."""
        return self.skip is None or self.skip.reason is not SkipReason.STOPPED

    @property
    def is_failure(self) -> bool:
        """Whether the planned state isn't proven. An account that wasn't begun hasn't failed."""
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
    """Return the results for an account that wasn't touched."""
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
"""The ledger's action that removes a credential of each kind."""

TARGET_PARAMETERS: Mapping[CredentialKind, str] = MappingProxyType(
    {
        CredentialKind.ACCESS_KEYS: "access_key_id",
        CredentialKind.SIGNING_CERTIFICATES: "signing_certificate_id",
        CredentialKind.MFA_DEVICES: "mfa_serial_number",
    }
)
"""The parameter of an intent that contains the target; a password has none."""


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


SUCCESS = "success"


@dataclass(slots=True)
class CallRecord:
    """A changing call with its current state."""

    call: PlannedCall
    state: CallState = CallState.PLANNED
    intent: Intent | None = None
    """Its last intent."""
    answer: str = SUCCESS
    """AWS's answer, or the error that came instead."""
    not_found: AwsNotFoundError | None = None
    """AWS's answer that there was nothing to remove. Like success, only a re-read proves it."""
    reason: KindReason | None = None
    detail: str | None = None

    @property
    def counts_as_gone(self) -> bool:
        return self.state in {CallState.GONE, CallState.ABSENT}

    @property
    def is_unclear(self) -> bool:
        """Whether it was sent and got neither success nor a refusal."""
        return self.state is CallState.SENT and self.answer != SUCCESS and self.not_found is None

    def mark_gone(self) -> None:
        """Note that a re-read no longer shows the target."""
        self.state = CallState.GONE if self.not_found is None else CallState.ABSENT


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


def evaluate_sent_calls(
    records: Iterable[CallRecord], left: RemainingCredentials | None
) -> list[tuple[CallRecord, Result]]:
    """Decide the result of every call that was sent by the last re-read; ``None``: there was no re-read.

    :returns: the calls with intents that have no outcome yet, each with its outcome.
    """
    decided = []
    for record in records:
        if record.state is CallState.SENT:
            if left is None:
                record.state, record.reason = CallState.UNPROVEN, KindReason.UNPROVEN
                record.detail = f"{record.call.operation} was sent, but its result couldn't be re-read."
                decided.append((record, Result.UNKNOWN))
            elif left.shows(record.call):
                _mark_left(record)
                decided.append((record, Result.FAILED))
            else:
                record.mark_gone()
                decided.append((record, Result.DONE))
        elif record.counts_as_gone and left is not None and left.shows(record.call):
            _mark_left(record)
    return decided


def _mark_left(record: CallRecord) -> None:
    record.state, record.reason = CallState.LEFT, KindReason.STILL_PRESENT
    record.detail = f"{record.call.operation} returned {record.answer}, but a re-read still shows its target."


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


def classify_obstacle(error: RootkeeperError, *, in_session: bool) -> KindReason:
    """Classify an error as the reason of a kind's result; a denial inside an open session comes from a policy."""
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
