"""Faults on purpose: what they match, how they add up, and what clients see of them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from rootkeeper.sandbox.exchange import ServiceError
from rootkeeper.sandbox.faults import Disturbance, FaultBook, parse_fault
from tests.sandbox.wire import Wire, open_instance

MEMBER = "555566667777"
OTHER = "666677778888"
AUDIT = "IAMAuditRootUserCredentials"
DELETE = "IAMDeleteRootUserCredentials"
THROTTLE = {"code": "Throttling", "status": 400, "message": "Rate exceeded"}


@pytest.fixture
def wire() -> Wire:
    return Wire(open_instance())


def order(wire: Wire, **body: Any) -> None:
    wire.instance.faults.add(parse_fault(body))


@pytest.mark.parametrize(
    ("matches", "strikes"),
    [
        ({}, True),
        ({"service": "iam"}, True),
        ({"service": "sts"}, False),
        ({"operation": "GetUser"}, True),
        ({"service": "iam", "operation": "GetUser", "account_id": MEMBER}, True),
        ({"service": "iam", "operation": "GetUser", "account_id": OTHER}, False),
        ({"service": None, "operation": "GetUser"}, True),
    ],
)
def test_a_fault_strikes_what_it_matches(matches: dict[str, str], strikes: bool) -> None:
    book = FaultBook([parse_fault({**matches, "error": THROTTLE})])
    assert (book.disturb("iam", "GetUser", MEMBER).error is not None) is strikes


def test_faults_add_up_and_are_used_up() -> None:
    book = FaultBook()
    for body in (
        {"latency_ms": 200, "times": 2},
        {"latency_ms": 50},
        {"drop": True, "times": 1},
        {"lie": True, "times": 1},
        {"error": THROTTLE, "times": 1},
        {"error": {"code": "ServiceFailure", "status": 500}, "times": 1},
    ):
        book.add(parse_fault(body))
    assert book.disturb("iam", "GetUser", MEMBER) == Disturbance(
        0.25, ServiceError("Throttling", "Rate exceeded", 400), cuts_connection=True, lies=True
    )
    assert book.disturb("iam", "GetUser", MEMBER) == Disturbance(0.25, ServiceError("ServiceFailure", "", 500))
    assert book.disturb("iam", "GetUser", MEMBER) == Disturbance(0.05)
    book.clear()
    assert book.disturb("iam", "GetUser", MEMBER) == Disturbance()


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ([], "must be an object"),
        ({}, "needs one of"),
        ({"service": "iam"}, "needs one of"),
        ({"latency_ms": 0}, "needs one of"),
        ({"drop": True, "color": "red"}, "no field 'color'"),
        ({"drop": "yes"}, "drop must be true or false"),
        ({"lie": 1}, "lie must be true or false"),
        ({"drop": True, "times": 0}, "times must be"),
        ({"drop": True, "times": 1.5}, "times must be"),
        ({"drop": True, "times": True}, "times must be"),
        ({"drop": True, "service": 5}, "service must be a text"),
        ({"latency_ms": -1}, "latency_ms must be"),
        ({"latency_ms": "100"}, "latency_ms must be"),
        ({"error": "Throttling"}, "error must be an object"),
        ({"error": {"status": 400}}, "error must be an object"),
        ({"error": {"code": "X", "kind": "y"}}, "error must be an object"),
        ({"error": {"code": "X", "status": 200}}, "status must be"),
        ({"error": {"code": 5}}, "error.code must be a text"),
    ],
)
def test_a_fault_that_means_nothing_is_refused(body: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_fault(body)


def test_an_error_reaches_the_client_in_the_protocol_s_form(wire: Wire) -> None:
    order(wire, service="organizations", error={"code": "TooManyRequestsException", "message": "Slow down."}, times=1)
    answered = wire.call("management-admin", "organizations", "ListRoots")
    assert (answered.status, answered.code, answered.message) == (400, "TooManyRequestsException", "Slow down.")
    assert wire.last_record()["error_code"] == "TooManyRequestsException"
    assert wire.call("management-admin", "organizations", "ListRoots").status == 200


def test_a_call_that_fails_on_purpose_changes_nothing(wire: Wire) -> None:
    session = wire.open_root_session(MEMBER, DELETE)
    before = wire.truth()
    order(wire, operation="DeleteLoginProfile", error={"code": "ServiceFailure", "status": 500, "message": "Oops"})
    assert wire.call(session, "iam", "DeleteLoginProfile").status == 500
    assert wire.truth() == before


def test_assume_root_is_matched_by_its_target(wire: Wire) -> None:
    order(wire, operation="AssumeRoot", account_id=OTHER, error=THROTTLE)
    wire.open_root_session(MEMBER, AUDIT)
    with pytest.raises(AssertionError, match="Throttling"):
        wire.open_root_session(OTHER, AUDIT)


def test_calls_in_a_session_are_matched_by_the_member_account(wire: Wire) -> None:
    order(wire, service="iam", account_id=OTHER, error=THROTTLE)
    assert wire.call(wire.open_root_session(MEMBER, AUDIT), "iam", "GetUser").status == 200
    assert wire.call(wire.open_root_session(OTHER, AUDIT), "iam", "GetUser").code == "Throttling"


def test_latency_takes_its_time(wire: Wire) -> None:
    order(wire, operation="GetCallerIdentity", latency_ms=150, times=1)
    started = time.monotonic()
    wire.call("management-admin", "sts", "GetCallerIdentity")
    assert time.monotonic() - started >= 0.15
    wire.instance.latency_seconds = 0.1
    started = time.monotonic()
    wire.call("management-admin", "sts", "GetCallerIdentity")
    assert time.monotonic() - started >= 0.1


def test_a_cut_connection_comes_after_acting(wire: Wire) -> None:
    session = wire.open_root_session(MEMBER, DELETE)
    assert wire.root_user(MEMBER)["password"]
    order(wire, operation="DeleteLoginProfile", drop=True, times=1)
    answered = wire.call(session, "iam", "DeleteLoginProfile")
    assert answered.was_cut
    assert not wire.root_user(MEMBER)["password"]
    assert (wire.last_record()["operation"], wire.last_record()["status"]) == ("DeleteLoginProfile", 200)


def test_a_lie_answers_success_and_changes_nothing(wire: Wire) -> None:
    session = wire.open_root_session(MEMBER, DELETE)
    before = wire.truth()
    order(wire, lie=True)
    assert wire.call(session, "iam", "DeleteLoginProfile").status == 200
    assert wire.call(session, "iam", "DeleteLoginProfile").status == 200
    assert wire.truth() == before
    assert wire.call(session, "iam", "GetLoginProfile").status == 200


def test_a_lie_about_a_creation_looks_like_one(wire: Wire) -> None:
    clean = next(
        account["account_id"]
        for account in wire.truth()["accounts"]
        if account["state"] == "ACTIVE" and not any(account["root_user"].values())
    )
    session = wire.open_root_session(clean, "IAMCreateRootUserPassword")
    order(wire, operation="CreateLoginProfile", lie=True, times=1)
    before = wire.truth()
    answered = wire.call(session, "iam", "CreateLoginProfile")
    assert set(answered.body["LoginProfile"]) == {"CreateDate", "PasswordResetRequired"}
    assert wire.truth() == before
    assert wire.call(session, "iam", "CreateLoginProfile").status == 200
    assert wire.root_user(clean)["recovery_allowed"]


def test_a_lie_about_something_impossible_is_an_empty_success(wire: Wire) -> None:
    session = wire.open_root_session(MEMBER, DELETE)
    order(wire, operation="DeleteAccessKey", lie=True)
    assert wire.call(session, "iam", "DeleteAccessKey", AccessKeyId="AKIAIOSFODNN7EXAMPLE").status == 200


def test_a_lie_does_not_open_what_is_denied(wire: Wire) -> None:
    order(wire, lie=True)
    session = wire.open_root_session(MEMBER, AUDIT)
    assert wire.call(session, "iam", "DeleteLoginProfile").code == "AccessDenied"
