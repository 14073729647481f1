"""A server on a database of either kind, people with tokens, a person on call, and the sandbox as the judge.

Several tests share one: each takes accounts that no other one uses.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from tests.fakes.notification_servers import Receiver
from tests.functional.running import LONG_LEASE, Program, Runner
from tests.postgresql import PostgresqlServer
from tests.sandbox_process import SandboxProcess
from tests.server_process import Answer, ServerProcess

ACCOUNTS = ("--accounts", "24", "--seed", "3", "--features", "all")
ADMINISTRATOR = "adam"
ROLES = {"vera": "viewer", "olga": "operator", "piet": "approver", "cora": "approver", "ole": "approver"}
SECRET = "canary-that-signs-webhooks"
CLOSING_SECONDS = 10.0
"""How long after its end a window may stay open at worst."""
JOB_SECONDS = 90.0
OVER = {"done", "failed", "cancelled"}


@dataclass
class Outpost:
    """One sandbox, one database, and the servers that come and go on it."""

    sandbox: SandboxProcess
    environment: dict[str, str]
    folder: Path
    receiver: Receiver
    runner: Runner
    running: ExitStack
    tokens: dict[str, str] = field(default_factory=dict, repr=False)
    server: ServerProcess = field(init=False)
    _ready_at: float = 0.0
    """Since when the latest server is there, in seconds since 1970."""
    _taken: set[str] = field(default_factory=set)

    # Servers.

    def start(self, changes: Mapping[str, str] | None = None, *, clock_offset: float | None = None) -> ServerProcess:
        """A server, of which the next questions are asked; people keep their tokens."""
        surroundings = self.environment | dict(changes or {})
        self.server = self.running.enter_context(ServerProcess.start(surroundings, clock_offset=clock_offset))
        self._ready_at = time.time()
        if not self.tokens:
            self._make_tokens()
        self.server.tokens.update(self.tokens)
        return self.server

    def start_worker(self, changes: Mapping[str, str] | None = None) -> ServerProcess:
        return self.running.enter_context(ServerProcess.start(self.environment | dict(changes or {}), "worker"))

    def _make_tokens(self) -> None:
        self.tokens[ADMINISTRATOR] = self.server.token("administrator", ADMINISTRATOR)
        for name, role in ROLES.items():
            self.tokens[name] = self.post("/tokens", {"name": name, "role": role}, ADMINISTRATOR).body["token"]
            self.server.tokens[name] = self.tokens[name]

    def person(self, name: str) -> Program:
        """A person's command line, with the server's address and a token alone."""
        home = str(self.folder / name)
        return Program(
            {"HOME": home, "ROOTKEEPER_SERVER": self.server.url, "ROOTKEEPER_TOKEN": self.tokens[name]}, self.runner
        )

    @property
    def local(self) -> Program:
        """A command line straight on the server's database."""
        return Program(self.environment | {"ROOTKEEPER_LEASE_SECONDS": LONG_LEASE}, self.runner)

    def get(self, path: str, name: str = ADMINISTRATOR) -> Any:
        answer = self.server.ask("GET", f"/api/v1{path}", name=name)
        assert answer.status == 200, answer
        return answer.body

    def post(self, path: str, body: object = None, name: str = "olga") -> Answer:
        return self.server.ask("POST", f"/api/v1{path}", {} if body is None else body, name=name)

    # Accounts and windows.

    def take_account(self, ou_path: str = "Root") -> str:
        """A member account below a unit that no other test uses, without any root user credentials."""
        truth = self.sandbox.organization()
        account_id = next(
            str(one["account_id"])
            for one in truth["accounts"]
            if one["state"] == "ACTIVE"
            and one["account_id"] not in self._taken | self._not_for_taking(truth)
            and f"{one['ou_path']}/".startswith(f"{ou_path}/")
        )
        self._take(account_id)
        return account_id

    def take_member_administrators(self) -> str:
        """The account of the principal ``member-admin``."""
        account_id = self.sandbox.principals()["member-admin"].account_id
        self._take(account_id)
        return account_id

    def _not_for_taking(self, truth: Mapping[str, Any]) -> set[str]:
        return {truth["management_account_id"], self.sandbox.principals()["member-admin"].account_id}

    def _take(self, account_id: str) -> None:
        self._taken.add(account_id)
        self.sandbox.put_root_user(account_id, {})

    def request(self, account_id: str, duration: str = "1h", name: str = "olga") -> str:
        asked = self.post("/windows", {"account": account_id, "reason": "a drill", "duration": duration}, name)
        assert asked.status == 201, asked
        return str(asked.body["window_id"])

    def open(self, account_id: str, duration: str = "1h") -> str:
        """Request, have approved where that is owed, and activate."""
        window_id = self.request(account_id, duration)
        if self.find(window_id)["state"] == "REQUESTED":
            assert self.post(f"/windows/{window_id}/approve", None, "piet").status == 200
        opened = self.post(f"/windows/{window_id}/activate")
        assert opened.status == 200, opened
        assert opened.body["state"] == "OPEN", opened
        return window_id

    def find(self, window_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/windows/{window_id}")
        return found

    def is_open(self, account_id: str) -> bool:
        """As the sandbox knows it."""
        root_user = self.sandbox.root_user(account_id)
        return bool(root_user["recovery_allowed"] or root_user["password"])

    def wait_closed_on_time(self, window_id: str) -> None:
        """Until the window is closed, in truth as well: no more than seconds after its end, or after the server that
        closes it is there.
        """
        due_at = max(read_moment(self.find(window_id)["expires_at"]).timestamp(), self._ready_at)
        left = max(due_at - time.time(), 0) + CLOSING_SECONDS
        self.server.wait_until(lambda: self.find(window_id)["state"] == "CLOSED_VERIFIED", left)
        closed = self.find(window_id)
        assert read_moment(closed["expires_at"]) <= read_moment(closed["closed_at"]), closed
        assert not self.is_open(closed["account_id"])

    def wait_failed(self, window_id: str, attempts: int = 1) -> dict[str, Any]:
        """The window after so many attempts to close it, and not in the midst of one: then it doesn't say why the last
        one failed.
        """
        found: dict[str, Any] = {}

        def has_failed() -> bool:
            found.update(self.find(window_id))
            return bool(found["state"] == "CLOSE_FAILED" and found["failed_closings"] >= attempts)

        self.server.wait_until(has_failed)
        return found

    # Jobs, notifications, the ledger.

    def wait_done(self, job_id: str) -> None:
        """:raises AssertionError: if the job comes to another end."""
        found = self.wait_over(job_id)
        assert found["state"] == "done", f"{found}\n{self.server.stderr}"

    def wait_over(self, job_id: str) -> dict[str, Any]:
        self.server.wait_until(lambda: self.get(f"/jobs/{job_id}")["state"] in OVER, JOB_SECONDS)
        found: dict[str, Any] = self.get(f"/jobs/{job_id}")
        return found

    def reported(self, event: str) -> list[dict[str, Any]]:
        """The notifications of such an event."""
        documents = [json.loads(one.body) for one in self.receiver.received if one.path == "/hook"]
        return [document for document in documents if document["event"] == event]

    def verify_ledger(self) -> None:
        verified = self.local.run("ledger", "verify")
        assert verified.status == 0, verified.shown

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows, read past the program."""
        url = self.environment["ROOTKEEPER_DATABASE_URL"]
        if url.startswith("sqlite"):
            with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
                return connection.execute(statement).fetchall()
        with psycopg.connect(url.replace("+psycopg", "")) as connected:
            return connected.execute(statement.encode()).fetchall()


@contextmanager
def open_outpost(
    kind: str, folder: Path, runner: Runner, find_postgresql: Callable[[], PostgresqlServer], **settings: str
) -> Iterator[Outpost]:
    """A sandbox and an empty database.

    :param kind: ``sqlite`` or ``postgresql``.
    :param find_postgresql: the server of the latter.
    :param settings: variables of every server.
    """
    with SandboxProcess.start(*ACCOUNTS) as sandbox, Receiver.start() as receiver, ExitStack() as running:
        url = f"sqlite:///{folder / 'data' / 'rootkeeper.db'}"
        if kind == "postgresql":
            url = find_postgresql().create_current_database()
        place = f"127.0.0.1:{receiver.port}"
        environment = sandbox.environment() | {
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "share"),
            "XDG_STATE_HOME": str(folder / "state"),
            "ROOTKEEPER_DATABASE_URL": url,
            "ROOTKEEPER_AWS_VERIFY_SECONDS": "1",
            "ROOTKEEPER_NOTIFICATIONS_TARGETS": "hook info env:HOOK_URL",
            "ROOTKEEPER_NOTIFICATIONS_ALLOWED_HOSTS": place,
            "HOOK_URL": f"webhook+http://{SECRET}@{place}/hook",
            **settings,
        }
        yield Outpost(sandbox, environment, folder, receiver, runner, running)


def read_moment(text: str) -> datetime:
    """A moment of a record."""
    return datetime.fromisoformat(text)


def copy_program_as(folder: Path, repository: Path, version: str) -> dict[str, str]:
    """Another version of the program beside this one; what lets a process run it.

    It is this one with another number, also for the engine, which then takes nothing of the other's up.
    """
    shutil.copytree(repository / "src" / "rootkeeper", folder / "rootkeeper")
    for name, old, new in (
        ("__init__.py", '__version__ = "0.1.0"', f'__version__ = "{version}"'),
        ("worker/engine.py", 'APPLICATION_VERSION = "1"', f'APPLICATION_VERSION = "{version}"'),
    ):
        path = folder / "rootkeeper" / name
        text = path.read_text(encoding="utf-8")
        assert old in text, name
        path.write_text(text.replace(old, new), encoding="utf-8")
    return {"PYTHONPATH": f"{folder}:{repository}"}
