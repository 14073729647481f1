"""Owners with a lease, and a lock per organization and account with a fencing token that grows with every owner.

An owner renews its lease in a thread. A process that takes over a lock or an intent checks in the same transaction that
its owner is dead. A command that was stopped for longer than its lease keeps the locks and intents that no other
process took over, and notices the rest at its next entry. A server that was stopped so long continues as a new owner
and keeps nothing.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
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
    """The right to act on an account until another owner takes it over."""

    account_id: AccountId
    owner_id: str
    fencing_token: int


@dataclass(slots=True)
class HeldLock:
    """A lock that threads of this process hold; the last of them releases it."""

    lock: AccountLock
    purpose: str
    threads: int = 1


_BEATS_PER_LEASE = 4
_RETRY_SECONDS = 0.5
_KEPT_FOR = timedelta(days=30)

_SURELY_PAST = timedelta(days=1)
"""So that a former owner stays dead if the wall clock is set back."""

_locks = schema.account_locks.c
_SELECT_OWNER = select(schema.owners).where(schema.owners.c.owner_id == bindparam("which"))

_IS_ROW = (_locks.organization_id == bindparam("of_organization")) & (_locks.account_id == bindparam("of_account"))

_RELEASE_LOCK = (
    update(schema.account_locks)
    .where(_IS_ROW, _locks.owner_id == bindparam("by_owner"), _locks.fencing_token == bindparam("by_token"))
    .values(owner_id=None)
)
"""Built once: many locks are taken in a short time, and building a statement takes longer than running it."""


@dataclass(frozen=True, slots=True)
class OwnerRecord:
    """An owner, as in the database."""

    owner_id: str
    process: ProcessIdentity
    lease_until: datetime

    def is_dead(self, now: datetime) -> bool:
        return self.lease_until <= now or is_provably_gone(self.process)


def find_owner(connection: Connection, owner_id: str) -> OwnerRecord | None:
    row = connection.execute(_SELECT_OWNER, {"which": owner_id}).one_or_none()
    return None if row is None else parse_owner(row)


def parse_owner(row: Row[Any]) -> OwnerRecord:
    """Parse a row that has all columns of an owner."""
    process = ProcessIdentity(row.host, row.boot_id, row.process_id, row.process_started, row.user_name)
    return OwnerRecord(owner_id=row.owner_id, process=process, lease_until=row.lease_until)


def list_live_owners(connection: Connection, now: datetime) -> tuple[OwnerRecord, ...]:
    """List the owners with a lease that aren't provably dead: processes that act on this database."""
    owners = schema.owners
    statement = select(owners).where(owners.c.lease_until > now).order_by(owners.c.registered_at)
    found = (parse_owner(row) for row in connection.execute(statement))
    return tuple(owner for owner in found if not owner.is_dead(now))


def add_owner(connection: Connection, record: OwnerRecord, registered_at: datetime) -> None:
    """Add an owner, unless it exists."""
    if find_owner(connection, record.owner_id) is not None:
        return
    connection.execute(
        insert(schema.owners).values(
            owner_id=record.owner_id,
            organization_id="",
            **asdict(record.process),
            registered_at=registered_at,
            lease_until=record.lease_until,
        )
    )


def release_lock(transaction: WriteTransaction, organization_id: str, lock: AccountLock) -> None:
    """Release the lock, unless another owner has taken it over."""
    transaction.note_lock_change(organization_id, lock.account_id)
    values = {
        "of_organization": organization_id,
        "of_account": lock.account_id,
        "by_owner": lock.owner_id,
        "by_token": lock.fencing_token,
    }
    transaction.connection.execute(_RELEASE_LOCK, values)


class UnregisteredOwner:
    """This process, which can only write a spill file, because it has no database."""

    def __init__(self, clock: Clock) -> None:
        self.owner_id = secrets.token_hex(8)
        self.clock = clock
        self.process = identify_this_process()


