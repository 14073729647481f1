"""The durable engine: it drives jobs and nothing else. Our own tables say which jobs there are and what they did."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol


class Engine(Protocol):
    """Performs jobs, each at least once, in this process or in another one on the same database.

    The job's own row decides whether there is anything left to do, so that performing one again does no harm. The row
    also says whether the process that claimed a job is gone: see ``workflows.job_reconciling``.
    """

    def start(self, perform: Callable[[str], None]) -> None:
        """Begin to perform jobs; returns at once.

        :param perform: does the job of that id, in a thread of its own, and returns when it is over or interrupted.
        :raises DatabaseError: if the engine's tables can't be reached.
        """
        ...

    def enqueue(self, job_id: str) -> None:
        """Have a job performed by some process; durable when it returns, and the same however often it is called.

        :raises DatabaseError: if it can't be made durable.
        """
        ...

    def cancel(self, job_id: str) -> None:
        """Take a job out that hasn't begun; one that runs learns of it from its own row."""
        ...

    def list_waiting(self) -> tuple[str, ...]:
        """Jobs that were enqueued and aren't over, as the engine sees it, the oldest first."""
        ...

    def list_claimed(self) -> tuple[str, ...]:
        """Those of them that a process has taken from the queue."""
        ...

    def put_back(self, job_id: str) -> None:
        """Put a job back into the queue, because the process that claimed it is gone."""
        ...

    def forget_before(self, moment: datetime) -> int:
        """Forget what it keeps of jobs that were over for it by then, some hundreds at a time; their rows stay.

        :returns: how many attempts at jobs those were.
        :raises DatabaseError: if the engine's tables can't be reached.
        """
        ...

    def stop(self, grace_seconds: float) -> bool:
        """Take no further jobs, and wait at most so long for those that run; they are left to be taken up again.

        :returns: whether every job of this process ended in time.
        """
        ...


class NullEngine:
    """A process that performs no jobs; implements Engine. What it is asked for is enqueued by one that does."""

    def start(self, perform: Callable[[str], None]) -> None:
        """Nothing is performed."""

    def enqueue(self, job_id: str) -> None:
        """The job's row is enough: the reconciliation of a process with an engine finds it."""

    def cancel(self, job_id: str) -> None:
        """Whoever begins it learns of it from its row."""

    def list_waiting(self) -> tuple[str, ...]:
        return ()

    def list_claimed(self) -> tuple[str, ...]:
        return ()

    def put_back(self, job_id: str) -> None:
        """Nothing is claimed."""

    def forget_before(self, moment: datetime) -> int:  # noqa: ARG002 - the shape is the port's
        """Nothing is kept."""
        return 0

    def stop(self, grace_seconds: float) -> bool:  # noqa: ARG002 - the shape is the port's
        """Nothing runs."""
        return True
