"""Imports a spill file, or the ledger and windows of another database, such as an emergency's, exactly once.

Everything is appended in a single transaction. A database file is only copied and stays as evidence. Each imported
entry contains its original time, sequence and hash. Intents without an outcome become orphans, because their process is
dead, and unfinished windows must be closed here from then on.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, update

from rootkeeper.database import schema
from rootkeeper.database.engines import Store, open_store, reading
from rootkeeper.database.files import LineFileBusyError, open_locked, read_lines, sync_folder
from rootkeeper.database.processes import ProcessIdentity
from rootkeeper.database.schema import parse_row
from rootkeeper.database.version import migrate
from rootkeeper.errors import DatabaseError, Hint, InputError, WindowConflictError
from rootkeeper.ledger.owners import OwnerRecord, add_owner, find_owner
from rootkeeper.ledger.rules import (
    Action,
    Draft,
    LedgerEntry,
    Phase,
    Result,
    find_first_chain_break,
    parse_entry,
)
from rootkeeper.ledger.spill import SPILL_FORMAT
from rootkeeper.ledger.store import SqlLedger, list_entries
from rootkeeper.ledger.verification import verify_ledger
from rootkeeper.ledger.writer import ChangedPart, GroupCommit, WriteTransaction, find_entry_hash
from rootkeeper.values import JsonValue, canonical_json, render_time
from rootkeeper.windows.rules import FINAL_STATES, RecoveryWindow, WindowState, describe_blocking_window


@dataclass(frozen=True, slots=True)
class _Spill:
    """The content of a spill file."""

    spill_id: str
    ledger_id: str | None
    """The hash of its ledger's first entry; ``None`` if its writer didn't know it."""
    owner_id: str
    process: ProcessIdentity
    entries: tuple[LedgerEntry, ...]
    problem: str | None
    """The break of its chain, or its unreadable part; the file may have been edited."""


def merge_spill(path: Path, commits: GroupCommit, ledger: SqlLedger) -> int:
    """Append a spill file to the ledger that it belongs to, and remove it; harmless when repeated.

    All databases of a user share the folder for temporary files, so a file of another ledger is left where it is.

    :returns: how many entries were appended: 0 if they were before, if its writer still runs, or if it belongs to
        another ledger or organization.
    :raises LedgerUnavailableError: if that isn't possible; the file is kept.
    :raises DatabaseError: if the file isn't a spill.
    """
    if not path.exists():
        return 0
    try:
        with open_locked(path, 0):
            spill = _read_spill(path)
            appended: int | None = 0
            if spill is not None:
                appended = commits.run_ledger_work(lambda transaction: _merge(transaction, spill, ledger))
            if appended is None:
                return 0
            path.unlink()
            sync_folder(path.parent)
    except LineFileBusyError:
        return 0
    except OSError as error:
        raise DatabaseError(f"The spill file {path} can't be read or removed: {error.strerror}.") from error
    return appended


def list_spilled_closings(paths: Iterable[Path]) -> frozenset[str]:
    """List the windows that a closing in one of these spill files has emptied."""
    found = set[str]()
    for path in paths:
        with suppress(OSError, DatabaseError):
            spill = _read_spill(path)
            entries = () if spill is None else spill.entries
            closings = {
                -entry.sequence: str(entry.parameters.get("window_id"))
                for entry in entries
                if entry.action is Action.WINDOW_CLOSE and entry.phase is Phase.INTENT
            }
            found |= {
                closings[entry.intent_sequence]
                for entry in entries
                if entry.result is Result.DONE and entry.intent_sequence in closings
            }
    return frozenset(found)


def _read_spill(path: Path) -> _Spill | None:
    """Read the file; ``None`` if its header is incomplete: its writer died before it acknowledged anything."""
    whole_lines = list(read_lines(path))
    if not whole_lines:
        return None
    header, *lines = whole_lines
    entries, problem = _parse_lines(lines)
    try:
        fields = json.loads(header)
        if fields["format"] != SPILL_FORMAT:
            raise DatabaseError(f"The spill file {path} was written by a newer version of Rootkeeper.")
        owner = fields["owner"]
        owner_id = str(owner.pop("owner_id"))
        process = ProcessIdentity(**owner)
        return _Spill(str(fields["spill_id"]), fields["ledger_id"], owner_id, process, entries, problem)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatabaseError(
            f"{path} isn't a spill file of the ledger.", hint="If another program put it there, move it away."
        ) from error


def _parse_lines(lines: list[bytes]) -> tuple[tuple[LedgerEntry, ...], str | None]:
    entries: list[LedgerEntry] = []
    for number, line in enumerate(lines, start=1):
        try:
            entry = parse_entry(line.decode())
            canonical_json(entry.parameters)
        except ValueError:
            return tuple(entries), f"Entry {number} of the spill can't be read."
        entries.append(entry)
    chain_break = find_first_chain_break(entries, checks_outcomes=False)
    return tuple(entries), None if chain_break is None else chain_break.problem


def _belongs_to(spill: _Spill, connection: Connection, organization_id: str) -> bool:
    if any(entry.organization_id != organization_id for entry in spill.entries):
        return False
    return spill.ledger_id is None or spill.ledger_id == find_entry_hash(connection, 1)


def _merge(transaction: WriteTransaction, spill: _Spill, ledger: SqlLedger) -> int | None:
    """Append its entries and return how many; ``None`` if it isn't of this ledger and organization."""
    connection, merged_spills = transaction.connection, schema.merged_spills.c
    is_it = merged_spills.spill_id == spill.spill_id
    if connection.execute(select(merged_spills.entries).where(is_it)).first() is not None:
        return 0
    described: dict[str, JsonValue] = {"spill_id": spill.spill_id, "entries": len(spill.entries)}
    if spill.entries:
        described["first_at"] = render_time(spill.entries[0].at)
        described["last_at"] = render_time(spill.entries[-1].at)
    if spill.problem is not None:
        described["problem"] = spill.problem
    fact = ledger.draft_fact(Action.SPILL_MERGE, None, described)
    if not _belongs_to(spill, connection, fact.organization_id):
        return None
    add_owner(connection, OwnerRecord(spill.owner_id, spill.process, fact.at), fact.at)
    merged: dict[int, int] = {}
    for entry in spill.entries:
        parameters: dict[str, JsonValue] = {
            **entry.parameters,
            "spilled": True,
            "spilled_at": render_time(entry.at),
            "spill_id": spill.spill_id,
        }
        intent_sequence = entry.intent_sequence
        if intent_sequence is not None:
            intent_sequence = merged.get(intent_sequence, intent_sequence)
            if not transaction.end_intent(intent_sequence):
                # Another process has settled it. An intent has one outcome, so this outcome becomes a fact.
                parameters["late_outcome_of"] = intent_sequence
                intent_sequence = None
        draft = replace(entry, at=fact.at, parameters=parameters, intent_sequence=intent_sequence)
        merged[-entry.sequence] = transaction.append(draft).sequence
    transaction.append(fact)
    # Windows with a closing in the spill must be closed again: only a recorded re-read ends them.
    windows = schema.recovery_windows.c
    closings = [entry.parameters.get("window_id") for entry in spill.entries if entry.action is Action.WINDOW_CLOSE]
    connection.execute(
        update(schema.recovery_windows)
        .where(windows.window_id.in_([str(window_id) for window_id in closings if window_id is not None]))
        .where(windows.state == WindowState.OPEN.value)
        .values(state=WindowState.CLOSING.value)
    )
    transaction.note_change(fact.organization_id, ChangedPart.WINDOWS)
    _note_merged(connection, spill.spill_id, fact, len(spill.entries))
    return len(spill.entries)


