"""Token buckets that adapt: how fast one may call an API, and how fast after AWS said "too fast".

A bucket holds ``burst`` tokens at most and gains ``per_second`` each second. Tokens are drawn ahead: a draw may leave a
debt, which tells when each of its tokens becomes due. A throttle halves the pace and empties the bucket; quiet raises
the pace again, up to what was published.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

SLOWEST_PACE = 1 / 64
"""However often AWS throttles, so much of the rate stays."""
QUIET_SECONDS = 5.0
"""After so long without a throttle the pace rises by a quarter."""
ONE_THROTTLE_SECONDS = 1.0
"""Throttles within so long count as one: they answer calls that left before the pace was halved."""
_RISE = 1.25


@dataclass(frozen=True, slots=True)
class Rate:
    """A published rate."""

    per_second: float
    burst: int

    def share(self, part: float) -> Rate:
        """A part of it, above 0 and up to 1; the burst keeps one token at least."""
        return Rate(self.per_second * part, max(1, int(self.burst * part)))


@dataclass(frozen=True, slots=True)
class QuotaState:
    """One bucket at one moment. Times are seconds of one clock, which may jump."""

    tokens: float
    """Below 0: a debt, drawn ahead."""
    counted_at: float
    pace: float = 1.0
    """The part of the rate that is used, from ``SLOWEST_PACE`` to 1."""
    paced_at: float = 0.0
    """When the pace last changed."""


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
    return QuotaState(tokens=float(rate.burst), counted_at=now, paced_at=now)


def draw(state: QuotaState, rate: Rate, count: int, now: float) -> tuple[QuotaState, Draw]:
    """Take ``count`` tokens. A clock that ran back gains nothing, one that leapt ahead a burst at most."""
    pace, paced_at = _raise_pace(state, now)
    per_second = rate.per_second * pace
    elapsed = max(0.0, now - state.counted_at)
    tokens = min(float(rate.burst), state.tokens + elapsed * per_second)
    return QuotaState(tokens - count, now, pace, paced_at), Draw(count, tokens, per_second)


def slow_down(state: QuotaState, now: float) -> QuotaState:
    """The bucket after a throttle."""
    elapsed = now - state.paced_at
    if 0 <= elapsed < ONE_THROTTLE_SECONDS and state.pace < 1:
        return state
    return replace(
        state, tokens=min(state.tokens, 0.0), pace=max(SLOWEST_PACE, state.pace / 2), paced_at=now, counted_at=now
    )


def _raise_pace(state: QuotaState, now: float) -> tuple[float, float]:
    if state.pace >= 1:
        return 1.0, state.paced_at
    steps = int(max(0.0, now - state.paced_at) / QUIET_SECONDS)
    if steps == 0:
        return state.pace, min(state.paced_at, now)
    return min(1.0, state.pace * _RISE**steps), now
