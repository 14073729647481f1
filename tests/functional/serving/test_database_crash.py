"""PostgreSQL crashes under load: what was opened is closed, what was asked for is done, and the ledger is whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.running import Runner
from tests.functional.serving.outposts import JOB_SECONDS, Outpost, open_outpost
from tests.postgresql import PostgresqlServer

pytestmark = pytest.mark.long

WINDOWS = 4
AWAY_SECONDS = 5.0
SECONDS = 60.0


@pytest.fixture(scope="module")
def own_postgresql() -> Iterator[PostgresqlServer]:
    """One that may be crashed."""
    with PostgresqlServer.start() as server:
        yield server


@pytest.fixture
def outpost(own_postgresql: PostgresqlServer, tmp_path: Path, runner: Runner) -> Iterator[Outpost]:
    with open_outpost(
        "postgresql",
        tmp_path,
        runner,
        lambda: own_postgresql,
        ROOTKEEPER_WINDOWS_APPROVALS="0",
        ROOTKEEPER_AWS_CONCURRENCY="1",
    ) as opened:
        yield opened


class OpenResult:
    """A user who opens one window after the other while the database goes away and comes back."""

    def __init__(self, outpost: Outpost, account_ids: list[str]) -> None:
        self._outpost = outpost
        self._account_ids = account_ids
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.answers: list[int] = []

    def __enter__(self) -> OpenResult:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(SECONDS)

    def _work(self) -> None:
        while self._account_ids and not self._ending.is_set():
            self._open(self._account_ids.pop())

    def _open(self, account_id: str) -> None:
        body = {"account": account_id, "reason": "a drill", "duration": "10s"}
        asked = self._outpost.post("/windows", body)
        self.answers.append(asked.status)
        if asked.status == 201:
            self.answers.append(self._outpost.post(f"/windows/{asked.body['window_id']}/activate").status)


@pytest.mark.timeout(900)
def test_nothing_is_lost_when_postgresql_crashes_under_load(outpost: Outpost, own_postgresql: PostgresqlServer) -> None:
    accounts = [outpost.take_account() for _ in range(2 * WINDOWS)]
    outpost.start()
    outpost.start_worker()
    opened = [outpost.open(account_id, "15s") for account_id in accounts[:WINDOWS]]
    outpost.sandbox.faults(service="iam", operation="GetAccountSummary", latency_ms=800)
    jobs = [outpost.post("/audits").body["job_id"] for _ in range(2)]
    outpost.server.wait_until(lambda: list_states(outpost, jobs) == ["running", "running"])

    with OpenResult(outpost, accounts[WINDOWS:]) as opening:
        outpost.server.wait_until(lambda: opening.answers)
        assert list_states(outpost, jobs) == ["running", "running"]
        own_postgresql.stop_immediately()
        time.sleep(AWAY_SECONDS)
        assert outpost.server.ask("GET", "/healthz").status == 200
        own_postgresql.start_again()
    assert set(opening.answers) <= {200, 201, 409, 503}, opening.answers

    outpost.server.wait_until(lambda: outpost.server.ask("GET", "/readyz").status == 200, SECONDS)
    outpost.server.wait_until(lambda: not list_owing(outpost), SECONDS)
    assert [account_id for account_id in accounts if outpost.is_open(account_id)] == []
    states = {outpost.find(window_id)["state"] for window_id in opened}
    assert states == {"CLOSED_VERIFIED"}
    for job_id in jobs:
        outpost.wait_done(job_id)
    outpost.server.wait_until(lambda: not outpost.query("SELECT * FROM open_intents"), JOB_SECONDS)
    outpost.verify_ledger()


def list_states(outpost: Outpost, job_ids: list[str]) -> list[str]:
    return [outpost.get(f"/jobs/{job_id}")["state"] for job_id in job_ids]


def list_owing(outpost: Outpost) -> list[str]:
    """Windows that are open, or may be."""
    windows = outpost.get("/windows?unfinished=true")["windows"]
    return [one["window_id"] for one in windows if one["state"] not in {"REQUESTED", "APPROVED"}]
