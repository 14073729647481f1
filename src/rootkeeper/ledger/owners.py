"""Owners with a lease, and one lock per organization and account with a fencing token.

One lock per organization and account, with a fencing token that grows with every owner.

Processes that act, and the leases that tell whether they may still be acting.

An owner renews its lease from a thread of its own. Whoever takes something over (a lock, an intent without an
outcome) checks in the same transaction that the owner is dead; so a process that was stopped for longer than its
lease may go on with whatever nobody took meanwhile, and finds out about the rest at its next entry.

Account locks in the database: one row per account, whose fencing token grows with every owner.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from rootkeeper.clock import Clock
from rootkeeper.database import schema
from rootkeeper.database.engines import Store, glancing
from rootkeeper.database.processes import ProcessIdentity, identify_this_process, is_provably_gone
from rootkeeper.errors import AccountBusyError, DatabaseError, LockLostError
from rootkeeper.ledger.writer import GroupCommit, PrefetchRequest, WriteTransaction
from rootkeeper.organization.accounts import AccountId


@dataclass(frozen=True, slots=True)
class AccountLock:
    """The right to act on one account, as long as nobody took it over."""

    account_id: AccountId
    owner_id: str
    fencing_token: int


_BEATS_PER_LEASE = 4
_RETRY_SECONDS = 0.5
_KEPT_FOR = timedelta(days=30)

_SURELY_PAST = timedelta(days=1)
"""So that a former owner stays dead when the wall clock is set back."""

_locks = schema.account_locks.c
_SELECT_OWNER = select(schema.owners).where(schema.owners.c.owner_id == bindparam("which"))

_RELEASE_LOCK = (
    update(schema.account_locks)
    .where(_locks.organization_id == bindparam("of_organization"), _locks.account_id == bindparam("of_account"))
    .where(_locks.owner_id == bindparam("by_owner"), _locks.fencing_token == bindparam("by_token"))
    .values(owner_id=None)
)
"""Built once: many locks are taken in a short time, and building a statement takes longer than running it."""


@dataclass(frozen=True, slots=True)
class OwnerRecord:
    """An owner, as the database holds it."""

    owner_id: str
    process: ProcessIdentity
    lease_until: datetime

    def is_dead(self, now: datetime) -> bool:
        return self.lease_until <= now or is_provably_gone(self.process)


def find_owner(connection: Connection, owner_id: str) -> OwnerRecord | None:
    row = connection.execute(_SELECT_OWNER, {"which": owner_id}).one_or_none()
    return None if row is None else parse_owner(row)


def parse_owner(row: Row[Any]) -> OwnerRecord:
    """An owner from a row that has all of its columns."""
    process = ProcessIdentity(row.host, row.boot_id, row.process_id, row.process_started, row.user_name)
    return OwnerRecord(owner_id=row.owner_id, process=process, lease_until=row.lease_until)


def add_owner(connection: Connection, record: OwnerRecord, registered_at: datetime) -> None:
    """Keep an owner, unless it is kept already."""
    if find_owner(connection, record.owner_id) is not None:
        return
    connection.execute(
        insert(schema.owners).values(
            owner_id=record.owner_id,
            organization_id="",
            host=record.process.host,
            boot_id=record.process.boot_id,
            process_id=record.process.process_id,
            process_started=record.process.process_started,
            user_name=record.process.user_name,
            registered_at=registered_at,
            lease_until=record.lease_until,
        )
    )


def release_lock(transaction: WriteTransaction, organization_id: str, lock: AccountLock) -> None:
    """Free the lock, unless somebody else has it by now."""
    transaction.note_lock_change(organization_id, lock.account_id)
    values = {
        "of_organization": organization_id,
        "of_account": lock.account_id,
        "by_owner": lock.owner_id,
        "by_token": lock.fencing_token,
    }
    transaction.connection.execute(_RELEASE_LOCK, values)


class Owner:
    """This process, registered with a lease. Close it, so that others needn't wait for the lease to run out."""

    def __init__(
        self,
        commits: GroupCommit,
        clock: Clock,
        lease_seconds: float,
        *,
        must_be_registered: bool = True,
        replaces_itself: bool = False,
    ) -> None:
        """Register it.

        :param must_be_registered: ``False`` to go on unregistered where the database can't be written: then a spill
            can be written, and the first lock or intent registers it.
        :param replaces_itself: for a process that lives long: see ``doubt``.
        :raises DatabaseError: if the database can't be written, and it must be registered.
        """
        self.owner_id = secrets.token_hex(8)
        self.clock = clock
        self.process = identify_this_process()
        self._commits = commits
        self._replaces_itself = replaces_itself
        self._doubts = 0
        self._answered_doubts = 0
        self._former_ids: list[str] = []
        """Those that it was before, until their end is committed."""
        self._lease_seconds = lease_seconds
        self._lease_ends_monotonic = clock.monotonic() + lease_seconds
        self._unreleased: list[tuple[str, AccountLock]] = []
        self._stopping = threading.Event()
        self._is_registered = True
        try:
            commits.run(self._register)
        except DatabaseError:
            if must_be_registered:
                raise
            self._is_registered = False
        self._thread = threading.Thread(target=self._beat, name="rootkeeper-lease", daemon=True)
        self._thread.start()

    def doubt(self) -> None:
        """Something of this owner couldn't be written, or it isn't known whether it was.

        An intent may be left without an outcome then, or a lock without a holder, and while its owner lives nobody
        settles it. A process that ends soon needn't care. One that lives long goes on as another owner, once the
        database can be written: what the former one left is settled and taken over as that of a process that died,
        and what it has under way loses its locks.
        """
        self._doubts += 1

    def has_lease(self) -> bool:
        """Whether the lease was renewed in time, so that the database can be written."""
        return self.clock.monotonic() < self._lease_ends_monotonic

    def close(self) -> None:
        """End the lease and free every lock. Does nothing the second time."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._thread.join()
        try:
            self._commits.run(self._deregister)
        except DatabaseError:
            return  # the lease runs out by itself, and the end of this process shows too

    def confirm_lease(self, transaction: WriteTransaction, *, must_have_lasted: bool) -> float:
        """Until when, in monotonic seconds, a call may leave on an intent that this transaction records.

        The wall clock decides what others see, the monotonic one what this process knows; the earlier end counts,
        less a margin for the way to AWS.

        :param must_have_lasted: a lease that ran out is an error, instead of being renewed.
        :raises LockLostError: if the lease is lost.
        """
        now, monotonic = self.clock.now(), self.clock.monotonic()
        if not self._is_registered:
            self._register(transaction)
        lease_until = self._read_lease(transaction)
        seconds = min((lease_until - now).total_seconds(), self._lease_ends_monotonic - monotonic)
        if seconds <= 0 and must_have_lasted:
            raise LockLostError(
                "This process was stopped for longer than its lease; it must not act any more.",
                hint="Start the command again; it goes on where this one stopped.",
            )
        if seconds < self._lease_seconds / 2:
            self._renew(transaction, now)
            seconds = self._lease_seconds
        return monotonic + seconds - min(1.0, self._lease_seconds / 4)

    def _read_lease(self, transaction: WriteTransaction) -> datetime:
        known = transaction.lease_ends.get(self.owner_id)
        if known is None:
            record = find_owner(transaction.connection, self.owner_id)
            if record is None:
                raise LockLostError("This process isn't registered with the database any more.", hint="Start again.")
            known = transaction.lease_ends[self.owner_id] = record.lease_until
        return known

    def release_later(self, organization_id: str, lock: AccountLock) -> None:
        """Free the lock with one of the next renewals, since it couldn't be freed now."""
        self._unreleased.append((organization_id, lock))

    def _register(self, transaction: WriteTransaction) -> None:
        now = self.clock.now()
        _forget_old_owners(transaction.connection, now)
        record = OwnerRecord(self.owner_id, self.process, now + timedelta(seconds=self._lease_seconds))
        add_owner(transaction.connection, record, now)

    def _deregister(self, transaction: WriteTransaction) -> None:
        locks = schema.account_locks
        transaction.connection.execute(update(locks).where(locks.c.owner_id == self.owner_id).values(owner_id=None))
        transaction.forget_reads()
        self._end_lease_at(transaction, self.owner_id, self.clock.now())

    def _beat(self) -> None:
        pause = self._lease_seconds / _BEATS_PER_LEASE
        while not self._stopping.wait(pause):
            started, unreleased = self.clock.monotonic(), tuple(self._unreleased)
            try:
                answered = self._commits.run(partial(self._renew_or_replace, unreleased))
            except DatabaseError:
                pause = min(_RETRY_SECONDS, self._lease_seconds / _BEATS_PER_LEASE)
            else:
                del self._unreleased[: len(unreleased)]
                self._answered_doubts = answered
                self._former_ids.clear()
                self._lease_ends_monotonic = started + self._lease_seconds
                pause = self._lease_seconds / _BEATS_PER_LEASE

    def _renew_or_replace(self, unreleased: tuple[tuple[str, AccountLock], ...], transaction: WriteTransaction) -> int:
        """How many doubts are answered by it, once it is committed."""
        doubts = self._doubts
        if self._replaces_itself and doubts > self._answered_doubts:
            self._replace(transaction)
        self._renew_and_release(unreleased, transaction)
        return doubts

    def _replace(self, transaction: WriteTransaction) -> None:
        """In the writer's thread, so that no entry is written meanwhile. Should this transaction be rolled back, the
        new owner isn't registered and nothing can be done as it; it is replaced again, and the first one ended then.
        """
        self._former_ids.append(self.owner_id)
        for former_id in self._former_ids:
            self._end_lease_at(transaction, former_id, self.clock.now() - _SURELY_PAST)
        self.owner_id = secrets.token_hex(8)
        self._register(transaction)
        transaction.forget_reads()

    def _renew_and_release(
        self, unreleased: tuple[tuple[str, AccountLock], ...], transaction: WriteTransaction
    ) -> None:
        self._renew(transaction, self.clock.now())
        for organization_id, lock in unreleased:
            release_lock(transaction, organization_id, lock)

    def _renew(self, transaction: WriteTransaction, now: datetime) -> None:
        self._end_lease_at(transaction, self.owner_id, now + timedelta(seconds=self._lease_seconds))

    def _end_lease_at(self, transaction: WriteTransaction, owner_id: str, at: datetime) -> None:
        owners = schema.owners
        transaction.lease_ends[owner_id] = at
        transaction.connection.execute(update(owners).where(owners.c.owner_id == owner_id).values(lease_until=at))


