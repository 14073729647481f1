"""Root user credentials of an account, the status that follows from them, counts of statuses, and audits as kept.

An unknown is never shown as good: an account is ``not_present`` only if all four kinds were read and are empty.

Every view of an organization takes its headline from here, so that none of them counts differently. The two numbers of
root logins that are left to secure always come together: a low number beside many unknown accounts isn't good news.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from rootkeeper.errors import AwsAccessDeniedError, AwsError, AwsThrottledError, RootkeeperError
from rootkeeper.organization.accounts import Account, AccountId, AccountState, Inventory, find_credentials_obstacle
from rootkeeper.shapes import Count
from rootkeeper.values import describe_duration


class CredentialKind(StrEnum):
    """The four kinds, in the order of deletion: MFA devices last."""

    ACCESS_KEYS = "access_keys"
    SIGNING_CERTIFICATES = "signing_certificates"
    PASSWORD = "password"  # noqa: S105 - a kind's name
    MFA_DEVICES = "mfa_devices"


KIND_ORDER = (
    CredentialKind.PASSWORD,
    CredentialKind.ACCESS_KEYS,
    CredentialKind.SIGNING_CERTIFICATES,
    CredentialKind.MFA_DEVICES,
)
"""The order of display."""

_KIND_TEXTS = {
    CredentialKind.PASSWORD: "a root password",
    CredentialKind.ACCESS_KEYS: "access keys",
    CredentialKind.SIGNING_CERTIFICATES: "signing certificates",
    CredentialKind.MFA_DEVICES: "MFA devices",
}


@dataclass(frozen=True, slots=True)
class RootCredentialsSummary:
    """Which kinds of root user credentials exist. Source: IAM GetAccountSummary, API version 2010-05-08."""

    has_password: bool
    """True as soon as recovery is allowed, before a person sets a password."""
    has_access_keys: bool
    has_signing_certificates: bool
    has_mfa_devices: bool

    @property
    def is_empty(self) -> bool:
        return not any(map(self.has, KIND_ORDER))

    def has(self, kind: CredentialKind) -> bool:
        return bool(getattr(self, f"has_{kind.value}"))

    @property
    def kind_names(self) -> tuple[str, ...]:
        """The kinds that exist, in words for a sentence."""
        return tuple(_KIND_TEXTS[kind] for kind in KIND_ORDER if self.has(kind))

    def combined_with(self, other: RootCredentialsSummary) -> RootCredentialsSummary:
        """Combine two readings: a kind exists if either shows it."""
        return RootCredentialsSummary(*(self.has(kind) or other.has(kind) for kind in KIND_ORDER))


NO_CREDENTIALS = RootCredentialsSummary(
    has_password=False, has_access_keys=False, has_signing_certificates=False, has_mfa_devices=False
)


@dataclass(frozen=True, slots=True)
class LoginProfile:
    """The root user's console password, or the permission to recover it."""

    created_at: datetime
    # From GetUser; ``None`` if never used.
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A long-term access key of the root user."""

    access_key_id: str
    is_active: bool
    created_at: datetime
    last_used_at: datetime | None
    last_used_service: str | None = None
    last_used_region: str | None = None


@dataclass(frozen=True, slots=True)
class SigningCertificate:
    """An X.509 signing certificate of the root user; AWS has no last use of it."""

    signing_certificate_id: str
    is_active: bool
    uploaded_at: datetime


class MfaKind(StrEnum):
    """The kind of an MFA device, from its serial number. Source: IAM ListMFADevices."""

    HARDWARE = "hardware"
    SECURITY_KEY = "security_key"
    VIRTUAL = "virtual"


@dataclass(frozen=True, slots=True)
class MfaDevice:
    """An MFA device of the root user."""

    mfa_serial_number: str
    kind: MfaKind
    enabled_at: datetime


@dataclass(frozen=True, slots=True)
class RootCredentials:
    """All root user credentials found in an account at a point in time, in detail."""

    account_id: AccountId
    login_profile: LoginProfile | None
    """``None`` without a password."""
    access_keys: tuple[AccessKey, ...]
    signing_certificates: tuple[SigningCertificate, ...]
    mfa_devices: tuple[MfaDevice, ...]
    observed_at: datetime

    @property
    def summary(self) -> RootCredentialsSummary:
        return RootCredentialsSummary(
            has_password=self.login_profile is not None,
            has_access_keys=bool(self.access_keys),
            has_signing_certificates=bool(self.signing_certificates),
            has_mfa_devices=bool(self.mfa_devices),
        )

    def limit_to(self, present: RootCredentialsSummary) -> RootCredentials | None:
        """Drop the kinds that aren't present any more; ``None`` if none of these is left."""
        left = replace(
            self,
            login_profile=self.login_profile if present.has_password else None,
            access_keys=self.access_keys if present.has_access_keys else (),
            signing_certificates=self.signing_certificates if present.has_signing_certificates else (),
            mfa_devices=self.mfa_devices if present.has_mfa_devices else (),
        )
        return None if left.summary.is_empty else left

    @property
    def last_used_at(self) -> datetime | None:
        """The last use of the password or of any access key; certificates and MFA devices have none."""
        return max((use for use in (self.password_used_at, self.key_used_at) if use is not None), default=None)

    @property
    def last_used_as(self) -> str | None:
        """How the root user was used last: by its password, or an access key for a service in a Region."""
        last = self.last_used_at
        if last is None or last == self.password_used_at:
            return None if last is None else "password"
        key = next(key for key in self.access_keys if key.last_used_at == last)
        return ", ".join(["access key", *filter(None, (key.last_used_service, key.last_used_region))])

    @property
    def password_used_at(self) -> datetime | None:
        return None if self.login_profile is None else self.login_profile.last_used_at

    @property
    def key_used_at(self) -> datetime | None:
        """The last use of any access key."""
        return max((key.last_used_at for key in self.access_keys if key.last_used_at is not None), default=None)

    @property
    def oldest_at(self) -> datetime | None:
        """When the oldest access key or signing certificate was created; ``None`` without any."""
        keys = [key.created_at for key in self.access_keys]
        return min([*keys, *(certificate.uploaded_at for certificate in self.signing_certificates)], default=None)


