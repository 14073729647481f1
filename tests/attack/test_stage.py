"""The stage itself: a window that no one attacks closes on time, and one that isn't closed is noticed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.attack.stage import AttackStage

pytestmark = pytest.mark.long


def test_a_window_that_no_one_attacks_closes_on_time_and_its_closing_is_read_from_awss_record(
    stage: AttackStage,
) -> None:
    stage.start_server()
    window = stage.open_window(15)
    stage.wait_known(window)
    stage.require_closed_on_time(window)
    stage.wait_notified("window:close:done", window.window_id)
    assert stage.errors() == []
    closed_at = stage.find_closed_at(window)
    assert closed_at is not None
    with pytest.raises(AssertionError, match="closed before its end"):
        stage.require_closed_on_time(
            type(window)(window.window_id, window.account_id, closed_at + timedelta(seconds=5))
        )
    with pytest.raises(AssertionError, match="s late"):
        stage.require_closed_on_time(
            type(window)(window.window_id, window.account_id, closed_at - timedelta(seconds=20))
        )
