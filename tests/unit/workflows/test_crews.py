"""A crew does each account's work once at a time, on threads, and tells what nobody foresaw."""

from __future__ import annotations

import threading

from rootkeeper.errors import DatabaseError
from rootkeeper.workflows.crews import Crew, start_crew

LONG = 60.0


def test_work_of_one_key_is_taken_once_until_it_is_done() -> None:
    waiting: list[object] = []
    done: list[str] = []
    crew = Crew(waiting.append, done.append)

    assert crew.offer("a", lambda: done.append("first"))
    assert not crew.offer("a", lambda: done.append("second"))
    assert crew.offer("b", lambda: done.append("other"))
    assert crew.count() == 2
    for work in waiting:
        work()  # type: ignore[operator]  # what the crew handed over
    assert crew.count() == 0
    assert crew.offer("a", lambda: done.append("third"))
    assert done == ["first", "other"]


def test_an_error_of_ours_is_told_and_frees_the_key() -> None:
    told: list[str] = []

    def fail() -> None:
        raise DatabaseError("The disk is full.")

    crew = Crew(lambda work: work(), told.append)

    assert crew.offer("a", fail)
    assert crew.offer("a", fail)
    assert told == ["The disk is full.", "The disk is full."]


def test_threads_work_side_by_side_and_are_waited_for() -> None:
    told: list[str] = []
    crew = start_crew(2, "closing", told.append)
    both = threading.Barrier(2, timeout=LONG)

    def meet() -> None:
        both.wait()

    crew.offer("a", meet)
    crew.offer("b", meet)

    assert crew.wait_idle(LONG)
    assert told == []


def test_what_takes_too_long_is_not_waited_for() -> None:
    crew = start_crew(1, "closing", lambda _: None)
    go_on = threading.Event()

    def linger() -> None:
        go_on.wait(LONG)

    crew.offer("a", linger)

    assert not crew.wait_idle(0.01)
    go_on.set()
    assert crew.wait_idle(LONG)


def test_a_crew_that_was_stopped_begins_nothing_more_of_what_waits_neither() -> None:
    waiting: list[object] = []
    done: list[str] = []
    crew = Crew(waiting.append, done.append)
    crew.offer("a", lambda: done.append("a"))
    crew.stop()

    waiting[0]()  # type: ignore[operator]  # what the crew handed over
    assert not crew.offer("b", lambda: done.append("b"))
    assert done == []
    assert crew.wait_idle(0)


def test_a_mistake_of_ours_is_told_and_the_crew_goes_on() -> None:
    told: list[str] = []
    crew = start_crew(1, "closing", told.append)

    def stumble() -> None:
        raise ZeroDivisionError("by zero")

    crew.offer("a", stumble)
    assert crew.wait_idle(LONG)
    crew.offer("a", lambda: None)
    assert crew.wait_idle(LONG)
    assert len(told) == 1
    assert "ZeroDivisionError" in told[0]
