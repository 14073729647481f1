"""Token buckets that adapt: how fast one may call an API, and how fast after AWS said "too fast".

A bucket holds ``burst`` tokens at most and gains ``per_second`` each second. Tokens are drawn ahead: a draw may leave a
debt, which tells when each of its tokens becomes due. A throttle halves the pace and empties the bucket; each quiet
second raises it by the same amount, up to what was published. So several who share a quota come to equal parts of it.

Source: Chiu and Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance", 1989.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SLOWEST_PACE = 1 / 64
"""However often AWS throttles, so much of the rate stays."""
QUIET_SECONDS = 1.0
"""After so long without a throttle the pace rises by ``_RISE``."""
ONE_THROTTLE_SECONDS = 0.5
"""Throttles within so long count as one: they answer calls that left before the pace was halved."""
LATE_SECONDS = 0.1
"""By so much the first request, whose connection is new, may be slower than those that follow. AWS counts from its
arrival, we from its departure.
"""
_RISE = 0.1


@dataclass(frozen=True, slots=True)
class Rate:
    """A published rate."""

    per_second: float
    burst: int

    def share(self, part: float) -> Rate:
        """A part of it, above 0 and up to 1; the burst leaves room for ``LATE_SECONDS`` and keeps a token at least."""
        room = math.ceil(self.per_second * LATE_SECONDS)
        return Rate(self.per_second * part, max(1, min(int(self.burst * part), self.burst - room)))


@dataclass(frozen=True, slots=True)
class QuotaState:
    """One bucket at one moment. Times are seconds of one clock, which may jump."""

    tokens: float
    """Below 0: a debt, drawn ahead."""
    counted_at: float
    pace: float = 1.0
    """The part of the rate that was left after the last throttle, from ``SLOWEST_PACE`` to 1; it has risen since."""
    throttled_at: float = 0.0
    """When that was."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Tokens taken from a bucket, and when each becomes due."""

    count: int
    tokens: float
    """What was in the bucket before."""
    per_second: float

    def wait_seconds(self, number: int) -> float:
        """How long after the draw its token ``number`` (from 1) becomes due."""
        return max(0.0, (number - self.tokens) / self.per_second)


def fill(rate: Rate, now: float) -> QuotaState:
    """A bucket that nobody has drawn from yet."""
    return QuotaState(tokens=float(rate.burst), counted_at=now, throttled_at=now)


def draw(state: QuotaState, rate: Rate, count: int, now: float) -> tuple[QuotaState, Draw]:
    """Take ``count`` tokens. A clock that ran back gains nothing, one that leapt ahead a burst at most."""
    throttled_at = min(state.throttled_at, now)
    per_second = rate.per_second * _current_pace(state, now)
    elapsed = max(0.0, now - state.counted_at)
    tokens = min(float(rate.burst), state.tokens + elapsed * per_second)
    return QuotaState(tokens - count, now, state.pace, throttled_at), Draw(count, tokens, per_second)


def slow_down(state: QuotaState, now: float) -> QuotaState:
    """The bucket after a throttle."""
    if state.pace < 1 and 0 <= now - state.throttled_at < ONE_THROTTLE_SECONDS:
        return state
    pace = max(SLOWEST_PACE, _current_pace(state, now) / 2)
    return QuotaState(min(state.tokens, 0.0), counted_at=now, pace=pace, throttled_at=now)


def _current_pace(state: QuotaState, now: float) -> float:
    quiet_seconds = int(max(0.0, now - state.throttled_at) / QUIET_SECONDS)
    return min(1.0, state.pace + _RISE * quiet_seconds)
