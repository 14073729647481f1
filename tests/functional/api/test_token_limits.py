"""Tokens that have less than their role: every route that does something is walked with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rootkeeper.access.rules import OF_WHOLE_ORGANIZATION, Identity, IdentityKind, Permission, ServerRole, TokenScope
from rootkeeper.changes.removal_rules import plan_deletion
from rootkeeper.deletion.made_plans import make_plan_id
from rootkeeper.deletion.records import render_plan
from rootkeeper.deletion.rules import DeletionPlan, PlannedAccount
from rootkeeper.jobs.rules import JobKind, JobState
from rootkeeper.organization.accounts import AccountId, AccountState
from rootkeeper.organization.statuses import AccessKey, CredentialKind, RootCredentials
from rootkeeper.server.application import ROWS
from rootkeeper.windows.rules import RecoveryWindow, WindowState
from tests.fakes.api_services import ENDPOINT, MANAGEMENT_ID, ORGANIZATION_ID, PAYMENTS_ID, FakeServices
from tests.fakes.clock import START
from tests.functional.api.serving import Answer, ApiServer

WORKLOADS = "Root/Workloads"
"""Where ``payments`` lies, and the management account doesn't."""
ELSEWHERE = "Root"
"""Where ``payments`` lies once it was moved."""
SET_UP = {"reason": "Set up the failsafe's root login"}
Case = tuple[str, str, Any]
"""Method, path and body about one account."""


def add_token(services: FakeServices, scope: TokenScope, role: ServerRole = ServerRole.ADMINISTRATOR) -> str:
    token = f"rk_limited-{len(services.identities.kept)}"
    name = token.removeprefix("rk_")
    identity = Identity(
        f"t-{name.encode().hex()}", IdentityKind.TOKEN, name, role, "test", services.clock.now(), scope=scope
    )
    services.identities.add_token(identity, token)
    return token


def make_plan(account_id: AccountId) -> str:
    key = AccessKey("AKIAIOSFODNN7EXAMPLE", True, START - timedelta(days=900), None)
    found = RootCredentials(account_id, None, (key,), (), (), START)
    planned = PlannedAccount(account_id, "x", "Root", AccountState.ACTIVE, found, START, plan_deletion(found))
    plan = DeletionPlan(
        plan_id=make_plan_id(f"j-{account_id}"),
        organization_id=ORGANIZATION_ID,
        endpoint=ENDPOINT.label,
        created_by="ana",
        caller_arn="arn:aws:iam::111122223333:role/x",
        created_at=START,
        not_before=START - timedelta(minutes=1),
        not_after=START + timedelta(hours=24),
        selection=account_id,
        only=frozenset(CredentialKind),
        included_failsafes=frozenset(),
        accounts=(planned,),
    )
    return render_plan(plan)


@pytest.fixture(autouse=True)
def plans(services: FakeServices) -> None:
    """A plan that a job made, of each account."""
    for account_id in (MANAGEMENT_ID, PAYMENTS_ID):
        job = services.add_job(f"j-{account_id}", JobState.DONE, JobKind.PLAN)
        services.jobs.shelf.outcomes[job.job_id] = make_plan(account_id)


def about_window(step: str, body: Any = None) -> Callable[[str], Case]:
    return lambda account_id: ("POST", f"/windows/w-{account_id}/{step}", {} if body is None else body)


def about_selection(path: str) -> Callable[[str], Case]:
    return lambda account_id: ("POST", path, {"selection": {"accounts": [account_id]}})


def about_address(path: str, **more: str) -> Callable[[str], Case]:
    body = {"address": "aws@example.com", "reason": "Ben has left"} | more
    return lambda account_id: ("POST", path, {"account": account_id, **body})


