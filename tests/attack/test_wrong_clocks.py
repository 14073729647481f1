"""Someone shifts the clock of the server's whole process, by a day, a year or ten years, forth and back, also while it
is down. AWS then refuses the signatures of the server's own time.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.attack.shifted_clock import ShiftedClock
from tests.attack.stage import AttackStage, OpenedWindow

pytestmark = pytest.mark.long

DAY = 86_400
YEAR = 365 * DAY
LEAD_SECONDS = 2.0
"""How long before the end of a window the clock is shifted."""


@pytest.fixture
def clock(tmp_path: Path) -> ShiftedClock:
    return ShiftedClock.build(tmp_path)


def wait_until_before(window: OpenedWindow) -> None:
    time.sleep(max(0.0, window.ends_at.timestamp() - LEAD_SECONDS - time.time()))


def test_p11_whatever_the_clock_jumps_to_windows_close_at_their_true_end(
    stage: AttackStage, clock: ShiftedClock
) -> None:
    server = stage.start_server(clock.environment)
    shifts = (DAY, -DAY, YEAR, -YEAR, -10 * YEAR)
    windows = [stage.open_window(12 + 2 * number) for number in range(len(shifts))]
    for shift, window in zip(shifts, windows, strict=True):
        wait_until_before(window)
        clock.shift(shift)
    stage.require_closed_on_time(*windows)
    stage.wait_notified("clock:check:wrong", "AWS's")
    ready = server.ask("GET", "/readyz")
    assert ready.status == 200, "a wrong clock is a warning"
    [check] = [check for check in ready.body["checks"] if check["name"] == "clock"]
    assert not check["is_good"]
    assert "behind AWS's" in check["explanation"]


def test_p11_whatever_the_clock_is_at_a_restart_windows_close_at_their_true_end(
    stage: AttackStage, clock: ShiftedClock
) -> None:
    stage.start_server(clock.environment)
    shifts = (-10 * YEAR, YEAR)
    windows = [stage.open_window(10 + 8 * number) for number in range(len(shifts))]
    for shift, window in zip(shifts, windows, strict=True):
        stage.server.kill()
        clock.shift(shift)
        stage.start_server(clock.environment)
        stage.require_closed_on_time(window, back_at=datetime.now(UTC))
    stage.wait_recorded()
