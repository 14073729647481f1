"""Workers on PostgreSQL that die or stand still in the middle of a job: another takes it over, and nothing runs twice.

A server without an engine takes the jobs in, so that it is never the one that is killed. The sandbox's truth and its
list of requests are the judge.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.engine_process import wait_until
from tests.functional.crash.judgement import (
    assert_chained,
    assert_each_intent_has_one_outcome,
    assert_every_privileged_call_has_an_intent,
)
from tests.functional.crash.root_users import is_empty
from tests.postgresql import PostgresqlServer
from tests.sandbox_process import SandboxProcess
from tests.server_process import ServerProcess

TAKEOVER_SECONDS = 10.0
JOB_SECONDS = 90.0
SETTLING_SECONDS = 60.0
"""The read timeout, and what a settlement takes."""
SLOW_MS = 100
STANDING_MS = 3000
"""For a call about some accounts: shorter than a worker waits for it, so long that a job of them lasts."""
OPERATOR = "olga"
_PROCESS = re.compile(r"\(process (\d+) on ")

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


class Works:
    """A server that takes jobs in, for all tests, and two workers that do them, for one test."""

    def __init__(self, sandbox: SandboxProcess, url: str, opened: ExitStack) -> None:
        self.sandbox = sandbox
        self.url = url
        self.environment = sandbox.environment() | {
            "ROOTKEEPER_DATABASE_URL": url,
            "ROOTKEEPER_AWS_VERIFY_SECONDS": "1",
            "ROOTKEEPER_AWS_CONCURRENCY": "2",
            "ROOTKEEPER_AWS_READ_TIMEOUT_SECONDS": "5",
            "ROOTKEEPER_AWS_DELETION_CONCURRENCY": "2",
        }
        self.server = opened.enter_context(
            ServerProcess.start(self.environment | {"ROOTKEEPER_SERVER_ENGINE": "false"}, "serve")
        )
        self.workers: list[ServerProcess] = []
        self.server.token("operator", OPERATOR)

    def start_workers(self, opened: ExitStack) -> None:
        self.workers = [opened.enter_context(ServerProcess.start(self.environment, "worker")) for _ in range(2)]

    def request(self, path: str, body: object = None) -> str:
        answer = self.server.ask("POST", f"/api/v1/{path}", body or {}, name=OPERATOR)
        assert answer.status == 202, answer.body
        return str(answer.body["job_id"])

    def job(self, job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.server.ask("GET", f"/api/v1/jobs/{job_id}", name=OPERATOR).body
        return found

    def wait_done(self, job_id: str) -> dict[str, Any]:
        try:
            wait_until(lambda: self.job(job_id)["ended_at"] is not None, JOB_SECONDS)
        except AssertionError:
            reported = "\n".join(worker.stderr for worker in self.workers)
            pytest.fail(f"{self.job(job_id)}\n{reported}")
        return self.job(job_id)

    def hold_up(self, account_ids: Iterable[str]) -> None:
        """Each call about them takes long, until the faults are cleared: so a job is still under way when it is looked
        at.
        """
        for account_id in account_ids:
            self.sandbox.faults(service="iam", account_id=account_id, latency_ms=STANDING_MS)

    def find_worker(self, job_id: str) -> int | None:
        """Which of the two works on it; ``None`` while neither does."""
        found = _PROCESS.search(self.job(job_id)["owner"] or "")
        return None if found is None else [worker.process.pid for worker in self.workers].index(int(found[1]))

    def wait_under_way(self, job_id: str, done: int) -> int:
        """Until so many accounts are done: which worker does it."""
        wait_until(lambda: self.job(job_id)["progress"]["done"] >= done, JOB_SECONDS)
        worker = self.find_worker(job_id)
        assert worker is not None
        return worker

    def plan(self) -> dict[str, Any]:
        job = self.wait_done(self.request("plans", {"selection": {"everything": True}}))
        assert job["state"] == "done", job
        found: dict[str, Any] = self.server.ask("GET", f"/api/v1/jobs/{job['job_id']}/outcome", name=OPERATOR).body
        return found

    def entries(self) -> list[dict[str, Any]]:
        return self.query("SELECT * FROM ledger_entries ORDER BY sequence")

    def query(self, statement: LiteralString) -> list[dict[str, Any]]:
        """Rows, read past the program."""
        with psycopg.connect(self.url.replace("+psycopg", ""), row_factory=dict_row) as connection:
            return [dict(row) for row in connection.execute(statement)]

    def assert_nothing_ran_twice(self, since: int) -> None:
        """Each change was answered with success once, and the ledger has it whole."""
        requests = self.sandbox.requests(since)
        done = Counter(
            (one["operation"], one["account_id"])
            for one in requests
            if one["mutating"] and one["status"] == 200 and one["operation"] == "DeleteLoginProfile"
        )
        assert set(done.values()) <= {1}
        wait_until(lambda: not self.query("SELECT * FROM open_intents"), SETTLING_SECONDS)
        entries = self.entries()
        assert_every_privileged_call_has_an_intent(requests, entries)
        assert_each_intent_has_one_outcome(entries)
        assert_chained(entries)


@pytest.fixture(scope="module")
def opened_works(postgresql: PostgresqlServer) -> Iterator[Works]:
    with ExitStack() as opened:
        arguments = ("--accounts", "40", "--seed", "3", "--features", "all", "--latency-ms", str(SLOW_MS))
        sandbox = opened.enter_context(SandboxProcess.start(*arguments))
        yield Works(sandbox, postgresql.create_current_database(), opened)


@pytest.fixture
def works(opened_works: Works) -> Iterator[Works]:
    opened_works.sandbox.reset()
    with ExitStack() as opened:
        opened_works.start_workers(opened)
        yield opened_works


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_deletion_whose_worker_is_gone_is_finished_by_another_and_deletes_nothing_twice(
    works: Works, how: str
) -> None:
    plan = works.plan()
    targets = [account["account_id"] for account in plan["accounts"] if account["calls"]]
    assert len(targets) >= 6
    since = works.sandbox.last_request()
    works.hold_up(targets[2:])
    job_id = works.request("deletions", {"plan_id": plan["plan_id"]})
    doing = works.wait_under_way(job_id, 2)
    gone, heir = works.workers[doing], works.workers[1 - doing]
    leave: Callable[[], None] = gone.kill if how == "killed" else gone.pause
    leave()
    assert wait_until(lambda: works.find_worker(job_id) == 1 - doing, TAKEOVER_SECONDS) < TAKEOVER_SECONDS
    works.sandbox.clear_faults()
    if how == "stopped":
        gone.resume()
    job = works.wait_done(job_id)
    assert (job["state"], job["created_by"]) == ("done", OPERATOR), job
    assert job["progress"]["done"] == job["progress"]["total"]
    assert job["progress"]["present"] == 0
    assert heir.process.poll() is None
    assert all(is_empty(works.sandbox.root_user(account_id)) for account_id in targets)
    works.assert_nothing_ran_twice(since)


def test_an_audit_whose_worker_was_killed_reads_no_account_again_that_was_read(works: Works) -> None:
    since = works.sandbox.last_request()
    works.hold_up(sorted(works.sandbox.accounts())[::2])
    job_id = works.request("audits")
    doing = works.wait_under_way(job_id, 4)
    works.workers[doing].kill()
    wait_until(lambda: works.find_worker(job_id) == 1 - doing, TAKEOVER_SECONDS)
    works.sandbox.clear_faults()
    job = works.wait_done(job_id)
    assert job["state"] == "done"
    assert job["progress"]["done"] == job["progress"]["total"] == len(works.sandbox.accounts())
    opened = Counter(one["account_id"] for one in works.sandbox.requests(since) if one["operation"] == "AssumeRoot")
    assert max(opened.values()) <= 2
    assert sum(count == 1 for count in opened.values()) >= len(opened) / 2


def test_a_person_who_asked_is_named_in_the_ledger(works: Works) -> None:
    job = works.wait_done(works.request("preflights"))
    assert job["state"] == "done"
    assert works.server.ask("GET", f"/api/v1/jobs/{job['job_id']}/outcome", name=OPERATOR).body["rows"]
    facts = [entry for entry in works.entries() if job["job_id"] in entry["parameters"]]
    assert [(fact["action"], fact["actor"], fact["actor_kind"]) for fact in facts] == [
        ("job:request", OPERATOR, "token")
    ]
