"""Each kind of job does what its command does, and keeps what came of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rootkeeper.aws.rules import AwsWork, Resource, ResourceKind
from rootkeeper.deletion.made_plans import make_plan_id
from rootkeeper.deletion.records import parse_plan
from rootkeeper.errors import AwsCredentialsError, AwsUnreachableError
from rootkeeper.jobs.rules import MOST_ATTEMPTS, Job, JobKind, JobState
from rootkeeper.ledger.rules import Action
from rootkeeper.notifications.rules import NotificationEvent
from rootkeeper.organization.statuses import Status
from rootkeeper.setup.drift import SetupAcceptance
from rootkeeper.setup.rules import NEVER_ACCEPTED, SetupDrift
from rootkeeper.unlock.rules import hash_policy
from rootkeeper.values import JsonValue
from rootkeeper.worker.performers import PERFORMERS, WORK, describe_drift
from tests.fakes.breakglass_desk import FAILSAFE
from tests.fakes.desk import CLEAN, PROD
from tests.fakes.job_desk import SCHEDULES, JobDesk
from tests.fakes.root_users import root_user_with_everything
from tests.fakes.unlock_desk import LOCKING, OPEN

PROD_ALONE: dict[str, JsonValue] = {"selection": {"named": [{"text": PROD, "source": ""}]}}


@pytest.fixture
def desk() -> JobDesk:
    return JobDesk()


def outcome_of(desk: JobDesk, job: Job) -> Any:
    return json.loads(desk.desk.jobs.find_outcome(job.job_id) or "null")


def test_every_kind_has_what_performs_it_and_whose_power_it_has() -> None:
    assert set(PERFORMERS) == set(WORK) == set(JobKind)


def test_an_audit_reads_and_remembers_every_account(desk: JobDesk) -> None:
    job = desk.do(JobKind.AUDIT)
    assert job.state is JobState.DONE
    assert job.progress.done == job.progress.total == 3
    statuses = desk.desk.store.list_statuses()
    assert (statuses[PROD].status, statuses[CLEAN].status) == (Status.PRESENT, Status.NOT_PRESENT)
    assert [work for _, work in desk.acted] == [AwsWork.AUDIT]


def test_an_audit_that_aws_broke_off_continues_where_it_was(desk: JobDesk) -> None:
    job_id = desk.request(JobKind.AUDIT)
    organization = desk.desk.organization
    organization.fail("ListAccounts", AwsUnreachableError("No answer."))
    job = desk.perform(job_id)
    assert (job.state, job.attempts) == (JobState.INTERRUPTED, 1)
    organization.heal()
    assert desk.perform(job_id).state is JobState.DONE


def test_findings_of_a_scheduled_audit_are_reported(desk: JobDesk) -> None:
    desk.perform(desk.request(JobKind.AUDIT, actor=SCHEDULES))
    assert [reported.event for reported in desk.notifier.notifications] == [NotificationEvent.AUDIT_FINDINGS]
    desk.do(JobKind.AUDIT)
    assert len(desk.notifier.notifications) == 1


def test_a_plan_is_kept_and_can_be_asked_for_as_a_deletion(desk: JobDesk) -> None:
    job = desk.do(JobKind.PLAN, PROD_ALONE)
    assert job.state is JobState.DONE
    plan = parse_plan(desk.desk.jobs.find_outcome(job.job_id) or "")
    plan_id = plan.plan_id
    assert plan_id == make_plan_id(job.job_id)
    assert [target.account_id for target in plan.targets] == [PROD]
    assert plan_id in (job.remark or "")
    deletion = desk.do(JobKind.DELETION, {"plan_id": plan_id})
    assert deletion.state is JobState.DONE
    assert (deletion.progress.done, deletion.progress.present) == (1, 0)
    assert not desk.desk.root_user(PROD).access_keys
    assert desk.settled == 1
    assert [work for _, work in desk.acted] == [AwsWork.AUDIT, AwsWork.DELETE]


def test_a_deletion_with_failures_fails_and_is_reported(desk: JobDesk) -> None:
    plan_id = make_plan_id(desk.do(JobKind.PLAN, PROD_ALONE).job_id)
    desk.desk.organization.fail("DeleteAccessKey")
    job = desk.do(JobKind.DELETION, {"plan_id": plan_id})
    assert job.state is JobState.FAILED
    assert [reported.event for reported in desk.notifier.notifications] == [NotificationEvent.JOB_FAILED]


def test_a_deletion_that_its_rules_stopped_waits_for_a_person_and_isnt_taken_up_again(desk: JobDesk) -> None:
    for number in range(3):
        account_id = f"{700000000000 + number}"
        desk.desk.organization.add_account(account_id, f"n{number}", root_user=root_user_with_everything())
    plan_id = make_plan_id(desk.do(JobKind.PLAN, {"selection": {"everything": True}}).job_id)
    desk.desk.workers = 1
    desk.desk.organization.fail("DeleteAccessKey")
    job_id = desk.request(JobKind.DELETION, {"plan_id": plan_id, "waves": {"stop_after_failures": 1}})
    job = desk.perform(job_id)
    assert (job.state, job.attempts) == (JobState.INTERRUPTED, MOST_ATTEMPTS)
    assert "failed; the limit is" in (job.remark or "")
    assert desk.reconciling.tick() == 0
    desk.desk.organization.heal()
    desk.requesting().resume(job_id, retry_failed=True)
    assert desk.perform(job_id).state is JobState.DONE


def test_a_deletion_that_lost_aws_continues_by_itself(desk: JobDesk) -> None:
    plan_id = make_plan_id(desk.do(JobKind.PLAN, PROD_ALONE).job_id)
    desk.desk.organization.fail("DeleteLoginProfile", AwsCredentialsError("They have expired."))
    job_id = desk.request(JobKind.DELETION, {"plan_id": plan_id})
    job = desk.perform(job_id)
    assert (job.state, job.attempts, job.remark) == (JobState.INTERRUPTED, 1, "They have expired.")
    desk.desk.organization.heal()
    desk.desk.clock.advance(30)
    assert job_id in {one.job_id for one in desk.desk.jobs.list_jobs() if one.is_due(desk.desk.clock.now())}
    assert desk.perform(job_id).state is JobState.DONE


@pytest.mark.parametrize("kind", [JobKind.AUDIT, JobKind.PLAN, JobKind.PREFLIGHT])
def test_a_request_for_an_unknown_account_is_cancelled_and_says_why(desk: JobDesk, kind: JobKind) -> None:
    job = desk.do(kind, {"selection": {"named": [{"text": "999999999999", "source": ""}]}})
    assert job.state is JobState.CANCELLED
    assert outcome_of(desk, job)["problem"]["detail"] == job.remark


def test_a_preflights_answer_is_its_json(desk: JobDesk) -> None:
    job = desk.do(JobKind.PREFLIGHT)
    assert job.state is JobState.DONE
    answer = outcome_of(desk, job)
    assert answer["schema_version"] == 1
    assert {row["account_id"] for row in answer["rows"]} == {PROD, CLEAN}
    assert answer["summary"]["accounts"] == 2


def test_a_drift_check_without_an_accepted_set_up_says_so(desk: JobDesk) -> None:
    job = desk.do(JobKind.DRIFT_CHECK)
    assert job.remark == "No set-up has been accepted yet, so there is nothing to compare."
    assert outcome_of(desk, job)["accepted_at"] is None


def test_drift_is_kept_and_reported_where_no_one_asked(desk: JobDesk) -> None:
    acting = desk.act_as(SCHEDULES, AwsWork.AUDIT)
    reading = acting.drift_reader
    SetupAcceptance(desk.desk.act()).accept(reading.read_state(acting.setup_reader.read().setup))
    assert desk.do(JobKind.DRIFT_CHECK).remark == "The set-up is the accepted one."
    desk.desk.organization.delegated_administrators.append(CLEAN)
    job = desk.perform(desk.request(JobKind.DRIFT_CHECK, actor=SCHEDULES))
    assert [difference["subject"] for difference in outcome_of(desk, job)["differences"]] == [CLEAN]
    (reported,) = desk.notifier.notifications
    assert reported.event is NotificationEvent.SETUP_DRIFTED
    assert CLEAN in reported.body


def test_an_intact_ledger_is_said_to_be_so(desk: JobDesk) -> None:
    job = desk.do(JobKind.LEDGER_VERIFICATION)
    assert (job.state, job.remark) == (JobState.DONE, "The ledger is intact: 1 entries.")
    answer = outcome_of(desk, job)
    assert (answer["is_intact"], answer["entries"], answer["findings"]) == (True, 1, [])
    assert set(answer["head"]) == {"seq", "hash"}


def test_a_ledger_that_was_altered_fails_the_job_which_names_the_entry_and_notifies_people(desk: JobDesk) -> None:
    desk.desk.ledger.problem = "Entry 1 was edited."
    job = desk.do(JobKind.LEDGER_VERIFICATION)
    assert (job.state, job.remark) == (JobState.FAILED, "The ledger isn't intact. Entry 1 was edited.")
    answer = outcome_of(desk, job)
    assert (answer["is_intact"], answer["findings"]) == (False, [{"seq": 1, "what": "Entry 1 was edited."}])
    (reported,) = desk.notifier.notifications
    assert "Entry 1 was edited." in reported.body


def test_drift_is_described_in_sentences() -> None:
    assert "nothing to compare" in describe_drift(NEVER_ACCEPTED)
    assert describe_drift(SetupDrift(None, (), ("It can't be read.",))) == "It can't be read."


def add_bucket(desk: JobDesk, policy: str | None = LOCKING) -> Resource:
    return desk.desk.organization.resources.add(ResourceKind.BUCKET, PROD, "logs", policy)


def unlock(desk: JobDesk, document: str | None = None, **parameters: JsonValue) -> Job:
    return desk.do(JobKind.UNLOCK, {"account": "prod", "kind": "s3", **parameters}, document)


def test_buckets_are_listed_and_shown_and_nothing_is_changed(desk: JobDesk) -> None:
    bucket = add_bucket(desk)
    listed = outcome_of(desk, unlock(desk))
    assert [one["name"] for one in listed["buckets"]] == ["logs"]
    shown = outcome_of(desk, unlock(desk, resource="logs"))
    assert (shown["verdict"], shown["sha256"]) == ("locked", hash_policy(LOCKING))
    assert desk.desk.organization.resources.policies[bucket] == LOCKING
    assert desk.settled == 0
    assert {work for _, work in desk.acted} == {AwsWork.UNLOCK}


def test_a_policy_is_changed_if_it_is_the_one_that_the_person_saw(desk: JobDesk) -> None:
    bucket = add_bucket(desk)
    refused = unlock(desk, resource="logs", change="corrected", shown_sha256=hash_policy(OPEN))
    assert refused.state is JobState.FAILED
    assert "isn't the one that was shown" in (refused.remark or "")
    assert desk.desk.organization.resources.policies[bucket] == LOCKING
    job = unlock(desk, resource="logs", change="corrected", shown_sha256=hash_policy(LOCKING))
    assert job.state is JobState.DONE
    answer = outcome_of(desk, job)
    assert (answer["result"], answer["verdict_before"], answer["verdict_after"]) == ("done", "locked", "open")
    assert answer["saved"]["sha256"] == hash_policy(LOCKING)
    assert desk.settled == 2


def test_a_change_that_isnt_needed_is_done_already(desk: JobDesk) -> None:
    add_bucket(desk, OPEN)
    job = unlock(desk, resource="logs", change="corrected")
    assert job.state is JobState.DONE
    assert outcome_of(desk, job)["result"] == "unchanged"


def test_a_policy_is_put_where_there_was_none(desk: JobDesk) -> None:
    bucket = add_bucket(desk, None)
    job = unlock(desk, OPEN, resource="logs", change="replace")
    assert job.state is JobState.DONE
    assert desk.desk.organization.resources.policies[bucket] == OPEN
    assert any(entry.action is Action.BUCKET_POLICY_PUT for entry in desk.desk.ledger.entries)


def test_an_account_that_may_not_be_touched_is_refused(desk: JobDesk) -> None:
    job = desk.do(JobKind.UNLOCK, {"account": "111122223333", "kind": "s3"})
    assert job.state is JobState.CANCELLED


def test_a_check_of_failsafes_is_kept_and_ends_the_confirmation_of_each_that_failed(desk: JobDesk) -> None:
    job = desk.do(JobKind.FAILSAFE_CHECK)
    outcome = outcome_of(desk, job)
    assert (job.state, outcome["failsafe_account_ids"]) == (JobState.DONE, [FAILSAFE])
    checks = {one["check"]: one for one in outcome["checks"]}
    assert (checks["mfa_devices"]["verdict"], checks["drill"]["verdict"]) == ("pass", "fail")
    assert checks["drill"]["hint_code"] == "failsafe.drill"
    assert checks["drill"]["hint_facts"] == {"account_id": FAILSAFE}
    counts = outcome["summary"]
    assert job.remark is not None
    assert job.remark.startswith(f"{counts['checks']} checks: {counts['pass']} pass, {counts['fail']} fail")
    (confirmed,) = desk.confirmations.list_confirmations(in_sandbox=True)
    assert (confirmed.reason, confirmed.is_in_force(desk.desk.clock.now())) == (
        "A check failed or is unknown",
        False,
    )
    assert [one.action for one in desk.desk.ledger.entries].count(Action.FAILSAFE_CHECK) == 1
    assert [work for _, work in desk.acted] == [AwsWork.AUDIT]


def test_a_check_of_break_glass_access_is_kept_with_who_can_open_root_sessions(desk: JobDesk) -> None:
    job = desk.do(JobKind.BREAKGLASS_CHECK)
    outcome = outcome_of(desk, job)
    assert job.state is JobState.DONE
    assert {one["check"] for one in outcome["checks"]} >= {"iam_identities", "permission_sets", "way_in"}
    assert [one["account_id"] for one in outcome["ways_in"]] == [FAILSAFE]
    assert outcome["openers"] == []
    assert desk.confirmations.list_confirmations(in_sandbox=True) == ()
    assert [work for _, work in desk.acted] == [AwsWork.AUDIT]
