"""What only a database on a server can do to its writers: go away, come back, and leave a commit without an answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, event, insert

from rootkeeper.database import schema
from rootkeeper.database.engines import CommitOutcome, PostgresqlStore, begin_writing, open_store
from rootkeeper.errors import DatabaseError, InputError, LedgerUnavailableError
from rootkeeper.ledger.database import Database, open_database
from rootkeeper.ledger.rules import Action
from rootkeeper.ledger.writer import WriteTransaction, read_head
from tests.postgresql import PostgresqlServer
from tests.unit.database.samples import Stage, Worker, make_worker, raised_by, run_program


@pytest.fixture
def on_postgresql(tmp_path: Path, postgresql: PostgresqlServer) -> Stage:
    stage = Stage(tmp_path)
    stage.use_postgresql(postgresql.create_current_database())
    return stage


@pytest.fixture
def server_worker(on_postgresql: Stage) -> Iterator[Worker]:
    with on_postgresql.open(busy_timeout_seconds=5.0) as database:
        worker = make_worker(database)
        yield worker
        worker.owner.close()


@pytest.fixture(scope="module")
def fragile() -> Iterator[PostgresqlServer]:
    """A server to be stopped, and started again."""
    with PostgresqlServer.start() as server:
        yield server


class Load:
    """Threads that append until the test ends them, through stops of the server."""

    def __init__(self, worker: Worker, threads: int = 6) -> None:
        self.worker = worker
        self.acknowledged: set[int] = set()
        self.refused = 0
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._append, args=(number,)) for number in range(threads)]

    @contextmanager
    def running(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._ending.set()
            for thread in self._threads:
                thread.join()

    def _append(self, number: int) -> None:
        while not self._ending.is_set():
            try:
                entry = self.worker.ledger.append_fact(Action.WINDOW_REQUEST, parameters={"thread": number})
            except LedgerUnavailableError:
                self.refused += 1
                self._ending.wait(0.01)
            else:
                self.acknowledged.add(entry.sequence)

    def wait_for(self, count: int) -> None:
        end = threading.Event()
        wanted = len(self.acknowledged) + count
        for _ in range(600):
            if len(self.acknowledged) >= wanted:
                return
            end.wait(0.05)
        raise AssertionError(f"only {len(self.acknowledged)} of {wanted} entries, {self.refused} refused")


def test_p02_nothing_acknowledged_is_lost_when_the_server_is_stopped_under_load(
    fragile: PostgresqlServer, tmp_path: Path
) -> None:
    stage = Stage(tmp_path)
    stage.use_postgresql(fragile.create_database())
    with stage.open() as database:
        worker = make_worker(database)
        load = Load(worker)
        with load.running():
            for _ in range(2):
                load.wait_for(50)
                fragile.stop_immediately()
                refused = load.refused
                while load.refused == refused:
                    threading.Event().wait(0.01)
                fragile.start_again()
            load.wait_for(50)
        verification = database.ledger_reader().verify()
        assert verification.problem is None
        kept = {entry.sequence for entry in database.ledger_reader().list_entries()}
        assert load.acknowledged <= kept
        worker.owner.close()
    assert load.refused > 0


def cut_at_commit(database: Database, acts: Callable[[Any], object]) -> None:
    """At the next commit of the writer, do ``acts`` to the driver's connection, which is then gone."""

    left = [acts]

    def cut(connection: Connection) -> None:
        if left and connection.get_execution_options().get("rootkeeper_writes"):
            driver_connection: Any = connection.connection.driver_connection
            left.pop()(driver_connection)
            driver_connection.close()

    event.listen(database.store.engine, "commit", cut)


def test_a_commit_that_acted_and_lost_its_answer_is_a_success(server_worker: Worker) -> None:
    cut_at_commit(server_worker.database, lambda connection: connection.commit())
    assert server_worker.append_intent().sequence == 1
    assert server_worker.append_intent().sequence == 2
    assert server_worker.database.ledger_reader().verify().is_intact


def test_a_commit_of_no_entries_that_acted_and_lost_its_answer_is_a_success(server_worker: Worker) -> None:
    cut_at_commit(server_worker.database, lambda connection: connection.commit())
    assert server_worker.database.commits.run(lambda _: "done") == "done"


def test_a_commit_that_never_reached_the_server_is_a_failure(server_worker: Worker) -> None:
    cut_at_commit(server_worker.database, lambda connection: None)
    raised_by(server_worker.append_intent, LedgerUnavailableError)
    assert server_worker.append_intent().sequence == 1
    assert server_worker.database.ledger_reader().verify().is_intact


def test_a_transaction_that_no_one_knows_was_not_committed(on_postgresql: Stage) -> None:
    store = open_store(on_postgresql.url, 0.2)
    with begin_writing(store.engine.connect()) as connection, connection.begin():
        number, _, life = (store.find_transaction_id(connection) or "").partition(" ")
    assert store.find_commit_outcome(f"{number} {life}") is CommitOutcome.COMMITTED
    assert store.find_commit_outcome(f"99999999 {life}") is CommitOutcome.NOT_COMMITTED
    assert store.find_commit_outcome(f"{number} of another life") is CommitOutcome.ENDED
    store.engine.dispose()


def crash(server: PostgresqlServer, url: str) -> None:
    """Stop it as a crash would, and let it give out again the numbers of the transactions that it lost."""
    server.stop_immediately()
    server.start_again()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        for _ in range(50):
            connection.execute("SELECT pg_current_xact_id()")


