"""A server that is asked to end while something is under way: it ends in time, and the next one goes on."""

from __future__ import annotations

import pytest

from tests.functional.serving.stage import Stage
from tests.server_process import ServerProcess

PAST_THE_END = 2 * 3600.0
SECONDS = 60.0


@pytest.mark.parametrize("latency_ms", [2_000, 25_000])
def test_a_closing_under_way_is_finished_or_left_to_the_next_one(stage: Stage, latency_ms: int) -> None:
    account_id = stage.open_window("1h")
    since = stage.sandbox.last_request()
    with ServerProcess.start(stage.environment, "worker", clock_offset=0) as server:
        stage.sandbox.faults(operation="GetAccountSummary", account_id=account_id, latency_ms=latency_ms, times=1)
        server.move_clock(PAST_THE_END)
        server.wait_until(lambda: not stage.is_open(account_id), SECONDS)
        server.stop()
    is_finished = latency_ms < 8_000
    assert stage.windows_in_database() == ["CLOSED_VERIFIED" if is_finished else "CLOSING"]
    with ServerProcess.start(stage.environment, "worker", clock_offset=PAST_THE_END):
        assert stage.windows_in_database() == ["CLOSED_VERIFIED"]
    deleted = [name for name, _ in stage.sandbox.operations(since, mutating=True)]
    assert deleted == ["DeleteLoginProfile"]
