"""Which readings are evidence for a period."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rootkeeper.errors import InputError
from rootkeeper.evidence.rules import Period, end_second, require_period
from tests.fakes.evidence import END, PERIOD, START


@pytest.mark.parametrize(
    ("moment", "staleness"),
    [
        (END, None),
        (END - timedelta(days=30), None),
        (END - timedelta(days=30, seconds=1), "read 30 days before the period's end"),
        (START - timedelta(seconds=1), "read before the period, 92 days before its end"),
        (END + timedelta(seconds=1), "read after the period's end"),
    ],
)
def test_a_reading_is_evidence_if_it_lies_in_the_period_and_isnt_old(moment: object, staleness: str | None) -> None:
    assert PERIOD.find_staleness(moment) == staleness  # type: ignore[arg-type]  # a table of cases


def test_both_ends_belong_to_the_period() -> None:
    assert PERIOD.holds(START)
    assert PERIOD.holds(END)
    assert not PERIOD.holds(END + timedelta(microseconds=1))


def test_what_was_read_just_now_belongs_to_a_period_that_ends_now() -> None:
    now = END + timedelta(microseconds=250_000)
    assert end_second(now) == END + timedelta(seconds=1)
    assert Period(START, end_second(now)).holds(now)


@pytest.mark.parametrize("length", [timedelta(), timedelta(seconds=-1)])
def test_a_period_that_doesnt_last_is_refused(length: timedelta) -> None:
    with pytest.raises(InputError, match="which isn't after its start"):
        require_period(Period(START, START + length))
