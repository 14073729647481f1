"""Recovery windows past their end: closed first by every command that changes something, named by all others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rootkeeper.domain.windows import RecoveryWindow
from rootkeeper.ports.progress import Progress
from rootkeeper.ports.windows import RecoveryWindows
from rootkeeper.workflows.closing import CloseResult, WindowCloser


def list_overdue(windows: RecoveryWindows, now: datetime) -> tuple[RecoveryWindow, ...]:
    """Windows whose closing is due, the most overdue first: reading commands and dry runs name them, loudly.

    Beside those past their end, those whose closing was begun and isn't finished.
    """
    due = [window for window in windows.list_windows(unfinished_only=True) if window.is_due(now)]
    return tuple(sorted(due, key=lambda window: window.expires_at or now))


@dataclass(frozen=True, slots=True)
class OverdueWindowCloser:
    """Closes what is due, before a command does anything else."""

    windows: RecoveryWindows
    closing: WindowCloser
    progress: Progress

    def close_overdue(self, now: datetime) -> tuple[CloseResult, ...]:
        """Try to close every window that is due; one that can't be closed never stops the others.

        Run ``Settlement.settle`` before it: windows that are OPENING are its work.
        """
        closings = []
        for window in list_overdue(self.windows, now):
            self.progress.remark(f"Closing recovery window {window.window_id} of {window.account_id}, which is due.")
            closings.append(self.closing.close(window))
        return tuple(closings)
