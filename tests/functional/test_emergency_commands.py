"""``recover --emergency`` and ``ledger import`` as a person lives them: with the database, without it, afterwards."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.functional.published_schemas import require_fits
from tests.functional.running import SECONDS, Program, Run
from tests.sandbox_process import SandboxProcess

CLEAN = "400050006000"
NOWHERE = "postgresql+psycopg://rootkeeper@127.0.0.1:1/rootkeeper"
"""Nothing listens there, as when the database's machine is down."""
RECOVER = ("recover", CLEAN, "--emergency", "--reason", "Everything is down", "--yes", "-o", "json")


def may_recover(sandbox: SandboxProcess) -> bool:
    return bool(sandbox.root_user(CLEAN)["recovery_allowed"])


@pytest.fixture
def permitted(enabled: Program, tmp_path: Path) -> Program:
    """The settings allow emergencies; the user's data folder is the test's own."""
    changes = {"ROOTKEEPER_WINDOWS_EMERGENCY": "true", "XDG_DATA_HOME": str(tmp_path / "data")}
    return Program({**enabled.environment, **changes}, enabled.runner)


def find_files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "data" / "rootkeeper").glob("emergency-*.db"))


def import_file(program: Program, file: Path, *arguments: str) -> Run:
    return program.run("ledger", "import", file, "--yes", "-o", "json", *arguments)


def test_it_is_off_unless_the_settings_allow_it(enabled: Program, sandbox: SandboxProcess, tmp_path: Path) -> None:
    for url in (enabled.environment["ROOTKEEPER_DATABASE_URL"], NOWHERE):
        run = enabled.run(*RECOVER, ROOTKEEPER_DATABASE_URL=url, XDG_DATA_HOME=str(tmp_path / "data"))
        assert run.status == 3, run.shown
        assert "windows.emergency" in run.stderr
    assert not may_recover(sandbox)
    assert find_files(tmp_path) == []


def test_with_the_database_it_is_an_ordinary_window_that_owes_a_review(
    permitted: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    run = permitted.run(*RECOVER, "--for", "10s")
    assert run.status == 0, run.shown
    require_fits(run.json, "window")
    assert (run.json["state"], run.json["is_emergency"]) == ("CLOSED_VERIFIED", True)
    assert "EMERGENCY" in run.stderr
    assert "rootkeeper windows review" in run.stderr
    assert find_files(tmp_path) == []
    listed = permitted.run("windows", "show", CLEAN, "-o", "json").json
    assert listed["is_emergency"]
    assert listed["review_due_at"]


def test_without_the_database_a_fresh_ledger_is_written_and_imported_later_once(
    permitted: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    assert permitted.run("audit").status in {0, 1}
    run = permitted.run(*RECOVER, "--for", "10s", ROOTKEEPER_DATABASE_URL=NOWHERE)
    assert run.status == 0, run.shown
    assert run.json["state"] == "CLOSED_VERIFIED"
    assert not may_recover(sandbox)
    (file,) = find_files(tmp_path)
    assert f"rootkeeper ledger import {file}" in run.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = file.read_bytes()

    assert f"rootkeeper ledger import {file}" in permitted.run("windows", "list").stderr
    dry = permitted.run("ledger", "import", file, "--dry-run")
    assert dry.status == 0, dry.shown
    assert run.json["window_id"] in dry.stderr
    imported = import_file(permitted, file)
    assert imported.status == 0, imported.shown
    require_fits(imported.json, "windows")
    assert [one["window_id"] for one in imported.json["windows"]] == [run.json["window_id"]]
    assert permitted.run("ledger", "verify").status == 0
    entries = permitted.run("ledger", "list", "--account", CLEAN, "-o", "json").json["entries"]
    assert {"window:request", "login_profile:create", "window:open", "window:close"} <= {
        one["action"] for one in entries if "recorded_hash" in one["parameters"]
    }
    shown = permitted.run("windows", "show", run.json["window_id"], "-o", "json").json
    assert (shown["state"], shown["is_emergency"]) == ("CLOSED_VERIFIED", True)
    again = import_file(permitted, file)
    assert again.status == 0, again.shown
    assert again.json["windows"] == []
    assert "already imported" in again.stderr
    assert "ledger import" not in permitted.run("windows", "list").stderr
    assert file.read_bytes() == kept


def test_a_window_whose_command_was_killed_is_imported_as_owing_and_closed(
    permitted: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    assert permitted.run("audit").status in {0, 1}
    command = [sys.executable, "-m", "rootkeeper", *RECOVER, "--for", "10m"]
    with subprocess.Popen(
        command,
        env=permitted.surroundings({"ROOTKEEPER_DATABASE_URL": NOWHERE}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        end = time.monotonic() + SECONDS
        while not may_recover(sandbox) and time.monotonic() < end:
            time.sleep(0.1)
        (file,) = find_files(tmp_path)
        busy = import_file(permitted, file)
        os.kill(process.pid, signal.SIGKILL)
    assert busy.status == 2, busy.shown
    assert "still works on" in busy.stderr
    assert may_recover(sandbox)

    imported = import_file(permitted, file)
    assert imported.status == 0, imported.shown
    (window,) = imported.json["windows"]
    assert "isn't closed" in imported.stderr or window["state"] == "OPENING"
    closed = permitted.run("windows", "close", CLEAN, "--yes", "-o", "json")
    assert closed.status == 0, closed.shown
    assert (closed.json["window_id"], closed.json["state"]) == (window["window_id"], "CLOSED_VERIFIED")
    assert not may_recover(sandbox)
    assert permitted.run("ledger", "verify").status == 0


def test_it_isnt_left_open_where_nothing_would_close_it(permitted: Program, sandbox: SandboxProcess) -> None:
    run = permitted.run(*RECOVER, "--leave-open", ROOTKEEPER_DATABASE_URL=NOWHERE)
    assert run.status == 2, run.shown
    assert "--leave-open" in run.stderr
    assert not may_recover(sandbox)


def test_without_emergency_a_database_that_is_down_ends_the_command(
    permitted: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    arguments = [argument for argument in RECOVER if argument != "--emergency"]
    run = permitted.run(*arguments, ROOTKEEPER_DATABASE_URL=NOWHERE)
    assert run.status == 3, run.shown
    assert find_files(tmp_path) == []
    assert not may_recover(sandbox)


def test_what_cant_be_imported_is_reported_and_changes_nothing(permitted: Program, tmp_path: Path) -> None:
    assert permitted.run("audit").status in {0, 1}
    before = permitted.run("ledger", "list", "-o", "json").json
    for path in (tmp_path / "nothing", Path(__file__)):
        run = import_file(permitted, path)
        assert run.status == 2, run.shown
    assert permitted.run("ledger", "list", "-o", "json").json == before
