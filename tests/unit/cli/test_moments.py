"""Dates and times of the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rootkeeper.cli.options import parse_moment, parse_past_moment
from rootkeeper.errors import InputError

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-31T18:00Z", datetime(2026, 12, 31, 18, tzinfo=UTC)),
        ("2026-12-31T18:00", datetime(2026, 12, 31, 18, tzinfo=UTC)),
        ("2026-12-31T18:00+02:00", datetime(2026, 12, 31, 16, tzinfo=UTC)),
        ("2026-12-31", datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("30d", NOW + timedelta(days=30)),
    ],
)
def test_dates_times_and_lengths_are_read(text: str, moment: datetime) -> None:
    assert parse_moment(text, "--until", NOW, day_ends=True) == moment


def test_a_day_may_mean_its_beginning() -> None:
    assert parse_moment("2026-12-31", "--not-before", NOW, day_ends=False) == datetime(2026, 12, 31, tzinfo=UTC)


def test_a_length_may_mean_so_long_ago() -> None:
    assert parse_past_moment("30d", "--from", NOW, day_ends=False) == NOW - timedelta(days=30)
    assert parse_past_moment("2026-10-01", "--from", NOW, day_ends=False) == datetime(2026, 10, 1, tzinfo=UTC)
    with pytest.raises(InputError, match="--from"):
        parse_past_moment("0d", "--from", NOW, day_ends=False)


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01", "31.12.2026", "0d", "99999d"])
def test_anything_else_is_refused_with_the_option_named(text: str) -> None:
    with pytest.raises(InputError, match="--until") as raised:
        parse_moment(text, "--until", NOW, day_ends=True)
    assert raised.value.hint
