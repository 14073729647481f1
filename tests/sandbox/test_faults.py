"""Faults on purpose: what they match, how they add up, and what clients see of them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from rootkeeper_sandbox.exchange import ServiceError
from rootkeeper_sandbox.faults import FaultEffects, FaultRegistry, parse_fault
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
    book = FaultRegistry([parse_fault({**matches, "error": THROTTLE})])
    assert (book.find_fault_effects("iam", "GetUser", MEMBER).error is not None) is strikes


def test_faults_add_up_and_are_used_up() -> None:
    book = FaultRegistry()
    for body in (
        {"latency_ms": 200, "times": 2},
        {"latency_ms": 50},
        {"drop": True, "times": 1},
        {"lie": True, "times": 1},
        {"error": THROTTLE, "times": 1},
        {"error": {"code": "ServiceFailure", "status": 500}, "times": 1},
    ):
        book.add(parse_fault(body))
    assert book.find_fault_effects("iam", "GetUser", MEMBER) == FaultEffects(
        0.25, ServiceError("Throttling", "Rate exceeded", 400), cuts_connection=True, gives_false_result=True
    )
    assert book.find_fault_effects("iam", "GetUser", MEMBER) == FaultEffects(
        0.25, ServiceError("ServiceFailure", "", 500)
    )
    assert book.find_fault_effects("iam", "GetUser", MEMBER) == FaultEffects(0.05)
    book.clear()
    assert book.find_fault_effects("iam", "GetUser", MEMBER) == FaultEffects()


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
        ({"throttle": 1}, "throttle must be true or false"),
        ({"empty_page": "yes"}, "empty_page must be true or false"),
        ({"drop": True, "probability": 0}, "probability must be"),
        ({"drop": True, "probability": 1.5}, "probability must be"),
        ({"drop": True, "probability": True}, "probability must be"),
        ({"drop": True, "probability": "often"}, "probability must be"),
        ({"drop": True, "seed": 0.5}, "seed must be a whole number"),
    ],
)
def test_a_fault_that_means_nothing_is_refused(body: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_fault(body)


def strikes(book: FaultRegistry, calls: int = 5000) -> list[bool]:
    return [book.find_fault_effects("iam", "GetUser", MEMBER) != FaultEffects() for _ in range(calls)]


def make_book(*bodies: dict[str, Any]) -> FaultRegistry:
    book = FaultRegistry()
    for body in bodies:
        book.add(parse_fault(body))
    return book


def test_a_fault_with_a_probability_strikes_that_share_of_the_calls_that_it_matches() -> None:
    book = make_book({"service": "iam", "probability": 0.02, "drop": True})
    for _ in range(5000):
        assert book.find_fault_effects("sts", "AssumeRoot", MEMBER) == FaultEffects()
    assert 70 <= sum(strikes(book)) <= 130


def test_which_calls_are_struck_follows_from_the_seed() -> None:
    body = {"probability": 0.05, "drop": True}
    first, again, other = (make_book(one) for one in (body, body, body | {"seed": 2}))
    struck = strikes(first)
    assert strikes(again) == struck
    assert strikes(other) != struck
    first.clear()
    first.add(parse_fault(body))
    assert strikes(first) == struck


def test_faults_of_one_seed_do_not_strike_the_same_calls() -> None:
    book = make_book({"probability": 0.1, "drop": True}, {"probability": 0.1, "throttle": True})
    struck = [book.find_fault_effects("iam", "GetUser", MEMBER) for _ in range(5000)]
    both = sum(one.cuts_connection and one.error is not None for one in struck)
    assert 20 <= both <= 90


def test_times_counts_the_calls_that_were_struck() -> None:
    book = make_book({"probability": 0.1, "drop": True, "times": 7})
    assert sum(strikes(book)) == 7
    assert book.faults == []


@pytest.mark.parametrize(
    ("service", "code", "status", "message", "fields"),
    [
        ("iam", "Throttling", 400, "Rate exceeded", {}),
        ("sts", "Throttling", 400, "Rate exceeded", {}),
        ("account", "TooManyRequestsException", 429, "Rate exceeded", {}),
        ("sso-admin", "ThrottlingException", 400, "Rate exceeded", {}),
        (
            "organizations",
            "TooManyRequestsException",
            400,
            (
                "You have sent too many requests in too short a period of time. The quota helps protect against"
                " denial-of-service attacks. Try again later."
            ),
            {"Type": "RATE_LIMIT_EXCEEDED"},
        ),
        ("s3", "Throttling", 400, "Rate exceeded", {}),
    ],
)
def test_throttling_on_purpose_has_each_service_s_own_form(
    service: str, code: str, status: int, message: str, fields: dict[str, str]
) -> None:
    expected = ServiceError(code, message, status, fields)
    assert make_book({"throttle": True}).find_fault_effects(service, "GetUser", MEMBER).error == expected
    named = make_book({"error": {"code": code, "status": status}}).find_fault_effects(service, "GetUser", MEMBER)
    assert named.error == expected


def test_a_throttled_call_of_organizations_carries_its_type_on_the_wire(wire: Wire) -> None:
    order(wire, service="organizations", throttle=True, times=1)
    answered = wire.call("management-admin", "organizations", "ListRoots")
    assert (answered.status, answered.code) == (400, "TooManyRequestsException")
    assert json.loads(answered.raw.body)["Type"] == "RATE_LIMIT_EXCEEDED"


def list_ids(wire: Wire) -> tuple[list[str], list[int], list[str]]:
    """All ids of ListAccounts, the sizes of its pages, and its tokens."""
    ids: list[str] = []
    sizes: list[int] = []
    tokens: list[str] = []
    while True:
        token = {"NextToken": tokens[-1]} if tokens else {}
        page = wire.call("management-admin", "organizations", "ListAccounts", MaxResults=5, **token).body
        ids += [account["Id"] for account in page["Accounts"]]
        sizes.append(len(page["Accounts"]))
        if "NextToken" not in page:
            return ids, sizes, tokens
        tokens.append(page["NextToken"])


def test_an_empty_page_has_a_token_that_continues_where_it_was(wire: Wire) -> None:
    whole, _, _ = list_ids(wire)
    order(wire, operation="ListAccounts", empty_page=True, times=3)
    ids, sizes, tokens = list_ids(wire)
    assert ids == whole
    assert sizes[:4] == [0, 0, 0, 5]
    assert len(set(tokens)) == len(tokens)


def test_empty_pages_come_in_the_middle_of_a_listing_by_their_probability(wire: Wire) -> None:
    whole, usual_sizes, _ = list_ids(wire)
    order(wire, service="organizations", empty_page=True, probability=0.5)
    ids, sizes, tokens = list_ids(wire)
    assert ids == whole
    assert [size for size in sizes if size] == usual_sizes
    assert 0 in sizes[1:]
    assert len(set(tokens)) == len(tokens)


def test_empty_pages_are_for_lists_alone_and_markers_go_on_too(wire: Wire) -> None:
    order(wire, empty_page=True, times=1)
    session = wire.open_root_session(MEMBER, AUDIT)
    assert wire.call(session, "iam", "GetUser").status == 200
    first = wire.call(session, "iam", "ListAccessKeys").body
    assert (first["AccessKeyMetadata"], first["IsTruncated"]) == ([], True)
    second = wire.call(session, "iam", "ListAccessKeys", Marker=first["Marker"]).body
    assert len(second["AccessKeyMetadata"]) == len(wire.root_user(MEMBER)["access_keys"])


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
