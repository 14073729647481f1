"""The plan that deletes root user credentials: its accounts, its waves, its result.

Observed credentials, planned calls and results are kept apart, so that a plan can be shown, approved and tested before
anything changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rootkeeper.changes.removal_rules import (
    ACTIONS,
    ALL_KINDS,
    TARGET_PARAMETERS,
    AccountDeletion,
    KindOutcome,
    KindResult,
    PlannedCall,
    leaves_unguarded,
    list_targets,
    plan_deletion,
)
from rootkeeper.errors import Hint, InputError, TargetRefusedError
from rootkeeper.ledger.rules import LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.organization.selection import Skip, SkipReason
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    CredentialKind,
    FailOn,
    RootCredentials,
    Status,
)
from rootkeeper.shapes import Endpoint, OrganizationId
from rootkeeper.values import render_duration
from rootkeeper.windows.rules import NEVER_OPENED_STATES, RecoveryWindow

RECENT_USE = timedelta(days=90)
"""A password or key used within this time blocks its account, unless the use is allowed with a reason."""


@dataclass(frozen=True, slots=True)
class DeletionOptions:
    """The options of a deletion, apart from the selection."""

    only: frozenset[CredentialKind] = ALL_KINDS
    allowed_uses: Mapping[str, str] = field(default_factory=dict)
    """Account id or name → the operator's reason for deleting its recently used password or key."""
    recent: timedelta = RECENT_USE
    not_before: datetime | None = None
    """``None``: now."""
    not_after: datetime | None = None
    """``None``: 24 hours after ``not_before``; at most 7 days."""
    uses_recent_readings: bool = False
    """Whether detailed readings of the last hour are planned with, instead of reading each account now."""


RECENT_READING = timedelta(hours=1)
"""A younger listing and younger readings are planned with, if the request allows it."""


def is_recent_reading(
    status: AccountStatus, account: Account, role: AccountRole, windows: Iterable[RecoveryWindow], now: datetime
) -> bool:
    """Whether an account can be planned by a stored status as if it were read now.

    The reading is the last attempt, is whole, and is of the account as it is listed. Since then no recovery window was
    open in it.

    :param windows: the account's.
    """
    read_at = status.observed_at
    if read_at is None or not timedelta() <= now - read_at <= RECENT_READING or status.failed_attempt is not None:
        return False
    if (status.role, status.account.state) != (role, account.state):
        return False
    opened = [window for window in windows if window.state not in NEVER_OPENED_STATES]
    if any(window.closed_at is None or window.closed_at >= read_at for window in opened):
        return False
    if status.status is Status.NOT_PRESENT:
        return status.summary is not None and status.summary.is_empty
    # Where AWS's account summary shows more than its lists, only a new reading can say what is there.
    found = status.credentials
    return status.status is Status.PRESENT and found is not None and found.summary == status.summary


def find_recent_use(found: RootCredentials, now: datetime, recent: timedelta = RECENT_USE) -> str | None:
    """Describe the uses within ``recent`` in a sentence; ``None`` if there are none."""
    uses = [(f"access key {key.access_key_id}", key.last_used_at) for key in found.access_keys]
    if found.login_profile is not None:
        uses.insert(0, ("password", found.login_profile.last_used_at))
    recently = [
        f"{credential} on {at.date().isoformat()}" for credential, at in uses if at is not None and at > now - recent
    ]
    return f"Used in the last {recent.days} days: {', '.join(recently)}." if recently else None


def find_changes(planned: RootCredentials, found: RootCredentials, *, is_use_allowed: bool) -> tuple[str, ...]:
    """List an account's new credentials and uses that its plan doesn't contain; removed credentials don't count.

    :param is_use_allowed: whether the plan allows, with a reason, that the credentials are in use.
    """
    changes = [
        f"{_NOUNS[kind]} {target} is new"
        for kind in ALL_KINDS - {CredentialKind.PASSWORD}
        for target in list_targets(found, kind)
        if target not in list_targets(planned, kind)
    ]
    before, now = planned.login_profile, found.login_profile
    if now is not None and (before is None or before.created_at != now.created_at):
        changes.append("the password is new")
    used_before, used = planned.last_used_at, found.last_used_at
    if not is_use_allowed and used is not None and (used_before is None or used > used_before):
        changes.append("the password or a key was used")
    return tuple(sorted(changes))


