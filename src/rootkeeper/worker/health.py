"""Monitors of a server's clock, database, ledger, connections and AWS credentials, and its readiness checks.

While the clock is wrong, no window opens, and open windows close by AWS's time. A server that notices expired
credentials only at the end of a window can't close it, so they are renewed long before, and operators have time to fix
them.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from rootkeeper.aws.organizations import OrganizationReader
from rootkeeper.clock import Clock
from rootkeeper.errors import AwsError, ClockWrongError, DatabaseError
from rootkeeper.ledger.rolling import RoundResult
from rootkeeper.notifications.rules import USUAL_SEVERITIES, Notification, NotificationEvent
from rootkeeper.notifications.service import Notifier
from rootkeeper.windows.checks import require_correct_clock


@dataclass(slots=True)
class _Monitor:
    """Reports its results to people and to the log. Times that a monitor remembers are in monotonic seconds."""

    notifier: Notifier
    clock: Clock
    organization_id: str
    endpoint: str
    warn: Callable[[str], None]

    def _notify(self, event: NotificationEvent, title: str, body: str) -> None:
        self.notifier.notify(
            Notification(
                event=event,
                severity=USUAL_SEVERITIES[event],
                title=title,
                body=body,
                at=self.clock.now(),
                organization_id=self.organization_id,
                endpoint=self.endpoint,
            )
        )


COMPARISON_SECONDS = 60.0

COMPARISON_RETRY_SECONDS = 5.0
"""While AWS can't be reached: its first answer may show that a window is due."""

JUMP = timedelta(seconds=5)
"""How far the clock must jump to be compared at once."""


@dataclass(slots=True)
class ClockMonitor(_Monitor):
    """Compares the clock with AWS's. Remembers the last result, so that a wrong clock is reported once."""

    reader: OrganizationReader
    failure: str | None = None
    """The problem; ``None`` if the last comparison found none."""
    _next_at: float = float("-inf")
    _began_at: datetime | None = None
    """When the monotonic clock was 0, by the wall clock of the last comparison."""

    def tick(self) -> None:
        """Compare if it is time, or if the clock jumped: it was set, or the machine was suspended."""
        began_at = self.clock.now() - timedelta(seconds=self.clock.monotonic())
        has_jumped = self._began_at is not None and abs(began_at - self._began_at) > JUMP
        if has_jumped or self.clock.monotonic() >= self._next_at:
            self._began_at = began_at
            was_compared = self.turn()
            pause = COMPARISON_SECONDS if was_compared else COMPARISON_RETRY_SECONDS
            self._next_at = self.clock.monotonic() + pause

    def turn(self) -> bool:
        """Compare once; ``False`` if AWS can't be reached, so that the last result stays."""
        before = self.failure
        try:
            require_correct_clock(self.reader)
        except ClockWrongError as error:
            self.failure = error.message
            if before is None:
                self.warn(f"ALERT: {error.message}")
                until = "Until then open windows close by AWS's time, and requests to AWS are signed with it."
                body = f"{error.message} {error.hint or ''} {until}"
                self._notify(NotificationEvent.CLOCK_WRONG, "The server's clock is wrong", body)
        except AwsError:
            return False
        else:
            self.failure = None
        return True


TOLERATED_SECONDS = 3.0
"""How long the lease may fail to be renewed unreported: another process may write for some seconds."""

CALM_SECONDS = 10.0
"""How long the database must work before it counts as restored: on a disk that is almost full some writes succeed."""

_PAGES_SECONDS = 10.0
"""The shortest pause between two readings of all pages."""
_PAGES_SHARE = 20
"""The pause is at least so many times as long as the reading before it took."""


