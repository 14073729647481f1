"""A deletion that was interrupted resumes: nothing twice, nothing forgotten, one report of everything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rootkeeper.changes.removal_rules import KindOutcome
from rootkeeper.cli.hints import render_hint
from rootkeeper.deletion.execution import describe_job
from rootkeeper.deletion.resumption import ResumePlan, read_results, read_resumption
from rootkeeper.deletion.rules import DeletionOptions, DeletionPlan, DeletionReport, WaveRules
from rootkeeper.errors import AwsThrottledError, JobConflictError, LedgerUnavailableError, PlanInvalidError
from rootkeeper.jobs.rules import JobProgress, JobState
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.selection import EVERYTHING
from tests.fakes.desk import Desk
from tests.fakes.jobs import StopAt
from tests.fakes.root_users import root_user_with_everything

ACCOUNTS = 6


@pytest.fixture
def desk() -> Desk:
    desk = Desk(workers=1)
    for number in range(ACCOUNTS):
        desk.organization.add_account(f"{700000000000 + number}", f"n{number}", root_user=root_user_with_everything())
    return desk


def plan(desk: Desk) -> DeletionPlan:
    return desk.deletion.plan(EVERYTHING, DeletionOptions(), desk.progress).plan


def interrupt(desk: Desk, made: DeletionPlan, *, after: int, rules: WaveRules | None = None) -> DeletionReport:
    """Apply until so many accounts are done, and the one that is then in progress."""
    stop, begun = StopAt(desk.clock), len(desk.organization.calls)

    def ask(operation: str, account_id: AccountId | None) -> None:
        reread = [name for name, _ in desk.organization.calls[begun:] if name == "GetAccountSummary"]
        stop.asked = max(stop.asked, int(len(reread) >= after))

    desk.organization.before_each_call(ask)
    return desk.deletion.apply(made, desk.progress, rules=rules, stop=stop)


def read(desk: Desk, *, retry_failed: bool = False) -> ResumePlan:
    return read_resumption(desk.jobs.get("j-1"), desk.jobs, retry_failed=retry_failed)


def resume(desk: Desk, *, retry_failed: bool = False) -> DeletionReport:
    resumption = read(desk, retry_failed=retry_failed)
    return desk.deletion.continue_job(resumption.take_up(desk.job_service.take_over("j-1")), desk.progress)


def test_the_rest_is_done_and_the_report_covers_everything(desk: Desk) -> None:
    made = plan(desk)
    first = interrupt(desk, made, after=2)
    done = {one.account_id for one in first.accounts if one.was_planned and one.is_final}
    assert 2 <= len(done) < ACCOUNTS
    calls = len(desk.organization.calls)
    report = resume(desk)
    assert report.exit_status == 0
    assert report.counts["deleted"] == ACCOUNTS
    assert report.job_id == "j-1"
    touched = {account_id for _, account_id in desk.organization.calls[calls:] if account_id in done}
    assert touched == set(), "an account with a result was read again"
    assert desk.organization.operations().count("DeleteLoginProfile") == ACCOUNTS
    assert all(user.is_empty for account_id, user in desk.organization.root_users.items() if account_id[0] == "7")
    job = desk.jobs.get("j-1")
    assert (job.state, job.progress) == (JobState.DONE, JobProgress(ACCOUNTS, ACCOUNTS))


def test_an_account_that_was_in_progress_continues_and_is_reported_as_deleted(desk: Desk) -> None:
    made = plan(desk)
    desk.ledger.fail_after = 10
    report = desk.deletion.apply(made, desk.progress)
    assert report.stopped_by is not None
    desk.ledger.fail_after = None
    in_progress = next(one for one in report.accounts if one.was_begun and one.was_planned)
    assert not in_progress.is_final
    assert desk.root_user(in_progress.account_id).summary != root_user_with_everything().summary
    report = resume(desk)
    result = next(one for one in report.accounts if one.account_id == in_progress.account_id)
    assert result.outcome is KindOutcome.DELETED
    assert report.exit_status == 0


def test_a_failure_keeps_its_result_unless_it_is_tried_again(desk: Desk) -> None:
    made = plan(desk)
    first = made.targets[0].account_id
    desk.organization.fail("DeleteLoginProfile", AwsThrottledError("slow"), account_id=first, times=1)
    interrupt(desk, made, after=2)
    resumption = read(desk)
    assert first in resumption.earlier
    again = read(desk, retry_failed=True)
    assert again.retried == {first}
    assert first not in again.earlier
    assert again.left == resumption.left + 1
    report = resume(desk, retry_failed=True)
    assert report.exit_status == 0
    assert desk.jobs.get("j-1").progress == JobProgress(ACCOUNTS, ACCOUNTS)


def test_without_trying_again_the_failure_stays_in_the_report(desk: Desk) -> None:
    made = plan(desk)
    first = made.targets[0].account_id
    desk.organization.fail("DeleteLoginProfile", AwsThrottledError("slow"), account_id=first, times=1)
    interrupt(desk, made, after=2)
    report = resume(desk)
    assert report.exit_status == 4
    assert [one.account_id for one in report.accounts if one.is_failure] == [first]
    assert desk.jobs.get("j-1").state is JobState.FAILED


def test_a_canary_that_failed_isnt_gone_past(desk: Desk) -> None:
    made, rules = plan(desk), WaveRules(canary=1)
    first = made.targets[0].account_id
    desk.organization.fail("DeleteLoginProfile", AwsThrottledError("slow"), account_id=first, times=1)
    desk.deletion.apply(made, desk.progress, rules=rules)
    with pytest.raises(JobConflictError) as raised:
        read(desk)
    assert first in raised.value.message
    assert "jobs resume j-1 --retry-failed" in (render_hint(raised.value.hint) or "")
    resumption = read(desk, retry_failed=True)
    assert resumption.rules_left == rules
    assert resume(desk, retry_failed=True).exit_status == 0


def test_canaries_that_are_done_arent_counted_again(desk: Desk) -> None:
    made = plan(desk)
    interrupt(desk, made, after=1, rules=WaveRules(canary=2, size=2))
    resumption = read(desk)
    assert resumption.rules == WaveRules(canary=2, size=2)
    assert resumption.rules_left == WaveRules(canary=0, size=2)
    assert [one.account_id for one in resumption.rest.accounts] == [one.account_id for one in made.targets[2:]]


def test_failures_before_an_interruption_count_on(desk: Desk) -> None:
    made, rules = plan(desk), WaveRules(stop_after_failures=2)
    desk.organization.fail("DeleteLoginProfile", AwsThrottledError("slow"), times=1)
    interrupt(desk, made, after=2, rules=rules)
    assert read(desk).rules_left == WaveRules(stop_after_failures=1)
    assert read(desk, retry_failed=True).rules_left == rules
    desk.organization.fail("DeleteLoginProfile", AwsThrottledError("slow"))
    report = resume(desk)
    assert report.stopped_by == "2 accounts failed; the limit is 2."
    assert report.counts["failed"] == 2
    assert report.not_begun > 0


def test_a_run_that_continues_after_too_many_failures_counts_from_zero(desk: Desk) -> None:
    made, rules = plan(desk), WaveRules(stop_after_failures=2)
    desk.organization.fail("DeleteLoginProfile", AwsThrottledError("slow"), times=2)
    stopped = desk.deletion.apply(made, desk.progress, rules=rules)
    assert (stopped.counts["failed"], stopped.not_begun) == (2, ACCOUNTS - 2)
    assert read(desk).rules_left == rules
    report = resume(desk)
    assert report.stopped_by is None
    assert (report.counts["failed"], report.counts["deleted"]) == (2, ACCOUNTS - 2)


def test_what_changed_since_the_plan_is_still_left_alone(desk: Desk) -> None:
    made = plan(desk)
    interrupt(desk, made, after=2)
    last = made.targets[-1].account_id
    profile = desk.root_user(last).login_profile
    assert profile is not None
    desk.root_user(last).login_profile = replace(profile, created_at=desk.clock.now())
    report = resume(desk)
    assert report.exit_status == 4
    assert not desk.root_user(last).is_empty


def test_an_expired_plan_doesnt_go_on_and_its_job_stays_as_it_is(desk: Desk) -> None:
    interrupt(desk, plan(desk), after=2)
    desk.clock.advance(24 * 3600)
    resumption = read(desk)
    with pytest.raises(PlanInvalidError, match="expired"):
        desk.deletion.require_valid_here(resumption.plan)
    assert desk.jobs.get("j-1").state is JobState.INTERRUPTED


def test_a_run_that_could_do_nothing_leaves_its_job_and_names_it(desk: Desk) -> None:
    made = plan(desk)
    desk.ledger.fail_after = 0
    with pytest.raises(LedgerUnavailableError):
        desk.deletion.apply(made, desk.progress)
    assert desk.jobs.get("j-1").state is JobState.INTERRUPTED
    assert any("jobs resume j-1" in (render_hint(remark) or "") for remark in desk.progress.remarks)
    desk.ledger.fail_after = None
    assert resume(desk).exit_status == 0


def test_results_are_read_without_resuming_the_run(desk: Desk) -> None:
    made = plan(desk)
    interrupt(desk, made, after=2)
    results = read_results(desk.jobs.get("j-1"), desk.jobs)
    assert [one.account_id for one in results] == [one.account_id for one in made.targets[: len(results)]]
    assert {one.outcome for one in results} == {KindOutcome.DELETED}


def test_a_job_without_its_plan_says_so(desk: Desk) -> None:
    interrupt(desk, plan(desk), after=2)
    desk.jobs.shelf.documents["j-1"] = None
    with pytest.raises(PlanInvalidError):
        read(desk)


def test_the_parameters_of_a_job_tell_what_it_does(desk: Desk) -> None:
    made = plan(desk)
    described = describe_job(made, WaveRules(canary=1))
    assert described["plan_id"] == made.plan_id
    assert described["selection"] == "all accounts"
    assert described["waves"] == {"canary": 1, "size": None, "pause_seconds": 0, "stop_after_failures": None}


def test_every_intent_names_its_job(desk: Desk) -> None:
    desk.deletion.apply(plan(desk), desk.progress)
    mine = [entry for entry in desk.ledger.intents if entry.action is not Action.ACCOUNTS_AUDIT]
    assert {entry.parameters.get("job_id") for entry in mine} == {"j-1"}
    assert {AccountId(entry.account_id or "") for entry in mine} <= set(desk.organization.root_users)
