from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from rootkeeper.aws.pacing import LocalQuotaStore, QuotaBucket
from rootkeeper.aws.quota_states import FIRST_PART, MOST_LOWERED, Draw, Rate
from rootkeeper.errors import DatabaseError
from tests.fakes.clock import FakeClock

RATE = Rate(per_second=40, burst=5)
FIRST_PACE = 40 * FIRST_PART


class SharedQuotas(LocalQuotaStore):
    """A store whose draws cost something."""

    drawn_ahead_seconds = 0.25

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.counts: list[int] = []

    def draw(self, quota: str, rate: Rate, count: int, accepted: int) -> Draw:
        self.counts.append(count)
        return super().draw(quota, rate, count, accepted)


class BrokenQuotas(SharedQuotas):
    def draw(self, quota: str, rate: Rate, count: int, accepted: int) -> Draw:
        raise DatabaseError("read-only")

    def slow_down(self, quota: str, rate: Rate, accepted: int) -> None:
        raise DatabaseError("read-only")


def bucket_of(clock: FakeClock, store: LocalQuotaStore) -> QuotaBucket:
    return QuotaBucket("sts:*", RATE, clock, store)


def test_many_threads_share_one_bucket() -> None:
    clock = FakeClock()
    bucket = bucket_of(clock, LocalQuotaStore(clock))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: bucket.take(), range(105)))
    assert sum(clock.slept) >= 100 / 40


def test_a_shared_bucket_is_drawn_on_for_a_quarter_of_a_second() -> None:
    clock = FakeClock()
    store = SharedQuotas(clock)
    bucket = bucket_of(clock, store)
    for _ in range(34):
        bucket.take()
    assert store.counts == [10, 8, 8, 8]
    assert clock.monotonic() == pytest.approx(FakeClock().monotonic() + 29 / FIRST_PACE, rel=0.001)


def test_what_was_drawn_ahead_and_not_used_adds_nothing_to_the_burst() -> None:
    clock = FakeClock()
    bucket = bucket_of(clock, SharedQuotas(clock))
    bucket.take()
    clock.advance(60)
    started = clock.monotonic()
    taken = 0
    while clock.monotonic() == started:
        bucket.take()
        taken += 1
    assert taken == RATE.burst + 1  # the last had to wait


def test_two_processes_on_a_shared_store_are_as_fast_as_one() -> None:
    clock = FakeClock()
    store = SharedQuotas(clock)
    buckets = [bucket_of(clock, store) for _ in range(2)]
    started = clock.monotonic()
    for number in range(60):
        buckets[number % 2].take()
    assert clock.monotonic() - started >= 55 / 40


def test_what_is_not_drawn_yet_is_not_found_where_a_draw_costs_something() -> None:
    clock = FakeClock()
    bucket = bucket_of(clock, SharedQuotas(clock))
    assert bucket.find_drawn() is None
    bucket.draw_ahead()
    assert bucket.find_drawn() == 0


def test_what_is_due_later_is_found_with_its_wait() -> None:
    clock = FakeClock()
    bucket = bucket_of(clock, LocalQuotaStore(clock))
    waits = [bucket.find_drawn() for _ in range(7)]
    assert waits == [0] * 5 + [pytest.approx(number / FIRST_PACE, rel=0.02) for number in (1, 2)]
    assert clock.slept == []


def test_a_throttle_forgets_what_was_drawn_ahead() -> None:
    clock = FakeClock()
    bucket = bucket_of(clock, SharedQuotas(clock))
    bucket.take()
    bucket.slow_down()
    bucket.take()
    assert clock.slept[-1] >= 1 / 20


def test_a_store_that_cannot_be_written_is_left_for_an_own_bucket_at_the_same_pace() -> None:
    clock = FakeClock()
    for bucket in (bucket_of(clock, BrokenQuotas(clock)), bucket_of(clock, BrokenQuotas(clock))):
        started = clock.monotonic()
        for _ in range(15):
            bucket.take()
        assert clock.monotonic() - started == pytest.approx(10 / FIRST_PACE, rel=0.02)
    bucket = bucket_of(clock, BrokenQuotas(clock))
    bucket.slow_down()
    bucket.take()
    assert clock.slept[-1] == pytest.approx(1 / (FIRST_PACE * MOST_LOWERED), rel=0.02)
