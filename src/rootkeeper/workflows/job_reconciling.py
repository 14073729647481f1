"""Compares our jobs with the engine's: puts back what a dead process had claimed, and enqueues what is missing.

A job's row says whether its process is dead (its lease ran out, or its end is seen), so the engine needs no other sign
of life. Our tables and the engine's are never written in one transaction: a process or a database that went away in
between leaves a job that no process would ever begin, and an engine whose tables are lost, or of another version of
the program, leaves all of them.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from rootkeeper.domain.jobs import Job
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.engine import Engine
from rootkeeper.ports.jobs import JobStore

_MOST_AT_ONCE = 500
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class JobReconciler:
    """One for each process; one turn is :meth:`tick`."""

    jobs: JobStore
    engine: Engine
    clock: Clock
    _stalled: frozenset[str] = field(default_factory=frozenset)
    """Claimed, but performed by no process, when this was looked at last."""

    def tick(self) -> int:
        """Put back what stalled, and enqueue what is due and isn't enqueued, the oldest first; how many those were.

        :raises DatabaseError: if either can't be read or written; the next tick tries again.
        """
        claimed = self.engine.list_claimed()  # read first: what begins in between is seen to run
        unfinished = self.jobs.list_jobs(unfinished_only=True)
        put_back = self._put_back_stalled(claimed, unfinished, self.clock.now())
        return put_back + self._enqueue_missing(unfinished, self.clock.now())

    def _put_back_stalled(self, claimed: Collection[str], unfinished: Collection[Job], now: datetime) -> int:
        """A process takes over the row of a job right after it claimed the job, and ends the claim right after the row.

        So a claim without a process that performs it is a process that died if it is still there at the next look. A
        job that was put off stays claimed until it is due: if it were performed now, it would begin too early.
        """
        busy = {job.job_id for job in unfinished if not job.is_due(now)}
        stalled, before = frozenset(claimed) - busy, self._stalled
        self._stalled = stalled
        left = [job_id for job_id in claimed if job_id in stalled & before]
        for job_id in left:
            self.engine.put_back(job_id)
            _log.warning("The process that had claimed job %s is gone; the job is in the queue again.", job_id)
        return len(left)

    def _enqueue_missing(self, unfinished: Collection[Job], now: datetime) -> int:
        due = [job.job_id for job in unfinished if job.is_due(now)]
        if not due:
            return 0
        waiting = frozenset(self.engine.list_waiting())
        left = [job_id for job_id in reversed(due) if job_id not in waiting][:_MOST_AT_ONCE]
        for job_id in left:
            self.engine.enqueue(job_id)
            _log.info("Job %s is enqueued again.", job_id)
        return len(left)
