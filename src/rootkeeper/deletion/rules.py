"""The plan that removes root user credentials.

The plan that removes root user credentials, and what came of it.

What was observed, what should be called and what came of it are kept apart, so that a plan can be shown, approved and
tested before anything changes.

From what was read of an account to its place in a deletion plan.

What a deletion that was interrupted had deleted already, as the ledger shows it.

An account in which it was at work then has less now than its plan says. That is no change by somebody else: what is
left is a part of what was planned, and what went is told as deleted, not as if it had never been there.

Waves: in which order, and how many at a time, the accounts of a plan are dealt with.

The first few may go alone, as canaries: unless all of them succeed, nothing else is begun. The rest goes in waves of
one size, so that somebody can look, and a mistake reaches few accounts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from rootkeeper.errors import InputError
from rootkeeper.ledger.rules import LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.organization.selection import Skip, SkipReason
from rootkeeper.organization.statuses import AccountStatus, CredentialKind, RootCredentials, Status
from rootkeeper.removal.rules import (
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
from rootkeeper.values import JsonValue, render_duration

RECENT_USE = timedelta(days=90)
"""A password or key used within this time blocks its account, unless the use is allowed with a reason."""


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


DEFAULT_VALIDITY = timedelta(hours=24)


LONGEST_VALIDITY = timedelta(days=7)


_SHOWN = 5


def plan_skipped(account: Account, skip: Skip) -> PlannedAccount:
    """An account that wasn't read, since it may not be touched."""
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
    """An account that was read now, in detail where something is there."""
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
        return Skip(SkipReason.NOTHING_TO_DELETE, "No root user credentials.")
    if status.status is Status.RECOVERY_OPEN:
        return Skip(SkipReason.WINDOW_OPEN, "A recovery window is open.")
    if status.status is not Status.PRESENT:
        return Skip(SkipReason.UNKNOWN, status.detail or "It couldn't be read.")
    if status.credentials is None or status.credentials.summary.is_empty:
        return Skip(SkipReason.UNKNOWN, "AWS's summary shows root user credentials, and its lists show none.")
    if not has_calls:
        return Skip(SkipReason.NOTHING_TO_DELETE, "Nothing of the kinds that shall go.")
    if use is not None and not is_use_allowed:
        return Skip(SkipReason.RECENTLY_USED, use)
    return None


def require_guarded(statuses: Iterable[AccountStatus], only: frozenset[CredentialKind]) -> None:
    """Refuse a choice of kinds that takes the MFA away from a password or key that stays.

    :raises InputError: naming accounts where it would.
    """
    unguarded = [
        status.account for status in statuses if status.credentials and leaves_unguarded(status.credentials, only)
    ]
    if unguarded:
        named = ", ".join(f"{account.account_id} ({account.name})" for account in unguarded[:_SHOWN])
        more = f" and {len(unguarded) - _SHOWN} more" if len(unguarded) > _SHOWN else ""
        raise InputError(
            f"--only would leave a password or access key without its MFA in {named}{more}; nothing was done.",
            hint="Add password and access_keys to --only, or leave mfa_devices out.",
        )


def choose_validity(
    now: datetime, not_before: datetime | None, not_after: datetime | None
) -> tuple[datetime, datetime]:
    """From when to when a plan is valid: 24 hours from now on, unless said otherwise.

    :raises InputError: if it would end before it begins, has ended, or lasts longer than 7 days.
    """
    begin = not_before or now
    end = not_after or begin + DEFAULT_VALIDITY
    if end <= begin or end <= now:
        raise InputError("The plan would be over before it is valid.", hint="Give a later --not-after.")
    if end - begin > LONGEST_VALIDITY:
        raise InputError(
            f"The plan would be valid for {render_duration(end - begin)}.",
            hint=f"A plan is valid for at most {render_duration(LONGEST_VALIDITY)}.",
        )
    return begin, end


EARLIER_DETAIL = "Deleted before the interruption, as the ledger shows."


