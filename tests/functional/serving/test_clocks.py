"""The server's clock is set: windows close when they must, and none is opened on a wrong clock."""

from __future__ import annotations

import pytest

from tests.functional.serving.stage import Stage
from tests.server_process import ServerProcess

HOUR = 3600.0
SOON = 20.0
LENGTH_SECONDS = 40
"""Of a window that must still be open once a worker has started."""
CONFLICT = {409, 422, 503}


@pytest.mark.long
def test_p11_a_jump_back_delays_no_closing(stage: Stage) -> None:
    account_id = stage.open_window(f"{LENGTH_SECONDS}s")
    with ServerProcess.start(stage.environment, "worker", clock_offset=0) as server:
        assert stage.is_open(account_id)
        server.move_clock(-HOUR)
        server.wait_until(lambda: not stage.is_open(account_id), LENGTH_SECONDS + SOON)
        server.wait_until(lambda: stage.windows()[0]["state"] == "CLOSED_VERIFIED", SOON)


def test_p11_a_command_closes_what_is_due_by_awss_time(stage: Stage) -> None:
    account_id = stage.open_window("1m")
    stage.sandbox.clock(advance=90)
    listed = stage.program.run("windows", "list")
    assert "ALERT: recovery window" in listed.stderr, listed.shown
    assert stage.is_open(account_id)
    run = stage.program.run("enable", "--yes")
    assert run.status == 0, run.shown
    assert not stage.is_open(account_id)
    assert stage.windows()[0]["state"] == "CLOSED_VERIFIED"


def test_a_clock_more_than_five_minutes_off_opens_nothing_and_is_reported(stage: Stage) -> None:
    account_id = stage.account_id
    stage.sandbox.put_root_user(account_id, {})
    assert stage.program.run("audit", "--fail-on", "none").status == 0
    with ServerProcess.start(stage.environment, clock_offset=HOUR) as server:
        server.token("operator", "olga")
        asked = server.ask("POST", "/api/v1/windows", {"account": account_id, "reason": "drill"}, name="olga")
        assert asked.body["code"] == "clock.wrong"
        server.wait_until(lambda: any("clock is" in line["message"] for line in server.lines), SOON)
        ready = server.ask("GET", "/readyz")
        assert ready.status == 200, "a wrong clock is a warning"
        assert [check["is_good"] for check in ready.body["checks"] if check["name"] == "clock"] == [False]
        assert not stage.is_open(account_id)
