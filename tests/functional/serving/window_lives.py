"""A server and its people over a sandbox, for random lives of recovery windows: what is done, and what must hold.

The judge is the sandbox's own truth and what people really said yes to, never what the product answered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPException
from typing import Any

from rootkeeper.ledger.database import Database, DatabaseOptions, open_database
from rootkeeper.windows.rules import FINAL_STATES, OWING_STATES, RecoveryWindow
from rootkeeper.windows.store import RecoveryWindowStore
from tests.sandbox_process import SandboxProcess
from tests.server_process import Answer, ServerProcess

SECONDS = 600
VALID = timedelta(hours=1)
PEOPLE = {"adam": "administrator", "olga": "operator", "otto": "operator", "anna": "approver", "art": "approver"}
TASKS = {
    "CreateLoginProfile": "IAMCreateRootUserPassword",
    "DeactivateMFADevice": "IAMDeleteRootUserCredentials",
    "DeleteAccessKey": "IAMDeleteRootUserCredentials",
    "DeleteLoginProfile": "IAMDeleteRootUserCredentials",
    "DeleteSigningCertificate": "IAMDeleteRootUserCredentials",
}
"""The one task policy with which each changing call may be made."""
WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Consent:
    """What a person really said yes to, by the clock of server and sandbox."""

    name: str
    window_id: str
    at: float
    seconds: int | None = None


@dataclass
class Scene:
    """One organization, one database, one or more processes, and a clock that only moves when a test sets it."""

    sandbox: SandboxProcess
    environment: dict[str, str]
    commands: tuple[str, ...]
    approvals: int
    database: Database
    account_ids: tuple[str, ...]
    stack: ExitStack
    processes: list[ServerProcess] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    consents: list[Consent] = field(default_factory=list)
    offset: float = 0.0
    since: int = 0

    # The processes.

    def start(self, number: int) -> None:
        command = self.commands[number]
        process = self.stack.enter_context(ServerProcess.start(self.environment, command, clock_offset=self.offset))
        process.tokens.update(self.tokens)
        self.processes[number : number + 1] = [process]

    def revive(self) -> None:
        """Start again all that was killed."""
        for number, process in enumerate(self.processes):
            if process.process.poll() is not None:
                self.start(number)

    @property
    def server(self) -> ServerProcess:
        return self.processes[0]

    def make_people(self) -> None:
        self.tokens["adam"] = self.server.token("administrator", "adam")
        for name, role in PEOPLE.items():
            if name != "adam":
                answer = self.server.ask("POST", "/api/v1/tokens", {"name": name, "role": role}, name="adam")
                self.tokens[name] = self.server.tokens[name] = answer.body["token"]

    def pass_time(self, seconds: float) -> None:
        """For server and sandbox alike."""
        self.offset += seconds
        for process in self.processes:
            process.move_clock(self.offset)
        self.sandbox.clock(seconds)

    # What people do.

    def ask(
        self, name: str, method: str, path: str, body: object = None, *, kill_after: float | None = None
    ) -> Answer | None:
        """Ask the server; ``None`` if it was killed before it answered."""
        killer = None if kill_after is None else threading.Timer(kill_after, self.server.kill)
        if killer is not None:
            killer.start()
        answer = None
        with suppress(OSError, HTTPException):
            answer = self.server.ask(method, f"/api/v1/{path}", body, name=name)
        if killer is not None:
            killer.join()
        self.revive()
        assert answer is None or answer.status < 500 or answer.body.get("code") != "bug", answer
        assert answer is None or answer.status != 500, self.server.stderr
        return answer

    def request(self, name: str, account_id: str, kill_after: float | None = None) -> None:
        body = {"account": account_id, "reason": "a test", "duration_seconds": SECONDS}
        self.ask(name, "POST", "windows", body, kill_after=kill_after)

    def approve(self, name: str, window_id: str, kill_after: float | None = None) -> None:
        self.consents.append(Consent(name, window_id, self.offset))
        self.ask(name, "POST", f"windows/{window_id}/approve", kill_after=kill_after)

    def extend(self, name: str, window_id: str, seconds: int) -> None:
        self.consents.append(Consent(name, window_id, self.offset, seconds))
        before = self.database_window(window_id)
        self.ask(name, "POST", f"windows/{window_id}/extend", {"duration_seconds": seconds})
        after = self.database_window(window_id)
        if after.duration_seconds != before.duration_seconds:
            assert after.duration_seconds == before.duration_seconds + seconds
            assert len(self.list_consenting(after, seconds)) >= self.approvals
            self.consents = [one for one in self.consents if one.window_id != window_id or one.seconds is None]

    def delete(self, name: str, account_id: str) -> None:
        """Plan and deletion, as jobs; the deletion continues beside."""
        planned = self.ask(name, "POST", "plans", {"selection": {"named": [account_id]}})
        if planned is None or planned.status != 202:
            return
        job_id = planned.body["job_id"]
        self.wait_until(lambda: self._is_over(name, job_id))
        outcome = self.ask(name, "GET", f"jobs/{job_id}/outcome")
        if outcome is not None and "plan_id" in outcome.body:  # else the server was killed meanwhile
            self.ask(name, "POST", "deletions", {"plan_id": outcome.body["plan_id"]})

    def _is_over(self, name: str, job_id: str) -> bool:
        answer = self.ask(name, "GET", f"jobs/{job_id}")
        return answer is not None and str(answer.body.get("state")).upper() in {"DONE", "FAILED", "CANCELLED"}

    # What is there.

    def database_window(self, window_id: str) -> RecoveryWindow:
        return next(one for one in self.windows() if one.window_id == window_id)

    def windows(self) -> tuple[RecoveryWindow, ...]:
        """Past the server, the newest first."""
        organization_ids = self.database.list_organization_ids()
        return (
            self.database.get_store(RecoveryWindowStore, organization_ids[0]).list_windows() if organization_ids else ()
        )

    def find_unfinished(self, account_id: str) -> RecoveryWindow | None:
        mine = (one for one in self.windows() if one.account_id == account_id and one.state not in FINAL_STATES)
        return next(mine, None)

    def list_open(self) -> set[str]:
        """Accounts whose root user has anything, as the sandbox knows it."""
        accounts = self.sandbox.accounts()
        return {account_id for account_id in self.account_ids if any(accounts[account_id]["root_user"].values())}

    def list_consenting(self, window: RecoveryWindow, seconds: int | None) -> set[str]:
        mine = (one for one in self.consents if one.window_id == window.window_id and one.seconds == seconds)
        return {one.name for one in mine} - {window.requested_by}

    # What must hold.

    def ensure_owed(self) -> None:
        """An account that isn't empty has a window that owes its closing. What was closed between two looks is looked
        at again.
        """
        not_empty = self.list_open()
        owed = {one.account_id for one in self.windows() if one.state in OWING_STATES}
        left = not_empty - owed
        assert not left or not left & self.list_open(), f"{left} have credentials that no one has to close"

    def ensure_one_window_each(self) -> None:
        unfinished = [one.account_id for one in self.windows() if one.state not in FINAL_STATES]
        assert len(unfinished) == len(set(unfinished))

    def ensure_over(self) -> None:
        """Two hours later nothing is left, each intent has its one outcome, and the ledger is intact."""
        self.revive()
        for _ in range(2):
            self.pass_time(3700)
            self.wait_until(self._is_over_now)
        reader = self.database.ledger_reader()
        self.wait_until(lambda: not reader.list_open_intents())
        assert reader.verify().is_intact
        ended = [entry.intent_sequence for entry in reader.list_entries() if entry.intent_sequence is not None]
        assert len(ended) == len(set(ended))
        self._ensure_consented()
        self._ensure_least_power()

    def _is_over_now(self) -> bool:
        return {one.state for one in self.windows()} <= FINAL_STATES and not self.list_open()

    def _ensure_consented(self) -> None:
        for window in self.windows():
            if window.opened_at is not None:
                assert len(self.list_consenting(window, None)) >= self.approvals, window

    def _ensure_least_power(self) -> None:
        """P09, and P10's single use: no window was opened twice."""
        calls = self.sandbox.requests(self.since)
        changing = [call for call in calls if call["mutating"] and call["service"] == "iam"]
        assert all(TASKS[call["operation"]] in str(call["task_policy"]) for call in changing)
        created = [call for call in changing if call["operation"] == "CreateLoginProfile"]
        activated = [one for one in self.windows() if one.activated_by is not None]
        assert len(created) <= len(activated)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + WAIT_SECONDS
        while not holds():
            assert time.monotonic() < end, self.describe()
            self.revive()
            time.sleep(0.2)

    def describe(self) -> str:
        states = {one.window_id: (one.state.value, one.failure) for one in self.windows()}
        return f"{states} {self.list_open()} {[process.stderr[-3000:] for process in self.processes]}"


