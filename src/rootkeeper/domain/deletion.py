"""The plan that removes root user credentials, and what came of it.

What was observed, what should be called and what came of it are kept apart, so that a plan can be shown, approved and
tested before anything changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from rootkeeper.domain.organizations import AccountId, AccountState
from rootkeeper.domain.root_credentials import CredentialKind, RootCredentials
from rootkeeper.domain.selection import Skip, SkipReason
from rootkeeper.domain.statuses import Status

ALL_KINDS = frozenset(CredentialKind)
GUARDED_KINDS = frozenset({CredentialKind.PASSWORD, CredentialKind.ACCESS_KEYS})
"""What an MFA device guards: it may go only when none of these is left."""

RECENT_USE = timedelta(days=90)
"""A password or key used within this time blocks its account, unless the use is allowed with a reason."""

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


def find_recent_use(found: RootCredentials, now: datetime, recent: timedelta = RECENT_USE) -> str | None:
    """The uses within ``recent``, as one sentence; ``None`` if there are none."""
    uses = [(f"access key {key.access_key_id}", key.last_used_at) for key in found.access_keys]
    if found.login_profile is not None:
        uses.insert(0, ("password", found.login_profile.last_used_at))
    recently = [f"{what} on {at.date().isoformat()}" for what, at in uses if at is not None and at > now - recent]
    return f"Used in the last {recent.days} days: {', '.join(recently)}." if recently else None


def find_changes(planned: RootCredentials, found: RootCredentials, *, is_use_allowed: bool) -> tuple[str, ...]:
    """What an account has now that its plan didn't know; what has gone since doesn't count.

    :param is_use_allowed: whether going on being used was allowed with a reason, so that it isn't a change.
    """
    changes = [
        f"{_NOUNS[kind]} {target} is new"
        for kind in ALL_KINDS - {CredentialKind.PASSWORD}
        for target in list_targets(found, kind)
        if target not in list_targets(planned, kind)
    ]
    if _has_new_password(planned, found):
        changes.append("the password is a new one")
    if not is_use_allowed and _was_used_since(planned, found):
        changes.append("the password or a key was used")
    return tuple(sorted(changes))


_NOUNS = {
    CredentialKind.ACCESS_KEYS: "access key",
    CredentialKind.SIGNING_CERTIFICATES: "signing certificate",
    CredentialKind.MFA_DEVICES: "MFA device",
}


def _has_new_password(planned: RootCredentials, found: RootCredentials) -> bool:
    if found.login_profile is None:
        return False
    return planned.login_profile is None or planned.login_profile.created_at != found.login_profile.created_at


def _was_used_since(planned: RootCredentials, found: RootCredentials) -> bool:
    if found.last_used_at is None:
        return False
    return planned.last_used_at is None or found.last_used_at > planned.last_used_at


@dataclass(frozen=True, slots=True)
class PlannedAccount:
    """One account of a plan: what was found and what shall be called, or why nothing shall."""

    account_id: AccountId
    name: str
    ou_path: str
    state: AccountState
    found: RootCredentials | None
    """In detail; ``None`` where there was nothing or nothing could be read."""
    observed_at: datetime | None
    calls: tuple[PlannedCall, ...]
    skip: Skip | None = None
    """Why there are no calls."""
    allowed_use: str | None = None
    """The reason why a recently used password or key shall go."""


@dataclass(frozen=True, slots=True)
class DeletionPlan:
    """What a deletion will do: exactly this, and nothing to accounts that have changed since."""

    plan_id: str
    organization_id: str
    endpoint: str
    created_by: str
    caller_arn: str
    created_at: datetime
    not_before: datetime
    not_after: datetime
    selection: str
    """In words."""
    only: frozenset[CredentialKind]
    included_failsafes: frozenset[AccountId]
    accounts: tuple[PlannedAccount, ...]

    @property
    def targets(self) -> tuple[PlannedAccount, ...]:
        """The accounts in which something shall be deleted."""
        return tuple(account for account in self.accounts if account.calls)

    @property
    def certificates(self) -> int:
        """How many signing certificates go: they have no last use, so a person confirms them apart."""
        return sum(
            call.kind is CredentialKind.SIGNING_CERTIFICATES for account in self.accounts for call in account.calls
        )

    @property
    def has_unknown(self) -> bool:
        return any(account.skip and account.skip.reason is SkipReason.UNKNOWN for account in self.accounts)

    @property
    def has_blocked(self) -> bool:
        return any(account.skip and account.skip.reason is SkipReason.RECENTLY_USED for account in self.accounts)

    def without(self, kind: CredentialKind) -> DeletionPlan:
        """The same plan with one kind left alone, such as certificates that weren't confirmed.

        A password or key keeps its MFA.
        """
        only = self.only - {kind}
        accounts = tuple(_without(account, only) for account in self.accounts)
        return replace(self, only=only, accounts=accounts)


def _without(account: PlannedAccount, only: frozenset[CredentialKind]) -> PlannedAccount:
    if not account.calls or account.found is None:
        return account
    calls = plan_deletion(account.found, only)
    skip = None if calls else Skip(SkipReason.NOTHING_TO_DELETE, "Nothing of the kinds that shall go.")
    return replace(account, calls=calls, skip=skip)


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


@dataclass(frozen=True, slots=True)
class DeletionReport:
    """What came of a plan."""

    plan: DeletionPlan
    caller_arn: str
    """Of who applied it, who needn't be who planned it."""
    started_at: datetime
    ended_at: datetime
    accounts: tuple[AccountDeletion, ...]
    """Every account of the plan, in its order."""
    stopped_by: str | None = None
    """Why the run was stopped before its end, in one sentence."""
    met_obstacle: bool = False
    """Whether it was stopped by what concerns every account, such as AWS that couldn't be reached."""
    was_interrupted: bool = False
    """Whether a person or the system asked it to stop."""
    is_cancelled: bool = False
    """Whether its job was ended for good."""
    job_id: str | None = None
    """The job that goes on with what is left; ``None`` where nothing was to be done."""

    @property
    def not_begun(self) -> int:
        """How many accounts' turn hadn't come when the run was stopped."""
        return sum(not account.was_begun for account in self.accounts)

    @property
    def has_rest(self) -> bool:
        """Whether something of the plan is left to do."""
        return any(account.was_planned and not account.is_final for account in self.accounts)

    @property
    def can_be_resumed(self) -> bool:
        """Whether the job can go on with what is left: it wasn't cancelled, and the plan hasn't expired."""
        return self.has_rest and not self.is_cancelled and self.ended_at < self.plan.not_after

    @property
    def counts(self) -> dict[str, int]:
        """How many accounts came to each outcome."""
        return {outcome.value: sum(one.outcome is outcome for one in self.accounts) for outcome in KindOutcome}

    @property
    def exit_status(self) -> int:
        """4 if a change failed or isn't proven, 1 if an account was blocked as recently used, else 0."""
        if self.stopped_by is not None or self.not_begun or any(account.is_failure for account in self.accounts):
            return 4
        return 1 if any(account.is_blocked for account in self.accounts) else 0


def skip_kinds(skip: Skip, kinds: Sequence[CredentialKind] = tuple(CredentialKind)) -> tuple[KindResult, ...]:
    """The results of an account that wasn't touched."""
    outcome = KindOutcome.ALREADY_ABSENT if skip.reason is SkipReason.NOTHING_TO_DELETE else KindOutcome.SKIPPED
    return tuple(KindResult(kind, outcome, skip.reason, skip.detail) for kind in kinds)
