"""Many connections with dear requests, of a person and of anyone: others are answered, and memory stays free."""

from __future__ import annotations

from statistics import median

import pytest

from tests.attack.request_flood import request_flood
from tests.attack.stage import AttackStage
from tests.attack.test_connections import read_memory
from tests.durations import Stopwatch
from tests.server_process import ServerProcess

pytestmark = pytest.mark.long

CONNECTIONS = 60
KEYS = 150_000
"""JSON of 1.7 MB and more."""
MEASURED_SECONDS = 6.0
MEDIAN_SECONDS = 0.5
LONGEST_SECONDS = 2.0
"""Of one request of another person, on a machine that is busy with tests and with the flood, too."""
MOST_BYTES = 400_000_000
DEAR = ["/api/v1/accounts?limit=500&q=a", "/api/v1/ledger?limit=500"]


def measure_others(server: ServerProcess) -> list[float]:
    """How long another person's requests take."""
    durations, whole = [], Stopwatch()
    while whole.seconds < MEASURED_SECONDS:
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
