"""A signal that never asks to stop, and one of a server that shuts down."""

from __future__ import annotations

from rootkeeper.organization.progress import NullStopSignal, ServerStopSignal
from tests.fakes.clock import FakeClock


def test_without_a_stop_signal_pauses_last() -> None:
    clock = FakeClock()
    stop = NullStopSignal(clock)
    assert not stop.wait(3)
    assert clock.slept == [3]
    assert not stop.asked_once()
    assert not stop.asked_twice()


def test_a_switch_is_asked_once_and_then_again() -> None:
    stop = ServerStopSignal()
    assert not stop.wait(0)
    stop.ask()
    assert stop.wait(60)
    assert stop.asked_once()
    assert not stop.asked_twice()
    stop.ask()
    assert stop.asked_twice()
