"""What happens to a recovery window after its closing: its account is read again, and the window shows the result.

A console session may outlast its password, and another tool may create a new one. So the account is read again at set
times, and every audit that reads it counts as well. If credentials are found, someone else created them: the window is
CLOSING again, and is closed like every other. No reading changes anything in AWS.

Credentials aren't found "again" where they are meant to be: where a later window is responsible, and where a person
confirmed the login of a failsafe or excepted the account after the closing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.changes.sessions import open_root_session
from rootkeeper.errors import (
    AccountBusyError,
    AwsAccessDeniedError,
    AwsError,
    Hint,
    LockLostError,
    WindowConflictError,
)
from rootkeeper.exceptions.service import DeletionExceptionStore
from rootkeeper.inventory.store import ConfirmationStore, InventoryStore
from rootkeeper.ledger.owners import AccountLock
from rootkeeper.ledger.rules import Action
from rootkeeper.notifications.rules import NotificationEvent
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import AccountStatus, RootCredentialsSummary, evaluate_found
from rootkeeper.windows.approvals import cancel, sort_rereads
from rootkeeper.windows.checks import AccountWork
from rootkeeper.windows.decisions import WindowNotices, record_decision
from rootkeeper.windows.rules import (
    OWING_STATES,
    WAITING_STATES,
    RecoveryWindow,
    WindowState,
    end_rereads,
    find_oldest_closing,
    give_up_reread,
    is_reread_given_up,
    is_reread_owed,
    postpone_reread,
    record_clean_reread,
    reopen,
    require_reread_due,
)

_TAKEN_OVER = OWING_STATES | {WindowState.CLOSED_VERIFIED, WindowState.KEPT}
"""A later window in any of these states is responsible for closing and re-reading the account, or keeps its login."""


@dataclass(frozen=True, slots=True)
class ClosedWindows(AccountWork):
    """Records what readings of accounts say about their closed windows."""

    notices: WindowNotices

    @property
    def rereads(self) -> tuple[timedelta, ...]:
        return sort_rereads(self.acting.settings.windows.rereads)

    def find_waiting(self, window: RecoveryWindow) -> list[RecoveryWindow] | None:
        """Find the account's later requests that wait; ``None`` if a later window is responsible for the account."""
        later = [
            other
            for other in self.windows.list_of_account(window.account_id)
            if (other.requested_at, other.window_id) > (window.requested_at, window.window_id)
        ]
        if any(other.state in _TAKEN_OVER for other in later):
            return None
        return [other for other in later if other.state in WAITING_STATES]

    def record(
        self,
        window: RecoveryWindow,
        found: RootCredentialsSummary,
        began_at: datetime,
        found_at: datetime,
        waiting: Iterable[RecoveryWindow],
    ) -> None:
        """Record a reading, if it says anything new: first in the ledger, then in the window's row.

        :param window: as it was when the reading began.
        :raises WindowConflictError: if another process recorded one, or the window was closed once more since.
        """
        is_reopened, step = False, end_rereads
        if found.is_empty:
            is_news = is_reread_owed(window, began_at)
            step = partial(record_clean_reread, began_at=began_at, rereads=self.rereads)
        elif self._is_kept(window, found_at):
            is_news = window.reread_due_at is not None
        elif is_reread_given_up(window, found_at, self.rereads):
            is_news, step = window.next_reread_at is not None, give_up_reread
        else:
            kinds = ", ".join(found.kind_names)
            failure = f"Reopened by someone else: {kinds} found at {found_at:%Y-%m-%d %H:%M:%S} UTC."
            is_news = is_reopened = True
            step = partial(reopen, closed_at=window.closed_at, found_at=found_at, failure=failure)
        if not is_news:
            return
        step(self.windows.get(window.window_id))
        self.acting.ledger.append_fact(
            Action.WINDOW_REREAD,
            account_id=window.account_id,
            parameters={
                "window_id": window.window_id,
                "seconds_after_closing": int((found_at - (window.closed_at or found_at)).total_seconds()),
                "is_clean": found.is_empty,
                "found": list(found.kind_names),
                "is_reopened": is_reopened,
            },
        )
        if is_reopened:
            self._cancel(waiting, window, found_at)
        recorded = self.windows.update(window.window_id, step)
        if is_reopened:
            self._announce(recorded, found)

    def _is_kept(self, window: RecoveryWindow, now: datetime) -> bool:
        """Whether a person says, since the closing, that the account's credentials stay."""
        exception = self.acting.get_store(DeletionExceptionStore).find(window.account_id)
        if exception is not None and exception.is_in_force(now):
            return window.closed_at is not None and exception.added_at > window.closed_at
        confirmations = self.acting.get_store(ConfirmationStore)
        return window.account_id in confirmations.list_confirmed(in_sandbox=self.acting.endpoint.is_sandbox, at=now)

    def _cancel(self, waiting: Iterable[RecoveryWindow], window: RecoveryWindow, now: datetime) -> None:
        """Cancel waiting requests: an account with credentials can't be recovered."""
        why = f"root user credentials were found after window {window.window_id}"
        runner = ChangeRunner(self.acting.ledger, self.acting.clock)
        for request in waiting:
            step = partial(cancel, name=self.acting.actor.name, now=now, reason=why)
            record_decision(self.windows, runner, Action.WINDOW_CANCEL, request, step, now, {"reason": why})

    def _announce(self, window: RecoveryWindow, found: RootCredentialsSummary) -> None:
        kinds, window_id = ", ".join(found.kind_names), window.window_id
        message = (
            f"ALERT: {kinds} found in {window.account_id} after recovery window {window_id} was closed: someone else "
            "reopened it."
        )
        hint = f"{message} A server closes it at once. Without a server, close it."
        self.progress.remark(Hint(hint, "window.reopened", message=message, window_id=window_id))
        self.notices.announce(
            NotificationEvent.WINDOW_REOPENED,
            window,
            f"A re-read found {kinds}. A server closes the window again at once; without a server, close it now. Find "
            "out who created them: a console session may have outlasted its password, or another tool was used.",
        )

    def read(self, window: RecoveryWindow, lock: AccountLock) -> RootCredentialsSummary:
        """Read the account in an audit session. What is found also becomes the account's status.

        :raises AwsError: if it can't be read.
        """
        context = {"window_id": window.window_id}
        session = open_root_session(
            self.acting.aws, self.acting.ledger, window.account_id, TaskPolicy.AUDIT, lock=lock, context=context
        )
        found = session.read_summary()
        if not found.is_empty:
            store = self.acting.get_store(InventoryStore)
            store.save_statuses(
                [
                    evaluate_found(
                        last.account,
                        last.role,
                        found,
                        observed_at=self.acting.clock.now(),
                        has_open_window=False,
                        session_access_key_id=session.access_key_id,
                        is_confirmed=last.is_confirmed,
                    )
                    for last in store.find_statuses((window.account_id,)).values()
                ]
            )
        return found


