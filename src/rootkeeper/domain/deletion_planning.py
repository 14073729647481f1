"""From what was read of an account to its place in a deletion plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from rootkeeper.domain.deletion import PlannedAccount, find_recent_use, leaves_unguarded, plan_deletion
from rootkeeper.domain.durations import render_duration
from rootkeeper.domain.organizations import Account, AccountId
from rootkeeper.domain.root_credentials import CredentialKind
from rootkeeper.domain.selection import Skip, SkipReason
from rootkeeper.domain.statuses import AccountStatus, Status
from rootkeeper.errors import InputError

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
