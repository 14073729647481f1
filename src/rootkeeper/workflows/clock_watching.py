"""Comparing a server's clock with AWS's again and again, and telling people when it goes wrong.

While it is wrong no window is opened (``clock_checks``), and windows that are open may close early or late: somebody
should mend it before that matters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rootkeeper.domain.notifications import Notification, NotificationEvent, Severity
from rootkeeper.errors import AwsError, ClockWrongError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.notifications import Notifier
from rootkeeper.ports.organizations import OrganizationReader
from rootkeeper.workflows.clock_checks import require_correct_clock


@dataclass(slots=True)
class ClockMonitor:
    """Remembers what came of the last look, so that a wrong clock is told once."""

    reader: OrganizationReader
    notifier: Notifier
    clock: Clock
    organization_id: str
    endpoint: str
    warn: Callable[[str], None]
    failure: str | None = None
    """What is wrong; ``None`` if nothing was at the last look that AWS answered."""

    def turn(self) -> None:
        """Look once. While AWS can't be asked, what was known before stays."""
        before = self.failure
        try:
            require_correct_clock(self.reader)
        except ClockWrongError as error:
            self.failure = error.message
            if before is None:
                self._notify(error)
        except AwsError:
            return
        else:
            self.failure = None

    def _notify(self, error: ClockWrongError) -> None:
        self.warn(f"ALERT: {error.message}")
        self.notifier.notify(
            Notification(
                event=NotificationEvent.CLOCK_WRONG,
                severity=Severity.CRITICAL,
                title="The server's clock is wrong",
                body=f"{error.message} Windows that are open may be closed early or late. {error.hint or ''}".strip(),
                at=self.clock.now(),
                organization_id=self.organization_id,
                endpoint=self.endpoint,
            )
        )
