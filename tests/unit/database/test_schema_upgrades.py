"""A program of the version before goes on working on a database that a newer one has brought up to date.

What the version before knows is read off a database that was made by the migrations up to it: its tables, and no
other columns than those.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)

from rootkeeper.database import schema
from rootkeeper.database import schema as access_schema
from rootkeeper.database.engines import Store, begin_writing, open_store
from rootkeeper.database.schema import SCHEMA_VERSION
from rootkeeper.database.version import migrate, migrate_if_needed
from rootkeeper.windows.rules import WindowState
from rootkeeper.windows.store import SqlRecoveryWindows
from tests.postgresql import PostgresqlServer
from tests.unit.database.samples import ORGANIZATION_ID, Stage

BEFORE = f"{int(SCHEMA_VERSION) - 1:04d}"
SINGLE = {"alembic_version", "ledger_head"}
"""Tables of one row, which is only ever updated."""


@pytest.fixture(params=["sqlite", "postgresql"])
def old_stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    if request.param == "postgresql":
        server: PostgresqlServer = request.getfixturevalue("postgresql")
        stage.use_postgresql(server.create_database())
    return stage


@pytest.fixture
def store(old_stage: Stage) -> Iterator[Store]:
    """A database of the version before."""
    store = open_store(old_stage.url, 5.0)
    store.create()
    migrate(store, BEFORE)
    yield store
    store.engine.dispose()


@pytest.fixture
def old_tables(store: Store) -> list[Table]:
    """As the program of the version before knows them, parents first."""
    metadata = MetaData()
    metadata.reflect(store.engine)
    return [table for table in metadata.sorted_tables if table.name not in SINGLE]


def make_row(table: Table, number: int) -> dict[str, Any]:
    """Every column that the version before writes."""
    return {column.name: make_value(column, number) for column in table.columns}


def make_value(column: Column[Any], number: int) -> object:
    if isinstance(column.type, Boolean):
        return True
    if isinstance(column.type, Integer):
        return number
    if isinstance(column.type, Float):
        return float(number)
    if isinstance(column.type, String) and column.type.length == 27:
        return f"2026-01-15T09:00:{number:02d}.000000Z"
    length = getattr(column.type, "length", None) or 12
    return f"{number:012d}"[-length:]


def list_rows(connection: Connection, table: Table) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(select(table)).mappings()]


def as_one(table: Table, number: int) -> Any:
    row = make_row(table, number)
    conditions = [column == row[column.name] for column in table.primary_key.columns]
    whole = conditions[0]
    for condition in conditions[1:]:
        whole &= condition
    return whole


def test_the_version_before_writes_reads_changes_and_forgets_after_the_upgrade(
    store: Store, old_tables: list[Table]
) -> None:
    with begin_writing(store.engine.connect()) as connection, connection.begin():
        for table in old_tables:
            connection.execute(insert(table).values(make_row(table, 1)))
    migrate_if_needed(store)
    with begin_writing(store.engine.connect()) as connection, connection.begin():
        for table in old_tables:
            connection.execute(insert(table).values(make_row(table, 2)))
            assert list_rows(connection, table) == [make_row(table, 1), make_row(table, 2)], table.name
            connection.execute(update(table).where(as_one(table, 1)).values(make_row(table, 1)))
        for table in reversed(old_tables):
            connection.execute(delete(table).where(as_one(table, 2)))
            assert list_rows(connection, table) == [make_row(table, 1)], table.name


def test_a_window_of_the_version_before_is_read_by_this_one_and_counts_as_overdue(
    store: Store, old_stage: Stage, old_tables: list[Table]
) -> None:
    windows = next(table for table in old_tables if table.name == "recovery_windows")
    row = make_row(windows, 7) | {
        "organization_id": ORGANIZATION_ID,
        "state": "OPEN",
        "expires_at": "2026-01-15T10:00:00.000000Z",
    }
    with begin_writing(store.engine.connect()) as connection, connection.begin():
        connection.execute(insert(windows).values(row | find_texts(windows)))
    with old_stage.open() as database:
        found: SqlRecoveryWindows = database.windows(ORGANIZATION_ID)
        (window,) = found.list_windows()
        assert (window.window_id, window.state) == (row["window_id"], WindowState.OPEN)
        assert window.expires_at is not None
        assert found.list_overdue(window.expires_at) == (window,)


def find_texts(table: Table) -> dict[str, Any]:
    """Structures, which are texts of a form."""
    return {name: "[]" for name in ("approved_by",) if name in table.columns}


def test_upgrading_twice_does_nothing_more(store: Store) -> None:
    for _ in range(2):
        migrate_if_needed(store)
    with store.engine.connect() as connection:
        version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    assert version == SCHEMA_VERSION


def test_the_upgraded_tables_are_those_that_the_program_knows(store: Store) -> None:
    migrate_if_needed(store)
    assert {table.metadata for table in (schema.jobs, access_schema.identities)} == {schema.metadata}
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []
