"""AWS's time, as the Date header of each answer shows it.

A machine's clock may be set back, and a server that starts then would wait for the end of a window that is over. So
windows are due by the later of the machine's time and AWS's.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from rootkeeper.clock import Clock

_RESOLUTION = timedelta(seconds=1)
"""A Date header has no fractions of a second. Source: RFC 9110, section 5.6.7."""


def parse_date(header: str | None) -> datetime | None:
    """Parse a Date header as UTC; ``None`` if it isn't a date."""
    try:
        moment = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def measure_offset(dated_at: datetime, began_at: datetime, took: timedelta) -> timedelta:
    """Measure how far the clock of ``began_at`` is at least ahead of the clock that dated the answer.

    The answer was dated at some time during the call, so a difference within the call's duration isn't an offset.

    :param took: the call's duration, by a monotonic clock.
    """
    if dated_at + _RESOLUTION < began_at:
        return began_at - dated_at - _RESOLUTION
    if dated_at > began_at + took:
        return began_at + took - dated_at
    return timedelta()


SIGNATURE_SKEW = timedelta(minutes=5)
"""AWS refuses signatures of a clock that differs by more. Source: AWS General Reference, Signature Version 4."""


class LatestClock:
    """Implements ``Clock``: the machine's time, or AWS's if that is later; safe in many threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._learned: tuple[datetime, float] | None = None
        """The last answer's date, and when it came, in monotonic seconds."""

    def now(self) -> datetime:
        machine, learned = self._clock.now(), self._learned
        if learned is None:
            return machine
        dated_at, came = learned
        return max(machine, dated_at + timedelta(seconds=self._clock.monotonic() - came))

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    def learn(self, *, http_response: Any, **_: object) -> None:
        """Learn from an answer, also from a refusal; a handler of botocore's event ``after-call``.

        An answer is dated when it leaves AWS, so AWS's time is never earlier than the time learned here.
        """
        dated_at = parse_date(http_response.headers.get("date"))
        if dated_at is not None:
            self._learned = dated_at, self._clock.monotonic()