@pytest.mark.parametrize("writes_entry", [True, False], ids=["an entry", "no entry"])
@pytest.mark.parametrize("commits", [True, False], ids=["kept", "lost"])
def test_p02_after_a_crash_what_is_there_counts_and_no_number(
    fragile: PostgresqlServer, tmp_path: Path, writes_entry: bool, commits: bool
) -> None:
    """What was kept but added no entry looks like what was lost: it counts as lost."""
    stage = Stage(tmp_path)
    stage.use_postgresql(fragile.create_database())

    def act(connection: Any) -> None:
        if commits:
            connection.commit()
        crash(fragile, stage.url)

    with stage.open() as database:
        worker = make_worker(database, lease_seconds=600)
        cut_at_commit(database, act)
        if not writes_entry:
            raised_by(lambda: database.commits.run(write_spill(worker, "x")), DatabaseError)
        elif commits:
            assert worker.append_intent().sequence == 1
        else:
            raised_by(worker.append_intent, LedgerUnavailableError)
        assert stage.query("SELECT count(*) FROM merged_spills") == [(int(commits and not writes_entry),)]
        assert worker.append_intent().sequence == 1 + int(commits and writes_entry)
        assert database.ledger_reader().verify().is_intact
        worker.owner.close()


def test_an_append_keeps_the_row_of_the_head_for_itself(on_postgresql: Stage) -> None:
    store = open_store(on_postgresql.url, 1.0)
    with (
        begin_writing(store.engine.connect()) as connection,
        connection.begin(),
        closing(psycopg.connect(on_postgresql.url.replace("+psycopg", ""))) as stranger,
    ):
        read_head(connection, locks=True)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            stranger.execute("SELECT * FROM ledger_head FOR UPDATE NOWAIT")
    store.engine.dispose()


def test_every_writer_waits_for_the_disk_regardless_of_the_server_s_default(on_postgresql: Stage) -> None:
    name = on_postgresql.url.partition("@/")[2].partition("?")[0]
    on_postgresql.run_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
    store = open_store(on_postgresql.url, 1.0)
    with begin_writing(store.engine.connect()) as connection, connection.begin():
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "read committed"
    store.engine.dispose()


def read_parameters(url: str) -> dict[str, str]:
    store = open_store(url, 1.0)
    with store.engine.connect() as connection:
        driver_connection: Any = connection.connection.driver_connection
        found: dict[str, str] = driver_connection.info.get_parameters()
    store.engine.dispose()
    return found


def test_a_server_that_is_gone_without_a_word_is_noticed_within_seconds(on_postgresql: Stage) -> None:
    found = read_parameters(on_postgresql.url)
    assert found["keepalives"] == "1"
    assert int(found["keepalives_idle"]) <= 5
    assert int(found["keepalives_interval"]) * int(found["keepalives_count"]) <= 10
    assert int(found["tcp_user_timeout"]) <= 10_000
    assert found["application_name"] == "rootkeeper"


def test_the_url_has_the_last_word(on_postgresql: Stage) -> None:
    found = read_parameters(f"{on_postgresql.url}&keepalives_idle=3&application_name=worker-7")
    assert (found["keepalives_idle"], found["application_name"]) == ("3", "worker-7")


def test_p08_a_server_that_cannot_be_reached_is_named_without_its_password() -> None:
    url = "postgresql+psycopg://keeper:hunter2@127.0.0.1:1/rootkeeper"
    error = raised_by(lambda: open_database(url), DatabaseError)
    assert "127.0.0.1:1" in error.message
    assert "hunter2" not in error.message + str(error.hint) + repr(error)
    assert "hunter2" not in repr(open_store(url, 1.0).engine.url)


def write_spill(worker: Worker, spill_id: str) -> Callable[[WriteTransaction], None]:
    def write(transaction: WriteTransaction) -> None:
        values = {"spill_id": spill_id, "organization_id": "o", "merged_at": worker.owner.clock.now(), "entries": 0}
        transaction.connection.execute(insert(schema.merged_spills).values(**values))

    return write


@pytest.mark.parametrize("text", ["a\0b", "x" * 65], ids=["NUL", "too long"])
def test_a_text_that_the_server_refuses_fails_alone(server_worker: Worker, text: str) -> None:
    raised_by(lambda: server_worker.database.commits.run(write_spill(server_worker, text)), InputError)
    assert server_worker.append_intent().sequence == 1


def test_a_reason_with_any_character_is_recorded(server_worker: Worker) -> None:
    reason = "NUL \0, bell \a, 😀"
    entry = server_worker.ledger.append_fact(Action.WINDOW_REQUEST, parameters={"reason": reason})
    (found,) = server_worker.database.ledger_reader().list_entries(since_sequence=entry.sequence - 1)
    assert found.parameters == {"reason": reason}
    assert server_worker.database.ledger_reader().verify().is_intact


def test_processes_that_start_at_once_make_the_tables_once(postgresql: PostgresqlServer, tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.use_postgresql(postgresql.create_database())
    processes = [run_program("appending", stage.folder, "1", "1") for _ in range(4)]
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0] * 4
    with stage.open() as database:
        assert database.ledger_reader().verify().entries == 4


def test_someone_else_s_database_on_a_server_is_left_alone(postgresql: PostgresqlServer, tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.use_postgresql(postgresql.create_database())
    stage.run_sql("CREATE TABLE customers (name TEXT)")
    assert "isn't one of Rootkeeper's" in raised_by(stage.open, DatabaseError).message
    assert stage.query("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'") == [(1,)]


def test_a_store_is_one_of_postgresql(on_postgresql: Stage) -> None:
    assert isinstance(open_store(on_postgresql.url, 1.0), PostgresqlStore)
