"""Reads the schema version by plain SQL, migrates with Alembic, and refuses a schema that isn't this program's.

A current database is opened without importing Alembic and without any write, so that reading commands work on a
read-only file and beside a process that keeps the database locked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, Select, column, inspect, select, table
from sqlalchemy.exc import SQLAlchemyError

from rootkeeper.database.engines import Store, reading
from rootkeeper.database.problems import explain
from rootkeeper.database.schema import SCHEMA_VERSION, metadata
from rootkeeper.errors import DatabaseError, DatabaseNewerError, DatabaseOutdatedError, Hint

MIGRATIONS = Path(__file__).parent / "migrations"

_VERSION_TABLE = "alembic_version"
_SELECT_VERSION: Select[str] = select(column("version_num")).select_from(table(_VERSION_TABLE))
UNCLOSED_STATES = ("CLOSE_FAILED", "CLOSING", "OPEN", "OPENING")
"""States of a recovery window that isn't closed yet, as in the table."""


def prepare_schema(store: Store) -> None:
    """Make the tables of an empty database; require that any other database is of this program's version.

    :raises DatabaseOutdatedError: if the database is of an older version; an upgrade is a person's decision.
    :raises DatabaseNewerError: if it is of a newer version.
    :raises DatabaseError: if it can't be read or made.
    """
    with suppress(SQLAlchemyError), store.engine.connect() as connection, connection.begin():
        if connection.execute(_SELECT_VERSION).scalar() == SCHEMA_VERSION:
            return  # by one SELECT; it nearly always is current
    with reading(store) as connection:
        found = find_version(connection, store)
        if found is not None and found != SCHEMA_VERSION:
            raise make_version_error(found, store, _describe_open_windows(connection))
    if found is None:
        migrate(store)


def make_version_error(found: str, store: Store, windows: str = "") -> DatabaseError:
    """Make the error of a database that isn't of this program's version.

    :param windows: a sentence on recovery windows to close, after a space.
    """
    versions = f"has version {found}, and this Rootkeeper needs {SCHEMA_VERSION}"
    if is_newer(found):
        return DatabaseNewerError(
            f"The database {store.place} {versions}: a newer version of Rootkeeper wrote it.{windows}",
            hint="Install the newer Rootkeeper again.",
        )
    return DatabaseOutdatedError(
        f"The database {store.place} {versions}: an older version of Rootkeeper wrote it.{windows}",
        hint=Hint("Upgrade the database.", "database.upgrade"),
    )


def is_newer(version: str) -> bool:
    """Whether a version is after the version that this program needs."""
    return int(version) > int(SCHEMA_VERSION)


def find_version(connection: Connection, store: Store) -> str | None:
    """Find the database's version, also if it is newer; ``None`` if it is empty.

    :raises DatabaseError: if it isn't Rootkeeper's.
    """
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return None
    version: str | None = None
    if _VERSION_TABLE in tables:
        version = connection.execute(_SELECT_VERSION).scalar()
    if version is None or not version.isdecimal():
        raise DatabaseError(
            f"The database {store.place} isn't one of Rootkeeper's.", hint="Check the database URL, or use a new file."
        )
    return version


def find_missing_columns(connection: Connection) -> tuple[str, ...]:
    """Find the tables and columns of this version that the database lacks, such as ``audits.endpoint``."""
    inspector = inspect(connection)
    present = {name: {column["name"] for column in inspector.get_columns(name)} for name in inspector.get_table_names()}
    missing: list[str] = []
    for name, wanted in metadata.tables.items():
        if name not in present:
            missing.append(name)
        else:
            missing += [f"{name}.{column.name}" for column in wanted.columns if column.name not in present[name]]
    return tuple(sorted(missing))


def _describe_open_windows(connection: Connection) -> str:
    """Describe open recovery windows, as far as an unknown schema can be read."""
    windows = table("recovery_windows", column("window_id"), column("account_id"), column("state"))
    statement = select(windows).where(windows.c.state.in_(UNCLOSED_STATES)).order_by(windows.c.account_id)
    try:
        rows = connection.execute(statement).all()
    except SQLAlchemyError:
        return " Its open recovery windows can't be read."
    if not rows:
        return ""
    names = ", ".join(f"{row.window_id} on account {row.account_id} ({row.state})" for row in rows)
    return f" Recovery windows to close: {names}."


_MIGRATING = threading.Lock()
"""Alembic keeps the running migration in module variables, so a process migrates one database at a time."""


def migrate(store: Store, check: Callable[[Connection], None] = lambda _: None) -> None:
    """Run the steps to this program's version in one transaction, while every other process that would do so waits.

    :param check: called before the first step, in the same transaction; an error that it raises ends the transaction.
    :raises DatabaseError: if the database isn't older or empty any more, or can't be migrated; it is as it was before.
    """
    from alembic import command  # here, because the import is slow and seldom needed
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        with store.migrating() as connection:
            found = find_version(connection, store)
            if found == SCHEMA_VERSION:
                return  # another process has migrated it
            if found is not None and is_newer(found):
                raise make_version_error(found, store)
            check(connection)
            config.attributes["connection"] = connection
            with _MIGRATING:
                command.upgrade(config, SCHEMA_VERSION)
            if missing := find_missing_columns(connection):
                raise DatabaseError(
                    f"The database {store.place} can't be migrated: it calls itself version {found}, and doesn't have "
                    f"the tables of that version ({', '.join(missing)} would be missing).",
                    hint="Restore a backup, or use a new database.",
                )
    except (SQLAlchemyError, OSError) as error:
        reason, hint = explain(error)
        raise DatabaseError(f"The database {store.place} can't be migrated: {reason}.", hint=hint) from error
