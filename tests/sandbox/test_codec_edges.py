"""What the codecs make of odd, hostile and incomplete input."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper_sandbox.codec.errors import Refusal, RefusalError
from rootkeeper_sandbox.codec.json_protocol import JsonCodec
from rootkeeper_sandbox.codec.models import load_model
from rootkeeper_sandbox.codec.parameters import format_epoch, format_iso8601, parse_timestamp
from rootkeeper_sandbox.codec.query import MAX_FIELDS, QueryCodec, parse_fields
from rootkeeper_sandbox.codec.registry import load_services
from rootkeeper_sandbox.codec.xml import escape_text
from rootkeeper_sandbox.exchange import HttpRequest, ServiceError

IAM = QueryCodec(load_model("iam"))
STS = QueryCodec(load_model("sts"))
ORGANIZATIONS = JsonCodec(load_model("organizations"))


def form(text: str, method: str = "POST") -> HttpRequest:
    return HttpRequest(method, "/", text if method == "GET" else "", {}, text.encode(), "127.0.0.1")


def json_request(body: str | bytes) -> HttpRequest:
    raw = body if isinstance(body, bytes) else body.encode()
    return HttpRequest("POST", "/", "", {}, raw, "127.0.0.1")


def refusal_of(codec: Any, operation: str, request: HttpRequest) -> RefusalError:
    with pytest.raises(RefusalError) as caught:
        codec.parse(operation, request)
    return caught.value


def test_members_that_are_absent_are_not_on_the_wire() -> None:
    user = {"UserId": "111122223333", "Arn": "arn:aws:iam::111122223333:root", "UserName": None}
    body = IAM.render("GetUser", {"User": user}, "r").body
    assert b"UserName" not in body
    assert b"Path" not in body


def test_an_empty_list_is_an_empty_element() -> None:
    body = IAM.render("ListAccessKeys", {"AccessKeyMetadata": [], "IsTruncated": False}, "r").body
    assert b"<AccessKeyMetadata></AccessKeyMetadata><IsTruncated>false</IsTruncated>" in body


def test_an_operation_without_output_answers_with_its_request_id_alone() -> None:
    response = IAM.render("DeleteLoginProfile", {}, "request-1")
    assert response.body == (
        b'<DeleteLoginProfileResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        b"<ResponseMetadata><RequestId>request-1</RequestId></ResponseMetadata></DeleteLoginProfileResponse>"
    )
    assert (response.content_type, response.headers) == ("text/xml", {"x-amzn-requestid": "request-1"})


@pytest.mark.parametrize(("status", "kind"), [(400, "Sender"), (404, "Sender"), (500, "Receiver"), (503, "Receiver")])
def test_an_error_says_whose_fault_it_is(status: int, kind: str) -> None:
    body = STS.render_error(ServiceError("Throttling", "Rate exceeded", status), "r").body
    assert f"<Error><Type>{kind}</Type><Code>Throttling</Code>".encode() in body
    assert body.startswith(b'<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">')


@given(st.text())
def test_any_text_makes_well_formed_xml(text: str) -> None:
    parsed = ET.fromstring(f"<a>{escape_text(text)}</a>".encode())  # noqa: S314 - written a line above
    if not any(ord(character) < 32 or 0xD800 <= ord(character) <= 0xFFFF for character in text):
        assert (parsed.text or "") == text


def test_markup_in_a_message_is_text() -> None:
    body = IAM.render_error(ServiceError("X", "<script>&\x00"), "r").body
    assert b"<Message>&lt;script&gt;&amp;\xef\xbf\xbd</Message>" in body


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("ListAccessKeys", "MaxItems=many"),
        ("ListAccessKeys", "MaxItems=" + "9" * 30),
        ("ListAccessKeys", "MaxItems=٣"),
        ("CreateLoginProfile", "PasswordResetRequired=perhaps"),
    ],
)
def test_a_query_value_of_the_wrong_type_is_malformed(operation: str, body: str) -> None:
    refused = refusal_of(IAM, operation, form(f"Version=2010-05-08&{body}"))
    assert IAM.make_error(refused).code == "MalformedInput"


@pytest.mark.parametrize(
    "body",
    [
        "[1, 2]",
        '"text"',
        "{",
        b"\xff\xfe",
        "[" * 200_000,
        '{"a":' * 200_000,
        '{"MaxResults": NaN}',
        '{"MaxResults": "5"}',
        '{"MaxResults": true}',
        '{"MaxResults": 1.5}',
        '{"MaxResults": 1e400}',
        '{"NextToken": 5}',
        '{"NextToken": {"a": ' + "[" * 500 + "]" * 500 + "}}",
    ],
)
def test_a_json_body_of_the_wrong_form_is_refused(body: str | bytes) -> None:
    refused = refusal_of(ORGANIZATIONS, "ListAccounts", json_request(body))
    assert (ORGANIZATIONS.make_error(refused).code, ORGANIZATIONS.make_error(refused).status) == (
        "SerializationException",
        400,
    )


def test_an_empty_json_body_is_an_empty_object() -> None:
    assert ORGANIZATIONS.parse("ListAccounts", json_request("")) == {}


def test_a_body_that_is_not_text_is_refused() -> None:
    request = HttpRequest("POST", "/", "", {}, b"Action=\xff\xff", "127.0.0.1")
    with pytest.raises(RefusalError) as caught:
        IAM.find_operation(request)
    assert caught.value.refusal is Refusal.MALFORMED_BODY


def test_too_many_fields_are_refused() -> None:
    assert len(parse_fields("&".join(f"a{n}=1" for n in range(MAX_FIELDS)))) == MAX_FIELDS
    with pytest.raises(RefusalError):
        parse_fields("&".join(f"a{n}=1" for n in range(MAX_FIELDS + 1)))


def test_a_get_request_carries_its_parameters_in_the_query_string() -> None:
    request = form("Action=ListAccessKeys&Version=2010-05-08&UserName=a%20b%2Bc", "GET")
    assert IAM.find_operation(request) == "ListAccessKeys"
    assert IAM.parse("ListAccessKeys", form("Version=2010-05-08&UserName=a.b%2Bc")) == {"UserName": "a.b+c"}


@pytest.mark.parametrize("version", ["", "&Version=2011-06-15"])
def test_an_operation_exists_only_in_its_version(version: str) -> None:
    refused = refusal_of(IAM, "ListAccessKeys", form(f"Action=ListAccessKeys{version}"))
    shown = version.removeprefix("&Version=") or "NO_VERSION_SPECIFIED"
    assert refused.message == f"Could not find operation ListAccessKeys for version {shown}"
    assert IAM.make_error(refused).code == "InvalidAction"


ASSUME_ROOT = "Version=2011-06-15&TargetPrincipal=111122223333&TaskPolicyArn.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2Fx"


def test_values_beyond_a_bound_are_named_as_sts_names_them() -> None:
    refused = refusal_of(STS, "AssumeRoot", form(ASSUME_ROOT + "&DurationSeconds=901"))
    assert STS.make_error(refused) == ServiceError(
        "ValidationError",
        "1 validation error detected: Value '901' at 'durationSeconds' failed to satisfy constraint: "
        "Member must have value less than or equal to 900",
        400,
    )


def test_a_missing_structure_is_null() -> None:
    refused = refusal_of(STS, "AssumeRoot", form("Version=2011-06-15&TargetPrincipal=111122223333"))
    assert refused.message == (
        "1 validation error detected: Value null at 'taskPolicyArn' failed to satisfy constraint: "
        "Member must not be null"
    )


def test_all_violations_are_counted() -> None:
    refused = refusal_of(STS, "AssumeRoot", form("Version=2011-06-15&TargetPrincipal=1"))
    assert refused.message.startswith("2 validation errors detected: Value '1' at 'targetPrincipal' failed")
    assert "; Value null at 'taskPolicyArn'" in refused.message


def test_a_zero_duration_is_no_violation() -> None:
    assert STS.parse("AssumeRoot", form(ASSUME_ROOT + "&DurationSeconds=0"))["DurationSeconds"] == 0


def test_a_pattern_is_quoted_in_its_violation() -> None:
    refused = refusal_of(IAM, "DeleteAccessKey", form("Version=2010-05-08&AccessKeyId=AKIAIOSFODNN7EXAMPL!"))
    assert refused.message.endswith(r"Member must satisfy regular expression pattern: [\w]+")


def test_a_password_is_never_echoed() -> None:
    refused = refusal_of(IAM, "CreateLoginProfile", form(f"Version=2010-05-08&Password={'secret' * 40}"))
    assert "secret" not in refused.message
    assert "Value at 'password' failed" in refused.message


@pytest.mark.parametrize(
    ("operation", "body", "reason"),
    [
        ("ListAccounts", '{"MaxResults": 0}', "MIN_VALUE_EXCEEDED"),
        ("ListAccounts", '{"MaxResults": 21}', "MAX_VALUE_EXCEEDED"),
        ("DescribeAccount", "{}", "INPUT_REQUIRED"),
        ("DescribeAccount", '{"AccountId": "12"}', "INVALID_PATTERN"),
        ("ListChildren", '{"ParentId": "r-abcd", "ChildType": "LEAF"}', "INVALID_ENUM"),
    ],
)
def test_organizations_names_the_reason_of_a_violation(operation: str, body: str, reason: str) -> None:
    error = ORGANIZATIONS.make_error(refusal_of(ORGANIZATIONS, operation, json_request(body)))
    assert (error.code, error.status, error.fields) == ("InvalidInputException", 400, {"Reason": reason})


@pytest.mark.parametrize(
    "value",
    ["2026-11-25T10:00:00Z", "2026-11-25T11:00:00+01:00", 1795600800, "1795600800", "Wed, 25 Nov 2026 10:00:00 GMT"],
)
def test_timestamps_are_read_in_every_form(value: str | int) -> None:
    assert parse_timestamp(value) == datetime(2026, 11, 25, 10, tzinfo=UTC)


@pytest.mark.parametrize("value", ["", "soon", "2026-13-01T00:00:00Z", "1e400", float("1e300")])
def test_other_texts_are_no_timestamps(value: str | float) -> None:
    with pytest.raises(RefusalError):
        parse_timestamp(value)


def test_timestamps_are_written_in_utc() -> None:
    moment = datetime(2026, 11, 25, 11, 0, 0, 123456, tzinfo=timezone(timedelta(hours=1)))
    assert (format_iso8601(moment), format_epoch(moment)) == ("2026-11-25T10:00:00Z", 1795600800.123)


def test_services_are_known_by_what_they_sign_as() -> None:
    services = {codec.service: codec for codec in load_services(["sts", "organizations", "sso-admin"])}
    assert services["sso-admin"].signing_name == "sso"
    assert services["organizations"].target_prefix == "AWSOrganizationsV20161128"
    assert services["sts"].version == "2011-06-15"