CASES: dict[str, Callable[[str], Case]] = {
    "POST /api/v1/audits": about_selection("/audits"),
    "POST /api/v1/plans": about_selection("/plans"),
    "POST /api/v1/preflights": about_selection("/preflights"),
    "POST /api/v1/deletions": lambda one: ("POST", "/deletions", {"plan_id": make_plan_id(f"j-{one}")}),
    "POST /api/v1/unlocks": lambda one: ("POST", "/unlocks", {"account": one, "kind": "s3"}),
    "POST /api/v1/windows": lambda one: ("POST", "/windows", {"account": one, "reason": "drill"}),
    "POST /api/v1/windows/check": lambda one: ("POST", "/windows/check", {"account": one, "reason": "drill"}),
    "POST /api/v1/windows/{window_id}/approve": about_window("approve"),
    "POST /api/v1/windows/{window_id}/deny": about_window("deny", {"reason": "no"}),
    "POST /api/v1/windows/{window_id}/cancel": about_window("cancel"),
    "POST /api/v1/windows/{window_id}/activate": about_window("activate"),
    "POST /api/v1/windows/{window_id}/extend": about_window("extend", {"duration": "1h"}),
    "POST /api/v1/windows/{window_id}/close": about_window("close"),
    "POST /api/v1/windows/{window_id}/review": about_window("review"),
    "POST /api/v1/windows/{window_id}/keep-login": about_window("keep-login"),
    "POST /api/v1/failsafes/{account_id}/set-up": lambda one: ("POST", f"/failsafes/{one}/set-up", SET_UP),
    "POST /api/v1/failsafes/{account_id}/set-up/check": lambda one: ("POST", f"/failsafes/{one}/set-up/check", SET_UP),
    "POST /api/v1/root-emails/approvals": about_address("/root-emails/approvals"),
    "POST /api/v1/root-emails/changes": about_address("/root-emails/changes"),
    "POST /api/v1/root-emails/changes/plan": about_address("/root-emails/changes/plan"),
    "POST /api/v1/one-time-passwords": about_address("/one-time-passwords", otp="A1B2C3"),
    "POST /api/v1/exceptions": lambda one: (
        "POST",
        "/exceptions",
        {"account": one, "owner": "Ana", "reason": "move", "until": "2026-06-01T00:00:00Z"},
    ),
    "DELETE /api/v1/exceptions/{account_id}": lambda one: ("DELETE", f"/exceptions/{one}", None),
}
"""Every route that does something about accounts; one that isn't here fails the walk."""
OTHERS = {
    "POST /api/v1/jobs/{job_id}/cancel",
    "POST /api/v1/jobs/{job_id}/resume",
    "POST /api/v1/ledger/verifications",
    "DELETE /api/v1/me/views/{name}",
    "PUT /api/v1/me/views/{name}",
}
"""What is about a job or the ledger, tried below; and the caller's own views, tried in test_views."""


@pytest.fixture
def windows(services: FakeServices) -> FakeServices:
    for account_id in (MANAGEMENT_ID, PAYMENTS_ID):
        services.windows.add(
            RecoveryWindow(
                window_id=f"w-{account_id}",
                organization_id=ORGANIZATION_ID,
                account_id=account_id,
                state=WindowState.OPEN,
                reason="drill",
                ticket=None,
                requested_by="ana",
                requested_at=START,
                duration_seconds=600,
            )
        )
    return services


def send(api: ApiServer, token: str, case: Case) -> Answer:
    method, path, body = case
    return api.ask(method, path, body, None, {"Authorization": f"Bearer {token}"})


def test_every_route_that_does_something_about_accounts_is_walked() -> None:
    doing = {
        f"{row.method} {row.path}"
        for row in ROWS
        if row.method != "GET" and isinstance(row.demand, Permission) and row.demand not in OF_WHOLE_ORGANIZATION
    }
    assert doing == set(CASES) | OTHERS


