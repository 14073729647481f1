"""Account locks in the database: one row per account, whose fencing token grows with every owner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Insert, Row, Update, insert, select, update

from rootkeeper.domain.organizations import AccountId
from rootkeeper.errors import AccountBusyError, DatabaseError, LockLostError
from rootkeeper.ports.locks import AccountLock
from rootkeeper.storage import schema
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.owners import Owner, find_owner, release_lock
from rootkeeper.storage.transactions import WriteTransaction

_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Busy:
    """Who keeps the lock, as a sentence."""

    description: str


class SqlAccountLocks:
    """The locks of one organization; implements the port AccountLocks."""

    def __init__(self, commits: GroupCommit, organization_id: str, owner: Owner) -> None:
        self._commits = commits
        self._organization_id = organization_id
        self._owner = owner

    @contextmanager
    def hold(self, account_id: AccountId, purpose: str, wait_seconds: float = 0) -> Iterator[AccountLock]:
        """See the port. A lock that can't be freed at the end is freed with one of the next renewals of the lease.

        :raises DatabaseError: if the database can't be written.
        """
        lock = self._take_within(account_id, purpose, wait_seconds)
        try:
            yield lock
        finally:
            self._release(lock)

    def _take_within(self, account_id: AccountId, purpose: str, wait_seconds: float) -> AccountLock:
        clock = self._owner.clock
        deadline = clock.monotonic() + wait_seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                taken = self._commits.run(lambda transaction: self._try_to_take(transaction, account_id, purpose))
            except DatabaseError:
                self._owner.doubt()  # it may be taken, without anybody to free it
                raise
            if isinstance(taken, AccountLock):
                return taken
            remaining = deadline - clock.monotonic()
            if remaining <= 0:
                raise AccountBusyError(
                    taken.description,
                    hint="Wait until that is done and try again. A lock whose process has died is taken over.",
                )
            clock.sleep(min(pause, remaining))
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _try_to_take(self, transaction: WriteTransaction, account_id: AccountId, purpose: str) -> AccountLock | _Busy:
        self._owner.confirm_lease(transaction, must_have_lasted=False)
        row = _find_row(transaction, self._organization_id, account_id)
        if row is not None:
            busy = self._find_live_holder(transaction, row)
            if busy is not None:
                return busy
        token = 1 if row is None else row.fencing_token + 1
        values = {
            "owner_id": self._owner.owner_id,
            "fencing_token": token,
            "purpose": purpose,
            "taken_at": self._owner.clock.now(),
        }
        statement: Insert | Update
        if row is None:
            statement = insert(schema.account_locks).values(
                organization_id=self._organization_id, account_id=account_id, **values
            )
        else:
            statement = update(schema.account_locks).where(_is_row(self._organization_id, account_id)).values(**values)
        transaction.connection.execute(statement)
        transaction.note_lock_change(self._organization_id, account_id)
        return AccountLock(account_id=account_id, owner_id=self._owner.owner_id, fencing_token=token)

    def _find_live_holder(self, transaction: WriteTransaction, row: Row[Any]) -> _Busy | None:
        if row.owner_id is None:
            return None
        holder = find_owner(transaction.connection, row.owner_id)
        if holder is None or holder.is_dead(self._owner.clock.now()):
            return None
        since = row.taken_at.strftime("%Y-%m-%d %H:%M:%S UTC")
        who = "this process" if row.owner_id == self._owner.owner_id else holder.process.describe()
        return _Busy(f"Account {row.account_id} is held by {who} for {row.purpose!r} since {since}.")

    def _release(self, lock: AccountLock) -> None:
        try:
            self._commits.run(lambda transaction: release_lock(transaction, self._organization_id, lock))
        except DatabaseError:
            self._owner.release_later(self._organization_id, lock)


def ensure_lock_held(transaction: WriteTransaction, organization_id: str, lock: AccountLock) -> None:
    """The fencing check, in the transaction of the entry that it guards.

    :raises LockLostError: if another owner has taken the lock since.
    """
    if transaction.get_lock_holder(organization_id, lock.account_id) != (lock.owner_id, lock.fencing_token):
        raise LockLostError(
            f"Account {lock.account_id} was taken over by another process; this one must not act on it any more.",
            hint="Start the command again; it goes on with what is left to do.",
        )


def _find_row(transaction: WriteTransaction, organization_id: str, account_id: AccountId) -> Row[Any] | None:
    statement = select(schema.account_locks).where(_is_row(organization_id, account_id))
    return transaction.connection.execute(statement).one_or_none()


def _is_row(organization_id: str, account_id: AccountId) -> ColumnElement[bool]:
    locks = schema.account_locks.c
    return (locks.organization_id == organization_id) & (locks.account_id == account_id)
