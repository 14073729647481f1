"""Loops continue, regardless of how a turn ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from rootkeeper.clock import SystemClock
from rootkeeper.errors import DatabaseError
from rootkeeper.worker.loops import REPORTED_AGAIN_SECONDS, STUCK_AFTER_SECONDS, Loop, Loops

PERIOD = 0.01


class Turns:
    """Counts turns, and raises what the test sets."""

    def __init__(self, error: Exception | None = None) -> None:
        self.count = 0
        self.error = error

    def __call__(self) -> None:
        self.count += 1
        if self.error is not None:
            raise self.error


class LateClock(SystemClock):
    """The machine's clock, later by what a test says."""

    later = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.later


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_loop_takes_turns_until_it_is_stopped() -> None:
    turns, loops = Turns(), Loops(SystemClock(), lambda *_: None)
    loops.start([Loop("counting", PERIOD, turns)])
    wait_until(lambda: turns.count >= 3)
    assert loops.list_troubles() == ()
    loops.begin_stop()
    assert loops.wait_stopped(60) == ()
    ended = turns.count
    time.sleep(5 * PERIOD)
    assert turns.count == ended


@pytest.mark.parametrize("error", [DatabaseError("The database is away."), ZeroDivisionError("a bug")])
def test_an_error_ends_a_turn_and_no_loop(error: Exception) -> None:
    reported: list[tuple[str, BaseException]] = []
    turns, loops = Turns(error), Loops(SystemClock(), lambda name, caught: reported.append((name, caught)))
    loops.start([Loop("failing", PERIOD, turns)])
    wait_until(lambda: turns.count >= 3)
    assert "The loop for failing failed" in loops.list_troubles()[0]
    turns.error = None
    wait_until(lambda: loops.list_troubles() == ())
    loops.begin_stop()
    assert loops.wait_stopped(60) == ()
    assert reported[0] == ("failing", error)


def test_the_text_of_a_bug_is_not_shown_to_callers() -> None:
    turns, loops = Turns(ZeroDivisionError("secret")), Loops(SystemClock(), lambda *_: None)
    loops.start([Loop("failing", PERIOD, turns)])
    wait_until(lambda: loops.list_troubles() != ())
    assert "secret" not in loops.list_troubles()[0]
    loops.begin_stop()
    loops.wait_stopped(60)


def test_one_loop_that_fails_or_hangs_holds_no_other_up() -> None:
    gate, turns = threading.Event(), Turns()
    loops = Loops(SystemClock(), lambda *_: None)
    loops.start(
        [Loop("hanging", PERIOD, gate.wait), Loop("failing", PERIOD, Turns(ValueError())), Loop("good", PERIOD, turns)]
    )
    wait_until(lambda: turns.count >= 3)
    loops.begin_stop()
    wait_until(lambda: loops.wait_stopped(0) == ("hanging",))
    gate.set()
    assert loops.wait_stopped(60) == ()


def test_a_turn_without_an_end_shows() -> None:
    entered, gate, clock = threading.Event(), threading.Event(), LateClock()

    def hang() -> None:
        entered.set()
        gate.wait(60)

    loops = Loops(clock, lambda *_: None)
    loops.start([Loop("hanging", PERIOD, hang)])
    assert entered.wait(60)
    assert loops.list_troubles() == ()
    clock.later = STUCK_AFTER_SECONDS + 1
    assert "stuck" in loops.list_troubles()[0]
    gate.set()
    loops.begin_stop()
    assert loops.wait_stopped(60) == ()


def test_a_loop_that_fails_again_for_the_same_reason_is_reported_once_a_minute_and_pauses_longer() -> None:
    reported: list[str] = []
    clock = LateClock()
    turns, loops = Turns(DatabaseError("The database is away.")), Loops(clock, lambda name, _: reported.append(name))
    loops.start([Loop("failing", PERIOD, turns), Loop("urgent", PERIOD, Turns(turns.error), PERIOD)])
    running = {one.loop.name: one for one in loops._running}
    wait_until(lambda: turns.count >= 5)
    assert running["failing"].find_pause() >= 16 * PERIOD
    assert running["urgent"].find_pause() == PERIOD
    assert reported.count("failing") == 1
    clock.later = REPORTED_AGAIN_SECONDS
    wait_until(lambda: reported.count("failing") == 2)
    turns.error = None
    wait_until(lambda: running["failing"].find_pause() == PERIOD)
    loops.begin_stop()
    loops.wait_stopped(60)