class Status(StrEnum):
    """Status of an account's root user credentials."""

    NOT_APPLICABLE = "not_applicable"
    NOT_PRESENT = "not_present"
    PRESENT = "present"
    RECOVERY_OPEN = "recovery_open"
    UNKNOWN = "unknown"


STATUS_ORDER = (Status.PRESENT, Status.NOT_PRESENT, Status.RECOVERY_OPEN, Status.UNKNOWN, Status.NOT_APPLICABLE)
"""The order in every summary."""


class StatusReason(StrEnum):
    """Why a status is ``unknown`` or ``not_applicable``."""

    ACCESS_DENIED = "access_denied"
    BLOCKED_BY_POLICY = "blocked_by_policy"
    ERROR = "error"
    MANAGEMENT_ACCOUNT = "management_account"
    NEVER_READ = "never_read"
    NOT_ACTIVE = "not_active"
    PARTITION = "partition"
    STALE = "stale"
    THROTTLED = "throttled"


class AccountRole(StrEnum):
    """An account's part in the organization."""

    FAILSAFE = "failsafe"
    """A delegated administrator for IAM; whether its root login is kept on purpose needs a confirmation."""
    MANAGEMENT = "management"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """A failed attempt to read an account after its last reading. It shows nothing, so the reading stays."""

    at: datetime
    by: str | None
    """The ARN of the caller; ``None`` if an earlier version recorded the attempt."""
    reason: StatusReason
    # A sentence for a person.
    detail: str | None

    @property
    def sentence(self) -> str:
        """When, by whom and why it failed."""
        by = "" if self.by is None else f" by {self.by}"
        why = self.detail or self.reason.value
        return f"{self.at:%Y-%m-%d %H:%M:%S UTC}{by}: {why if why.endswith('.') else f'{why}.'}"


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """The status of an account's root user credentials."""

    account: Account
    role: AccountRole
    status: Status
    reason: StatusReason | None = None
    """Why the status is ``unknown`` or ``not_applicable``."""
    detail: str | None = None
    """A sentence for a person."""
    summary: RootCredentialsSummary | None = None
    """``None`` if not read."""
    credentials: RootCredentials | None = None
    """Kinds, ages and last use, if read in detail."""
    observed_at: datetime | None = None
    session_access_key_id: str | None = None
    """The access key id of the root session that read it, as CloudTrail shows it in the account."""
    is_confirmed: bool = False
    """Of a failsafe: whether a check or a person confirms that its root login is kept on purpose. Else ``false``."""
    failed_attempt: FailedAttempt | None = None
    """The last attempt to read it, if that failed after this reading."""
    earlier_details: RootCredentials | None = None
    """What an earlier detailed audit found of the kinds that are still there, if this reading has no details. Their own
    ``observed_at`` says of when they are: they are shown to people, and prove nothing.
    """

    @property
    def details(self) -> RootCredentials | None:
        """Ages and last use, of this reading or of an earlier one."""
        if self.credentials is not None or self.earlier_details is None or self.summary is None:
            return self.credentials
        return self.earlier_details.limit_to(self.summary)

    @property
    def has_all_details(self) -> bool:
        """Whether ages and last use of each kind that is there are known."""
        details = self.details
        if details is None or self.summary is None or self.credentials is not None:
            return details is not None
        return details.summary == self.summary

    @property
    def is_unread(self) -> bool:
        """Whether the last attempt to read this member account or failsafe failed, or no reading counts any more."""
        was_tried = self.failed_attempt is not None and self.role is not AccountRole.MANAGEMENT
        return self.status is Status.UNKNOWN or (was_tried and self.status is not Status.NOT_APPLICABLE)

    @property
    def attempted(self) -> AccountStatus:
        """The status that the last attempt alone shows: for changes, which never rest on an earlier reading."""
        attempt = self.failed_attempt
        if attempt is None or self.role is AccountRole.MANAGEMENT:
            return self
        return AccountStatus(
            self.account, self.role, Status.UNKNOWN, attempt.reason, attempt.detail, observed_at=attempt.at
        )

    @property
    def is_in_order(self) -> bool:
        """Whether a root login that is kept on purpose is guarded and, in a failsafe, also confirmed.

        Only meaningful for the management account and a failsafe.
        """
        return self.is_guarded and (self.is_confirmed or self.role is not AccountRole.FAILSAFE)

    @property
    def is_failsafe_in_order(self) -> bool:
        """Whether its root login is kept on purpose, so that it is no finding."""
        return self.role is AccountRole.FAILSAFE and self.is_in_order

    @property
    def is_guarded(self) -> bool:
        """Whether its root user has MFA, no access key and no signing certificate; if unread, it isn't guarded."""
        found = self.summary
        return (
            found is not None
            and found.has_mfa_devices
            and not (found.has_access_keys or found.has_signing_certificates)
        )


