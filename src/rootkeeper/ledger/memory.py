"""Remembers the ledger's copies, so that a removed copy is noticed.

The database remembers that a copy began. A file outside of the database's folder remembers the last head in each copy:
it is a third copy, of the head alone, which also shows that a copy was cut. Each user on each machine has a file; where
it is missing, the database's part still counts.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from rootkeeper.database import schema
from rootkeeper.database.engines import Store, begin_writing, reading
from rootkeeper.database.files import LineFileBusyError, open_locked, open_regular, open_replacing, sync_folder
from rootkeeper.database.problems import explain
from rootkeeper.errors import DatabaseError
from rootkeeper.ledger.writer import Head
from rootkeeper.shapes import parse_facts
from rootkeeper.values import JsonValue, canonical_json


class CopyName(StrEnum):
    """The copies of a ledger."""

    ANCHOR = "anchor"
    MIRROR = "mirror"


_BUSY_SECONDS = 5.0
"""How long to wait for another process that writes the file, which takes it some milliseconds."""


class MemoryDamagedError(ValueError):
    """The file that remembers the copies contains something else."""


class CopyMemory:
    """Remembers the copies of a database, which several processes write to. Thread-safe."""

    def __init__(self, store: Store, folder: Path | None, machines: Mapping[CopyName, str]) -> None:
        """:param folder: of the file; ``None`` for the database alone.
        :param machines: the machine of each copy; empty for a copy that all machines share.
        """
        self._store = store
        self._machines = machines
        digest = hashlib.sha256(store.place.encode()).hexdigest()[:16]
        self.path = None if folder is None else folder / f"ledger-{digest}.json"

    def read_began(self) -> frozenset[CopyName]:
        """Read from the database which copies began.

        :raises DatabaseError: if it can't be read.
        """
        columns = schema.ledger_copies.c
        with reading(self._store) as connection:
            rows = connection.execute(select(columns.copy_name, columns.machine))
            known = {(row.copy_name, row.machine) for row in rows}
        return frozenset(name for name, machine in self._machines.items() if (name.value, machine) in known)

    def read_heads(self) -> Mapping[CopyName, Head]:
        """Read the heads that the file remembers; none without a file.

        :raises OSError: if it can't be read.
        :raises MemoryDamagedError: if it contains something else.
        """
        if self.path is None:
            return {}
        try:
            with os.fdopen(open_regular(self.path), "rb") as file:
                found = json.load(file)
            return {CopyName(name): parse_facts(Head, head) for name, head in found["heads"].items()}
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise MemoryDamagedError(f"{self.path} doesn't contain heads of a ledger") from error

    def describe_missing(self, began: Collection[CopyName]) -> str | None:
        """Describe that the file is missing although copies began; ``None`` if it is there or isn't used."""
        if self.path is None or not began or os.path.lexists(self.path):
            return None
        return (
            f"The memory of the last heads, {self.path}, is missing, so the ledger isn't compared with it. That is so "
            "for another user, on another machine and with another state folder; otherwise it was removed."
        )

    def begin(self, name: CopyName, head: Head, at: str) -> None:
        """Remember that a copy began, after its first head is durable.

        :raises DatabaseError: if it can't be written.
        """
        columns = schema.ledger_copies.c
        machine = self._machines[name]
        key = (columns.copy_name == name.value) & (columns.machine == machine)
        row = {"copy_name": name.value, "machine": machine, "began_at": at}
        try:
            with begin_writing(self._store.engine.connect()) as connection, connection.begin():
                connection.execute(delete(schema.ledger_copies).where(key))
                connection.execute(insert(schema.ledger_copies), row | {"organization_id": head.organization_id})
                self._store.require_in_place()
        except (SQLAlchemyError, OSError) as error:
            reason, hint = explain(error)
            raise DatabaseError(f"The database {self._store.place} can't be written: {reason}.", hint=hint) from error

    def note(self, name: CopyName, head: Head, *, replaces: bool = False) -> None:
        """Remember a copy's last head, durably, if it is after the remembered head.

        :param replaces: whether the remembered head no longer counts, because the ledger was adopted.
        :raises OSError: if the file can't be written.
        :raises MemoryDamagedError: if it contains something else; a replacement writes it again.
        """
        if self.path is None:
            return
        try:
            with open_locked(self.path.with_suffix(".lock"), _BUSY_SECONDS):
                self._note(self.path, name, head, replaces=replaces)
        except LineFileBusyError as error:
            raise TimeoutError(f"another process keeps {self.path} locked") from error

    def _note(self, path: Path, name: CopyName, head: Head, *, replaces: bool) -> None:
        try:
            known = dict(self.read_heads())
        except MemoryDamagedError:
            if not replaces:
                raise
            known = {}
        if not replaces and name in known and known[name].sequence >= head.sequence:
            return
        heads: dict[str, JsonValue] = {
            copy_name.value: asdict(found) for copy_name, found in {**known, name: head}.items()
        }
        with open_replacing(path) as handle:
            handle.write(canonical_json({"database": self._store.place, "heads": heads}).encode() + b"\n")
        sync_folder(path.parent)
