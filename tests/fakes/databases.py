"""A database in memory that several processes share, and that can fail, or end its process, at any commit.

A process that died (``die``) leaves its locks and its intents behind, as a killed one does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from rootkeeper.access.rules import Identity
from rootkeeper.errors import AccountBusyError, DatabaseError, LedgerUnavailableError, LockLostError
from rootkeeper.exceptions.rules import DeletionException
from rootkeeper.exceptions.service import DeletionExceptionStore
from rootkeeper.ledger.owners import AccountLock, AccountLocks
from rootkeeper.ledger.rules import (
    GENESIS_HASH,
    Action,
    Actor,
    ActorKind,
    Intent,
    LedgerEntry,
    Phase,
    Result,
    compute_entry_hash,
)
from rootkeeper.organization.accounts import AccountId
from rootkeeper.values import JsonValue
from rootkeeper.windows.rules import RecoveryWindow, WindowState
from tests.fakes.clock import FakeClock
from tests.fakes.stores import InMemoryWindows

LEASE_SECONDS = 30.0


class Killed(BaseException):
    """The process is gone, as with kill -9: no handler may run anything that lasts."""


@dataclass
class FakeDatabase:
    """What is on disk."""

    clock: FakeClock
    entries: list[LedgerEntry] = field(default_factory=list)
    windows: dict[str, RecoveryWindow] = field(default_factory=dict)
    exceptions: dict[AccountId, DeletionException] = field(default_factory=dict)
    identities: dict[str, Identity] = field(default_factory=dict)
    """Users and tokens, by folded name."""
    locks: dict[AccountId, tuple[str | None, int]] = field(default_factory=dict)
    """Owner and fencing token."""
    dead: set[str] = field(default_factory=set)
    is_readable: bool = True
    """A database that can't be read can't be written either."""
    is_writable: bool = True
    is_ledger_writable: bool = True
    are_leases_renewed: bool = True
    before_commit: Callable[[str], None] | None = None
    """Called with the name of each write before it happens; may raise."""
    before_read: Callable[[str], None] | None = None
    """Called with what is read of windows."""

    def commit(self, name: str) -> None:
        if self.before_commit is not None:
            self.before_commit(name)
        if not self.is_writable or not self.is_readable:
            raise DatabaseError("The database can't be written.")

    def read(self, name: str) -> None:
        if self.before_read is not None:
            self.before_read(name)
        if not self.is_readable:
            raise DatabaseError("The database can't be read.")

    def die(self, owner_id: str) -> None:
        """The process is provably gone."""
        self.dead.add(owner_id)

    @property
    def open_intents(self) -> list[LedgerEntry]:
        ended = {entry.intent_sequence for entry in self.entries}
        return [entry for entry in self.entries if entry.phase is Phase.INTENT and entry.sequence not in ended]

    def outcomes_of(self, action: Action) -> list[Result | None]:
        return [entry.result for entry in self.entries if entry.action is action and entry.phase is Phase.OUTCOME]


@dataclass
class FakeLedger:
    """Implements Ledger for one process."""

    database: FakeDatabase
    owner_id: str
    is_spill: bool = False
    """A spill ledger can be written when the database can't, and checks no lock."""
    actor: Actor = Actor("alice", ActorKind.SELF_ASSERTED)  # noqa: RUF009 - a frozen value

    def append_intent(
        self,
        action: Action,
        *,
        account_id: AccountId | None = None,
        parameters: Mapping[str, JsonValue] | None = None,
        lock: AccountLock | None = None,
    ) -> Intent:
        self._commit(f"intent {action}")
        if lock is not None and not self.is_spill:
            owner = self.database.locks.get(lock.account_id)
            if owner != (lock.owner_id, lock.fencing_token) or self.owner_id in self.database.dead:
                raise LockLostError(f"The lock on {lock.account_id} is lost.")
        entry = self._append(action, account_id, parameters, Phase.INTENT)
        valid_until = self.database.clock.monotonic() + LEASE_SECONDS
        return Intent(entry.sequence, action, account_id, valid_until, dict(parameters or {}))

    def append_outcome(
        self, intent: Intent, result: Result, details: Mapping[str, JsonValue] | None = None
    ) -> LedgerEntry:
        self._commit(f"outcome {intent.action}")
        if not any(entry.sequence == intent.sequence for entry in self.database.open_intents):
            raise LockLostError(f"Intent {intent.sequence} is settled already.")
        return self._append(intent.action, intent.account_id, details, Phase.OUTCOME, intent.sequence, result)

    def append_fact(
        self,
        action: Action,
        *,
        account_id: AccountId | None = None,
        parameters: Mapping[str, JsonValue] | None = None,
    ) -> LedgerEntry:
        self._commit(f"fact {action}")
        return self._append(action, account_id, parameters, Phase.OUTCOME, None, Result.DONE)

    def list_entries(self, *, account_id: AccountId | None = None) -> Iterator[LedgerEntry]:
        """As a LedgerReader does."""
        return (entry for entry in self.database.entries if account_id in (None, entry.account_id))

    def list_orphans(self) -> tuple[LedgerEntry, ...]:
        return tuple(entry for entry in self.database.open_intents if entry.owner_id in self.database.dead)

    def settle_orphan(self, entry: LedgerEntry, result: Result, details: Mapping[str, JsonValue]) -> bool:
        self._commit(f"settle {entry.action}")
        if entry not in self.list_orphans():
            return False
        self._append(entry.action, entry.account_id, details, Phase.OUTCOME, entry.sequence, result)
        return True

    def _commit(self, name: str) -> None:
        if self.is_spill:
            return
        try:
            self.database.commit(name)
        except DatabaseError as error:
            raise LedgerUnavailableError("The ledger can't be written.") from error
        if not self.database.is_ledger_writable:
            raise LedgerUnavailableError("The ledger can't be written.")

    def _append(
        self,
        action: Action,
        account_id: AccountId | None,
        parameters: Mapping[str, JsonValue] | None,
        phase: Phase,
        intent_sequence: int | None = None,
        result: Result | None = None,
    ) -> LedgerEntry:
        entry = LedgerEntry(
            sequence=len(self.database.entries) + 1,
            at=self.database.clock.now(),
            organization_id="o-exampleorgid",
            endpoint="SANDBOX 127.0.0.1:4599",
            actor=self.actor,
            action=action,
            account_id=account_id,
            parameters=dict(parameters or {}),
            phase=phase,
            owner_id=self.owner_id,
            intent_sequence=intent_sequence,
            result=result,
            previous_hash=self.database.entries[-1].entry_hash if self.database.entries else GENESIS_HASH,
            entry_hash="",
        )
        hashed = replace(entry, entry_hash=compute_entry_hash(entry))
        self.database.entries.append(hashed)
        return hashed


