"""Results of a deletion are remembered as they come."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from rootkeeper.deletion.execution import (
    DeletedTarget,
    DeletionResults,
    StopReasons,
    TargetDeletion,
    describe_not_begun,
    list_outcomes,
)
from rootkeeper.deletion.rules import DeletionOptions, DeletionPlan
from rootkeeper.jobs.rules import JobKind, JobState
from rootkeeper.organization.selection import EVERYTHING
from rootkeeper.organization.statuses import Status
from tests.fakes.desk import PROD, Desk
from tests.fakes.jobs import InMemoryJobs, StopAt
from tests.fakes.root_users import root_user_with_everything

OTHER = "777788889999"


@dataclass
class Scene:
    """A plan of two accounts, and a job that does it."""

    desk: Desk
    plan: DeletionPlan
    results: DeletionResults

    @classmethod
    def set(cls) -> Scene:
        desk = Desk()
        for account_id, name in ((PROD, "prod"), (OTHER, "other")):
            desk.organization.add_account(account_id, name, root_user=root_user_with_everything())
        desk.organization.add_account("555566667777", "clean")
        made = desk.deletion.plan(EVERYTHING, DeletionOptions(), desk.progress).plan
        job = desk.job_service.begin(JobKind.DELETION, {}, total=2)
        reasons = StopReasons(StopAt(desk.clock), job)
        return cls(desk, made, DeletionResults(made, job, desk.store, desk.progress, reasons))

    def delete(self, number: int) -> DeletedTarget:
        inventory = self.desk.read_inventory()
        accounts = {account.account_id: account for account in inventory.accounts}
        targets = TargetDeletion(
            self.plan,
            inventory,
            self.desk.deletion.protections,
            self.desk.locks,
            self.desk.removal,
            self.desk.clock,
            {},
            lambda: False,
        )
        planned = self.plan.targets[number]
        return targets.delete(planned, accounts[planned.account_id])

    @property
    def job_id(self) -> str:
        return self.results.job.job_id


@pytest.fixture
def scene() -> Scene:
    return Scene.set()


def test_results_that_come_together_are_written_together(scene: Scene) -> None:
    done = [scene.delete(0), scene.delete(1)]
    advanced = scene.desk.progress.advanced
    scene.results.keep(done)
    ids = {target.deletion.account_id for target in done}
    assert scene.desk.jobs.recorded == [ids]
    assert set(scene.desk.jobs.list_results(scene.job_id)) == ids
    assert {scene.desk.store.statuses[account_id].status for account_id in ids} == {Status.NOT_PRESENT}
    assert scene.desk.progress.advanced - advanced == 2


def test_every_account_of_the_plan_has_a_result(scene: Scene) -> None:
    scene.results.keep([scene.delete(0)])
    accounts = list_outcomes(scene.plan, scene.results.found)
    assert [account.account_id for account in accounts] == [one.account_id for one in scene.plan.accounts]
    assert sum(account.was_planned and account.is_final for account in accounts) == 1
    assert sum(not account.was_begun for account in accounts) == 1


def test_what_wasnt_begun_is_neither_recorded_nor_counted(scene: Scene) -> None:
    advanced = scene.desk.progress.advanced
    scene.results.keep([DeletedTarget(describe_not_begun(scene.plan.targets[0]))])
    assert scene.desk.jobs.recorded == []
    assert scene.desk.progress.advanced == advanced


def test_a_job_is_done_when_everything_is(scene: Scene) -> None:
    scene.results.keep([scene.delete(0), scene.delete(1)])
    scene.results.end_job()
    job = scene.desk.jobs.get(scene.job_id)
    assert (job.state, job.remark) == (JobState.DONE, None)


def test_a_job_with_a_failure_has_failed(scene: Scene) -> None:
    scene.desk.organization.fail("DeleteLoginProfile", account_id=PROD)
    scene.results.keep([scene.delete(0), scene.delete(1)])
    scene.results.end_job()
    job = scene.desk.jobs.get(scene.job_id)
    assert (job.state, job.remark) == (JobState.FAILED, "1 failed or not proven.")


def test_a_job_with_something_left_is_interrupted_and_says_why(scene: Scene) -> None:
    scene.results.keep([scene.delete(0)])
    scene.results.reasons.stop("Enough.")
    scene.results.end_job()
    job = scene.desk.jobs.get(scene.job_id)
    assert (job.state, job.remark) == (JobState.INTERRUPTED, "Enough. 1 left to do.")


def test_a_result_that_cant_be_remembered_stops_the_run(scene: Scene) -> None:
    done = scene.delete(0)
    scene.desk.jobs.shelf.is_broken = True
    scene.results.keep([done])
    assert scene.results.reasons.is_broken_off
    assert scene.results.found[done.deletion.account_id] == done.deletion
    scene.results.end_job()
    assert any("couldn't be saved" in remark for remark in scene.desk.progress.remarks)


def test_a_job_that_another_process_took_over_stops_the_run(scene: Scene) -> None:
    done = scene.delete(0)
    scene.desk.jobs.die()
    InMemoryJobs(scene.desk.jobs.shelf, "owner-2").take_over(scene.job_id)
    scene.results.keep([done])
    assert "taken over" in (scene.results.reasons.explain() or "")
