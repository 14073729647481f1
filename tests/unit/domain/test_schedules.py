"""What is done about moments that have come."""

from __future__ import annotations

from datetime import datetime, timedelta

from rootkeeper.domain.schedules import DueRuns, ScheduleKind, ScheduleStatus, judge_due
from tests.fakes.clock import START

HOUR = timedelta(hours=1)


def test_nothing_is_due_before_its_moment() -> None:
    assert judge_due([], START) is None


def test_one_that_has_just_come_isnt_missed() -> None:
    assert judge_due([START], START) == DueRuns(START, 0)
    assert judge_due([START], START + timedelta(seconds=60)) == DueRuns(START, 0)


def test_several_that_passed_are_run_once_and_counted() -> None:
    moments = [START + number * HOUR for number in range(5)]
    assert judge_due(moments, moments[-1] + timedelta(minutes=10)) == DueRuns(moments[-1], 5)
    assert judge_due(moments, moments[-1]) == DueRuns(moments[-1], 4)


def test_the_moment_from_which_on_a_schedule_is_kept_is_no_run_of_it() -> None:
    def ran_at(last_run_at: datetime | None) -> datetime | None:
        status = ScheduleStatus("audits-1", ScheduleKind.AUDITS, "0 6 * * *", "UTC", last_run_at, START + HOUR)
        return status.ran_at

    assert ran_at(None) is None
    assert ran_at(START + timedelta(microseconds=1)) is None
    assert ran_at(START + timedelta(seconds=1)) is None
    assert ran_at(START) == START
