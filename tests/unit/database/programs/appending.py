"""Appends entries from several threads: ``appending.py FOLDER THREADS COUNT``.

Prints ``<sequence> <hash>`` of each entry once it is acknowledged; COUNT 0 continues until killed.
"""

from __future__ import annotations

import itertools
import sys
import threading
from pathlib import Path

from rootkeeper.ledger.rules import Action
from tests.unit.database.samples import ACCOUNT_ID, Stage, Worker, make_worker


def append_facts(worker: Worker, count: int) -> None:
    for number in range(count) if count else itertools.count():
        entry = worker.ledger.append_fact(
            Action.WINDOW_REQUEST, account_id=ACCOUNT_ID, parameters={"number": number, "reason": "x" * 100}
        )
        sys.stdout.write(f"{entry.sequence} {entry.entry_hash}\n")
        sys.stdout.flush()


def main() -> None:
    folder, threads, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    with Stage(folder).open(busy_timeout_seconds=30.0) as database:
        worker = make_worker(database)
        running = [threading.Thread(target=append_facts, args=(worker, count)) for _ in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        worker.owner.close()


main()