def classify_account_role(account_id: AccountId, inventory: Inventory) -> AccountRole:
    """An account's part in the organization; a delegated administrator for IAM is the failsafe."""
    return role_of(
        account_id, inventory.organization.management_account_id, inventory.delegated_administrator_ids or frozenset()
    )


def role_of(
    account_id: AccountId, management_account_id: AccountId, delegated_administrator_ids: frozenset[AccountId]
) -> AccountRole:
    """Classify an account from three facts, while the list of accounts is still being read."""
    if account_id == management_account_id:
        return AccountRole.MANAGEMENT
    if account_id in delegated_administrator_ids:
        return AccountRole.FAILSAFE
    return AccountRole.MEMBER


def find_status_without_reading(account: Account, role: AccountRole, partition: str) -> AccountStatus | None:
    """Find the status of an account that needs no root session; ``None`` if the account needs it."""
    if role is AccountRole.MANAGEMENT:
        return evaluate_management(account, None, None, "Root sessions can't reach it.")
    obstacle = find_credentials_obstacle(partition)
    if obstacle is not None:
        return AccountStatus(account, role, Status.NOT_APPLICABLE, StatusReason.PARTITION, obstacle)
    if account.state is AccountState.UNKNOWN:
        return AccountStatus(
            account, role, Status.UNKNOWN, StatusReason.ERROR, "AWS returned no known state of the account."
        )
    if account.state is not AccountState.ACTIVE:
        return AccountStatus(
            account, role, Status.NOT_APPLICABLE, StatusReason.NOT_ACTIVE, f"The account is {account.state.value}."
        )
    return None


