"""Waves at work: canaries, pauses, and a stop that is honest about what was done."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rootkeeper.deletion.rules import DeletionOptions, DeletionPlan, DeletionReport, WaveRules
from rootkeeper.errors import AwsThrottledError
from rootkeeper.jobs.rules import JobState
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.selection import EVERYTHING, SkipReason
from tests.fakes.desk import Desk
from tests.fakes.jobs import InMemoryJobs, StopAt
from tests.fakes.root_users import root_user_with_everything

ACCOUNTS = 7


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    for number in range(ACCOUNTS):
        desk.organization.add_account(f"{700000000000 + number}", f"n{number}", root_user=root_user_with_everything())
    return desk


def plan(desk: Desk) -> DeletionPlan:
    return desk.deletion.plan(EVERYTHING, DeletionOptions(), desk.progress).plan


def apply(desk: Desk, made: DeletionPlan, rules: WaveRules, stop: StopAt | None = None) -> DeletionReport:
    return desk.deletion.apply(made, desk.progress, rules=rules, stop=stop or StopAt(desk.clock))


def begun(report: DeletionReport) -> list[AccountId]:
    return [account.account_id for account in report.accounts if account.was_planned and account.was_begun]


def test_waves_follow_each_other_with_a_pause_between(desk: Desk) -> None:
    made, stop = plan(desk), StopAt(desk.clock)
    waves: list[set[AccountId]] = [set()]

    def note(operation: str, account_id: AccountId | None) -> None:
        if len(stop.waits) // 30 >= len(waves):
            waves.append(set())
        if operation == "DeleteAccessKey" and account_id:
            waves[-1].add(account_id)

    desk.organization.before_each_call(note)
    report = apply(desk, made, WaveRules(canary=2, size=3, pause_seconds=30), stop)
    assert report.exit_status == 0
    assert [len(wave) for wave in waves] == [2, 3, 2]
    assert sum(stop.waits) == 60
    assert waves[0] == {account.account_id for account in made.targets[:2]}
    assert any("Wave 1 of 3 is done" in remark for remark in desk.progress.remarks)


def test_unless_all_canaries_succeed_nothing_else_is_begun(desk: Desk) -> None:
    made = plan(desk)
    first = made.targets[0].account_id
    desk.organization.fail("DeleteAccessKey", AwsThrottledError("slow"), account_id=first)
    report = apply(desk, made, WaveRules(canary=2))
    assert begun(report) == [account.account_id for account in made.targets[:2]]
    assert report.stopped_by == "1 of 2 canary accounts failed."
    assert report.exit_status == 4
    assert report.not_begun == ACCOUNTS - 2
    reasons = {account.skip.reason for account in report.accounts if account.skip and account.was_planned}
    assert reasons == {SkipReason.STOPPED}
    job = desk.jobs.get(report.job_id or "")
    assert job.state is JobState.INTERRUPTED
    assert "5 left to do" in (job.remark or "")


def test_after_so_many_failures_no_further_account_is_begun(desk: Desk) -> None:
    desk.workers = 1
    made = plan(desk)
    desk.organization.fail("DeleteAccessKey", AwsThrottledError("slow"))
    report = apply(desk, made, WaveRules(stop_after_failures=3))
    assert len(begun(report)) == 3
    assert report.counts["failed"] == 3
    assert report.not_begun == ACCOUNTS - 3
    assert "3 accounts failed" in (report.stopped_by or "")
    assert report.can_be_resumed


def test_a_deletion_that_isnt_proven_counts_as_a_failure(desk: Desk) -> None:
    desk.workers = 1
    made = plan(desk)
    desk.organization.lie("DeleteLoginProfile")
    report = apply(desk, made, WaveRules(stop_after_failures=1))
    assert len(begun(report)) == 1


def test_a_failure_in_the_last_account_stops_nothing(desk: Desk) -> None:
    desk.workers = 1
    made = plan(desk)
    desk.organization.fail("DeleteAccessKey", AwsThrottledError("slow"), account_id=made.targets[-1].account_id)
    report = apply(desk, made, WaveRules(stop_after_failures=1))
    assert report.stopped_by is None
    assert not report.can_be_resumed
    assert report.exit_status == 4
    assert desk.jobs.get(report.job_id or "").state is JobState.FAILED


def test_a_pause_ends_at_once_when_a_stop_is_requested(desk: Desk) -> None:
    made = plan(desk)
    stop = StopAt(desk.clock, on_wait={2: 1})
    report = apply(desk, made, WaveRules(size=3, pause_seconds=3600), stop)
    assert len(stop.waits) == 2
    assert report.was_interrupted
    assert len(begun(report)) == 3


def test_a_job_cancelled_in_a_pause_stops(desk: Desk) -> None:
    made, stop = plan(desk), StopAt(desk.clock)
    elsewhere = InMemoryJobs(desk.jobs.shelf, "owner-2")

    def cancel_in_the_pause() -> None:
        if len(stop.waits) == 1:
            elsewhere.cancel("j-1", "Cancelled by ana.")

    desk.jobs.after_record = cancel_in_the_pause
    report = apply(desk, made, WaveRules(size=3, pause_seconds=60), stop)
    assert report.stopped_by == "The job was cancelled."
    assert not report.was_interrupted
    assert len(begun(report)) == 3
    assert desk.jobs.get("j-1").state is JobState.CANCELLED
    assert report.has_rest
    assert not report.can_be_resumed


def test_a_plan_that_expires_in_a_pause_goes_no_further(desk: Desk) -> None:
    options = DeletionOptions(not_after=desk.clock.now() + timedelta(minutes=1))
    made = desk.deletion.plan(EVERYTHING, options, desk.progress).plan
    report = apply(desk, made, WaveRules(size=4, pause_seconds=90))
    assert len(begun(report)) == 4
    assert "expired" in (report.stopped_by or "")
    assert report.exit_status == 4
    assert report.has_rest
    assert not report.can_be_resumed


def test_more_canaries_than_accounts_are_all_of_them(desk: Desk) -> None:
    report = apply(desk, plan(desk), WaveRules(canary=50, size=2))
    assert report.exit_status == 0
    assert report.counts["deleted"] == ACCOUNTS
