"""Hostile requests over real sockets: the protocol's own error, soon, and nothing has changed."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import pytest

from rootkeeper_sandbox.server import MAX_BODY_BYTES, MAX_HEAD_BYTES, Application
from tests.sandbox.clients import Caller, callers, root_session_parameters
from tests.sandbox.wire import BUCKET, Keys, build_request, open_instance, sign
from tests.sandbox_process import SandboxProcess

MEMBER = "555566667777"
SOON_SECONDS = 30.0
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
XML_BOMB = f'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY l0 "ha">{LAUGHS}]><b>&l9;</b>'.encode()
OUTSIDE_FILE = b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY f SYSTEM "file:///etc/hostname">]><b>&f;</b>'
DEEP_XML = b"<a>" * 100_000
DEEP_JSON = b'{"AccountId":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
HOSTILE_NAME = """<script>alert(1)</script>"&'`]]>${7*7}{{7*7}}%0d%0aX-Evil: 1 '--"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess.start("--features", "all") as process:
        yield process


@pytest.fixture(autouse=True)
def _nothing_changes(sandbox: SandboxProcess) -> Iterator[None]:
    before = sandbox.organization()
    yield
    assert sandbox.organization() == before


def talk(sandbox: SandboxProcess, *parts: bytes) -> bytes:
    """Send raw bytes and read until the server closes, which it must do soon."""
    host, _, port = sandbox.address.partition(":")
    with closing(socket.create_connection((host, int(port)), timeout=SOON_SECONDS)) as connection:
        for part in parts:
            connection.sendall(part)
        said = b""
        while chunk := connection.recv(65536):
            said += chunk
        return said


def send_signed(
    sandbox: SandboxProcess, service: str, operation: str, body: bytes, headers: Mapping[str, str] | None = None
) -> bytes:
    """Sign a body that no client makes, as a caller that may do everything, and send it."""
    found = sandbox.principals()["management-admin"]
    request = build_request(service, operation, {})
    request.body = body
    request.headers |= {"host": sandbox.address, "content-length": str(len(body)), **(headers or {})}
    sign(request, service, Keys(found.access_key_id, found.secret_access_key))
    query = f"?{request.query_string}" if request.query_string else ""
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    head = "\r\n".join((f"{request.method} {request.raw_path}{query} HTTP/1.1", *lines, "connection: close", "", ""))
    return talk(sandbox, head.encode(), request.body)


def status_of(said: bytes) -> int:
    return int(said.split(maxsplit=2)[1])


