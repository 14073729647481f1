"""Two workers on PostgreSQL, one of which dies or hangs while it closes a window: the other one takes over.

Nothing runs twice, and one that wakes again does nothing any more. The sandbox's own list of requests is the judge.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.functional.crash.judgement import (
    assert_chained,
    assert_each_intent_has_one_outcome,
    assert_every_privileged_call_has_an_intent,
)
from tests.functional.crash.root_users import is_empty
from tests.functional.crash.server_runs import SECONDS, PostgresqlDatabase, Server, Servers, started_servers, wait_until
from tests.postgresql import PostgresqlServer

pytestmark = pytest.mark.long

TAKEOVER_SECONDS = 10.0
PAST_THE_END = 2 * 3600.0


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("workers")
    with (
        PostgresqlServer.start() as server,
        started_servers(
            folder,
            PostgresqlDatabase(server, folder),
            "--accounts",
            "6",
            "--seed",
            "1",
            "--features",
            "all",
            settings={"ROOTKEEPER_LEASE_SECONDS": "2"},
        ) as started,
    ):
        started.run("audit", "--fail-on", "none")
        yield started


class Scene:
    """An open window, and two workers that are about to learn that it is due."""

    def __init__(self, servers: Servers, account_id: str) -> None:
        self.servers = servers
        self.account_id = account_id
        self.servers.sandbox.clear_faults()
        self.servers.sandbox.put_root_user(account_id, {})
        self.servers.run("recover", account_id, "--reason", "drill", "--for", "1h", "--leave-open", "--yes")
        self.since = servers.sandbox.last_request()
        self.workers = [servers.wait_ready(servers.start("worker")) for _ in range(2)]

    def pass_the_end(self) -> None:
        for worker in self.workers:
            worker.move_clock(PAST_THE_END)

    def wait_closing(self) -> tuple[Server, Server]:
        """Until one of them closes the window: that one, and the other."""
        found: list[int] = []

        def has_begun() -> bool:
            found.extend(self._list_holders())
            return bool(found)

        wait_until(has_begun, 30, "no worker began to close")
        (closing,) = [worker for worker in self.workers if worker.pid == found[0]]
        (other,) = [worker for worker in self.workers if worker.pid != found[0]]
        return closing, other

    def state(self) -> str:
        rows = self.servers.database.query("SELECT account_id, state FROM recovery_windows ORDER BY requested_at")
        return str([row["state"] for row in rows if row["account_id"] == self.account_id][-1])

    def requests(self) -> list[dict[str, Any]]:
        return [one for one in self.servers.sandbox.requests(self.since) if one["account_id"] == self.account_id]

    def count(self, operation: str) -> int:
        """How many such calls have come to the sandbox."""
        return [one["operation"] for one in self.requests()].count(operation)

    def assert_closed_once(self) -> None:
        assert is_empty(self.servers.sandbox.root_user(self.account_id))
        done = [one["operation"] for one in self.requests() if one["mutating"] and one["status"] == 200]
        assert done == ["DeleteLoginProfile"]
        entries = self.servers.database.query("SELECT * FROM ledger_entries ORDER BY sequence")
        assert_every_privileged_call_has_an_intent(self.servers.sandbox.requests(self.since), entries)
        assert_each_intent_has_one_outcome(entries)
        assert_chained(entries)

    def end(self) -> None:
        for worker in self.workers:
            self.servers.kill(worker)

    def _list_holders(self) -> list[int]:
        rows = self.servers.database.query(
            "SELECT l.account_id, o.process_id FROM account_locks l JOIN owners o ON o.owner_id = l.owner_id"
        )
        return [int(row["process_id"]) for row in rows if row["account_id"] == self.account_id]


@pytest.fixture
def scene(servers: Servers) -> Iterator[Scene]:
    organization = servers.sandbox.organization()
    accounts = [
        account["account_id"]
        for account in organization["accounts"]
        if account["state"] == "ACTIVE" and account["account_id"] != organization["management_account_id"]
    ]
    opened = Scene(servers, accounts[0])
    servers.proxy.begin_run()
    yield opened
    opened.end()


@contextmanager
def closing_held_up(scene: Scene, operation: str) -> Iterator[tuple[Server, Server]]:
    """One worker closes, and its call of ``operation`` is on its way: that worker, and the other. At the end the call
    arrives.
    """
    with scene.servers.proxy.holding(operation) as held:
        scene.pass_the_end()
        found = scene.wait_closing()
        assert held.begun.wait(30), f"no {operation}"
        yield found


@pytest.mark.parametrize("operation", ["AssumeRoot", "DeleteLoginProfile"])
def test_p27_another_worker_takes_over_from_one_that_was_killed(scene: Scene, operation: str) -> None:
    with closing_held_up(scene, operation) as (closing, _):
        os.kill(closing.pid, signal.SIGKILL)
        scene.servers.find_status(closing, SECONDS)
        wait_until(lambda: scene.state() == "CLOSED_VERIFIED", TAKEOVER_SECONDS, "no worker took over")
        wait_until(lambda: not scene.servers.database.query("SELECT * FROM open_intents"), 30, "intents are left open")
        before = scene.count(operation)
    wait_until(lambda: scene.count(operation) > before, 30, "what was held up never arrived")
    scene.assert_closed_once()


@pytest.mark.parametrize("operation", ["AssumeRoot", "DeleteLoginProfile"])
def test_p27_one_that_hung_and_wakes_does_nothing_any_more(scene: Scene, operation: str) -> None:
    with closing_held_up(scene, operation) as (closing, other):
        os.kill(closing.pid, signal.SIGSTOP)
        wait_until(
            lambda: scene.state() == "CLOSED_VERIFIED", TAKEOVER_SECONDS, lambda: f"no worker took over: {other.stderr}"
        )
        wait_until(lambda: not scene.servers.database.query("SELECT * FROM open_intents"), 30, "intents are left open")
        sent = scene.count(operation)
    wait_until(lambda: scene.count(operation) > sent, 30, "what was held up never arrived")
    before = len(scene.requests())
    os.kill(closing.pid, signal.SIGCONT)
    time.sleep(2)
    woken = scene.requests()[before:]
    assert [one["operation"] for one in woken if one["mutating"] or one["operation"] == "AssumeRoot"] == []
    scene.assert_closed_once()
    assert scene.servers.find_status(closing) is None, "it continues for other accounts"
