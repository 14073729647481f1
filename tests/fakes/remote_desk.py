"""Command lines that go through a fake server, in this process."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rootkeeper.access.rules import PERMISSIONS, ServerRole
from rootkeeper.cli.main import main
from rootkeeper.jobs.records import job_to_record
from rootkeeper.jobs.rules import Job, JobKind, JobProgress, JobState
from rootkeeper.ledger.rules import ActorKind
from rootkeeper.organization.accounts import AccountId
from rootkeeper.windows.records import current_window_to_record
from rootkeeper.windows.rules import RecoveryWindow, WindowState
from tests.fakes.rootkeeper_server import FakeRootkeeperServer
from tests.functional.running import Run

TOKEN = "rk_canary-0123456789"
NOW = datetime.now(UTC).replace(microsecond=0)
ACCOUNT_ID = AccountId("222233334444")
ENDPOINT = "SANDBOX 127.0.0.1:4599"

ME = {
    "schema_version": 1,
    "identity_id": "t-1",
    "kind": "token",
    "name": "pipeline",
    "role": "operator",
    "permissions": sorted(PERMISSIONS[ServerRole.OPERATOR]),
    "organization_id": "o-exampleorgid",
    "endpoint": ENDPOINT,
    "version": "1.0",
}

WINDOW = RecoveryWindow(
    window_id="w-1",
    organization_id="o-exampleorgid",
    account_id=ACCOUNT_ID,
    state=WindowState.REQUESTED,
    reason="close the account",
    ticket="OPS-7",
    requested_by="anna",
    requested_by_kind=ActorKind.SIGNED_IN,
    requested_at=NOW - timedelta(minutes=1),
    duration_seconds=3600,
    approvals_needed=1,
    lapses_at=NOW + timedelta(hours=8),
)

JOB = Job(
    job_id="job-1",
    organization_id="o-exampleorgid",
    endpoint=ENDPOINT,
    kind=JobKind.AUDIT,
    state=JobState.QUEUED,
    created_by="pipeline",
    created_by_kind=ActorKind.TOKEN,
    created_at=NOW,
    updated_at=NOW,
    parameters={},
    progress=JobProgress(),
)


def window_record(window: RecoveryWindow, **more: Any) -> dict[str, Any]:
    """As the API answers it."""
    return {"schema_version": 1, **current_window_to_record(window, NOW), **more}


def background_record(window: RecoveryWindow, **more: Any) -> dict[str, Any]:
    """As the API answers it: nothing is known beside the request."""
    none: dict[str, Any] = {"total": 0, "newest": []}
    facts: dict[str, Any] = {
        "governs_login": False,
        "keeps_login": False,
        "check": None,
        "of_account": none,
        "of_requester": none,
        "approvers": [],
    }
    return {"schema_version": 1, "window_id": window.window_id, **facts, **more}


def job_record(job: Job) -> dict[str, Any]:
    """As the API answers it."""
    return {"schema_version": 1, **json.loads(json.dumps(job_to_record(job)))}


@dataclass(frozen=True, slots=True)
class RemoteDesk:
    """A person with a token, and the server that it is for."""

    server: FakeRootkeeperServer
    capture: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> Run:
        """Run a command line."""
        self.capture.readouterr()
        status = main(list(arguments))
        captured = self.capture.readouterr()
        return Run(status, captured.out, captured.err)

    def have_role(self, role: ServerRole) -> None:
        """Let the token have another role than operator."""
        self.server.answer("GET me", {**ME, "role": role.value, "permissions": sorted(PERMISSIONS[role])})

    @property
    def posted(self) -> list[tuple[str, Any]]:
        """Changes that were asked for."""
        return [(asked.path, asked.body) for asked in self.server.asked if asked.method == "POST"]


@contextmanager
def open_identity_administration(
    capture: pytest.CaptureFixture[str], environment: pytest.MonkeyPatch
) -> Iterator[RemoteDesk]:
    """Server and token stand in the environment."""
    with FakeRootkeeperServer.start() as server:
        environment.setenv("ROOTKEEPER_SERVER", server.url)
        environment.setenv("ROOTKEEPER_TOKEN", TOKEN)
        server.answer("GET me", ME)
        server.answer("GET windows", {"windows": [], "next": None})
        server.answer("GET windows/w-1/background", background_record(WINDOW))
        yield RemoteDesk(server, capture)


@contextmanager
def pressing_ctrl_c(once: Callable[[], bool], pressed: threading.Event | None = None) -> Iterator[None]:
    """Press it as soon as ``once`` returns true; by then the command must handle it.

    :param pressed: is set once it is pressed.
    """
    given_up = threading.Event()

    def press() -> None:
        while not given_up.wait(0.01):
            if once():
                os.kill(os.getpid(), signal.SIGINT)
                if pressed is not None:
                    pressed.set()
                return

    thread = threading.Thread(target=press)
    thread.start()
    try:
        yield
    finally:
        given_up.set()
        thread.join()
