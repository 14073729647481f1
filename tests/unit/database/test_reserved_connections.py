"""However many read the database, closing windows and the ledger's writer have connections left."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from rootkeeper.database.engines import POOLED_CONNECTIONS, RESERVED_CONNECTIONS, glancing, reading, using_reserve
from tests.unit.database.samples import Worker
from tests.unit.database.test_reading import COUNT

SECONDS = 30.0


@contextmanager
def crowd(worker: Worker) -> Iterator[threading.Event]:
    """As many who read for long as there may be, and one more, who waits for a turn; set when that one reads."""
    store, is_read = worker.database.store, threading.Event()

    def read_last() -> None:
        with glancing(store) as connection:
            connection.execute(COUNT)
        is_read.set()

    with ThreadPoolExecutor(1) as waiting:
        with ExitStack() as held:
            for _ in range(2 * POOLED_CONNECTIONS - RESERVED_CONNECTIONS):
                held.enter_context(reading(store))
            waiting.submit(read_last)
            yield is_read
        assert is_read.wait(SECONDS)


def test_p32_those_who_close_windows_read_while_all_others_wait(worker: Worker) -> None:
    with crowd(worker) as is_read:
        for _ in range(2):  # each turn ends with its use
            with ExitStack() as held, using_reserve():
                for _ in range(RESERVED_CONNECTIONS - 1):
                    held.enter_context(reading(worker.database.store))
        assert not is_read.wait(0.2)


def test_p32_the_writer_of_the_ledger_gets_a_new_connection_while_all_others_wait(worker: Worker) -> None:
    with crowd(worker) as is_read:
        worker.database.commits._drop_connection()
        worker.append_pair()
        assert not is_read.is_set()


def test_the_reserve_is_that_of_one_thread_for_the_time_of_its_use(worker: Worker) -> None:
    with using_reserve(), using_reserve():
        pass
    with crowd(worker) as is_read:
        assert not is_read.wait(0.2)