@pytest.mark.parametrize("route", CASES)
def test_a_token_of_some_units_does_nothing_about_other_accounts(
    windows: FakeServices, api: ApiServer, route: str
) -> None:
    token = add_token(windows, TokenScope(None, (WORKLOADS,)))
    inside = send(api, token, CASES[route](PAYMENTS_ID))
    assert inside.status != 403, inside
    acts, entries = [one for one in windows.acts if one[0] != "read inventory"], len(windows.database.entries)
    outside = send(api, token, CASES[route](MANAGEMENT_ID))
    assert (outside.status, outside.code) == (403, "access.denied"), outside
    assert "is limited to Root/Workloads" in outside.json["detail"]
    assert [one for one in windows.acts if one[0] != "read inventory"] == acts
    assert len(windows.database.entries) == entries


@pytest.mark.parametrize("path", ["/audits", "/preflights"])
def test_what_means_everything_by_default_is_too_much_for_a_token_of_some_units(
    windows: FakeServices, api: ApiServer, path: str
) -> None:
    token = add_token(windows, TokenScope(None, (WORKLOADS,)))
    assert send(api, token, ("POST", path, {})).code == "access.denied"
    assert send(api, token, ("POST", path, {"selection": {"organizational_units": ["Workloads"]}})).status == 202


def test_a_token_of_some_units_steers_its_own_jobs_alone(windows: FakeServices, api: ApiServer) -> None:
    token = add_token(windows, TokenScope(None, (WORKLOADS,)))
    windows.add_job("j-07", JobState.INTERRUPTED)
    for step in ("cancel", "resume"):
        assert send(api, token, ("POST", f"/jobs/j-07/{step}", {})).code == "access.denied"
    own = send(api, token, ("POST", "/plans", {"selection": {"accounts": [PAYMENTS_ID]}})).json["job_id"]
    assert send(api, token, ("POST", f"/jobs/{own}/cancel", {})).status == 202
    assert send(api, token, ("POST", "/ledger/verifications", {})).status == 202


@pytest.mark.parametrize("path", ["/audits", "/plans", "/preflights", "/deletions", "/unlocks"])
@pytest.mark.parametrize("retry_failed", [False, True])
def test_a_job_continues_by_a_token_of_some_units_only_while_its_account_lies_there(
    services: FakeServices, api: ApiServer, path: str, retry_failed: bool
) -> None:
    limited = add_token(services, TokenScope(None, (WORKLOADS,)))
    job_id = send(api, limited, CASES[f"POST /api/v1{path}"](PAYMENTS_ID)).json["job_id"]
    again: Case = ("POST", f"/jobs/{job_id}/resume", {"retry_failed": retry_failed})
    for token in (limited, services.add_token(ServerRole.ADMINISTRATOR)):
        interrupt(services, job_id)
        assert send(api, token, again).status == 202
    interrupt(services, job_id)
    move_payments(services)
    entries = len(services.database.entries)
    refused = send(api, limited, again)
    assert (refused.status, refused.code) == (403, "access.denied"), refused
    assert f"is limited to {WORKLOADS}; account {PAYMENTS_ID} is in {ELSEWHERE}" in refused.json["detail"]
    assert (services.jobs.get(job_id).state, len(services.database.entries)) == (JobState.INTERRUPTED, entries)
    assert api.post(f"/jobs/{job_id}/resume", {"retry_failed": retry_failed}).status == 202


def interrupt(services: FakeServices, job_id: str) -> None:
    """As the end of the process that works on it does."""
    job = services.jobs.take_over(job_id)
    services.jobs.end(job, JobState.INTERRUPTED, job.progress)


def move_payments(services: FakeServices) -> None:
    """As a listing finds it that comes after."""
    inventory = services.inventory_store.find_last()
    assert inventory is not None
    accounts = tuple(
        replace(one, ou_ids=one.ou_ids[:1], ou_path=ELSEWHERE) if one.account_id == PAYMENTS_ID else one
        for one in inventory.accounts
    )
    services.inventory_store.save(replace(inventory, accounts=accounts))


def test_a_token_of_some_units_reads_all(windows: FakeServices, api: ApiServer) -> None:
    token = add_token(windows, TokenScope(None, (WORKLOADS,)))
    assert len(send(api, token, ("GET", "/accounts", None)).json["accounts"]) == 2