@dataclass
class FakeLocks(AccountLocks):
    """Implements AccountLocks for one process."""

    database: FakeDatabase
    owner_id: str

    @contextmanager
    def hold(self, account_id: AccountId, purpose: str, wait_seconds: float = 0) -> Iterator[AccountLock]:
        self.database.commit("lock")
        owner, token = self.database.locks.get(account_id, (None, 0))
        if owner is not None and owner not in self.database.dead:
            raise AccountBusyError(f"{account_id} is held by {owner}.")
        self.database.locks[account_id] = (self.owner_id, token + 1)
        try:
            yield AccountLock(account_id, self.owner_id, token + 1)
        except Killed:
            raise
        except BaseException:
            self._free(account_id, token + 1)
            raise
        self._free(account_id, token + 1)

    @contextmanager
    def share(self, account_id: AccountId, purpose: str) -> Iterator[AccountLock | None]:
        owner, token = self.database.locks.get(account_id, (None, 0))
        yield AccountLock(account_id, self.owner_id, token) if owner == self.owner_id else None

    def list_held(self, account_ids: Collection[AccountId]) -> frozenset[AccountId]:
        owners = {one: self.database.locks.get(one, (None, 0))[0] for one in account_ids}
        return frozenset(one for one, owner in owners.items() if owner is not None and owner not in self.database.dead)

    def are_renewed(self) -> bool:
        return self.database.are_leases_renewed

    def _free(self, account_id: AccountId, token: int) -> None:
        if self.database.locks[account_id] == (self.owner_id, token):
            self.database.locks[account_id] = (None, token)


class FakeWindows(InMemoryWindows):
    """Implements RecoveryWindowStore for one process: what it writes and reads may fail."""

    def __init__(self, database: FakeDatabase) -> None:
        super().__init__(database.windows)
        self.database = database

    def add(self, window: RecoveryWindow) -> None:
        self.database.commit("window added")
        super().add(window)

    def change(self, window: RecoveryWindow, expected: WindowState) -> None:
        self.database.commit(f"window {window.state}")
        super().change(window, expected)

    def update(self, window_id: str, step: Callable[[RecoveryWindow], RecoveryWindow]) -> RecoveryWindow:
        self.database.commit("window updated")
        return super().update(window_id, step)

    def list_windows(self, *, unfinished_only: bool = False) -> tuple[RecoveryWindow, ...]:
        self.database.read("windows")
        return super().list_windows(unfinished_only=unfinished_only)


@dataclass
class FakeExceptions(DeletionExceptionStore):
    """Implements DeletionExceptionStore."""

    database: FakeDatabase

    def add(self, exception: DeletionException) -> None:
        self.database.commit("exception added")
        self.database.exceptions[exception.account_id] = exception

    def remove(self, account_id: AccountId) -> bool:
        self.database.commit("exception removed")
        return self.database.exceptions.pop(account_id, None) is not None

    def find(self, account_id: AccountId) -> DeletionException | None:
        return self.database.exceptions.get(account_id)

    def list_exceptions(self) -> tuple[DeletionException, ...]:
        return tuple(self.database.exceptions.values())
