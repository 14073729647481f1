"""What people requested or approved before they were disabled or lost their role opens nothing afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attack.stage import AttackStage
from tests.server_process import Answer

pytestmark = pytest.mark.long

PEOPLE = {"olga": "operator", "oscar": "operator", "anna": "approver", "albert": "approver", "adam": "administrator"}


def request_and_approve(stage: AttackStage, by: str, *approvers: str) -> tuple[str, str]:
    """The window's id, and its account."""
    account_id = stage.take_account()
    wanted = {"account": account_id, "reason": "drill", "duration": "1m"}
    asked = stage.server.ask("POST", "/api/v1/windows", wanted, name=by)
    assert asked.status == 201, asked
    window_id = str(asked.body["window_id"])
    for name in approvers:
        assert stage.server.ask("POST", f"/api/v1/windows/{window_id}/approve", {}, name=name).status == 200
    return window_id, account_id


def activate(stage: AttackStage, window_id: str) -> Answer:
    return stage.server.ask("POST", f"/api/v1/windows/{window_id}/activate", {}, name="oscar")


def require_refused(answer: Answer) -> None:
    """By the judgement of its people, or because the server has cancelled it for that already."""
    assert answer.status == 409, answer
    assert answer.body["code"] in {"approval.refused", "window.conflict"}, answer


def read_window(stage: AttackStage, window_id: str) -> dict[str, Any]:
    found: dict[str, Any] = stage.server.ask("GET", f"/api/v1/windows/{window_id}", name="adam").body
    return found


def disable(stage: AttackStage, name: str) -> None:
    assert stage.server.ask("POST", f"/api/v1/identities/{name}/disable", {}, name="adam").status == 200


def test_p29_neither_a_request_nor_an_approval_of_a_disabled_person_opens_a_window(stage: AttackStage) -> None:
    server = stage.start_server({"ROOTKEEPER_WINDOWS_APPROVALS": "1"})
    for name, role in PEOPLE.items():
        server.token(role, name)
    of_anna, first_account = request_and_approve(stage, "olga", "anna")
    of_olga, second_account = request_and_approve(stage, "olga", "albert")
    waiting, _ = request_and_approve(stage, "olga")
    fine, third_account = request_and_approve(stage, "oscar", "albert")

    disable(stage, "anna")
    require_refused(activate(stage, of_anna))
    disable(stage, "olga")
    require_refused(activate(stage, of_olga))
    require_refused(server.ask("POST", f"/api/v1/windows/{waiting}/approve", {}, name="albert"))

    for window_id in (of_anna, of_olga, waiting):
        server.wait_until(lambda window_id=window_id: read_window(stage, window_id)["state"] == "CANCELLED")
        assert "was disabled" in read_window(stage, window_id)["failure"]
    assert not stage.is_open(first_account)
    assert not stage.is_open(second_account)
    stage.wait_notified("window:cancel:done", "was disabled")
    opened = activate(stage, fine)
    assert opened.status == 200, opened
    assert stage.is_open(third_account)