@dataclass(slots=True)
class DatabaseMonitor(_Monitor):
    """Notices that the database can't be used, was replaced or is damaged; reports it when it begins and ends."""

    check: Callable[[], None]
    """Looks at the file and the last known entry of the ledger."""
    check_pages: Callable[[], None]
    """Reads the whole file."""
    find_renewal_failure: Callable[[], str | None]
    """Why the lease couldn't be renewed; ``None`` if it could."""
    log_error: Callable[[str], None]
    failure: str | None = None
    """The problem; ``None`` if the database works."""
    _unrenewed_since: float | None = None
    _worked_since: float | None = None
    """While a failure is reported."""
    _pages_at: float = 0.0
    """When the pages are read next."""

    def turn(self) -> None:
        """Check once."""
        now, found = self.clock.monotonic(), self._find_failure()
        if found is not None:
            before, self.failure, self._worked_since = self.failure, found, None
            if before is None:
                self.log_error(found)
                body = (
                    f"{found} The server makes no changes. It closes the recovery windows that it knows and records "
                    "that in spill files. Free some space, or put the right database file in its place and start the "
                    "server again."
                )
                self._notify(NotificationEvent.DATABASE_FAILED, "The server can't use its database", body)
        elif self.failure is not None:
            self._worked_since = now if self._worked_since is None else self._worked_since
            if now - self._worked_since >= CALM_SECONDS:
                self.failure = self._worked_since = None
                self.warn("The database works again.")
                body = "It now records what it closed meanwhile. You don't need to do anything."
                self._notify(NotificationEvent.DATABASE_RESTORED, "The server can use its database again", body)

    def turn_pages(self) -> None:
        """Read all pages, if it is time; ``turn`` reports the result."""
        began = self.clock.monotonic()
        if began < self._pages_at:
            return
        with suppress(DatabaseError):
            self.check_pages()
        ended = self.clock.monotonic()
        self._pages_at = ended + max(_PAGES_SECONDS, _PAGES_SHARE * (ended - began))

    def _find_failure(self) -> str | None:
        now, unrenewed = self.clock.monotonic(), self.find_renewal_failure()
        if unrenewed is None:
            self._unrenewed_since = None
        elif self._unrenewed_since is None:
            self._unrenewed_since = now
        try:
            self.check()
        except DatabaseError as error:
            return error.message
        is_lasting = self._unrenewed_since is not None and now - self._unrenewed_since >= TOLERATED_SECONDS
        return unrenewed if is_lasting else None


RENEWAL_SECONDS = 300.0

RETRY_SECONDS = 15.0
"""The interval while the credentials can't be obtained."""


@dataclass(slots=True)
class CredentialsRenewer(_Monitor):
    """Renews the credentials. Remembers the last result, so that a change is reported once."""

    renew: Callable[[], tuple[str, ...]]
    """Tries the starting credentials and each role; a sentence for each failure."""
    failures: tuple[str, ...] = ()
    """Of the last try; empty if it succeeded."""
    was_tried: bool = False
    _next_at: float = 0.0
    _is_hurried: bool = False

    def retry_soon(self) -> None:
        """Try at the next tick, because a call may have failed for lack of credentials. Thread-safe."""
        self._is_hurried = True

    def tick(self) -> bool:
        """Try if it is time; return whether it was."""
        is_time = self.clock.monotonic() >= self._next_at
        if self.was_tried and not is_time and (self.failures or not self._is_hurried):
            return False
        self._is_hurried = False
        self.turn()
        self._next_at = self.clock.monotonic() + (RETRY_SECONDS if self.failures else RENEWAL_SECONDS)
        return True

    def turn(self) -> None:
        """Try once; report a failure when it begins and when it ends."""
        before = self.failures
        try:
            self.failures = self.renew()
        except AwsError as error:
            self.failures = (error.message,)
        self.was_tried = True
        for failure in self.failures:
            self.warn(failure)
        if self.failures and not before:
            body = (
                f"{' '.join(self.failures)} The server can't close recovery windows until this is fixed. "
                "Renew the server's AWS credentials, or correct its roles."
            )
            title = "The server can't use its AWS credentials"
            self._notify(NotificationEvent.AWS_CREDENTIALS_FAILED, title, body)
        elif before and not self.failures:
            body = "It now closes the windows whose end has passed. You don't need to do anything."
            title = "The server can use its AWS credentials again"
            self._notify(NotificationEvent.AWS_CREDENTIALS_RESTORED, title, body)


VERIFICATION_SECONDS = 30.0
"""From the end of a round over the ledger to the start of the next."""


@dataclass(frozen=True, slots=True)
class LedgerState:
    """What the last rounds over the ledger found."""

    is_intact: bool | None
    """``None`` before the first round has ended."""
    verified_sequence: int | None
    """The last entry of the last round without a problem; ``None`` before the first such round."""
    verified_at: datetime | None
    """When that round ended."""


