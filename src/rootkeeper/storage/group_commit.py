"""One writer thread per process: it takes all waiting units of work into one transaction and one commit.

A serial commit waits for the disk each time; grouped, many callers share that wait. A caller who is alone doesn't wait
for others; among many the next group waits a moment, so that it is a larger one. While a group waits for another
process that writes, everybody who comes joins it. Callers go on only once their work is durable. What can't be
committed fails for everybody in the group, and the next group is tried afresh: no caller is ever told of a success that
wasn't.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from rootkeeper.errors import DatabaseError, InputError, LedgerUnavailableError, RootkeeperError
from rootkeeper.storage.dialects import (
    CommitOutcome,
    DatabaseReplacedError,
    Store,
    begin_writing,
    explain,
    was_suspended,
)
from rootkeeper.storage.ledger_reading import find_entry_hash
from rootkeeper.storage.reading import reading
from rootkeeper.storage.transactions import Head, WriteTransaction

T = TypeVar("T")
_LARGEST_GROUP = 512
_LONGEST_GATHERING_SECONDS = 0.02
"""Where several callers are at it, a group waits for more as long as the last commit took, and so long at most: a
commit costs almost as much for one as for many. Less what that one waited for other processes: it will wait so again.
"""


@dataclass(frozen=True, slots=True)
class PrefetchRequest:
    """What a unit of work looks at, so that a group reads it at once for all its units."""

    ends_intent: int | None = None
    lock: tuple[str, str] | None = None
    """The organization and the account whose lock it checks."""


class _WorkUnit:
    """One caller's work, and the place where it waits."""

    def __init__(
        self, work: Callable[[WriteTransaction], Any], of_ledger: bool, needs: PrefetchRequest | None = None
    ) -> None:
        self.work = work
        self.needs = needs or PrefetchRequest()
        self.of_ledger = of_ledger
        self.future: Future[Any] = Future()
        self.outcome: Any = None
        self.refusal: RootkeeperError | None = None

    def settle(self) -> None:
        if self.refusal is None:
            self.future.set_result(self.outcome)
        else:
            self.future.set_exception(self.refusal)

    def fail(self, place: str, error: BaseException | None) -> None:
        if self.future.done():
            return
        reason, hint = ("its writer has ended", None) if error is None else explain(error)
        failure: RootkeeperError
        if self.of_ledger:
            failure = LedgerUnavailableError(f"The ledger in {place} can't be written: {reason}.", hint=hint)
        else:
            failure = DatabaseError(f"The database {place} can't be written: {reason}.", hint=hint)
        failure.__cause__ = error
        self.future.set_exception(failure)


class _RefusedError(Exception):
    """A unit that isn't the ledger's was refused; what it wrote before must not be committed with the others'."""


@dataclass(slots=True)
class _CommitAttempt:
    """A transaction on its way."""

    name: str | None = None
    """By which its fate is found once its commit was sent; ``None`` before, and where a commit is never unclear."""
    head: Head | None = None
    """Of the ledger once it is committed; ``None`` if it adds no entries."""


