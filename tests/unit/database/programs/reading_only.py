"""What works on a read-only file: ``reading_only.py FOLDER while-open|before-open``.

Root writes everywhere, so the program gives up that capability first, before it starts any thread.

``while-open``: the file becomes read-only under an open database; prints the refusal of an intent, how many entries are
listed meanwhile, and the sequence of the next one once the file may be written again. ``before-open``: the file is
read-only from the start; prints how many entries are listed, whether the ledger is intact, and the refusal of a
registration.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rootkeeper.errors import DatabaseError, LedgerUnavailableError
from tests.unit.database.samples import Stage, make_worker

_CAPABILITY_VERSION_3 = 0x20080522


def give_up_writing_everywhere() -> None:
    """Drop every capability of root. Source: capset(2)."""
    if os.geteuid() != 0:
        return
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    none = struct.pack("6I", 0, 0, 0, 0, 0, 0)
    if ctypes.CDLL(None, use_errno=True).capset(header, none) != 0:
        raise OSError(ctypes.get_errno(), "capset")


@contextmanager
def made_read_only(folder: Path) -> Iterator[None]:
    places = [folder, *folder.iterdir()]
    modes = {place: place.stat().st_mode for place in places}
    for place in places:
        place.chmod(0o500 if place.is_dir() else 0o400)
    try:
        yield
    finally:
        for place, mode in modes.items():
            if place.exists():
                place.chmod(mode)


def try_while_open(stage: Stage) -> None:
    with stage.open() as database:
        worker = make_worker(database)
        worker.append_pair()
        with database._copies.paused():  # which could open a connection just before, in which the writer could write
            database.commits._drop_connection()
            database.store.engine.dispose()
            with made_read_only(stage.path.parent):
                try:
                    worker.append_intent()
                except LedgerUnavailableError as error:
                    sys.stdout.write(f"{error}\n")
                sys.stdout.write(f"{len(list(database.ledger_reader().list_entries()))}\n")
        sys.stdout.write(f"{worker.append_intent().sequence}\n")
        worker.owner.close()


def try_before_open(stage: Stage) -> None:
    with made_read_only(stage.path.parent), stage.open() as database:
        reader = database.ledger_reader()
        sys.stdout.write(f"{len(list(reader.list_entries()))}\n{reader.verify().is_intact}\n")
        try:
            make_worker(database)
        except DatabaseError as error:
            sys.stdout.write(f"{error}\n")


def main() -> None:
    give_up_writing_everywhere()
    stage = Stage(Path(sys.argv[1]))
    {"while-open": try_while_open, "before-open": try_before_open}[sys.argv[2]](stage)


main()
