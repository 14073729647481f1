"""A server watches the windows that it opens, on both databases and across a kill."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.notification_servers import Receiver
from tests.functional.administration import Administration
from tests.functional.running import LONG_LEASE
from tests.functional.watched_recovery import name_queue
from tests.postgresql import PostgresqlServer
from tests.root_person import RootPerson
from tests.sandbox_process import SandboxProcess
from tests.server_process import ServerProcess

WAIT_SECONDS = 60


@pytest.fixture(scope="module")
def demo() -> Iterator[SandboxProcess]:
    """The demo organization, whose root events come to a queue."""
    with SandboxProcess.start("--scenario", "demo") as process:
        yield process


@dataclass
class Post:
    """Where a server runs, and who is notified."""

    sandbox: SandboxProcess
    environment: dict[str, str]
    receiver: Receiver
    servers: ExitStack
    server: ServerProcess = field(init=False)

    @property
    def account_id(self) -> str:
        return next(str(one["account_id"]) for one in self.sandbox.accounts().values() if one["name"] == "Shop Test")

    def start(self, **changes: str) -> ServerProcess:
        self.server = self.servers.enter_context(ServerProcess.start(self.environment | changes))
        return self.server

    def start_again(self) -> ServerProcess:
        """Those who had a token keep it."""
        tokens = self.server.tokens
        self.start().tokens.update(tokens)
        return self.server

    def open_window(self) -> dict[str, Any]:
        self.sandbox.put_root_user(self.account_id, {})
        wanted = {"account": self.account_id, "reason": "restore a bucket", "duration": "1h"}
        asked = self.server.ask("POST", "/api/v1/windows", wanted, name="ana")
        assert asked.status == 201, asked.body
        opened = self.server.ask("POST", f"/api/v1/windows/{asked.body['window_id']}/activate", name="ana")
        assert opened.status < 300, opened.body
        found: dict[str, Any] = opened.body
        return found

    def events(self) -> dict[str, bool]:
        """What was watched in the account, and whether it is alarming."""
        answer = self.server.ask("GET", f"/api/v1/history/{self.account_id}", name="ana")
        assert answer.status == 200, answer.body
        return {one["what"]: one["alarming"] for one in answer.body["entries"] if one["kind"] == "event"}

    def alerts(self) -> list[dict[str, Any]]:
        reported = [json.loads(one.body) for one in self.receiver.received]
        return [one for one in reported if one["event"] == "window:watch:suspicious"]

    def wait_for(self, *names: str) -> None:
        self.server.wait_until(lambda: set(names) <= set(self.events()), WAIT_SECONDS)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def post(request: pytest.FixtureRequest, demo: SandboxProcess, tmp_path: Path) -> Iterator[Post]:
    demo.reset()
    Administration(demo).set_up()
    url = f"sqlite:///{tmp_path / 'data' / 'rootkeeper.db'}"
    if request.param == "postgresql":
        postgresql: PostgresqlServer = request.getfixturevalue("postgresql")
        url = postgresql.create_current_database()
    with Receiver.start() as receiver, ExitStack() as servers:
        place = f"127.0.0.1:{receiver.port}"
        environment = demo.environment("delegated-admin") | {
            "HOME": str(tmp_path),
            "XDG_DATA_HOME": str(tmp_path / "share"),
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "ROOTKEEPER_DATABASE_URL": url,
            "ROOTKEEPER_AWS_VERIFY_SECONDS": "1",
            "ROOTKEEPER_LEASE_SECONDS": LONG_LEASE,
            "ROOTKEEPER_WINDOWS_APPROVALS": "0",
            "ROOTKEEPER_WATCHING_SOURCE": name_queue(demo),
            "ROOTKEEPER_NOTIFICATIONS_TARGETS": "oncall critical env:ONCALL_URL",
            "ROOTKEEPER_NOTIFICATIONS_ALLOWED_HOSTS": place,
            "ONCALL_URL": f"webhook+http://canary-that-signs@{place}/oncall",
        }
        yield Post(demo, environment, receiver, servers)


def test_a_window_is_watched_and_an_access_key_is_reported_once(post: Post) -> None:
    post.start().token("operator", "ana")
    if "postgresql" in post.environment["ROOTKEEPER_DATABASE_URL"]:
        post.servers.enter_context(ServerProcess.start(post.environment, "worker"))
    window = post.open_window()
    assert window["watched_by"] == "sqs:rootkeeper-root-events"
    person = RootPerson(post.sandbox, post.account_id)
    person.complete()
    post.wait_for("PasswordRecoveryRequested", "PasswordRecoveryCompleted", "ConsoleLogin", "EnableMFADevice")
    assert not any(post.events().values())
    assert post.alerts() == []
    person.open("/console")
    person.fill("/console/access-keys")
    post.wait_for("CreateAccessKey")
    post.server.wait_until(post.alerts, WAIT_SECONDS)
    time.sleep(2)
    (alert,) = post.alerts()
    assert (alert["severity"], alert["account_id"], alert["window_id"]) == (
        "critical",
        post.account_id,
        window["window_id"],
    )
    closed = post.server.ask("POST", f"/api/v1/windows/{window['window_id']}/close", name="ana")
    assert closed.body["state"] == "CLOSED_VERIFIED", closed.body
    assert post.server.ask("GET", "/readyz").status == 200


def test_what_happens_while_no_server_runs_is_judged_by_the_next(post: Post) -> None:
    post.start().token("operator", "ana")
    post.open_window()
    post.server.kill()
    person = RootPerson(post.sandbox, post.account_id)
    person.complete()
    person.open("/console")
    person.fill("/console/access-keys")
    post.start_again()
    post.wait_for("ConsoleLogin", "CreateAccessKey")
    assert post.events()["ConsoleLogin"] is False
    post.server.wait_until(post.alerts, WAIT_SECONDS)
    assert len(post.alerts()) == 1


@pytest.mark.parametrize("post", ["sqlite"], indirect=True)
def test_without_a_source_a_window_is_not_watched(post: Post) -> None:
    del post.environment["ROOTKEEPER_WATCHING_SOURCE"]
    post.start().token("operator", "ana")
    assert post.open_window()["watched_by"] is None


@pytest.mark.parametrize("post", ["sqlite"], indirect=True)
def test_a_queue_that_cant_be_read_shows_in_the_log_and_in_readiness(post: Post) -> None:
    server = post.start(ROOTKEEPER_WATCHING_SOURCE=name_queue(post.sandbox).replace("root-events", "no-such-queue"))
    server.wait_until(lambda: "sqs:ReceiveMessage" in server.stderr, WAIT_SECONDS)
    server.wait_until(lambda: server.ask("GET", "/readyz").status == 503, WAIT_SECONDS)


@pytest.mark.parametrize("post", ["sqlite"], indirect=True)
def test_a_source_that_is_none_keeps_a_server_from_beginning(post: Post) -> None:
    changed = post.environment | {"ROOTKEEPER_WATCHING_SOURCE": "kafka:topic"}
    with ServerProcess.start(changed, waits=False) as server:
        assert server.process.wait(WAIT_SECONDS) == 2
        assert "watching.source" in server.stderr
