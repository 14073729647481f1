"""What servers on one database share: failed sign-ins, answers to repeated requests, and whose jobs are still done."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.functional.serving.stage import Stage
from tests.postgresql import PostgresqlServer
from tests.server_process import Answer, ServerProcess

SECONDS = 60


@pytest.fixture
def database_url(postgresql: PostgresqlServer) -> str:
    return postgresql.create_database()


@pytest.fixture
def servers(stage: Stage, database_url: str) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    """Two on one database; both know ana, an administrator."""
    where = {"ROOTKEEPER_DATABASE_URL": database_url}
    with ExitStack() as running:
        one = running.enter_context(ServerProcess.start(stage.environment | where))
        two = running.enter_context(ServerProcess.start(stage.environment | where))
        two.tokens["ana"] = one.token("administrator", "ana")
        yield one, two


def post(server: ServerProcess, path: str, body: Any, key: str) -> tuple[int, dict[str, Any]]:
    """In ana's name, with an Idempotency-Key."""
    headers = {
        "Authorization": f"Bearer {server.tokens['ana']}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }
    request = urllib.request.Request(server.url + path, json.dumps(body).encode(), headers)  # noqa: S310 - this machine
    root_session_caller = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with root_session_caller.open(request, timeout=SECONDS) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def sign_in(server: ServerProcess, name: str) -> Answer:
    return server.ask("POST", "/api/v1/auth/sign-in", {"name": name, "password": "a wrong password"})


def test_wrong_passwords_count_at_all_servers_together(servers: tuple[ServerProcess, ServerProcess]) -> None:
    for number in range(10):
        assert sign_in(servers[number % 2], "unknown").status == 401
    assert [sign_in(server, "unknown").status for server in servers] == [429, 429]
    assert sign_in(servers[0], "another").status == 401


def test_a_repeated_request_gets_the_same_answer_at_another_server(
    servers: tuple[ServerProcess, ServerProcess],
) -> None:
    body = {"selection": {"everything": True}}
    status, job = post(servers[0], "/api/v1/preflights", body, "k-1")
    assert status == 202, job
    assert post(servers[1], "/api/v1/preflights", body, "k-1") == (202, job)
    made = post(servers[0], "/api/v1/tokens", {"name": "ci", "role": "viewer"}, "k-2")
    assert made[0] == 201, made
    again = post(servers[1], "/api/v1/tokens", {"name": "ci", "role": "viewer"}, "k-2")
    assert again[0] == 409, again
    assert made[1]["token"] not in json.dumps(again)


def test_a_job_of_a_user_who_was_disabled_before_its_turn_is_not_done(stage: Stage) -> None:
    with ServerProcess.start(stage.environment | {"ROOTKEEPER_SERVER_ENGINE": "false"}) as server:
        server.token("operator", "olga")
        server.token("administrator", "ana")
        asked = server.ask("POST", "/api/v1/audits", {}, name="olga")
        assert asked.status == 202, asked.body
        assert server.ask("POST", "/api/v1/identities/olga/disable", {}, name="ana").status == 200
        server.stop()
        tokens = server.tokens
    calls = len(stage.sandbox.requests())
    with ServerProcess.start(stage.environment) as server:
        server.tokens = tokens
        job = _wait_over(server, asked.body["job_id"])
        assert (job["state"], job["progress"]["done"]) == ("failed", 0)
        assert "olga requested job" in job["remark"]
        assert "was disabled" in job["remark"]
        outcome = server.ask("GET", f"/api/v1/jobs/{job['job_id']}/outcome", name="ana").body
        assert "access.denied" in json.dumps(outcome)
        server.stop()
    assert [one for one in stage.sandbox.requests()[calls:] if one["operation"] == "AssumeRoot"] == []


def _wait_over(server: ServerProcess, job_id: str) -> dict[str, Any]:
    end = time.monotonic() + SECONDS
    while True:
        found: dict[str, Any] = server.ask("GET", f"/api/v1/jobs/{job_id}", name="ana").body
        if found["state"] in {"done", "failed", "cancelled"}:
            return found
        assert time.monotonic() < end, found
        time.sleep(0.2)
