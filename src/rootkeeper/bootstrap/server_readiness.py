"""Whether a server or worker can do its work now: nothing is asked of AWS for it, and nothing changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rootkeeper.bootstrap.loops import Loops
from rootkeeper.domain.readiness import Readiness, ReadinessCheck

if TYPE_CHECKING:
    from rootkeeper.bootstrap.server_work import ServerWork
    from rootkeeper.storage.owners import Owner


@dataclass(frozen=True, slots=True)
class ReadinessChecker:
    """Looks at each part of a process by itself."""

    owner: Owner
    work: ServerWork
    loops: Loops

    def evaluate(self, *, is_started: bool, is_stopping: bool) -> Readiness:
        """All parts, good or not."""
        return Readiness(
            (
                _check_process(is_started=is_started, is_stopping=is_stopping),
                self._check_database(),
                self._check_credentials(),
                self._check_clock(),
                self._check_notifications(),
                self._check_loops(),
            )
        )

    def _check_database(self) -> ReadinessCheck:
        if self.owner.has_lease():
            return ReadinessCheck("database", True, "The ledger can be written.")
        return ReadinessCheck("database", False, "The database couldn't be written for longer than a lease lasts.")

    def _check_credentials(self) -> ReadinessCheck:
        renewal = self.work.renewal
        if not renewal.was_tried:
            return ReadinessCheck("aws", False, "The AWS credentials weren't tried yet.")
        good = "The AWS credentials could be had at the last try."
        return ReadinessCheck("aws", not renewal.failures, " ".join(renewal.failures) or good)

    def _check_clock(self) -> ReadinessCheck:
        failure = self.work.clock_watching.failure
        return ReadinessCheck("clock", failure is None, failure or "The clock agrees with AWS's.")

    def _check_notifications(self) -> ReadinessCheck:
        """Told, and nothing more: no target that is down shall take the server out of service."""
        failing, targets = self.work.notifying.delivery_loop.count_failing_here()
        said = f"{failing} of {targets} notification targets fail." if failing else "No notification target fails."
        return ReadinessCheck("notifications", True, said)

    def _check_loops(self) -> ReadinessCheck:
        troubles = self.loops.list_troubles()
        return ReadinessCheck("loops", not troubles, " ".join(troubles) or "All loops go on.")


def _check_process(*, is_started: bool, is_stopping: bool) -> ReadinessCheck:
    if is_stopping:
        return ReadinessCheck("process", False, "It is ending.")
    return ReadinessCheck("process", is_started, "It runs." if is_started else "It is starting.")
