"""Recovery windows in the database, and what a spill file or an emergency adds to them.

Where recovery windows are kept.

Recovery windows in the database. Every change names the state that it expects, so that no step is taken twice.

Appends what a spill file holds to the ledger, all in one transaction, and only once.

Takes the ledger and the windows of another database in, such as those of an emergency, and only once.

The file itself is never opened for more than a copy of it, and is kept: it is the evidence. Its entries are chained to
the end of this ledger, each with the time, place and hash that it had there, so that both can be compared. Intents that
have no outcome come in as orphans, since their process is dead: a settlement reads again. A window that isn't over owes
its closing here from then on.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, insert, select, update

from rootkeeper.database import schema
from rootkeeper.database.engines import Store, glancing, open_store, reading
from rootkeeper.database.files import LineFileBusyError, open_locked, read_lines, sync_folder
from rootkeeper.database.processes import ProcessIdentity
from rootkeeper.database.rows import parse_row, to_row
from rootkeeper.database.version import migrate_if_needed
from rootkeeper.errors import DatabaseError, InputError, NotFoundError, WindowConflictError
from rootkeeper.ledger.owners import OwnerRecord, add_owner, find_owner
from rootkeeper.ledger.rules import Action, LedgerEntry, find_first_chain_break, parse_entry
from rootkeeper.ledger.spill import SPILL_FORMAT
from rootkeeper.ledger.store import SqlLedger, list_entries
from rootkeeper.ledger.verification import verify_ledger
from rootkeeper.ledger.writer import ChangedPart, Draft, GroupCommit, WriteTransaction, draft_again
from rootkeeper.organization.accounts import AccountId
from rootkeeper.values import JsonValue, canonical_json, render_time
from rootkeeper.windows.approvals import WAITING_STATES
from rootkeeper.windows.rules import FINAL_STATES, OWING_STATES, RecoveryWindow, WindowState, describe_blocking_window

_windows = schema.recovery_windows.c

_IS_UNFINISHED = _windows.unfinished_account_id > ""
"""Written so, and not as ``IS NOT NULL``, since SQLite then finds them by the index alone, however many are over."""

_IS_WINDOW = (_windows.organization_id == bindparam("of_organization")) & (_windows.window_id == bindparam("of_window"))
_SELECT_WINDOW = select(schema.recovery_windows).where(_IS_WINDOW)

_SELECT_UNFINISHED = (
    select(schema.recovery_windows)
    .where(_windows.organization_id == bindparam("of_organization"), _IS_UNFINISHED)
    .order_by(_windows.requested_at.desc(), _windows.window_id)
)

_REPLACE = update(schema.recovery_windows).where(_IS_WINDOW)
"""Built once: building a statement takes longer than running it."""


class RecoveryWindowStore:
    """The windows of one organization. Our table is the truth.

    :raises DatabaseError: if the database can't be read or written.
    """

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str) -> None:
        self._store = store
        self._commits = commits
        self._organization_id = organization_id

    def add(self, window: RecoveryWindow) -> None:
        """Keep a new window.

        :raises WindowConflictError: if the account has a window that isn't over; the message names it.
        """
        row = self._row_of(window)

        def work(transaction: WriteTransaction) -> None:
            unfinished = self._find_unfinished(transaction.connection, window.account_id)
            if unfinished is not None:
                raise _not_alone(unfinished)
            transaction.connection.execute(insert(schema.recovery_windows).values(row))
            self._note_change(transaction)

        self._commits.run(work)

    def change(self, window: RecoveryWindow, expected: WindowState) -> None:
        """Replace the window of the same id, if it is still in state ``expected``.

        :raises WindowConflictError: if it has moved on.
        """

        def work(transaction: WriteTransaction) -> None:
            found = self._find(transaction.connection, window.window_id)
            if found is None or found.state is not expected:
                state = "gone" if found is None else found.state.value
                raise WindowConflictError(
                    f"Window {window.window_id} isn't {expected} any more: it is {state}.",
                    hint=f"Look at it: rootkeeper windows show {window.window_id}",
                )
            self._replace(transaction.connection, window)
            self._note_change(transaction)

        self._commits.run(work)

    def update(self, window_id: str, step: Callable[[RecoveryWindow], RecoveryWindow]) -> RecoveryWindow:
        """Replace the window by what ``step`` makes of it as it stands, in one transaction.

        ``step`` is pure; what it raises leaves the window as it was, and comes out of here. Of several processes that
        try at once each sees what the one before it wrote.

        :returns: the window as it stands afterwards.
        :raises InputError: if there is none.
        """

        def work(transaction: WriteTransaction) -> RecoveryWindow:
            found = self._find(transaction.connection, window_id)
            if found is None:
                raise _no_window(window_id)
            stepped = step(found)
            if found.state in FINAL_STATES:
                self._require_alone(transaction.connection, stepped)
            self._replace(transaction.connection, stepped)
            self._note_change(transaction)
            return stepped

        return self._commits.run(work)

    def get(self, window_id_or_account_id: str) -> RecoveryWindow:
        """The window of that id, or the account's latest.

        :raises InputError: if there is none.
        """
        with glancing(self._store) as connection:
            found = self._find(connection, window_id_or_account_id) or self._find_latest(
                connection, window_id_or_account_id
            )
        if found is None:
            raise _no_window(window_id_or_account_id)
        return found

    def find_unfinished(self, account_id: AccountId) -> RecoveryWindow | None:
        """The account's window that isn't over, if there is one."""
        with glancing(self._store) as connection:
            return self._find_unfinished(connection, account_id)

    def list_windows(self, *, unfinished_only: bool = False) -> tuple[RecoveryWindow, ...]:
        """Newest first. Those that aren't over are found without looking at all the others."""
        if not unfinished_only:
            return self._list(order=(_windows.requested_at.desc(),))
        with glancing(self._store) as connection:
            rows = connection.execute(_SELECT_UNFINISHED, {"of_organization": self._organization_id})
            return tuple(_parse_row(row) for row in rows)

    def list_of_account(self, account_id: AccountId) -> tuple[RecoveryWindow, ...]:
        """All of one account, newest first."""
        return self._list(_windows.account_id == account_id, order=(_windows.requested_at.desc(),))

    def list_lapsing(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        """Windows that wait for approval or activation and have waited too long, the longest first."""
        return self._list(
            _IS_UNFINISHED, _is_in(WAITING_STATES), _windows.lapses_at <= now, order=(_windows.lapses_at,)
        )

    def list_reviews_due(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        """Windows that were opened in an emergency and whose review is overdue, the most overdue first."""
        return self._list(
            _windows.opened_at.is_not(None),
            _windows.reviewed_by.is_(None),
            _windows.review_due_at <= now,
            order=(_windows.review_due_at,),
        )

    def list_rereads_due(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        """Closed windows whose account is to be read again, the most overdue first."""
        return self._list(
            _is_in({WindowState.CLOSED_VERIFIED}),
            _windows.next_reread_at <= now,
            order=(_windows.next_reread_at,),
        )

    def list_overdue(self, now: datetime) -> tuple[RecoveryWindow, ...]:
        """Windows that owe their closing and are past their end, the most overdue first."""
        return self._list(
            _IS_UNFINISHED, _is_in(OWING_STATES), _windows.expires_at <= now, order=(_windows.expires_at,)
        )

    def _list(
        self, *conditions: ColumnElement[bool], order: Sequence[ColumnElement[Any]]
    ) -> tuple[RecoveryWindow, ...]:
        statement = (
            select(schema.recovery_windows)
            .where(_windows.organization_id == self._organization_id, *conditions)
            .order_by(*order, _windows.window_id)
        )
        with glancing(self._store) as connection:
            return tuple(_parse_row(row) for row in connection.execute(statement))

    def _note_change(self, transaction: WriteTransaction) -> None:
        transaction.note_change(self._organization_id, ChangedPart.WINDOWS)

    def _row_of(self, window: RecoveryWindow) -> dict[str, Any]:
        if window.organization_id != self._organization_id:
            raise ValueError(f"Window {window.window_id} belongs to {window.organization_id}.")
        return _row_of(window)

    def _replace(self, connection: Connection, window: RecoveryWindow) -> None:
        row = self._row_of(window)
        connection.execute(_REPLACE, {**row, "of_organization": row["organization_id"], "of_window": row["window_id"]})

    def _require_alone(self, connection: Connection, window: RecoveryWindow) -> None:
        """A closed window that is to be closed again gives way to a newer one, which owes the closing anyhow."""
        other = None if window.state in FINAL_STATES else self._find_unfinished(connection, window.account_id)
        if other is not None and other.window_id != window.window_id:
            raise _not_alone(other)

    def _find(self, connection: Connection, window_id: str) -> RecoveryWindow | None:
        values = {"of_organization": self._organization_id, "of_window": window_id}
        row = connection.execute(_SELECT_WINDOW, values).one_or_none()
        return None if row is None else _parse_row(row)

    def _find_latest(self, connection: Connection, account_id: str) -> RecoveryWindow | None:
        statement = (
            select(schema.recovery_windows)
            .where(_windows.organization_id == self._organization_id, _windows.account_id == account_id)
            .order_by(_windows.requested_at.desc(), _windows.window_id)
            .limit(1)
        )
        row = connection.execute(statement).one_or_none()
        return None if row is None else _parse_row(row)

    def _find_unfinished(self, connection: Connection, account_id: AccountId) -> RecoveryWindow | None:
        statement = select(schema.recovery_windows).where(
            _windows.organization_id == self._organization_id, _windows.unfinished_account_id == account_id
        )
        row = connection.execute(statement).one_or_none()
        return None if row is None else _parse_row(row)


def _is_in(states: Collection[WindowState]) -> ColumnElement[bool]:
    return _windows.state.in_(sorted(state.value for state in states))


def _no_window(name: str) -> NotFoundError:
    return NotFoundError(
        f"There is no recovery window {name!r}, nor one of such an account.", hint="List them: rootkeeper windows list"
    )


def _not_alone(other: RecoveryWindow) -> WindowConflictError:
    return WindowConflictError(
        f"Account {other.account_id} has a recovery window that isn't over: {other.window_id}, {other.state}.",
        hint=describe_blocking_window(other.window_id, other.state),
    )


def _row_of(window: RecoveryWindow) -> dict[str, Any]:
    unfinished_account_id = None if window.state in FINAL_STATES else window.account_id
    return {**to_row(window), "unfinished_account_id": unfinished_account_id}


def _parse_row(row: Row[Any]) -> RecoveryWindow:
    return parse_row(RecoveryWindow, row)


@dataclass(frozen=True, slots=True)
class _Spill:
    """What a spill file holds."""

    spill_id: str
    owner_id: str
    process: ProcessIdentity
    entries: tuple[LedgerEntry, ...]
    problem: str | None
    """What doesn't fit in its chain, or can't be read; the file may have been edited."""


def merge_spill(path: Path, commits: GroupCommit, ledger: SqlLedger) -> int:
    """See Database.merge_spill."""
    if not path.exists():
        return 0
    try:
        with open_locked(path, 0):
            spill = _read_spill(path)
            appended = 0
            if spill is not None:
                appended = commits.run_ledger_work(lambda transaction: _merge(transaction, spill, ledger))
            path.unlink()
            sync_folder(path.parent)
    except LineFileBusyError:
        return 0
    except OSError as error:
        raise DatabaseError(f"The spill file {path} can't be read or removed: {error.strerror}.") from error
    return appended


def _read_spill(path: Path) -> _Spill | None:
    """``None`` if its header isn't whole: its writer died while making it, and nothing was acknowledged."""
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
        return _Spill(str(fields["spill_id"]), owner_id, process, entries, problem)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatabaseError(
            f"{path} isn't a spill of the ledger.", hint="Move it away if it was put there by somebody else."
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


def _merge(transaction: WriteTransaction, spill: _Spill, ledger: SqlLedger) -> int:
    spills = schema.merged_spills
    connection = transaction.connection
    if connection.execute(select(spills.c.entries).where(spills.c.spill_id == spill.spill_id)).first() is not None:
        return 0
    fact = ledger.draft_fact(Action.SPILL_MERGE, None, _describe_spilled(spill))
    add_owner(connection, OwnerRecord(spill.owner_id, spill.process, fact.at), fact.at)
    merged: dict[int, int] = {}
    for entry in spill.entries:
        merged[-entry.sequence] = transaction.append(
            _draft_spilled(transaction, entry, spill, merged, fact.at)
        ).sequence
    transaction.append(fact)
    _begin_closing(connection, spill)
    transaction.note_change(fact.organization_id, ChangedPart.WINDOWS)
    connection.execute(
        insert(spills).values(
            spill_id=spill.spill_id,
            organization_id=fact.organization_id,
            merged_at=fact.at,
            entries=len(spill.entries),
        )
    )
    return len(spill.entries)


def _begin_closing(connection: Connection, spill: _Spill) -> None:
    """Windows whose closing stands in the spill owe it still: only a re-read that is recorded ends them."""
    windows = schema.recovery_windows.c
    closings = [entry.parameters.get("window_id") for entry in spill.entries if entry.action is Action.WINDOW_CLOSE]
    connection.execute(
        update(schema.recovery_windows)
        .where(windows.window_id.in_([str(window_id) for window_id in closings if window_id is not None]))
        .where(windows.state == WindowState.OPEN.value)
        .values(state=WindowState.CLOSING.value)
    )


def _draft_spilled(
    transaction: WriteTransaction, entry: LedgerEntry, spill: _Spill, merged: dict[int, int], at: datetime
) -> Draft:
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
            # Somebody has settled it meanwhile: an intent has one outcome, so this one is kept as a fact.
            parameters["late_outcome_of"] = intent_sequence
            intent_sequence = None
    return draft_again(entry, at, parameters, intent_sequence)


def _describe_spilled(spill: _Spill) -> dict[str, JsonValue]:
    described: dict[str, JsonValue] = {"spill_id": spill.spill_id, "entries": len(spill.entries)}
    if spill.entries:
        described["first_at"] = render_time(spill.entries[0].at)
        described["last_at"] = render_time(spill.entries[-1].at)
    if spill.problem is not None:
        described["problem"] = spill.problem
    return described


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
    windows = RecoveryWindowStore(store, GroupCommit(store, lambda: None), entries[0].organization_id)
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