@dataclass(frozen=True, slots=True)
class WindowRereader(ClosedWindows):
    """Makes a re-read that is due."""

    def reread(self, window: RecoveryWindow) -> None:
        """Read the account in an audit session, under its lock, so that only one worker does it.

        Calls: organizations:DescribeAccount, sts:AssumeRoot, sts:GetCallerIdentity, iam:GetAccountSummary.

        :raises LedgerUnavailableError: if the ledger can't be written; no session was opened, or its result is lost.
        :raises DatabaseError: if the database can't be written; the account is read again.
        """
        try:
            with self.acting.locks.hold(window.account_id, "re-reading after a recovery window") as lock:
                latest, now = self.windows.get(window.window_id), self.acting.window_clock.now()
                require_reread_due(latest, now)
                self._reread_held(latest, lock, now)
        except (AccountBusyError, LockLostError, WindowConflictError):
            return  # another process has made it or is working on the account

    def _reread_held(self, window: RecoveryWindow, lock: AccountLock, now: datetime) -> None:
        waiting = self.find_waiting(window)
        if waiting is None:
            self.windows.update(window.window_id, end_rereads)
            return
        if is_reread_given_up(window, now, self.rereads):
            self.windows.update(window.window_id, give_up_reread)
            self.progress.remark(
                f"ALERT: {window.account_id} couldn't be read again in time after window {window.window_id}. "
                "Audit it now."
            )
            return
        try:
            if self.acting.aws.find_account_state(window.account_id) is None:
                raise AwsAccessDeniedError(f"{window.account_id} isn't in the organization any more.")
            found = self.read(window, lock)
        except AwsError as error:
            self.windows.update(window.window_id, lambda current: postpone_reread(current, now))
            self.progress.remark(f"{window.account_id} can't be read again after its window: {error.message}")
            return
        self.record(window, found, now, now, waiting)