def _forget_old_owners(connection: Connection, now: datetime) -> None:
    """Those that ended long ago and left neither a lock nor an intent behind."""
    owners = schema.owners.c
    connection.execute(
        delete(schema.owners)
        .where(owners.lease_until < now - _KEPT_FOR)
        .where(owners.owner_id.not_in(select(schema.open_intents.c.owner_id)))
        .where(
            owners.owner_id.not_in(
                select(schema.account_locks.c.owner_id).where(schema.account_locks.c.owner_id.is_not(None))
            )
        )
    )


_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 1.0
_IS_ROW = (_locks.organization_id == bindparam("of_organization")) & (_locks.account_id == bindparam("of_account"))
_SELECT_ROW = select(schema.account_locks).where(_IS_ROW)

_SELECT_HOLDERS = (
    select(_locks.account_id, schema.owners)
    .join(schema.owners, schema.owners.c.owner_id == _locks.owner_id)
    .where(_locks.organization_id == bindparam("of_organization"))
    .where(_locks.account_id.in_(bindparam("of_accounts", expanding=True)))
)

_UPDATE_ROW = (
    update(schema.account_locks)
    .where(_IS_ROW)
    .values(
        owner_id=bindparam("by_owner"),
        fencing_token=bindparam("by_token"),
        purpose=bindparam("for_purpose"),
        taken_at=bindparam("at"),
    )
)