def _note_merged(connection: Connection, spill_id: str, fact: Draft, entries: int) -> None:
    values = {"organization_id": fact.organization_id, "merged_at": fact.at, "entries": entries}
    connection.execute(insert(schema.merged_spills).values(spill_id=spill_id, **values))


_KEEP_HINT = Hint("Keep the file as it is, and verify its ledger.", "ledger.verify_file")


@dataclass(frozen=True, slots=True)
class LedgerSource:
    """The checked content of another database."""

    name: str
    """The file's name."""
    import_id: str
    """Identifies the ledger, independent of its length."""
    entries: tuple[LedgerEntry, ...]
    owners: tuple[OwnerRecord, ...]
    windows: tuple[RecoveryWindow, ...]
    window_rows: tuple[dict[str, Any], ...]

    @property
    def organization_id(self) -> str:
        return self.entries[0].organization_id


@dataclass(frozen=True, slots=True)
class LedgerImport:
    """The result of an import."""

    entries: int
    windows: tuple[RecoveryWindow, ...]
    imported_before: datetime | None = None
    """When the file was imported before; then nothing was done now."""


def read_source(path: Path) -> LedgerSource:
    """Read and verify another database of Rootkeeper's, such as an emergency's.

    :raises InputError: if it is none, isn't intact, holds nothing, or a command still works on it.
    """
    with tempfile.TemporaryDirectory(prefix="rootkeeper-import-") as folder:
        copied = Path(folder) / "copy.db"
        _copy(path, copied)
        store = open_store(f"sqlite:///{copied}")
        try:
            migrate(store)
            verification = verify_ledger(store, None)
            if not verification.is_intact:
                raise InputError(f"The ledger in {path} is NOT intact: {verification.problem}", hint=_KEEP_HINT)
            return _read(store, path)
        except DatabaseError as error:
            raise InputError(f"{path} can't be imported: {error.message}", hint=_KEEP_HINT) from error
        finally:
            store.engine.dispose()