@dataclass(frozen=True, slots=True)
class ClosedBefore:
    """The windows that were closed before some readings began, as the database had them."""

    began_at: datetime
    windows: Mapping[AccountId, Sequence[RecoveryWindow]]


@dataclass(frozen=True, slots=True)
class AuditRereads(ClosedWindows):
    """Counts the readings of an audit as re-reads."""

    _too_soon: list[RecoveryWindow] = field(default_factory=list)
    """Windows that were closed so shortly before their account was read that AWS may have shown the state before."""

    def begin(self) -> ClosedBefore:
        """List the closed windows, before accounts are read: a reading says nothing about a later closing.

        :raises DatabaseError: if the database can't be read.
        """
        now = self.acting.window_clock.now()
        closed: dict[AccountId, list[RecoveryWindow]] = {}
        for window in self.windows.list_closed(find_oldest_closing(now, self.rereads)):
            closed.setdefault(window.account_id, []).append(window)
        return ClosedBefore(now, closed)

    def take(self, status: AccountStatus, before: ClosedBefore) -> None:
        """Record what a reading says about the account's closed windows.

        :raises LedgerUnavailableError: if the ledger can't be written.
        :raises DatabaseError: if the database can't be read or written.
        """
        if status.summary is None:
            return
        for window in before.windows.get(status.account.account_id, ()):
            if not status.summary.is_empty and before.began_at < self._settled_at(window):
                self._too_soon.append(window)
            else:
                # The machine's clock, which the status has, may be behind AWS's.
                found_at = max(status.observed_at or before.began_at, before.began_at)
                self._take(window, status.summary, before.began_at, found_at)

    def finish(self, is_stopped: Callable[[], bool]) -> None:
        """Read the accounts of windows that were closed just before their reading once more, after a pause.

        :raises LedgerUnavailableError: if the ledger can't be written.
        :raises DatabaseError: if the database can't be read or written.
        """
        clock = self.acting.window_clock
        for window in self._too_soon:
            while (left := (self._settled_at(window) - clock.now()).total_seconds()) > 0 and not is_stopped():
                clock.sleep(min(1.0, left))
            if is_stopped():
                return
            try:
                with self.acting.locks.hold(window.account_id, "re-reading after a recovery window") as lock:
                    began_at = clock.now()
                    self._take(window, self.read(window, lock), began_at, began_at)
            except (AccountBusyError, LockLostError):
                continue  # another process is working on the account
            except AwsError as error:
                self.progress.remark(f"{window.account_id} can't be read again after its window: {error.message}")

    def _take(
        self, window: RecoveryWindow, found: RootCredentialsSummary, began_at: datetime, found_at: datetime
    ) -> None:
        try:
            waiting = self.find_waiting(window)
            if waiting is not None:
                self.record(window, found, began_at, found_at, waiting)
            elif window.reread_due_at is not None:
                self.windows.update(window.window_id, end_rereads)
        except WindowConflictError:
            return  # another process has recorded it, or works on the account

    def _settled_at(self, window: RecoveryWindow) -> datetime:
        closed_at = window.closed_at or self.acting.window_clock.now()
        return closed_at + timedelta(seconds=self.acting.settings.aws.verify_seconds)
