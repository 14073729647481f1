from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from botocore import exceptions as botocore_errors
from botocore.parsers import ResponseParserError
from botocore.session import Session

from rootkeeper.aws.templates import SignedCall, create_tls_context
from rootkeeper.aws.transport import open_transport
from tests.fakes.aws_server import CUT, FakeAwsServer, Reply
from tests.fakes.dripping_server import dripping
from tests.fakes.tls_server import TlsServer, make_authority

WRONG_NAME = "other.example"


def send(
    url: str,
    context: ssl.SSLContext | None = None,
    *,
    read_timeout_seconds: float = 60,
    call_timeout_seconds: float = 60,
) -> tuple[int, bytes]:
    """Send one call and return status and body."""

    async def run() -> tuple[int, bytes]:
        async with open_transport(
            context or ssl.create_default_context(),
            connections=2,
            connect_timeout_seconds=60,
            read_timeout_seconds=read_timeout_seconds,
            call_timeout_seconds=call_timeout_seconds,
        ) as transport:
            status, _, body = await transport.send(SignedCall(url, {}, b"Action=GetAccountSummary"))
            return status, body

    return asyncio.run(run())


def context_of(bundle: Path | None, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    if bundle is not None:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    return create_tls_context(Session())


@contextmanager
def answering(raw: bytes) -> Iterator[str]:
    """A server that answers one request with these bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(raw)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join()


def test_an_answer_comes_back_as_it_is(aws_server: FakeAwsServer) -> None:
    aws_server.answer("GetAccountSummary", Reply(403, "<no/>"))
    assert send(aws_server.url) == (403, b"<no/>")
    assert aws_server.received[0].parameters == "Action=GetAccountSummary"


def test_a_redirect_is_not_followed(aws_server: FakeAwsServer) -> None:
    aws_server.answer("GetAccountSummary", Reply(307, "", headers=(("Location", aws_server.url),)))
    assert send(aws_server.url)[0] == 307
    assert len(aws_server.received) == 1


def test_a_cut_connection_is_reported_as_botocore_reports_it(aws_server: FakeAwsServer) -> None:
    aws_server.answer("GetAccountSummary", CUT)
    with pytest.raises(botocore_errors.ConnectionClosedError):
        send(aws_server.url)
    assert len(aws_server.received) == 1


def test_an_answer_that_takes_too_long_is_reported(aws_server: FakeAwsServer) -> None:
    let_go = threading.Event()
    aws_server.answer("GetAccountSummary", Reply(waits_for=let_go))
    with pytest.raises(botocore_errors.ReadTimeoutError):
        send(aws_server.url, read_timeout_seconds=0.1)
    aws_server.wait_for(1)
    let_go.set()


def test_a_place_where_no_one_listens_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(botocore_errors.EndpointConnectionError):
        send(f"http://127.0.0.1:{port}/")


def test_what_is_not_http_is_reported() -> None:
    with answering(b"SSH-2.0-OpenSSH_9.6\r\n") as url, pytest.raises(ResponseParserError):
        send(url)


def test_a_server_of_an_authority_in_the_bundle_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = make_authority(tmp_path)
    with TlsServer.start(authority.issue("127.0.0.1")) as server:
        assert send(server.url, context_of(authority.bundle, monkeypatch))[0] == 200


def test_a_server_of_an_unknown_authority_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = make_authority(tmp_path)
    with TlsServer.start(authority.issue("127.0.0.1")) as server, pytest.raises(botocore_errors.SSLError):
        send(server.url, context_of(None, monkeypatch))
    assert server.requests == 0


def test_a_server_of_another_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = make_authority(tmp_path)
    with TlsServer.start(authority.issue(WRONG_NAME)) as server, pytest.raises(botocore_errors.SSLError):
        send(server.url, context_of(authority.bundle, monkeypatch))
    assert server.requests == 0


@pytest.mark.parametrize("part", ["headers", "body"])
def test_p11_an_answer_that_drips_ends_at_the_deadline_of_its_call(part: str) -> None:
    with dripping(part) as server, pytest.raises(botocore_errors.ReadTimeoutError):
        send(server.url, call_timeout_seconds=0.5)
