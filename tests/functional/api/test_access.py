"""Who may call what: every route is walked with every role, with no one, and with what isn't a token."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from rootkeeper.access.rules import PERMISSIONS, Permission, ServerRole
from rootkeeper.server.application import ROWS, make_application
from rootkeeper.server.guards import AccessRequirement, Demand, GuardedRoute, demand_of
from tests.architecture.source_files import REPOSITORY
from tests.fakes.api_services import FakeServices
from tests.functional.api.serving import Answer, ApiServer

OPEN = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/api/openapi.json"),
    ("GET", "/api/v1/auth/methods"),
    ("GET", "/api/v1/auth/oidc/callback"),
    ("GET", "/api/v1/auth/oidc/start"),
    ("POST", "/api/v1/auth/first-administrator"),
    ("POST", "/api/v1/auth/password-link"),
    ("POST", "/api/v1/auth/sign-in"),
    ("POST", "/api/v1/auth/sign-out"),
}
"""What answers without sign-in; design.md names no other."""

FROM_ELSEWHERE = {"X-Forwarded-For": "203.0.113.7"}
"""What a proxy on this machine says: so nothing counts as asked by this machine itself."""

BAD_AUTHORIZATIONS = (
    "Bearer rk_unknown",
    "Bearer",
    "Bearer ",
    "Basic YTpi",
    "rk_viewer-token",
    "Bearer " + "x" * 5_000,
)


def list_routes() -> list[APIRoute]:
    application: FastAPI = make_application(FakeServices().as_server)
    return [route for route in application.routes if isinstance(route, APIRoute)]


ROUTES = [(min(route.methods or ()), route.path, demand_of(route)) for route in list_routes()]
IDS = [f"{method} {path}" for method, path, _ in ROUTES]


def call(api: ApiServer, method: str, path: str, authorization: str | None) -> Answer:
    address = path.replace("{account_id}", "222233334444")
    for name in ("window_id", "job_id", "audit_id", "name", "session_id", "factor_id"):
        address = address.replace(f"{{{name}}}", "none-such")
    headers = dict(FROM_ELSEWHERE) if authorization is None else {**FROM_ELSEWHERE, "Authorization": authorization}
    content = b"{}" if method == "POST" else None
    return api.send(method, address, content, {**headers, "Content-Type": "application/json"})


def test_every_route_is_guarded() -> None:
    application = make_application(FakeServices().as_server)
    assert [route for route in application.routes if not isinstance(route, GuardedRoute)] == []
    assert len(ROUTES) == len(ROWS)


def test_a_route_that_doesnt_say_who_may_call_it_isnt_made() -> None:
    with pytest.raises(ValueError, match="who may call it"):
        GuardedRoute("/api/v1/forgotten", lambda: None)


def test_nothing_else_answers_without_sign_in() -> None:
    assert {(method, path) for method, path, demand in ROUTES if demand is AccessRequirement.ANYONE} == OPEN


def test_beside_routes_only_files_of_console_and_help_need_no_sign_in() -> None:
    """They hold no organization's data. The threat model names the same."""
    application = make_application(FakeServices().as_server)
    makers: list[Any] = [one.cls for one in application.user_middleware]
    only_check = {"BeginningTurns", "BodyLimit", "HostCheck", "RequestMiddleware"}
    assert {maker.__name__ for maker in makers} - only_check == {"ConsoleFiles", "HelpFiles"}
    model = (REPOSITORY / "docs/explanation/threat-model.md").read_text()
    (protection,) = re.findall(
        r"^### What needs no sign-in$.+?^- Protection: (.+?)^- ", model, re.MULTILINE | re.DOTALL
    )
    assert "the console's and the help's files" in protection
    named = set(re.findall(r"`(/[\w/.-]+)`", protection))
    assert named == {path for _, path in OPEN}


def test_this_machine_itself_is_shown_nothing_but_numbers_without_sign_in() -> None:
    assert [path for _, path, demand in ROUTES if demand is AccessRequirement.ON_THIS_MACHINE] == ["/metrics"]


def test_every_permission_guards_a_route() -> None:
    assert {demand for _, _, demand in ROUTES if isinstance(demand, Permission)} == set(Permission)


@pytest.mark.parametrize(("method", "path", "demand"), ROUTES, ids=IDS)
def test_a_route_answers_exactly_those_roles_that_it_permits(
    walked: ApiServer, method: str, path: str, demand: Demand
) -> None:
    for role in ServerRole:
        permitted = not isinstance(demand, Permission) or demand in PERMISSIONS[role]
        answer = call(walked, method, path, f"Bearer {walked.token(role)}")
        assert answer.status < 500 or path == "/readyz", answer
        if permitted:
            assert answer.status != 403, f"{role}: {answer}"
            assert answer.status != 401 or path.endswith("/sign-in"), f"{role}: {answer}"
        else:
            assert (answer.status, answer.code) == (403, "access.denied"), f"{role}: {answer}"
            assert answer.json["hint"].startswith("Ask a user with the role")


@pytest.mark.parametrize(("method", "path", "demand"), ROUTES, ids=IDS)
def test_without_a_token_or_with_a_bad_one_only_the_open_routes_answer(
    walked: ApiServer, method: str, path: str, demand: Demand
) -> None:
    acts = list(walked.services.acts)
    for authorization in (None, *BAD_AUTHORIZATIONS):
        answer = call(walked, method, path, authorization)
        if demand is AccessRequirement.ANYONE:
            assert answer.status != 401 or path.endswith("/sign-in"), answer
            continue
        assert (answer.status, answer.code) == (401, "access.not_signed_in"), answer
        assert answer.headers["www-authenticate"].startswith('Bearer realm="rootkeeper"')
    assert walked.services.acts == acts


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/me", "/api", "/api/v1/accounts/1/2", "/api/v1/me/"])
@pytest.mark.parametrize("authorization", [None, "Bearer rk_unknown"])
def test_an_unknown_address_is_404_before_anyone_is_asked_who_they_are(
    walked: ApiServer, path: str, authorization: str | None
) -> None:
    answer = call(walked, "GET", path, authorization)
    assert (answer.status, answer.code) == (404, None)


def test_a_caller_that_isnt_signed_in_isnt_shown_what_is_wrong_with_a_body(api: ApiServer) -> None:
    answer = api.send("POST", "/api/v1/windows", b"{not json", {"Content-Type": "application/json"})
    assert answer.status == 401
    denied = api.ask("POST", "/windows", b"{not json", ServerRole.VIEWER, {})
    assert denied.status == 403


def test_a_disabled_or_expired_token_acts_no_more(api: ApiServer) -> None:
    assert api.get("/me").status == 200
    api.services.identities.disable("viewer-token", api.services.clock.now())
    assert api.get("/me").status == 401


def test_a_caller_is_shown_who_it_is_and_what_that_permits(api: ApiServer) -> None:
    answer = api.get("/me", ServerRole.APPROVER).json
    assert (answer["name"], answer["kind"], answer["role"]) == ("approver-token", "token", "approver")
    assert (answer["organization_id"], answer["endpoint"]) == ("o-exampleorgid", "SANDBOX 127.0.0.1:4599")
    assert "windows:approve" in answer["permissions"]
    assert "windows:activate" not in answer["permissions"]
