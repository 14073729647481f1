"""What goes over the wire by the short way, whatever the server does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from botocore import exceptions as botocore_errors
from botocore.parsers import ResponseParserError
from botocore.session import Session

from rootkeeper.aws.call_templates import SignedCall
from rootkeeper.aws.short_way import RawAnswer, ShortWay
from rootkeeper.errors import LockLostError
from tests.fakes.aws_server import FakeAwsServer, Reply
from tests.fakes.tls_server import TlsServer, make_authority

BODY = b"Action=GetAccountSummary&Version=2010-05-08"


def make_way(url: str, read_timeout_seconds: float = 60) -> ShortWay:
    return ShortWay(url, Session(), connect_timeout_seconds=60, read_timeout_seconds=read_timeout_seconds)


def call(url: str, headers: dict[str, str] | None = None) -> SignedCall:
    return SignedCall(f"{url}/", headers or {"Content-Type": "text/plain"}, BODY)


class Wire:
    """A server that answers each request with the next of these bytes, and closes the connection after the last."""

    def __init__(self, *answers: bytes, pieces: int = 1) -> None:
        self._answers = answers
        self._pieces = pieces
        self.received: list[bytes] = []
        self.connections = 0

    @contextmanager
    def listening(self) -> Iterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=self._serve, args=(listener,))
            thread.start()
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                thread.join()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        for answer in self._answers:
            request = connection.recv(65536)
            if not request:
                return
            self.received.append(request)
            size = max(1, len(answer) // self._pieces)
            for start in range(0, len(answer), size):
                connection.sendall(answer[start : start + size])


def render(body: bytes, *lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *lines, "", "")).encode() + body


PLAIN = render(b"abc", "Content-Length: 3", "X-Amzn-RequestId: r-1")


def exchange(*answers: bytes, pieces: int = 1) -> RawAnswer | None:
    with Wire(*answers, pieces=pieces).listening() as url:
        return make_way(url).exchange(call(url))


@pytest.mark.parametrize("pieces", [1, 7, len(PLAIN)])
def test_an_answer_is_read_in_whatever_pieces_it_comes(pieces: int) -> None:
    assert exchange(PLAIN, pieces=pieces) == RawAnswer(200, {"content-length": "3", "x-amzn-requestid": "r-1"}, b"abc")


@pytest.mark.parametrize(
    "raw",
    [
        render(b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
        render(b"", status="100 Continue") + PLAIN,
        render(b"abc", "Content-Type: text/xml"),
        render(b"abc", "Content-Length: 3", "Connection: close"),
        PLAIN + b"what nobody asked for",
    ],
    ids=["chunked", "after an interim one", "until the end of the connection", "the last one", "with more behind it"],
)
def test_every_form_of_an_answer_is_understood(raw: bytes) -> None:
    answer = exchange(raw)
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"abc")


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", botocore_errors.ConnectionClosedError),
        (PLAIN[:-1], botocore_errors.ConnectionClosedError),
        (PLAIN[:10], botocore_errors.ConnectionClosedError),
        (b"SSH-2.0-OpenSSH\r\n", ResponseParserError),
        (render(b"", "Connection: upgrade", "Upgrade: x", status="101 Switching Protocols"), ResponseParserError),
        (render(b"abc", "Content-Length: 3", "Content-Length: 4"), ResponseParserError),
    ],
)
def test_what_is_no_whole_answer_is_an_error_as_botocore_has_it(raw: bytes, error: type[Exception]) -> None:
    with Wire(raw).listening() as url, pytest.raises(error):
        make_way(url).send(call(url), lambda: None)
    assert exchange(raw) is None


def test_an_answer_that_takes_too_long_is_none(aws_server: FakeAwsServer) -> None:
    let_go = threading.Event()
    aws_server.answer("GetAccountSummary", Reply(waits_for=let_go))
    with pytest.raises(botocore_errors.ReadTimeoutError):
        make_way(aws_server.url, read_timeout_seconds=0.05).send(call(aws_server.url), lambda: None)
    aws_server.wait_for(1)
    let_go.set()


def test_the_request_is_one_message_with_its_host_and_length() -> None:
    wire = Wire(PLAIN)
    with wire.listening() as url:
        make_way(url).exchange(call(url, {"User-Agent": "rootkeeper", "Authorization": "AWS4"}))
    head, _, body = wire.received[0].partition(b"\r\n\r\n")
    assert head.decode().splitlines() == [
        "POST / HTTP/1.1",
        f"Host: {url.removeprefix('http://')}",
        "Accept-Encoding: identity",
        f"Content-Length: {len(BODY)}",
        "User-Agent: rootkeeper",
        "Authorization: AWS4",
    ]
    assert body == BODY


def test_a_port_that_the_scheme_has_anyway_is_not_in_the_host() -> None:
    assert "\r\nHost: iam.amazonaws.com\r\n" in make_way("https://IAM.amazonaws.com:443")._head
    assert "\r\nHost: [::1]:4599\r\n" in make_way("http://[::1]:4599")._head


@pytest.mark.parametrize("value", ["a\r\nX-Evil: b", "a\nb", "a\rb"])
def test_a_line_break_in_a_header_is_refused_and_nothing_is_sent(value: str) -> None:
    wire = Wire(PLAIN)
    with wire.listening() as url, pytest.raises(ValueError, match="line break") as raised:
        make_way(url).exchange(call(url, {"X-Amz-Security-Token": value}))
    assert wire.connections == 0
    assert value not in str(raised.value)


# Connections.


def test_a_connection_is_used_again_until_the_server_closes_it() -> None:
    wire = Wire(PLAIN, PLAIN, render(b"", "Content-Length: 0", "Connection: close"))
    with wire.listening() as url:
        way = make_way(url)
        for _ in range(3):
            assert way.exchange(call(url)) is not None
        assert (wire.connections, len(wire.received), len(way._idle)) == (1, 3, 0)
        assert way.exchange(call(url)) is not None
        assert wire.connections == 2
        way._idle.pop().close()


def test_a_connection_that_the_server_has_closed_or_spoken_on_meanwhile_is_not_used() -> None:
    for raw in (PLAIN, PLAIN + b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"):
        wire = Wire(raw)
        with wire.listening() as url:
            way = make_way(url)
            assert way.send(call(url), lambda: None).status == 200
            for connection in way._idle:
                connection._readable.poll(5000)  # until its end is seen
            assert way.send(call(url), lambda: None).status == 200
            assert wire.connections == 2
            while way._idle:
                way._idle.pop().close()


def test_a_server_is_spoken_to_only_if_the_bundle_vouches_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = make_authority(tmp_path)
    with TlsServer.start(authority.issue("127.0.0.1")) as server:
        with pytest.raises(botocore_errors.SSLError):
            make_way(server.url).send(call(server.url), pytest.fail)
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
    for url in ("https://127.0.0.1:9", "http://127.0.0.1:9"):
        assert make_way(url).exchange(call(url)) is None
        with pytest.raises(botocore_errors.EndpointConnectionError):
            make_way(url).send(call(url), pytest.fail)


@pytest.mark.parametrize(
    ("url", "leads"),
    [
        ("https://iam.amazonaws.com", True),
        ("https://iam.amazonaws.com/", True),
        ("https://iam.amazonaws.com/prefix", False),
        ("https://iam.global.api.aws/", False),
        ("http://iam.amazonaws.com/", False),
    ],
)
def test_a_way_leads_to_its_own_url_alone(url: str, leads: bool) -> None:
    assert make_way("https://iam.amazonaws.com").leads_to(url) is leads


def test_nothing_goes_the_short_way_where_a_proxy_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    assert not make_way("https://iam.amazonaws.com").is_open
    assert make_way("http://127.0.0.1:4599").is_open


# The gate.


def test_p03_the_gate_is_passed_when_the_connection_is_open_and_before_anything_is_sent() -> None:
    wire = Wire(PLAIN, PLAIN)
    with wire.listening() as url:
        way = make_way(url)
        seen: list[tuple[int, int]] = []

        def leave() -> None:
            pause = threading.Event()
            while not wire.connections:
                pause.wait(0.01)
            pause.wait(0.05)  # for what came too early
            seen.append((wire.connections, len(wire.received)))

        way.send(call(url), leave)
        way.send(call(url), leave)
        assert seen == [(1, 0), (1, 1)]
        way._idle.pop().close()


def test_p03_a_gate_that_is_shut_keeps_the_request_back_and_its_reason_is_told() -> None:
    def leave() -> None:
        raise LockLostError("The lease is over.")

    wire = Wire(PLAIN)
    with wire.listening() as url:
        way = make_way(url)
        with pytest.raises(LockLostError):
            way.exchange(call(url), leave)
        assert wire.received == []
        assert not way._idle
