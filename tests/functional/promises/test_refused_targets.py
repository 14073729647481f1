"""P12: accounts that may not be touched are refused or skipped before any call, and so is a session of anyone else."""

from __future__ import annotations

import json
import re

import pytest

from tests.functional.promises.interposed_proxy import Answer, InterposedProxy, Request
from tests.functional.promises.jobs import CLOSE, DELETE, RECOVER, UNLOCKING_JOBS, Job
from tests.functional.promises.stage import (
    CERTIFICATE,
    CLEAN,
    EVERYTHING,
    FAILSAFE,
    FOREIGN,
    MANAGEMENT,
    SUSPENDED,
    Stage,
    assert_clean_ending,
)

PENDING_CLOSURE = "787890901212"
UNTOUCHABLE = {
    MANAGEMENT: "management_account",
    FAILSAFE: "failsafe",
    SUSPENDED: "not_active",
    PENDING_CLOSURE: "not_active",
    CERTIFICATE: "exception",
    CLEAN: "window_open",
}
EXCEPTION = ("exceptions", "add", CERTIFICATE, "--owner", "Ana", "--reason", "contract", "--until", "30d", "--yes")


def make_untouchable(stage: Stage) -> None:
    assert stage.run(*EXCEPTION).status == 0
    CLOSE.prepare(stage)


@pytest.mark.timeout(900)
def test_p12_an_account_that_may_not_be_touched_is_refused_by_name_before_any_root_session(stage: Stage) -> None:
    make_untouchable(stage)
    truth, since = stage.sandbox.organization(), stage.sandbox.last_request()
    commands: list[tuple[str, ...]] = [("delete", account_id, "--yes") for account_id in (*UNTOUCHABLE, FOREIGN)]
    commands += [
        ("recover", account_id, "--reason", "drill", "--leave-open", "--yes")
        for account_id in (MANAGEMENT, SUSPENDED, PENDING_CLOSURE, CLEAN, FOREIGN)
    ]
    commands += [
        ("unlock", service, account_id, "orders", change, "--yes")
        for account_id in (MANAGEMENT, FAILSAFE, SUSPENDED, PENDING_CLOSURE, FOREIGN)
        for service, change in (("s3", "--remove"), ("sqs", "--show"))
    ]
    commands.append(("enable", "--delegated-administrator", SUSPENDED, "--yes"))
    for command in commands:
        run = stage.run(*command)
        assert_clean_ending(run, 2)
        assert "hint: " in run.stderr, run.shown
    assert stage.privileged(since) == []
    assert stage.sandbox.organization() == truth


def test_p12_accounts_that_may_not_be_touched_are_skipped_with_the_reason_when_caught_by_all(stage: Stage) -> None:
    make_untouchable(stage)
    before, since = stage.sandbox.accounts(), stage.sandbox.last_request()
    run = stage.run("delete", "--all", "--yes", "-o", "json")
    assert_clean_ending(run, 4)
    reasons = {account["account_id"]: account["reason"] for account in json.loads(run.stdout)["accounts"]}
    assert {account_id: reasons[account_id] for account_id in UNTOUCHABLE} == UNTOUCHABLE
    touched = {request["account_id"] for request in stage.sandbox.requests(since) if request["task_policy"]}
    assert touched
    assert touched & set(UNTOUCHABLE) == set()
    after = stage.sandbox.accounts()
    assert {key: after[key] for key in UNTOUCHABLE} == {key: before[key] for key in UNTOUCHABLE}


def test_p12_an_excluded_account_gets_no_call(stage: Stage) -> None:
    since = stage.sandbox.last_request()
    run = stage.run("delete", "--ou", "AnyCompany", "--exclude", EVERYTHING, "--yes")
    assert_clean_ending(run, 0)
    assert EVERYTHING not in {account_id for _, account_id in stage.sandbox.operations(since)}
    assert stage.is_bare(CERTIFICATE)


def test_p12_a_plan_of_an_account_that_may_not_be_touched_any_more_leaves_it_alone(stage: Stage) -> None:
    plan = stage.folder / "plan.json"
    assert stage.run("plan", CERTIFICATE, "--out", plan, "--fail-on", "none").status == 0
    assert stage.run(*EXCEPTION).status == 0
    since = stage.sandbox.last_request()
    run = stage.run("apply", plan, "--yes", "-o", "json")
    assert_clean_ending(run, 4)
    assert [account["reason"] for account in json.loads(run.stdout)["accounts"]] == ["exception"]
    assert stage.privileged(since) == []
    assert not stage.is_bare(CERTIFICATE)


@pytest.mark.parametrize(
    "job",
    [
        pytest.param(job, id=job.name, marks=[] if job in {DELETE, RECOVER} else pytest.mark.long)
        for job in (DELETE, RECOVER, CLOSE, *UNLOCKING_JOBS)
    ],
)
@pytest.mark.parametrize("arn", ["arn:aws:iam::999900001111:root", "arn:aws:iam::{account}:user/root"])
def test_p12_a_session_of_any_principal_but_the_targets_root_user_changes_nothing(
    stage: Stage, proxy: InterposedProxy, job: Job, arn: str
) -> None:
    job.prepare(stage)
    truth = stage.sandbox.organization()

    def be_another(request: Request, answer: Answer) -> Answer:
        """In sessions that can change something; the caller's own identity and audits stay."""
        policies = {session.access_key_id: session.task_policy for session in proxy.handed_out}
        is_audit = policies.get(request.access_key_id) in {None, "IAMAuditRootUserCredentials"}
        if request.operation != "GetCallerIdentity" or is_audit:
            return answer
        claimed = arn.format(account=request.account_id).encode()
        return Answer(answer.status, answer.headers, re.sub(rb"<Arn>[^<]+<", b"<Arn>" + claimed + b"<", answer.body))

    proxy.after = be_another
    run = stage.run(*job.arguments, through=proxy)
    assert_clean_ending(run, 3, 4)
    assert proxy.mutating == []
    assert stage.sandbox.organization() == truth
    assert not job.is_done(stage)
    stage.assert_each_intent_has_one_outcome()
