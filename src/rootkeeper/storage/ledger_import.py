"""Takes the ledger and the windows of another database in, such as those of an emergency, and only once.

The file itself is never opened for more than a copy of it, and is kept: it is the evidence. Its entries are chained to
the end of this ledger, each with the time, place and hash that it had there, so that both can be compared. Intents that
have no outcome come in as orphans, since their process is dead: a settlement reads again. A window that isn't over owes
its closing here from then on.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from rootkeeper.domain.ledger import Action, JsonValue, LedgerEntry, render_time
from rootkeeper.domain.windows import FINAL_STATES, RecoveryWindow, WindowState, describe_blocking_window
from rootkeeper.errors import DatabaseError, InputError, WindowConflictError
from rootkeeper.storage import schema
from rootkeeper.storage.account_revisions import ChangedPart
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.ledger import SqlLedger
from rootkeeper.storage.ledger_reading import list_entries
from rootkeeper.storage.opened_stores import open_store
from rootkeeper.storage.owners import OwnerRecord, add_owner, find_owner
from rootkeeper.storage.reading import reading
from rootkeeper.storage.schema_version import migrate_if_needed
from rootkeeper.storage.transactions import Draft, WriteTransaction, draft_again
from rootkeeper.storage.verification import verify_ledger
from rootkeeper.storage.windows import SqlRecoveryWindows

_BUSY_SECONDS = 5.0
_KEEP_HINT = "Keep the file as it is. What it holds is shown by: rootkeeper ledger verify"


@dataclass(frozen=True, slots=True)
class LedgerSource:
    """What another database holds, checked."""

    name: str
    """The file's name."""
    import_id: str
    """The same for one ledger, however far it has grown."""
    entries: tuple[LedgerEntry, ...]
    owners: tuple[OwnerRecord, ...]
    windows: tuple[RecoveryWindow, ...]
    window_rows: tuple[dict[str, Any], ...]

    @property
    def organization_id(self) -> str:
        return self.entries[0].organization_id


@dataclass(frozen=True, slots=True)
class LedgerImport:
    """What was taken in."""

    entries: int
    windows: tuple[RecoveryWindow, ...]
    imported_before: datetime | None = None
    """When the same was imported already; then nothing was done now."""


def read_source(path: Path) -> LedgerSource:
    """See Database.read_ledger_source."""
    with tempfile.TemporaryDirectory(prefix="rootkeeper-import-") as folder:
        copied = Path(folder) / "copy.db"
        _copy(path, copied)
        store = open_store(f"sqlite:///{copied}", _BUSY_SECONDS)
        try:
            migrate_if_needed(store)
            _require_intact(store, path)
            return _read(store, path)
        except DatabaseError as error:
            raise InputError(f"{path} can't be imported: {error.message}", hint=_KEEP_HINT) from error
        finally:
            store.engine.dispose()


def _copy(path: Path, copied: Path) -> None:
    """With what still stands in its write-ahead log."""
    if not path.is_file():
        raise InputError(f"{path} is no file.", hint="Name the file that the emergency was recorded in.")
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copied)) as target:
            source.backup(target)
            has_ledger = target.execute("SELECT 1 FROM sqlite_master WHERE name = 'ledger_entries'").fetchone()
    except sqlite3.Error as error:
        raise InputError(f"{path} can't be read as a database: {error}.", hint=_KEEP_HINT) from error
    if has_ledger is None:
        raise InputError(f"{path} isn't a database of Rootkeeper.", hint="Name the file of the emergency.")


def _require_intact(store: Store, path: Path) -> None:
    verification = verify_ledger(store, None, None)
    if not verification.is_intact:
        raise InputError(f"The ledger in {path} is NOT intact: {verification.problem}", hint=_KEEP_HINT)


