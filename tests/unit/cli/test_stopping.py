"""Signals as requests."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from rootkeeper.cli.terminal import StopRequests, as_interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_counted_and_ends_nothing(number: signal.Signals) -> None:
    with StopRequests() as stops:
        assert not stops.asked_once()
        os.kill(os.getpid(), number)
        assert stops.asked_once()
        assert not stops.asked_twice()
        os.kill(os.getpid(), number)
        assert stops.asked_twice()


def test_a_pause_lasts_unless_a_stop_is_requested() -> None:
    with StopRequests() as stops:
        started = time.monotonic()
        assert not stops.wait(0.05)
        assert time.monotonic() - started >= 0.05
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        assert stops.wait(60)
        timer.join()
        assert stops.wait(60)
        assert time.monotonic() - started < 30


def test_afterwards_signals_mean_what_they_meant_before() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with StopRequests():
        pass
    with as_interrupts(signal.SIGTERM):
        pass
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_termination_is_an_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), as_interrupts(signal.SIGTERM):
        os.kill(os.getpid(), signal.SIGTERM)
