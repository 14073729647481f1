"""P05 and P25: a server that answers success and changes nothing is found out, and MFA stays where it guards."""

from __future__ import annotations

import json

import pytest

from tests.functional.administration import Administration
from tests.functional.promises.interposed_proxy import MUTATING_OPERATIONS
from tests.functional.promises.jobs import (
    CLOSE,
    DELETE,
    DISABLE,
    ENABLE,
    OPEN_BUCKET,
    RECOVER,
    UNLOCKING_JOBS,
    Job,
)
from tests.functional.promises.stage import EVERYTHING, Stage, assert_clean_ending, find_kinds

KINDS = {
    "DeleteAccessKey": "access_keys",
    "DeleteSigningCertificate": "signing_certificates",
    "DeleteLoginProfile": "password",
    "DeactivateMFADevice": "mfa_devices",
}


@pytest.mark.parametrize("operation", KINDS)
def test_p05_p25_a_kind_that_a_lying_server_keeps_is_reported_as_failed(stage: Stage, operation: str) -> None:
    before = stage.sandbox.root_user(EVERYTHING)
    stage.sandbox.faults(operation=operation, lie=True)
    run = stage.run(*DELETE.arguments)
    assert_clean_ending(run, 4)
    kept, protections = KINDS[operation], operation in {"DeleteAccessKey", "DeleteLoginProfile"}
    kinds = find_kinds(run, EVERYTHING)
    failed = {name for name, kind in kinds.items() if kind["outcome"] == "failed"}
    skipped = {name: kind["reason"] for name, kind in kinds.items() if kind["outcome"] == "skipped"}
    assert failed == {kept}, run.shown
    assert skipped == ({"mfa_devices": "guards_something"} if protections else {})
    left = stage.sandbox.root_user(EVERYTHING)
    assert left[kept] == before[kept]
    assert bool(left["mfa_devices"]) == (protections or kept == "mfa_devices")
    results = [entry["result"] for entry in stage.entries() if entry["action"] == MUTATING_OPERATIONS[operation]]
    assert set(results) == {None, "failed"}
    assert stage.run("ledger", "list", "-o", "json").status == 0


@pytest.mark.parametrize("output", ["table", "jsonl", "csv"])
def test_p05_every_format_says_that_it_failed(stage: Stage, output: str) -> None:
    stage.sandbox.faults(operation="DeleteLoginProfile", lie=True)
    run = stage.run("delete", EVERYTHING, "--yes", "-o", output)
    assert_clean_ending(run, 4)
    assert "failed" in run.stdout.lower()


def test_p05_an_opening_that_a_lying_server_only_claims_is_not_reported_as_open(stage: Stage) -> None:
    stage.sandbox.faults(operation="CreateLoginProfile", lie=True)
    run = stage.run(*RECOVER.arguments)
    assert_clean_ending(run, 4)
    assert "OPEN" not in stage.windows(RECOVER.arguments[1])
    assert "is allowed" not in run.stderr.replace("whether password recovery is allowed", "")


def test_p05_a_window_that_a_lying_server_keeps_open_is_not_closed(stage: Stage) -> None:
    CLOSE.prepare(stage)
    stage.sandbox.faults(operation="DeleteLoginProfile", lie=True)
    run = stage.run(*CLOSE.arguments)
    assert_clean_ending(run, 4)
    assert json.loads(run.stdout)["state"] == "CLOSE_FAILED"
    assert "ALERT" in run.stderr
    stage.sandbox.clear_faults()
    again = stage.run("delete", "900010002000", "--yes")
    assert again.status == 0, again.shown
    assert CLOSE.is_done(stage)


@pytest.mark.parametrize(
    ("job", "operation"),
    [
        pytest.param(job, operation, id=f"{job.name}-{operation}", marks=[] if job is ENABLE else pytest.mark.long)
        for job in (ENABLE, DISABLE)
        for operation in (job.mutating[0], job.mutating[-1])
    ],
)
def test_p05_a_step_of_the_set_up_that_a_lying_server_only_claims_has_failed(
    bare_stage: Stage, job: Job, operation: str
) -> None:
    if job.is_enabled_before:
        Administration(bare_stage.sandbox).set_up()
    bare_stage.sandbox.faults(operation=operation, lie=True)
    run = bare_stage.run(*job.arguments)
    assert_clean_ending(run, 4)
    assert not job.is_done(bare_stage)
    outcomes = [step["outcome"] for step in json.loads(run.stdout)["steps"]]
    place = job.mutating.index(operation)
    assert outcomes == ["changed"] * place + ["failed"] + ["skipped"] * (len(job.mutating) - place - 1), run.shown


@pytest.mark.parametrize(
    "job",
    [pytest.param(job, id=job.name, marks=[] if job is OPEN_BUCKET else pytest.mark.long) for job in UNLOCKING_JOBS],
)
def test_p05_a_policy_that_a_lying_server_keeps_is_reported_as_failed(stage: Stage, job: Job) -> None:
    job.prepare(stage)
    (operation,) = job.mutating
    stage.sandbox.faults(operation=operation, lie=True)
    since = stage.sandbox.last_request()
    run = stage.run(*job.arguments)
    assert_clean_ending(run, 4)
    assert (run.json["result"], run.json["verdict_after"]) == ("failed", "depends")
    assert [name for name, _ in stage.sandbox.operations(since, mutating=True)] == [operation]
    assert not job.is_done(stage)
    results = [entry["result"] for entry in stage.entries() if entry["action"] == MUTATING_OPERATIONS[operation]]
    assert results == [None, "failed"]
