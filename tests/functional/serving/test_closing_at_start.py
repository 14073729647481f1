"""What earlier processes left is dealt with first, before anyone is answered; and windows close while it runs."""

from __future__ import annotations

import pytest

from tests.functional.serving.stage import OWING, Stage
from tests.server_process import ServerProcess

PAST_THE_END = 2 * 3600.0
"""Seconds; the windows last one hour."""


@pytest.mark.parametrize(
    ("command", "engine"),
    [("serve", "true"), pytest.param("serve", "false", marks=pytest.mark.long), ("worker", "false")],
)
def test_p11_an_overdue_window_is_closed_before_it_is_ready(stage: Stage, command: str, engine: str) -> None:
    account_id = stage.open_window("1h")
    assert stage.is_open(account_id)
    since = stage.sandbox.last_request()
    surroundings = stage.environment | {"ROOTKEEPER_SERVER_ENGINE": engine}
    with ServerProcess.start(surroundings, command, clock_offset=PAST_THE_END) as server:
        assert not stage.is_open(account_id), server.stderr
        assert [window["state"] for window in stage.windows()] == ["CLOSED_VERIFIED"]
    assert [name for name, _ in stage.sandbox.operations(since, mutating=True)] == ["DeleteLoginProfile"]


@pytest.mark.parametrize("engine", ["true", pytest.param("false", marks=pytest.mark.long)])
def test_p11_a_window_is_closed_at_its_end_while_it_runs(stage: Stage, engine: str) -> None:
    account_id = stage.open_window("10s")
    with ServerProcess.start(stage.environment | {"ROOTKEEPER_SERVER_ENGINE": engine}) as server:
        server.wait_until(lambda: not stage.is_open(account_id), 60)
        server.wait_until(lambda: stage.windows()[0]["state"] == "CLOSED_VERIFIED", 60)


def test_a_window_that_cannot_be_closed_keeps_it_from_nothing_and_is_reported_loudly(stage: Stage) -> None:
    account_id = stage.open_window("1h")
    stage.sandbox.faults(
        service="iam", operation="DeleteLoginProfile", error={"code": "AccessDenied", "status": 403, "message": "No."}
    )
    with ServerProcess.start(stage.environment, clock_offset=PAST_THE_END) as server:
        assert server.ask("GET", "/healthz").status == 200
        assert stage.windows()[0]["state"] in OWING
        assert server.has_error(account_id)
        stage.sandbox.clear_faults()
        server.wait_until(lambda: not stage.is_open(account_id), 60)
        server.wait_until(lambda: stage.windows()[0]["state"] == "CLOSED_VERIFIED", 60)
