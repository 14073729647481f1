"""An engine in memory that performs only when a test says so, and that can be away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from rootkeeper.errors import DatabaseError


@dataclass(slots=True)
class InMemoryEngine:
    """Implements Engine."""

    waiting: list[str] = field(default_factory=list)
    enqueued: list[str] = field(default_factory=list)
    """Each time that one was asked for."""
    claimed: list[str] = field(default_factory=list)
    """By processes, dead or alive."""
    put_back_jobs: list[str] = field(default_factory=list)
    forgotten_before: list[datetime] = field(default_factory=list)
    is_away: bool = False
    perform: Callable[[str], None] | None = None

    def start(self, perform: Callable[[str], None]) -> None:
        self._ensure_there()
        self.perform = perform

    def enqueue(self, job_id: str) -> None:
        self._ensure_there()
        self.enqueued.append(job_id)
        if job_id not in self.waiting:
            self.waiting.append(job_id)

    def cancel(self, job_id: str) -> None:
        self._ensure_there()
        if job_id in self.waiting:
            self.waiting.remove(job_id)

    def list_waiting(self) -> tuple[str, ...]:
        self._ensure_there()
        return tuple(self.waiting)

    def list_claimed(self) -> tuple[str, ...]:
        self._ensure_there()
        return tuple(self.claimed)

    def put_back(self, job_id: str) -> None:
        self._ensure_there()
        self.claimed.remove(job_id)
        self.put_back_jobs.append(job_id)

    def forget_before(self, moment: datetime) -> int:
        self._ensure_there()
        self.forgotten_before.append(moment)
        return 1

    def stop(self, grace_seconds: float) -> bool:
        self.perform = None
        return True

    def _ensure_there(self) -> None:
        if self.is_away:
            raise DatabaseError("The engine's database can't be used: connection refused.")
