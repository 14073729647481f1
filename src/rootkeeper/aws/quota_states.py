"""A token bucket as data, and the rules by which its pace follows the rate that AWS really accepts.

A bucket begins at a part of its rate. Each quiet second makes it faster, slowly at first and then by leaps, up to the
rate that the setting allows. After a throttle the pace falls to the rate that AWS accepted just before, so it is near
the true rate after a few throttles, stays there a while, and tries more again. Nothing here reads a clock.

Source: Organizations User Guide, "Quotas and service limits"; Ha, Rhee and Xu, "CUBIC: A New TCP-Friendly High-Speed
TCP Variant", 2008 (hold near the last limit, then probe ever faster); Chiu and Jain, "Analysis of the Increase and
Decrease Algorithms for Congestion Avoidance", 1989 (why the slower of two bucket owners must grow faster).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

FIRST_PART = 0.8
"""The part of the rate with which a bucket begins."""
MOST_LOWERED = 0.25
"""A throttle lowers the pace to this part at most."""
LEAST_LOWERED = 0.95
"""A throttle lowers the pace to this part at least."""
SLOWEST_PER_SECOND = 0.5
"""The slowest pace, however often AWS throttles; a quarter of the rate where that is less."""
ONE_THROTTLE_SECONDS = 0.5
"""Throttles within this time count as one: they answer calls that were sent before the pace was lowered."""
LATE_SECONDS = 0.1
"""The first request has a new connection, so it may arrive this much later than those that follow. AWS counts when
requests arrive, we when they are sent.
"""
_SHORTEST_DOUBLING_SECONDS = 3.0
_LONGEST_DOUBLING_SECONDS = 6.0
"""Quiet seconds until the pace is twice the pace after the last throttle: for a pace far below the rate, and for the
rate itself. The difference lets two processes that share a quota converge to equal parts of it.
"""
_ACCEPTED_SECONDS = 1.0
_ACCEPTED_CALLS = 3
"""Over how long accepted calls are averaged: at least so many seconds, and at least the time of so many calls."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A published rate."""

    per_second: float
    burst: int

    def share(self, part: float) -> Rate:
        """Return a part of the rate, above 0 and up to 1. The burst leaves room for ``LATE_SECONDS``."""
        room = math.ceil(self.per_second * LATE_SECONDS)
        return Rate(self.per_second * part, max(1, min(int(self.burst * part), self.burst - room)))


@dataclass(frozen=True, slots=True)
class QuotaState:
    """A bucket at a moment. All times are seconds of the same clock, which may jump."""

    tokens: float
    debt_seconds: float
    """In how many seconds after ``counted_at`` the last token is due that was drawn ahead."""
    counted_at: float
    per_second: float
    """The pace just after the last throttle; it grows with time."""
    throttled_at: float
    """When the last throttle was."""
    accepted_per_second: float = 0.0
    """How many calls AWS accepted lately."""
    accepted_at: float = 0.0
    """When that was computed."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Tokens taken from a bucket, and when each becomes due."""

    count: int
    tokens: float
    """The tokens in the bucket before the draw."""
    debt_seconds: float
    """When the last token is due that was drawn ahead before this draw."""
    per_second: float

    def wait_seconds(self, number: int) -> float:
        """Return how long after the draw its token ``number`` (from 1) becomes due."""
        return 0.0 if number <= self.tokens else self.debt_seconds + (number - self.tokens) / self.per_second


def fill(rate: Rate, now: float) -> QuotaState:
    """Make a full bucket. A throttle counts at once."""
    return QuotaState(float(rate.burst), 0.0, now, rate.per_second * FIRST_PART, now - ONE_THROTTLE_SECONDS, 0.0, now)


def draw(state: QuotaState, rate: Rate, count: int, now: float) -> tuple[QuotaState, Draw]:
    """Take ``count`` tokens. A clock that jumps back adds no tokens; a jump ahead adds at most a burst."""
    per_second = find_pace(state, rate, now)
    burst = max(1.0, rate.burst * min(1.0, per_second / (rate.per_second * FIRST_PART)))
    elapsed = max(0.0, now - state.counted_at)
    tokens = min(burst, state.tokens + max(0.0, elapsed - state.debt_seconds) * per_second)
    drawn = Draw(count, tokens, max(0.0, state.debt_seconds - elapsed), per_second)
    return replace(
        state,
        tokens=max(0.0, tokens - count),
        debt_seconds=drawn.wait_seconds(count) if count > tokens else drawn.debt_seconds,
        counted_at=now,
        throttled_at=min(state.throttled_at, now),
    ), drawn


def count_accepted(state: QuotaState, calls: int, now: float) -> QuotaState:
    """Note calls that AWS didn't throttle."""
    over = max(_ACCEPTED_SECONDS, _ACCEPTED_CALLS / state.per_second)
    kept = math.exp(-max(0.0, now - state.accepted_at) / over)
    return replace(state, accepted_per_second=state.accepted_per_second * kept + calls / over, accepted_at=now)


def slow_down(state: QuotaState, rate: Rate, now: float) -> QuotaState:
    """Lower the pace after a throttle to the pace that AWS accepted lately, and empty the bucket."""
    if 0 <= now - state.throttled_at < ONE_THROTTLE_SECONDS:
        return state
    pace, accepted = find_pace(state, rate, now), count_accepted(state, 0, now)
    lowered = min(pace * LEAST_LOWERED, max(pace * MOST_LOWERED, accepted.accepted_per_second))
    slowest = min(SLOWEST_PER_SECOND, rate.per_second / 4)
    return replace(
        accepted, tokens=0.0, debt_seconds=0.0, counted_at=now, per_second=max(slowest, lowered), throttled_at=now
    )


def find_pace(state: QuotaState, rate: Rate, now: float) -> float:
    """Return the pace now: calls a second."""
    part = min(1.0, state.per_second / rate.per_second)
    doubling = _SHORTEST_DOUBLING_SECONDS + (_LONGEST_DOUBLING_SECONDS - _SHORTEST_DOUBLING_SECONDS) * part
    doublings = (max(0.0, now - state.throttled_at) / doubling) ** 2
    # Compared as exponents, because a long quiet time has more doublings than a float can hold.
    return rate.per_second if doublings >= -math.log2(part) else state.per_second * 2**doublings