class GroupCommit:
    """Runs units of work, each in the order in which it was handed in.

    A unit checks first and writes afterwards: one that raises a RootkeeperError must not have written anything. It may
    be run again, in another transaction, if another one of its group was refused or the process stood still.
    """

    def __init__(
        self,
        store: Store,
        after_commit: Callable[[], None],
        sleep: Callable[[float], None] = time.sleep,
        read_seconds: Callable[[], float] = time.perf_counter,
    ) -> None:
        """``after_commit`` is told of every commit that added entries; it must neither block nor raise."""
        self._store = store
        self._after_commit = after_commit
        self._sleep = sleep
        self._read_seconds = read_seconds
        self._condition = threading.Condition()
        self._waiting: list[_WorkUnit] = []
        self._thread: threading.Thread | None = None
        self._closing = False
        self._is_crowded = False
        """Whether the last group was of several."""
        self._last_seconds = 0.0
        """How long it took."""
        self._queued_seconds = 0.0
        """How much of that it waited for other processes."""
        self._connection: Connection | None = None
        self._known_head: Head | None = None

    def run_ledger_work(self, work: Callable[[WriteTransaction], T], needs: PrefetchRequest | None = None) -> T:
        """Do ledger work.

        :raises LedgerUnavailableError: if it can't be made durable.
        """
        return self._run(_WorkUnit(work, True, needs))  # type: ignore[no-any-return]  # the future's type is the work's

    def run(self, work: Callable[[WriteTransaction], T], needs: PrefetchRequest | None = None) -> T:
        """:raises DatabaseError: if it can't be made durable."""
        return self._run(_WorkUnit(work, False, needs))  # type: ignore[no-any-return]  # the future's type is the work's

    def close(self) -> None:
        """Commit what is waiting and end the thread."""
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
        return unit.future.result()

    def _start_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="rootkeeper-ledger-writer", daemon=True)
            self._thread.start()

    def _serve(self) -> None:
        try:
            while group := self._take_group():
                began = self._read_seconds()
                self._commit(group)
                self._last_seconds = self._read_seconds() - began
                self._is_crowded = len(group) > 1
        finally:
            self._drop_connection()
            self._hand_over()

    def _hand_over(self) -> None:
        """A thread that ends by a mistake leaves what came meanwhile to the next one."""
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
        """Everybody who waits, as far as there is room."""
        with self._condition:
            room = _LARGEST_GROUP - len(group)
            group += self._waiting[:room]
            del self._waiting[:room]

    def _commit(self, group: list[_WorkUnit]) -> None:
        failure: BaseException | None = None
        try:
            failure = self._try(group)
            if failure is not None and was_suspended(failure):
                failure = self._try(group)
        finally:
            # Also after a mistake in a unit of work, which ends this thread: nobody may wait for ever.
            for unit in group:
                unit.fail(self._store.place, failure)

    def _try(self, group: list[_WorkUnit]) -> BaseException | None:
        """Why the group isn't in the database; ``None`` if it is."""
        attempt = _CommitAttempt()
        try:
            self._transact(group, attempt)
        except (SQLAlchemyError, OSError) as error:
            self._drop_connection()
            if not self._was_committed(attempt):
                return error
        self._settle(group, attempt)
        return None

    def _settle(self, group: list[_WorkUnit], attempt: _CommitAttempt) -> None:
        for unit in group:
            unit.settle()
        self._note_head(attempt.head)

    def _was_committed(self, attempt: _CommitAttempt) -> bool:
        """Whether a transaction whose commit got no answer is in the database all the same, entries included."""
        fate = CommitOutcome.NOT_COMMITTED if attempt.name is None else self._store.find_commit_outcome(attempt.name)
        if fate is CommitOutcome.NOT_COMMITTED or attempt.head is None:
            return fate is CommitOutcome.COMMITTED
        try:
            with reading(self._store) as connection:
                return find_entry_hash(connection, attempt.head.sequence) == attempt.head.entry_hash
        except DatabaseError:
            return False

    def _transact(self, group: list[_WorkUnit], attempt: _CommitAttempt) -> None:
        """Savepoints cost each unit two more answers of the database, for which all other writers wait; so they are
        set only once one of the group was refused.
        """
        try:
            self._transact_once(group, attempt, has_savepoints=False)
        except _RefusedError:
            self._transact_once(group, attempt, has_savepoints=True)

    def _transact_once(self, group: list[_WorkUnit], attempt: _CommitAttempt, *, has_savepoints: bool) -> None:
        connection = self._connect()
        asked = self._read_seconds()
        with connection.begin():
            self._queued_seconds = self._read_seconds() - asked
            self._let_join(group)
            transaction = WriteTransaction(connection)
            _look_up(transaction, [unit.needs for unit in group])
            for unit in group:
                self._perform(unit, transaction, has_savepoint=has_savepoints)
            if transaction.has_entries:
                self._require_head_continues(transaction)
                transaction.flush()
                attempt.head = transaction.head
            transaction.raise_revisions()
            self._store.require_in_transaction(connection)
            self._store.require_in_place(connection)
            attempt.name = self._store.find_transaction_id(connection)
        self._store.require_in_place(connection)

    def _perform(self, unit: _WorkUnit, transaction: WriteTransaction, *, has_savepoint: bool = True) -> None:
        unit.refusal = None
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
            unit.refusal = self._explain_refusal(error)
            unit.refusal.__cause__ = error

    def _explain_refusal(self, error: DataError | IntegrityError | UnicodeEncodeError) -> RootkeeperError:
        if isinstance(error, DataError | UnicodeEncodeError):
            return InputError(
                "A text holds characters that can't be recorded.", hint="Use valid UTF-8, and shorter texts."
            )
        return DatabaseError(f"The database {self._store.place} refused a row.")

    def _require_head_continues(self, transaction: WriteTransaction) -> None:
        """A head before the one this process wrote last is an older file put in place of the database."""
        first = transaction.first_sequence
        if self._known_head is not None and first <= self._known_head.sequence:
            raise DatabaseReplacedError("an older copy was put in its place")

    def _note_head(self, head: Head | None) -> None:
        if head is not None:
            self._known_head = head
            self._after_commit()

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = begin_writing(self._store.engine.connect())
        return self._connection

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None


def _look_up(transaction: WriteTransaction, needs: list[PrefetchRequest]) -> None:
    if ending := [need.ends_intent for need in needs if need.ends_intent is not None]:
        transaction.look_up_intents(ending)
    locks = {need.lock for need in needs if need.lock is not None}
    for organization_id in {organization_id for organization_id, _ in locks}:
        transaction.look_up_locks(organization_id, [account for owner, account in locks if owner == organization_id])
