"""Anyone who reaches the port: many connections with unfinished requests, and headers without an end."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from rootkeeper.server.bodies import BODY_SECONDS
from rootkeeper.server.connections import choose_limits
from rootkeeper.server.job_streams import MOST_STREAMS, MOST_STREAMS_OF_PERSON
from rootkeeper.server.turns import LIMITS, RouteLoad
from tests.attack.half_open import LARGE_ANSWERS, UNFINISHED_BODY, UNFINISHED_HEADER, half_open_connections
from tests.attack.stage import AttackStage
from tests.durations import Stopwatch
from tests.server_process import ServerProcess

pytestmark = pytest.mark.long

OPEN_FILES = 256
"""Of the server, instead of the usual 1,024."""
CONNECTIONS = 400
MANY_ADDRESSES = tuple(f"127.0.1.{number}" for number in range(1, 101))
PERSONS_CONNECTIONS = 60
"""Of one person; less than half of the places that the server has."""
WINDOW_SECONDS = 30
LONGEST_SECONDS = 2.0
"""Of one request of another person, on a machine that is busy with tests, too."""
SHUT_OUT_SECONDS = 40.0
"""Of ten requests; before, all of them were refused for longer."""
ENDLESS_BYTES = 64_000_000
GROWTH_BYTES = 20_000_000
WAITING_REQUESTS = 60
"""More than uvicorn's application has threads."""
WAITING_SECONDS = 25.0
"""How long AWS keeps each of them waiting: longer than a window may take to close, from the first request on."""


@pytest.mark.parametrize(
    ("addresses", "beginning"),
    [
        pytest.param(("127.0.0.1",), UNFINISHED_HEADER, id="headers from one address"),
        pytest.param(MANY_ADDRESSES, UNFINISHED_HEADER, id="headers from many addresses"),
        pytest.param(MANY_ADDRESSES, UNFINISHED_BODY, id="bodies from many addresses"),
    ],
)
def test_p11_unfinished_requests_on_all_connections_keep_no_window_open_and_let_others_in(
    stage: AttackStage, addresses: Sequence[str], beginning: bytes
) -> None:
    # Opened by commands: the server has no connection to AWS yet by which it could close them.
    windows = [stage.open_window(WINDOW_SECONDS) for _ in range(2)]
    server = stage.start_server(open_file_limit=OPEN_FILES)
    server.token("viewer", "vera")
    with half_open_connections(server.url, CONNECTIONS, addresses, beginning) as attack:
        server.wait_until(lambda: attack.opened >= CONNECTIONS)
        stage.wait_known(*windows)
        stage.require_closed_on_time(*windows)
        assert server.ask("GET", "/api/v1/me", name="vera").status == 200
        stage.wait_error("connections")
        stage.wait_notified("connections:accept:limited")
    assert server.ask("GET", "/readyz").status == 200


def test_p32_slow_readers_on_all_connections_lose_their_places_to_others(stage: AttackStage) -> None:
    server = stage.start_server(open_file_limit=OPEN_FILES)
    server.token("viewer", "vera")
    assert server.ask("GET", "/api/openapi.json").status == 200  # made once, which takes a moment
    addresses = ("127.0.1.1", "127.0.1.2", "127.0.1.3")
    with half_open_connections(server.url, OPEN_FILES, addresses, LARGE_ANSWERS, pause_seconds=0.25) as attack:
        server.wait_until(lambda: attack.opened >= OPEN_FILES)
        watch = Stopwatch()
        for _ in range(10):
            assert server.ask("GET", "/api/v1/me", name="vera").status == 200, "someone else is shut out"
        assert watch.seconds < SHUT_OUT_SECONDS
    assert server.ask("GET", "/readyz").status == 200


def test_p32_one_person_has_a_share_of_connections_whatever_addresses_they_come_from(stage: AttackStage) -> None:
    server = stage.start_server(open_file_limit=OPEN_FILES)
    server.token("viewer", "vera")
    share = choose_limits(500, 200, (), OPEN_FILES).most_of_identity
    beginning = (
        b"POST /api/v1/audits HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %s\r\nContent-Length: 1000\r\n\r\n{"
    ) % server.token("auditor", "aldo").encode()
    with ExitStack() as opened:
        connections = []
        for address in MANY_ADDRESSES[:PERSONS_CONNECTIONS]:
            place = ("127.0.0.1", urlsplit(server.url).port or 0)
            connection = opened.enter_context(socket.create_connection(place, 30, source_address=(address, 0)))
            connection.sendall(beginning)
            connection.setblocking(False)
            connections.append(connection)
        server.wait_until(lambda: sum(map(has_ended, connections)) == PERSONS_CONNECTIONS - share, BODY_SECONDS / 2)
        assert server.ask("GET", "/api/v1/me", name="vera").status == 200
    stage.wait_error("too many connections of one user or token")


