"""Where nobody can ask to stop."""

from __future__ import annotations

from rootkeeper.workflows.stopping import Unstoppable
from tests.fakes.clock import FakeClock


def test_nobody_asks_and_pauses_last() -> None:
    clock = FakeClock()
    stop = Unstoppable(clock)
    assert not stop.wait(3)
    assert clock.slept == [3]
    assert not stop.asked_once()
    assert not stop.asked_twice()
