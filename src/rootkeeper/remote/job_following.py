"""Following a job on a server until it is over, across restarts of the server and breaks of the connection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rootkeeper.domain.jobs import Job, JobKind, JobProgress, JobState
from rootkeeper.errors import ServerUnreachableError
from rootkeeper.ports.progress import Progress
from rootkeeper.ports.stopping import StopSignal

FIRST_LOOK_SECONDS = 0.1
LONGEST_LOOK_SECONDS = 1.0
UNREACHABLE_SECONDS = 120.0
"""For so long a server that doesn't answer is waited for: the job doesn't need whoever follows it."""
INTERRUPTED_SECONDS = 90.0
"""A job that is interrupted for longer isn't taken up again by itself."""

_LABELS = {
    JobKind.AUDIT: "Reading accounts",
    JobKind.DELETION: "Deleting credentials",
    JobKind.PLAN: "Reading accounts",
    JobKind.PREFLIGHT: "Reading policies",
}


@dataclass(slots=True)
class JobFollower:
    """One job, as somebody watches it."""

    read: Callable[[str], Job]
    """Asks the server for the job of that id."""
    progress: Progress
    stop: StopSignal
    monotonic: Callable[[], float]
    _shown: JobProgress | None = None
    _unreachable_since: float | None = None
    _interrupted_since: float | None = field(default=None)

    def follow(self, job: Job) -> Job:
        """The job as it stands at its end, or when somebody asks to stop, or when nobody takes it up any more.

        Ending to follow a job doesn't end it.

        :raises ServerUnreachableError: if the server hasn't answered for two minutes.
        :raises NotSignedInError: if the token isn't valid any more.
        """
        pause = FIRST_LOOK_SECONDS
        while not (job.is_over or self._is_left(job)):
            self._show(job)
            if self.stop.wait(pause):
                break
            pause = min(pause * 1.5, LONGEST_LOOK_SECONDS)
            job = self._look(job)
        if job.is_over:
            self._show(job)
        self.progress.finish()
        return job

    def _look(self, job: Job) -> Job:
        try:
            found = self.read(job.job_id)
        except ServerUnreachableError as error:
            now = self.monotonic()
            if self._unreachable_since is None:
                self._unreachable_since = now
                self.progress.remark(f"{error.message} Waiting for it; the job doesn't need this command.")
            if now - self._unreachable_since > UNREACHABLE_SECONDS:
                raise ServerUnreachableError(
                    error.message, hint=f"Once it answers: rootkeeper jobs show {job.job_id}"
                ) from error
            return job
        if self._unreachable_since is not None:
            self._unreachable_since = None
            self.progress.remark("The server answers again.")
        return found

    def _is_left(self, job: Job) -> bool:
        if job.state is not JobState.INTERRUPTED:
            self._interrupted_since = None
            return False
        now = self.monotonic()
        if self._interrupted_since is None:
            self._interrupted_since = now
        return now - self._interrupted_since > INTERRUPTED_SECONDS

    def _show(self, job: Job) -> None:
        found, shown = job.progress, self._shown
        if shown is None and found == JobProgress():
            return  # not begun, or nothing that is counted
        if shown is None or found.done < shown.done:  # begun, or begun anew
            self.progress.start(_LABELS.get(job.kind, "Working"), found.total)
            shown = JobProgress(found.total)
        if found.total is not None and found.total != shown.total:
            self.progress.set_total(found.total)
        present, unknown = max(0, found.present - shown.present), max(0, found.unknown - shown.unknown)
        for number in range(found.done - shown.done):
            self.progress.advance(present=int(number < present), unknown=int(number < unknown))
        self._shown = found
