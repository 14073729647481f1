"""Reads the schema version by plain SQL, migrates with Alembic, and refuses a schema newer than this program.

A current database is opened without importing Alembic and without any write, so that reading commands work on a
read-only file and beside a process that keeps the database locked.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Select, column, inspect, select, table
from sqlalchemy.exc import SQLAlchemyError

from rootkeeper.database.engines import Store, explain, reading
from rootkeeper.database.schema import SCHEMA_VERSION
from rootkeeper.errors import DatabaseError

_VERSION_TABLE = "alembic_version"
_SELECT_VERSION: Select[str] = select(column("version_num")).select_from(table(_VERSION_TABLE))
UNCLOSED_STATES = ("CLOSE_FAILED", "CLOSING", "OPEN", "OPENING")
"""States in which a recovery window still has to be closed, as the table holds them."""


def migrate_if_needed(store: Store) -> None:
    """Bring the schema up to date, unless it is.

    :raises DatabaseError: if it is newer than this program, can't be read, or can't be brought up to date.
    """
    if _is_current(store):
        return
    with reading(store) as connection:
        found = _read_version(connection, store)
    if found != SCHEMA_VERSION:
        _migrate(store)


def _is_current(store: Store) -> bool:
    """The quick answer, for nearly every start: one SELECT."""
    try:
        with store.engine.connect() as connection, connection.begin():
            return connection.execute(_SELECT_VERSION).scalar() == SCHEMA_VERSION
    except SQLAlchemyError:
        return False


def _read_version(connection: Connection, store: Store) -> str | None:
    """The database's version; ``None`` of an empty database.

    :raises DatabaseError: if it is newer than this program, or somebody else's.
    """
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return None
    version: str | None = None
    if _VERSION_TABLE in tables:
        version = connection.execute(_SELECT_VERSION).scalar()
    if version is None or not version.isdecimal():
        raise DatabaseError(
            f"The database {store.place} isn't one of Rootkeeper's.", hint="Check the database URL, or name a new file."
        )
    if int(version) > int(SCHEMA_VERSION):
        raise DatabaseError(
            f"The database {store.place} was written by a newer version of Rootkeeper (schema {version}, "
            f"this one knows {SCHEMA_VERSION}).{_describe_open_windows(connection)}",
            hint="Install the newer version again.",
        )
    return version


def _describe_open_windows(connection: Connection) -> str:
    """Open recovery windows, as far as a schema that we don't know lets itself be read."""
    windows = table("recovery_windows", column("window_id"), column("account_id"), column("state"))
    statement = select(windows).where(windows.c.state.in_(UNCLOSED_STATES)).order_by(windows.c.account_id)
    try:
        rows = connection.execute(statement).all()
    except SQLAlchemyError:
        return " Whether it holds open recovery windows can't be read."
    if not rows:
        return ""
    names = ", ".join(f"{row.window_id} on account {row.account_id} ({row.state})" for row in rows)
    return f" Recovery windows that still have to be closed: {names}."


def _migrate(store: Store) -> None:
    """Run the migrations, while every other process that would run them waits."""
    from alembic import command  # here, since it imports slowly and is seldom needed
    from alembic.config import Config

    migrations = Path(__file__).parent / "migrations"
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        with store.migrating() as connection:
            if _read_version(connection, store) == SCHEMA_VERSION:
                return  # another process was quicker
            config.attributes["connection"] = connection
            command.upgrade(config, SCHEMA_VERSION)
    except (SQLAlchemyError, OSError) as error:
        reason, hint = explain(error)
        raise DatabaseError(f"The database {store.place} can't be brought up to date: {reason}.", hint=hint) from error
