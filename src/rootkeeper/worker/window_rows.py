"""Compares the rows of recovery windows with the ledger while a server or worker runs, and corrects edited rows.

The ledger is the truth of windows. A corrected row is closed by the closing loop, at the end that the entries say.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from rootkeeper.acting import Acting
from rootkeeper.aws.rules import SERVER_NAME
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.errors import DatabaseError, WindowConflictError
from rootkeeper.ledger.rules import Action
from rootkeeper.notifications.rules import NotificationEvent
from rootkeeper.organization.progress import Progress
from rootkeeper.windows.approvals import cancel
from rootkeeper.windows.comparison import ContradictingWindow, WindowComparison, describe_missing
from rootkeeper.windows.decisions import WindowNotices, record_decision
from rootkeeper.windows.entries import rebuild
from rootkeeper.windows.rules import WAITING_STATES, RecoveryWindow
from rootkeeper.windows.store import RecoveryWindowStore

_ADVICE = (
    "Someone edited the database. Find out who can write it, and compare its users and settings with your own records. "
    "The row is corrected by the ledger: the earlier end counts, and only recorded approvals."
)


@dataclass(slots=True)
class WindowRowMonitor:
    """Reports and corrects rows that contradict the ledger in two turns in a row: between two turns, a step that is
    under way writes both its entry and its row.
    """

    acting: Acting
    progress: Progress
    comparison: WindowComparison
    windows: RecoveryWindowStore
    notices: WindowNotices
    failure: str | None = None
    """The contradictions of the last turn; ``None`` if it found none."""
    _suspected: frozenset[str] = frozenset()
    """Ids of the windows that the last turn found."""
    _reported: set[str] = field(default_factory=set)

    def turn(self) -> None:
        """Compare once. While the database can't be read, the last result stays; other monitors report that."""
        with suppress(DatabaseError):
            self._turn()

    def _turn(self) -> None:
        found, missing = self.comparison.compare()
        suspected, problems = self._suspected, list[str]()
        self._suspected = frozenset(
            [*(row.window.window_id for row in found), *(recorded.window_id for recorded in missing)]
        )
        now = self.acting.window_clock.now()
        for row in found:
            if row.window.window_id in suspected:
                problems += row.contradictions
                self._report(row.window, " ".join(row.contradictions))
                self._correct(row, now)
        for recorded in missing:
            window = rebuild(recorded, now)
            if window is not None and recorded.window_id in suspected:
                problems.append(describe_missing(recorded.window_id))
                self._report(window, problems[-1])
                self._restore(window, now)
        self.failure = " ".join(problems) or None

    def _report(self, window: RecoveryWindow, problem: str) -> None:
        """Report each problem once; the key keeps other workers from repeating it."""
        if problem in self._reported:
            return
        self._reported.add(problem)
        self.progress.remark(f"ALERT: {problem} {_ADVICE}")
        self.notices.announce(NotificationEvent.WINDOW_CONTRADICTED, window, f"{problem} {_ADVICE}", key=problem)

    def _correct(self, row: ContradictingWindow, now: datetime) -> None:
        step = row.make_correction(now)
        if step is None:
            return
        try:
            self.windows.update(row.window.window_id, step)
        except WindowConflictError:  # it has changed, or the account has another unfinished window
            self._restrict_other(step(row.window), now)

    def _restore(self, window: RecoveryWindow, now: datetime) -> None:
        try:
            self.windows.add(window)
        except WindowConflictError:
            self._restrict_other(window, now)

    def _restrict_other(self, window: RecoveryWindow, now: datetime) -> None:
        """End the account's other window at the end of this window, or cancel it if it waits. The next turn tries again
        to correct this window.
        """
        other = self.windows.find_unfinished(window.account_id)
        if other is None or other.window_id == window.window_id:
            return
        with suppress(WindowConflictError):
            if other.state in WAITING_STATES:
                why = f"Recovery window {window.window_id} of the same account isn't closed"
                step = partial(cancel, name=SERVER_NAME, now=now, reason=why)
                runner = ChangeRunner(self.acting.ledger, self.acting.clock)
                record_decision(self.windows, runner, Action.WINDOW_CANCEL, other, step, now, {"reason": why})
            else:
                self.windows.update(other.window_id, partial(_end_earlier, end=window.expires_at or now))


def _end_earlier(window: RecoveryWindow, end: datetime) -> RecoveryWindow:
    return replace(window, expires_at=min(window.expires_at or end, end))
