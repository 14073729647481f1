"""Threads that work off what they are given."""

from __future__ import annotations

import queue
import threading

import pytest

from rootkeeper.organization.threads import WorkerThreads, WorkResult


def take_all(threads: WorkerThreads[int], count: int) -> set[int]:
    found: set[int] = set()
    while len(found) < count:
        found.update(threads.take_done(1))
    return found


def test_everything_is_done_by_so_many_at_a_time() -> None:
    threads: WorkerThreads[int] = WorkerThreads(3, "test")
    together = threading.Barrier(3)

    def work(number: int) -> int:
        together.wait(60)  # ends only if three are at it
        return number

    for number in range(9):
        threads.begin(lambda number=number: work(number))  # type: ignore[misc]  # a default binds the loop's number
    assert take_all(threads, 9) == set(range(9))
    threads.close()


def test_nothing_done_is_an_empty_answer() -> None:
    threads: WorkerThreads[int] = WorkerThreads(1, "test")
    assert threads.take_done(0.01) == []
    threads.close()


def test_an_error_that_no_one_foresaw_reaches_the_caller_that_takes_the_result() -> None:
    threads: WorkerThreads[int] = WorkerThreads(1, "test")
    threads.begin(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        threads.take_done(60)
    threads.begin(lambda: 7)
    assert take_all(threads, 1) == {7}
    threads.close()


def test_results_are_handed_over_where_a_callback_takes_them() -> None:
    reported: queue.SimpleQueue[WorkResult[int]] = queue.SimpleQueue()
    threads: WorkerThreads[int] = WorkerThreads(1, "test", reported.put)
    threads.begin(lambda: 7)
    assert reported.get(timeout=60).get() == 7
    assert threads.take_done(0) == []
    threads.close()


def test_threads_dont_keep_the_process_alive_and_end_when_closed() -> None:
    threads: WorkerThreads[int] = WorkerThreads(2, "leaving")
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("leaving")]
    assert [thread.daemon for thread in ours] == [True, True]
    threads.close()
    for thread in ours:
        thread.join(60)
        assert not thread.is_alive()
