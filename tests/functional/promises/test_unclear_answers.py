"""P04: changing calls are sent once; after an unclear answer a re-read decides."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from tests.functional.administration import Administration
from tests.functional.promises.interposed_proxy import MUTATING_OPERATIONS, Answer, CutError, InterposedProxy, Request
from tests.functional.promises.jobs import CLOSE, DELETE, DISABLE, EACH_MUTATING_OPERATION, ENABLE, JOBS, RECOVER, Job
from tests.functional.promises.stage import EVERYTHING, Stage, assert_clean_ending, find_kinds
from tests.functional.running import Run

LOST = [
    *((job, operation) for job, operation in EACH_MUTATING_OPERATION if job not in {ENABLE, DISABLE}),
    (ENABLE, "EnableOrganizationsRootSessions"),
    (DISABLE, "DisableAWSServiceAccess"),
]
"""The steps of the set-up are judged alike, and each waits some seconds for what doesn't come."""
QUICK = {(DELETE, "DeleteAccessKey"), (DELETE, "DeactivateMFADevice"), (RECOVER, "CreateLoginProfile")}
"""Tried in the quick suite too: what comes first and last in a deletion, and what a recovery creates."""


def name_cases(cases: Iterable[tuple[Job, str]]) -> list[Any]:
    """The cases as parameters."""
    return [
        pytest.param(*case, id=f"{case[0].name}-{case[1]}", marks=[] if case in QUICK else pytest.mark.long)
        for case in cases
    ]


def begin(stage: Stage, job: Job) -> int:
    """Everything as the job needs it; the number of the sandbox's last request."""
    if job.is_enabled_before:
        Administration(stage.sandbox).set_up()
    job.prepare(stage)
    return stage.sandbox.last_request()


def list_mutating(stage: Stage, since: int) -> list[str]:
    """Changing operations that the sandbox has received, in order."""
    return [operation for operation, _ in stage.sandbox.operations(since, mutating=True)]


def assert_settled(stage: Stage, run: Run) -> None:
    stage.assert_each_intent_has_one_outcome()
    assert "unknown" not in {entry["result"] for entry in stage.entries()}, run.shown


def test_the_jobs_send_every_changing_operation_of_the_product() -> None:
    assert {operation for job in JOBS for operation in job.mutating} == set(MUTATING_OPERATIONS)


@pytest.mark.parametrize(("job", "operation"), name_cases(EACH_MUTATING_OPERATION))
def test_p04_a_call_whose_connection_is_cut_after_it_acted_is_sent_once_and_found_done_by_a_reread(
    bare_stage: Stage, job: Job, operation: str
) -> None:
    since = begin(bare_stage, job)
    bare_stage.sandbox.faults(operation=operation, drop=True)
    run = job.run(bare_stage)
    assert_clean_ending(run, job.good)
    assert list_mutating(bare_stage, since) == list(job.mutating)
    assert job.is_done(bare_stage), run.shown
    assert_settled(bare_stage, run)
    done = [entry for entry in bare_stage.entries() if entry["action"] == MUTATING_OPERATIONS[operation]]
    assert {entry["result"] for entry in done if entry["phase"] == "outcome"} == {"done"}


@pytest.mark.parametrize(("job", "operation"), name_cases(LOST))
def test_p04_p05_a_call_that_is_lost_before_it_acts_is_sent_once_and_found_undone_by_a_reread(
    bare_stage: Stage, proxy: InterposedProxy, job: Job, operation: str
) -> None:
    stage = replace(bare_stage, settings={"AWS_ENDPOINT_URL": proxy.url})
    begin(stage, job)
    proxy.forget()

    def lose(request: Request) -> Answer | None:
        if request.operation == operation:
            raise CutError
        return None

    proxy.before = lose
    run = job.run(stage)
    assert_clean_ending(run, 4)
    assert not job.is_done(stage)
    sent = [request for request in proxy.mutating if request.operation == operation]
    assert len(sent) == (job.mutating.count(operation) if job is DELETE else 1)
    stage.assert_each_intent_has_one_outcome()
    outcomes = [entry for entry in stage.entries() if entry["action"] == MUTATING_OPERATIONS[operation]][-1:]
    assert [entry["result"] for entry in outcomes] == ["failed"], run.shown
    if job is DELETE and operation != "DeleteSigningCertificate":
        assert stage.sandbox.root_user(EVERYTHING)["mfa_devices"]


def test_p04_what_another_user_deleted_meanwhile_is_done(stage: Stage, proxy: InterposedProxy) -> None:
    def forestall(request: Request) -> Answer | None:
        if request.operation == "DeleteAccessKey" and stage.sandbox.root_user(EVERYTHING)["access_keys"]:
            stage.sandbox.put_root_user(EVERYTHING, {})
        return None

    proxy.before = forestall
    run = stage.run(*DELETE.arguments, through=proxy)
    assert_clean_ending(run, 0)
    kinds = find_kinds(run, EVERYTHING)
    assert {kind["outcome"] for kind in kinds.values()} == {"already_absent"}, run.shown
    assert {request.operation for request in proxy.mutating} == set(DELETE.mutating)
    assert_settled(stage, run)


def test_p04_a_login_profile_that_exists_already_and_is_not_ours_is_left_alone(
    stage: Stage, proxy: InterposedProxy
) -> None:
    account_id = RECOVER.arguments[1]

    def forestall(request: Request) -> Answer | None:
        if request.operation == "CreateLoginProfile":
            stage.sandbox.put_root_user(account_id, {"password": True})
        return None

    def make_older(request: Request, answer: Answer) -> Answer:
        body = re.sub(rb"<CreateDate>[^<]+<", b"<CreateDate>2019-01-01T00:00:00Z<", answer.body)
        return Answer(answer.status, answer.headers, body) if request.operation == "GetLoginProfile" else answer

    proxy.before, proxy.after = forestall, make_older
    run = stage.run(*RECOVER.arguments, through=proxy)
    assert_clean_ending(run, 4)
    assert "ALERT" in run.stderr
    assert [request.operation for request in proxy.mutating] == ["CreateLoginProfile"]
    assert stage.windows(account_id) == ["CANCELLED"]
    assert stage.sandbox.root_user(account_id)["password"]


def test_p04_a_login_profile_that_exists_already_since_our_own_intent_is_ours(
    stage: Stage, proxy: InterposedProxy
) -> None:
    def send_twice(request: Request, answer: Answer) -> Answer:
        is_creation = request.operation == "CreateLoginProfile"
        return request.refuse("EntityAlreadyExists", 409) if is_creation else answer

    proxy.after = send_twice
    run = stage.run(*RECOVER.arguments, through=proxy)
    assert_clean_ending(run, 0)
    assert RECOVER.is_done(stage)


@pytest.mark.parametrize("code", ["ServiceFailure", "Throttling"])
def test_p04_an_error_of_the_server_is_no_reason_to_send_again(bare_stage: Stage, code: str) -> None:
    since = begin(bare_stage, CLOSE)
    bare_stage.sandbox.faults(
        operation="DeleteLoginProfile", error={"code": code, "status": 500 if code == "ServiceFailure" else 400}
    )
    run = bare_stage.run(*CLOSE.arguments)
    assert_clean_ending(run, 4)
    assert json.loads(run.stdout)["state"] == "CLOSE_FAILED"
    assert list_mutating(bare_stage, since) == ["DeleteLoginProfile"]
    bare_stage.assert_each_intent_has_one_outcome()
