"""Who signed a request: botocore's signer is believed, everything else is refused in AWS's words."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from rootkeeper_sandbox.authentication import Signer, parse_authorization
from rootkeeper_sandbox.exchange import HttpRequest
from rootkeeper_sandbox.instance import SandboxInstance
from tests.examples import examples
from tests.sandbox.wire import Answer, Keys, MachineTime, Wire, build_request, open_instance, sign

MEMBER = "555566667777"
WRONG_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
NO_SUCH_KEY = Keys("AKIAIOSFODNN7EXAMPLE", WRONG_SECRET)


@pytest.fixture
def machine_time() -> MachineTime:
    return MachineTime()


@pytest.fixture
def instance(machine_time: MachineTime) -> SandboxInstance:
    return open_instance(machine_time=machine_time)


@pytest.fixture
def wire(instance: SandboxInstance) -> Wire:
    return Wire(instance)


def signed(wire: Wire, service: str = "sts", operation: str = "GetCallerIdentity") -> HttpRequest:
    return sign(build_request(service, operation, {}), service, wire.keys("management-admin"))


def send(wire: Wire, request: HttpRequest) -> Answer:
    return wire.send(request, "sts", "GetCallerIdentity")


def test_a_signed_call_is_believed(wire: Wire) -> None:
    answered = send(wire, signed(wire))
    assert (answered.status, answered.body["Arn"]) == (200, "arn:aws:iam::111122223333:user/management-admin")


@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        ("sts", "GetCallerIdentity", "MissingAuthenticationToken", 403),
        ("iam", "GetUser", "MissingAuthenticationToken", 403),
        ("organizations", "ListRoots", "MissingAuthenticationTokenException", 400),
    ],
)
def test_an_unsigned_call_is_refused(wire: Wire, service: str, operation: str, code: str, status: int) -> None:
    answered = wire.send(build_request(service, operation, {}), service, operation)
    assert (answered.code, answered.status) == (code, status)
    assert answered.message == "Request is missing Authentication Token"


@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        ("sts", "GetCallerIdentity", "InvalidClientTokenId", 403),
        ("organizations", "ListRoots", "UnrecognizedClientException", 400),
    ],
)
def test_an_unknown_key_is_refused(wire: Wire, service: str, operation: str, code: str, status: int) -> None:
    answered = wire.call(NO_SUCH_KEY, service, operation)
    assert (answered.code, answered.status) == (code, status)
    assert answered.message == "The security token included in the request is invalid."


@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        ("sts", "GetCallerIdentity", "SignatureDoesNotMatch", 403),
        ("organizations", "ListRoots", "InvalidSignatureException", 400),
    ],
)
def test_a_wrong_secret_is_refused(wire: Wire, service: str, operation: str, code: str, status: int) -> None:
    keys = Keys(wire.keys("management-admin").access_key_id, WRONG_SECRET)
    answered = wire.call(keys, service, operation)
    assert (answered.code, answered.status) == (code, status)
    assert answered.message.startswith("The request signature we calculated does not match")


def test_an_inactive_key_is_refused(wire: Wire) -> None:
    account_id, key_id = find_inactive_root_key(wire)
    credential = wire.instance.world.find_credential(key_id)
    assert credential is not None
    answered = wire.call(Keys(key_id, credential.secret_access_key), "sts", "GetCallerIdentity")
    assert (account_id, answered.code) == (credential.principal.account_id, "InvalidClientTokenId")


def find_inactive_root_key(wire: Wire) -> tuple[str, str]:
    return next(
        (account["account_id"], key["access_key_id"])
        for account in wire.truth()["accounts"]
        for key in account["root_user"]["access_keys"]
        if key["status"] == "Inactive"
    )


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda request: setattr(request, "body", request.body + b"&X=1"), id="body"),
        pytest.param(lambda request: setattr(request, "raw_path", "/other"), id="path"),
        pytest.param(lambda request: setattr(request, "query_string", "a=b"), id="query"),
        pytest.param(lambda request: setattr(request, "method", "PUT"), id="method"),
        pytest.param(lambda request: request.headers.update(host="iam.amazonaws.com"), id="host"),
    ],
)
def test_a_request_that_was_changed_after_signing_is_refused(wire: Wire, change) -> None:  # type: ignore[no-untyped-def]  # a lambda
    request = signed(wire)
    change(request)
    assert send(wire, request).code == "SignatureDoesNotMatch"


def test_a_replaced_content_hash_does_not_hide_a_changed_body(wire: Wire) -> None:
    request = signed(wire)
    request.headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD"
    request.body += b"&X=1"
    assert send(wire, request).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ("Basic dXNlcjpwYXNz", "Unsupported AWS 'algorithm': 'Basic'."),
        ("AWS4-HMAC-SHA256", "Authorization header requires 'Credential' parameter."),
        ("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261125/us-east-1/sts/aws4_request", "'Signature'"),
        ("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0", "exactly 5 slash-delimited elements"),
        ("AWS4-HMAC-SHA256 Credential=" + "a/" * 400 + ", SignedHeaders=host, Signature=0", "exactly 5"),
    ],
)
def test_a_malformed_header_is_refused(wire: Wire, header: str, complaint: str) -> None:
    request = build_request("sts", "GetCallerIdentity", {})
    request.headers["authorization"] = header
    answered = send(wire, request)
    assert (answered.code, answered.status) == ("IncompleteSignature", 400)
    assert complaint in answered.message


@pytest.mark.parametrize(
    "date", ["", "yesterday", "20261399T000000Z", "2026-11-25T00:00:00Z", "\u0662\u0660261125T000000Z"]
)
def test_a_date_that_is_none_is_refused(wire: Wire, date: str) -> None:
    request = signed(wire)
    request.headers["x-amz-date"] = date
    assert send(wire, request).code in {"IncompleteSignature", "SignatureDoesNotMatch"}


@pytest.mark.parametrize(
    ("element", "replacement", "complaint"),
    [
        (1, "20200101", "Date in Credential scope does not match"),
        (3, "iam", "Credential should be scoped to correct service: 'sts'."),
        (4, "aws4", "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws4'."),
    ],
)
def test_a_scope_for_something_else_is_refused(wire: Wire, element: int, replacement: str, complaint: str) -> None:
    authorization = signed(wire).headers["authorization"]
    parts = authorization.partition(",")
    scope = parts[0].split("/")
    scope[element] = replacement
    request = signed(wire)
    request.headers["authorization"] = "/".join(scope) + parts[1] + parts[2]
    if element == 3:
        request.headers["x-amz-target"] = "AWSOrganizationsV20161128.ListRoots"
        answered = wire.send(request, "organizations", "ListRoots")
        assert answered.message == "Credential should be scoped to correct service: 'organizations'."
    else:
        answered = send(wire, request)
        assert answered.code == "SignatureDoesNotMatch"
        assert complaint in answered.message


def test_the_host_must_be_signed(wire: Wire) -> None:
    request = signed(wire)
    header = request.headers["authorization"]
    request.headers["authorization"] = header.replace("host;", "")
    assert send(wire, request).message == "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."


@pytest.mark.parametrize("minutes", [-14.5, 0, 14.5])
def test_a_clock_that_is_nearly_right_is_good_enough(wire: Wire, machine_time: MachineTime, minutes: float) -> None:
    request = signed(wire)
    machine_time.offset = timedelta(minutes=minutes)
    assert send(wire, request).status == 200


def test_signatures_of_the_machines_and_of_the_sandboxs_own_time_count_after_its_clock_was_moved(
    wire: Wire, machine_time: MachineTime
) -> None:
    request = signed(wire)
    wire.instance.clock.advance(3600)
    assert send(wire, request).status == 200, "the machine's"
    machine_time.offset = -timedelta(hours=1)
    assert send(wire, request).status == 200, "its own"


@pytest.mark.parametrize(
    ("minutes", "service", "code", "beginning"),
    [
        (15.5, "sts", "SignatureDoesNotMatch", "Signature expired: "),
        (-15.5, "sts", "SignatureDoesNotMatch", "Signature not yet current: "),
        (15.5, "organizations", "InvalidSignatureException", "Signature expired: "),
    ],
)
def test_a_clock_that_is_wrong_is_refused(
    wire: Wire, machine_time: MachineTime, minutes: float, service: str, code: str, beginning: str
) -> None:
    operation = "ListRoots" if service == "organizations" else "GetCallerIdentity"
    request = signed(wire, service, operation)
    machine_time.offset = timedelta(minutes=minutes)
    answered = wire.send(request, service, operation)
    assert answered.code == code
    assert answered.message.startswith(beginning)
    assert "15 min.)" in answered.message


def test_signatures_are_judged_by_the_machine_s_clock_not_the_sandbox_s(wire: Wire) -> None:
    wire.instance.clock.advance(86_400)
    assert send(wire, signed(wire)).status == 200


def test_a_session_ends_by_the_sandbox_s_clock(wire: Wire) -> None:
    session = wire.open_root_session(MEMBER, "IAMAuditRootUserCredentials")
    assert wire.call(session, "iam", "GetUser").status == 200
    wire.instance.clock.advance(899)
    assert wire.call(session, "iam", "GetUser").status == 200
    wire.instance.clock.advance(2)
    answered = wire.call(session, "iam", "GetUser")
    assert (answered.code, answered.status) == ("ExpiredToken", 403)
    assert answered.message == "The security token included in the request is expired"


def test_a_session_s_key_is_nothing_without_its_token(wire: Wire) -> None:
    session = wire.open_root_session(MEMBER, "IAMAuditRootUserCredentials")
    bare = Keys(session.access_key_id, session.secret_access_key)
    assert wire.call(bare, "iam", "GetUser").code == "InvalidClientTokenId"


def test_another_session_s_token_is_refused(wire: Wire) -> None:
    session = wire.open_root_session(MEMBER, "IAMAuditRootUserCredentials")
    other = wire.open_root_session(MEMBER, "IAMAuditRootUserCredentials")
    mixed = Keys(session.access_key_id, session.secret_access_key, other.session_token)
    assert wire.call(mixed, "iam", "GetUser").code == "InvalidClientTokenId"


def test_a_long_term_key_takes_no_token(wire: Wire) -> None:
    keys = wire.keys("management-admin")
    with_token = Keys(keys.access_key_id, keys.secret_access_key, "FwoGZXIvYXdzEXAMPLE")
    assert wire.call(with_token, "sts", "GetCallerIdentity").code == "InvalidClientTokenId"


def test_a_refused_call_proves_no_identity_and_is_recorded(wire: Wire) -> None:
    wire.call(NO_SUCH_KEY, "iam", "DeleteAccessKey", AccessKeyId="AKIAIOSFODNN7EXAMPLE")
    record = wire.last_record()
    assert (record["operation"], record["mutating"]) == ("DeleteAccessKey", True)
    assert (record["principal_arn"], record["account_id"]) == (None, None)
    assert (record["status"], record["error_code"]) == (403, "InvalidClientTokenId")


@settings(max_examples=examples(100), deadline=None)
@given(
    path=st.text(st.sampled_from("ab/%+ ~*é"), max_size=8),
    query=st.lists(st.tuples(st.text("ab+ %&=~é", max_size=4), st.text("xy+ %&=~é", max_size=4)), max_size=4),
    headers=st.dictionaries(st.from_regex(r"x-[a-z]{1,6}", fullmatch=True), st.text("ab  c\t", max_size=9), max_size=3),
    body=st.binary(max_size=40),
)
def test_every_signature_of_botocore_is_reproduced(
    path: str, query: list[tuple[str, str]], headers: dict[str, str], body: bytes
) -> None:
    url_query = "&".join(f"{quote_text(name)}={quote_text(value)}" for name, value in query)
    url = f"http://127.0.0.1:4599/{quote_path(path)}{'?' if query else ''}{url_query}"
    unsigned = AWSRequest("POST", url, headers=headers, data=body)
    keys = Keys("AKIAIOSFODNN7EXAMPLE", WRONG_SECRET)
    SigV4Auth(Credentials(keys.access_key_id, keys.secret_access_key), "sts", "us-east-1").add_auth(unsigned)
    sent = {name.lower(): str(value) for name, value in unsigned.headers.items()} | {"host": "127.0.0.1:4599"}
    request = HttpRequest("POST", "/" + quote_path(path), url_query, sent, body, "127.0.0.1")
    authorization = parse_authorization(sent["authorization"])
    expected = Signer().sign(request, authorization, keys.secret_access_key, sent["x-amz-date"])
    assert expected == authorization.signature


def quote_path(text: str) -> str:
    # Dot segments and empty ones are left out: botocore normalizes them away before it signs.
    return "/".join(quote_text(part) for part in text.split("/") if part)


def quote_text(text: str) -> str:
    return "".join(f"%{byte:02X}" if chr(byte) not in "abxy~" else chr(byte) for byte in text.encode())


def test_signing_keys_are_kept_for_each_secret_and_scope(wire: Wire) -> None:
    for region in ("us-east-1", "eu-central-1"):
        request = sign(build_request("sts", "GetCallerIdentity", {}), "sts", wire.keys("management-admin"), region)
        assert send(wire, request).status == 200
    other = sign(build_request("sts", "GetCallerIdentity", {}), "sts", wire.keys("observer"))
    assert send(wire, other).body["Arn"].endswith("user/observer")


def test_a_signature_of_odd_characters_is_refused(wire: Wire) -> None:
    request = signed(wire)
    header = request.headers["authorization"]
    request.headers["authorization"] = header[:-4] + base64.b64decode("/////w==").decode("utf-8", "surrogateescape")
    assert send(wire, request).code == "SignatureDoesNotMatch"
