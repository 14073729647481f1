"""The calls that remove the root user credentials of an account, and their results.

A successful answer from AWS isn't enough: a call is done only when a re-read no longer shows its target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from rootkeeper.changes.catalogue import CATALOGUE
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsThrottledError,
    IdentityMismatchError,
    LedgerUnavailableError,
    LockLostError,
    RootkeeperError,
    RunStoppedError,
)
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.selection import Skip, SkipReason
from rootkeeper.organization.statuses import CredentialKind, RootCredentials, Status

ALL_KINDS = frozenset(CredentialKind)

GUARDED_KINDS = frozenset({CredentialKind.PASSWORD, CredentialKind.ACCESS_KEYS})
"""The kinds that an MFA device guards: a device is removed only when none of these is left."""


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A changing call."""

    kind: CredentialKind
    target: str | None
    """``None`` for the password."""

    @property
    def operation(self) -> str:
        """In CloudTrail's spelling."""
        return CATALOGUE[ACTIONS[self.kind]].operation_names[0]


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
    """``None`` where the account's ``detail`` says it."""


@dataclass(frozen=True, slots=True)
class AccountDeletion:
    """The result for an account."""

    account_id: AccountId
    name: str
    ou_path: str
    # All four, in the order of deletion.
    kinds: tuple[KindResult, ...]
    # Why the account wasn't touched.
    skip: Skip | None = None
    was_planned: bool = True
    """Whether the plan had calls for it."""
    status: Status | None = None
    """As re-read at the end; ``None`` if it wasn't."""
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
    {kind: name for kind, action in ACTIONS.items() for name in CATALOGUE[action].parameters}
)
"""The parameter of an intent that contains the target; a password has none."""


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
