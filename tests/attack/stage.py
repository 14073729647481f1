"""What every attack needs: a sandbox, a server process with short windows, and a record of when each window closed.

The record is the sandbox's own: the CloudTrail event of the ``DeleteLoginProfile`` that ended the recovery. It owes
nothing to the server, to its database or to its clock.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.durations import Stopwatch
from tests.fakes.notification_servers import Receiver
from tests.functional.running import LONG_LEASE, Program, Runner
from tests.sandbox_process import SandboxProcess
from tests.server_process import ServerProcess

CLOSING_SECONDS = 10.0
"""How long after its end, or after store and AWS are back, a window may stay open at worst."""
WAIT_SECONDS = 60.0
LEASE_SECONDS = "8"
"""Of servers."""
_LOOK_SECONDS = 0.2
_OPERATOR = "olga"
_SECRET = "canary-that-signs-webhooks"


@dataclass(frozen=True, slots=True)
class OpenedWindow:
    """A recovery window that a test opened."""

    window_id: str
    account_id: str
    ends_at: datetime


@dataclass
class AttackStage:
    """One sandbox, one database, someone who is notified, and the servers of one test."""

    sandbox: SandboxProcess
    environment: dict[str, str]
    """Of servers; a test may change it before it starts one."""
    folder: Path
    receiver: Receiver
    runner: Runner
    running: ExitStack
    server: ServerProcess = field(init=False)
    """The newest one."""
    tokens: dict[str, str] = field(default_factory=dict, repr=False)
    """By name; they are valid for every server on the database."""
    _taken: set[str] = field(default_factory=set)

    # Servers and command lines.

    @property
    def database(self) -> Path:
        """The SQLite file; its copies (anchor, mirror, spill) are beside it."""
        return Path(self.environment["ROOTKEEPER_DATABASE_URL"].removeprefix("sqlite:///"))

    @property
    def local(self) -> Program:
        """A command line straight on the database."""
        return Program(self.environment | {"ROOTKEEPER_LEASE_SECONDS": LONG_LEASE}, self.runner)

    def start_server(
        self,
        changes: Mapping[str, str] | None = None,
        *,
        clock_offset: float | None = None,
        waits: bool = True,
        port: int = 0,
        options: Sequence[str] = (),
        **how: Any,
    ) -> ServerProcess:
        """Start one; it is killed at the end of the test.

        :param changes: to its environment.
        :param clock_offset: give it a clock that is off by so many seconds, and that ``move_clock`` moves.
        :param waits: ``False`` for one that isn't expected to get ready.
        :param how: further fields of a forked run's order, such as ``open_file_limit``.
        """
        environment = self.environment | dict(changes or {})
        self.server = self.running.enter_context(
            ServerProcess.start(environment, clock_offset=clock_offset, waits=waits, port=port, options=options, **how)
        )
        return self.server

    # Windows.

    def take_account(self) -> str:
        """A member account that no other window of this test uses, without any root user credentials."""
        truth = self.sandbox.organization()
        not_for_taking = {truth["management_account_id"], *self._taken}
        account_id = next(
            str(one["account_id"])
            for one in truth["accounts"]
            if one["state"] == "ACTIVE" and one["account_id"] not in not_for_taking
        )
        self._taken.add(account_id)
        self.sandbox.put_root_user(account_id, {})
        return account_id

    def open_window(self, seconds: int, account_id: str | None = None) -> OpenedWindow:
        """Open a recovery window of so many seconds, at least 10: by the running server, else by the command line."""
        account_id = account_id or self.take_account()
        if hasattr(self, "server") and self.server.process.poll() is None:
            found = self._open_by_server(account_id, seconds)
        else:
            arguments = ("--reason", "drill", "--for", f"{seconds}s", "--leave-open", "--yes")
            opened = self.local.run("recover", account_id, *arguments)
            assert opened.status == 0, opened.shown
            listed = self.local.run("windows", "list", "-o", "json").json["windows"]
            found = next(one for one in listed if one["account_id"] == account_id and one["state"] == "OPEN")
        assert self.is_open(account_id)
        return OpenedWindow(found["window_id"], account_id, datetime.fromisoformat(found["expires_at"]))

    def _open_by_server(self, account_id: str, seconds: int) -> dict[str, Any]:
        if _OPERATOR not in self.server.tokens:
            self.server.tokens.update(self.tokens)
        if _OPERATOR not in self.tokens:
            self.tokens[_OPERATOR] = self.server.token("operator", _OPERATOR)
        wanted = {"account": account_id, "reason": "drill", "duration": f"{seconds}s"}
        asked = self.server.ask("POST", "/api/v1/windows", wanted, name=_OPERATOR)
        assert asked.status == 201, asked
        opened = self.server.ask("POST", f"/api/v1/windows/{asked.body['window_id']}/activate", {}, name=_OPERATOR)
        assert opened.status == 200, opened
        found: dict[str, Any] = opened.body
        return found

    def wait_known(self, *opened: OpenedWindow) -> None:
        """Until the running server has had time to list the windows: it lists them each second."""
        before = time.monotonic()
        self.server.wait_until(lambda: time.monotonic() - before > 2.5)
        assert all(self.is_open(one.account_id) for one in opened), "a window was to be open still"

    def is_open(self, account_id: str) -> bool:
        """Whether the account's root user can be recovered or signs in with a password, as the sandbox knows it."""
        root_user = self.sandbox.root_user(account_id)
        return bool(root_user["recovery_allowed"] or root_user["password"])

    def find_closed_at(self, opened: OpenedWindow) -> datetime | None:
        """When AWS did the ``DeleteLoginProfile`` that closed the window, to the second; ``None`` while it is open."""
        if self.is_open(opened.account_id):
            return None
        done = [
            datetime.fromisoformat(event["eventTime"])
            for event in self.sandbox.events(opened.account_id)
            if event["eventName"] == "DeleteLoginProfile" and "errorCode" not in event
        ]
        assert done, "the window was closed by no call"
        return done[-1]

    def require_closed_on_time(
        self, *windows: OpenedWindow, back_at: datetime | None = None, within_seconds: float = CLOSING_SECONDS
    ) -> None:
        """Wait until each window is closed, and hold the sandbox's record of it against the window's end.

        :param back_at: when the store or AWS came back, if that was after the end.
        :raises AssertionError: if one was closed before its end, or later than ``within_seconds`` after it.
        """
        watch = Stopwatch()
        latest = max(max(one.ends_at for one in windows), back_at or datetime.min.replace(tzinfo=UTC))
        patience = max(0.0, (latest - datetime.now(UTC)).total_seconds()) + WAIT_SECONDS
        while not all(self.find_closed_at(one) for one in windows):
            assert watch.seconds < patience, f"windows stay open:\n{self._read_log()}"
            watch.pause(_LOOK_SECONDS)
        for one in windows:
            closed_at = self.find_closed_at(one)
            assert closed_at is not None
            # The record has whole seconds.
            assert closed_at >= one.ends_at - timedelta(seconds=1), f"closed before its end: {one}, {closed_at}"
            due_at = max(one.ends_at, back_at or one.ends_at)
            late = (closed_at - due_at).total_seconds()
            assert late <= within_seconds, f"closed {late:.0f} s late: {one}, {closed_at}\n{self._read_log()}"

    def list_windows(self) -> list[dict[str, Any]]:
        """The windows as the command line lists them."""
        listed: list[dict[str, Any]] = self.local.run("windows", "list", "-o", "json").json["windows"]
        return listed

    def wait_recorded(self) -> None:
        """Until each window is recorded as closed: the record follows the last re-read, after the change in AWS."""
        self.server.wait_until(lambda: {one["state"] for one in self.list_windows()} == {"CLOSED_VERIFIED"})

    def _read_log(self) -> str:
        return self.server.stderr if hasattr(self, "server") else ""

    # What the server says.

    def errors(self) -> list[dict[str, Any]]:
        """The lines of the server's log with level error."""
        return [line for line in self.server.lines if line["level"] == "error"]

    def wait_error(self, text: str, seconds: float = WAIT_SECONDS) -> None:
        """Until an error whose message contains ``text`` is logged."""
        self.server.wait_until(lambda: self.server.has_error(text), seconds)

    def notified(self, event: str | None = None) -> list[dict[str, Any]]:
        """What was notified: ``{event, severity, title, body, …}``; of one event, or everything."""
        documents = [json.loads(one.body) for one in self.receiver.received if one.path == "/hook"]
        return [document for document in documents if event in (None, document["event"])]

    def wait_notified(self, event: str, text: str = "", seconds: float = WAIT_SECONDS) -> None:
        """Until a notification of ``event`` that contains ``text`` has come."""
        self.server.wait_until(lambda: any(text in json.dumps(one) for one in self.notified(event)), seconds)


