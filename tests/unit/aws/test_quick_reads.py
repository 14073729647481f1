"""The short way for reading calls of root sessions: plain answers come by it, anything else by botocore."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session

from rootkeeper.aws.call_templates import SignedCall
from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.quick_reads import QuickReads, ShortWay
from rootkeeper.aws.session_credentials import NoRootSessionError, RootSessionCredentials, root_session_entered
from rootkeeper.errors import AwsAccessDeniedError, AwsNotFoundError
from tests.fakes.aws_server import CUT, FakeAwsServer, Reply, answer_xml, error_xml
from tests.fakes.tls_server import TlsServer, make_authority

SESSION = RootSessionCredentials("ASIAIOSFODNN7EXAMPLE", "secret-of-the-session", "token-of-the-session")
KEYS = (
    "<AccessKeyMetadata><member><AccessKeyId>AKIAIOSFODNN7EXAMPLE</AccessKeyId><Status>Active</Status>"
    "<CreateDate>2019-01-01T00:00:00Z</CreateDate></member></AccessKeyMetadata><IsTruncated>false</IsTruncated>"
)
LISTED = answer_xml("ListAccessKeys", KEYS)
SDK_REQUEST = "amz-sdk-request"
"""The header by which botocore counts its attempts; the short way hasn't got it."""


def read(clients: AwsClients, operation: str = "ListAccessKeys", **parameters: object) -> dict[str, Any]:
    with root_session_entered(SESSION):
        return dict(clients.root_iam.read(operation, target="222233334444", **parameters))


def went_by_botocore(server: FakeAwsServer) -> list[bool]:
    return [SDK_REQUEST in request.headers for request in server.received]


def test_a_plain_answer_comes_by_the_short_way_signed_by_the_session(
    clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("ListAccessKeys", LISTED)
    assert read(clients)["AccessKeyMetadata"][0]["AccessKeyId"] == "AKIAIOSFODNN7EXAMPLE"
    (request,) = aws_server.received
    assert went_by_botocore(aws_server) == [False]
    assert f"Credential={SESSION.access_key_id}/" in request.headers["authorization"]
    assert request.headers["x-amz-security-token"] == SESSION.session_token
    assert "rootkeeper/" in request.headers["user-agent"]


def test_both_ways_answer_the_same(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    aws_server.answer("ListAccessKeys", LISTED)
    short, long = read(clients), read(clients, MaxItems=100)
    assert went_by_botocore(aws_server) == [False, True]
    assert short["AccessKeyMetadata"] == long["AccessKeyMetadata"]
    assert short["ResponseMetadata"]["RequestId"] == long["ResponseMetadata"]["RequestId"]


def test_without_a_session_nothing_is_sent(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    aws_server.answer("ListAccessKeys", LISTED)
    with pytest.raises(NoRootSessionError):
        clients.root_iam.read("ListAccessKeys")
    assert aws_server.received == []


@pytest.mark.parametrize(
    ("code", "status", "error"), [("NoSuchEntity", 404, AwsNotFoundError), ("AccessDenied", 403, AwsAccessDeniedError)]
)
def test_what_a_retry_would_not_change_is_asked_once(
    code: str, status: int, error: type[Exception], clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("GetLoginProfile", error_xml(code, status))
    with pytest.raises(error):
        read(clients, "GetLoginProfile")
    assert went_by_botocore(aws_server) == [False]


@pytest.mark.parametrize(
    "first",
    [
        CUT,
        error_xml("Throttling"),
        error_xml("ServiceUnavailable", 503),
        Reply(502, "<html><body/></html>", request_id=""),
        Reply(body="garbage"),
    ],
)
def test_after_anything_else_botocore_makes_the_call(
    first: Reply, clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("ListAccessKeys", first, LISTED)
    assert len(read(clients)["AccessKeyMetadata"]) == 1
    assert went_by_botocore(aws_server) == [False, True]


def test_what_changes_something_never_goes_the_short_way(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    quick = clients.root_iam._quick
    assert isinstance(quick, QuickReads)
    with root_session_entered(SESSION):
        assert quick.find_answer("DeleteLoginProfile") is None
    assert aws_server.received == []
    assert clients.root_iam_changing._quick is None
    assert clients.sts._quick is None


def test_nothing_goes_the_short_way_where_a_proxy_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    assert not make_way("https://iam.amazonaws.com").is_open
    assert make_way("http://127.0.0.1:4599").is_open


def make_way(url: str) -> ShortWay:
    return ShortWay(url, Session(), connect_timeout_seconds=5, read_timeout_seconds=5)


def call(url: str) -> SignedCall:
    return SignedCall(f"{url}/", {"Content-Type": "text/plain"}, b"")


def test_a_server_is_spoken_to_only_if_the_bundle_vouches_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = make_authority(tmp_path)
    with TlsServer.start(authority.issue("127.0.0.1")) as server:
        assert make_way(server.url).exchange(call(server.url)) is None
        assert server.requests == 0
        monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.bundle))
        answer = make_way(server.url).exchange(call(server.url))
        assert answer is not None
        assert answer.status == 200


def test_a_bundle_that_cant_be_read_and_a_place_where_nobody_listens_are_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    assert make_way("https://127.0.0.1:9").exchange(call("https://127.0.0.1:9")) is None
    assert make_way("http://127.0.0.1:9").exchange(call("http://127.0.0.1:9")) is None


def test_a_connection_is_used_again(aws_server: FakeAwsServer) -> None:
    aws_server.answer("ListAccessKeys", LISTED)
    way = make_way(aws_server.url)
    listing = SignedCall(f"{aws_server.url}/", {"Content-Type": "x"}, b"Action=ListAccessKeys&Version=2010-05-08")
    for _ in range(3):
        assert way.exchange(listing) is not None
        assert len(way._idle) == 1
