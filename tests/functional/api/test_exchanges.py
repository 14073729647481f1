"""What holds for every request: ids, headers, limits, host names, mistakes, and what the log says."""

from __future__ import annotations

import logging
import socket
import time

import pytest

from rootkeeper import errors
from rootkeeper.access.rules import ServerRole
from rootkeeper.errors import RootkeeperError
from rootkeeper.server.request_path import STATUSES, status_of
from tests.fakes.api_services import FakeServices
from tests.functional.api.serving import ApiServer, start_api


def test_every_answer_has_an_id_and_headers_that_keep_browsers_out(api: ApiServer) -> None:
    for answer in (api.get("/me"), api.get("/nothing"), api.get("//healthz", None), api.get("/me", None)):
        assert answer.headers["x-request-id"].startswith("r-")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "access-control-allow-origin" not in answer.headers


def test_an_id_that_a_client_sends_isnt_taken(api: ApiServer) -> None:
    assert api.get("/me", X_Request_Id="r-mine").headers["x-request-id"] != "r-mine"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8700", "localhost:8700", "LOCALHOST", "[::1]:8700", "127.9.9.9"]
)
def test_a_loopback_name_is_answered(api: ApiServer, host: str) -> None:
    assert api.get("//healthz", None, Host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8700", "10.0.0.1", "[::2]", ""]
)
def test_any_other_name_is_refused_where_only_this_machine_may_ask(api: ApiServer, host: str) -> None:
    for path in ("//healthz", "/me", "/nothing"):
        answer = api.get(path, Host=host)
        assert answer.status == 421
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_server_for_others_answers_to_any_name(services: FakeServices) -> None:
    with start_api(services, "0.0.0.0") as api:  # noqa: S104 - its setting; it listens on loopback
        assert api.get("//healthz", None, Host="rootkeeper.example.com").status == 200


def test_a_body_that_is_too_large_is_refused(api: ApiServer) -> None:
    answer = api.ask("POST", "/windows", b"x" * (2 * 1024 * 1024 + 1), ServerRole.OPERATOR, {})
    assert (answer.status, answer.code) == (413, None)


def test_p12_a_plan_is_named_and_never_sent(api: ApiServer) -> None:
    answer = api.ask("POST", "/deletions", b'{"plan_id": "plan-1", "plan": {"accounts": []}}', ServerRole.OPERATOR, {})
    assert answer.status == 422
    assert api.ask("POST", "/deletions", b'{"plan_id": "plan-1"}', ServerRole.OPERATOR, {}).code == "plan.invalid"
    assert api.ask("POST", "/deletions", b'{"plan_id": "plan-1"}', ServerRole.VIEWER, {}).code == "access.denied"


def test_a_body_without_a_length_is_counted_too(api: ApiServer) -> None:
    with socket.create_connection(("127.0.0.1", api.port), timeout=20) as connection:
        token = api.token(ServerRole.OPERATOR)
        head = f"POST /api/v1/windows HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        connection.sendall(f"{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        piece = b"x" * 65_536
        try:
            for _ in range(40):
                connection.sendall(b"10000\r\n" + piece + b"\r\n")
        except OSError:
            pass
        assert b" 413 " in connection.recv(4_096)


def test_a_bug_of_the_program_is_reported_without_detail_and_logged_under_the_requests_id(
    api: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    api.services.failure = RuntimeError("the secret is hunter2")
    body = {"account": "payments", "reason": "restore a bucket"}
    with caplog.at_level(logging.INFO, logger="rootkeeper.api"):
        answer = api.post("/windows", body)
        wait_for(lambda: any(getattr(record, "event", "") == "api:request" for record in caplog.records))
    assert answer.status == 500
    assert "hunter2" not in answer.content.decode()
    bugs = [record for record in caplog.records if getattr(record, "event", "") == "api:bug"]
    assert [bug.ids["request_id"] for bug in bugs] == [answer.headers["x-request-id"]]  # type: ignore[attr-defined]  # given as extra
    assert answer.json["request_id"] == answer.headers["x-request-id"]


def test_p08_the_log_names_route_and_person_and_never_a_token_a_query_or_a_body(
    api: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        api.get("/accounts?q=canary-of-a-query")
        api.post("/windows", {"account": "payments", "reason": "canary-of-a-body"})
        api.post("/auth/sign-in", {"name": "ana", "password": "canary-of-a-password"}, None)
        api.send("GET", "/api/v1/me", None, {"Authorization": "Bearer canary-of-a-token"})
        cookies = {"Cookie": "rootkeeper=canary-of-a-session; __Host-rootkeeper=canary-of-another"}
        api.send("GET", "/api/v1/me", None, {**cookies, "X-CSRF-Token": "canary-of-a-page"})
        api.send("GET", "/canary-of-an-address?q=canary-of-a-link", None, cookies)
        wait_for(lambda: sum(getattr(one, "event", "") == "api:request" for one in caplog.records) == 6)
    ours = [record for record in caplog.records if not record.name.startswith("uvicorn")]
    reported = "\n".join(f"{record.getMessage()} {vars(record)}" for record in ours)
    assert "canary" not in reported
    assert api.token(ServerRole.VIEWER) not in reported
    lines = [record.ids for record in caplog.records if getattr(record, "event", "") == "api:request"]  # type: ignore[attr-defined]  # given as extra
    assert lines[0]["route"] == "/api/v1/accounts"
    assert [line.get("actor") for line in lines] == ["viewer-token", "operator-token", *[None] * 4]


def test_every_deliberate_error_has_a_status() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RootkeeperError)]
    reported = {kind.code: int(status_of(kind("It failed."))) for kind in kinds if kind is not RootkeeperError}
    assert 500 not in reported.values()
    assert set(STATUSES) <= set(kinds)
    assert (reported["input.invalid"], reported["input.not_found"], reported["window.conflict"]) == (422, 404, 409)
    assert (reported["access.not_signed_in"], reported["access.denied"]) == (401, 403)
    assert (reported["aws.access_denied"], reported["aws.throttled"], reported["database.unavailable"]) == (
        502,
        503,
        503,
    )


def test_what_doesnt_fit_is_named_and_not_repeated(api: ApiServer) -> None:
    answer = api.post("/auth/sign-in", {"name": "ana", "password": ["canary"]}, None)
    assert (answer.status, answer.code) == (422, "input.invalid")
    assert answer.json["mistakes"][0]["where"] == "body.password"
    assert "canary" not in answer.content.decode()


def test_the_server_says_whether_it_can_work(api: ApiServer) -> None:
    assert api.get("//healthz", None).json == {"status": "ok"}
    assert api.get("//readyz", None).json["status"] == "ready"
    api.services.troubles.append("The AWS credentials have expired.")
    answer = api.get("//readyz", None)
    assert answer.status == 503
    assert answer.json["checks"][0] == {
        "name": "database",
        "is_good": False,
        "explanation": "The AWS credentials have expired.",
    }
    from_elsewhere = api.get("//readyz", None, **{"X-Forwarded-For": "203.0.113.7"})
    assert from_elsewhere.status == 503
    assert {check["explanation"] for check in from_elsewhere.json["checks"]} == {""}


def wait_for(holds: object, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]  # a function
        assert time.monotonic() < end
        time.sleep(0.01)