@dataclass(slots=True)
class LedgerMonitor(_Monitor):
    """Verifies the ledger round after round, some entries in each turn. Reports a failure when it begins and ends."""

    step: Callable[[], RoundResult | None]
    """Verifies a part of the ledger; returns the result of a round at its end."""
    failure: str | None = None
    """The problem that the last round found; ``None`` if it found none."""
    verified_sequence: int | None = None
    """The last entry of the last round without a problem; ``None`` before the first such round."""
    verified_at: datetime | None = None
    """When that round ended."""
    _next_at: float = 0.0

    def turn(self) -> None:
        """Verify the next part, unless a round ended a short time ago."""
        if self.clock.monotonic() < self._next_at:
            return
        found = self.step()
        if found is None:
            return
        self._next_at = self.clock.monotonic() + VERIFICATION_SECONDS
        before, self.failure = self.failure, found.problem
        if found.problem is None:
            self.verified_sequence, self.verified_at = found.head.sequence, self.clock.now()
            if before is not None:
                self.warn("The ledger is intact again.")
            return
        if found.problem != before:
            self.warn(f"ALERT: The ledger failed its verification. {found.problem}")
        if before is None:
            body = (
                f"{found.problem} The audit trail can't be trusted until this is explained. Keep the database and the "
                "copies of the ledger as they are, and verify the ledger on the server's machine."
            )
            self._notify(NotificationEvent.LEDGER_BROKEN, "The ledger failed its verification", body)


class ConnectionLimit(StrEnum):
    """Why a server ended or refused a connection."""

    IN_ALL = "too many connections"
    OF_ADDRESS = "too many connections of one address"
    OF_IDENTITY = "too many connections of one user or token"
    HEADER_SIZE = "a header that is too large"
    OPEN_FILES = "no file descriptor left"


CONNECTIONS_LOGGED_SECONDS = 60.0
CONNECTIONS_NOTIFIED_SECONDS = 3600.0


@dataclass(slots=True)
class ConnectionMonitor(_Monitor):
    """Counts connections that a limit ended or refused. Reports them at once, then once a minute in the log, and once
    an hour to people: someone may be attacking the server, or its limits may be too low.
    """

    _counts: Counter[ConnectionLimit] = field(default_factory=Counter)
    _addresses: dict[ConnectionLimit, str] = field(default_factory=dict)
    """The newest of each."""
    _logged_at: float = float("-inf")
    _notified_at: float = float("-inf")
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def note(self, limit: ConnectionLimit, address: str) -> None:
        """Count a connection; the address is empty if it isn't known. Thread-safe, and never waits."""
        with self._guard:
            self._counts[limit] += 1
            self._addresses[limit] = address

    def turn(self) -> None:
        """Report the connections counted since the last report, if it is time."""
        now = self.clock.monotonic()
        if now - self._logged_at < CONNECTIONS_LOGGED_SECONDS:
            return
        with self._guard:
            counts, addresses = self._counts, self._addresses
            self._counts, self._addresses = Counter(), {}
        if not counts:
            return
        self._logged_at = now
        reasons = "; ".join(
            f"{limit.value}: {count}" + (f", the last from {addresses[limit]}" if addresses[limit] else "")
            for limit, count in counts.items()
        )
        text = f"The server ended or refused connections. {reasons}."
        self.warn(text)
        if now - self._notified_at >= CONNECTIONS_NOTIFIED_SECONDS:
            self._notified_at = now
            is_starved = ConnectionLimit.OPEN_FILES in counts
            closing = "may close late, because closing needs files too" if is_starved else "close as planned"
            body = (
                f"{text} Recovery windows {closing}. If this is an attack, block the address. If the address is "
                "your proxy's, add it to server.trusted_proxies. If your users need more, raise server.connections."
            )
            self._notify(NotificationEvent.CONNECTIONS_LIMITED, "The server limits connections", body)


@dataclass(frozen=True, slots=True)
class ReadinessCheck:
    """A thing that a server needs."""

    # One or two words, such as ``database``.
    name: str
    is_good: bool
    explanation: str
    """Empty for requests from another machine."""


WARNINGS = frozenset({"clock"})
"""Checks that only warn: a server on a wrong clock closes windows on time, so it stays in service."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """The checks of all that a server needs."""

    checks: tuple[ReadinessCheck, ...]

    @property
    def is_ready(self) -> bool:
        return all(check.is_good or check.name in WARNINGS for check in self.checks)
