"""What can be said of PostgreSQL's store without the rest of storage; more is in ``test_postgresql``."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

from rootkeeper.database import schema
from rootkeeper.database.engines import (
    PostgresqlStore,
    begin_writing,
    glancing,
    open_store,
    reading,
    using_reserve,
)
from rootkeeper.errors import DatabaseError
from rootkeeper.ledger.writer import GroupCommit, WriteTransaction
from tests.postgresql import PostgresqlServer
from tests.unit.database.samples import raised_by


@pytest.mark.parametrize("table", schema.metadata.sorted_tables, ids=lambda table: table.name)
def test_every_table_can_be_made_on_postgresql_without_a_serial(table: Table) -> None:
    statement = str(CreateTable(table).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]  # SQLAlchemy's
    assert "SERIAL" not in statement


def test_postgresql_without_its_driver_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    error = raised_by(lambda: open_store("postgresql+psycopg://user@localhost/x", 1.0), DatabaseError)
    assert "the extra postgresql" in error.message


def test_p27_a_process_that_hangs_in_the_middle_of_writing_keeps_no_one_waiting_for_long(
    request: pytest.FixtureRequest,
) -> None:
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    url = server.create_current_database()
    hangs, other = open_store(url, 60.0), open_store(url, 60.0)
    with begin_writing(hangs.engine.connect()) as held:
        held.begin()
        began_at = time.monotonic()
        with begin_writing(other.engine.connect()) as connection, connection.begin():
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1
        assert time.monotonic() - began_at < 30
        with pytest.raises(DBAPIError, match="idle-in-transaction"):
            held.exec_driver_sql("SELECT 1")
        held.invalidate()
    hangs.engine.dispose()
    other.engine.dispose()


@pytest.mark.parametrize(
    ("statement", "reason"),
    [("SELECT count(*) FROM recovery_windows", "another process has locked it"), ("SELECT pg_sleep(60)", "too long")],
    ids=["locked table", "slow statement"],
)
@pytest.mark.parametrize("opens", [reading, glancing])
def test_p11_those_who_close_windows_wait_for_no_table_that_is_locked_and_no_answer_for_long(
    request: pytest.FixtureRequest, opens: Any, statement: str, reason: str
) -> None:
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    url = server.create_current_database()
    holder, closing = open_store(url, 60.0), open_store(url, 60.0)
    with holder.engine.connect() as held:
        held.exec_driver_sql("LOCK TABLE recovery_windows IN ACCESS EXCLUSIVE MODE")
        began_at = time.monotonic()
        with using_reserve(), pytest.raises(DatabaseError, match=reason), opens(closing) as connection:
            connection.exec_driver_sql(statement)
        assert time.monotonic() - began_at < 10
    with opens(closing) as connection:  # the limit ends with its transaction
        connection.exec_driver_sql("SELECT pg_sleep(2.5)")
    holder.engine.dispose()
    closing.engine.dispose()


@pytest.mark.parametrize("standstills", [1, 2])
def test_work_that_lost_its_transaction_to_a_standstill_is_done_again_once(
    store: PostgresqlStore, standstills: int
) -> None:
    commits = GroupCommit(store, lambda: None)
    runs: list[int] = []

    def work(transaction: WriteTransaction) -> int:
        runs.append(len(runs) + 1)
        if len(runs) <= standstills:
            transaction.connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 20")
            time.sleep(0.5)  # the server's clock, which no test can set
        return int(transaction.connection.exec_driver_sql("SELECT 7").scalar_one())

    try:
        if standstills == 1:
            assert commits.run(work) == 7
        else:
            message = raised_by(lambda: commits.run(work), DatabaseError).message
            # The server's reason can be lost with the connection; test_dialects has both.
            assert message.endswith(("this process was idle for too long.", "the connection was lost."))
        assert runs == [1, 2]
    finally:
        commits.close()


def test_work_that_lost_its_connection_is_done_again(store: PostgresqlStore, postgresql: PostgresqlServer) -> None:
    commits = GroupCommit(store, lambda: None)
    runs: list[int] = []

    def work(transaction: WriteTransaction) -> int:
        runs.append(len(runs) + 1)
        backend = transaction.connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        if len(runs) == 1:
            with reading(store) as other:
                other.exec_driver_sql(f"SELECT pg_terminate_backend({backend})")
        return int(transaction.connection.exec_driver_sql("SELECT 7").scalar_one())

    try:
        assert commits.run(work) == 7
        assert runs == [1, 2]
    finally:
        commits.close()


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Iterator[PostgresqlStore]:
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    opened = open_store(server.create_current_database(), 10.0)
    assert isinstance(opened, PostgresqlStore)
    yield opened
    opened.engine.dispose()


def read_isolation(connection: Connection) -> tuple[str, bool]:
    driver: Any = connection.connection.driver_connection
    return str(connection.exec_driver_sql("SHOW transaction_isolation").scalar_one()), driver.autocommit


def test_a_glance_begins_no_transaction_and_leaves_the_connection_as_it_was(store: PostgresqlStore) -> None:
    with glancing(store) as connection:
        assert read_isolation(connection)[1]
    with reading(store) as connection:
        assert read_isolation(connection) == ("repeatable read", False)


def test_a_connection_that_was_used_lately_is_not_asked_whether_it_lives(store: PostgresqlStore) -> None:
    pings: list[object] = []
    ping = store.engine.dialect.do_ping

    def count(dbapi_connection: Any) -> bool:
        pings.append(dbapi_connection)
        return ping(dbapi_connection)

    store.engine.dialect.do_ping = count  # type: ignore[method-assign]  # counted
    for _ in range(3):
        with glancing(store) as connection:
            connection.exec_driver_sql("SELECT 1")
    assert len(pings) == 1


@pytest.mark.parametrize("is_lately", [True, False])
def test_a_pooled_connection_that_the_server_has_ended_is_replaced(store: PostgresqlStore, is_lately: bool) -> None:
    with glancing(store) as connection:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        record: Any = connection.connection._connection_record  # the pool's entry
    if not is_lately:
        record.info.clear()
    with psycopg.connect(store.engine.url.render_as_string(False).replace("+psycopg", ""), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (pid,))

    def look() -> None:
        with glancing(store) as connection:
            connection.exec_driver_sql("SELECT 1")

    if is_lately:
        raised_by(look, DatabaseError)
    look()
