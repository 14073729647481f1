"""Reads the schema version by plain SQL, migrates with Alembic, and refuses a schema newer than this program.

A current database is opened without importing Alembic and without any write, so that reading commands work on a
read-only file and beside a process that keeps the database locked.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, Select, column, inspect, select, table
from sqlalchemy.exc import SQLAlchemyError

from rootkeeper.database.engines import Store, explain, reading
from rootkeeper.database.schema import SCHEMA_VERSION
from rootkeeper.errors import DatabaseError

_VERSION_TABLE = "alembic_version"
_SELECT_VERSION: Select[str] = select(column("version_num")).select_from(table(_VERSION_TABLE))
UNCLOSED_STATES = ("CLOSE_FAILED", "CLOSING", "OPEN", "OPENING")
"""States of a recovery window that isn't closed yet, as in the table."""


def migrate_if_needed(store: Store) -> None:
    """Migrate the schema, unless it is current.

    :raises DatabaseError: if it is newer than this program, can't be read, or can't be migrated.
    """
    with suppress(SQLAlchemyError), store.engine.connect() as connection, connection.begin():
        if connection.execute(_SELECT_VERSION).scalar() == SCHEMA_VERSION:
            return  # by one SELECT; it nearly always is current
    with reading(store) as connection:
        found = read_version(connection, store)
    if found != SCHEMA_VERSION:
        _migrate(store)


def read_version(connection: Connection, store: Store) -> str | None:
    """Read the database's version; ``None`` if it is empty.

    :raises DatabaseError: if it is newer than this program, or not Rootkeeper's.
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
    if int(version) > int(SCHEMA_VERSION):
        raise DatabaseError(
            f"The database {store.place} was written by a newer version of Rootkeeper (schema {version}, "
            f"this one knows {SCHEMA_VERSION}).{_describe_open_windows(connection)}",
            hint="Install the newer version again.",
        )
    return version


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


def _migrate(store: Store) -> None:
    """Run the migrations, while every other process that would run them waits."""
    from alembic import command  # here, because the import is slow and seldom needed
    from alembic.config import Config

    migrations = Path(__file__).parent / "migrations"
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        with store.migrating() as connection:
            if read_version(connection, store) == SCHEMA_VERSION:
                return  # another process has migrated it
            config.attributes["connection"] = connection
            command.upgrade(config, SCHEMA_VERSION)
    except (SQLAlchemyError, OSError) as error:
        reason, hint = explain(error)
        raise DatabaseError(f"The database {store.place} can't be migrated: {reason}.", hint=hint) from error
