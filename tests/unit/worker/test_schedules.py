"""What is done about moments that have come."""

from __future__ import annotations

from datetime import timedelta

from rootkeeper.worker.schedules import DueRuns, plan_due_runs
from tests.fakes.clock import START

HOUR = timedelta(hours=1)


def test_nothing_is_due_before_its_moment() -> None:
    assert plan_due_runs([], START) is None


def test_one_that_has_just_come_isnt_missed() -> None:
    assert plan_due_runs([START], START) == DueRuns(START, 0)
    assert plan_due_runs([START], START + timedelta(seconds=60)) == DueRuns(START, 0)


def test_several_that_passed_are_run_once_and_counted() -> None:
    moments = [START + number * HOUR for number in range(5)]
    assert plan_due_runs(moments, moments[-1] + timedelta(minutes=10)) == DueRuns(moments[-1], 5)
    assert plan_due_runs(moments, moments[-1]) == DueRuns(moments[-1], 4)
