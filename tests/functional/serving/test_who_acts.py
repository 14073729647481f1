"""All that the server does names who wanted it: in the ledger, and in CloudTrail by the role's source identity."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional.administration import DELEGATE, Administration
from tests.functional.running import Program, Runner
from tests.functional.server_roles import ServerRoles
from tests.functional.serving.stage import Stage
from tests.sandbox_process import SandboxProcess
from tests.server_process import ServerProcess

ACCOUNT_ID = "400050006000"
HOUR = 3600.0
SECONDS = 60.0


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess.start("--scenario", "demo") as process:
        yield process


@pytest.fixture
def stage(running_sandbox: SandboxProcess, tmp_path: Path, runner: Runner) -> Stage:
    running_sandbox.reset()
    Administration(running_sandbox).set_up()
    environment = ServerRoles.make(running_sandbox).environment | {
        "HOME": str(tmp_path),
        "ROOTKEEPER_AWS_VERIFY_SECONDS": "1",
        "ROOTKEEPER_DATABASE_URL": f"sqlite:///{tmp_path / 'rootkeeper.db'}",
    }
    return Stage(running_sandbox, Program(environment, runner), tmp_path / "rootkeeper.db")


def test_p31_each_step_names_who_wanted_it_in_the_ledger_and_in_cloudtrail(stage: Stage) -> None:
    with ServerProcess.start(stage.environment, clock_offset=0) as server:
        server.token("operator", "olga")
        server.token("approver", "piet")
        window = _open_window(server)
        server.move_clock(2 * HOUR)
        server.wait_until(lambda: not stage.is_open(ACCOUNT_ID), SECONDS)
        server.wait_until(lambda: stage.windows_in_database() == ["CLOSED_VERIFIED"], SECONDS)
        server.stop()
    acted = _actions(stage, window)
    assert acted["window:request"] == {("olga", "token")}
    assert acted["window:approve"] == {("piet", "token")}
    assert acted["login_profile:create"] == {("olga", "token")}
    assert acted["window:close"] == {("rootkeeper", "server")}
    assert acted["login_profile:delete"] == {("rootkeeper", "server")}
    assert _assumed(stage) >= {("olga", "rootkeeper-recover"), ("rootkeeper", "rootkeeper-recover")}


def _open_window(server: ServerProcess) -> str:
    asked = server.ask(
        "POST", "/api/v1/windows", {"account": ACCOUNT_ID, "reason": "drill", "duration": "1h"}, name="olga"
    )
    assert asked.status == 201, asked.body
    path = f"/api/v1/windows/{asked.body['window_id']}"
    approved = server.ask("POST", f"{path}/approve", name="piet")
    assert approved.status == 200, approved.body
    opened = server.ask("POST", f"{path}/activate", name="olga")
    assert opened.body["state"] == "OPEN", opened.body
    return str(asked.body["window_id"])


def _actions(stage: Stage, window_id: str) -> dict[str, set[tuple[str, str]]]:
    """By action, who did it to the window, and how that is known."""
    entries: list[dict[str, Any]] = stage.program.run("ledger", "list", "-o", "json").json["entries"]
    found: dict[str, set[tuple[str, str]]] = {}
    for entry in entries:
        if entry["parameters"].get("window_id") == window_id:
            found.setdefault(entry["action"], set()).add((entry["actor"]["name"], entry["actor"]["kind"]))
    return found


def _assumed(stage: Stage) -> set[tuple[str, str]]:
    """In whose name which role was assumed, as CloudTrail has it."""
    return {
        (event["requestParameters"]["sourceIdentity"], event["requestParameters"]["roleArn"].rpartition("/")[2])
        for event in stage.sandbox.events(DELEGATE)
        if event["eventName"] == "AssumeRole"
    }
