"""A SQLite file as a database: who waits, who may read it, and how one notices that it was changed for another."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from rootkeeper.database import schema
from rootkeeper.database.engines import SqliteStore, Store, begin_writing, open_store
from rootkeeper.database.problems import DatabaseDamagedError, DatabaseLinkedError, DatabaseReplacedError, explain
from rootkeeper.errors import DatabaseError
from tests.unit.database.samples import Stage, raised_by


@pytest.fixture
def store(stage: Stage) -> Iterator[Store]:
    stage.open().close()
    opened = open_store(stage.url, 0.2)
    yield opened
    opened.engine.dispose()


def test_every_connection_waits_for_the_disk(store: Store) -> None:
    with store.engine.connect() as connection, store.engine.connect() as other:
        for one in (connection, other):
            assert one.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            assert one.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert one.exec_driver_sql("PRAGMA busy_timeout").scalar() == 200


def test_a_writing_transaction_takes_the_lock_at_its_beginning(store: Store) -> None:
    with store.engine.connect() as reader, begin_writing(store.engine.connect()) as one, one.begin():
        with begin_writing(store.engine.connect()) as two:
            error = raised_by(two.begin, OperationalError)
        assert explain(error)[0] == "another process has locked it"
        with reader.begin():
            assert reader.execute(schema.ledger_head.select()).one().sequence == 0


def test_only_its_owner_may_read_the_files(stage: Stage, store: Store) -> None:
    with begin_writing(store.engine.connect()) as connection, connection.begin():
        connection.execute(schema.ledger_head.update().values(organization_id="o"))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in stage.path.parent.iterdir()}
    assert modes.pop(stage.path.name) == 0o600
    assert set(modes.values()) <= {0o600}
    assert stat.S_IMODE(stage.path.parent.stat().st_mode) == 0o700


def test_an_existing_folder_keeps_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    SqliteStore(folder / "x.db", 1.0).create()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_a_pooled_connection_to_a_deleted_file_is_not_used_again(stage: Stage, store: Store) -> None:
    with store.engine.connect() as connection:
        connection.execute(schema.ledger_head.select()).all()
    stage.path.unlink()
    raised_by(store.engine.connect, SQLAlchemyError)
    assert not stage.path.exists()


def test_a_commit_to_a_deleted_file_is_noticed(stage: Stage, store: Store) -> None:
    with store.engine.connect():
        store.require_in_place()
        stage.path.rename(stage.path.with_suffix(".old"))
        raised_by(store.require_in_place, DatabaseReplacedError)


def test_p11_another_file_in_its_place_is_never_used_and_the_right_one_is_used_again(
    stage: Stage, store: Store
) -> None:
    with store.engine.connect() as connection:
        connection.execute(schema.ledger_head.select()).all()
    aside = stage.path.with_suffix(".aside")
    stage.path.rename(aside)
    shutil.copy(aside, stage.path)
    error = raised_by(store.engine.connect, DatabaseReplacedError)
    assert "was replaced by another one" in explain(error)[0]
    raised_by(store.check_pages, DatabaseReplacedError)
    stage.path.unlink()
    aside.rename(stage.path)
    with store.engine.connect() as connection:
        assert connection.execute(schema.ledger_head.select()).one().sequence == 0


def test_a_file_with_a_second_name_is_refused_until_that_is_deleted(stage: Stage, store: Store) -> None:
    second = stage.path.with_name("second.db")
    second.hardlink_to(stage.path)
    for path in (stage.path, second):
        error = raised_by(SqliteStore(path, 1.0).engine.connect, DatabaseLinkedError)
        assert "a hard link" in explain(error)[0]
    second.unlink()
    engine = SqliteStore(stage.path, 1.0).engine
    engine.connect().close()
    engine.dispose()


def test_a_damaged_page_is_found_past_all_caches_and_nothing_more_is_written(stage: Stage, store: Store) -> None:
    store.check_pages()
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    intact = stage.path.read_bytes()
    with stage.path.open("r+b") as handle:
        handle.seek(4096)
        handle.write(b"x" * 3 * 4096)
    assert explain(raised_by(store.check_pages, DatabaseDamagedError))[0] == "it is damaged"
    raised_by(store.require_in_place, DatabaseDamagedError)
    with stage.path.open("r+b") as handle:
        handle.write(intact)
    store.check_pages()
    store.require_in_place()


def test_a_transaction_that_the_database_rolled_back_is_noticed(store: Store) -> None:
    with store.engine.connect() as connection, connection.begin():
        store.require_in_transaction(connection)
        connection.exec_driver_sql("ROLLBACK")
        raised_by(lambda: store.require_in_transaction(connection), DatabaseReplacedError)


def test_migrations_wait_for_one_another(stage: Stage, store: Store) -> None:
    with store.migrating():
        error = raised_by(lambda: open_store(stage.url, 0.1).migrating().__enter__(), DatabaseError)
    assert "Another process is creating or migrating" in error.message


@pytest.mark.parametrize(
    ("content", "reason"), [(b"not a database at all" * 100, "it isn't a SQLite database")], ids=["foreign file"]
)
def test_a_foreign_file_is_reported(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(content)
    with pytest.raises(SQLAlchemyError) as caught, open_store(f"sqlite:///{path}", 1.0).engine.connect():
        pass
    assert explain(caught.value)[0] == reason


def test_a_path_with_odd_characters_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "a b?c#d%41.db"
    store = SqliteStore(path, 1.0)
    store.create()
    with store.engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
        connection.commit()
    store.engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]
