"""Appends to the ledger one after another, and from many callers at once: what sharing a commit is worth.

Every entry is on disk before its caller continues. The disk's own time is measured beside it, since a disk that
acknowledges without writing makes all of this look better than it is; so does a temporary folder in memory: name a
folder on the disk that the database will be on.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from sqlalchemy import create_engine

from rootkeeper.clock import SystemClock
from rootkeeper.ledger.database import DatabaseOptions, open_database
from rootkeeper.ledger.rules import Action, Actor, ActorKind, Result
from rootkeeper.ledger.store import SqlLedger
from rootkeeper.organization.accounts import AccountId, Endpoint


@dataclass(frozen=True, slots=True)
class Run:
    """One run, as measured."""

    entries_per_second: float
    median_wait_seconds: float
    """Of one caller, for one entry."""
    cpu_seconds_per_entry: float


def main() -> None:
    options = read_options()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        sync = median(measure_sync(Path(folder)) for _ in range(50))
        print(
            f"Ledger commits; Python {platform.python_version()}, {describe_database(options.url)}, "
            f"{os.cpu_count()} cores; fsync takes {sync * 1000:.2f} ms; median of {options.rounds} rounds"
        )
        print(f"{'callers':>8} {'entries/s':>10} {'wait, ms':>9} {'CPU, ms':>8} {'to serial':>10}")
        serial = 0.0
        for callers in options.callers:
            run = repeat(options.rounds, partial(append, Path(folder), options.url, callers, options.entries))
            serial = serial or run.entries_per_second
            print(
                f"{'serial' if callers == 1 else callers:>8} {run.entries_per_second:>10,.0f} "
                f"{run.median_wait_seconds * 1000:>9.2f} {run.cpu_seconds_per_entry * 1000:>8.2f} "
                f"{run.entries_per_second / serial:>9.1f}x"
            )


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=4_000, help="per round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 8, 32, 128], help="the first is the yardstick")
    parser.add_argument("--folder", help="where the databases are made")
    parser.add_argument("--url", help="of an empty PostgreSQL database to be used instead; all rounds append to it")
    return parser.parse_args()


def describe_database(url: str | None) -> str:
    if url is None:
        return f"SQLite {sqlite3.sqlite_version}, synchronous=FULL"
    engine = create_engine(url)
    with engine.connect() as connection:
        return f"PostgreSQL {connection.exec_driver_sql('SHOW server_version').scalar()}, synchronous_commit=on"


def measure_sync(folder: Path) -> float:
    """Seconds that one write and fsync of a page takes."""
    with (folder / "sync").open("ab", buffering=0) as handle:
        started = time.perf_counter()
        handle.write(b"x" * 4096)
        os.fsync(handle.fileno())
        return time.perf_counter() - started


def repeat(rounds: int, run: Callable[[], Run]) -> Run:
    runs = sorted((run() for _ in range(rounds)), key=lambda one: one.entries_per_second)
    return runs[len(runs) // 2]


def append(folder: Path, url: str | None, callers: int, entries: int) -> Run:
    """Pairs of an intent and its outcome, as a deletion makes them, shared among the callers."""
    waits: list[float] = []
    with (
        tempfile.TemporaryDirectory(dir=folder) as place,
        open_database(url or f"sqlite:///{place}/ledger.db", DatabaseOptions(has_mirror=url is None)) as database,
    ):
        owner = database.register_owner(SystemClock())
        actor = Actor("bench", ActorKind.SELF_ASSERTED)
        ledger = database.ledger("o-exampleorgid", Endpoint("SANDBOX 127.0.0.1:4599"), actor, owner)
        pairs = max(entries // callers // 2, 1)
        threads = [threading.Thread(target=append_pairs, args=(ledger, pairs, waits)) for _ in range(callers)]
        cpu, started = time.process_time(), time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
        owner.close()
    return Run(len(waits) / wall, median(waits), cpu / len(waits))


def append_pairs(ledger: SqlLedger, pairs: int, waits: list[float]) -> None:
    account_id = AccountId("111122223333")
    for _ in range(pairs):
        started = time.perf_counter()
        intent = ledger.append_intent(
            Action.ACCESS_KEY_DELETE, account_id=account_id, parameters={"access_key_id": "AKIAIOSFODNN7EXAMPLE"}
        )
        between = time.perf_counter()
        ledger.append_outcome(intent, Result.DONE, {"status": "deleted"})
        waits += [between - started, time.perf_counter() - between]


if __name__ == "__main__":
    main()
