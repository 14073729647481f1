"""Writing transactions, and each process's only writer thread, which chains entries and commits in groups.

Many callers share a commit and its wait for the disk. A single caller doesn't wait for others; with several, the next
group waits a moment to become larger, and callers join while a group waits for another process. A caller returns only
after its work is durable. A failed commit fails for every caller of the group.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, Row, RowMapping, Select, bindparam, delete, insert, select, text, update
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from rootkeeper.database import schema
from rootkeeper.database.engines import (
    CLOSING_SECONDS,
    CommitOutcome,
    Store,
    begin_writing,
    has_reserve,
    reading,
    using_reserve,
)
from rootkeeper.database.problems import DatabaseReplacedError, explain, was_cut_off
from rootkeeper.errors import DatabaseError, InputError, LedgerUnavailableError, RootkeeperError
from rootkeeper.ledger.rules import Draft, LedgerEntry, Phase, chain_entry, describe_entry, make_entry
from rootkeeper.values import dump_json


@dataclass(frozen=True, slots=True)
class Revisions:
    """Counters of changes, raised in the transaction of the change; equal numbers mean unchanged data."""

    inventory: int = 0
    statuses: int = 0
    windows: int = 0
    """Recovery windows also change the facts known about an account."""


class ChangedPart(StrEnum):
    """The counted parts; each part is a column."""

    INVENTORY = "inventory"
    STATUSES = "statuses"
    WINDOWS = "windows"


_FIRST = (
    "INSERT INTO account_revisions (organization_id, inventory, statuses, windows) VALUES (:organization_id, 1, 1, 1) "
    "ON CONFLICT (organization_id) DO UPDATE SET "
)

_RAISE = {part: text(f"{_FIRST}{part} = account_revisions.{part} + 1") for part in ChangedPart}
"""Valid for both databases."""


def find_revisions(connection: Connection, organization_id: str) -> Revisions:
    """Read the current counters."""
    columns = schema.account_revisions.c
    row = connection.execute(
        select(columns.inventory, columns.statuses, columns.windows).where(columns.organization_id == organization_id)
    ).one_or_none()
    return Revisions() if row is None else Revisions(row.inventory, row.statuses, row.windows)


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of the ledger; sequence 0 if it is empty."""

    sequence: int
    entry_hash: str
    organization_id: str = ""


Holder = tuple[str | None, int]
"""A lock's owner and its fencing token."""


