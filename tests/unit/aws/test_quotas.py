from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.aws.quota_states import FIRST_PART, Rate, count_accepted, draw, fill, find_pace, slow_down

LISTING = Rate(per_second=8, burst=12)
FIRST_PACE = 8 * FIRST_PART


def test_a_burst_is_due_at_once_and_the_rest_at_the_rate() -> None:
    _, drawn = draw(fill(LISTING, 0), LISTING, 16, now=0)
    waits = [drawn.wait_seconds(number) for number in range(1, 17)]
    assert waits[:12] == [0] * 12
    assert waits[12:] == [pytest.approx(number / FIRST_PACE, rel=0.02) for number in range(1, 5)]


def test_idle_time_fills_the_bucket_no_further_than_its_burst() -> None:
    state, _ = draw(fill(LISTING, 0), LISTING, 12, now=0)
    _, drawn = draw(state, LISTING, 1, now=1)
    assert drawn.tokens == pytest.approx(find_pace(state, LISTING, 1))
    _, drawn = draw(state, LISTING, 1, now=3600)
    assert drawn.tokens == 12


def test_a_throttle_empties_the_bucket_and_lowers_the_pace_to_a_quarter_where_nothing_was_accepted() -> None:
    full = fill(LISTING, 0)
    state = slow_down(full, LISTING, now=0.1)
    assert state.tokens == 0
    assert state.per_second == pytest.approx(find_pace(full, LISTING, 0.1) / 4)
    _, drawn = draw(state, LISTING, 1, now=0.1)
    assert drawn.wait_seconds(1) == pytest.approx(1 / state.per_second)


def test_a_throttle_lowers_the_pace_no_further_than_to_what_was_accepted() -> None:
    state = fill(LISTING, 0)
    for tenths in range(40):
        state = count_accepted(state, tenths % 2, now=tenths / 10)  # five a second
    assert slow_down(state, LISTING, now=4).per_second == pytest.approx(5, rel=0.1)


def test_throttles_of_one_burst_count_as_one_and_later_ones_again() -> None:
    state = slow_down(fill(LISTING, 0), LISTING, now=10)
    assert slow_down(slow_down(state, LISTING, now=10.2), LISTING, now=10.4) == state
    assert slow_down(state, LISTING, now=10.6).per_second < state.per_second


def test_each_throttle_lowers_the_pace_though_all_before_was_accepted() -> None:
    state = count_accepted(fill(LISTING, 0), 100, now=10)
    assert slow_down(state, LISTING, now=10).per_second == pytest.approx(8 * 0.95)


@pytest.mark.parametrize(("rate", "slowest"), [(LISTING, 0.5), (Rate(1, 2), 0.25), (Rate(600, 600), 0.5)])
def test_the_pace_never_falls_to_nothing(rate: Rate, slowest: float) -> None:
    state = fill(rate, 0)
    for halves in range(1, 100):
        state = slow_down(state, rate, now=halves / 2)
    assert state.per_second == slowest


def test_quiet_raises_the_pace_ever_faster_up_to_what_is_allowed() -> None:
    state = slow_down(slow_down(fill(LISTING, 0), LISTING, now=11.4), LISTING, now=12)
    paces = [find_pace(state, LISTING, 12 + tenths / 10) for tenths in range(150)]
    assert paces == sorted(paces)
    assert paces[10] == pytest.approx(paces[0], rel=0.1)
    assert paces[-1] == 8
    assert find_pace(state, LISTING, 1e9) == 8


def test_a_new_bucket_leaves_a_part_of_its_rate_and_takes_all_of_it_within_four_seconds() -> None:
    rate = Rate(600, 600)
    assert find_pace(fill(rate, 0), rate, 0) == pytest.approx(480, rel=0.01)
    assert find_pace(fill(rate, 0), rate, 4) == 600


def test_two_who_share_a_quota_come_to_equal_parts_of_it() -> None:
    states = [fill(LISTING, 0), fill(LISTING, 0)]
    for moment in range(1, 7):
        states[0] = slow_down(states[0], LISTING, now=2 * moment)
    rates = []
    for second in range(13, 200):
        rates = [find_pace(state, LISTING, second) for state in states]
        accepted = [rate * min(1.0, LISTING.per_second / sum(rates)) for rate in rates]
        states = [replace(one, accepted_per_second=got) for one, got in zip(states, accepted, strict=True)]
        if sum(rates) > LISTING.per_second:
            states = [slow_down(replace(state, accepted_at=second), LISTING, now=second) for state in states]
    assert rates[0] == pytest.approx(rates[1], rel=0.05)


@pytest.mark.parametrize("jump", [-1e6, -10.0])
def test_a_clock_that_runs_back_gains_nothing_and_delays_no_one(jump: float) -> None:
    state, _ = draw(fill(LISTING, 1000), LISTING, 14, now=1000)
    state, drawn = draw(state, LISTING, 1, now=1000 + jump)
    assert drawn.wait_seconds(1) == pytest.approx(3 / drawn.per_second, rel=0.02)
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