def test_a_body_of_100_mb_is_refused_before_any_of_it_comes(sandbox: SandboxProcess) -> None:
    started = time.monotonic()
    said = talk(sandbox, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n")
    assert status_of(said) == 413
    assert b"<Code>RequestEntityTooLarge</Code>" in said
    assert time.monotonic() - started < SOON_SECONDS


def test_a_client_that_waits_for_a_continue_is_refused(sandbox: SandboxProcess) -> None:
    said = talk(sandbox, b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\nExpect: 100-continue\r\n\r\n")
    assert status_of(said) == 413
    assert b"100 Continue" not in said


def test_s3_says_it_in_its_own_words(sandbox: SandboxProcess) -> None:
    said = send_signed(sandbox, "s3", "CreateBucket", b"x" * (MAX_BODY_BYTES + 1))
    assert status_of(said) == 400
    assert b"<Code>EntityTooLarge</Code>" in said


def test_chunks_without_end_are_refused_once_they_are_too_much(sandbox: SandboxProcess) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    count = 2 * MAX_BODY_BYTES // 0x10000
    said = talk(sandbox, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", *([chunk] * count))
    assert status_of(said) == 413


@pytest.mark.parametrize(
    "head", [b"GET / HTTP/1.1\r\nX: ", b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 9]
)
def test_a_head_without_end_is_cut_off(sandbox: SandboxProcess, head: bytes) -> None:
    filling = b"X: y\r\n" * 100 if head.endswith(b"\r\n") else b"y" * 1000
    try:
        said = talk(sandbox, head, *([filling] * (4 * MAX_HEAD_BYTES // len(filling) + 1)))
    except (BrokenPipeError, ConnectionResetError):  # what is sent on after the refusal
        return
    assert status_of(said) == 431


def test_a_body_that_stops_half_way_times_out_in_the_protocol_s_form() -> None:
    sent: list[Mapping[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        if not sent and not receive.__dict__.setdefault("asked", []):
            receive.__dict__["asked"].append(True)
            return {"type": "http.request", "body": b"Act", "more_body": True}
        await asyncio.sleep(0.05 if sent else 60)
        return {"type": "http.disconnect"}

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "raw_path": b"/", "query_string": b"", "client": ("127.0.0.1", 1)}
    application = Application(open_instance(), body_timeout_seconds=0.1)
    asyncio.run(application({**scope, "headers": [(b"content-length", b"10")]}, receive, send))
    assert sent[0]["status"] == 408
    assert b"<Code>RequestTimeout</Code>" in sent[1]["body"]


@pytest.mark.parametrize("bomb", [XML_BOMB, OUTSIDE_FILE, DEEP_XML], ids=["laughs", "file", "depth"])
def test_xml_bombs_are_malformed(sandbox: SandboxProcess, bomb: bytes) -> None:
    said = send_signed(sandbox, "s3", "CreateBucket", bomb)
    assert status_of(said) == 400
    assert b"<Code>MalformedXML</Code>" in said


@pytest.mark.parametrize(
    "bomb",
    [DEEP_JSON, b'{"AccountId":' + b"9" * 500_000 + b"}", b'{"AccountId":1e999999}', b'{"AccountId":NaN}', b"\xff{}"],
    ids=["depth", "digits", "exponent", "nan", "bytes"],
)
def test_json_bombs_are_malformed(sandbox: SandboxProcess, bomb: bytes) -> None:
    said = send_signed(sandbox, "organizations", "DescribeAccount", bomb)
    assert status_of(said) == 400
    assert json.loads(said.partition(b"\r\n\r\n")[2])["__type"] == "SerializationException"


@pytest.mark.parametrize(
    "body", [b"&".join(b"Tags.member.%d.Key=x" % n for n in range(5000)), b"Action=%ff%fe", b"\xff"]
)
def test_forms_that_are_too_much_or_no_text_are_refused(sandbox: SandboxProcess, body: bytes) -> None:
    said = send_signed(sandbox, "iam", "GetUser", body)
    assert status_of(said) == 400
    assert b"<ErrorResponse" in said


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        f"/{BUCKET}/../../../etc/passwd",
        f"/{BUCKET}/%00",
        f"/{BUCKET}/%ff",
        "/%ff",
        "/..;/",
        "/" + "a" * 5000,
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_no_path_leads_out_of_the_buckets(sandbox: SandboxProcess, method: str, path: str) -> None:
    found = sandbox.principals()["member-admin"]
    request = build_request("s3", "ListBuckets", {})
    request.method, request.raw_path, request.headers["host"] = method, path, sandbox.address
    sign(request, "s3", Keys(found.access_key_id, found.secret_access_key))
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    said = talk(sandbox, "\r\n".join((f"{method} {path} HTTP/1.1", *lines, "connection: close", "", "")).encode())
    assert 400 <= status_of(said) < 500
    assert b"root:" not in said


def test_a_header_asked_for_in_the_query_cannot_bring_another(sandbox: SandboxProcess) -> None:
    owner = callers(sandbox)["member-admin"].client("s3")
    owner.create_bucket(Bucket="amzn-s3-demo-headers")
    owner.put_object(Bucket="amzn-s3-demo-headers", Key="k", Body=b"x", Metadata={"a": "b"})
    for value in ("text/plain\r\nX-Evil: 1", "\x00", "\x7f", "é", "\u2028"):
        code, status, _ = outcome(
            callers(sandbox)["member-admin"],
            "s3",
            "GetObject",
            Bucket="amzn-s3-demo-headers",
            Key="k",
            ResponseContentType=value,
        )
        assert status < 500, (value, code)
    owner.delete_object(Bucket="amzn-s3-demo-headers", Key="k")
    owner.delete_bucket(Bucket="amzn-s3-demo-headers")


def outcome(caller: Caller, service: str, operation: str, **parameters: Any) -> tuple[str, int, str]:
    """Make a call that may be refused or not."""
    try:
        return caller.refusal(service, operation, **parameters)
    except AssertionError:
        return "", 200, ""


@pytest.mark.parametrize(
    ("service", "operation"), [("iam", "GetUser"), ("organizations", "DescribeOrganization"), ("s3", "ListBuckets")]
)
def test_another_session_s_token_proves_no_identity(sandbox: SandboxProcess, service: str, operation: str) -> None:
    management = callers(sandbox)["management-admin"]
    mine, other = (
        management.call("sts", "AssumeRoot", **root_session_parameters(MEMBER, "IAMAuditRootUserCredentials"))[
            "Credentials"
        ]
        for _ in range(2)
    )
    for token in (other["SessionToken"], other["SessionToken"][:-1], "", None):
        thief = Caller(sandbox.base_url, mine["AccessKeyId"], mine["SecretAccessKey"], token)
        code, status, _ = thief.refusal(service, operation)
        assert (code, status) in {
            ("InvalidClientTokenId", 403),
            ("UnrecognizedClientException", 400),
            ("InvalidToken", 400),
        }


def test_names_that_are_markup_stay_names() -> None:
    name = HOSTILE_NAME[:50]
    with SandboxProcess.start() as sandbox:
        management = callers(sandbox)["management-admin"]
        asked = management.call("organizations", "CreateAccount", AccountName=name, Email="mail+x@example.com")
        sandbox.clock(60)
        status = management.call(
            "organizations", "DescribeCreateAccountStatus", CreateAccountRequestId=asked["CreateAccountStatus"]["Id"]
        )["CreateAccountStatus"]
        account_id = status["AccountId"]
        assert management.call("organizations", "DescribeAccount", AccountId=account_id)["Account"]["Name"] == name
        assert sandbox.accounts()[account_id]["name"] == name
        for path in ("/", "/signin", "/mailbox", "/mailbox/mail+x@example.com"):
            head = f"GET {path} HTTP/1.1\r\nHost: {sandbox.address}\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
            page = talk(sandbox, head.encode())
            assert status_of(page) < 500
            assert b"<script>alert" not in page