class Owner:
    """This process, registered with a lease. Close it, so that others don't have to wait for the end of the lease."""

    def __init__(
        self,
        commits: GroupCommit,
        clock: Clock,
        lease_seconds: float,
        *,
        must_be_registered: bool = True,
        replaces_itself: bool = False,
    ) -> None:
        """Register this process.

        :param must_be_registered: ``False`` to continue unregistered if the database can't be written: a spill file can
            be written then, and the first lock or intent registers the process.
        :param replaces_itself: for a long-lived process: see ``doubt``.
        :raises DatabaseError: if the database can't be written and the process must be registered.
        """
        self.owner_id = secrets.token_hex(8)
        self.clock = clock
        self.process = identify_this_process()
        self._commits = commits
        self._replaces_itself = replaces_itself
        self._doubts = 0
        self._answered_doubts = 0
        """How many doubts its current id answers."""
        self._former_ids: list[str] = []
        """Its earlier ids, until their end is committed."""
        self._lease_seconds = lease_seconds
        self._lease_ends_monotonic = clock.monotonic() + lease_seconds
        self._unreleased: list[tuple[str, AccountLock]] = []
        self.held: dict[tuple[str, AccountId], HeldLock] = {}
        """The locks that threads of this process hold now, by organization and account."""
        self.sharing = threading.Lock()
        self.renewal_failure: str | None = None
        """Why the last renewal of the lease failed; ``None`` if it didn't."""
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
        """Note that a write of this owner failed, or that its result isn't known.

        It may leave an intent without an outcome, or a lock without a holder, which no process settles while the owner
        lives. A long-lived process therefore continues as a new owner when the database can be written again: the
        intents and locks that the former owner left are handled like those of a dead process, and its work in progress
        loses its locks.
        """
        self._doubts += 1

    def has_lease(self) -> bool:
        """Whether the lease was renewed in time, so that the database can be written."""
        return self.clock.monotonic() < self._lease_ends_monotonic

    def require_own(self, lock: AccountLock) -> None:
        """Require that the lock isn't of an owner that this process was before.

        :raises LockLostError: if it is.
        """
        if lock.owner_id != self.owner_id:
            raise LockLostError(
                f"The lock on account {lock.account_id} is from before this process was stopped or lost its database.",
                hint="Start the command again; it does the rest.",
            )

    def has_let_go(self, organization_id: str, lock: AccountLock) -> bool:
        """Whether the lock is a leftover of this process, which couldn't be released or belongs to a former id."""
        return lock.owner_id in self._former_ids or (organization_id, lock) in self._unreleased

    def close(self) -> None:
        """End the lease and free every lock. Does nothing the second time."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._thread.join()
        try:
            self._commits.run(self._deregister)
        except DatabaseError:
            return  # the lease ends by itself

    def confirm_lease(self, transaction: WriteTransaction, *, must_have_lasted: bool) -> float:
        """Return until when, in monotonic seconds, a call may be sent on an intent that this transaction records.

        Other processes use the wall clock, this process the monotonic clock; the earlier end counts, minus a margin for
        the way to AWS.

        :param must_have_lasted: an expired lease is an error instead of being renewed.
        :raises LockLostError: if the lease is lost.
        """
        now, monotonic = self.clock.now(), self.clock.monotonic()
        if not self._is_registered:
            self._register(transaction)
        lease_until = transaction.lease_ends.get(self.owner_id)
        if lease_until is None:
            record = find_owner(transaction.connection, self.owner_id)
            if record is None:
                self.doubt()
                raise LockLostError("This process isn't registered with the database any more.", hint="Start again.")
            lease_until = transaction.lease_ends[self.owner_id] = record.lease_until
        seconds = min((lease_until - now).total_seconds(), self._lease_ends_monotonic - monotonic)
        if seconds <= 0 and must_have_lasted:
            raise LockLostError(
                "This process was stopped for longer than its lease; it must not act any more.",
                hint="Start the command again; it continues where this one stopped.",
            )
        if seconds < self._lease_seconds / 2:
            self._renew(transaction, now)
            seconds = self._lease_seconds
        return monotonic + seconds - min(1.0, self._lease_seconds / 4)

    def release_later(self, organization_id: str, lock: AccountLock) -> None:
        """Release the lock with a later renewal, because it couldn't be released now."""
        self._unreleased.append((organization_id, lock))

    def _register(self, transaction: WriteTransaction) -> None:
        now = self.clock.now()
        owners = schema.owners.c
        # Owners that ended long ago and left no lock or intent.
        transaction.connection.execute(
            delete(schema.owners)
            .where(owners.lease_until < now - _KEPT_FOR)
            .where(owners.owner_id.not_in(select(schema.open_intents.c.owner_id)))
            .where(owners.owner_id.not_in(select(_locks.owner_id).where(_locks.owner_id.is_not(None))))
        )
        record = OwnerRecord(self.owner_id, self.process, now + timedelta(seconds=self._lease_seconds))
        add_owner(transaction.connection, record, now)
        for former_id in self._former_ids:
            self._end_lease_at(transaction, former_id, now - _SURELY_PAST)

    def _deregister(self, transaction: WriteTransaction) -> None:
        held = _locks.owner_id == self.owner_id
        transaction.connection.execute(update(schema.account_locks).where(held).values(owner_id=None))
        transaction.forget_reads()
        self._end_lease_at(transaction, self.owner_id, self.clock.now())

    def _beat(self) -> None:
        pause = self._lease_seconds / _BEATS_PER_LEASE
        while not self._stopping.wait(pause):
            started, unreleased = self.clock.monotonic(), tuple(self._unreleased)
            if self._is_registered and not self.has_lease():
                self.doubt()  # stopped for so long, or without a database: others may have closed its windows
            try:
                self._commits.run(partial(self._renew_or_replace, unreleased))
            except DatabaseError as error:
                self.renewal_failure = error.message
                pause = min(_RETRY_SECONDS, self._lease_seconds / _BEATS_PER_LEASE)
            else:
                self.renewal_failure = None
                del self._unreleased[: len(unreleased)]
                self._former_ids.clear()
                self._is_registered = True
                self._lease_ends_monotonic = started + self._lease_seconds
                pause = self._lease_seconds / _BEATS_PER_LEASE

    def _renew_or_replace(self, unreleased: tuple[tuple[str, AccountLock], ...], transaction: WriteTransaction) -> None:
        doubts = self._doubts
        if self._replaces_itself and doubts > self._answered_doubts:
            # It becomes a new owner in the writer's thread, so that no entry is written at the same time. Until that is
            # committed, each of its transactions registers it.
            self._former_ids.append(self.owner_id)
            self.owner_id, self._answered_doubts, self._is_registered = secrets.token_hex(8), doubts, False
            transaction.forget_reads()
        if not self._is_registered:
            self._register(transaction)
        self._renew(transaction, self.clock.now())
        for organization_id, lock in unreleased:
            release_lock(transaction, organization_id, lock)

    def _renew(self, transaction: WriteTransaction, now: datetime) -> None:
        self._end_lease_at(transaction, self.owner_id, now + timedelta(seconds=self._lease_seconds))

    def _end_lease_at(self, transaction: WriteTransaction, owner_id: str, at: datetime) -> None:
        owners = schema.owners
        transaction.lease_ends[owner_id] = at
        transaction.connection.execute(update(owners).where(owners.c.owner_id == owner_id).values(lease_until=at))