@pytest.mark.parametrize("permission", sorted(Permission))
def test_a_token_of_one_permission_is_answered_by_its_routes_alone(
    services: FakeServices, api: ApiServer, permission: Permission
) -> None:
    token = add_token(services, TokenScope(frozenset({permission})))
    for row in ROWS:
        if isinstance(row.demand, Permission) and not row.path.endswith("/events"):
            path = row.path.removeprefix("/api/v1").replace("{account_id}", PAYMENTS_ID)
            for name in ("window_id", "job_id", "audit_id", "name"):
                path = path.replace(f"{{{name}}}", "none-such")
            if not row.path.startswith("/api/v1"):
                path = f"/{row.path}"
            answer = send(api, token, (row.method, path, None if row.method == "GET" else {}))
            refused = answer.status == 403
            assert refused is (row.demand is not permission), f"{row.method} {row.path}: {answer}"


def test_me_shows_what_is_left_of_the_role(services: FakeServices, api: ApiServer) -> None:
    scope = TokenScope(frozenset({Permission.WINDOWS_READ}), (WORKLOADS,))
    reported = send(api, add_token(services, scope), ("GET", "/me", None)).json
    assert (reported["role"], reported["permissions"]) == ("administrator", ["windows:read"])
    assert reported["limited_to"] == {"permissions": ["windows:read"], "organizational_units": [WORKLOADS]}


def test_a_limited_token_is_made_and_listed_with_its_limits(api: ApiServer) -> None:
    body = {
        "name": "pipeline",
        "role": "operator",
        "permissions": ["windows:read", "windows:request"],
        "organizational_units": [WORKLOADS],
    }
    made = api.post("/tokens", body, ServerRole.ADMINISTRATOR)
    assert made.status == 201, made
    limits = {"permissions": ["windows:read", "windows:request"], "organizational_units": [WORKLOADS]}
    assert made.json["identity"]["limited_to"] == limits
    listed = api.get("/tokens", ServerRole.ADMINISTRATOR).json["identities"]
    assert {one["name"]: one["limited_to"] for one in listed}["pipeline"] == limits
    reported = send(api, made.json["token"], ("GET", "/me", None)).json
    assert reported["permissions"] == limits["permissions"]


@pytest.mark.parametrize(
    "limits",
    [
        {"permissions": ["identities:manage"]},
        {"permissions": []},
        {"permissions": ["everything"]},
        {"organizational_units": ["/"]},
        {"organizational_units": [""]},
    ],
    ids=str,
)
def test_limits_that_make_no_sense_make_no_token(api: ApiServer, limits: dict[str, Any]) -> None:
    answer = api.post("/tokens", {"name": "pipeline", "role": "operator", **limits}, ServerRole.ADMINISTRATOR)
    assert answer.status == 422, answer


def test_a_limited_administrator_makes_no_one_stronger_than_itself(services: FakeServices, api: ApiServer) -> None:
    services.add_token(ServerRole.ADMINISTRATOR, "chief")
    token = add_token(services, TokenScope(frozenset({Permission.IDENTITIES_MANAGE, Permission.WINDOWS_READ})))
    user = {"name": "eva", "role": "viewer"}
    tries: tuple[Case, ...] = (
        ("POST", "/tokens", {"name": "t-2", "role": "administrator"}),
        ("POST", "/tokens", {"name": "t-3", "role": "operator", "permissions": ["windows:request"]}),
        ("POST", "/users", user),
        ("POST", "/identities/chief/disable", {}),
        ("POST", "/identities/chief/set-role", {"role": "viewer"}),
        ("POST", "/identities/chief/reset-link", {}),
    )
    for case in tries:
        answer = send(api, token, case)
        assert (answer.status, answer.code) == (403, "access.denied"), f"{case}: {answer}"
        assert "lacks" in answer.json["detail"]
    weaker = {"name": "t-4", "role": "viewer", "permissions": ["windows:read"]}
    assert send(api, token, ("POST", "/tokens", weaker)).status == 201