def _read(store: Store, path: Path) -> LedgerSource:
    entries = tuple(list_entries(store))
    if not entries:
        raise InputError(f"The ledger in {path} has no entries: there is nothing to import.")
    with reading(store) as connection:
        owner_ids = sorted(connection.execute(select(schema.owners.c.owner_id)).scalars())
        owners = tuple(one for one in (find_owner(connection, owner_id) for owner_id in owner_ids) if one is not None)
        rows = connection.execute(select(schema.recovery_windows)).mappings().all()
    alive = next((one for one in owners if not one.is_dead(datetime.now(UTC))), None)
    if alive is not None:
        raise InputError(
            f"A command still works on {path}: {alive.process.describe()}.",
            hint="Wait until it has closed its window, then import the file.",
        )
    windows = SqlRecoveryWindows(store, GroupCommit(store, lambda: None), entries[0].organization_id)
    return LedgerSource(
        name=path.name,
        import_id=_make_import_id(entries[0].entry_hash),
        entries=entries,
        owners=owners,
        windows=windows.list_windows(),
        window_rows=tuple(dict(row) for row in rows),
    )


def list_unimported(paths: Iterable[Path], store: Store) -> tuple[Path, ...]:
    """Those of these files whose ledger was never imported; what can't be read as one is left out.

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
    """See Database.import_ledger."""
    return commits.run_ledger_work(lambda transaction: _import(transaction, source, ledger))


def _import(transaction: WriteTransaction, source: LedgerSource, ledger: SqlLedger) -> LedgerImport:
    connection = transaction.connection
    fact = ledger.draft_fact(Action.LEDGER_IMPORT, None, _describe(source))
    before = _find_import(connection, source)
    if before is not None:
        return before
    _require_importable(connection, source, fact.organization_id)
    for owner in source.owners:
        add_owner(connection, replace(owner, lease_until=fact.at), fact.at)
    imported: dict[int, int] = {}
    for entry in source.entries:
        imported[entry.sequence] = transaction.append(_draft(transaction, entry, source, imported, fact.at)).sequence
    transaction.append(fact)
    if source.window_rows:
        connection.execute(insert(schema.recovery_windows), list(source.window_rows))
        transaction.note_change(fact.organization_id, ChangedPart.WINDOWS)
    connection.execute(
        insert(schema.merged_spills).values(
            spill_id=source.import_id,
            organization_id=fact.organization_id,
            merged_at=fact.at,
            entries=len(source.entries),
        )
    )
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
            hint="A file is imported once. Keep it beside the exports of this ledger.",
        )
    return LedgerImport(0, (), row.merged_at)


def _require_importable(connection: Connection, source: LedgerSource, organization_id: str) -> None:
    """Before anything is written."""
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
    for window in source.windows:
        _require_room(connection, window)


def _require_room(connection: Connection, window: RecoveryWindow) -> None:
    windows = schema.recovery_windows.c
    if window.state in FINAL_STATES:
        return
    unfinished = [state.value for state in WindowState if state not in FINAL_STATES]
    other = connection.execute(
        select(windows.window_id, windows.state)
        .where(windows.organization_id == window.organization_id, windows.account_id == window.account_id)
        .where(windows.state.in_(unfinished))
    ).first()
    if other is not None:
        raise WindowConflictError(
            f"Account {window.account_id} has recovery window {other.window_id} here, which is {other.state}, and "
            f"{window.window_id} in the file, which is {window.state}. Nothing was imported.",
            hint=describe_blocking_window(other.window_id, WindowState(other.state)),
        )


def _draft(
    transaction: WriteTransaction, entry: LedgerEntry, source: LedgerSource, imported: dict[int, int], at: datetime
) -> Draft:
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
    return draft_again(entry, at, parameters, intent_sequence)


def _describe(source: LedgerSource) -> dict[str, JsonValue]:
    last = source.entries[-1]
    return {
        "import_id": source.import_id,
        "file": source.name,
        "entries": len(source.entries),
        "first_at": render_time(source.entries[0].at),
        "last_at": render_time(last.at),
        "head_hash": last.entry_hash,
        "windows": [window.window_id for window in source.windows],
    }
