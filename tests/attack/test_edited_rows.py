"""P11: the rows of recovery windows are edited by a person who can write the database, with or without a server on it.

The ledger isn't touched, so its entries say what happened.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.attack.stage import AttackStage, OpenedWindow, open_attack_stage
from tests.functional.running import Runner
from tests.sandbox_process import SandboxProcess

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

SECONDS = 15
CONTRADICTED = "window:compare:contradicted"
EDITOR = """
import json, sys
from sqlalchemy import create_engine, text
with create_engine(sys.argv[1]).begin() as connection:
    for change, values in json.load(sys.stdin):
        assert connection.execute(text(f"UPDATE recovery_windows SET {change} WHERE window_id = :id"), values).rowcount
"""


@pytest.fixture
def stage(
    request: pytest.FixtureRequest, running_sandbox: SandboxProcess, tmp_path: Path, runner: Runner
) -> Iterator[AttackStage]:
    settings = {"ROOTKEEPER_WINDOWS_APPROVALS": "1"}
    if request.param == "postgresql":  # each test has one of the two, because windows take their time
        settings["ROOTKEEPER_DATABASE_URL"] = request.getfixturevalue("postgresql").create_current_database()
    with open_attack_stage(running_sandbox, tmp_path, runner, **settings) as stage:
        yield stage


def request_window(stage: AttackStage) -> tuple[str, str]:
    """The window's and the account's id."""
    account_id = stage.take_account()
    wanted = {"account": account_id, "reason": "drill", "duration": f"{SECONDS}s"}
    asked = stage.server.ask("POST", "/api/v1/windows", wanted, name="olga")
    assert asked.status == 201, asked
    return asked.body["window_id"], account_id


def open_approved(stage: AttackStage) -> OpenedWindow:
    window_id, account_id = request_window(stage)
    approved = stage.server.ask("POST", f"/api/v1/windows/{window_id}/approve", {}, name="amir")
    assert approved.status == 200, approved
    opened = stage.server.ask("POST", f"/api/v1/windows/{window_id}/activate", {}, name="olga")
    assert opened.status == 200, opened
    assert stage.is_open(account_id)
    return OpenedWindow(window_id, account_id, datetime.fromisoformat(opened.body["expires_at"]))


def render(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class EditedWindows:
    """One window for each way to edit a row."""

    closed: OpenedWindow
    prolonged: OpenedWindow
    approved: tuple[str, str]
    unneeded: tuple[str, str]

    @classmethod
    def prepare(cls, stage: AttackStage) -> EditedWindows:
        stage.start_server()
        stage.server.token("operator", "olga")
        stage.server.token("approver", "amir")
        return cls(
            approved=request_window(stage),
            unneeded=request_window(stage),
            closed=open_approved(stage),
            prolonged=open_approved(stage),
        )

    @property
    def window_ids(self) -> tuple[str, ...]:
        return self.closed.window_id, self.prolonged.window_id, self.approved[0], self.unneeded[0]

    def edit(self, stage: AttackStage) -> None:
        """Edit the four rows by another process."""
        now = datetime.now(UTC)
        made_up = {
            "approver": "amir",
            "approver_kind": "token",
            "purpose": "opening",
            "at": render(now),
            "account_id": self.approved[1],
            "task": "recovery",
            "duration_seconds": SECONDS,
            "expires_at": render(now + timedelta(hours=8)),
            "used_at": None,
        }
        changes = [
            ("state = 'CLOSED_VERIFIED', unfinished_account_id = NULL", {"id": self.closed.window_id}),
            (
                "expires_at = :later",
                {"id": self.prolonged.window_id, "later": render(self.prolonged.ends_at + timedelta(days=1))},
            ),
            (
                "state = 'APPROVED', approvals = :approvals, approved_by = :names",
                {"id": self.approved[0], "approvals": json.dumps([made_up]), "names": '["amir"]'},
            ),
            ("state = 'APPROVED', approvals_needed = 0", {"id": self.unneeded[0]}),
        ]
        edited = subprocess.run(
            [sys.executable, "-c", EDITOR, stage.environment["ROOTKEEPER_DATABASE_URL"]],
            input=json.dumps(changes),
            capture_output=True,
            text=True,
            check=False,
        )
        assert edited.returncode == 0, edited.stderr

    def require_harmless(self, stage: AttackStage, back_at: datetime | None = None) -> None:
        """The open windows close on time, the others can't be opened, and each is reported."""
        for window_id, account_id in (self.approved, self.unneeded):
            refused = stage.server.ask("POST", f"/api/v1/windows/{window_id}/activate", {}, name="olga")
            assert refused.status == 409, refused
            assert not stage.is_open(account_id)
        stage.require_closed_on_time(self.closed, self.prolonged, back_at=back_at)
        for window_id in self.window_ids:
            stage.wait_notified(CONTRADICTED, window_id)
            stage.wait_error(f"Recovery window {window_id}")


@pytest.mark.parametrize("stage", ["postgresql"], indirect=True)
def test_p10_p11_edited_rows_neither_keep_a_window_open_nor_open_one(stage: AttackStage) -> None:
    windows = EditedWindows.prepare(stage)
    windows.edit(stage)
    windows.require_harmless(stage)
    stage.server.wait_until(lambda: stage.server.ask("GET", "/readyz").status == 200)
    assert len(stage.notified(CONTRADICTED)) == len(windows.window_ids)


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_p20_rows_that_were_edited_while_nothing_ran_are_named_by_ledger_verify_and_corrected(
    stage: AttackStage,
) -> None:
    windows = EditedWindows.prepare(stage)
    assert stage.local.run("ledger", "verify").status == 0
    tokens = dict(stage.server.tokens)
    stage.server.stop()
    windows.edit(stage)
    found = stage.local.run("ledger", "verify")
    assert found.status == 1, found.shown
    lines = [line for line in found.stdout.splitlines() if line.startswith("✗")]
    assert all(any(window_id in line for line in lines) for window_id in windows.window_ids), found.shown
    stage.start_server()
    stage.server.tokens.update(tokens)
    windows.require_harmless(stage, back_at=datetime.now(UTC))
    verified = stage.local.run("ledger", "verify")
    assert verified.status == 0, verified.shown
