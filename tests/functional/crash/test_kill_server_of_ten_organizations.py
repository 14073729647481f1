"""kill -9 of a server of ten organizations in the middle of a deletion in each: each is settled and finished on its
own.

Front and processes are killed while AWS holds a deleting call of each. The sandboxes' truth and their lists of requests
are the judge, each against its own organization's ledger.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.engine_process import wait_until
from tests.functional.crash.judgement import (
    assert_chained,
    assert_each_intent_has_one_outcome,
    assert_every_privileged_call_has_an_intent,
)
from tests.functional.crash.root_users import is_empty
from tests.several_organizations import Person, Server, several_organizations, several_sandboxes

NAMES = tuple(f"org{number}" for number in range(10))
DELETING = ("DeactivateMFADevice", "DeleteAccessKey", "DeleteLoginProfile", "DeleteSigningCertificate")
STANDING_MS = 8000
"""For each call that deletes: a process waits longer for its answer, and is killed before."""
SECONDS = 180.0

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@dataclass(frozen=True, slots=True)
class Deletion:
    """A deletion in one organization."""

    name: str
    job_id: str
    targets: tuple[str, ...]
    since: int
    """The number of the sandbox's last request before."""


class TenOrganizations:
    """The server, and a token of an operator in each organization."""

    def __init__(self, server: Server) -> None:
        self.server = server
        ada = server.become_administrator()
        self._tokens = {name: self._make_token(ada, name) for name in NAMES}
        self._page = server.open_page("operator")

    @staticmethod
    def _make_token(ada: Person, name: str) -> str:
        answer = ada.send(name, "/tokens", {"name": "operator", "role": "operator"})
        assert answer.status == 201, answer
        token: str = answer.json["token"]
        return token

    def move_to(self, server: Server) -> None:
        """Ask another process of the same server from now on."""
        self.server, self._page = server, server.open_page("operator")

    def get(self, name: str, path: str) -> Any:
        answer = self._page.get(f"/organizations/{name}{path}", Authorization=f"Bearer {self._tokens[name]}")
        assert answer.status == 200, answer
        return answer.json

    def request(self, name: str, path: str, body: object) -> str:
        """Ask for a job; its id."""
        answer = self._page.post(f"/organizations/{name}{path}", body, Authorization=f"Bearer {self._tokens[name]}")
        assert answer.status == 202, answer
        job_id: str = answer.json["job_id"]
        return job_id

    def wait_ended(self, name: str, job_id: str) -> dict[str, Any]:
        wait_until(lambda: self.get(name, f"/jobs/{job_id}")["ended_at"] is not None, SECONDS)
        job: dict[str, Any] = self.get(name, f"/jobs/{job_id}")
        assert job["state"] == "done", job
        return job

    def begin_deletions(self) -> list[Deletion]:
        """Begin one in each organization."""
        planning = {name: self.request(name, "/plans", {"selection": {"everything": True}}) for name in NAMES}
        for name, job_id in planning.items():
            self.wait_ended(name, job_id)
        return [
            self._begin_deletion(name, self.get(name, f"/jobs/{job_id}/outcome")) for name, job_id in planning.items()
        ]

    def _begin_deletion(self, name: str, plan: dict[str, Any]) -> Deletion:
        targets = tuple(account["account_id"] for account in plan["accounts"] if account["calls"])
        assert len(targets) >= 2, f"{name} has nothing to interrupt"
        sandbox = self.server.sandboxes[name]
        since = sandbox.last_request()
        for operation in DELETING:
            sandbox.faults(operation=operation, latency_ms=STANDING_MS)
        return Deletion(name, self.request(name, "/deletions", {"plan_id": plan["plan_id"]}), targets, since)

    def query(self, name: str, statement: str) -> list[dict[str, Any]]:
        """Rows of the organization's database, read past the program."""
        database = self.server.data / "organizations" / name / "rootkeeper.db"
        with closing(sqlite3.connect(database)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement)]

    def has_open_intents(self, name: str) -> bool:
        return bool(self.query(name, "SELECT * FROM open_intents"))

    def has_no_open_intents(self, name: str) -> bool:
        return not self.has_open_intents(name)

    def kill_all(self) -> None:
        """kill -9 of the front, which ends no process in order, and of each process."""
        processes = [self.server.find_process(name) for name in NAMES]
        for number in (self.server.process.process.pid, *processes):
            os.kill(number, signal.SIGKILL)
        self.server.process.kill()
        wait_until(lambda: not any(Path(f"/proc/{number}").exists() for number in processes), SECONDS)


@pytest.fixture(scope="module")
def ten(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TenOrganizations]:
    with several_sandboxes(*NAMES, accounts=12) as sandboxes:
        more = "[aws]\ndeletion_concurrency = 1\n[schedules]\naudits = []\ndetailed_audits = []\n"
        with several_organizations(sandboxes, tmp_path_factory.mktemp("ten"), more) as server:
            wait_until(lambda: server.process.ask("GET", "/readyz").status == 200, SECONDS)
            yield TenOrganizations(server)


def test_p03_p21_of_ten_organizations_killed_in_mid_deletion_each_is_finished_on_its_own(ten: TenOrganizations) -> None:
    deletions = ten.begin_deletions()
    for deletion in deletions:
        wait_until(partial(ten.has_open_intents, deletion.name), SECONDS)
    ten.kill_all()
    assert all(ten.has_open_intents(name) for name in NAMES), "an organization was killed between two changes"
    for sandbox in ten.server.sandboxes.values():
        sandbox.clear_faults()
    with ten.server.restarted() as server:
        wait_until(lambda: server.process.ask("GET", "/readyz").status == 200, SECONDS)
        ten.move_to(server)
        for deletion in deletions:
            job = ten.wait_ended(deletion.name, deletion.job_id)
            assert job["progress"]["done"] == job["progress"]["total"], job
            wait_until(partial(ten.has_no_open_intents, deletion.name), SECONDS)
            assert_finished_alone(ten, deletion)


def assert_finished_alone(ten: TenOrganizations, deletion: Deletion) -> None:
    """Each account is clean, nothing was done twice, and the ledger has this organization's changes and no others."""
    sandbox = ten.server.sandboxes[deletion.name]
    assert all(is_empty(sandbox.root_user(account_id)) for account_id in deletion.targets)
    requests = sandbox.requests(deletion.since)
    done = Counter(
        (one["operation"], one["account_id"])
        for one in requests
        if one["operation"] == "DeleteLoginProfile" and one["status"] == 200
    )
    assert set(done.values()) <= {1}
    entries = ten.query(deletion.name, "SELECT * FROM ledger_entries ORDER BY sequence")
    assert_every_privileged_call_has_an_intent(requests, entries)
    assert_each_intent_has_one_outcome(entries)
    assert_chained(entries)
    organization = sandbox.organization()
    assert {entry["organization_id"] for entry in entries} == {organization["organization_id"]}
    own = {account["account_id"] for account in organization["accounts"]}
    assert {entry["account_id"] for entry in entries} - {None} <= own