def evaluate_management(
    account: Account, found: RootCredentialsSummary | None, observed_at: datetime | None, detail: str | None = None
) -> AccountStatus:
    """Return ``not_applicable`` for the management account, with its summary if that was read."""
    return AccountStatus(
        account,
        AccountRole.MANAGEMENT,
        Status.NOT_APPLICABLE,
        StatusReason.MANAGEMENT_ACCOUNT,
        detail,
        summary=found,
        observed_at=observed_at,
    )


def evaluate_found(
    account: Account,
    role: AccountRole,
    found: RootCredentialsSummary,
    *,
    observed_at: datetime,
    has_open_window: bool,
    credentials: RootCredentials | None = None,
    session_access_key_id: str | None = None,
    is_confirmed: bool = False,
) -> AccountStatus:
    """Return the status of an account after all four kinds were read without error.

    If summary and details were both read, a kind exists if either shows it.
    """
    summary = found if credentials is None else found.combined_with(credentials.summary)
    there = Status.RECOVERY_OPEN if has_open_window else Status.PRESENT
    return AccountStatus(
        account,
        role,
        Status.NOT_PRESENT if summary.is_empty else there,
        summary=summary,
        credentials=credentials,
        observed_at=observed_at,
        session_access_key_id=session_access_key_id,
        is_confirmed=is_confirmed,
    )


def evaluate_failure(
    account: Account,
    role: AccountRole,
    error: RootkeeperError,
    *,
    observed_at: datetime,
    session_access_key_id: str | None = None,
) -> AccountStatus:
    """Return the status of an account that couldn't be read: always ``unknown``.

    :param session_access_key_id: of the root session, if it was opened: a denial inside it comes from a policy over
        the account, not from a missing permission of the caller.
    """
    return AccountStatus(
        account,
        role,
        Status.UNKNOWN,
        classify_failure(error, session_was_opened=session_access_key_id is not None),
        _explain(error),
        observed_at=observed_at,
        session_access_key_id=session_access_key_id,
    )


def last_attempt(status: AccountStatus) -> FailedAttempt | None:
    """Find the last attempt to read the account, if it failed."""
    if status.failed_attempt is not None or status.summary is not None or status.observed_at is None:
        return status.failed_attempt
    return FailedAttempt(status.observed_at, None, status.reason or StatusReason.ERROR, status.detail)


def keep_reading(earlier: AccountStatus | None, status: AccountStatus, caller_arn: str | None) -> AccountStatus:
    """Keep the earlier reading of an account that ``status`` doesn't show, with the failed attempt beside it.

    :param caller_arn: the caller of the attempt.
    """
    if status.summary is not None or earlier is None or earlier.summary is None:
        return status
    if earlier.status is Status.NOT_APPLICABLE and status.role is not AccountRole.MANAGEMENT:
        return status  # a reading as the management account, before another account became that
    failed = last_attempt(status)
    attempt = earlier.failed_attempt if failed is None else replace(failed, by=caller_arn)
    return replace(
        earlier, account=status.account, role=status.role, is_confirmed=status.is_confirmed, failed_attempt=attempt
    )


