"""Many connections with requests, of a person and of anyone: others are answered, and memory stays free."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from statistics import median
from urllib.parse import urlsplit

import pytest

from rootkeeper.server.turns import BEGINNING, BUSY_SECONDS
from tests.attack.request_flood import request_flood
from tests.attack.stage import AttackStage
from tests.attack.test_connections import read_memory
from tests.durations import Stopwatch
from tests.server_process import ServerProcess

pytestmark = pytest.mark.long

CONNECTIONS = 60
FLOOD = 180
"""Connections of one address, which may have 200."""
STRANGER = "127.0.1.1"
FLOODED_SECONDS = 12.0
FLOODED_MEDIAN_SECONDS = 1.0
FLOODED_LONGEST_SECONDS = 2.5
"""Without turns, each request of another person takes 3 to 5 seconds during such a flood."""
KEYS = 150_000
"""JSON of 1.7 MB and more."""
MEASURED_SECONDS = 6.0
MEDIAN_SECONDS = 0.5
LONGEST_SECONDS = 2.0
"""Of one request of another person, on a machine that is busy with tests and with the flood, too."""
MOST_BYTES = 400_000_000
DEAR = ["/api/v1/accounts?limit=500&q=a", "/api/v1/ledger?limit=500"]


def measure_others(server: ServerProcess, seconds: float = MEASURED_SECONDS) -> list[float]:
    """How long another person's requests take."""
    durations, whole = [], Stopwatch()
    while whole.seconds < seconds:
        watch = Stopwatch()
        assert server.ask("GET", "/api/v1/me", name="adam").status == 200
        durations.append(watch.seconds)
        whole.pause(0.02)
    assert len(durations) > 10
    return durations


def test_p32_bodies_with_very_many_keys_delay_no_one_and_take_no_memory(stage: AttackStage) -> None:
    server = stage.start_server()
    server.token("administrator", "adam")
    headers = {"Content-Type": "application/json"}
    path = "/api/v1/auth/sign-in"
    with request_flood(server.url, "POST", [path], headers, connections=CONNECTIONS, keys=KEYS) as answers:
        durations = measure_others(server)
        assert read_memory(server.process.pid) < MOST_BYTES
    assert set(answers) <= {"413"}, answers
    assert median(durations) < MEDIAN_SECONDS, durations
    assert max(durations) < LONGEST_SECONDS, durations


def test_p32_the_dearest_queries_of_one_viewer_delay_no_one_else(stage: AttackStage) -> None:
    server = stage.start_server()
    server.token("administrator", "adam")
    headers = {"Authorization": f"Bearer {server.token('viewer', 'vera')}"}
    with request_flood(server.url, "GET", DEAR, headers, connections=CONNECTIONS) as answers:
        durations = measure_others(server)
    assert set(answers) == {"200"}, answers
    assert median(durations) < MEDIAN_SECONDS, durations
    assert max(durations) < LONGEST_SECONDS, durations


@pytest.mark.parametrize("path", ["/api/openapi.json", "/healthz"])
def test_p32_a_flood_of_one_address_that_needs_no_sign_in_delays_no_one_else(stage: AttackStage, path: str) -> None:
    server = stage.start_server()
    server.token("administrator", "adam")
    assert server.ask("GET", "/api/openapi.json").status == 200  # made once, which takes a moment
    with request_flood(server.url, "GET", [path], {}, connections=FLOOD, address=STRANGER) as answers:
        durations = measure_others(server, FLOODED_SECONDS)
        watch = Stopwatch()
        assert server.ask("GET", "/api/openapi.json").status == 200
        assert watch.seconds < FLOODED_LONGEST_SECONDS
    assert answers.total() > FLOOD, answers
    assert median(durations) < FLOODED_MEDIAN_SECONDS, durations
    assert max(durations) < FLOODED_LONGEST_SECONDS, durations


def test_p32_requests_of_one_address_beyond_its_limit_are_refused_and_others_are_not(stage: AttackStage) -> None:
    server = stage.start_server({"ROOTKEEPER_SERVER_CONNECTIONS_PER_ADDRESS": "250"}, open_file_limit=1_024)
    server.token("administrator", "adam")
    count = BEGINNING.most_of_person + BEGINNING.most_waiting + 40
    heads = ask_at_once(server.url, count)
    refused = [head for head in heads if not head.startswith(b"HTTP/1.1 200 ")]
    assert 0 < len(refused) <= 40, len(refused)
    for head in refused:
        assert head.startswith(b"HTTP/1.1 503 "), head
        assert f"retry-after: {BUSY_SECONDS}\r\n".encode() in head.lower(), head
    assert server.ask("GET", "/api/v1/me", name="adam").status == 200


def ask_at_once(url: str, count: int) -> list[bytes]:
    """Ask for the API's description on so many connections of one address; the beginning of each answer."""
    request = b"GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n"
    place = ("127.0.0.1", urlsplit(url).port or 0)
    with ExitStack() as opened:
        connections = [
            opened.enter_context(socket.create_connection(place, timeout=30, source_address=(STRANGER, 0)))
            for _ in range(count)
        ]
        for connection in connections:
            connection.sendall(request)
        return [connection.recv(1_000) for connection in connections]