_KINDS = {action: kind for kind, action in ACTIONS.items()}


def list_deleted_earlier(entries: Iterable[LedgerEntry], plan_id: str) -> frozenset[PlannedCall]:
    """The calls of that plan whose outcome says that a re-read doesn't show their target any more.

    :param entries: of one account, intents before their outcomes.
    """
    sent: dict[int, PlannedCall] = {}
    deleted: set[PlannedCall] = set()
    for entry in entries:
        if entry.action not in _KINDS:
            continue
        if entry.phase is Phase.INTENT and entry.parameters.get("plan_id") == plan_id:
            sent[entry.sequence] = _parse_call(entry)
        elif entry.intent_sequence in sent and entry.result is Result.DONE and _was_reread(entry):
            deleted.add(sent[entry.intent_sequence])
    return frozenset(deleted)


def credit_earlier(
    kinds: Sequence[KindResult], calls: Sequence[PlannedCall], deleted: frozenset[PlannedCall]
) -> tuple[KindResult, ...]:
    """Kinds that are absent since the plan's own calls deleted them earlier count as deleted."""
    earlier = {call.kind for call in calls if call in deleted}
    return tuple(
        replace(result, outcome=KindOutcome.DELETED, detail=EARLIER_DETAIL)
        if result.outcome is KindOutcome.ALREADY_ABSENT and result.kind in earlier
        else result
        for result in kinds
    )


def _parse_call(entry: LedgerEntry) -> PlannedCall:
    kind = _KINDS[entry.action]
    target = entry.parameters.get(TARGET_PARAMETERS[kind]) if kind in TARGET_PARAMETERS else None
    return PlannedCall(kind, None if target is None else str(target))


def _was_reread(entry: LedgerEntry) -> bool:
    """Whether a re-read decided: the run's own, or the one that settles what a dead process left. Else there was
    nothing to delete.
    """
    return "reread" in entry.parameters or "settled_by" in entry.parameters


@dataclass(frozen=True, slots=True)
class WaveRules:
    """How a plan is cut into waves, and when it stops by itself."""

    canary: int = 0
    """So many accounts go first, alone; 0: none."""
    size: int | None = None
    """So many accounts go at a time; ``None``: all at once."""
    pause_seconds: int = 0
    """Between one wave and the next."""
    stop_after_failures: int | None = None
    """After so many failures no further account is begun; ``None``: none are too many."""

    @property
    def is_plain(self) -> bool:
        return self == WaveRules()


@dataclass(frozen=True, slots=True)
class Wave:
    """Accounts that are dealt with at the same time."""

    accounts: tuple[PlannedAccount, ...]
    is_canary: bool = False


def plan_waves(
    targets: Sequence[PlannedAccount], rules: WaveRules, done: Collection[AccountId] = frozenset()
) -> tuple[Wave, ...]:
    """Cut the targets into waves, in their order; those in ``done`` are left out, and no wave is empty.

    The first ``rules.canary`` targets are the canaries, whether they are done or not.
    """
    canaries = tuple(one for one in targets[: rules.canary] if one.account_id not in done)
    rest = tuple(one for one in targets[rules.canary :] if one.account_id not in done)
    size = rules.size or max(1, len(rest))
    waves = [Wave(canaries, is_canary=True)] if canaries else []
    return (*waves, *(Wave(rest[start : start + size]) for start in range(0, len(rest), size)))


def describe_waves(rules: WaveRules) -> dict[str, JsonValue]:
    """The rules as JSON values."""
    return {
        "canary": rules.canary,
        "size": rules.size,
        "pause_seconds": rules.pause_seconds,
        "stop_after_failures": rules.stop_after_failures,
    }


def parse_waves(record: Mapping[str, Any]) -> WaveRules:
    """The rules that ``describe_waves`` wrote.

    :raises TypeError: if it isn't such a record.
    """
    return WaveRules(**record)
