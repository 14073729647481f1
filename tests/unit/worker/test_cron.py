"""Which moments a cron expression names: in its time zone, on the days when clocks change, and never twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootkeeper.errors import SettingsError
from rootkeeper.worker.schedules import CronExpression


def moments(text: str, after: datetime, count: int) -> list[str]:
    expression, found = CronExpression.parse(text), []
    for _ in range(count):
        after = expression.find_next(after)
        found.append(f"{after:%Y-%m-%d %H:%M}")
    return found


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_time_of_day_is_that_of_its_time_zone() -> None:
    found = moments("0 6 * * * Europe/Berlin", at("2026-03-27 12:00"), 4)
    assert found == ["2026-03-28 05:00", "2026-03-29 04:00", "2026-03-30 04:00", "2026-03-31 04:00"]


def test_a_time_that_doesnt_exist_comes_once_right_after_the_gap() -> None:
    found = moments("30 2 * * * Europe/Berlin", at("2026-03-28 00:00"), 3)
    assert found == ["2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"]
    assert moments("0 2,3 * * * Europe/Berlin", at("2026-03-29 00:00"), 2) == ["2026-03-29 01:00", "2026-03-30 00:00"]


def test_a_time_that_exists_twice_comes_once() -> None:
    found = moments("30 2 * * * Europe/Berlin", at("2026-10-24 12:00"), 2)
    assert found == ["2026-10-25 00:30", "2026-10-26 01:30"]
    assert moments("30 2 * * * Europe/Berlin", at("2026-10-25 01:15"), 1) == ["2026-10-26 01:30"]


def test_what_comes_every_few_minutes_continues_through_both_changes() -> None:
    expression = CronExpression.parse("*/15 * * * * Europe/Berlin")
    for day in ("2026-03-29", "2026-10-25"):
        found = expression.list_between(at(f"{day} 00:00"), at(f"{day} 03:00"), 100)
        assert found == tuple(at(f"{day} 00:00") + timedelta(minutes=15 * number) for number in range(1, 13))


def test_between_takes_its_end_and_not_its_begin() -> None:
    expression = CronExpression.parse("0 * * * * UTC")
    found = expression.list_between(at("2026-01-01 00:00"), at("2026-01-01 03:00"), 10)
    assert found == (at("2026-01-01 01:00"), at("2026-01-01 02:00"), at("2026-01-01 03:00"))
    assert expression.list_between(at("2026-01-01 00:00"), at("2026-01-01 03:00"), 2) == found[:2]
    assert expression.list_between(at("2026-01-01 03:00"), at("2026-01-01 02:00"), 2) == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0 6 * * *",
        "0 6 * * Europe/Berlin",
        "0 0 6 * * * Europe/Berlin",
        "0 6 * * * Europe/Nowhere",
        "0 6 * * * Europe",
        "0 6 * * * ../etc/passwd",
        "0 6 * * * /etc/localtime",
        "0 25 * * * UTC",
        "60 * * * * UTC",
        "x * * * * UTC",
        "0 0 30 2 * UTC",
        "@daily * * * * UTC",
    ],
)
def test_what_isnt_one_is_refused_at_once(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        CronExpression.parse(text)
    assert refused.value.hint


def test_another_expression_has_another_digest() -> None:
    texts = ("0 6 * * * UTC", "0 7 * * * UTC", "0 6 * * * Europe/Berlin")
    assert len({CronExpression.parse(text).digest for text in texts}) == 3
    assert CronExpression.parse("0 6 * * mon UTC") == CronExpression.parse("0  6 * * MON UTC")


expressions = st.builds(
    lambda minute, hour, weekday, zone: f"{minute} {hour} * * {weekday} {zone}",
    st.sampled_from(["0", "30", "*/20", "15,45", "59"]),
    st.sampled_from(["*", "2", "0,2,3", "*/6", "23"]),
    st.sampled_from(["*", "SUN", "1-5"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
)


@settings(deadline=None)
@given(expressions, st.integers(0, 365 * 24 * 60))
def test_moments_only_ever_go_forward_regardless_of_clock_changes(text: str, minutes: int) -> None:
    after = at("2026-01-01 00:00") + timedelta(minutes=minutes)
    expression = CronExpression.parse(text)
    listed = expression.list_between(after, after + timedelta(days=8), 50)
    stepped, moment = [], after
    for _ in listed:
        moment = expression.find_next(moment)
        stepped.append(moment)
    assert list(listed) == stepped
    assert all(earlier < later for earlier, later in zip((after, *listed), listed, strict=False))
    assert all(expression.names(one) for one in listed)
    assert not any(expression.names(one + timedelta(microseconds=1)) for one in listed)
