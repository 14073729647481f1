"""Checks a database of any version. Nothing is created, migrated or written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rootkeeper.database.engines import Store, reading
from rootkeeper.database.processes import find_running_server
from rootkeeper.database.schema import SCHEMA_VERSION
from rootkeeper.database.version import find_missing_columns, find_version, is_newer
from rootkeeper.errors import DatabaseError
from rootkeeper.ledger.owners import list_live_owners
from rootkeeper.maintenance.rules import DatabaseCheck, LedgerCheck, LedgerState, VersionState

if TYPE_CHECKING:
    from rootkeeper.clock import Clock
    from rootkeeper.composition.application import Application
    from rootkeeper.composition.database import Database


def check_database(application: Application) -> DatabaseCheck:
    """Check the version, the ledger, and who uses the database.

    :raises DatabaseError: if there is no database, it can't be read, or isn't Rootkeeper's.
    """
    database = application.database_of_any_version
    store = database.store
    with reading(store) as connection:
        version = find_version(connection, store)
        missing = find_missing_columns(connection) if version == SCHEMA_VERSION else ()
    state = _judge(version, missing)
    is_empty = state is VersionState.EMPTY
    return DatabaseCheck(
        place=store.place,
        version=version,
        needed_version=SCHEMA_VERSION,
        state=state,
        missing=missing,
        ledger=LedgerCheck(LedgerState.INTACT) if is_empty else verify(database),
        used_by=() if is_empty else list_users(store, application.settings.database.url, application.clock),
    )


def _judge(version: str | None, missing: tuple[str, ...]) -> VersionState:
    if version is None:
        return VersionState.EMPTY
    if version != SCHEMA_VERSION:
        return VersionState.NEWER if is_newer(version) else VersionState.OUTDATED
    return VersionState.INCOMPLETE if missing else VersionState.CURRENT


def verify(database: Database) -> LedgerCheck:
    """Verify the ledger; of another version's tables, it may be unknown."""
    try:
        found = database.ledger_reader().verify()
    except DatabaseError as error:
        return LedgerCheck(LedgerState.UNKNOWN, problem=error.message)
    state = LedgerState.INTACT if found.is_intact else LedgerState.NOT_INTACT
    return LedgerCheck(state, found.entries, found.head_sequence, found.head_hash, found.problem)


def list_users(store: Store, url: str, clock: Clock) -> tuple[str, ...]:
    """Describe the processes that act on the database: its server, and owners with a lease."""
    server = find_running_server(url)
    with reading(store) as connection:
        owners = list_live_owners(connection, clock.now())
    found = [] if server is None else [f"server, {server.describe()}"]
    for owner in owners:
        process = owner.process
        if server is None or (process.process_id, process.host) != (server.process_id, server.host):
            found.append(process.describe())
    return tuple(found)
