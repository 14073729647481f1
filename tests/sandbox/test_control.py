"""The control interface: every request of its table, and clear refusals of everything else."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from rootkeeper_sandbox.control import answer_control
from rootkeeper_sandbox.exchange import HttpRequest
from rootkeeper_sandbox.throttling import AwsThrottle
from tests.sandbox.wire import Wire, open_instance

MEMBER = "555566667777"
AUDIT = "IAMAuditRootUserCredentials"


@pytest.fixture
def wire() -> Wire:
    return Wire(open_instance())


def ask(wire: Wire, method: str, path: str, body: Any = None, *, source_ip: str = "127.0.0.1") -> tuple[int, Any]:
    """Send a control request; a body of bytes goes as it is."""
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    path, _, query = path.partition("?")
    response = answer_control(wire.instance, HttpRequest(method, f"/_sandbox/{path}", query, {}, raw, source_ip))
    assert response.content_type == "application/json"
    return int(response.status), json.loads(response.body)


def test_it_says_when_it_is_ready(wire: Wire) -> None:
    assert ask(wire, "GET", "health") == (200, {"status": "ready"})


def test_it_hands_out_the_principals(wire: Wire) -> None:
    status, principals = ask(wire, "GET", "principals")
    names = {principal["name"] for principal in principals}
    assert status == 200
    assert {"management-admin", "delegated-admin", "member-admin", "observer", "management-root"} <= names
    assert set(principals[0]) == {"name", "account_id", "arn", "access_key_id", "secret_access_key"}


def test_a_rate_is_ordered_where_the_sandbox_throttles(wire: Wire) -> None:
    order = {"service": "sts", "operation": "AssumeRoot", "per_second": 10, "burst": 20}
    status, refused = ask(wire, "POST", "rates", order)
    assert (status, refused["error"]) == (400, "Rates need a sandbox that was started with --throttle aws.")
    wire.instance.throttle = AwsThrottle()
    assert ask(wire, "POST", "rates", order) == (200, {"rates": 1})
    assert wire.instance.throttle.ordered["sts", "AssumeRoot"].per_second == 10
    ask(wire, "POST", "reset")
    assert wire.instance.throttle.ordered == {}


def test_it_shows_the_whole_truth(wire: Wire) -> None:
    status, truth = ask(wire, "GET", "organization")
    assert status == 200
    assert truth["management_account_id"] == "111122223333"
    assert {"organization_id", "features", "trusted_services", "delegated_administrators", "policies"} <= set(truth)


def test_a_root_user_is_replaced_and_what_is_left_out_is_absent(wire: Wire) -> None:
    key = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "status": "Active", "created_at": "2020-01-01T00:00:00Z"}
    assert ask(wire, "PUT", f"accounts/{MEMBER}/root-user", {"access_keys": [key]})[0] == 200
    root_user = wire.root_user(MEMBER)
    assert [found["access_key_id"] for found in root_user["access_keys"]] == ["AKIAIOSFODNN7EXAMPLE"]
    assert not root_user["password"]
    assert root_user["mfa_devices"] == []
    assert ask(wire, "PUT", f"accounts/{MEMBER}/root-user", {})[0] == 200
    assert wire.root_user(MEMBER)["access_keys"] == []


@pytest.mark.parametrize("as_text", [True, False])
def test_a_policy_is_created_and_attached(wire: Wire, as_text: bool) -> None:
    content = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]}
    policy = {
        "name": "no-iam",
        "type": "SERVICE_CONTROL_POLICY",
        "content": json.dumps(content) if as_text else content,
        "targets": [MEMBER],
    }
    status, created = ask(wire, "POST", "policies", policy)
    assert status == 200
    answered = wire.call(wire.open_root_session(MEMBER, AUDIT), "iam", "GetUser")
    assert answered.message.endswith(f"with an explicit deny in a service control policy: {created['arn']}")


def test_requests_are_listed_from_a_number_on_and_numbers_go_on_over_a_reset(wire: Wire) -> None:
    for _ in range(3):
        wire.call("observer", "sts", "GetCallerIdentity")
    assert [record["n"] for record in ask(wire, "GET", "requests")[1]] == [1, 2, 3]
    assert [record["n"] for record in ask(wire, "GET", "requests?since=2")[1]] == [3]
    assert ask(wire, "POST", "reset")[0] == 200
    wire.call("observer", "sts", "GetCallerIdentity")
    assert [record["n"] for record in ask(wire, "GET", "requests?since=3")[1]] == [4]


def test_a_request_shows_its_id_and_who_opened_the_root_session(wire: Wire) -> None:
    session = wire.open_root_session(MEMBER, AUDIT, caller="management-admin")
    read = wire.call(session, "iam", "GetAccountSummary")
    opening, reading = ask(wire, "GET", "requests")[1]
    assert reading["request_id"] == read.raw.headers["x-amzn-requestid"]
    assert reading["opened_by"] == opening["principal_arn"] == "arn:aws:iam::111122223333:user/management-admin"
    assert opening["opened_by"] is None
    events = ask(wire, "GET", f"events?account_id={MEMBER}")[1]
    assert events[-1]["requestID"] == reading["request_id"]


def test_control_requests_are_no_api_calls(wire: Wire) -> None:
    ask(wire, "GET", "organization")
    assert ask(wire, "GET", "requests") == (200, [])


def test_faults_are_ordered_and_cleared(wire: Wire) -> None:
    fault = {"service": "sts", "error": {"code": "Throttling", "status": 400, "message": "Rate exceeded"}}
    assert ask(wire, "POST", "faults", fault) == (200, {"faults": 1})
    assert wire.call("observer", "sts", "GetCallerIdentity").code == "Throttling"
    assert ask(wire, "DELETE", "faults") == (200, {"faults": 0})
    assert wire.call("observer", "sts", "GetCallerIdentity").status == 200


def test_the_clock_moves_forward(wire: Wire) -> None:
    before = wire.instance.clock.now()
    status, body = ask(wire, "POST", "clock", {"advance_seconds": 3600.5})
    assert status == 200
    assert datetime.fromisoformat(body["now"]) - before >= timedelta(seconds=3599)
    assert ask(wire, "POST", "clock", {"advance_seconds": 0})[0] == 200


def test_a_mailbox_is_empty_until_a_mail_comes(wire: Wire) -> None:
    assert ask(wire, "GET", "mailbox/aws%2Bsecurity%40example.com") == (200, [])


def test_events_are_listed_of_one_account_or_all(wire: Wire) -> None:
    wire.call(wire.open_root_session(MEMBER, AUDIT), "iam", "GetUser")
    [event] = ask(wire, "GET", f"events?account_id={MEMBER}")[1]
    assert event["eventName"] == "GetUser"
    assert [event["eventName"] for event in ask(wire, "GET", "events")[1]] == ["AssumeRoot", "GetUser"]


def test_a_reset_starts_the_scenario_again(wire: Wire) -> None:
    before = ask(wire, "GET", "principals")[1]
    session = wire.open_root_session(MEMBER, AUDIT)
    ask(wire, "PUT", f"accounts/{MEMBER}/root-user", {})
    ask(wire, "POST", "faults", {"service": "sts", "drop": True})
    ask(wire, "POST", "clock", {"advance_seconds": 86_400})
    assert ask(wire, "POST", "reset") == (200, {})
    assert wire.root_user(MEMBER)["password"]
    assert ask(wire, "GET", "events") == (200, [])
    assert ask(wire, "GET", "principals")[1] == before
    assert not wire.call("observer", "sts", "GetCallerIdentity").was_cut
    assert wire.instance.clock.now() - wire.instance.clock.machine_time() < timedelta(seconds=5)
    assert wire.call(session, "iam", "GetUser").code == "InvalidClientTokenId"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "nothing", None, 404),
        ("GET", "", None, 404),
        ("GET", "accounts/111122223333", None, 404),
        ("PUT", "accounts/999999999999/root-user", {}, 404),
        ("POST", "health", None, 405),
        ("GET", "reset", None, 405),
        ("PUT", "faults", {}, 405),
        ("GET", "requests?since=-1", None, 400),
        ("GET", "requests?since=soon", None, 400),
        ("PUT", f"accounts/{MEMBER}/root-user", [], 400),
        ("PUT", f"accounts/{MEMBER}/root-user", {"passwort": True}, 400),
        ("PUT", f"accounts/{MEMBER}/root-user", {"access_keys": 5}, 400),
        ("PUT", f"accounts/{MEMBER}/root-user", b"{", 400),
        ("PUT", f"accounts/{MEMBER}/root-user", b"[" * 100_000, 400),
        ("PUT", f"accounts/{MEMBER}/root-user", b"\xff", 400),
        ("POST", "policies", {}, 400),
        ("POST", "policies", {"name": "x", "type": "TAG_POLICY", "content": {}, "targets": []}, 400),
        (
            "POST",
            "policies",
            {"name": "x", "type": "SERVICE_CONTROL_POLICY", "content": "{", "targets": [MEMBER]},
            400,
        ),
        ("POST", "faults", {}, 400),
        ("POST", "faults", b"", 400),
        ("POST", "clock", {}, 400),
        ("POST", "clock", {"advance_seconds": -1}, 400),
        ("POST", "clock", {"advance_seconds": "60"}, 400),
        ("POST", "clock", {"advance_seconds": True}, 400),
        ("POST", "clock", {"advance_seconds": 1e300}, 400),
        ("POST", "clock", {"advance_seconds": 1, "back": True}, 400),
        ("POST", "clock", b'{"advance_seconds": NaN}', 400),
    ],
)
def test_what_means_nothing_is_refused_and_changes_nothing(
    wire: Wire, method: str, path: str, body: object, status: int
) -> None:
    before = ask(wire, "GET", "organization")
    found, answered = ask(wire, method, path, body)
    assert found == status
    assert answered["error"]
    assert ask(wire, "GET", "organization") == before


@pytest.mark.parametrize("source_ip", ["192.0.2.1", "10.0.0.5", "2001:db8::1", "", "unix"])
def test_callers_from_elsewhere_are_refused(wire: Wire, source_ip: str) -> None:
    status, body = ask(wire, "GET", "principals", source_ip=source_ip)
    assert status == 403
    assert body == {"error": "The control interface answers only callers on this machine."}


@pytest.mark.parametrize("source_ip", ["127.0.0.1", "127.5.5.5", "::1", "::ffff:127.0.0.1"])
def test_callers_on_this_machine_are_answered(wire: Wire, source_ip: str) -> None:
    assert ask(wire, "GET", "health", source_ip=source_ip)[0] == 200
