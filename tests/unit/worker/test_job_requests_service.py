"""Asking for jobs: checked first, then in the ledger under the person's name, then queued."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rootkeeper.deletion.made_plans import make_plan_id, make_plan_job_id
from rootkeeper.deletion.records import parse_plan
from rootkeeper.deletion.rules import DeletionOptions
from rootkeeper.errors import InputError, JobConflictError, LedgerUnavailableError, PlanInvalidError
from rootkeeper.jobs.rules import Job, JobKind, JobProgress, JobState
from rootkeeper.ledger.rules import Action, Actor, ActorKind, LedgerEntry
from rootkeeper.values import JsonValue
from rootkeeper.worker.requests import PlanRequest, plan_to_parameters
from tests.fakes.clock import START
from tests.fakes.desk import CLEAN, PROD, naming
from tests.fakes.job_desk import ANA, JobDesk


@pytest.fixture
def desk() -> JobDesk:
    return JobDesk()


def list_facts(desk: JobDesk, action: Action) -> list[LedgerEntry]:
    return [entry for entry in desk.desk.ledger.entries if entry.action is action]


def make_plan(desk: JobDesk, *accounts: str) -> str:
    """The id of a plan that a job made."""
    job = desk.do(JobKind.PLAN, plan_to_parameters(PlanRequest(naming(*accounts or (PROD,)), DeletionOptions())))
    assert job.state is JobState.DONE
    desk.engine.waiting.clear()
    return make_plan_id(job.job_id)


def test_a_job_is_queued_in_the_name_of_its_requester(desk: JobDesk) -> None:
    job = desk.requesting().request(JobKind.AUDIT, {"details": True})
    found = desk.desk.jobs.get(job.job_id)
    assert (found.state, found.created_by, found.created_by_kind) == (JobState.QUEUED, "ana", ActorKind.SIGNED_IN)
    assert found.owner is None
    assert found.parameters["details"] is True
    assert found.is_due(START)
    assert desk.engine.waiting == [job.job_id]


def test_the_ledger_has_what_was_asked_for_before_it_is_queued(desk: JobDesk) -> None:
    desk.request(JobKind.AUDIT, {"details": True})
    (fact,) = list_facts(desk, Action.JOB_REQUEST)
    assert fact.parameters["job_id"] == "j-1"
    assert fact.parameters["kind"] == "audit"
    parameters: Any = fact.parameters["parameters"]
    assert parameters["details"] is True
    desk.desk.ledger.fail_after = 0
    with pytest.raises(LedgerUnavailableError):
        desk.request(JobKind.AUDIT)
    assert len(desk.desk.jobs.list_jobs()) == len(desk.engine.waiting) == 1


def test_a_job_with_a_name_is_requested_once_however_often_it_is_asked_for(desk: JobDesk) -> None:
    job = desk.requesting().request_once("audits-1/2026-01-13", JobKind.AUDIT)
    assert desk.requesting().request_once("audits-1/2026-01-13", JobKind.AUDIT) == job
    assert [one.job_id for one in desk.desk.jobs.list_jobs()] == desk.engine.waiting == [job.job_id]
    assert len(list_facts(desk, Action.JOB_REQUEST)) == 1
    other = desk.requesting().request_once("audits-1/2026-01-14", JobKind.AUDIT)
    assert other.job_id != job.job_id


def test_a_job_with_a_name_has_its_parameters(desk: JobDesk) -> None:
    job = desk.requesting().request_once("detailed_audits-1/2026-01-18", JobKind.AUDIT, {"details": True})
    assert job.parameters["details"] is True


def test_of_long_parameters_the_ledger_has_the_hash(desk: JobDesk) -> None:
    named = [{"text": f"{number:012}", "source": "accounts.txt"} for number in range(500)]
    desk.request(JobKind.AUDIT, {"selection": {"named": named}})
    (fact,) = list_facts(desk, Action.JOB_REQUEST)
    assert "parameters" not in fact.parameters
    assert len(str(fact.parameters["parameters_sha256"])) == 64


def test_bad_input_is_refused_and_leaves_nothing(desk: JobDesk) -> None:
    wrong: list[dict[str, JsonValue]] = [{"selection": {}}, {"speed": "high"}]
    for parameters in wrong:
        with pytest.raises(InputError):
            desk.requesting().request(JobKind.AUDIT, parameters)
    with pytest.raises(InputError):
        desk.request(JobKind.DELETION)
    with pytest.raises(PlanInvalidError):
        desk.request(JobKind.DELETION, {"plan_id": "plan-9"})
    assert desk.desk.jobs.list_jobs() == ()
    assert list_facts(desk, Action.JOB_REQUEST) == []


def test_an_engine_that_is_away_keeps_no_one_from_asking(desk: JobDesk) -> None:
    desk.engine.is_away = True
    job_id = desk.request(JobKind.AUDIT)
    assert desk.desk.jobs.get(job_id).state is JobState.QUEUED


def test_a_deletion_is_asked_for_by_its_plan(desk: JobDesk) -> None:
    plan_id = make_plan(desk)
    job_id = desk.request(JobKind.DELETION, {"plan_id": plan_id, "waves": {"canary": 1}})
    job = desk.desk.jobs.get(job_id)
    assert job.parameters["waves"] == {"canary": 1, "size": None, "pause_seconds": 0, "stop_after_failures": None}
    assert job.parameters["plan_id"] == plan_id
    assert desk.desk.jobs.find_document(job_id) == desk.desk.jobs.find_outcome(make_plan_job_id(plan_id))
    with pytest.raises(JobConflictError, match=job_id):
        desk.request(JobKind.DELETION, {"plan_id": plan_id})
    desk.requesting().cancel(job_id)
    desk.request(JobKind.DELETION, {"plan_id": plan_id})


def test_p12_a_deletion_takes_no_plan_but_one_that_a_job_made(desk: JobDesk) -> None:
    made = desk.desk.jobs.find_outcome(make_plan_job_id(make_plan(desk)))
    audit = desk.do(JobKind.AUDIT)
    unfinished = desk.request(JobKind.PLAN, {"selection": {"everything": True}})
    for job_id in (audit.job_id, unfinished, "j-9"):
        with pytest.raises(PlanInvalidError, match="didn't make plan"):
            desk.request(JobKind.DELETION, {"plan_id": make_plan_id(job_id)})
    given: list[dict[str, JsonValue]] = [{"plan": made}, {"document": made}, {}]
    for parameters in given:
        with pytest.raises(InputError):
            desk.request(JobKind.DELETION, parameters, made)
    assert [job for job in desk.desk.jobs.list_jobs() if job.kind is JobKind.DELETION] == []
    assert desk.desk.organization.changing_calls == []


def test_kinds_of_a_plan_can_stay_but_none_can_be_added(desk: JobDesk) -> None:
    plan_id = make_plan(desk)
    only: list[JsonValue] = ["password", "access_keys"]
    job_id = desk.request(JobKind.DELETION, {"plan_id": plan_id, "only": only})
    plan = parse_plan(desk.desk.jobs.find_document(job_id) or "")
    assert {call.kind for target in plan.targets for call in target.calls} == set(only)
    narrow = make_plan_id(desk.do(JobKind.PLAN, {"selection": {"everything": True}, "only": only}).job_id)
    with pytest.raises(InputError, match="doesn't delete mfa_devices"):
        desk.request(JobKind.DELETION, {"plan_id": narrow, "only": ["password", "mfa_devices"]})


def test_a_plan_that_has_expired_or_has_nothing_to_do_is_refused(desk: JobDesk) -> None:
    with pytest.raises(InputError, match="nothing to delete"):
        desk.request(JobKind.DELETION, {"plan_id": make_plan(desk, CLEAN)})
    plan_id = make_plan(desk)
    desk.desk.clock.advance(timedelta(days=2).total_seconds())
    with pytest.raises(PlanInvalidError, match="expired"):
        desk.request(JobKind.DELETION, {"plan_id": plan_id})
    assert desk.engine.waiting == []


def test_a_job_that_hasnt_begun_is_cancelled_by_name_and_leaves_the_engine(desk: JobDesk) -> None:
    job_id = desk.request(JobKind.AUDIT)
    cancelled = desk.requesting(Actor("bo", ActorKind.TOKEN)).cancel(job_id)
    assert (cancelled.state, cancelled.remark) == (JobState.CANCELLED, "Cancelled by bo.")
    assert desk.engine.waiting == []
    assert [fact.parameters["job_id"] for fact in list_facts(desk, Action.JOB_CANCEL)] == [job_id]
    with pytest.raises(JobConflictError):
        desk.requesting().cancel(job_id)
    with pytest.raises(InputError):
        desk.requesting().cancel("j-9")
    assert len(list_facts(desk, Action.JOB_CANCEL)) == 1


def test_a_job_is_cancelled_though_the_engine_is_away(desk: JobDesk) -> None:
    job_id = desk.request(JobKind.AUDIT)
    desk.engine.is_away = True
    assert desk.requesting().cancel(job_id).state is JobState.CANCELLED


def interrupt(desk: JobDesk, job_id: str) -> None:
    job = desk.desk.jobs.take_over(job_id)
    desk.desk.jobs.postpone(job, JobProgress(3, 1), "AWS is away.", None)
    desk.engine.waiting.clear()


def test_an_interrupted_job_is_queued_again_with_its_attempts_counted_from_zero(desk: JobDesk) -> None:
    job_id = desk.request(JobKind.AUDIT)
    interrupt(desk, job_id)
    assert not desk.desk.jobs.get(job_id).is_due(START)
    job = desk.requesting().resume(job_id, retry_failed=True)
    assert (job.state, job.attempts, job.remark) == (JobState.QUEUED, 0, None)
    assert job.parameters["retry_failed"] is True
    assert job.progress == JobProgress(3, 1)
    assert desk.engine.waiting == [job_id]
    assert list_facts(desk, Action.JOB_REQUEST)[-1].parameters["resumes"] is True


def test_what_runs_waits_is_over_or_isnt_a_servers_isnt_resumed(desk: JobDesk) -> None:
    job_id = desk.request(JobKind.AUDIT)
    with pytest.raises(JobConflictError, match="already queued"):
        desk.requesting().resume(job_id)
    begun = desk.desk.jobs.take_over(job_id)
    with pytest.raises(JobConflictError, match="running"):
        desk.requesting().resume(job_id)
    desk.desk.jobs.end(begun, JobState.DONE, JobProgress())
    with pytest.raises(JobConflictError, match="done"):
        desk.requesting().resume(job_id)
    kept = desk.desk.job_service.begin(JobKind.AUDIT, {})
    kept.end(JobState.INTERRUPTED)
    with pytest.raises(InputError, match="with a command on the database"):
        desk.requesting().resume(kept.job_id)
    assert len(list_facts(desk, Action.JOB_REQUEST)) == 1


def test_a_deletion_whose_plan_has_expired_isnt_resumed(desk: JobDesk) -> None:
    job_id = desk.request(JobKind.DELETION, {"plan_id": make_plan(desk)})
    interrupt(desk, job_id)
    desk.desk.clock.advance(timedelta(days=2).total_seconds())
    with pytest.raises(JobConflictError, match="expired"):
        desk.requesting().resume(job_id)


def test_the_actor_of_a_job_is_its_requester(desk: JobDesk) -> None:
    job: Job = desk.requesting().request(JobKind.DRIFT_CHECK, {})
    assert job.actor == ANA