def _copy(path: Path, copied: Path) -> None:
    """Copy the database with its write-ahead log."""
    if not path.is_file():
        raise InputError(f"{path} isn't a file.", hint="Name the file in which the emergency was recorded.")
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copied)) as target:
            source.backup(target)
            has_ledger = target.execute("SELECT 1 FROM sqlite_master WHERE name = 'ledger_entries'").fetchone()
    except sqlite3.Error as error:
        raise InputError(f"{path} can't be read as a database: {error}.", hint=_KEEP_HINT) from error
    if has_ledger is None:
        raise InputError(f"{path} isn't a database of Rootkeeper.", hint="Name the file of the emergency.")


def _read(store: Store, path: Path) -> LedgerSource:
    entries = tuple(list_entries(store))
    if not entries:
        raise InputError(f"The ledger in {path} has no entries: there is nothing to import.")
    with reading(store) as connection:
        owner_ids = sorted(connection.execute(select(schema.owners.c.owner_id)).scalars())
        owners = tuple(
            owner for owner in (find_owner(connection, owner_id) for owner_id in owner_ids) if owner is not None
        )
        windows = schema.recovery_windows.c
        newest = select(schema.recovery_windows).order_by(windows.requested_at.desc(), windows.window_id)
        rows = connection.execute(newest.where(windows.organization_id == entries[0].organization_id)).all()
    alive = next((owner for owner in owners if not owner.is_dead(datetime.now(UTC))), None)
    if alive is not None:
        raise InputError(
            f"A command still works on {path}: {alive.process.describe()}.",
            hint="Wait until it has closed its window, then import the file.",
        )
    return LedgerSource(
        name=path.name,
        import_id=_make_import_id(entries[0].entry_hash),
        entries=entries,
        owners=owners,
        windows=tuple(parse_row(RecoveryWindow, row) for row in rows),
        window_rows=tuple(row._asdict() for row in rows),
    )


def list_unimported(paths: Iterable[Path], store: Store) -> tuple[Path, ...]:
    """List the files with a ledger that was never imported, without those that can't be read.

    :raises DatabaseError: if this database can't be read.
    """
    found = {path: import_id for path in paths if (import_id := _find_import_id(path)) is not None}
    if not found:
        return ()
    with reading(store) as connection:
        known = set(connection.execute(select(schema.merged_spills.c.spill_id)).scalars())
    return tuple(path for path, import_id in found.items() if import_id not in known and path != store.path)


def _find_import_id(path: Path) -> str | None:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            first = connection.execute("SELECT entry_hash FROM ledger_entries ORDER BY sequence LIMIT 1").fetchone()
    except sqlite3.Error:
        return None
    return None if first is None else _make_import_id(str(first[0]))


def _make_import_id(first_hash: str) -> str:
    return f"import-{first_hash[:32]}"


