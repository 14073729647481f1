from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.aws.pacing import SLOWEST_PACE, Rate, draw, fill, slow_down

LISTING = Rate(per_second=8, burst=12)


def test_a_burst_is_due_at_once_and_the_rest_at_the_rate() -> None:
    _, drawn = draw(fill(LISTING, 0), LISTING, 16, now=0)
    waits = [drawn.wait_seconds(number) for number in range(1, 17)]
    assert waits[:12] == [0] * 12
    assert waits[12:] == [pytest.approx(number / 8) for number in range(1, 5)]


def test_idle_time_fills_the_bucket_no_further_than_its_burst() -> None:
    state, _ = draw(fill(LISTING, 0), LISTING, 12, now=0)
    _, drawn = draw(state, LISTING, 1, now=1)
    assert drawn.tokens == 8
    _, drawn = draw(state, LISTING, 1, now=3600)
    assert drawn.tokens == 12


def test_a_throttle_halves_the_pace_and_empties_the_bucket() -> None:
    state = slow_down(fill(LISTING, 0), now=10)
    assert (state.tokens, state.pace) == (0, 0.5)
    _, drawn = draw(state, LISTING, 1, now=10)
    assert drawn.wait_seconds(1) == pytest.approx(1 / 4)


def test_throttles_of_one_burst_count_as_one_and_later_ones_again() -> None:
    state = fill(LISTING, 0)
    for moment in (10.0, 10.2, 10.4):
        state = slow_down(state, now=moment)
    assert state.pace == 0.5
    assert slow_down(state, now=10.6).pace == 0.25


def test_a_throttle_just_after_the_pace_has_risen_counts() -> None:
    state, _ = draw(slow_down(fill(LISTING, 0), now=10), LISTING, 1, now=11.1)
    assert slow_down(state, now=11.2).pace == pytest.approx(0.3)


def test_the_pace_never_falls_to_nothing() -> None:
    state = fill(LISTING, 0)
    for halves in range(1, 100):
        state = slow_down(state, now=halves / 2)
    assert state.pace == SLOWEST_PACE


def test_quiet_raises_the_pace_up_to_what_was_published() -> None:
    state = slow_down(slow_down(fill(LISTING, 0), now=11.4), now=12)
    paces = []
    for tenths in range(120, 230):
        state, drawn = draw(state, LISTING, 0, now=tenths / 10)
        paces.append(drawn.per_second / LISTING.per_second)
    assert paces[0] == 0.25
    assert paces == sorted(paces)
    assert paces[-1] == 1
    assert paces[25] == pytest.approx(0.45)


def test_two_who_share_a_quota_come_to_equal_parts_of_it() -> None:
    states = [fill(LISTING, 0), fill(LISTING, 0)]
    for moment in range(1, 7):
        states[0] = slow_down(states[0], now=2 * moment)
    rates = []
    for second in range(13, 200):
        draws = [draw(state, LISTING, 0, now=second) for state in states]
        states, rates = [state for state, _ in draws], [drawn.per_second for _, drawn in draws]
        if sum(rates) > LISTING.per_second:
            states = [slow_down(state, now=second) for state in states]
    assert rates[0] == pytest.approx(rates[1], rel=0.05)


@pytest.mark.parametrize("jump", [-1e6, -10.0])
def test_a_clock_that_runs_back_gains_nothing_and_holds_nobody_up(jump: float) -> None:
    state, _ = draw(fill(LISTING, 1000), LISTING, 14, now=1000)
    state, drawn = draw(state, LISTING, 1, now=1000 + jump)
    assert drawn.wait_seconds(1) == pytest.approx(3 / 8)
    _, drawn = draw(state, LISTING, 1, now=1000 + jump + 1)
    assert drawn.wait_seconds(1) == 0


def test_a_clock_that_leaps_ahead_gains_a_burst_at_most() -> None:
    state, _ = draw(fill(LISTING, 0), LISTING, 40, now=0)
    _, drawn = draw(state, LISTING, 13, now=1e9)
    assert drawn.wait_seconds(12) == 0
    assert drawn.wait_seconds(13) > 0


def test_a_share_leaves_a_part_of_rate_and_burst_and_one_token_at_least() -> None:
    assert Rate(600, 600).share(0.8) == Rate(480, 480)
    assert Rate(1, 2).share(0.01) == Rate(0.01, 1)


def test_a_first_request_that_is_late_leads_to_no_throttle() -> None:
    whole = LISTING.share(1)
    assert whole == Rate(8, 11)
    _, drawn = draw(fill(whole, 0), whole, 40, now=0)
    arrivals = [drawn.wait_seconds(number) + (0.1 if number == 1 else 0.0) for number in range(1, 41)]
    aws = fill(LISTING, arrivals[0])
    for arrival in sorted(arrivals):
        aws, counted = draw(aws, LISTING, 1, now=arrival)
        assert counted.wait_seconds(1) == pytest.approx(0)


@given(
    pauses=st.lists(st.floats(min_value=0, max_value=5), min_size=1, max_size=60),
    counts=st.lists(st.integers(min_value=1, max_value=7), min_size=60, max_size=60),
    per_second=st.floats(min_value=0.1, max_value=100),
    burst=st.integers(min_value=1, max_value=20),
)
def test_p15_no_span_of_time_ever_holds_more_than_burst_and_rate_allow(
    pauses: list[float], counts: list[int], per_second: float, burst: int
) -> None:
    rate, now, due = Rate(per_second, burst), 0.0, []
    state = fill(rate, now)
    for pause, count in zip(pauses, counts, strict=False):
        now += pause
        state, drawn = draw(state, rate, count, now)
        due += [now + drawn.wait_seconds(number) for number in range(1, count + 1)]
    due.sort()
    for first in range(len(due)):
        for last in range(first, len(due)):
            assert last - first + 1 <= math.floor(burst + per_second * (due[last] - due[first]) + 1e-6)
