"""What can be said of PostgreSQL's store without the rest of storage; more is in ``test_postgresql``."""

from __future__ import annotations

import sys
import time

import pytest
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

from rootkeeper.errors import DatabaseError
from rootkeeper.storage import schema
from rootkeeper.storage.dialects import begin_writing
from rootkeeper.storage.opened_stores import open_store
from tests.postgresql import PostgresqlServer
from tests.unit.storage.samples import raised_by


@pytest.mark.parametrize("table", schema.metadata.sorted_tables, ids=lambda table: table.name)
def test_every_table_can_be_made_on_postgresql_without_a_serial(table: Table) -> None:
    statement = str(CreateTable(table).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]  # SQLAlchemy's
    assert "SERIAL" not in statement


def test_postgresql_without_its_driver_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    error = raised_by(lambda: open_store("postgresql+psycopg://user@localhost/x", 1.0), DatabaseError)
    assert "psycopg" in error.message


def test_p27_a_process_that_stands_still_in_the_middle_of_writing_keeps_nobody_waiting_for_long(
    request: pytest.FixtureRequest,
) -> None:
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    url = server.create_current_database()
    stands_still, other = open_store(url, 10.0), open_store(url, 10.0)
    with begin_writing(stands_still.engine.connect()) as held:
        held.begin()
        began_at = time.monotonic()
        with begin_writing(other.engine.connect()) as connection, connection.begin():
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1
        assert time.monotonic() - began_at < 8
        with pytest.raises(DBAPIError, match="idle-in-transaction"):
            held.exec_driver_sql("SELECT 1")
        held.invalidate()
    stands_still.engine.dispose()
    other.engine.dispose()
