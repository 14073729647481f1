"""kill -9 of a server at every step of a window's life, from its request to its closing, on SQLite and on PostgreSQL.

A step is a commit of the window, its ledger or its lock, or a call that does more than read: between two steps nothing
changes that outlives the process. After each kill the next process begins past the window's end, and closes it first
thing, once, and verified. The engine is switched off: closing doesn't need it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.crash.judgement import (
    assert_chained,
    assert_each_intent_has_one_outcome,
    assert_every_privileged_call_has_an_intent,
)
from tests.functional.crash.killing_proxy import KillPoint
from tests.functional.crash.root_users import is_empty
from tests.functional.crash.server_runs import (
    KILLED,
    SECONDS,
    KeptDatabase,
    PostgresqlDatabase,
    Refused,
    Server,
    Servers,
    SqliteFolder,
    post,
    started_servers,
    wait_until,
)
from tests.postgresql import PostgresqlServer

pytestmark = pytest.mark.long

OWING = {"OPENING", "OPEN", "CLOSING", "CLOSE_FAILED"}
PAST_THE_END = 2 * 3600.0
"""Seconds after the beginning; the windows last one hour."""
SETTLED_SECONDS = 30.0
SHARDS = 3
REQUESTER, APPROVER = "rita", "ana"

OPENING_STEPS = ["AssumeRoot", "AssumeRoot", "AssumeRoot", "CreateLoginProfile"]
OPENING_COMMITS = 19
CLOSING_STEPS = ["AssumeRoot", "AssumeRoot", "DeleteLoginProfile", "AssumeRoot"]
CLOSING_COMMITS = 14


class Life:
    """One account, and the people who have a window opened for it."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        organization = servers.sandbox.organization()
        self.account_id = next(
            account["account_id"]
            for account in organization["accounts"]
            if account["state"] == "ACTIVE" and account["account_id"] != organization["management_account_id"]
        )
        self.tokens = {
            name: servers.run("token", "create", "--role", role, "--name", name).strip()
            for name, role in ((REQUESTER, "operator"), (APPROVER, "approver"))
        }

    # The people.

    def live(self, server: Server) -> None:
        """Request, approve and activate, as far as the server lives."""
        body = {"account": self.account_id, "reason": "drill", "duration": "1h"}
        window = post(server, "/windows", self.tokens[REQUESTER], body)
        for step, name in (("approve", APPROVER), ("activate", REQUESTER)):
            if window is None:
                return
            assert not isinstance(window, Refused), window
            window = post(server, f"/windows/{window['window_id']}/{step}", self.tokens[name])

    # Before and after.

    def start_over(self, name: str) -> int:
        """As it was kept; the number of the sandbox's last request."""
        self.servers.database.restore(name)
        self.servers.sandbox.put_root_user(self.account_id, {"recovery_allowed": True} if name == "open" else {})
        self.servers.proxy.begin_run()
        return self.servers.sandbox.last_request()

    def states(self) -> list[str]:
        rows = self.servers.database.query("SELECT account_id, state FROM recovery_windows")
        return [row["state"] for row in rows if row["account_id"] == self.account_id]

    def list_open_intents(self) -> list[object]:
        return list(self.servers.database.query("SELECT * FROM open_intents"))

    def assert_nothing_is_forgotten(self, point: KillPoint) -> None:
        root_user = self.servers.sandbox.root_user(self.account_id)
        assert is_empty(root_user) or OWING & set(self.states()), f"{point}: open, and no window owes its closing"

    def assert_closed_once(self, since: int, point: KillPoint) -> None:
        """As the sandbox and the ledger have it."""
        root_user = self.servers.sandbox.root_user(self.account_id)
        assert is_empty(root_user), f"{point}: {self.states()}"
        assert not OWING & set(self.states()), f"{point}: {self.states()}"
        requests = self.servers.sandbox.requests(since)
        for operation in ("CreateLoginProfile", "DeleteLoginProfile"):
            done = [one for one in requests if one["operation"] == operation and one["status"] == 200]
            assert len(done) <= 1, f"{point}: {operation} was done {len(done)} times"
        entries = self.servers.database.query("SELECT * FROM ledger_entries ORDER BY sequence")
        assert_every_privileged_call_has_an_intent(requests, entries)
        assert_each_intent_has_one_outcome(entries)
        assert_chained(entries)

    def continue_job(self) -> None:
        """The next process, past the window's end: root has no credentials by the time that this one is ready; intents
        and windows that the dead one left in mid-step are settled soon after.
        """
        self.servers.proxy.begin_run()
        server = self.servers.wait_ready(self.servers.start(offset=PAST_THE_END))
        assert is_empty(self.servers.sandbox.root_user(self.account_id)), server.stderr
        wait_until(
            lambda: not self.list_open_intents() and not OWING & set(self.states()),
            SETTLED_SECONDS,
            lambda: server.stderr,
        )
        self.servers.kill(server)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def life(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    folder = tmp_path_factory.mktemp("servers")
    if request.param == "sqlite":
        yield from _lives(SqliteFolder(folder), folder)
        return
    with PostgresqlServer.start() as server:
        yield from _lives(PostgresqlDatabase(server, folder), folder)


def _lives(database: KeptDatabase, folder: Path) -> Iterator[Life]:
    with started_servers(folder, database, "--accounts", "5", "--seed", "1", "--features", "all") as servers:
        servers.run("audit", "--fail-on", "none")
        life = Life(servers)
        database.keep("before")
        life.start_over("before")
        server = servers.wait_ready(servers.start())
        life.live(server)
        servers.kill(server)
        assert life.states() == ["OPEN"], server.stderr
        database.keep("open")
        yield life


def test_an_undisturbed_life_has_exactly_these_steps(life: Life) -> None:
    life.start_over("before")
    server = life.servers.wait_ready(life.servers.start())
    life.live(server)
    assert (life.servers.proxy.operations, server.commits) == (OPENING_STEPS, OPENING_COMMITS), server.steps
    life.servers.kill(server)
    life.start_over("open")
    server = life.servers.wait_ready(life.servers.start(offset=PAST_THE_END))
    assert (life.servers.proxy.operations, server.commits) == (CLOSING_STEPS, CLOSING_COMMITS), server.steps
    life.servers.kill(server)
    assert life.states() == ["CLOSED_VERIFIED"]


def list_points(steps: list[str], commits: int) -> list[KillPoint]:
    """Before and after each call, and after each commit."""
    calls = [KillPoint("call", when, number) for when in ("before", "after") for number in range(1, len(steps) + 1)]
    return calls + [KillPoint("commit", "after", number) for number in range(1, commits + 1)]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_p03_p11_a_server_killed_at_any_step_to_the_opening_closes_at_its_next_start(life: Life, shard: int) -> None:
    points = list_points(OPENING_STEPS, OPENING_COMMITS)
    assert len(points) == 2 * 4 + 19
    for point in points[shard::SHARDS]:
        since = life.start_over("before")
        server = life.servers.start(kill=point)
        life.live(life.servers.wait_ready(server))
        assert life.servers.find_status(server, SECONDS) == KILLED, f"{point}: {server.stderr}"
        life.assert_nothing_is_forgotten(point)
        life.continue_job()
        life.assert_closed_once(since, point)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_p03_p11_a_server_killed_at_any_step_of_the_closing_continues_at_its_next_start(life: Life, shard: int) -> None:
    points = list_points(CLOSING_STEPS, CLOSING_COMMITS)
    assert len(points) == 2 * 4 + 14
    for point in points[shard::SHARDS]:
        since = life.start_over("open")
        server = life.servers.start(offset=PAST_THE_END, kill=point)
        assert life.servers.find_status(server, SECONDS) == KILLED, f"{point}: {server.stderr}"
        life.assert_nothing_is_forgotten(point)
        life.continue_job()
        life.assert_closed_once(since, point)
        assert life.states() == ["CLOSED_VERIFIED"], point
