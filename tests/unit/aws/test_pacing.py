from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.aws.pacing import ORGANIZATIONS_RATES, STS_RATE, Pacer, Rate, TokenBucket
from tests.fakes.clock import FakeClock


def test_a_burst_passes_at_once_and_the_rest_at_the_rate() -> None:
    clock = FakeClock()
    bucket = TokenBucket(Rate(per_second=8, burst=12), clock)
    started = clock.monotonic()
    for _ in range(12):
        bucket.take()
    assert clock.slept == []
    for _ in range(16):
        bucket.take()
    assert clock.monotonic() - started == pytest.approx(16 / 8)


def test_idle_time_fills_the_bucket_no_further_than_its_burst() -> None:
    clock = FakeClock()
    bucket = TokenBucket(Rate(per_second=2, burst=3), clock)
    clock.advance(3600)
    for _ in range(3):
        bucket.take()
    assert clock.slept == []
    bucket.take()
    assert clock.slept == [pytest.approx(0.5)]


@given(
    pauses=st.lists(st.floats(min_value=0, max_value=5), min_size=1, max_size=60),
    per_second=st.floats(min_value=0.1, max_value=100),
    burst=st.integers(min_value=1, max_value=20),
)
def test_no_window_of_time_ever_holds_more_than_burst_and_rate_allow(
    pauses: list[float], per_second: float, burst: int
) -> None:
    clock = FakeClock()
    bucket = TokenBucket(Rate(per_second, burst), clock)
    passed: list[float] = []
    for pause in pauses:
        clock.advance(pause)
        bucket.take()
        passed.append(clock.monotonic())
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            allowed = burst + per_second * (passed[last] - passed[first])
            assert last - first + 1 <= math.floor(allowed + 1e-6) + 1e-6


def test_many_threads_share_one_bucket() -> None:
    clock = FakeClock()
    bucket = TokenBucket(Rate(per_second=10, burst=5), clock)
    started = clock.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: bucket.take(), range(105)))
    assert sum(clock.slept) >= 100 / 10
    assert clock.monotonic() > started


def test_only_the_share_allowed_of_a_published_rate_is_used() -> None:
    clock = FakeClock()
    pacer = Pacer(clock, api_share=0.8)
    started = clock.monotonic()
    for _ in range(12 + 64):
        pacer.take("organizations", "ListAccounts")
    assert clock.monotonic() - started == pytest.approx(64 / (8 * 0.8))


def test_all_sts_operations_share_one_quota() -> None:
    clock = FakeClock()
    pacer = Pacer(clock, api_share=1)
    for number in range(STS_RATE.burst):
        pacer.take("sts", "AssumeRoot" if number % 2 else "GetCallerIdentity")
    assert clock.slept == []
    pacer.take("sts", "GetCallerIdentity")
    assert clock.slept == [pytest.approx(1 / STS_RATE.per_second)]


def test_apis_of_organizations_have_quotas_of_their_own() -> None:
    clock = FakeClock()
    pacer = Pacer(clock, api_share=1)
    for operation, rate in ORGANIZATIONS_RATES.items():
        for _ in range(rate.burst):
            pacer.take("organizations", operation)
    assert clock.slept == []


def test_what_has_no_published_rate_is_not_paced() -> None:
    clock = FakeClock()
    pacer = Pacer(clock, api_share=0.01)
    for _ in range(10_000):
        pacer.take("iam", "GetAccountSummary")
    assert clock.slept == []
