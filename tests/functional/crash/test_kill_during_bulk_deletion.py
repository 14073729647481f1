"""kill -9 in the middle of many deletions; ``jobs resume`` does the rest: nothing twice, nothing forgotten."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.crash.judgement import (
    assert_chained,
    assert_each_intent_has_one_outcome,
    assert_every_privileged_call_has_an_intent,
    assert_no_guard_is_gone,
)
from tests.functional.crash.killing_proxy import KillPoint
from tests.functional.crash.program_runs import KILLED, Program, Run, started_program
from tests.functional.crash.root_users import is_empty, with_every_kind
from tests.functional.promises.interposed_proxy import MUTATING_OPERATIONS

pytestmark = pytest.mark.long

ACCOUNTS = 12
AT_A_TIME = "4"
PER_ACCOUNT = Counter(
    {"DeleteAccessKey": 2, "DeleteSigningCertificate": 1, "DeleteLoginProfile": 1, "DeactivateMFADevice": 2}
)
"""The changing calls that one account takes, each once."""

POINTS = [
    KillPoint("call", "before", 20),
    KillPoint("call", "after", 45),
    KillPoint("call", "before", 90),
    KillPoint("call", "after", 120),
    KillPoint("call", "after", 180),
    KillPoint("commit", "after", 30),
    KillPoint("commit", "after", 50),
]
"""Spread over a run of about 12 times 20 calls; which account each hits differs from run to run."""


class BulkDeletion:
    """Twelve accounts with every kind of credential, and a plan that empties them."""

    def __init__(self, program: Program) -> None:
        self.program = program
        truth = program.sandbox.organization()
        principals = {principal.account_id for principal in program.sandbox.principals().values()}
        self.account_ids = [
            account["account_id"]
            for account in truth["accounts"]
            if account["state"] == "ACTIVE" and account["account_id"] not in principals
        ][:ACCOUNTS]
        self.plan = program.folder / "plan.json"
        assert program.run("audit", "--fail-on", "none").status == 0
        program.keep_database()

    def start_over(self) -> int:
        """A database with a plan, and root users as it says; the number of the sandbox's last request."""
        self.program.restore_database()
        for number, account_id in enumerate(self.account_ids):
            self.program.sandbox.put_root_user(account_id, _with_ids_of_its_own(account_id, number))
        assert self.program.run("plan", *self.account_ids, "--out", str(self.plan)).status == 0
        return self.program.sandbox.last_request()

    def apply(self, kill: KillPoint) -> Run:
        killed = self.program.run("apply", str(self.plan), "--yes", "-o", "json", kill=kill)
        assert killed.status == KILLED, f"{kill}: {killed.stderr}"
        return killed

    def resume(self, kill: KillPoint | None = None) -> Run:
        (job,) = self.program.query("SELECT job_id FROM jobs WHERE kind = 'deletion'")
        return self.program.run("jobs", "resume", job["job_id"], "--yes", "-o", "json", kill=kill)

    def list_recorded(self) -> set[str]:
        return {row["account_id"] for row in self.program.query("SELECT account_id FROM job_accounts")}

    def root_users(self) -> dict[str, dict[str, Any]]:
        accounts = self.program.sandbox.accounts()
        return {account_id: accounts[account_id]["root_user"] for account_id in self.account_ids}


@pytest.fixture(scope="module")
def deletion(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BulkDeletion]:
    folder = tmp_path_factory.mktemp("bulk")
    settings = {"ROOTKEEPER_AWS_DELETION_CONCURRENCY": AT_A_TIME}
    with started_program(folder, "--accounts", "24", "--seed", "1", "--features", "all", settings=settings) as program:
        yield BulkDeletion(program)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_p03_p25_many_deletions_killed_anywhere_go_on_where_they_were(deletion: BulkDeletion, point: KillPoint) -> None:
    since = deletion.start_over()
    deletion.apply(point)
    for root_user in deletion.root_users().values():
        assert_no_guard_is_gone(root_user, had_mfa=True)
    recorded, at_kill = deletion.list_recorded(), deletion.program.sandbox.last_request()

    resumed = deletion.resume()
    assert resumed.status == 0, resumed.stderr
    _assert_everything_is_done_once(deletion, since)
    _assert_the_report_is_of_everything(resumed)
    reread = {request["account_id"] for request in deletion.program.sandbox.requests(at_kill)} & recorded
    assert reread == set(), "an account with a result was read again"


def test_a_resumed_deletion_that_is_killed_resumes_again(deletion: BulkDeletion) -> None:
    since = deletion.start_over()
    deletion.apply(KillPoint("call", "after", 60))
    killed = deletion.resume(KillPoint("call", "before", 70))
    assert killed.status == KILLED, killed.stderr
    resumed = deletion.resume()
    assert resumed.status == 0, resumed.stderr
    _assert_everything_is_done_once(deletion, since)
    _assert_the_report_is_of_everything(resumed)


def test_a_plan_that_was_begun_isnt_begun_again_and_the_error_says_how_to_go_on(deletion: BulkDeletion) -> None:
    deletion.start_over()
    deletion.apply(KillPoint("call", "after", 60))
    again = deletion.program.run("apply", str(deletion.plan), "--yes")
    assert again.status == 2
    assert "rootkeeper jobs resume j-" in again.stderr
    assert deletion.resume().status == 0


def _with_ids_of_its_own(account_id: str, number: int) -> dict[str, Any]:
    """Every kind of credential; an id belongs to one account only."""
    root_user = with_every_kind(account_id)
    for key, letter in zip(root_user["access_keys"], "EF", strict=True):
        key["access_key_id"] = f"AKIAIOSFODNN{number:07d}{letter}"
    root_user["signing_certificates"][0]["certificate_id"] = f"TA7SMP42TDN5Z26OBPJE7EXA{number:04d}"
    root_user["mfa_devices"][1]["serial_number"] = f"GAHT{number:08d}"
    return root_user


def _assert_everything_is_done_once(deletion: BulkDeletion, since: int) -> None:
    assert all(is_empty(root_user) for root_user in deletion.root_users().values())
    requests = deletion.program.sandbox.requests(since)
    sent = {account_id: Counter[str]() for account_id in deletion.account_ids}
    for request in requests:
        if request["operation"] in MUTATING_OPERATIONS:
            sent[request["account_id"]][request["operation"]] += 1
    assert sent == dict.fromkeys(deletion.account_ids, PER_ACCOUNT), "something was deleted twice or not at all"
    entries = deletion.program.entries()
    assert_each_intent_has_one_outcome(entries)
    assert_every_privileged_call_has_an_intent(requests, entries)
    assert_chained(entries)
    (job,) = deletion.program.query("SELECT state, progress FROM jobs WHERE kind = 'deletion'")
    assert (job["state"], json.loads(job["progress"])["done"]) == ("done", ACCOUNTS)


def _assert_the_report_is_of_everything(run: Run) -> None:
    report = json.loads(run.stdout)
    assert report["summary"] == {
        "accounts": ACCOUNTS,
        "already_absent": 0,
        "deleted": ACCOUNTS,
        "failed": 0,
        "skipped": 0,
        "not_begun": 0,
    }
    kinds = {kind["outcome"] for account in report["accounts"] for kind in account["kinds"].values()}
    assert kinds == {"deleted"}
    assert report["stopped_by"] is None
