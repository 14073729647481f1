"""kill -9 in the middle of an audit; ``jobs resume`` reads the rest: nothing forgotten, nothing twice without need."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.crash.judgement import (
    assert_chained,
    assert_each_intent_has_one_outcome,
    assert_every_privileged_call_has_an_intent,
)
from tests.functional.crash.killing_proxy import KillPoint, let_pass
from tests.functional.crash.program_runs import KILLED, Program, Run, started_program
from tests.functional.crash.server_runs import SECONDS, wait_until

pytestmark = pytest.mark.long

ACCOUNTS = 40
AT_A_TIME = 4
LATENCY_MS = 50
CALLS_AT_A_STRETCH = 3 * AT_A_TIME
"""After so many calls the next one waits until what was read is kept, as it is each half second."""
UNSAVED_AT_MOST = 3 * AT_A_TIME
"""So many accounts are begun in one stretch, with those in flight."""

POINTS = [
    KillPoint("call", "before", 20),
    KillPoint("call", "after", 45),
    KillPoint("call", "after", 70),
    KillPoint("commit", "after", 8),
]
"""Spread over a run of some 80 calls."""


class Audit:
    """An audit that a person starts, that dies, and that resumes."""

    def __init__(self, program: Program) -> None:
        self.program = program
        truth = program.sandbox.organization()
        self.readable = {
            account["account_id"]
            for account in truth["accounts"]
            if account["state"] == "ACTIVE" and account["account_id"] != truth["management_account_id"]
        }
        assert program.run("audit", "--fail-on", "none", next(iter(self.readable))).status == 0
        program.keep_database()

    def start_over(self) -> int:
        """A database without that audit; the number of the sandbox's last request."""
        self.program.restore_database()
        return self.program.sandbox.last_request()

    def run(self, *, kill: KillPoint) -> Run:
        since, one_at_a_time = self.program.sandbox.last_request(), threading.Lock()

        def wait_until_kept(number: int, _operation: str) -> None:
            with one_at_a_time:
                if number % CALLS_AT_A_STRETCH == 0:
                    wait_until(lambda: self.list_read(since) <= self.list_kept(), SECONDS, "what was read isn't kept")

        self.program.proxy.before = wait_until_kept
        try:
            return self.program.run("audit", "-o", "json", kill=kill)
        finally:
            self.program.proxy.before = let_pass

    def resume(self, *, kill: KillPoint | None = None) -> Run:
        return self.program.run("jobs", "resume", self.newest_job()["job_id"], "-o", "json", kill=kill)

    def list_read(self, since: int) -> set[str]:
        """Accounts that were read by a root session, as the sandbox knows it."""
        requests = self.program.sandbox.requests(since)
        read = {request["account_id"] for request in requests if request["operation"] == "GetAccountSummary"}
        return read & self.readable

    def list_kept(self) -> set[str]:
        """Accounts whose status is on disk, and was read by the newest job."""
        rows = self.program.query(
            "SELECT account_id FROM account_statuses WHERE observed_at >= (SELECT max(created_at) FROM jobs)"
        )
        return {row["account_id"] for row in rows}

    def newest_job(self) -> dict[str, Any]:
        (row,) = self.program.query("SELECT * FROM jobs ORDER BY created_at DESC LIMIT 1")
        return row

    def count_opened(self, since: int) -> Counter[str]:
        requests = self.program.sandbox.requests(since)
        return Counter(request["account_id"] for request in requests if request["operation"] == "AssumeRoot")


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audit]:
    folder = tmp_path_factory.mktemp("audit")
    sandbox = ("--accounts", str(ACCOUNTS), "--seed", "1", "--features", "all", "--latency-ms", str(LATENCY_MS))
    with started_program(folder, *sandbox, settings={"ROOTKEEPER_AWS_CONCURRENCY": str(AT_A_TIME)}) as program:
        yield Audit(program)


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_p03_p15_an_audit_killed_anywhere_continues_where_it_was(audit: Audit, point: KillPoint) -> None:
    since = audit.start_over()
    killed = audit.run(kill=point)
    assert killed.status == KILLED, killed.stderr
    at_kill, kept = audit.program.sandbox.last_request(), audit.list_kept()

    resumed = audit.resume()
    assert resumed.status == 1, resumed.stderr
    _assert_nothing_is_forgotten(audit, resumed)
    again = audit.count_opened(at_kill)
    assert not again.keys() & kept, "an account whose status was kept was read again"
    opened = audit.count_opened(since)
    assert set(opened) == audit.readable
    assert max(opened.values()) <= 2
    twice = sum(number > 1 for number in opened.values())
    assert twice <= UNSAVED_AT_MOST, f"{twice} accounts were read twice"
    _assert_the_ledger_holds(audit, since)


def test_a_resumed_audit_that_is_killed_resumes_again(audit: Audit) -> None:
    since = audit.start_over()
    assert audit.run(kill=KillPoint("call", "after", 35)).status == KILLED
    assert audit.resume(kill=KillPoint("call", "before", 25)).status == KILLED
    resumed = audit.resume()
    assert resumed.status == 1, resumed.stderr
    _assert_nothing_is_forgotten(audit, resumed)
    assert set(audit.count_opened(since)) == audit.readable
    _assert_the_ledger_holds(audit, since)


def _assert_nothing_is_forgotten(audit: Audit, run: Run) -> None:
    """Every account is reported, and as the sandbox knows it."""
    answer, truth = json.loads(run.stdout), audit.program.sandbox.accounts()
    reported = {account["account_id"]: account["status"] for account in answer["accounts"]}
    assert reported.keys() == truth.keys()
    kinds = ("password", "recovery_allowed", "access_keys", "signing_certificates", "mfa_devices")
    for account_id in audit.readable:
        has_any = any(truth[account_id]["root_user"][kind] for kind in kinds)
        assert reported[account_id] == ("present" if has_any else "not_present")
    job = audit.newest_job()
    progress = json.loads(job["progress"])
    assert (job["state"], progress["done"], progress["total"]) == ("done", ACCOUNTS, ACCOUNTS)


def _assert_the_ledger_holds(audit: Audit, since: int) -> None:
    """The batches that died are settled by the next command that changes something."""
    requests = audit.program.sandbox.requests(since)
    what = ("--owner", "Ana", "--reason", "contract", "--until", "30d", "--yes")
    assert audit.program.run("exceptions", "add", min(audit.readable), *what).status == 0
    entries = audit.program.entries()
    assert_every_privileged_call_has_an_intent(requests, entries)
    assert_each_intent_has_one_outcome(entries)
    assert_chained(entries)
