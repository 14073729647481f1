"""What is remembered, in memory and in a real database, to be held to one contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from rootkeeper.exceptions.service import DeletionExceptionStore
from rootkeeper.inventory.store import InventoryStore
from rootkeeper.ledger.database import Database, open_database
from rootkeeper.ledger.owners import AccountLocks
from rootkeeper.ledger.rules import Actor, ActorKind
from rootkeeper.ledger.store import Ledger
from rootkeeper.organization.accounts import Endpoint
from rootkeeper.windows.store import RecoveryWindowStore
from tests.current_databases import place_database
from tests.fakes.clock import FakeClock
from tests.fakes.databases import FakeDatabase, FakeExceptions, FakeLedger, FakeLocks, FakeWindows
from tests.fakes.stores import InMemoryExceptions, InMemoryInventory, InMemoryLedger, InMemoryLocks, InMemoryWindows

ORGANIZATION_ID = "o-exampleorgid"


@dataclass
class Process:
    """One process, and what it is given."""

    ledger: Ledger
    locks: AccountLocks
    windows: RecoveryWindowStore
    exceptions: DeletionExceptionStore
    die: Callable[[], None]


@dataclass
class Stores:
    """A place that remembers, and two processes on it."""

    clock: FakeClock
    here: Process
    there: Process


def furnish_fake() -> Stores:
    clock = FakeClock()
    database = FakeDatabase(clock)

    def start(owner_id: str) -> Process:
        return Process(
            FakeLedger(database, owner_id),
            FakeLocks(database, owner_id),
            FakeWindows(database),
            FakeExceptions(database),
            lambda: database.die(owner_id),
        )

    return Stores(clock, start("here"), start("there"))


def furnish_in_memory() -> Stores:
    """The simpler fake knows one process only."""
    clock, locks = FakeClock(), InMemoryLocks()
    ledger = InMemoryLedger(clock, locks)
    process = Process(ledger, locks, InMemoryWindows(), InMemoryExceptions(), ledger.orphan_open_intents)
    return Stores(clock, process, process)


def find_url(kind: str, request: pytest.FixtureRequest) -> str:
    """Of an empty database: ``sqlite`` or ``postgresql``."""
    if kind == "postgresql":
        return str(request.getfixturevalue("postgresql_url"))
    return place_database(request.getfixturevalue("tmp_path") / "rootkeeper.db")


@contextmanager
def furnish_database(url: str) -> Iterator[Stores]:
    clock = FakeClock()
    with open_database(url) as here, open_database(url) as there:
        yield Stores(clock, start_on(here, clock), start_on(there, clock))


def start_on(database: Database, clock: FakeClock) -> Process:
    owner = database.register_owner(clock, lease_seconds=300)
    return Process(
        database.ledger(ORGANIZATION_ID, Endpoint("AWS"), Actor("operator", ActorKind.SELF_ASSERTED), owner),
        database.locks(ORGANIZATION_ID, owner),
        database.get_store(RecoveryWindowStore, ORGANIZATION_ID),
        database.get_store(DeletionExceptionStore, ORGANIZATION_ID),
        owner.close,
    )


@contextmanager
def furnish_inventory(kind: str, request: pytest.FixtureRequest) -> Iterator[InventoryStore]:
    if kind == "fake":
        yield InMemoryInventory()
        return
    with open_database(find_url(kind, request)) as database:
        yield database.get_store(InventoryStore, ORGANIZATION_ID)