_NOUNS = {
    CredentialKind.ACCESS_KEYS: "access key",
    CredentialKind.SIGNING_CERTIFICATES: "signing certificate",
    CredentialKind.MFA_DEVICES: "MFA device",
}


@dataclass(frozen=True, slots=True)
class PlannedAccount:
    """An account of a plan: the credentials found, and the calls or the reason why there are none."""

    account_id: AccountId
    name: str
    ou_path: str
    state: AccountState
    found: RootCredentials | None
    """In detail; ``None`` if the account has no credentials or couldn't be read."""
    observed_at: datetime | None
    calls: tuple[PlannedCall, ...]
    skip: Skip | None = None
    """Why there are no calls."""
    allowed_use: str | None = None
    """Why recently used credentials may be deleted."""


@dataclass(frozen=True, slots=True)
class DeletionPlan:
    """The accounts and calls of a deletion, which does exactly these. It skips accounts that have changed since."""

    plan_id: str
    organization_id: OrganizationId
    endpoint: Endpoint
    created_by: str
    caller_arn: str
    created_at: datetime
    not_before: datetime
    not_after: datetime
    selection: str
    """In words."""
    only: frozenset[CredentialKind]
    """The kinds that may be deleted."""
    included_failsafes: frozenset[AccountId]
    accounts: tuple[PlannedAccount, ...]

    @property
    def targets(self) -> tuple[PlannedAccount, ...]:
        """The accounts that have calls."""
        return tuple(account for account in self.accounts if account.calls)

    @property
    def certificates(self) -> int:
        """Number of signing certificates: AWS shows no last use for them, so a person confirms them separately."""
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
        """The plan without a kind, such as certificates that weren't confirmed. A password or key keeps its MFA."""
        only, accounts = self.only - {kind}, []
        for account in self.accounts:
            if account.calls and account.found is not None:
                calls = plan_deletion(account.found, only)
                accounts.append(replace(account, calls=calls, skip=None if calls else _NONE_OF_THE_KINDS))
            else:
                accounts.append(account)
        return replace(self, only=only, accounts=tuple(accounts))


_NONE_OF_THE_KINDS = Skip(SkipReason.NOTHING_TO_DELETE, "It has none of the selected kinds of credentials.")


@dataclass(frozen=True, slots=True)
class DeletionReport:
    """The result of applying a plan."""

    plan: DeletionPlan
    caller_arn: str
    """Who applied the plan; may differ from who created it."""
    started_at: datetime
    ended_at: datetime
    accounts: tuple[AccountDeletion, ...]
    """Every account of the plan, in its order."""
    stopped_by: str | None = None
    """Why the run stopped before its end, in a sentence."""
    met_obstacle: bool = False
    """Whether an error that concerns every account stopped it, such as an unreachable AWS."""
    was_interrupted: bool = False
    """Whether a person or the system asked it to stop."""
    is_cancelled: bool = False
    job_id: str | None = None
    """The job that can do the rest; ``None`` if the plan had no calls."""

    @property
    def not_begun(self) -> int:
        """How many accounts weren't begun when the run stopped."""
        return sum(not account.was_begun for account in self.accounts)

    @property
    def has_rest(self) -> bool:
        """Whether accounts of the plan are left to do."""
        return any(account.was_planned and not account.is_final for account in self.accounts)

    @property
    def can_be_resumed(self) -> bool:
        """Whether the job can do the rest: it isn't cancelled and the plan hasn't expired."""
        return self.has_rest and not self.is_cancelled and self.ended_at < self.plan.not_after

    @property
    def counts(self) -> dict[str, int]:
        """Number of accounts by outcome."""
        return {outcome.value: sum(account.outcome is outcome for account in self.accounts) for outcome in KindOutcome}

    @property
    def exit_status(self) -> int:
        """4 if a change failed or isn't proven, 1 if an account was blocked as recently used, else 0."""
        if self.stopped_by is not None or self.not_begun or any(account.is_failure for account in self.accounts):
            return 4
        return 1 if any(account.is_blocked for account in self.accounts) else 0


DEFAULT_VALIDITY = timedelta(hours=24)
LONGEST_VALIDITY = timedelta(days=7)
_SHOWN = 5


