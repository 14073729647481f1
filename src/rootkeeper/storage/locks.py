"""Account locks in the database: one row per account, whose fencing token grows with every owner."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import bindparam, insert, select, update

from rootkeeper.domain.organizations import AccountId
from rootkeeper.errors import AccountBusyError, DatabaseError, LockLostError
from rootkeeper.ports.locks import AccountLock
from rootkeeper.storage import schema
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.group_commit import GroupCommit, PrefetchRequest
from rootkeeper.storage.owners import Owner, find_owner, parse_owner, release_lock
from rootkeeper.storage.reading import glancing
from rootkeeper.storage.transactions import WriteTransaction

_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 1.0

_locks = schema.account_locks.c
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


class SqlAccountLocks:
    """The locks of one organization; implements the port AccountLocks."""

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str, owner: Owner) -> None:
        self._store = store
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

    def list_held(self, account_ids: Collection[AccountId]) -> frozenset[AccountId]:
        """See the port."""
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