_INSERT_ROW = insert(schema.account_locks).values(
    organization_id=bindparam("of_organization"),
    account_id=bindparam("of_account"),
    owner_id=bindparam("by_owner"),
    fencing_token=bindparam("by_token"),
    purpose=bindparam("for_purpose"),
    taken_at=bindparam("at"),
)
"""Built once: many locks are taken in a short time, and building a statement takes longer than running it."""


@dataclass(frozen=True, slots=True)
class _LockRefusal:
    """Who keeps the lock, as a sentence."""

    description: str


class AccountLocks:
    """Hands out account locks of one organization."""

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str, owner: Owner) -> None:
        self._store = store
        self._commits = commits
        self._organization_id = organization_id
        self._owner = owner

    @contextmanager
    def hold(self, account_id: AccountId, purpose: str, wait_seconds: float = 0) -> Iterator[AccountLock]:
        """Hold the account's lock; released at the end, taken over by others only when the owner is dead.

        :raises AccountBusyError: if another owner keeps it for longer than ``wait_seconds``; the message says who, for
            what and since when.
        """
        lock = self._take_within(account_id, purpose, wait_seconds)
        try:
            yield lock
        finally:
            self._release(lock)

    def list_held(self, account_ids: Collection[AccountId]) -> frozenset[AccountId]:
        """Those of these accounts that a living owner holds, this one included: a glance that keeps nobody waiting.

        :raises DatabaseError: if it can't be read.
        """
        values = {"of_organization": self._organization_id, "of_accounts": list(account_ids)}
        with glancing(self._store) as connection:
            rows = connection.execute(_SELECT_HOLDERS, values).all()
        now = self._owner.clock.now()
        return frozenset(AccountId(row.account_id) for row in rows if not parse_owner(row).is_dead(now))

    def _take_within(self, account_id: AccountId, purpose: str, wait_seconds: float) -> AccountLock:
        clock = self._owner.clock
        deadline = clock.monotonic() + wait_seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                taken = self._commits.run(
                    lambda transaction: self._try_to_take(transaction, account_id, purpose),
                    PrefetchRequest(lock=(self._organization_id, account_id)),
                )
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

    def _try_to_take(
        self, transaction: WriteTransaction, account_id: AccountId, purpose: str
    ) -> AccountLock | _LockRefusal:
        self._owner.confirm_lease(transaction, must_have_lasted=False)
        holder = transaction.get_lock_holder(self._organization_id, account_id)
        if holder is not None and holder[0] is not None:
            busy = self._find_live_holder(transaction, account_id)
            if busy is not None:
                return busy
        token = 1 if holder is None else holder[1] + 1
        values = {
            "of_organization": self._organization_id,
            "of_account": account_id,
            "by_owner": self._owner.owner_id,
            "by_token": token,
            "for_purpose": purpose,
            "at": self._owner.clock.now(),
        }
        transaction.connection.execute(_INSERT_ROW if holder is None else _UPDATE_ROW, values)
        transaction.note_lock_change(self._organization_id, account_id)
        return AccountLock(account_id=account_id, owner_id=self._owner.owner_id, fencing_token=token)

    def _find_live_holder(self, transaction: WriteTransaction, account_id: AccountId) -> _LockRefusal | None:
        values = {"of_organization": self._organization_id, "of_account": account_id}
        row = transaction.connection.execute(_SELECT_ROW, values).one()
        holder = find_owner(transaction.connection, row.owner_id)
        if holder is None or holder.is_dead(self._owner.clock.now()):
            return None
        since = row.taken_at.strftime("%Y-%m-%d %H:%M:%S UTC")
        who = "this process" if row.owner_id == self._owner.owner_id else holder.process.describe()
        return _LockRefusal(f"Account {row.account_id} is held by {who} for {row.purpose!r} since {since}.")

    def _release(self, lock: AccountLock) -> None:
        try:
            self._commits.run(lambda transaction: release_lock(transaction, self._organization_id, lock))
        except DatabaseError:
            self._owner.release_later(self._organization_id, lock)


def require_lock_held(transaction: WriteTransaction, organization_id: str, lock: AccountLock) -> None:
    """The fencing check, in the transaction of the entry that it guards.

    :raises LockLostError: if another owner has taken the lock since.
    """
    if transaction.get_lock_holder(organization_id, lock.account_id) != (lock.owner_id, lock.fencing_token):
        raise LockLostError(
            f"Account {lock.account_id} was taken over by another process; this one must not act on it any more.",
            hint="Start the command again; it goes on with what is left to do.",
        )
