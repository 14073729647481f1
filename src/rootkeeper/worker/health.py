"""Watching a server's clock and credentials.

Comparing a server's clock with AWS's again and again, and telling people when it goes wrong.

While it is wrong no window is opened (``clock_checks``), and windows that are open may close early or late: somebody
should mend it before that matters.

Trying again and again whether a server still has its AWS power, and telling people when that changes.

A server that learns of expired credentials only at the end of a window can't close it. So the renewal is tried long
before: whoever is told has the time to mend it.

Whether a server can do its work now, as a list of what was looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rootkeeper.aws.organizations import OrganizationReader
from rootkeeper.clock import Clock
from rootkeeper.errors import AwsError, ClockWrongError
from rootkeeper.notifications.rules import Notification, NotificationEvent, Severity
from rootkeeper.notifications.service import Notifier
from rootkeeper.windows.checks import require_correct_clock


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


RENEWAL_SECONDS = 300.0

RETRY_SECONDS = 15.0
"""While they can't be had it is tried again so soon, since somebody may have mended it."""


@dataclass(slots=True)
class CredentialsRenewer:
    """Remembers what came of the last try, so that a change is told once."""

    renew: Callable[[], tuple[str, ...]]
    """Tries the starting credentials and each role; one sentence for each that can't be had."""
    notifier: Notifier
    clock: Clock
    organization_id: str
    endpoint: str
    warn: Callable[[str], None] = field(default=lambda _: None)
    failures: tuple[str, ...] = ()
    """Of the last try; nothing if all could be had."""
    was_tried: bool = False
    _next_at: float = 0.0
    """In monotonic seconds."""
    _is_hurried: bool = False

    def retry_soon(self) -> None:
        """Something failed that may have failed for want of them: try with the next turn. Safe in many threads."""
        self._is_hurried = True

    def tick(self) -> bool:
        """Try if it is time; whether it was."""
        is_time = self.clock.monotonic() >= self._next_at
        if self.was_tried and not is_time and (self.failures or not self._is_hurried):
            return False
        self._is_hurried = False
        self.turn()
        self._next_at = self.clock.monotonic() + (RETRY_SECONDS if self.failures else RENEWAL_SECONDS)
        return True

    def turn(self) -> None:
        """Try once; a failure is told when it begins and when it is over."""
        before, self.failures, self.was_tried = self.failures, self._try(), True
        for failure in self.failures:
            self.warn(failure)
        if self.failures and not before:
            self._notify_failed()
        if before and not self.failures:
            self._notify_restored()

    def _try(self) -> tuple[str, ...]:
        try:
            return self.renew()
        except AwsError as error:
            return (error.message,)

    def _notify_failed(self) -> None:
        body = " ".join(
            (
                *self.failures,
                "Recovery windows can't be closed until that is mended.",
                "Renew the server's AWS credentials, or mend its roles.",
            )
        )
        title = "The server can't use its AWS credentials"
        self._notify(NotificationEvent.AWS_CREDENTIALS_FAILED, Severity.CRITICAL, title, body)

    def _notify_restored(self) -> None:
        body = "Windows whose end is past are closed now; nothing need be done."
        title = "The server can use its AWS credentials again"
        self._notify(NotificationEvent.AWS_CREDENTIALS_RESTORED, Severity.INFO, title, body)

    def _notify(self, event: NotificationEvent, severity: Severity, title: str, body: str) -> None:
        self.notifier.notify(
            Notification(
                event=event,
                severity=severity,
                title=title,
                body=body,
                at=self.clock.now(),
                organization_id=self.organization_id,
                endpoint=self.endpoint,
            )
        )


@dataclass(frozen=True, slots=True)
class ReadinessCheck:
    """One thing that a server needs."""

    name: str
    """One word or two, such as ``database``."""
    is_good: bool
    explanation: str
    """One sentence; holds no secret, since anybody may ask."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """All that a server needs."""

    checks: tuple[ReadinessCheck, ...]

    @property
    def is_ready(self) -> bool:
        return all(check.is_good for check in self.checks)