def keep_details(earlier: AccountStatus | None, status: AccountStatus) -> AccountStatus:
    """Keep the details of the earlier status, if the newer reading has none."""
    if status.details is not None or status.summary is None or earlier is None or earlier.details is None:
        return status
    return replace(status, earlier_details=earlier.details.limit_to(status.summary))


def age_reading(status: AccountStatus, now: datetime, stale_after: timedelta) -> AccountStatus:
    """Make a reading that is older than ``stale_after`` unknown, also if it showed credentials."""
    read_at, attempt = status.observed_at, status.failed_attempt
    if status.summary is None or read_at is None or now - read_at <= stale_after:
        return status
    was = "read" if status.role is AccountRole.MANAGEMENT else status.status.value.replace("_", " ")
    age = f"more than {describe_duration(stale_after)} ago"
    last = f"Last read at {read_at:%Y-%m-%d %H:%M:%S UTC}, {age}; it was {was}."
    detail = last if attempt is None else f"The last attempt to read it failed, {attempt.sentence} {last}"
    aged = replace(
        status,
        reason=StatusReason.STALE if attempt is None else attempt.reason,
        detail=detail,
        summary=None,
        credentials=None,
    )
    if status.role is AccountRole.MANAGEMENT:
        return replace(aged, reason=StatusReason.MANAGEMENT_ACCOUNT)
    return replace(aged, status=Status.UNKNOWN)


def classify_failure(error: RootkeeperError, *, session_was_opened: bool = False) -> StatusReason:
    """Classify why an account is ``unknown``, from the error."""
    if isinstance(error, AwsThrottledError):
        return StatusReason.THROTTLED
    if isinstance(error, AwsAccessDeniedError):
        return StatusReason.BLOCKED_BY_POLICY if session_was_opened else StatusReason.ACCESS_DENIED
    return StatusReason.ERROR


def _explain(error: RootkeeperError) -> str:
    if isinstance(error, AwsError) and error.needs:
        return error.reason
    sentences = [error.message if error.message.endswith(".") else f"{error.message}."]
    if isinstance(error, AwsAccessDeniedError) and error.policy_id and error.policy_id not in error.message:
        sentences.append(f"The denying policy is {error.policy_id}.")
    if error.hint:
        sentences.append(error.hint)
    return " ".join(sentences)


class FailOn(StrEnum):
    """The findings that make the answer of a reading command bad."""

    NONE = "none"
    PRESENT = "present"
    UNKNOWN = "unknown"
    UNREAD = "unread"
    """The last attempt to read an account failed, whatever an earlier reading shows. Every gate includes it."""


FAIL_ON_FINDINGS = frozenset({FailOn.PRESENT, FailOn.UNKNOWN, FailOn.UNREAD})
"""The default."""


def include_unread(fail_on: Iterable[FailOn]) -> frozenset[FailOn]:
    """Add ``unread`` to the findings of a gate: a gate is worth no more than the readings that it rests on."""
    chosen = frozenset(fail_on)
    return chosen | {FailOn.UNREAD} if chosen - {FailOn.NONE} else chosen


def has_findings(statuses: Iterable[AccountStatus], fail_on: frozenset[FailOn]) -> bool:
    """Whether a reading command has findings. A failsafe in order isn't a finding."""
    for status in statuses:
        if status.status is Status.UNKNOWN and FailOn.UNKNOWN in fail_on:
            return True
        if status.is_unread and FailOn.UNREAD in fail_on:
            return True
        if status.status is Status.PRESENT and FailOn.PRESENT in fail_on and not status.is_failsafe_in_order:
            return True
    return False


def is_bad(verdicts: Collection[str], fail_on: frozenset[FailOn]) -> bool:
    """Whether these verdicts make the answer bad: ``fail`` counts as ``present``."""
    has_failed = "fail" in verdicts and FailOn.PRESENT in fail_on
    return has_failed or ("unknown" in verdicts and FailOn.UNKNOWN in fail_on)


