"""Enqueues jobs again that the engine doesn't know of.

Our tables and the engine's are never written in one transaction: a process or a database that went away in between
leaves a job that nobody would ever begin, and an engine whose tables are lost, or of another version of the program,
leaves all of them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from rootkeeper.ports.clock import Clock
from rootkeeper.ports.engine import Engine
from rootkeeper.ports.jobs import JobStore

_MOST_AT_ONCE = 500
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobReconciling:
    """Compares our jobs with the engine's."""

    jobs: JobStore
    engine: Engine
    clock: Clock

    def tick(self) -> int:
        """Enqueue what is due and isn't enqueued, the oldest first; how many those were.

        :raises DatabaseError: if either can't be read or written; the next tick tries again.
        """
        now = self.clock.now()
        due = [job.job_id for job in self.jobs.list_jobs(unfinished_only=True) if job.is_due(now)]
        if not due:
            return 0
        waiting = frozenset(self.engine.list_waiting())
        left = [job_id for job_id in reversed(due) if job_id not in waiting][:_MOST_AT_ONCE]
        for job_id in left:
            self.engine.enqueue(job_id)
            _log.info("Job %s is enqueued again.", job_id)
        return len(left)