def import_ledger(source: LedgerSource, commits: GroupCommit, ledger: SqlLedger) -> LedgerImport:
    """Append the entries of another ledger, and keep its windows, in a single transaction and only once.

    :raises InputError: if it is of another organization, or is this very ledger, or has grown since it was imported.
    :raises WindowConflictError: if an account has a window in both that isn't closed.
    :raises LedgerUnavailableError: if that can't be recorded; nothing was imported.
    """
    return commits.run_ledger_work(lambda transaction: _import(transaction, source, ledger))


def _import(transaction: WriteTransaction, source: LedgerSource, ledger: SqlLedger) -> LedgerImport:
    connection = transaction.connection
    last = source.entries[-1]
    described: dict[str, JsonValue] = {
        "import_id": source.import_id,
        "file": source.name,
        "entries": len(source.entries),
        "first_at": render_time(source.entries[0].at),
        "last_at": render_time(last.at),
        "head_hash": last.entry_hash,
        "windows": [window.window_id for window in source.windows],
    }
    fact = ledger.draft_fact(Action.LEDGER_IMPORT, None, described)
    before = _find_import(connection, source)
    if before is not None:
        return before
    _require_importable(connection, source, fact.organization_id)
    for owner in source.owners:
        add_owner(connection, replace(owner, lease_until=fact.at), fact.at)
    imported: dict[int, int] = {}
    for entry in source.entries:
        parameters: dict[str, JsonValue] = {
            **entry.parameters,
            "imported_by": source.import_id,
            "recorded_at": render_time(entry.at),
            "recorded_sequence": entry.sequence,
            "recorded_hash": entry.entry_hash,
        }
        intent_sequence = None
        if entry.intent_sequence is not None:
            intent_sequence = imported[entry.intent_sequence]
            transaction.end_intent(intent_sequence)
        draft = replace(entry, at=fact.at, parameters=parameters, intent_sequence=intent_sequence)
        imported[entry.sequence] = transaction.append(draft).sequence
    transaction.append(fact)
    if source.window_rows:
        connection.execute(insert(schema.recovery_windows), list(source.window_rows))
        transaction.note_change(fact.organization_id, ChangedPart.WINDOWS)
    _note_merged(connection, source.import_id, fact, len(source.entries))
    return LedgerImport(len(source.entries), source.windows)


def _find_import(connection: Connection, source: LedgerSource) -> LedgerImport | None:
    spills = schema.merged_spills.c
    row = connection.execute(
        select(spills.merged_at, spills.entries).where(spills.spill_id == source.import_id)
    ).one_or_none()
    if row is None:
        return None
    if row.entries != len(source.entries):
        raise InputError(
            f"{source.name} was imported at {row.merged_at:%Y-%m-%d %H:%M} UTC, when it had {row.entries} entries; it "
            f"has {len(source.entries)} now. Nothing was imported.",
            hint="A file is imported once. Keep it with the exports of this ledger.",
        )
    return LedgerImport(0, (), row.merged_at)


def _require_importable(connection: Connection, source: LedgerSource, organization_id: str) -> None:
    """Refuse a source that can't be imported, before anything is written."""
    others = {entry.organization_id for entry in source.entries} - {organization_id}
    if others:
        raise InputError(
            f"{source.name} is of another organization: {', '.join(sorted(others))}.",
            hint=f"This database is of {organization_id}.",
        )
    own = schema.ledger_entries.c
    hashes = [entry.entry_hash for entry in source.entries[:1]]
    if connection.execute(select(own.sequence).where(own.entry_hash.in_(hashes))).first() is not None:
        raise InputError(f"{source.name} is a copy of this very ledger.", hint="Name the file of the emergency.")
    windows = schema.recovery_windows.c
    for window in source.windows:
        if window.state in FINAL_STATES:
            continue
        other = connection.execute(
            select(windows.window_id, windows.state).where(
                windows.organization_id == window.organization_id, windows.unfinished_account_id == window.account_id
            )
        ).first()
        if other is not None:
            raise WindowConflictError(
                f"Account {window.account_id} has recovery window {other.window_id} here, which is {other.state}, and "
                f"{window.window_id} in the file, which is {window.state}. Nothing was imported.",
                hint=describe_blocking_window(other.window_id, WindowState(other.state)),
            )
