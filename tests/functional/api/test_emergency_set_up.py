"""What the page of emergency access gets, and what guards the set-up of a failsafe's root login."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from rootkeeper.access.rules import ServerRole
from rootkeeper.jobs.rules import JobKind, JobState
from rootkeeper.organization.accounts import Feature
from rootkeeper.organization.statuses import LoginProfile, MfaDevice, MfaKind
from rootkeeper.windows.rules import WindowState
from tests.fakes.api_services import MANAGEMENT_ID, PAYMENTS_ID, make_inventory
from tests.fakes.clock import START
from tests.functional.api.serving import ApiServer

SET_UP = {"reason": "Set up the failsafe's root login", "ticket": "OPS-77", "duration": "30m"}
DRILL = {"held_by": "Ana", "held_at": "2026-01-10T00:00:00Z", "outcome": "passed"}
PATH = f"/failsafes/{PAYMENTS_ID}/set-up"


@pytest.fixture
def failsafe(api: ApiServer) -> ApiServer:
    """``payments`` is a delegated administrator for IAM, and root access is on."""
    inventory = replace(make_inventory(), delegated_administrator_ids=frozenset({PAYMENTS_ID}))
    api.services.inventory_store.save(inventory)
    organization = api.services.organization
    organization.trusted_access, organization.features = True, set(Feature)
    organization.delegated_administrators.append(PAYMENTS_ID)
    return api


def record_check(api: ApiServer, outcome: dict[str, Any], job_id: str = "j-c1") -> None:
    services = api.services
    job = services.add_job(job_id, JobState.RUNNING, JobKind.FAILSAFE_CHECK)
    services.jobs.set_outcome(job, json.dumps(outcome))


def checked(verdict: str) -> dict[str, Any]:
    check = {"check": "mfa_devices", "verdict": verdict, "evidence": "2 MFA devices.", "account_id": PAYMENTS_ID}
    return {"observed_at": "2026-01-15T08:00:00Z", "failsafe_account_ids": [PAYMENTS_ID], "checks": [check]}


def test_the_verdict_is_unknown_until_a_check_and_good_only_after_one_that_passed(failsafe: ApiServer) -> None:
    failsafe.post(f"/failsafes/{PAYMENTS_ID}/drills", DRILL, ServerRole.OPERATOR)
    before = failsafe.get("/emergency-access").json
    assert (before["verdict"], before["reasons"]) == ("unknown", ["The failsafe wasn't checked yet."])
    record_check(failsafe, checked("pass"))
    after = failsafe.get("/emergency-access").json
    assert (after["verdict"], after["reasons"], after["checked_at"]) == ("pass", [], "2026-01-15T08:00:00Z")


def test_people_are_named_to_those_who_take_part(failsafe: ApiServer) -> None:
    for role in (ServerRole.OPERATOR, ServerRole.APPROVER):
        failsafe.token(role)
    assert failsafe.get("/emergency-access").json["people"] is None
    people = failsafe.get("/emergency-access", ServerRole.APPROVER).json["people"]
    assert people == {"request": ["operator-token"], "approve": ["approver-token"], "open": ["operator-token"]}


def test_the_runbook_has_the_ids_of_the_organization(failsafe: ApiServer) -> None:
    runbook = failsafe.get(f"/failsafes/{PAYMENTS_ID}/runbook").json
    assert runbook["management_account_id"] == MANAGEMENT_ID
    assert [step["step"] for step in runbook["steps"]] == list(range(1, len(runbook["steps"]) + 1))
    assert "payments@example.com" in runbook["steps"][0]["text"]
    assert "AWS_REGION=eu-central-1" in runbook["steps"][0]["commands"][0]
    assert failsafe.get(f"/failsafes/{MANAGEMENT_ID}/runbook").status == 422


def test_a_set_up_is_checked_and_requested_as_a_window(failsafe: ApiServer) -> None:
    check = failsafe.post(f"{PATH}/check", SET_UP, ServerRole.OPERATOR)
    assert check.status == 200, check.json
    assert (check.json["is_complete"], check.json["email"], check.json["duration_seconds"]) == (
        False,
        "payments@example.com",
        1800,
    )
    assert failsafe.services.windows.list_windows() == ()
    requested = failsafe.post(PATH, SET_UP, ServerRole.OPERATOR)
    assert (requested.status, requested.json["state"], requested.json["account_id"]) == (201, "REQUESTED", PAYMENTS_ID)
    again = failsafe.post(PATH, SET_UP, ServerRole.OPERATOR)
    assert (again.status, again.code) == (409, "window.conflict")


@pytest.mark.parametrize("role", [ServerRole.VIEWER, ServerRole.AUDITOR, ServerRole.APPROVER])
def test_only_who_may_request_and_open_windows_sets_up_a_failsafe(failsafe: ApiServer, role: ServerRole) -> None:
    window = failsafe.post(PATH, SET_UP, ServerRole.OPERATOR).json
    before = list(failsafe.services.acts)
    for path in (PATH, f"{PATH}/check", f"/windows/{window['window_id']}/keep-login"):
        assert failsafe.post(path, SET_UP if "set-up" in path else None, role).status == 403
    assert failsafe.services.acts == before


def test_an_account_that_is_no_failsafe_is_refused_with_the_next_step(api: ApiServer) -> None:
    refused = api.post(f"{PATH}/check", SET_UP, ServerRole.OPERATOR)
    assert (refused.status, refused.code) == (422, "target.refused")
    assert "isn't a delegated administrator" in refused.json["detail"]
    assert (refused.json["hint_code"], refused.json["hint_facts"]) == (
        "failsafe.register_account",
        {"account_id": PAYMENTS_ID},
    )


def test_delegates_that_cannot_be_read_refuse_the_set_up(failsafe: ApiServer) -> None:
    failsafe.services.inventory_store.save(replace(make_inventory(), delegated_administrator_ids=None))
    refused = failsafe.post(PATH, SET_UP, ServerRole.OPERATOR)
    assert "can't be read. Nothing was opened." in refused.json["detail"]
    assert failsafe.services.windows.list_windows() == ()


def test_an_incomplete_login_is_refused_and_a_complete_login_needs_nothing(failsafe: ApiServer) -> None:
    root_user = failsafe.services.organization.root_users[PAYMENTS_ID]
    root_user.login_profile = LoginProfile(START, START)
    refused = failsafe.post(f"{PATH}/check", SET_UP, ServerRole.OPERATOR)
    assert (refused.status, refused.json["hint_code"]) == (422, "failsafe.complete")
    root_user.mfa_devices = [MfaDevice(f"arn:aws:iam::{PAYMENTS_ID}:mfa/root", MfaKind.VIRTUAL, START)]
    check = failsafe.post(f"{PATH}/check", SET_UP, ServerRole.OPERATOR)
    assert (check.status, check.json["is_complete"]) == (200, True)
    requested = failsafe.post(PATH, SET_UP, ServerRole.OPERATOR)
    assert (requested.status, requested.json["hint_code"]) == (422, "failsafe.check")
    assert failsafe.services.windows.list_windows() == ()


def test_a_login_is_kept_only_in_a_window_that_the_ledger_calls_a_set_up(failsafe: ApiServer) -> None:
    window_id = failsafe.post(PATH, SET_UP, ServerRole.OPERATOR).json["window_id"]
    waiting = failsafe.post(f"/windows/{window_id}/keep-login", None, ServerRole.OPERATOR)
    assert (waiting.status, waiting.json["detail"]) == (409, f"Recovery window {window_id} is REQUESTED.")
    failsafe.services.windows.update(window_id, lambda window: replace(window, state=WindowState.OPEN))
    refused = failsafe.post(f"/windows/{window_id}/keep-login", None, ServerRole.OPERATOR)
    assert (refused.status, refused.code) == (409, "window.conflict")
    assert "doesn't set up a failsafe" in refused.json["detail"]
    assert failsafe.services.windows.get(window_id).state is WindowState.OPEN
