from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.errors import InputError
from rootkeeper.values import parse_duration, render_duration

SHORTEST, LONGEST = timedelta(seconds=10), timedelta(days=7)


def parse(text: str) -> timedelta:
    return parse_duration(text, option="--valid-for", shortest=SHORTEST, longest=LONGEST)


@pytest.mark.parametrize(
    ("text", "seconds"), [("10s", 10), ("45m", 2700), ("4h", 14400), ("7d", 604800), (" 1d ", 86400)]
)
def test_a_duration_is_a_number_with_a_unit(text: str, seconds: int) -> None:
    assert parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "4", "h", "4 h", "-4h", "1.5h", "4H", "4w", "9999999999s", "1h30m"])
def test_what_is_no_duration_is_refused_and_shown(text: str) -> None:
    with pytest.raises(InputError, match="isn't a duration") as caught:
        parse(text)
    assert repr(text) in caught.value.message
    assert "10s to 7d" in (caught.value.hint or "")


@pytest.mark.parametrize("text", ["0s", "9s", "8d", "604801s"])
def test_a_duration_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="out of range"):
        parse(text)


@given(st.integers(10, 604800))
def test_what_is_written_is_read_back(seconds: int) -> None:
    assert parse(render_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)