def find_contradiction(plan: DeletionPlan) -> str | None:
    """Find a contradiction, which no plan made here contains, even if the hash is right; ``None`` if there is none."""
    for account in plan.accounts:
        if account.allowed_use is not None and not account.allowed_use.strip():
            return f"the reason for the recent use of account {account.account_id} is empty"
        if not account.calls:
            continue
        if account.skip is not None:
            return f"account {account.account_id} has calls, and a reason why it has none"
        if account.found is None or account.calls != plan_deletion(account.found, plan.only):
            return f"the calls of account {account.account_id} don't follow from its credentials"
    return None


def has_plan_findings(
    plan: DeletionPlan, fail_on: frozenset[FailOn], failsafes_in_order: Collection[AccountId]
) -> bool:
    """Whether a plan has findings of ``--fail-on``; neither a failsafe in order nor a window is a finding."""
    if fail_on & {FailOn.UNKNOWN, FailOn.UNREAD} and plan.has_unknown:
        return True
    return FailOn.PRESENT in fail_on and any(
        account.found is not None
        and not account.found.summary.is_empty
        and not (account.skip is not None and account.skip.reason is SkipReason.WINDOW_OPEN)
        and account.account_id not in failsafes_in_order
        for account in plan.accounts
    )


def require_failsafes_named(plan: DeletionPlan, named: Collection[AccountId]) -> None:
    """Require that a person names each failsafe that a plan deletes from: a file alone is no consent.

    :raises TargetRefusedError: with those that weren't named.
    """
    missing = sorted({target.account_id for target in plan.targets} & plan.included_failsafes - set(named))
    if missing:
        raise TargetRefusedError(
            f"Refused. Nothing was changed. The plan includes the failsafe {', '.join(missing)}, whose root login is "
            "the way in.",
            hint=Hint(
                "To delete the failsafe's root user credentials, include it by its account id.", "failsafe.include"
            ),
        )


def plan_skipped(account: Account, skip: Skip) -> PlannedAccount:
    """Plan nothing for an account that may not be touched and therefore wasn't read."""
    return PlannedAccount(
        account_id=account.account_id,
        name=account.name,
        ou_path=account.ou_path,
        state=account.state,
        found=None,
        observed_at=None,
        calls=(),
        skip=skip,
    )


def plan_account(
    status: AccountStatus,
    *,
    only: frozenset[CredentialKind],
    allowed_uses: Mapping[AccountId, str],
    now: datetime,
    recent: timedelta,
) -> PlannedAccount:
    """Plan an account by its status, which was read in detail: now, or as :func:`is_recent_reading` allows."""
    account, found = status.account, status.credentials
    allowed_use = allowed_uses.get(account.account_id)
    calls = () if found is None else plan_deletion(found, only)
    use = None if found is None or not calls else find_recent_use(found, now, recent)
    skip = _find_skip(status, has_calls=bool(calls), use=use, is_use_allowed=allowed_use is not None)
    return PlannedAccount(
        account_id=account.account_id,
        name=account.name,
        ou_path=account.ou_path,
        state=account.state,
        found=found,
        observed_at=status.observed_at,
        calls=calls if skip is None else (),
        skip=skip,
        allowed_use=allowed_use if skip is None and use is not None else None,
    )


def _find_skip(status: AccountStatus, *, has_calls: bool, use: str | None, is_use_allowed: bool) -> Skip | None:
    if status.status is Status.NOT_PRESENT:
        return Skip(SkipReason.NOTHING_TO_DELETE, "It has no root user credentials.")
    if status.status is Status.RECOVERY_OPEN:
        return Skip(SkipReason.WINDOW_OPEN, "A recovery window is open.")
    if status.status is not Status.PRESENT:
        return Skip(SkipReason.UNKNOWN, status.detail or "The account couldn't be read.")
    if status.credentials is None or status.credentials.summary.is_empty:
        return Skip(SkipReason.UNKNOWN, "AWS's account summary shows root user credentials, but its lists show none.")
    if not has_calls:
        return _NONE_OF_THE_KINDS
    if use is not None and not is_use_allowed:
        return Skip(SkipReason.RECENTLY_USED, use)
    return None


def require_guarded(statuses: Iterable[AccountStatus], only: frozenset[CredentialKind]) -> None:
    """Require that no password or key that stays loses its MFA device.

    :raises InputError: with the accounts in which a password or key would.
    """
    unguarded = [
        status.account for status in statuses if status.credentials and leaves_unguarded(status.credentials, only)
    ]
    if unguarded:
        named = ", ".join(f"{account.account_id} ({account.name})" for account in unguarded[:_SHOWN])
        more = f" and {len(unguarded) - _SHOWN} more" if len(unguarded) > _SHOWN else ""
        raise InputError(
            f"The selected kinds leave a password or access key without its MFA in {named}{more}. Nothing was deleted.",
            hint=Hint("Add the kinds password and access_keys, or remove mfa_devices.", "deletion.kinds"),
        )