@contextmanager
def open_attack_stage(sandbox: SandboxProcess, folder: Path, runner: Runner, **settings: str) -> Iterator[AttackStage]:
    """An organization as at its start, and an empty database.

    :param settings: variables of every process.
    """
    sandbox.reset()
    temporary = folder / "temporary"
    temporary.mkdir()
    with Receiver.start() as receiver, ExitStack() as running:
        place = f"127.0.0.1:{receiver.port}"
        environment = sandbox.environment() | {
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "share"),
            "XDG_STATE_HOME": str(folder / "state"),
            "TMPDIR": str(temporary),
            "ROOTKEEPER_DATABASE_URL": f"sqlite:///{folder / 'data' / 'rootkeeper.db'}",
            "ROOTKEEPER_AWS_VERIFY_SECONDS": "1",
            "ROOTKEEPER_LEASE_SECONDS": LEASE_SECONDS,
            "ROOTKEEPER_WINDOWS_APPROVALS": "0",
            "ROOTKEEPER_NOTIFICATIONS_TARGETS": "hook info env:HOOK_URL",
            "ROOTKEEPER_NOTIFICATIONS_ALLOWED_HOSTS": place,
            "HOOK_URL": f"webhook+http://{_SECRET}@{place}/hook",
            **settings,
        }
        yield AttackStage(sandbox, environment, folder, receiver, runner, running)
