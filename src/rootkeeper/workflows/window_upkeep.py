"""What time does to recovery windows beside closing them: requests lapse, accounts are re-read, reviews are overdue.

Every server and worker runs it; each step is taken under the account's lock, so that one of them takes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from rootkeeper.domain.approvals import lapse
from rootkeeper.domain.ledger import Action
from rootkeeper.domain.notifications import NotificationEvent
from rootkeeper.domain.windows import RecoveryWindow
from rootkeeper.errors import AccountBusyError, LockLostError, WindowConflictError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.locks import AccountLocks
from rootkeeper.ports.windows import RecoveryWindows
from rootkeeper.workflows.crews import KeyedExecutor
from rootkeeper.workflows.window_decisions import DecisionRecorder
from rootkeeper.workflows.window_notices import WindowNotices, describe_request
from rootkeeper.workflows.window_rereading import WindowRereader

REVIEWS_EVERY_SECONDS = 60.0
"""How often it is looked for reviews that are overdue."""


@dataclass(slots=True)
class WindowMaintenance:
    """One for each process."""

    windows: RecoveryWindows
    ledger: Ledger
    locks: AccountLocks
    clock: Clock
    notices: WindowNotices
    rereading: WindowRereader
    executor: KeyedExecutor
    _reviews_at: float | None = None
    """When reviews were looked for last, in monotonic seconds."""

    def tick(self) -> None:
        """One turn. Re-reads are begun and not waited for.

        :raises DatabaseError: if the database can't be read.
        :raises LedgerUnavailableError: if the ledger can't be written.
        """
        now = self.clock.now()
        for window in self.windows.list_rereads_due(now):
            self.executor.offer(window.account_id, partial(self.rereading.reread, window))
        for window in self.windows.list_lapsing(now):
            self._lapse(window, now)
        if self._is_time_for_reviews():
            for window in self.windows.list_reviews_due(now):
                self._remind(window, now)

    def stop(self, seconds: float) -> bool:
        """Begin nothing more, and wait for what is under way; ``False`` if that takes longer."""
        self.executor.stop()
        return self.executor.wait_idle(seconds)

    def _lapse(self, window: RecoveryWindow, now: datetime) -> None:
        try:
            with self.locks.hold(window.account_id, "letting a request lapse"):
                lapsed = DecisionRecorder(self.windows, self.ledger).record(
                    Action.WINDOW_LAPSE, self.windows.get(window.window_id), lambda one: lapse(one, now), now, {}
                )
        except (AccountBusyError, LockLostError, WindowConflictError):
            return  # it is being activated, or somebody else let it lapse
        body = f"{describe_request(lapsed)} {lapsed.failure or ''} Request it again if it is still needed."
        self.notices.announce(NotificationEvent.WINDOW_LAPSED, lapsed, body)

    def _is_time_for_reviews(self) -> bool:
        now = self.clock.monotonic()
        if self._reviews_at is not None and now - self._reviews_at < REVIEWS_EVERY_SECONDS:
            return False
        self._reviews_at = now
        return True

    def _remind(self, window: RecoveryWindow, now: datetime) -> None:
        """Once when it is overdue, then each day; the key lets one of all workers tell it."""
        days = (now - (window.review_due_at or now)) // timedelta(days=1)
        body = (
            f"{describe_request(window)} It was opened without approval, and nobody has reviewed it in time. "
            f"A second person does: rootkeeper windows review {window.window_id}"
        )
        self.notices.announce(NotificationEvent.WINDOW_REVIEW_OVERDUE, window, body, key=f"day {days}")