class WriteTransaction:
    """A transaction that several units of work share. :meth:`flush` writes all entries together."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._head: Head | None = None
        self.entries: list[LedgerEntry] = []
        """The appended entries."""
        self._opened: dict[int, LedgerEntry] = {}
        self._looked_up: set[int] = set()
        self._open: set[int] = set()
        self._ended: list[int] = []
        self.lease_ends: dict[str, datetime] = {}
        """Leases by owner that were read or renewed in this transaction."""
        self._holders: dict[tuple[str, str], Holder | None] = {}
        self._changed: set[tuple[str, ChangedPart]] = set()

    @property
    def head(self) -> Head:
        if self._head is None:
            self._head = read_head(self.connection, locks=True)
        return self._head

    def append(self, draft: Draft) -> LedgerEntry:
        """Chain an entry to the head."""
        head = self.head
        entry = chain_entry(draft, head.sequence + 1, head.entry_hash)
        self._head = Head(entry.sequence, entry.entry_hash, entry.organization_id)
        self.entries.append(entry)
        if entry.phase is Phase.INTENT:
            self._opened[entry.sequence] = entry
        return entry

    def look_up_intents(self, sequences: Sequence[int]) -> None:
        """Read in one query which of these intents are open, for the outcomes that follow."""
        found = self.connection.execute(_SELECT_OPEN, {"of_sequences": list(sequences)})
        self._looked_up.update(sequences)
        self._open.update(found.scalars())

    def look_up_locks(self, organization_id: str, account_ids: Iterable[str]) -> None:
        """Read in one query the holders of these accounts' locks, for the fencing checks that follow."""
        wanted = set(account_ids)
        values = {"of_organization": organization_id, "of_accounts": list(wanted)}
        found = self.connection.execute(_SELECT_HOLDERS, values)
        self._holders.update(dict.fromkeys(((organization_id, account_id) for account_id in wanted), None))
        for row in found:
            self._holders[organization_id, row.account_id] = (row.owner_id, row.fencing_token)
            if row.lease_until is not None:
                self.lease_ends.setdefault(row.owner_id, row.lease_until)

    def get_lock_holder(self, organization_id: str, account_id: str) -> Holder | None:
        """Return the current holder of the account's lock; ``None`` if it was never held."""
        if (organization_id, account_id) not in self._holders:
            self.look_up_locks(organization_id, [account_id])
        return self._holders[organization_id, account_id]

    def note_lock_change(self, organization_id: str, account_id: str) -> None:
        """Forget the holder of a lock after its row was written."""
        self._holders.pop((organization_id, account_id), None)

    def forget_reads(self) -> None:
        """Forget the rows that were read, after a rollback or a large change."""
        self.lease_ends.clear()
        self._holders.clear()

    def note_change(self, organization_id: str, part: ChangedPart) -> None:
        """Note a change of an organization's data for :meth:`raise_revisions`."""
        self._changed.add((organization_id, part))

    def raise_revisions(self) -> None:
        """Count the changes. Called last, so that every transaction locks these rows after all others."""
        for organization_id, part in sorted(self._changed):
            self.connection.execute(_RAISE[part], {"organization_id": organization_id})

    def end_intent(self, intent_sequence: int) -> bool:
        """Remove an intent from the open intents before its outcome is appended; ``False`` if it isn't open."""
        if intent_sequence in self._opened:
            del self._opened[intent_sequence]
            return True
        if intent_sequence not in self._looked_up:
            self.look_up_intents([intent_sequence])
        if intent_sequence not in self._open:
            return False
        self._open.remove(intent_sequence)
        self._ended.append(intent_sequence)
        return True

    def flush(self) -> None:
        """Write the appended entries and the head."""
        self.connection.execute(insert(schema.ledger_entries), [_entry_row(entry) for entry in self.entries])
        if self._ended:
            self.connection.execute(_DELETE_OPEN, {"ended": self._ended})
        if self._opened:
            opened = [
                {"sequence": entry.sequence, "organization_id": entry.organization_id, "owner_id": entry.owner_id}
                for entry in self._opened.values()
            ]
            self.connection.execute(insert(schema.open_intents), opened)
        head = {
            "last": self.head.sequence,
            "last_hash": self.head.entry_hash,
            "of_organization": self.head.organization_id,
        }
        self.connection.execute(_UPDATE_HEAD, head)


_locks = schema.account_locks.c

_SELECT_HOLDERS = (
    select(_locks.account_id, _locks.owner_id, _locks.fencing_token, schema.owners.c.lease_until)
    .outerjoin(schema.owners, schema.owners.c.owner_id == _locks.owner_id)
    .where(_locks.organization_id == bindparam("of_organization"))
    .where(_locks.account_id.in_(bindparam("of_accounts", expanding=True)))
)

_SELECT_OPEN = select(schema.open_intents.c.sequence).where(
    schema.open_intents.c.sequence.in_(bindparam("of_sequences", expanding=True))
)

_UPDATE_HEAD = update(schema.ledger_head).values(
    sequence=bindparam("last"), entry_hash=bindparam("last_hash"), organization_id=bindparam("of_organization")
)

_DELETE_OPEN = delete(schema.open_intents).where(schema.open_intents.c.sequence.in_(bindparam("ended", expanding=True)))


def read_head(connection: Connection, *, locks: bool = False) -> Head:
    """Read the head row.

    :param locks: lock it for this transaction on PostgreSQL, so that no other process appends; SQLite has one writer.
    """
    row = connection.execute(_SELECT_HEAD.with_for_update() if locks else _SELECT_HEAD).one()
    return Head(sequence=row.sequence, entry_hash=row.entry_hash, organization_id=row.organization_id)


_SELECT_HEAD = select(
    schema.ledger_head.c.sequence, schema.ledger_head.c.entry_hash, schema.ledger_head.c.organization_id
)


def parse_entry_row(row: RowMapping) -> LedgerEntry:
    """:raises ValueError: if the edited row isn't an entry."""
    actor = {"name": row["actor"], "kind": row["actor_kind"], "caller_arn": row["caller_arn"]}
    try:
        return make_entry({**row, "actor": actor, "parameters": json.loads(row["parameters"])})
    except TypeError as error:
        raise ValueError(f"Row {row['sequence']} is no ledger entry.") from error


def _entry_row(entry: LedgerEntry) -> dict[str, Any]:
    row = describe_entry(entry)
    actor, parameters = row["actor"], dump_json(row["parameters"]).decode()
    return {
        **row,
        "actor": actor["name"],
        "actor_kind": actor["kind"],
        "caller_arn": actor["caller_arn"],
        "parameters": parameters,
    }