def count_each(verdicts: Iterable[StrEnum], found: Iterable[StrEnum], total: str) -> dict[str, int]:
    """Count all of them under the name ``total``, and those of each verdict."""
    counted = Counter(found)
    return {total: counted.total(), **{verdict.value: counted[verdict] for verdict in verdicts}}


def counted_status(status: AccountStatus) -> Status:
    """Return the status as which an account counts in summaries: as in the headline, ``unknown`` if it wasn't read.

    Only the management account differs from its own status: that is ``not_applicable``, because root sessions can't
    reach it, but its root login is to be secured, and not every caller can read it.
    """
    return Status.UNKNOWN if classify_root_login(status) is LeftToSecure.UNKNOWN else status.status


def count_statuses(statuses: Iterable[AccountStatus]) -> dict[str, int]:
    """Count all accounts, and those of each status."""
    return count_each(STATUS_ORDER, map(counted_status, statuses), "accounts")


@dataclass(frozen=True, slots=True)
class RootLoginsLeft:
    """Root logins that are left to secure, of some accounts."""

    known: Count
    """A reading shows them: those that shouldn't exist, and those kept on purpose that aren't in order."""
    unknown: Count
    """Accounts without a reading of their root login."""
    unread: Count
    """Accounts that the last attempt didn't read, whatever an earlier reading shows; unknown accounts included."""
    accounts: int

    @property
    def headline(self) -> str:
        """A line for a person."""
        if not self.accounts:
            return "Root logins left to secure: unknown, no account was read"
        found = f"Root logins left to secure: {self.known:,} known, {self.unknown:,} unknown"
        return f"{found}, {self.unread:,} unread"

    @property
    def is_none(self) -> bool:
        """Whether it is known that none is left, by a last attempt that read every account."""
        return bool(self.accounts) and not self.known and not self.unknown and not self.unread


class LeftToSecure(StrEnum):
    """How an account counts among the root logins that are left to secure."""

    KNOWN = "known"
    UNKNOWN = "unknown"


def classify_root_login(status: AccountStatus) -> LeftToSecure | None:
    """``None``: nothing is left to secure in this account."""
    is_member = status.role is AccountRole.MEMBER
    if status.status is Status.RECOVERY_OPEN:
        return LeftToSecure.KNOWN
    if status.status is Status.UNKNOWN if is_member else status.summary is None:
        return LeftToSecure.UNKNOWN
    is_left = status.status is Status.PRESENT if is_member else not status.is_in_order
    return LeftToSecure.KNOWN if is_left else None


def count_root_logins_left(statuses: Iterable[AccountStatus]) -> RootLoginsLeft:
    """Count the root logins that are left to secure."""
    counts, unread = Counter[LeftToSecure | None](), 0
    for status in statuses:
        counts[classify_root_login(status)] += 1
        unread += status.is_unread
    return RootLoginsLeft(counts[LeftToSecure.KNOWN], counts[LeftToSecure.UNKNOWN], unread, counts.total())


class KeptReading(NamedTuple):
    """A good reading of an account that an audit kept: a tuple, because a report goes through millions of them."""

    account_id: AccountId
    audit_id: str
    observed_at: datetime
    summary: RootCredentialsSummary


@dataclass(frozen=True, slots=True)
class KeptStatus:
    """The status that an audit found in an account."""

    audit_id: str
    ended_at: datetime
    status: AccountStatus


@dataclass(frozen=True, slots=True)
class KeptAudit:
    """An audit that is kept."""

    audit_id: str
    """Of the job that made it."""
    started_at: datetime
    ended_at: datetime
    endpoint: str
    is_complete: bool
    """Whether it was of the whole organization."""
    requested_by: str
    summary: dict[str, Count]
    """Accounts by status, and ``accounts`` for all of them."""
    left_known: int | None = None
    """Root logins left to secure that the audit found; ``None`` if they weren't counted."""
    left_unknown: int | None = None
    """Accounts without a reading of the root login that counts."""
    left_unread: int | None = None
    """Accounts that the audit itself couldn't read."""
