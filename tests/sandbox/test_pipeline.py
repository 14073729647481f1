"""A request's whole path over the demo organization: routing, refusals, authorization, and what is recorded of it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rootkeeper_sandbox.exchange import HttpRequest
from rootkeeper_sandbox.pipeline import answer
from rootkeeper_sandbox.routing import RequestLog, RequestRecord
from rootkeeper_sandbox.services.registry import SERVICES
from rootkeeper_sandbox.trail import Trail
from tests.sandbox.wire import TASK_POLICIES, Answer, Wire, build_request, open_instance, sign

MEMBER = "555566667777"
AUDIT = "IAMAuditRootUserCredentials"
DELETE = "IAMDeleteRootUserCredentials"
REGULATED_OU = "Regulated"


@pytest.fixture
def wire() -> Wire:
    return Wire(open_instance())


def send_raw(wire: Wire, request: HttpRequest) -> tuple[int, str, str]:
    """Send a request that no model fits; gives status, content type and body."""
    response, _ = asyncio.run(answer(wire.instance, request))
    return int(response.status), response.content_type, response.body.decode()


def bare_request(headers: dict[str, str], body: bytes = b"", method: str = "POST") -> HttpRequest:
    return HttpRequest(method, "/", "", {"host": "127.0.0.1:4599", **headers}, body, "127.0.0.1")


def signed_for(wire: Wire, request: HttpRequest, signing_name: str, region: str = "us-east-1") -> HttpRequest:
    return sign(request, "iam", wire.keys("management-admin"), region, signing_name)


def test_everything_served_is_routed_and_answered(wire: Wire) -> None:
    for service, operations in SERVICES.items():
        for operation in operations:
            answered = wire.call("observer", service, operation)
            assert answered.status in {200, 204, 400, 403, 404}, (service, operation, answered.body)
            assert answered.code not in {"InvalidAction", "UnknownOperationException"}, (service, operation)
            assert wire.last_record()["operation"] == operation


def test_an_operation_that_aws_has_and_the_sandbox_has_not_says_so(wire: Wire) -> None:
    answered = wire.call("management-admin", "iam", "ListOpenIDConnectProviders")
    assert (answered.status, answered.code) == (400, "InvalidAction")
    assert answered.message == "The sandbox does not serve iam:ListOpenIDConnectProviders."
    answered = wire.call("management-admin", "organizations", "EnableAllFeatures")
    assert (answered.status, answered.code) == (400, "UnknownOperationException")


def test_operations_that_need_no_signature_are_not_served_without_one_either(wire: Wire) -> None:
    for operation, given in (
        ("AssumeRoleWithWebIdentity", {"WebIdentityToken": "token"}),
        ("AssumeRoleWithSAML", {"SAMLAssertion": "assertion", "PrincipalArn": "a" * 20}),
    ):
        given = given | {"RoleArn": "arn:aws:iam::111122223333:role/any"}
        answered = wire.send(build_request("sts", operation, given), "sts", operation)
        assert (answered.status, answered.code) == (400, "InvalidAction")
        assert answered.message == f"The sandbox does not serve sts:{operation}."
        assert wire.last_record()["operation"] == operation
    answered = wire.send(build_request("sts", "GetCallerIdentity", {}), "sts", "GetCallerIdentity")
    assert answered.code == "MissingAuthenticationToken"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/amzn-s3-demo-shop-assets", "/amzn-s3-demo-shop-assets/logo.svg"])
def test_an_anonymous_request_with_a_path_is_refused_by_s3(wire: Wire, method: str, path: str) -> None:
    request = HttpRequest(method, path, "", {"host": "127.0.0.1:4599"}, b"", "127.0.0.1")
    status, content_type, body = send_raw(wire, request)
    assert (status, content_type) == (403, "application/xml")
    assert "<Error><Code>AccessDenied</Code><Message>Access Denied</Message>" in body
    assert wire.last_record()["service"] == "s3"


PRESIGNED = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261001%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20261001T120000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=" + "0" * 64
)


@pytest.mark.parametrize("query", [PRESIGNED, "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=x&Expires=1"])
def test_a_presigned_url_is_not_served_in_the_words_of_s3(wire: Wire, query: str) -> None:
    request = HttpRequest("GET", "/bucket/key", query, {"host": "127.0.0.1:4599"}, b"", "127.0.0.1")
    status, content_type, body = send_raw(wire, request)
    assert (status, content_type) == (501, "application/xml")
    assert "<Code>NotImplemented</Code><Message>The sandbox does not serve presigned URLs.</Message>" in body


def test_an_unknown_operation_is_refused_in_the_protocol_s_form(wire: Wire) -> None:
    request = signed_for(wire, bare_request({}, b"Action=Dance&Version=2010-05-08"), "iam")
    status, content_type, body = send_raw(wire, request)
    assert (status, content_type) == (400, "text/xml")
    assert "<Code>InvalidAction</Code><Message>Could not find operation Dance for version 2010-05-08</Message>" in body
    target = {"x-amz-target": "AWSOrganizationsV20161128.Dance", "content-type": "application/x-amz-json-1.1"}
    status, content_type, body = send_raw(wire, signed_for(wire, bare_request(target, b"{}"), "organizations"))
    assert (status, content_type) == (400, "application/x-amz-json-1.1")
    assert json.loads(body)["__type"] == "UnknownOperationException"


def test_a_call_that_names_no_operation_is_refused(wire: Wire) -> None:
    status, _, body = send_raw(wire, signed_for(wire, bare_request({}, b"Version=2010-05-08"), "iam"))
    assert status == 400
    assert "<Code>MissingAction</Code>" in body


@pytest.mark.parametrize(
    ("headers", "signing_name", "content_type", "expected"),
    [
        ({}, "rds", "text/xml", "<Code>InvalidAction</Code>"),
        ({"content-type": "application/json"}, "lambda", "application/json", '"__type":"UnknownOperationException"'),
        ({"x-amz-target": "Logs_20140328.PutLogEvents"}, "logs", "application/x-amz-json-1.1", "UnknownOperation"),
    ],
)
def test_a_service_that_is_not_served_is_refused_in_its_own_form(
    wire: Wire, headers: dict[str, str], signing_name: str, content_type: str, expected: str
) -> None:
    status, found_type, body = send_raw(wire, signed_for(wire, bare_request(headers), signing_name))
    assert (status, found_type) == (400, content_type)
    assert expected in body
    assert "<html" not in body.lower()


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE", "OPTIONS"])
def test_a_request_that_is_no_call_at_all_is_refused(wire: Wire, method: str) -> None:
    status, content_type, body = send_raw(wire, bare_request({}, method=method))
    assert (status, content_type) == (403, "text/xml")
    assert "<Code>MissingAuthenticationToken</Code>" in body


@pytest.mark.parametrize("host", ["iam.amazonaws.com", "sts.eu-central-1.amazonaws.com:443"])
def test_an_unsigned_call_is_known_by_its_host(wire: Wire, host: str) -> None:
    request = bare_request({}, b"Action=GetUser")
    request.headers["host"] = host
    send_raw(wire, request)
    assert wire.last_record()["service"] == host.partition(".")[0]


def test_a_hostile_body_is_refused_before_anything_else(wire: Wire) -> None:
    status, _, body = send_raw(wire, signed_for(wire, bare_request({}, b"Action=\xff"), "iam"))
    assert status == 400
    assert "<Code>MalformedInput</Code>" in body


@pytest.mark.parametrize(
    ("region", "host", "is_global"),
    [
        ("eu-central-1", "127.0.0.1:4599", False),
        ("us-east-1", "sts.us-east-1.amazonaws.com", False),
        ("aws-global", "127.0.0.1:4599", True),
        ("us-east-1", "sts.amazonaws.com", True),
        ("us-east-1", "STS.amazonaws.com:443", True),
    ],
)
def test_root_sessions_are_opened_at_regional_endpoints_only(
    wire: Wire, region: str, host: str, is_global: bool
) -> None:
    parameters = {"TargetPrincipal": MEMBER, "TaskPolicyArn": {"arn": TASK_POLICIES + AUDIT}}
    request = build_request("sts", "AssumeRoot", parameters)
    request.headers["host"] = host
    answered = wire.send(sign(request, "sts", wire.keys("management-admin"), region), "sts", "AssumeRoot")
    if is_global:
        assert (answered.status, answered.code, answered.message) == (400, "InvalidAction", "Unknown Operation")
    else:
        assert answered.status == 200


def test_regions_are_those_of_the_signature_and_of_the_service(wire: Wire) -> None:
    for service, operation, region in (("sts", "GetCallerIdentity", "eu-central-1"), ("iam", "GetUser", "us-east-1")):
        request = sign(build_request(service, operation, {}), service, wire.keys("management-admin"), "eu-central-1")
        wire.send(request, service, operation)
        assert wire.last_record()["region"] == region


def test_a_caller_without_permission_is_shown_the_cause(wire: Wire) -> None:
    answered = wire.call("observer", "iam", "ListOrganizationsFeatures")
    assert (answered.status, answered.code) == (403, "AccessDenied")
    assert answered.message == (
        "User: arn:aws:iam::111122223333:user/observer is not authorized to perform: iam:ListOrganizationsFeatures "
        "on resource: * because no identity-based policy allows the iam:ListOrganizationsFeatures action"
    )
    answered = wire.call("observer", "organizations", "ListAccounts")
    assert (answered.status, answered.code) == (400, "AccessDeniedException")
    assert answered.message.endswith("because no identity-based policy allows the organizations:ListAccounts action")
    assert wire.call("observer", "sts", "GetCallerIdentity").status == 200


def test_a_missing_permission_for_root_sessions_gives_no_cause(wire: Wire) -> None:
    parameters = {"TargetPrincipal": MEMBER, "TaskPolicyArn": {"arn": TASK_POLICIES + AUDIT}}
    answered = wire.call("observer", "sts", "AssumeRoot", **parameters)
    assert (answered.status, answered.code) == (403, "AccessDenied")
    assert answered.message == (
        "User: arn:aws:iam::111122223333:user/observer is not authorized to perform: sts:AssumeRoot "
        f"on resource: arn:aws:iam::{MEMBER}:root"
    )


def test_parameters_are_checked_before_permission(wire: Wire) -> None:
    parameters = {"TargetPrincipal": MEMBER, "TaskPolicyArn": {"arn": TASK_POLICIES + AUDIT}, "DurationSeconds": 901}
    answered = wire.call("observer", "sts", "AssumeRoot", **parameters)
    assert (answered.status, answered.code) == (400, "ValidationError")
    assert "Value '901' at 'durationSeconds'" in answered.message


def test_a_root_session_may_do_its_task_alone(wire: Wire) -> None:
    session = wire.open_root_session(MEMBER, AUDIT)
    assert wire.call(session, "iam", "GetAccountSummary").status == 200
    before = wire.truth()
    answered = wire.call(session, "iam", "DeleteLoginProfile")
    assert (answered.status, answered.code) == (403, "AccessDenied")
    assert answered.message.endswith("with an explicit deny in a session policy")
    assert wire.truth() == before


def regulated_account(wire: Wire) -> str:
    accounts = wire.truth()["accounts"]
    blocked = (one for one in accounts if one["ou_path"].endswith(REGULATED_OU) and one["state"] == "ACTIVE")
    return str(next(blocked)["account_id"])


def test_an_scp_that_denies_root_blocks_the_session_and_is_named(wire: Wire) -> None:
    session = wire.open_root_session(regulated_account(wire), AUDIT)
    answered = wire.call(session, "iam", "GetAccountSummary")
    assert (answered.status, answered.code) == (403, "AccessDenied")
    assert "with an explicit deny in a service control policy: arn:aws:organizations::111122223333:policy/" in (
        answered.message
    )


def test_an_scp_that_exempts_root_sessions_lets_them_work(wire: Wire) -> None:
    statement = {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}, "Null": {"aws:AssumedRoot": "true"}},
    }
    content = {"Version": "2012-10-17", "Statement": [statement]}
    policy = {"name": "deny-root", "type": "SERVICE_CONTROL_POLICY", "content": content, "targets": [MEMBER]}
    wire.instance.world.create_policy(policy)
    assert wire.call(wire.open_root_session(MEMBER, AUDIT), "iam", "GetAccountSummary").status == 200


def test_scps_bind_members_administrators_and_never_the_management_account(wire: Wire) -> None:
    root_id = next(iter(wire.instance.world.organization_path(MEMBER).split("/")[1:]))
    content = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]}
    policy = {"name": "no-iam", "type": "SERVICE_CONTROL_POLICY", "content": content, "targets": [root_id]}
    wire.instance.world.create_policy(policy)
    assert wire.call("member-admin", "iam", "GetUser").code == "AccessDenied"
    assert "service control policy" in wire.call("member-admin", "iam", "GetUser").message
    assert wire.call("management-admin", "iam", "GetUser").status == 200
    assert wire.call("management-root", "iam", "GetUser").status == 200


def test_a_call_is_recorded_with_who_what_where_and_how_it_went(wire: Wire) -> None:
    session = wire.open_root_session(MEMBER, DELETE)
    opening = wire.last_record()
    wire.call(session, "iam", "DeleteLoginProfile")
    deletion = wire.last_record()
    assert opening | {"at": "", "n": 0, "request_id": ""} == {
        "n": 0,
        "at": "",
        "service": "sts",
        "operation": "AssumeRoot",
        "region": "us-east-1",
        "principal_arn": "arn:aws:iam::111122223333:user/management-admin",
        "account_id": MEMBER,
        "task_policy": DELETE,
        "mutating": False,
        "status": 200,
        "error_code": None,
        "request_id": "",
        "opened_by": None,
    }
    assert deletion["principal_arn"] == f"arn:aws:iam::{MEMBER}:root"
    assert (deletion["account_id"], deletion["task_policy"], deletion["mutating"]) == (MEMBER, DELETE, True)
    assert deletion["n"] == opening["n"] + 1


def test_records_are_numbered_on_and_bounded() -> None:
    log = RequestLog(max_records=3)
    for _ in range(5):
        log.append(
            RequestRecord(
                log.next_number(), datetime.now(UTC), "sts", "x", "", "", "", None, False, 200, None, "", None
            )
        )
    assert [record["n"] for record in log.since(0)] == [3, 4, 5]
    assert [record["n"] for record in log.since(4)] == [5]
    assert log.since(5) == []
    assert log.since(99) == []


def test_an_assume_root_event_is_in_the_caller_s_account_and_names_the_target(wire: Wire) -> None:
    session = wire.open_root_session(MEMBER, AUDIT)
    event = wire.instance.trail.of_account("111122223333")[-1]
    assert (event["eventSource"], event["eventName"]) == ("sts.amazonaws.com", "AssumeRoot")
    assert event["userIdentity"]["type"] == "IAMUser"
    assert event["requestParameters"] == {
        "targetPrincipal": MEMBER,
        "taskPolicyArn": {"arn": TASK_POLICIES + AUDIT},
    }
    assert event["responseElements"]["credentials"]["accessKeyId"] == session.access_key_id
    assert event["resources"][0]["accountId"] == MEMBER
    assert session.secret_access_key not in json.dumps(event)


def test_a_root_session_s_events_stand_in_its_account_and_say_so(wire: Wire) -> None:
    session = wire.open_root_session(MEMBER, AUDIT)
    wire.call(session, "iam", "GetAccountSummary")
    wire.call(session, "iam", "DeleteLoginProfile")
    read, refused = wire.instance.trail.of_account(MEMBER)
    assert read["userIdentity"]["type"] == "Root"
    assert read["userIdentity"]["accessKeyId"] == session.access_key_id
    assert read["userIdentity"]["sessionContext"]["assumedRoot"] == "true"
    assert (read["awsRegion"], read["readOnly"], read["recipientAccountId"]) == ("us-east-1", True, MEMBER)
    assert "errorCode" not in read
    assert (refused["errorCode"], refused["readOnly"]) == ("AccessDenied", False)
    assert refused["eventID"] != read["eventID"]


def test_a_call_without_an_identity_leaves_no_event(wire: Wire) -> None:
    send_raw(wire, bare_request({}, b"Action=GetUser&Version=2010-05-08"))
    assert wire.instance.trail.of_account(None) == []


def test_a_password_is_never_in_an_event(wire: Wire) -> None:
    wire.call("management-admin", "iam", "CreateLoginProfile", UserName="observer", Password="Canary-111122223333")
    assert "Canary" not in json.dumps(wire.instance.trail.of_account("111122223333"))


def test_events_are_bounded(wire: Wire) -> None:
    wire.instance.trail = Trail(max_events=2)
    for _ in range(3):
        wire.call("management-admin", "sts", "GetCallerIdentity")
    assert len(wire.instance.trail.of_account("111122223333")) == 2


def test_a_member_s_account_control_ends_with_the_session_it_has(wire: Wire) -> None:
    """What one caller may is never what another may: the same call, judged for each."""
    calls: list[Answer] = [wire.call(name, "iam", "GetUser") for name in ("management-admin", "observer") * 3]
    assert [answered.status for answered in calls] == [200, 403] * 3


def test_no_answer_ever_lacks_its_request_id(wire: Wire) -> None:
    answers: list[Any] = [
        wire.call("management-admin", "sts", "GetCallerIdentity"),
        wire.call("observer", "organizations", "ListAccounts"),
        wire.call("observer", "iam", "GetUser"),
    ]
    ids = {answered.raw.headers["x-amzn-requestid"] for answered in answers}
    assert len(ids) == 3
