"""What a job that no person watches tells of itself: its counts go into its row, its remarks into the log."""

from __future__ import annotations

import logging
from contextlib import suppress

from rootkeeper.errors import DatabaseError, JobConflictError
from rootkeeper.workflows.jobs import RunningJob

_log = logging.getLogger(__name__)


class JobRemarks:
    """Implements Progress for a use case that counts in its job's row by itself."""

    def __init__(self, job: RunningJob) -> None:
        self.job = job
        self.last_remark: str | None = None

    def start(self, label: str, total: int | None) -> None:
        """The row says it."""

    def set_total(self, total: int) -> None:
        """The row says it."""

    def advance(self, *, present: int = 0, unknown: int = 0) -> None:
        """The row says it."""

    def remark(self, text: str) -> None:
        self.last_remark = text
        _log.info("Job %s: %s", self.job.job_id, text)

    def finish(self) -> None:
        """The row says it."""


class JobCounts(JobRemarks):
    """Implements Progress for a use case that knows nothing of jobs. It may count several things, one after another."""

    def start(self, label: str, total: int | None) -> None:  # noqa: ARG002 - the shape is the port's
        self.job.begin_counting(total)

    def set_total(self, total: int) -> None:
        self.job.set_total(total)

    def advance(self, *, present: int = 0, unknown: int = 0) -> None:
        """What can't be written now is written at the end."""
        with suppress(DatabaseError, JobConflictError):
            self.job.advance(present=present, unknown=unknown)
