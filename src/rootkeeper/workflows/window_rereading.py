"""Reading an account again after its recovery window was closed, since a console session may outlast its password.

Whatever is found is nobody's work any more: the window is closed once more. What can't be read is read again soon, and
is never taken for clean.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rootkeeper.domain.approvals import WAITING_STATES, cancel
from rootkeeper.domain.ledger import Action
from rootkeeper.domain.notifications import NotificationEvent
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.root_credentials import RootCredentialsSummary
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.domain.window_closings import (
    end_rereads,
    is_reread_given_up,
    postpone_reread,
    record_clean_reread,
    reopen,
    require_reread_due,
)
from rootkeeper.domain.windows import OWING_STATES, RecoveryWindow, WindowState
from rootkeeper.errors import AccountBusyError, AwsAccessDeniedError, AwsError, LockLostError, WindowConflictError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.locks import AccountLock, AccountLocks
from rootkeeper.ports.organizations import OrganizationReader
from rootkeeper.ports.progress import Progress
from rootkeeper.ports.root_sessions import RootSessions
from rootkeeper.ports.windows import RecoveryWindows
from rootkeeper.workflows.root_access import open_root_session
from rootkeeper.workflows.window_decisions import DecisionRecorder
from rootkeeper.workflows.window_notices import WindowNotices

_TAKEN_OVER = OWING_STATES | {WindowState.CLOSED_VERIFIED, WindowState.KEPT}
"""A later window in one of these states owes the account's closing and its re-reads, or keeps its login on purpose."""


@dataclass(frozen=True, slots=True)
class WindowRereader:
    """Makes one re-read that is due."""

    reader: OrganizationReader
    sessions: RootSessions
    ledger: Ledger
    windows: RecoveryWindows
    locks: AccountLocks
    clock: Clock
    progress: Progress
    notices: WindowNotices
    rereads: tuple[timedelta, ...]
    actor_name: str

    def reread(self, window: RecoveryWindow) -> None:
        """Read the account in an audit session, under its lock; of several workers one does it.

        Calls: organizations:DescribeAccount, sts:AssumeRoot, sts:GetCallerIdentity, iam:GetAccountSummary.

        :raises LedgerUnavailableError: if the ledger can't be written; no session was opened, or its result is lost.
        :raises DatabaseError: if the database can't be written; it is read again.
        """
        try:
            with self.locks.hold(window.account_id, "re-reading after a recovery window") as lock:
                latest, now = self.windows.get(window.window_id), self.clock.now()
                require_reread_due(latest, now)
                self._reread_held(latest, lock, now)
        except (AccountBusyError, LockLostError, WindowConflictError):
            return  # somebody else has made it, or is at work there: it is due still, if it is

    def _reread_held(self, window: RecoveryWindow, lock: AccountLock, now: datetime) -> None:
        later = [one for one in self.windows.list_of_account(window.account_id) if _is_later(one, window)]
        if any(one.state in _TAKEN_OVER for one in later):
            self.windows.update(window.window_id, end_rereads)
            return
        if is_reread_given_up(window, now, self.rereads):
            self._give_up(window)
            return
        try:
            found = self._read(window.account_id, window.window_id, lock)
        except AwsError as error:
            self.windows.update(window.window_id, lambda one: postpone_reread(one, now))
            self.progress.remark(f"{window.account_id} can't be read again after its window: {error.message}")
            return
        self._record(window, found, now)
        if found.is_empty:
            self.windows.update(window.window_id, lambda one: record_clean_reread(one, now, self.rereads))
        else:
            self._reopen(window, found, [one for one in later if one.state in WAITING_STATES], now)

    def _read(self, account_id: AccountId, window_id: str, lock: AccountLock) -> RootCredentialsSummary:
        if self.reader.find_account_state(account_id) is None:
            raise AwsAccessDeniedError(f"{account_id} isn't in the organization any more.")
        context = {"window_id": window_id}
        session = open_root_session(
            self.sessions, self.ledger, account_id, TaskPolicy.AUDIT, lock=lock, context=context
        )
        return session.read_summary()

    def _record(self, window: RecoveryWindow, found: RootCredentialsSummary, now: datetime) -> None:
        closed_seconds = int((now - (window.closed_at or now)).total_seconds())
        self.ledger.append_fact(
            Action.WINDOW_REREAD,
            account_id=window.account_id,
            parameters={
                "window_id": window.window_id,
                "seconds_after_closing": closed_seconds,
                "is_clean": found.is_empty,
                "found": list(found.kind_names),
            },
        )

    def _reopen(
        self, window: RecoveryWindow, found: RootCredentialsSummary, waiting: list[RecoveryWindow], now: datetime
    ) -> None:
        """A request that waits makes room: an account that has credentials already can't be recovered anyhow."""
        why = f"root user credentials were found after window {window.window_id}"
        for one in waiting:
            DecisionRecorder(self.windows, self.ledger).record(
                Action.WINDOW_CANCEL, one, lambda it: cancel(it, self.actor_name, now, why), now, {"reason": why}
            )
        reopened = self.windows.update(window.window_id, lambda one: reopen(one, now))
        kinds = ", ".join(found.kind_names)
        self.progress.remark(f"ALERT: {kinds} found in {window.account_id} after window {window.window_id} was closed.")
        self.notices.announce(
            NotificationEvent.WINDOW_REOPENED,
            reopened,
            f"A re-read found {kinds}. The window is closed again at once; find out who made that, and how: a console "
            "session may have outlasted its password.",
        )

    def _give_up(self, window: RecoveryWindow) -> None:
        self.windows.update(window.window_id, end_rereads)
        self.progress.remark(
            f"ALERT: {window.account_id} wasn't read again after window {window.window_id}: it couldn't be, or no "
            f"server ran, for too long. Read it now: rootkeeper audit {window.account_id}"
        )


def _is_later(one: RecoveryWindow, window: RecoveryWindow) -> bool:
    return one.window_id != window.window_id and one.requested_at >= window.requested_at
