"""Checks a database of any version, and upgrades it to this program's: lock, backup, one transaction, verification.

A check creates, migrates and writes nothing. During an upgrade no other process may act on the database: an older
version knows nothing of the new tables. A kill at any moment leaves either the old or the new tables, never a mixture.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, make_url

from rootkeeper.database.engines import Store, reading
from rootkeeper.database.processes import find_running_server, take_server_lock
from rootkeeper.database.schema import SCHEMA_VERSION
from rootkeeper.database.version import find_missing_columns, find_version, is_newer, make_version_error, migrate
from rootkeeper.errors import DatabaseError, Hint, ServerRunningError
from rootkeeper.ledger.owners import list_live_owners
from rootkeeper.maintenance.rules import DatabaseCheck, LedgerCheck, LedgerState, VersionState

if TYPE_CHECKING:
    from rootkeeper.clock import Clock
    from rootkeeper.composition.application import Application
    from rootkeeper.ledger.database import Database


def check_database(application: Application) -> DatabaseCheck:
    """Check the version, the ledger, and who uses the database.

    :raises DatabaseError: if there is no database, it can't be read, or isn't Rootkeeper's.
    """
    database = application.database_of_any_version
    store = database.store
    with reading(store) as connection:
        version = find_version(connection, store)
        missing = find_missing_columns(connection) if version == SCHEMA_VERSION else ()
    state = VersionState.INCOMPLETE if missing else VersionState.CURRENT
    if version is None:
        state = VersionState.EMPTY
    elif version != SCHEMA_VERSION:
        state = VersionState.NEWER if is_newer(version) else VersionState.OUTDATED
    is_empty = state is VersionState.EMPTY
    return DatabaseCheck(
        place=store.place,
        version=version,
        needed_version=SCHEMA_VERSION,
        state=state,
        missing=missing,
        ledger=LedgerCheck(LedgerState.INTACT) if is_empty else _verify(database),
        used_by=() if is_empty else _list_users(store, application.settings.database.url, application.clock),
    )


def _verify(database: Database) -> LedgerCheck:
    """Verify the ledger; of another version's tables, it may be unknown."""
    try:
        found = database.ledger_reader().verify()
    except DatabaseError as error:
        return LedgerCheck(LedgerState.UNKNOWN, problem=error.message)
    state = LedgerState.INTACT if found.is_intact else LedgerState.NOT_INTACT
    return LedgerCheck(state, found.entries, found.head_sequence, found.head_hash, found.problem)


def _list_users(store: Store, url: str, clock: Clock) -> tuple[str, ...]:
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


@dataclass(frozen=True, slots=True)
class UpgradePlan:
    """A planned upgrade."""

    before: DatabaseCheck
    backups: Path | None
    """The folder in which a backup is made first; ``None`` for none."""

    @property
    def is_needed(self) -> bool:
        return self.before.state is VersionState.OUTDATED


def plan_upgrade(application: Application, backups: Path | None, *, makes_backup: bool) -> UpgradePlan:
    """Look at the database, and change nothing.

    :param backups: the folder of backups; ``None`` for the usual folder.
    :raises DatabaseNewerError: if the database is of a newer version.
    :raises DatabaseError: if it can't be read, or lacks tables of its version.
    """
    from rootkeeper.maintenance.backups import find_places

    found = check_database(application)
    if found.state is VersionState.NEWER:
        raise make_version_error(str(found.version), application.database_of_any_version.store)
    if found.state is VersionState.INCOMPLETE:
        raise DatabaseError(
            f"The database {found.place} lacks tables or columns of version {found.version}: "
            f"{', '.join(found.missing)}.",
            hint="Restore a backup, or use a new database.",
        )
    folder = (backups or find_places(application.settings).backups) if makes_backup else None
    return UpgradePlan(found, folder)


def upgrade(application: Application, plan: UpgradePlan) -> Path | None:
    """Carry out the plan, and verify the result; return the backup's folder.

    :raises ServerRunningError: if another process acts on the database; nothing was changed.
    :raises DatabaseError: if the backup or the migration failed, with the database as it was before; or if its ledger
        differs afterwards.
    """
    database, clock = application.database_of_any_version, application.clock

    def require_unused(connection: Connection) -> None:
        owners = list_live_owners(connection, clock.now())
        if owners:
            raise ServerRunningError(
                f"Another process acts on this database: {owners[0].process.describe()}. Nothing was changed.",
                hint="Stop every server, worker and command on it, then try again.",
            )

    lock = take_server_lock(application.settings.database.url, clock, application.settings.lease.seconds, None)
    with lock or nullcontext():  # on PostgreSQL, the transaction keeps other writers waiting
        with database.store.engine.connect() as connection, connection.begin():
            require_unused(connection)
        made = None if plan.backups is None else _back_up(application, plan.backups)
        ledger = _verify(database)
        migrate(database.store, require_unused)
        after = _verify(database)
    if after != ledger:
        kept = "" if made is None else f" The backup from before is {made}."
        raise DatabaseError(
            f"The database {database.store.place} was migrated, but its ledger isn't as it was before: "
            f"{after.problem or 'it has other entries'}.{kept}",
            hint=Hint("Restore a backup, then verify the ledger.", "ledger.verify_backup"),
        )
    return made


def _back_up(application: Application, parent: Path) -> Path:
    from rootkeeper.maintenance.backups import back_up, find_places

    places = find_places(application.settings)
    try:
        return back_up(places, parent, application.clock.now())
    except DatabaseError as error:
        if places.database is not None:
            raise
        name = make_url(places.url).database or "rootkeeper"
        raise DatabaseError(
            f"{error.message} Nothing was changed.",
            hint=Hint(str(error.hint), "database.own_backup", message=str(error.hint), name=name),
        ) from error
