"""The request of an audit, and the statuses that are known without calls to AWS.

A stored status keeps the time of its reading. Credentials are never reported as absent unless a reading showed it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rootkeeper.organization.accounts import AccountId, Inventory
from rootkeeper.organization.selection import EVERYTHING, SelectionRequest
from rootkeeper.organization.statuses import (
    FAIL_ON_FINDINGS,
    NO_CREDENTIALS,
    AccountRole,
    AccountStatus,
    FailOn,
    Status,
    StatusReason,
    age_reading,
    classify_account_role,
    find_status_without_reading,
)
from rootkeeper.setup.rules import SetupDrift
from rootkeeper.windows.rules import OWING_STATES, RecoveryWindow, WindowState

AUDIT_EVENTS = (
    "An audit leaves one CloudTrail event of the root user in each member account that it reads, GetAccountSummary "
    "(a detailed audit leaves more where it finds credentials), and one AssumeRoot event for each of them in the "
    "caller's account."
)
"""The only place of this sentence: help, remark, README and guide repeat it, and tests compare them with events."""


@dataclass(frozen=True, slots=True)
class AuditHead:
    """An audit without its accounts. With the saved statuses it shows an audit that a server ran as a job."""

    caller_arn: str
    # Its label.
    endpoint: str
    started_at: datetime
    ended_at: datetime
    listed_at: datetime
    is_inventory_complete: bool
    """Whether the accounts were listed to their end in this audit."""
    drift: SetupDrift


def evaluate_stored(
    inventory: Inventory,
    statuses: Mapping[AccountId, AccountStatus],
    windows: Iterable[RecoveryWindow],
    confirmed: Collection[AccountId],
    *,
    now: datetime,
    stale_after: timedelta,
) -> tuple[AccountStatus, ...]:
    """Evaluate the status of each account of the inventory, in its order, without calls to AWS.

    A reading that is older than ``stale_after`` doesn't count any more, so the account is unknown.

    :param statuses: the last reading of each account that was ever read.
    :param windows: at least the unfinished windows and those that ended since the readings.
    :param confirmed: the failsafes that are confirmed now.
    """
    by_account: dict[AccountId, list[RecoveryWindow]] = {}
    for window in windows:
        by_account.setdefault(window.account_id, []).append(window)
    evaluated = []
    for account in inventory.accounts:
        role = classify_account_role(account.account_id, inventory)
        unread = find_status_without_reading(account, role, inventory.organization.partition)
        last = statuses.get(account.account_id)
        if role is AccountRole.MANAGEMENT and last is not None and last.role is AccountRole.MANAGEMENT:
            evaluated.append(age_reading(replace(last, account=account), now, stale_after))
        elif unread is not None and not _is_shown_nevertheless(unread, last):
            evaluated.append(unread)
        else:
            if last is None or last.observed_at is None:
                last = AccountStatus(account, role, Status.UNKNOWN, StatusReason.NEVER_READ, "Never read.")
            is_confirmed = role is AccountRole.FAILSAFE and account.account_id in confirmed
            last = replace(last, account=account, role=role, is_confirmed=is_confirmed)
            last = evaluate_windows(last, by_account.get(account.account_id, ()))
            evaluated.append(age_reading(last, now, stale_after))
    return tuple(evaluated)


def _is_shown_nevertheless(unread: AccountStatus, last: AccountStatus | None) -> bool:
    """Whether a reading shows credentials in a partition whose root users can't be read."""
    return unread.reason is StatusReason.PARTITION and last is not None and last.status is Status.PRESENT


def evaluate_windows(status: AccountStatus, windows: Iterable[RecoveryWindow]) -> AccountStatus:
    """Give a window that is open, or was proven closed since the reading, priority over the reading."""
    for window in windows:
        if window.is_reopened:
            return _evaluate_reopened(status, window)
        if window.state in OWING_STATES:
            return _evaluate_open(status, window)
    closed = {
        window.closed_at: window
        for window in windows
        if window.state is WindowState.CLOSED_VERIFIED
        and window.closed_at is not None
        and (status.observed_at is None or window.closed_at > status.observed_at)
    }
    if not closed:
        return status
    closed_at, attempt = max(closed), status.failed_attempt
    return replace(
        status,
        failed_attempt=None if attempt is None or attempt.at <= closed_at else attempt,
        status=Status.NOT_PRESENT,
        reason=None,
        detail=f"A re-read showed none when recovery window {closed[closed_at].window_id} was closed.",
        summary=NO_CREDENTIALS,
        credentials=None,
        observed_at=closed_at,
    )


def _evaluate_reopened(status: AccountStatus, window: RecoveryWindow) -> AccountStatus:
    """What a re-read found is present, unless a later reading shows it."""
    if status.observed_at is not None and window.reopened_at is not None and status.observed_at >= window.reopened_at:
        return replace(status, status=Status.PRESENT) if status.status is Status.RECOVERY_OPEN else status
    return replace(
        status,
        status=Status.PRESENT,
        reason=None,
        detail=f"Found after recovery window {window.window_id} was closed: someone else reopened it.",
        summary=None,
        credentials=None,
        observed_at=window.reopened_at,
    )


def _evaluate_open(status: AccountStatus, window: RecoveryWindow) -> AccountStatus:
    """A reading from before the opening shows nothing about a password set since; a later reading stays valid."""
    began = window.opening_started_at
    if status.observed_at is not None and began is not None and status.observed_at >= began:
        return replace(status, status=Status.RECOVERY_OPEN) if status.status is Status.PRESENT else status
    return replace(
        status,
        status=Status.RECOVERY_OPEN,
        reason=None,
        detail=f"Recovery window {window.window_id} is {window.state.value}.",
        summary=None,
        credentials=None,
    )


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """The accounts that an audit reads, how it reads them, and the findings that make it fail."""

    selection: SelectionRequest = EVERYTHING
    details: bool = False
    """Whether credentials are read individually."""
    refresh: bool = False
    """Whether to wait for a complete listing."""
    fail_on: frozenset[FailOn] = FAIL_ON_FINDINGS
    """Which findings make the audit fail; only saved, for a command that resumes the job."""


WHOLE_AUDIT = AuditRequest()