def choose_validity(
    now: datetime, not_before: datetime | None, not_after: datetime | None
) -> tuple[datetime, datetime]:
    """Choose from when to when a plan is valid; by default for 24 hours from now.

    :raises InputError: if it ends before it begins, has ended, or lasts longer than 7 days.
    """
    begin = not_before or now
    end = not_after or begin + DEFAULT_VALIDITY
    if end <= begin or end <= now:
        raise InputError(
            "The plan would expire before it becomes valid.", hint=Hint("Choose a later end.", "plan.later_end")
        )
    if end - begin > LONGEST_VALIDITY:
        raise InputError(
            f"The plan would be valid for {render_duration(end - begin)}. "
            f"The maximum is {render_duration(LONGEST_VALIDITY)}."
        )
    return begin, end


EARLIER_DETAIL = "Deleted before the interruption, according to the ledger."
_KINDS = {action: kind for kind, action in ACTIONS.items()}
_REREAD = frozenset({"reread", "settled_by"})
"""Only an outcome that a re-read decided, by the run or by the settlement, has these; otherwise there was no target."""


def list_deleted_earlier(entries: Iterable[LedgerEntry], plan_id: str) -> frozenset[PlannedCall]:
    """List the calls of a plan with an outcome that says that a re-read no longer shows their target.

    :param entries: the entries of an account, intents before their outcomes.
    """
    sent: dict[int, PlannedCall] = {}
    deleted: set[PlannedCall] = set()
    for entry in entries:
        if entry.action not in _KINDS:
            continue
        if entry.phase is Phase.INTENT and entry.parameters.get("plan_id") == plan_id:
            kind = _KINDS[entry.action]
            target = entry.parameters.get(TARGET_PARAMETERS[kind]) if kind in TARGET_PARAMETERS else None
            sent[entry.sequence] = PlannedCall(kind, None if target is None else str(target))
        elif entry.intent_sequence in sent and entry.result is Result.DONE and _REREAD & entry.parameters.keys():
            deleted.add(sent[entry.intent_sequence])
    return frozenset(deleted)


def credit_earlier(
    kinds: Sequence[KindResult], calls: Sequence[PlannedCall], deleted: frozenset[PlannedCall]
) -> tuple[KindResult, ...]:
    """Count kinds as deleted if they are absent because the plan's own calls deleted them earlier."""
    earlier = {call.kind for call in calls if call in deleted}
    return tuple(
        replace(result, outcome=KindOutcome.DELETED, detail=EARLIER_DETAIL)
        if result.outcome is KindOutcome.ALREADY_ABSENT and result.kind in earlier
        else result
        for result in kinds
    )


@dataclass(frozen=True, slots=True)
class WaveRules:
    """How a plan is divided into waves, and when it stops.

    Canaries go first and alone. Unless all of them succeed, no other account is begun.
    """

    canary: int = 0
    """Number of canary accounts."""
    size: int | None = None
    """Number of accounts in a wave; ``None``: all."""
    pause_seconds: int = 0
    """Between two waves."""
    stop_after_failures: int | None = None
    """After this number of failures no further account is begun; ``None``: no limit."""

    @property
    def is_plain(self) -> bool:
        return self == WaveRules()


@dataclass(frozen=True, slots=True)
class Wave:
    """Accounts that are processed at the same time."""

    accounts: tuple[PlannedAccount, ...]
    is_canary: bool = False


def plan_waves(
    targets: Sequence[PlannedAccount], rules: WaveRules, done: Collection[AccountId] = frozenset()
) -> tuple[Wave, ...]:
    """Divide the targets into waves, in their order and without those in ``done``; no wave is empty.

    The first ``rules.canary`` targets are the canaries, whether they are done or not.
    """
    canaries = tuple(planned for planned in targets[: rules.canary] if planned.account_id not in done)
    rest = tuple(planned for planned in targets[rules.canary :] if planned.account_id not in done)
    size = rules.size or max(1, len(rest))
    waves = [Wave(canaries, is_canary=True)] if canaries else []
    return (*waves, *(Wave(rest[start : start + size]) for start in range(0, len(rest), size)))
