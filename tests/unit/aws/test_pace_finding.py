"""The pace against a throttle whose true rate no one knows, on a clock of the test: hours pass in milliseconds."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random

import pytest

from rootkeeper.aws.pacing import ORGANIZATIONS_RATES, STS_RATE, LocalQuotaStore, QuotaBucket
from rootkeeper.aws.quota_states import Rate
from rootkeeper.settings.sections import AwsSettings
from tests.fakes.clock import FakeClock

LATENCY_SECONDS = 0.08


@dataclass(frozen=True)
class TrueRate:
    """What AWS really allows from some moment on."""

    per_second: float
    burst: float
    since: float = 0.0


@dataclass
class Throttle:
    """A token bucket as the sandbox has it: a refused call isn't counted."""

    rates: tuple[TrueRate, ...]
    tokens: float = field(init=False)
    filled_at: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = self.rates[0].burst

    def accepts(self, now: float) -> bool:
        rate = [one for one in self.rates if one.since <= now][-1]
        self.tokens = min(rate.burst, self.tokens + (now - self.filled_at) * rate.per_second)
        self.filled_at = now
        is_accepted = self.tokens >= 1
        self.tokens -= is_accepted
        return is_accepted

    def least_seconds(self, calls: int) -> float:
        """How long ``calls`` take a client that always calls just in time."""
        left = calls - self.rates[0].burst
        for rate, following in zip(self.rates, (*self.rates[1:], None), strict=True):
            ends = float("inf") if following is None else following.since
            allowed = rate.per_second * (ends - rate.since)
            if left <= allowed:
                return rate.since + left / rate.per_second
            left -= allowed
        raise AssertionError("the last rate has no end")


@dataclass
class Race:
    """Many callers on one bucket, until ``calls`` were accepted."""

    throttle: Throttle
    calls: int
    rate: Rate
    slots: int = 128
    throttles: int = 0
    _clock: FakeClock = field(default_factory=FakeClock)
    _events: list[tuple[float, int, Callable[[float], None]]] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=count)
    _random: Random = field(default_factory=lambda: Random(1))  # noqa: S311 - repeatable by intent
    _waiting: int = 0
    _busy: int = 0
    _accepted: int = 0
    _has_turn: bool = False

    def run(self) -> float:
        """Return the seconds that it took."""
        self.bucket = QuotaBucket("sts:*", self.rate, self._clock, LocalQuotaStore(self._clock))
        self._waiting, started, now = self.calls, self._clock.monotonic(), 0.0
        self._take_turn(now)
        while self._accepted < self.calls:
            at, _, happen = heapq.heappop(self._events)
            now = max(now, at)
            self._clock.advance(started + now - self._clock.monotonic())
            happen(now)
        return now

    def _later(self, at: float, happen: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (at, next(self._numbers), happen))

    def _take_turn(self, now: float) -> None:
        """One caller at a time waits for its token."""
        if self._has_turn or not self._waiting or self._busy >= self.slots:
            return
        self._has_turn, self._waiting, self._busy = True, self._waiting - 1, self._busy + 1
        wait = self.bucket.find_drawn()
        assert wait is not None
        self._later(now + wait, self._send)

    def _send(self, now: float) -> None:
        self._has_turn = False
        self._later(now + LATENCY_SECONDS * self._random.uniform(0.4, 0.6), self._arrive)
        self._take_turn(now)

    def _arrive(self, now: float) -> None:
        answered = self._accept if self.throttle.accepts(now) else self._refuse
        self._later(now + LATENCY_SECONDS / 2, answered)

    def _accept(self, now: float) -> None:
        self.bucket.accept()
        self._accepted += 1
        self._busy -= 1
        self._take_turn(now)

    def _refuse(self, now: float) -> None:
        self.bucket.slow_down()
        self.throttles += 1
        self._busy -= 1
        self._later(now + 0.2 * self._random.random(), self._come_back)
        self._take_turn(now)

    def _come_back(self, now: float) -> None:
        self._waiting += 1
        self._take_turn(now)


UNLIMITED = Rate(2400, 2400)
"""What a setting allows that is far over AWS's published rate, as for a sandbox."""


@pytest.mark.parametrize(
    ("rates", "calls", "allowed"),
    [
        pytest.param((TrueRate(10, 20),), 300, STS_RATE, id="10/s, 300 accounts"),
        pytest.param((TrueRate(10, 20),), 1000, STS_RATE, id="10/s, 1,000 accounts"),
        pytest.param((TrueRate(2, 2),), 200, STS_RATE, id="2/s"),
        pytest.param((TrueRate(2, 40),), 200, STS_RATE, id="2/s after a burst"),
        pytest.param((TrueRate(50, 50),), 2000, STS_RATE, id="50/s"),
        pytest.param((TrueRate(200, 20),), 6000, STS_RATE, id="200/s with a small burst"),
        pytest.param((TrueRate(600, 600),), 5_000, STS_RATE, id="as published"),
        pytest.param((TrueRate(2000, 2000),), 10_000, UNLIMITED, id="2,000/s"),
        pytest.param((TrueRate(4, 6),), 400, Rate(8, 11), id="half of ListAccounts"),
        pytest.param(
            (TrueRate(100, 100), TrueRate(10, 10, since=10), TrueRate(100, 100, since=40)),
            3000,
            STS_RATE,
            id="100/s, 10/s, 100/s",
        ),
        pytest.param((TrueRate(2, 2), TrueRate(200, 200, since=30)), 3000, STS_RATE, id="2/s, 200/s"),
        pytest.param((TrueRate(200, 200), TrueRate(2, 2, since=5)), 1300, STS_RATE, id="200/s, 2/s"),
        pytest.param((TrueRate(2, 2), TrueRate(2000, 2000, since=40)), 10_000, UNLIMITED, id="2/s, 2,000/s"),
        pytest.param((TrueRate(2000, 2000), TrueRate(10, 10, since=2)), 7_000, UNLIMITED, id="2,000/s, 10/s"),
    ],
)
def test_p15_three_quarters_of_the_true_rate_are_reached(
    rates: tuple[TrueRate, ...], calls: int, allowed: Rate
) -> None:
    throttle = Throttle(rates)
    race = Race(throttle, calls, allowed, slots=1024 if allowed is UNLIMITED else 128)
    took = race.run()
    assert throttle.least_seconds(calls) / took >= 0.75
    assert race.throttles < race.slots + allowed.per_second + calls / 4


def test_p15_a_true_rate_above_the_published_one_costs_no_throttle_and_no_time() -> None:
    race = Race(Throttle((TrueRate(2000, 2000),)), 6000, STS_RATE)
    assert race.run() <= 1.1 * (6000 - STS_RATE.burst) / STS_RATE.per_second
    assert race.throttles == 0


def test_p15_the_default_lists_10_000_accounts_within_a_tenth_of_what_list_accounts_alone_takes() -> None:
    published = ORGANIZATIONS_RATES["ListAccounts"]
    throttle = Throttle((TrueRate(published.per_second, published.burst),))
    race = Race(throttle, 500, published.share(AwsSettings().api_share / 100), slots=1)
    assert race.run() <= 1.1 * throttle.least_seconds(500)
    assert race.throttles == 0
