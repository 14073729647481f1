"""A server that is asked to end while something is under way: it ends in time, and the next one continues."""

from __future__ import annotations

import threading

import pytest

from tests.functional.promises.interposed_proxy import Answer, InterposedProxy, Request
from tests.functional.serving.stage import Stage
from tests.server_process import ServerProcess

PAST_THE_END = 2 * 3600.0
SECONDS = 60.0


@pytest.mark.parametrize("is_finished", [True, False])
def test_a_closing_under_way_is_finished_or_left_to_the_next_one(stage: Stage, is_finished: bool) -> None:
    """Its re-read is answered once the server was asked to end, or not while it lives."""
    account_id = stage.open_window("1h")
    since = stage.sandbox.last_request()
    begun, let = threading.Event(), threading.Event()

    def hold(request: Request) -> Answer | None:
        if (request.operation, request.account_id) == ("GetAccountSummary", account_id):
            begun.set()
            let.wait(SECONDS)
        return None

    with InterposedProxy(stage.sandbox.base_url) as proxy:
        proxy.before = hold
        environment = stage.environment | {"AWS_ENDPOINT_URL": proxy.url}
        with ServerProcess.start(environment, "worker", clock_offset=0) as server:
            server.move_clock(PAST_THE_END)
            assert begun.wait(SECONDS), server.stderr
            assert not stage.is_open(account_id)
            server.process.terminate()
            if is_finished:
                let.set()
            server.stop()
        let.set()
    assert stage.windows_in_database() == ["CLOSED_VERIFIED" if is_finished else "CLOSING"]
    with ServerProcess.start(stage.environment, "worker", clock_offset=PAST_THE_END):
        assert stage.windows_in_database() == ["CLOSED_VERIFIED"]
    deleted = [name for name, _ in stage.sandbox.operations(since, mutating=True)]
    assert deleted == ["DeleteLoginProfile"]
