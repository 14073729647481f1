"""AWS's time, learned from the dates of its answers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rootkeeper.aws.times import LatestClock
from tests.fakes.clock import START, FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_before_the_first_answer_it_is_the_machines_time(clock: FakeClock) -> None:
    assert LatestClock(clock).now() == START


@pytest.mark.parametrize("days", [-3650, -365, -1, 1, 365])
def test_p11_a_wrong_clock_is_corrected_and_its_jumps_move_nothing(clock: FakeClock, days: int) -> None:
    latest = LatestClock(clock)
    clock.jump(days * 86400)
    latest.learn(START, clock.monotonic())
    assert abs(latest.now() - START) <= timedelta(seconds=1)
    right = latest.now()
    clock.advance(30)
    assert latest.now() == right + timedelta(seconds=30)
    for jump in (-86400, 3 * 86400):
        clock.jump(jump)
        assert latest.now() == right + timedelta(seconds=30)


def test_a_clock_within_the_bounds_of_an_answer_stays(clock: FakeClock) -> None:
    latest = LatestClock(clock)
    sent = clock.monotonic()
    clock.advance(20)
    latest.learn(START + timedelta(seconds=3), sent)
    assert latest.now() == START + timedelta(seconds=20), "the answer took long, so its date is old"


def test_a_late_answer_moves_the_time_no_further_than_it_proves(clock: FakeClock) -> None:
    latest = LatestClock(clock)
    latest.learn(START, clock.monotonic())
    sent = clock.monotonic()
    clock.advance(10)
    latest.learn(START, sent)
    assert latest.now() == START + timedelta(seconds=10)


def test_the_last_answer_counts_so_that_one_wrong_date_does_no_lasting_harm(clock: FakeClock) -> None:
    latest = LatestClock(clock)
    latest.learn(START + timedelta(days=365), clock.monotonic())
    latest.learn(START, clock.monotonic())
    assert abs(latest.now() - START) <= timedelta(seconds=1)
