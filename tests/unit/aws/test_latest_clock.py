"""The later of the machine's time and AWS's."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest

from rootkeeper.aws.times import LatestClock
from tests.fakes.clock import START, FakeClock


def learn(latest: LatestClock, dated_at: datetime | str | None) -> None:
    header = format_datetime(dated_at, usegmt=True) if isinstance(dated_at, datetime) else dated_at
    latest.learn(http_response=SimpleNamespace(headers={} if header is None else {"date": header}), parsed={})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_before_the_first_answer_it_is_the_machines_time(clock: FakeClock) -> None:
    assert LatestClock(clock).now() == START


def test_p11_a_clock_that_is_behind_is_awss_time_and_runs_on(clock: FakeClock) -> None:
    latest = LatestClock(clock)
    clock.jump(-86400)
    learn(latest, START)
    assert latest.now() == START
    clock.advance(30)
    assert latest.now() == START + timedelta(seconds=30)
    clock.jump(-86400)
    assert latest.now() == START + timedelta(seconds=30), "also when it is set back later"
    clock.jump(2 * 86400 + 5)
    assert latest.now() == START + timedelta(seconds=35), "and once it is right again"


def test_a_clock_that_is_ahead_stays(clock: FakeClock) -> None:
    latest = LatestClock(clock)
    learn(latest, START - timedelta(hours=1))
    assert latest.now() == START


def test_the_last_answer_counts_so_that_one_wrong_date_does_no_lasting_harm(clock: FakeClock) -> None:
    latest = LatestClock(clock)
    learn(latest, START + timedelta(days=365))
    learn(latest, START)
    assert latest.now() == START


@pytest.mark.parametrize("header", [None, "", "yesterday"])
def test_an_answer_without_a_date_changes_nothing(clock: FakeClock, header: str | None) -> None:
    latest = LatestClock(clock)
    learn(latest, START + timedelta(hours=1))
    learn(latest, header)
    assert latest.now() == START + timedelta(hours=1)