@contextmanager
def open_scene(
    sandbox: SandboxProcess, url: str, folder: Any, commands: tuple[str, ...], approvals: int
) -> Iterator[Scene]:
    """A fresh organization with two clean accounts, and everything running."""
    sandbox.reset()
    environment = sandbox.environment() | {
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "state"),
        "ROOTKEEPER_DATABASE_URL": url,
        "ROOTKEEPER_LEDGER_ANCHOR": str(folder / "anchor"),
        "ROOTKEEPER_LEDGER_MIRROR": str(folder / "mirror"),
        "ROOTKEEPER_LEDGER_SPILL": str(folder / "spill"),
        "ROOTKEEPER_AWS_VERIFY_SECONDS": "1",
        "ROOTKEEPER_LEASE_SECONDS": "2",
        "ROOTKEEPER_WINDOWS_APPROVALS": str(approvals),
        "ROOTKEEPER_WINDOWS_APPROVAL_VALID": "1h",
        "ROOTKEEPER_WINDOWS_REREADS": "15m,1h",
    }
    management = sandbox.organization()["management_account_id"]
    accounts = [key for key, one in sandbox.accounts().items() if one["state"] == "ACTIVE" and key != management][:2]
    for account_id in accounts:
        sandbox.put_root_user(account_id, {})
    copies = DatabaseOptions(mirror_path=folder / "mirror", anchor_path=folder / "anchor")
    with ExitStack() as stack:
        database = stack.enter_context(open_database(url, copies))
        scene = Scene(sandbox, environment, commands, approvals, database, tuple(accounts), stack)
        scene.since = sandbox.last_request()
        for number in range(len(commands)):
            scene.start(number)
        scene.make_people()
        yield scene