def find_entry_hash(connection: Connection, sequence: int) -> str | None:
    entries = schema.ledger_entries.c
    return connection.execute(select(entries.entry_hash).where(entries.sequence == sequence)).scalar_one_or_none()


T = TypeVar("T")
_LARGEST_GROUP = 512

_LONGEST_GATHERING_SECONDS = 0.02
"""With several callers, a group waits for more as long as the last commit took, but at most this long: a commit costs
almost as much for a single unit as for many. The time that the last group waited for other processes is subtracted.
"""


_OLDER = "an older copy, or another database, was put in its place"

_COMPARED_SECONDS = 1.0
"""How long a comparison of the database with the known head holds, for work without ledger entries."""

_RESTART_SECONDS = 0.5
"""Before the thread starts again that a bug has ended, so that callers who try again don't keep it busy."""


@dataclass(frozen=True, slots=True)
class PrefetchRequest:
    """The rows that a unit of work reads, so that a group reads them in one query for all its units."""

    ends_intent: int | None = None
    lock: tuple[str, str] | None = None
    """The organization and the account of the lock that it checks."""


class _WorkUnit:
    """A caller's work, and the future on which the caller waits."""

    def __init__(
        self, work: Callable[[WriteTransaction], Any], of_ledger: bool, needs: PrefetchRequest | None = None
    ) -> None:
        self.work = work
        self.needs = needs or PrefetchRequest()
        self.of_ledger = of_ledger
        self.future: Future[Any] = Future()
        self.is_abandoned = False  # by a caller who has stopped waiting; then it isn't done any more
        self.outcome: Any = None
        self.refusal: RootkeeperError | None = None

    def fail(self, place: str, error: BaseException | None) -> None:
        if self.future.done():
            return
        failure = self.describe_failure(place, *(("its writer has ended", None) if error is None else explain(error)))
        failure.__cause__ = error
        self.future.set_exception(failure)

    def describe_failure(self, place: str, reason: str, hint: str | None = None) -> RootkeeperError:
        kind, what = (LedgerUnavailableError, "ledger in") if self.of_ledger else (DatabaseError, "database")
        return kind(f"The {what} {place} can't be written: {reason}.", hint=hint)


class _RefusedError(Exception):
    """A unit without ledger entries was refused; its writes must not be committed with the others."""


@dataclass(slots=True)
class _CommitAttempt:
    name: str | None = None
    """The transaction's id, which shows whether it was committed; ``None`` before the commit."""
    head: Head | None = None
    """The ledger's head after the commit; ``None`` if it adds no entries."""
    ledger_id: str | None = None
    """If the commit adds the ledger's first entry."""