def has_ended(connection: socket.socket) -> bool:
    """Whether the server has ended or refused a connection."""
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except ConnectionError:
        pass
    return True


def test_an_endless_header_is_refused_before_memory_is_spent(stage: AttackStage) -> None:
    server = stage.start_server()
    assert server.ask("GET", "/readyz").status in {200, 503}
    before = read_memory(server.process.pid)
    for part in (b"x" * 64_000, b"X-More: something\r\n" * 3_000):
        answer, sent = send_endless(server.url, part)
        assert answer.startswith(b"HTTP/1.1 431 "), answer
        assert sent < ENDLESS_BYTES
    assert read_memory(server.process.pid) - before < GROWTH_BYTES
    stage.wait_error("header")
    stage.wait_notified("connections:accept:limited")
    assert server.ask("GET", "/healthz").status == 200


def send_endless(url: str, part: bytes) -> tuple[bytes, int]:
    """Send a request whose header doesn't end until it is answered; the answer, and how much was sent."""
    watch, sent, answer = Stopwatch(), 0, b""
    with socket.create_connection(("127.0.0.1", urlsplit(url).port), timeout=10) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Endless: ")
        connection.settimeout(0.01)
        while not answer and sent < ENDLESS_BYTES and watch.seconds < 30:
            try:
                sent += connection.send(part)
                answer = connection.recv(1000)
            except TimeoutError:
                continue
            except ConnectionError:
                break
    return answer, sent


def read_memory(process_id: int) -> int:
    """The resident set in bytes. Source: proc_pid_statm(5)."""
    fields = Path(f"/proc/{process_id}/statm").read_text(encoding="utf-8").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def test_p32_requests_of_one_person_that_wait_for_aws_keep_no_window_open_and_delay_no_one(stage: AttackStage) -> None:
    server = stage.start_server()
    server.token("viewer", "vera")
    server.token("viewer", "victor")
    slow = {"service": "organizations", "operation": "ListAWSServiceAccessForOrganization"}
    windows = [stage.open_window(10) for _ in range(2)]
    stage.sandbox.faults(**slow, latency_ms=int(WAITING_SECONDS * 1000))
    with ThreadPoolExecutor(WAITING_REQUESTS) as clients:
        asked = [clients.submit(server.ask, "GET", "/api/v1/setup", name="vera") for _ in range(WAITING_REQUESTS)]
        share = LIMITS[RouteLoad.AWS].most_of_person
        server.wait_until(lambda: sum(one.done() for one in asked) == WAITING_REQUESTS - share)
        refused = [one.result() for one in asked if one.done()]
        assert {(one.status, one.body["code"]) for one in refused} == {(503, "server.busy")}
        assert all(int(one.headers["retry-after"]) > 0 for one in refused)
        for _ in range(20):
            watch = Stopwatch()
            assert server.ask("GET", "/api/v1/me", name="victor").status == 200
            assert watch.seconds < LONGEST_SECONDS
        stage.require_closed_on_time(*windows)
        assert sum(not one.done() for one in asked) == share, "no request was waiting while the windows closed"
        server.kill()


def test_p32_one_viewer_cant_take_all_event_streams(stage: AttackStage) -> None:
    server = stage.start_server()
    for role, name in (("viewer", "vera"), ("viewer", "victor"), ("auditor", "aldo")):
        server.token(role, name)
    stage.sandbox.faults(service="iam", latency_ms=20_000)  # the audit lasts as long as the test needs it
    job = server.ask("POST", "/api/v1/audits", {"selection": {"everything": True}}, name="aldo").body
    path = f"/api/v1/jobs/{job['job_id']}/events"
    with ExitStack() as held:
        statuses = [held.enter_context(follow(server, path, "vera")).status for _ in range(MOST_STREAMS)]
        assert statuses.count(200) == MOST_STREAMS_OF_PERSON
        assert held.enter_context(follow(server, path, "victor")).status == 200


@contextmanager
def follow(server: ServerProcess, path: str, name: str) -> Iterator[HTTPResponse]:
    connection = HTTPConnection("127.0.0.1", urlsplit(server.url).port or 0, timeout=30)
    try:
        connection.request("GET", path, None, {"Authorization": f"Bearer {server.tokens[name]}"})
        yield connection.getresponse()
    finally:
        connection.close()
