"""What a server does with headers that are too large, with clients that are slow, and with many connections."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from rootkeeper.cli.server_process import HttpServer, TlsFiles, bind
from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.server.connections import ConnectionLimits
from rootkeeper.server.http_protocol import LARGEST_HEADER_BYTES, MOST_HEADERS, MOST_PIPELINED
from rootkeeper.worker.health import ConnectionLimit
from tests.durations import Stopwatch
from tests.fakes.stopping_runtime import StoppingRuntime
from tests.fakes.tls_server import make_authority

BLOCKING_SECONDS = 1.0
START = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
SECONDS = 30.0
MANY = ConnectionLimits(100, 100)
HURRIED = ConnectionLimits(100, 100, header_seconds=1.0, reading_seconds=1.0)
"""A busy machine lets a good request arrive in that time, too."""


@dataclass
class Served:
    port: int
    limited: list[ConnectionLimit]
    answered: list[str] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    """Lets ``/slow`` be answered."""
    slow: int = 0
    """How often it was asked for."""
    blocking: int = 0
    """How often ``/blocking`` was asked for."""
    bodies: int = 0
    """How often ``/body`` was asked for."""
    claims: list[bool] = field(default_factory=list)
    """Whether Victor had a place left, at each request of his."""

    count: Callable[[], int] = lambda: 0
    """How many connections the server has."""

    def wait(self, holds: Callable[[], bool]) -> None:
        watch = Stopwatch()
        while not holds():
            assert watch.seconds < SECONDS, "it takes too long"
            watch.pause(0.01)

    def has_claims(self, number: int) -> bool:
        return len(self.claims) == number

    def connect(self, first: bytes = b"") -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)
        connection.sendall(first)
        return connection

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        """Reads the body of ``/body``, waits before it answers ``/slow`` or Victor, also blocks the event loop at
        ``/blocking``, and has much to say at ``/large``.
        """
        size = 0
        self.bodies += scope["path"] == "/body"
        while scope["path"] == "/body":
            message = await receive()
            size += len(message.get("body", b""))
            if not message.get("more_body", False):
                break
        if scope["path"] == "/blocking":
            self.blocking += 1
            time.sleep(BLOCKING_SECONDS)  # noqa: ASYNC251 - on purpose
        if scope["path"] == "/victor":
            self.claims.append(scope["state"]["connection"].claim("victor"))
        if scope["path"] in {"/slow", "/blocking"} or (scope["path"] == "/victor" and self.claims[-1]):
            self.slow += 1
            await asyncio.to_thread(self.release.wait, SECONDS)
        body = b"x" * 30_000_000 if scope["path"] == "/large" else f"{len(scope['headers'])} {size}".encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})
        self.answered.append(scope["path"])


@contextmanager
def serving(limits: ConnectionLimits = MANY, tls: TlsFiles | None = None) -> Iterator[Served]:
    stopping, is_ready = StoppingRuntime(), threading.Event()
    with bind("127.0.0.1", 0, beyond_loopback=False) as listener:
        served = Served(listener.getsockname()[1], stopping.limited)

        async def answer(scope: Any, receive: Any, send: Any) -> None:
            await served.answer(scope, receive, send)

        server = HttpServer(answer, cast("ServerRuntime", stopping), stopping, is_ready.set, limits, tls)
        served.count = lambda: len(server.server_state.connections)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            assert is_ready.wait(SECONDS)
            yield served
        finally:
            served.release.set()
            stopping.asked.set()
            thread.join()


def read_all(connection: socket.socket) -> bytes:
    """What comes until the server ends the connection."""
    found = b""
    try:
        while part := connection.recv(100_000):
            found += part
    except ConnectionError:
        pass
    return found


def read_answer(connection: socket.socket) -> bytes:
    """The next answer, with all of its body, which may come later than its header."""
    answer = connection.recv(100_000)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    missing = int(length[1]) - len(body) if length else 0
    return answer + connection.recv(missing, socket.MSG_WAITALL) if missing > 0 else answer


def test_the_limits_are_32_kb_and_100_fields() -> None:
    assert (LARGEST_HEADER_BYTES, MOST_HEADERS) == (32_768, 100)


def make_header(size_bytes: int) -> bytes:
    """A whole header of exactly that size."""
    name, end = b"X-Filler: ", b"\r\n\r\n"
    return START + name + b"x" * (size_bytes - len(START) - len(name) - len(end)) + end


@pytest.mark.parametrize("piece_bytes", [1_000_000, 1_000])
def test_a_header_may_be_32_kb_and_not_a_byte_more(piece_bytes: int) -> None:
    with serving() as served:
        for size, expected in ((LARGEST_HEADER_BYTES, b"200 OK"), (LARGEST_HEADER_BYTES + 1, b"431 Request Header")):
            header = make_header(size)
            with served.connect() as connection:
                for start in range(0, size, piece_bytes):
                    connection.sendall(header[start : start + piece_bytes])
                assert read_answer(connection).startswith(b"HTTP/1.1 " + expected)
        assert served.answered == ["/"]
        assert served.limited == [ConnectionLimit.HEADER_SIZE]


@pytest.mark.parametrize("count", [MOST_HEADERS - 1, MOST_HEADERS])
def test_a_header_may_have_100_fields(count: int) -> None:
    with serving() as served, served.connect(START + b"X-One: 1\r\n" * count + b"\r\n") as connection:
        is_taken = count < MOST_HEADERS
        assert read_answer(connection).startswith(b"HTTP/1.1 200 " if is_taken else b"HTTP/1.1 431 ")
        served.wait(lambda: len(served.answered) == is_taken)


def test_a_second_request_on_a_connection_has_the_same_limits() -> None:
    with serving() as served, served.connect(make_header(LARGEST_HEADER_BYTES)) as connection:
        assert read_answer(connection).startswith(b"HTTP/1.1 200 ")
        connection.sendall(make_header(LARGEST_HEADER_BYTES + 1))
        assert read_all(connection).startswith(b"HTTP/1.1 431 ")


def test_a_body_isnt_taken_for_a_header_but_the_end_of_a_body_in_chunks_is() -> None:
    begin = b"POST /body HTTP/1.1\r\nHost: localhost\r\n"
    with serving() as served:
        body = b"x" * 1_000_000
        with served.connect(begin + b"Content-Length: 1000000\r\n\r\n" + body) as connection:
            assert read_answer(connection).endswith(b"2 1000000")
        chunked = begin + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
        with served.connect(chunked + b"X-Endless: " + b"x" * 2 * LARGEST_HEADER_BYTES) as connection:
            assert b"HTTP/1.1 431 " in read_all(connection)
        with served.connect(chunked + b"X-One: 1\r\n" * MOST_HEADERS + b"\r\n") as connection:
            assert b"HTTP/1.1 431 " in read_all(connection)


def test_many_requests_at_once_on_one_connection_are_refused() -> None:
    slow = b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with serving() as served:
        with served.connect(slow + (START + b"\r\n") * (MOST_PIPELINED + 1)) as connection:
            assert read_all(connection).startswith(b"HTTP/1.1 400 ")
        with served.connect(
            (START + b"\r\n") * 3 + b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        ) as few:
            assert read_all(few).count(b"HTTP/1.1 200 ") == 4


def test_p32_one_request_of_a_connection_is_in_progress_at_a_time() -> None:
    slow = b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with serving() as served, served.connect(slow * 3) as connection, served.connect(slow) as other:
        served.wait(lambda: served.slow == 2)  # one of each connection
        other.settimeout(0.3)
        with pytest.raises(TimeoutError):
            other.recv(1)
        assert served.slow == 2
        served.release.set()
        assert read_answer(connection).startswith(b"HTTP/1.1 200 ")
        served.wait(lambda: served.slow == 4)


def test_what_isnt_http_is_still_refused_as_such() -> None:
    with serving() as served, served.connect(b"\x00\x01\x02\r\n\r\n") as connection:
        assert read_all(connection).startswith(b"HTTP/1.1 400 ")
        assert served.limited == []


LATE = (
    b"",
    START,
    START + b"\r\n" + START,  # one is answered, and the next one doesn't end
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx",  # answered without its body
)


def test_a_request_that_isnt_there_in_time_ends_its_connection() -> None:
    with serving(HURRIED) as served, ExitStack() as held:
        late = [held.enter_context(served.connect(sent)) for sent in LATE]
        for connection in late:
            read_all(connection)
        with served.connect(START + b"\r\n") as other:
            assert read_answer(other).startswith(b"HTTP/1.1 200 ")


def test_a_request_may_take_long_to_answer_and_a_client_that_doesnt_read_is_ended() -> None:
    with serving(HURRIED) as served:
        with served.connect(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n") as slow:
            slow.settimeout(2.0)
            with pytest.raises(TimeoutError):
                slow.recv(1000)
            served.release.set()
            slow.settimeout(SECONDS)
            assert read_answer(slow).startswith(b"HTTP/1.1 200 ")
        with served.connect(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n") as connection:
            served.wait(lambda: "/large" in served.answered)
            served.wait(lambda: served.count() == 0)
            assert len(read_all(connection)) < 30_000_000


def test_half_open_connections_make_room_also_during_a_tls_handshake(tmp_path: Path) -> None:
    certificate = TlsFiles(make_authority(tmp_path).issue("127.0.0.1"), None)
    for tls in (None, certificate):
        with serving(ConnectionLimits(4, 4), tls) as served:
            held = [served.connect(START if tls is None else b"") for _ in range(4)]
            newest = served.connect()
            assert read_all(held[0]) == b""  # ended for it
            newest.settimeout(0.2)
            with pytest.raises(TimeoutError):
                newest.recv(1)
            for connection in (*held, newest):
                connection.close()
            assert served.limited == [ConnectionLimit.OF_ADDRESS]


def test_a_body_that_isnt_whole_makes_room_and_a_whole_one_doesnt() -> None:
    begin = b"POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhe"
    whole = b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with serving(ConnectionLimits(2, 2)) as served, served.connect(whole) as slow, served.connect(begin) as sending:
        served.wait(lambda: served.slow == 1 and served.bodies == 1)
        with served.connect(START + b"\r\n") as other:
            assert read_answer(other).startswith(b"HTTP/1.1 200 ")
        assert read_all(sending) == b""
        served.release.set()
        assert read_answer(slow).startswith(b"HTTP/1.1 200 ")


def test_a_connection_for_which_no_other_makes_room_is_refused() -> None:
    slow = b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with serving(ConnectionLimits(2, 2)) as served, served.connect(slow) as first, served.connect(slow) as second:
        served.wait(lambda: served.slow == 2)
        with served.connect() as third:
            assert read_all(third) == b""
        assert served.limited == [ConnectionLimit.OF_ADDRESS]
        served.release.set()
        assert all(read_answer(one).startswith(b"HTTP/1.1 200 ") for one in (first, second))


def test_a_connection_that_makes_room_before_its_first_byte_is_read_isnt_answered() -> None:
    with serving(ConnectionLimits(2, 2)) as served:
        with served.connect(b"GET /blocking HTTP/1.1\r\nHost: localhost\r\n\r\n") as busy, ExitStack() as opened:
            served.wait(lambda: served.blocking == 1)
            come = [
                opened.enter_context(served.connect(b"GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % number))
                for number in range(3)
            ]
            assert read_answer(come[-1]).startswith(b"HTTP/1.1 200 ")
            assert all(read_all(connection) == b"" for connection in come[:-1])
            served.release.set()
            assert read_answer(busy).startswith(b"HTTP/1.1 200 ")
        assert served.answered == ["/2", "/blocking"]


def test_p32_the_requests_of_an_identity_are_counted_on_all_its_connections() -> None:
    limits = ConnectionLimits(100, 100)
    with serving(limits) as served, ExitStack() as opened:
        for number in range(1, limits.most_of_identity + 2):
            opened.enter_context(served.connect(b"GET /victor HTTP/1.1\r\nHost: localhost\r\n\r\n"))
            served.wait(partial(served.has_claims, number))
        assert served.claims == [True] * limits.most_of_identity + [False]
        assert served.limited == [ConnectionLimit.OF_IDENTITY]


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_a_request_that_names_two_hosts_reaches_no_handler(head: bytes) -> None:
    with serving() as served, served.connect(head) as connection:
        answer = b"".join(iter(lambda: connection.recv(10_000), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"one Host header" in answer
    assert served.answered == []


@pytest.mark.parametrize("target", [b"/", b"//elsewhere://x/", b"/?a=http://evil.example/", b"http://LocalHost/"])
def test_a_request_that_names_one_host_is_answered(target: bytes) -> None:
    request = b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with serving() as served, served.connect(request) as connection:
        answer = b"".join(iter(lambda: connection.recv(10_000), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
