"""What the engine calls jobs: one workflow for each attempt at a job, under an id that follows from both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbos import WorkflowStatus

APPLICATION_NAME = "rootkeeper"
PERFORM_JOB = "perform_job"
OVER = frozenset({"CANCELLED", "ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED", "SUCCESS"})
"""Statuses that nothing follows. Source: DBOS 3.4, WorkflowStatusString."""

_IDS_AT_ONCE = 16
_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class Sighting:
    """A workflow, as the engine's tables had it when they were read."""

    workflow_id: str
    status: str
    executor_id: str | None
    queue: str | None
    version: str | None
    created_at: float
    """Seconds since 1970, by the database's clock or the writer's, as the next one."""
    updated_at: float

    @classmethod
    def of(cls, status: WorkflowStatus) -> Sighting:
        return cls(
            workflow_id=status.workflow_id,
            status=status.status,
            executor_id=status.executor_id,
            queue=status.queue_name,
            version=status.app_version,
            created_at=(status.created_at or 0) / _MILLISECONDS,
            updated_at=(status.updated_at or 0) / _MILLISECONDS,
        )

    @property
    def is_enqueued(self) -> bool:
        return self.status in {"ENQUEUED", "DELAYED"}

    @property
    def is_over(self) -> bool:
        return self.status in OVER

    @property
    def is_pending(self) -> bool:
        """Whether a process has begun it."""
        return self.status == "PENDING"


def parse_job_id(workflow_id: str) -> str:
    return workflow_id.rpartition(".")[0]


def list_ids(job_id: str) -> Iterator[list[str]]:
    """The ids of a job's attempts, some at a time, without end."""
    for first in count(1, _IDS_AT_ONCE):
        yield [_name(job_id, first + number) for number in range(_IDS_AT_ONCE)]


def find_next_id(job_id: str, known: Iterable[str]) -> str:
    """The id of the attempt after these."""
    attempts = [int(workflow_id.rpartition(".")[2]) for workflow_id in known]
    return _name(job_id, max(attempts, default=0) + 1)


def _name(job_id: str, attempt: int) -> str:
    return f"{job_id}.{attempt}"
