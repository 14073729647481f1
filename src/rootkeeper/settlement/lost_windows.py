"""Finds the recovery windows that a restored database may have lost, and closes them.

Only AWS knows them: an account with a root user who can recover or has a password, from after the backup, and no
recovery window that explains it. Someone may also have allowed that without Rootkeeper, so a person decides. An account
to close gets a window in the ledger first, so that a failed closing is tried again like any other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from rootkeeper.acting import Acting
from rootkeeper.audit.rules import AuditRequest
from rootkeeper.audit.service import Audit, AuditInterrupted
from rootkeeper.errors import RunStoppedError, WindowConflictError
from rootkeeper.exceptions.service import DeletionExceptionStore
from rootkeeper.ledger.rules import Action
from rootkeeper.ledger.store import LedgerFilter
from rootkeeper.ledger.verification import LedgerReader
from rootkeeper.organization.accounts import Account, AccountId
from rootkeeper.organization.progress import Progress
from rootkeeper.organization.statuses import AccountRole, AccountStatus, Status
from rootkeeper.windows.checks import make_window_id, record_request
from rootkeeper.windows.closing import WindowCloser
from rootkeeper.windows.rules import (
    CLOCK_SKEW,
    OWING_STATES,
    WAITING_STATES,
    CloseOutcome,
    CloseResult,
    RecoveryWindow,
    WindowState,
)
from rootkeeper.windows.store import RecoveryWindowStore

UNKNOWN_REQUESTER = "unknown"
"""Who requested a window that only AWS knows."""


@dataclass(frozen=True, slots=True)
class LostWindow:
    """An account that the lost part of the ledger may have opened."""

    account: Account
    allowed_at: datetime
    # The login profile's ``CreateDate``.
    """When password recovery was allowed, or the password was set."""
    obstacle: str | None = None
    """Why it isn't closed from here."""


@dataclass(frozen=True, slots=True)
class LostWindows:
    """The windows that AWS shows from after the backup."""

    since: datetime
    """When the last entry was written that the backup has."""
    found: tuple[LostWindow, ...] = ()
    unread: tuple[AccountStatus, ...] = ()
    """Accounts that couldn't be read, so that a window may be open in them."""

    @property
    def closable(self) -> tuple[LostWindow, ...]:
        return tuple(window for window in self.found if window.obstacle is None)


def find_lost(
    statuses: Iterable[AccountStatus],
    windows: Iterable[RecoveryWindow],
    excepted: Collection[AccountId],
    since: datetime,
) -> LostWindows:
    """Find the accounts with a login profile from after ``since``, without a window that will be closed or was kept.

    :param windows: all that the database knows.
    :param excepted: accounts with an exception from deletion.
    """
    known: dict[AccountId, list[RecoveryWindow]] = {}
    for window in windows:
        known.setdefault(window.account_id, []).append(window)
    found, unread = [], []
    for status in statuses:
        of_account = known.get(status.account.account_id, [])
        is_owing = any(window.state in OWING_STATES for window in of_account)
        if status.role is AccountRole.MANAGEMENT or is_owing:
            continue
        has_password = status.summary is not None and status.summary.has_password
        if status.status is Status.UNKNOWN or (has_password and status.credentials is None):
            unread.append(status)
            continue
        profile = None if status.credentials is None else status.credentials.login_profile
        if profile is None or profile.created_at < since - CLOCK_SKEW:
            continue
        if not any(
            window.state is WindowState.KEPT and window.opened_at == profile.created_at for window in of_account
        ):
            waiting = next((window for window in of_account if window.state in WAITING_STATES), None)
            found.append(LostWindow(status.account, profile.created_at, _find_obstacle(status, waiting, excepted)))
    return LostWindows(since, tuple(found), tuple(unread))


def _find_obstacle(
    status: AccountStatus, waiting: RecoveryWindow | None, excepted: Collection[AccountId]
) -> str | None:
    if status.role is AccountRole.FAILSAFE:
        return "It is the failsafe, whose root login is kept."
    if status.account.account_id in excepted:
        return "It has an exception from deletion."
    if waiting is not None:
        return f"Recovery window {waiting.window_id} is {waiting.state.value}. Cancel it first."
    return None


def find_backup_moment(reader: LedgerReader) -> datetime | None:
    """Find when the last entry was written before the last adoption; without an adoption, the last entry of all.

    :returns: ``None`` for an empty ledger.
    :raises DatabaseError: if the ledger can't be read.
    """
    adoptions = reader.list_latest(LedgerFilter(actions=frozenset({Action.LEDGER_ADOPT})), limit=1)
    before = adoptions[0].sequence if adoptions else None
    last = reader.list_latest(LedgerFilter(), before=before, limit=1)
    return last[0].at if last else None


@dataclass(frozen=True, slots=True)
class LostWindowFinder:
    """Looks at every account of the organization."""

    acting: Acting

    audit: Audit

    def find(self, since: datetime, progress: Progress) -> LostWindows:
        """Audit every account in detail; the audit is stored like every other audit.

        :raises AwsError: if AWS can't be asked.
        :raises LedgerUnavailableError: if the ledger can't be written; no further root session was opened.
        """
        # What is found may be of a lost window, so it doesn't reopen a window that the database knows as closed.
        report = replace(self.audit, rereads=None).run(progress, AuditRequest(details=True, refresh=True))
        if isinstance(report, AuditInterrupted):
            raise RunStoppedError("The search for lost recovery windows was interrupted.")
        now = self.acting.clock.now()
        exceptions = self.acting.get_store(DeletionExceptionStore).list_exceptions()
        excepted = {exception.account_id for exception in exceptions if exception.is_in_force(now)}
        return find_lost(report.accounts, self.acting.get_store(RecoveryWindowStore).list_windows(), excepted, since)


def close_lost(closing: WindowCloser, lost: LostWindow) -> CloseResult:
    """Record a window that is due, and close it: all four kinds of root user credentials are deleted.

    An account that has an unfinished window by now is left to that window, and the result says so.

    :raises LedgerUnavailableError: if the ledger can't be written; nothing was closed.
    """
    now = closing.acting.window_clock.now()
    window = RecoveryWindow(
        window_id=make_window_id(),
        organization_id=closing.acting.organization_id,
        account_id=lost.account.account_id,
        state=WindowState.OPEN,
        reason="Found after a restore: the restored ledger doesn't contain its opening.",
        ticket=None,
        requested_by=UNKNOWN_REQUESTER,
        requested_at=lost.allowed_at,
        duration_seconds=max(0, int((now - lost.allowed_at).total_seconds())),
        opened_at=lost.allowed_at,
        expires_at=now,
    )
    try:
        record_request(closing.acting.ledger, closing.windows, window)
    except WindowConflictError as error:
        other = closing.windows.find_unfinished(window.account_id)
        return CloseResult(other or window, CloseOutcome.BUSY, error.message, error.hint)
    return closing.close(window)
