"""The server's clock is set back by a day, and the server starts again: it knows no window from before."""

from __future__ import annotations

import pytest

from tests.attack.stage import AttackStage

pytestmark = pytest.mark.long

DAY_SECONDS = 86_400.0


def test_p11_a_clock_set_back_by_a_day_keeps_no_window_open_after_a_restart(stage: AttackStage) -> None:
    stage.start_server()
    due_later, overdue = stage.open_window(25), stage.open_window(10)
    stage.server.kill()
    server = stage.start_server(clock_offset=-DAY_SECONDS)
    stage.require_closed_on_time(overdue, due_later)
    stage.wait_error("behind AWS's")
    stage.wait_notified("clock:check:wrong", "behind AWS's")
    ready = server.ask("GET", "/readyz")
    assert ready.status == 200, "a wrong clock is a warning"
    assert [check["is_good"] for check in ready.body["checks"] if check["name"] == "clock"] == [False]
    stage.wait_recorded()
