"""Why a deletion begins no further account, and why it sends nothing more.

The first leaves what is in progress to come to its end; the second doesn't.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from rootkeeper.errors import RootkeeperError
from rootkeeper.ports.stopping import StopSignal
from rootkeeper.workflows.jobs import RunningJob
from rootkeeper.workflows.target_deletion import DeletedTarget


@dataclass(slots=True)
class StopReasons:
    """What has come up in one run so far; asked and told from many threads."""

    signal: StopSignal
    job: RunningJob
    failures_allowed: int | None = None
    """With so many failures no further account is begun; ``None``: none are too many."""
    obstacle: RootkeeperError | None = None
    """What concerns every account."""
    failures: int = 0
    has_sent_changes: bool = False
    _reason: str | None = None
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_stopping(self) -> bool:
        """Whether no further account may be begun."""
        return (
            self._reason is not None or self.obstacle is not None or self.job.is_cancelled or self.signal.asked_once()
        )

    @property
    def is_broken_off(self) -> bool:
        """Whether nothing more may be sent, not even for accounts in progress."""
        return self.obstacle is not None or self.signal.asked_twice()

    def evaluate(self, target: DeletedTarget) -> None:
        """Take in what came of one account."""
        with self._guard:
            self.has_sent_changes = self.has_sent_changes or target.has_sent_changes
            self.failures += target.deletion.is_failure
        if target.obstacle is not None:
            self.note_obstacle(target.obstacle)
        if self.failures_allowed is not None and self.failures >= self.failures_allowed:
            failed = f"{self.failures} account{'' if self.failures == 1 else 's'}"
            self.stop(f"{failed} failed, and --stop-after-failures is {self.failures_allowed}.")

    def note_obstacle(self, obstacle: RootkeeperError) -> None:
        """The first obstacle counts: those after it follow from it."""
        with self._guard:
            self.obstacle = self.obstacle or obstacle

    def stop(self, reason: str) -> None:
        """Begin no further account, for this reason."""
        with self._guard:
            self._reason = self._reason or reason

    def explain(self) -> str | None:
        """Why the run stops, in one sentence; ``None`` if it doesn't."""
        if self.obstacle is not None:
            return self.obstacle.message
        if self._reason is not None:
            return self._reason
        if self.job.is_cancelled:
            return "The job was cancelled."
        return "It was interrupted." if self.signal.asked_once() else None