_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 1.0
_SELECT_ROW = select(schema.account_locks).where(_IS_ROW)

_SELECT_HOLDERS = (
    select(_locks.account_id, _locks.fencing_token, schema.owners)
    .join(schema.owners, schema.owners.c.owner_id == _locks.owner_id)
    .where(_locks.organization_id == bindparam("of_organization"))
    .where(_locks.account_id.in_(bindparam("of_accounts", expanding=True)))
)

_TAKEN: dict[str, Any] = {
    "owner_id": bindparam("by_owner"),
    "fencing_token": bindparam("by_token"),
    "purpose": bindparam("for_purpose"),
    "taken_at": bindparam("at"),
}
_UPDATE_ROW = update(schema.account_locks).where(_IS_ROW).values(_TAKEN)
_INSERT_ROW = insert(schema.account_locks).values(
    _TAKEN | {"organization_id": bindparam("of_organization"), "account_id": bindparam("of_account")}
)
"""Built once: many locks are taken in a short time, and building a statement takes longer than running it."""


class AccountLocks:
    """Hands out account locks of an organization."""

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str, owner: Owner) -> None:
        self._store = store
        self._commits = commits
        self._organization_id = organization_id
        self._owner = owner

    @contextmanager
    def hold(self, account_id: AccountId, purpose: str, wait_seconds: float = 0) -> Iterator[AccountLock]:
        """Hold the account's lock; released at the end, taken over by others only when the owner is dead.

        :raises AccountBusyError: if another owner keeps it for longer than ``wait_seconds``; the message says who keeps
            it, since when and why.
        """
        held = HeldLock(self._take_within(account_id, purpose, wait_seconds), purpose)
        with self._owner.sharing:
            self._owner.held[self._organization_id, account_id] = held
        try:
            yield held.lock
        finally:
            self._let_go(held)

    @contextmanager
    def share(self, account_id: AccountId, purpose: str) -> Iterator[AccountLock | None]:
        """Hold the account's lock together with another thread of this process that holds it for the same purpose.

        :returns: ``None`` if there is no such thread; then nothing is held.
        """
        with self._owner.sharing:
            held = self._owner.held.get((self._organization_id, account_id))
            if held is not None and held.purpose == purpose:
                held.threads += 1
            else:
                held = None
        if held is None:
            yield None
            return
        try:
            yield held.lock
        finally:
            self._let_go(held)

    def _let_go(self, held: HeldLock) -> None:
        """Release the lock, unless another thread holds it, too."""
        with self._owner.sharing:
            held.threads -= 1
            if held.threads:
                return
            key = (self._organization_id, held.lock.account_id)
            if self._owner.held.get(key) is held:
                del self._owner.held[key]
        try:
            self._commits.run(lambda transaction: release_lock(transaction, self._organization_id, held.lock))
        except DatabaseError:
            self._owner.release_later(self._organization_id, held.lock)

    def list_held(self, account_ids: Collection[AccountId]) -> frozenset[AccountId]:
        """List the accounts among these that a living owner holds, this owner included. It takes no lock.

        :raises DatabaseError: if it can't be read.
        """
        values = {"of_organization": self._organization_id, "of_accounts": list(account_ids)}
        with glancing(self._store) as connection:
            rows = connection.execute(_SELECT_HOLDERS, values).all()
        now = self._owner.clock.now()
        return frozenset(
            AccountId(row.account_id)
            for row in rows
            if not parse_owner(row).is_dead(now)
            and not self._has_let_go(row.account_id, row.owner_id, row.fencing_token)
        )

    def are_renewed(self) -> bool:
        """Whether this process can renew its locks. If not, a lock that it can't confirm isn't lost to another owner:
        the database can't be written.
        """
        return self._owner.has_lease() and self._owner.renewal_failure is None

    def _has_let_go(self, account_id: str, owner_id: str | None, fencing_token: int) -> bool:
        lock = AccountLock(AccountId(account_id), owner_id or "", fencing_token)
        return self._owner.has_let_go(self._organization_id, lock)

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
                self._owner.doubt()  # the lock may be taken, and no process would release it
                raise
            if isinstance(taken, AccountLock):
                return taken
            remaining = deadline - clock.monotonic()
            if remaining <= 0:
                raise AccountBusyError(
                    taken,
                    hint="Wait until that is done and try again. A lock whose process has died is taken over.",
                )
            clock.sleep(min(pause, remaining))
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _try_to_take(self, transaction: WriteTransaction, account_id: AccountId, purpose: str) -> AccountLock | str:
        """Return a sentence on the lock's holder if the lock can't be taken."""
        self._owner.confirm_lease(transaction, must_have_lasted=False)
        holder = transaction.get_lock_holder(self._organization_id, account_id)
        if holder is not None and holder[0] is not None and not self._has_let_go(account_id, *holder):
            busy = self._describe_live_holder(transaction, account_id)
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

    def _describe_live_holder(self, transaction: WriteTransaction, account_id: AccountId) -> str | None:
        values = {"of_organization": self._organization_id, "of_account": account_id}
        row = transaction.connection.execute(_SELECT_ROW, values).one()
        holder = find_owner(transaction.connection, row.owner_id)
        if holder is None or holder.is_dead(self._owner.clock.now()):
            return None
        since = row.taken_at.strftime("%Y-%m-%d %H:%M:%S UTC")
        who = "this process" if row.owner_id == self._owner.owner_id else holder.process.describe()
        return f"Account {row.account_id} is held by {who} for {row.purpose!r} since {since}."


def require_lock_held(transaction: WriteTransaction, organization_id: str, lock: AccountLock) -> None:
    """Check the fencing token in the transaction of the entry that it protects.

    :raises LockLostError: if another owner has taken the lock since.
    """
    if transaction.get_lock_holder(organization_id, lock.account_id) != (lock.owner_id, lock.fencing_token):
        raise LockLostError(
            f"Account {lock.account_id} was taken over by another process; this one must not act on it any more.",
            hint="Start the command again; it does the rest.",
        )