class GroupCommit:
    """Runs units of work in their order.

    A unit checks before it writes: a unit that raises a RootkeeperError must not have written anything. It may run
    again in another transaction if another unit of its group was refused, or the server ended the connection before the
    commit.
    """

    def __init__(
        self,
        store: Store,
        after_commit: Callable[[], None],
        sleep: Callable[[float], None] = time.sleep,
        read_seconds: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Call ``after_commit`` after every commit that added entries; it must neither block nor raise."""
        self._store = store
        self._after_commit = after_commit
        self._sleep = sleep
        self._read_seconds = read_seconds
        self._condition = threading.Condition()
        self._waiting: list[_WorkUnit] = []
        self._thread: threading.Thread | None = None
        self._closing = False
        self._is_crowded = False
        """Whether the last group had several units."""
        self._last_seconds = 0.0
        """Duration of the last commit."""
        self._queued_seconds = 0.0
        """How long it waited for other processes."""
        self._connection: Connection | None = None
        self._known_head: Head | None = None
        """The last head that was seen; a database without its entry isn't the database that was opened."""
        self._ledger_id: str | None = None
        self._compared_until = 0.0
        """Until when the database counts as not replaced, in monotonic seconds."""

    def run_ledger_work(self, work: Callable[[WriteTransaction], T], needs: PrefetchRequest | None = None) -> T:
        """Do ledger work.

        :raises LedgerUnavailableError: if it can't be made durable.
        """
        return self._run(_WorkUnit(work, True, needs))  # type: ignore[no-any-return]  # the future's type is the work's

    def run(self, work: Callable[[WriteTransaction], T], needs: PrefetchRequest | None = None) -> T:
        """:raises DatabaseError: if it can't be made durable."""
        return self._run(_WorkUnit(work, False, needs))  # type: ignore[no-any-return]  # the future's type is the work's

    def find_ledger_id(self) -> str | None:
        """Find the hash of the ledger's first entry, which no other ledger has; reads it if it wasn't seen yet.

        :returns: ``None`` for an empty ledger, or a ledger that was never seen and can't be read.
        """
        if self._ledger_id is None:
            with suppress(DatabaseError), reading(self._store) as connection:
                self._ledger_id = find_entry_hash(connection, 1)
        return self._ledger_id

    def require_known_ledger(self) -> None:
        """Check that the database is readable, and has the last entry that this process knows.

        :raises DatabaseError: if it can't be read, or an older copy or another database is in its place.
        """
        known = self._known_head  # before the snapshot, which may be older than a commit of another thread meanwhile
        with reading(self._store) as connection:
            self._store.require_in_place()
            self._store.forget_pages(connection)
            self._require_known_head(connection, read_head(connection), known)

    def _require_known_head(self, connection: Connection, found: Head, known: Head | None) -> None:
        """:raises DatabaseReplacedError: if the database with head ``found`` doesn't have the entry ``known``."""
        if known is not None and known.sequence and found != known:
            is_later = found.sequence > known.sequence
            if not is_later or find_entry_hash(connection, known.sequence) != known.entry_hash:
                raise self._note_older_copy()
        self._compared_until = time.monotonic() + _COMPARED_SECONDS
        if self._ledger_id is None and found.sequence:
            self._ledger_id = find_entry_hash(connection, 1)
        with self._condition:
            if self._known_head is None or self._known_head.sequence < found.sequence:
                self._known_head = found

    def _note_older_copy(self) -> DatabaseReplacedError:
        """Note that also work without entries has to compare the database."""
        self._compared_until = 0.0
        return DatabaseReplacedError(_OLDER)

    def close(self) -> None:
        """Commit the waiting units and end the thread."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self, unit: _WorkUnit) -> Any:
        with self._condition:
            if self._closing:
                unit.fail(self._store.place, None)
            else:
                self._waiting.append(unit)
                self._start_thread()
                self._condition.notify()
        if not has_reserve():
            return unit.future.result()
        began = time.monotonic()
        try:
            with suppress(TimeoutError):
                return unit.future.result(CLOSING_SECONDS)
            # After more than twice that, this process was stopped, and the database may be well.
            return unit.future.result(CLOSING_SECONDS if time.monotonic() - began > 2 * CLOSING_SECONDS else 0)
        except TimeoutError:
            unit.is_abandoned = True
            raise unit.describe_failure(self._store.place, "it took too long for a closing") from None

    def _start_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="rootkeeper-ledger-writer", daemon=True)
            self._thread.start()

    @using_reserve()
    def _serve(self) -> None:
        try:
            while group := self._take_group():
                began = self._read_seconds()
                self._commit(group)
                self._last_seconds = self._read_seconds() - began
                self._is_crowded = len(group) > 1
        finally:
            self._drop_connection()
            if not self._closing:  # a bug has ended this thread
                self._sleep(_RESTART_SECONDS)
            with self._condition:
                self._thread = None
                if self._waiting:
                    self._start_thread()

    def _take_group(self) -> list[_WorkUnit]:
        with self._condition:
            while not self._waiting and not self._closing:
                self._condition.wait()
        pause = min(self._last_seconds, _LONGEST_GATHERING_SECONDS) - self._queued_seconds
        if self._is_crowded and pause > 0:
            self._sleep(pause)
        group: list[_WorkUnit] = []
        self._let_join(group)
        return group

    def _let_join(self, group: list[_WorkUnit]) -> None:
        """Add waiting units up to the largest group."""
        with self._condition:
            room = _LARGEST_GROUP - len(group)
            group += self._waiting[:room]
            del self._waiting[:room]

    def _commit(self, group: list[_WorkUnit]) -> None:
        failure: BaseException | None = None
        try:
            attempt = _CommitAttempt()
            failure = self._try(group, attempt)
            if failure is not None and attempt.name is None and was_cut_off(failure):  # its commit wasn't begun
                failure = self._try(group, _CommitAttempt())
        finally:
            # Also after a bug in a unit, which ends this thread: no caller may wait forever.
            for unit in group:
                unit.fail(self._store.place, failure)

    def _try(self, group: list[_WorkUnit], attempt: _CommitAttempt) -> BaseException | None:
        """Commit the group; return the error if it isn't in the database."""
        try:
            # Use savepoints only after a unit was refused: each costs two round trips, for which all writers wait.
            try:
                self._transact_once(group, attempt, has_savepoints=False)
            except _RefusedError:
                self._transact_once(group, attempt, has_savepoints=True)
        except (SQLAlchemyError, OSError) as error:
            self._drop_connection()
            if not self._was_committed(attempt):
                return error
        for unit in group:
            if unit.refusal is None:
                unit.future.set_result(unit.outcome)
            else:
                unit.future.set_exception(unit.refusal)
        if attempt.head is not None:
            self._known_head = attempt.head
            # So that the first spill needs no database.
            self._ledger_id = attempt.ledger_id or self._ledger_id
            self._after_commit()
        return None

    def _was_committed(self, attempt: _CommitAttempt) -> bool:
        """Whether a transaction without an answer to its commit is in the database, with its entries."""
        fate = CommitOutcome.NOT_COMMITTED if attempt.name is None else self._store.find_commit_outcome(attempt.name)
        if fate is CommitOutcome.NOT_COMMITTED or attempt.head is None:
            return fate is CommitOutcome.COMMITTED
        try:
            with reading(self._store) as connection:
                return find_entry_hash(connection, attempt.head.sequence) == attempt.head.entry_hash
        except DatabaseError:
            return False

    def _transact_once(self, group: list[_WorkUnit], attempt: _CommitAttempt, *, has_savepoints: bool) -> None:
        if self._connection is None:
            self._connection = begin_writing(self._store.engine.connect())
        connection = self._connection
        asked = self._read_seconds()
        with connection.begin():
            self._queued_seconds = self._read_seconds() - asked
            self._let_join(group)
            self._store.forget_pages(connection)
            transaction = WriteTransaction(connection)
            if ending := [unit.needs.ends_intent for unit in group if unit.needs.ends_intent is not None]:
                transaction.look_up_intents(ending)
            locks = {unit.needs.lock for unit in group if unit.needs.lock is not None}
            for organization_id in {of_organization for of_organization, _ in locks}:
                accounts = [account_id for of_organization, account_id in locks if of_organization == organization_id]
                transaction.look_up_locks(organization_id, accounts)
            if time.monotonic() >= self._compared_until:
                self._require_known_head(connection, read_head(connection), self._known_head)
            for unit in group:
                self._perform(unit, transaction, has_savepoint=has_savepoints)
            if transaction.entries:
                if self._known_head is not None and transaction.entries[0].sequence <= self._known_head.sequence:
                    raise self._note_older_copy()
                transaction.flush()
                attempt.head = transaction.head
                if transaction.entries[0].sequence == 1:
                    attempt.ledger_id = transaction.entries[0].entry_hash
            transaction.raise_revisions()
            self._store.require_in_transaction(connection)
            self._store.require_in_place()
            attempt.name = self._store.find_transaction_id(connection)
        self._store.require_in_place()

    def _perform(self, unit: _WorkUnit, transaction: WriteTransaction, *, has_savepoint: bool) -> None:
        unit.refusal = None
        if unit.is_abandoned:
            return
        try:
            if unit.of_ledger or not has_savepoint:
                unit.outcome = unit.work(transaction)
            else:
                with transaction.connection.begin_nested():
                    unit.outcome = unit.work(transaction)
        except RootkeeperError as error:
            if not unit.of_ledger and not has_savepoint:
                raise _RefusedError from error
            transaction.forget_reads()
            unit.refusal = error
        except (DataError, IntegrityError, UnicodeEncodeError) as error:
            if unit.of_ledger:
                raise
            if not has_savepoint:
                raise _RefusedError from error
            transaction.forget_reads()
            if isinstance(error, IntegrityError):
                unit.refusal = DatabaseError(f"The database {self._store.place} refused a row.")
            else:
                unit.refusal = InputError(
                    "A text contains characters that can't be recorded.", hint="Use valid UTF-8, and shorter texts."
                )
            unit.refusal.__cause__ = error

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None


class OrganizationStore:
    """The common part of an organization's stores."""

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str) -> None:
        self._store = store
        self._commits = commits
        self._organization_id = organization_id

    def _read(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        """Run a query in a transaction of its own."""
        with reading(self._store) as connection:
            return connection.execute(statement).all()

    def _read_one(self, statement: Select[Any]) -> Row[Any] | None:
        """Run a query in a transaction of its own that finds at most one row."""
        with reading(self._store) as connection:
            return connection.execute(statement).one_or_none()

    def _execute(self, statement: Executable) -> int:
        """Run a statement in a transaction of its own; return how many rows it changed."""
        return self._commits.run(lambda transaction: transaction.connection.execute(statement).rowcount)
