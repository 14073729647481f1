"""A keyed executor does each account's work once at a time, on threads, and reports unexpected errors."""

from __future__ import annotations

import threading

from rootkeeper.errors import DatabaseError
from rootkeeper.organization.threads import KeyedExecutor, start_keyed_executor

LONG = 60.0


def test_work_of_one_key_is_taken_once_until_it_is_done() -> None:
    waiting: list[object] = []
    done: list[str] = []
    executor = KeyedExecutor(waiting.append, done.append)

    assert executor.offer("a", lambda: done.append("first"))
    assert not executor.offer("a", lambda: done.append("second"))
    assert executor.offer("b", lambda: done.append("other"))
    assert executor.count() == 2
    for work in waiting:
        work()  # type: ignore[operator]  # what the crew handed over
    assert executor.count() == 0
    assert executor.offer("a", lambda: done.append("third"))
    assert done == ["first", "other"]


def test_an_error_of_ours_is_reported_and_frees_the_key() -> None:
    reported: list[str] = []

    def fail() -> None:
        raise DatabaseError("The disk is full.")

    executor = KeyedExecutor(lambda work: work(), reported.append)

    assert executor.offer("a", fail)
    assert executor.offer("a", fail)
    assert reported == ["The disk is full.", "The disk is full."]


def test_threads_work_side_by_side_and_are_waited_for() -> None:
    reported: list[str] = []
    executor = start_keyed_executor(2, "closing", reported.append)
    both = threading.Barrier(2, timeout=LONG)

    def note_obstacle() -> None:
        both.wait()

    executor.offer("a", note_obstacle)
    executor.offer("b", note_obstacle)

    assert executor.wait_idle(LONG)
    assert reported == []


def test_what_takes_too_long_is_not_waited_for() -> None:
    executor = start_keyed_executor(1, "closing", lambda _: None)
    continue_job = threading.Event()

    def linger() -> None:
        continue_job.wait(LONG)

    executor.offer("a", linger)

    assert not executor.wait_idle(0.01)
    continue_job.set()
    assert executor.wait_idle(LONG)


def test_a_crew_that_was_stopped_begins_nothing_more_of_what_waits_neither() -> None:
    waiting: list[object] = []
    done: list[str] = []
    executor = KeyedExecutor(waiting.append, done.append)
    executor.offer("a", lambda: done.append("a"))
    executor.stop()

    waiting[0]()  # type: ignore[operator]  # what the crew handed over
    assert not executor.offer("b", lambda: done.append("b"))
    assert done == []
    assert executor.wait_idle(0)


def test_a_bug_of_ours_is_reported_and_the_crew_continues() -> None:
    reported: list[str] = []
    executor = start_keyed_executor(1, "closing", reported.append)

    def stumble() -> None:
        raise ZeroDivisionError("by zero")

    executor.offer("a", stumble)
    assert executor.wait_idle(LONG)
    executor.offer("a", lambda: None)
    assert executor.wait_idle(LONG)
    assert len(reported) == 1
    assert "ZeroDivisionError" in reported[0]
