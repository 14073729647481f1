"""The one writer: grouping, failing closed, and continuing afterwards."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import event, insert
from sqlalchemy.pool import QueuePool

from rootkeeper.database import schema
from rootkeeper.database.engines import CLOSING_SECONDS, begin_writing, open_store, using_reserve
from rootkeeper.errors import DatabaseError, InputError, LedgerUnavailableError
from rootkeeper.ledger import writer
from rootkeeper.ledger.rules import Action
from rootkeeper.ledger.writer import GroupCommit, WriteTransaction, read_head
from rootkeeper.windows.store import RecoveryWindowStore
from tests.durations import Stopwatch
from tests.unit.database.samples import ACCOUNT_ID, ORGANIZATION_ID, Stage, Worker, make_worker, raised_by, run_program


@contextmanager
def locked_by_another(stage: Stage) -> Iterator[None]:
    store = open_store(stage.url, 1.0)
    with begin_writing(store.engine.connect()) as connection, connection.begin():
        yield
    store.engine.dispose()


def test_waiting_units_share_one_commit(stage: Stage, worker: Worker) -> None:
    commits_before = len(stage.warnings)
    entered, gate = threading.Event(), threading.Event()
    groups: list[int] = []

    def wait_for_the_others(transaction: WriteTransaction) -> None:
        groups.append(id(transaction))
        entered.set()
        gate.wait(60)

    def note(transaction: WriteTransaction) -> None:
        groups.append(id(transaction))

    commits = worker.database.commits
    threads = [threading.Thread(target=commits.run, args=(wait_for_the_others,))]
    threads += [threading.Thread(target=commits.run, args=(note,)) for _ in range(20)]
    threads[0].start()
    entered.wait(60)
    for thread in threads[1:]:
        thread.start()
    while len(commits._waiting) < 20:
        threading.Event().wait(0.01)
    gate.set()
    for thread in threads:
        thread.join()
    assert len(groups) == 21
    assert len(set(groups[1:])) == 1
    assert len(stage.warnings) == commits_before


def test_a_group_waits_for_more_only_after_one_of_several(stage: Stage, worker: Worker) -> None:
    pauses: list[float] = []
    milliseconds = count()
    commits = GroupCommit(worker.database.store, lambda: None, pauses.append, lambda: next(milliseconds) / 1000)
    for _ in range(3):
        commits.run(lambda _: None)
    assert pauses == []
    entered, gate = threading.Event(), threading.Event()

    def wait_for_the_others(_: WriteTransaction) -> None:
        entered.set()
        gate.wait(60)

    threads = [threading.Thread(target=commits.run, args=(wait_for_the_others,))]
    threads += [threading.Thread(target=commits.run, args=(lambda _: None,)) for _ in range(2)]
    threads[0].start()
    entered.wait(60)
    for thread in threads[1:]:
        thread.start()
    while len(commits._waiting) < 2:
        threading.Event().wait(0.01)
    gate.set()
    for thread in threads:
        thread.join()
    assert pauses == []
    for _ in range(2):
        commits.run(lambda _: None)
    assert pauses == [pytest.approx(0.002)]  # of the three that the last commit took, it waited for others for one
    commits.close()


def test_a_writer_that_comes_while_another_process_writes_joins_the_group_that_waits_for_it(
    stage: Stage, worker: Worker
) -> None:
    commits, transactions = GroupCommit(worker.database.store, lambda: None), list[WriteTransaction]()
    threads = [threading.Thread(target=commits.run, args=(transactions.append,)) for _ in range(5)]
    with locked_by_another(stage):
        threads[0].start()
        while commits._thread is None or commits._waiting:
            threading.Event().wait(0.01)
        for thread in threads[1:]:
            thread.start()
        while len(commits._waiting) < 4:
            threading.Event().wait(0.01)
    for thread in threads:
        thread.join()
    assert len(transactions) == 5
    assert all(one is transactions[0] for one in transactions)
    commits.close()


def test_a_group_reads_leases_along_with_the_locks_that_it_checks(worker: Worker) -> None:
    asked: list[str] = []
    with worker.database.locks(ORGANIZATION_ID, worker.owner).hold(ACCOUNT_ID, "deletion") as lock:
        event.listen(
            worker.database.store.engine,
            "before_cursor_execute",
            lambda _connection, _cursor, statement, *_: asked.append(statement),
        )
        worker.ledger.append_intent(Action.ACCESS_KEY_DELETE, account_id=ACCOUNT_ID, lock=lock)
    reads = [statement for statement in asked if statement.startswith("SELECT") and "owners" in statement]
    assert reads  # two of them if the server cut the first transaction off, as it does on a busy machine
    assert all("account_locks" in read for read in reads)


def test_p02_a_database_that_another_process_locks_refuses_and_then_continues(stage: Stage) -> None:
    with stage.open(busy_timeout_seconds=0.2) as database:
        worker = make_worker(database)
        with locked_by_another(stage):
            error = raised_by(worker.append_intent, LedgerUnavailableError)
            assert "another process has locked it" in error.message
            assert error.hint is not None
        assert worker.append_intent().sequence == 1
        worker.owner.close()


def test_p02_a_read_only_ledger_refuses_every_intent(stage: Stage) -> None:
    process = run_program("reading_only", stage.folder, "while-open")
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    refusal, listed, sequence = printed.splitlines()
    assert refusal == f"The ledger in {stage.path} can't be written: it is read-only."
    assert (listed, sequence) == ("2", "3")


def test_p02_a_deleted_folder_refuses_although_its_files_are_still_open(stage: Stage, worker: Worker) -> None:
    worker.append_pair()
    deleted = stage.path.parent.rename(f"{stage.path.parent}-deleted")  # at once: the anchor may be written meanwhile
    shutil.rmtree(deleted, ignore_errors=True)
    for _ in range(2):
        error = raised_by(worker.append_intent, LedgerUnavailableError)
        assert "can't be written" in error.message
    assert not stage.path.exists()


def test_p02_a_database_that_was_replaced_by_an_older_copy_refuses(stage: Stage, worker: Worker) -> None:
    worker.append_pair()
    stage.run_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    copy = stage.folder / "copy.db"
    shutil.copy(stage.path, copy)
    worker.append_pair()
    for leftover in (stage.path, Path(f"{stage.path}-wal"), Path(f"{stage.path}-shm")):
        leftover.unlink(missing_ok=True)
    shutil.copy(copy, stage.path)
    for _ in range(2):
        error = raised_by(worker.append_intent, LedgerUnavailableError)
        assert "replaced" in error.message or "put in its place" in error.message


def test_p02_an_older_copy_written_over_the_file_refuses_reads_and_work_without_entries_too(
    stage: Stage, worker: Worker
) -> None:
    commits = worker.database.commits
    worker.append_pair()
    commits.require_known_ledger()
    stage.run_sql("DELETE FROM open_intents")
    stage.run_sql("DELETE FROM ledger_entries WHERE sequence = 2")
    stage.run_sql("UPDATE ledger_head SET sequence = 1, entry_hash = (SELECT entry_hash FROM ledger_entries)")
    error = raised_by(commits.require_known_ledger, DatabaseError)
    assert "older copy" in error.message
    error = raised_by(lambda: commits.run(lambda _: None), DatabaseError)
    assert "older copy" in error.message
    raised_by(worker.append_intent, LedgerUnavailableError)
    raised_by(
        lambda: worker.database.get_store(RecoveryWindowStore, "o-exampleorgid").list_windows(unfinished_only=True),
        DatabaseError,
    )


def test_p02_an_older_copy_written_over_the_file_is_seen_by_connections_that_keep_its_pages(
    stage: Stage, worker: Worker
) -> None:
    commits = worker.database.commits
    worker.append_pair()
    stage.run_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    copy = stage.folder / "copy.db"
    shutil.copy(stage.path, copy)
    worker.append_pair()
    stage.run_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    commits.require_known_ledger()
    pool, watch = worker.database.store.engine.pool, Stopwatch()
    assert isinstance(pool, QueuePool)
    for _ in range(4):  # so that each connection of the pool keeps pages
        commits.run(lambda transaction: read_head(transaction.connection))
        while pool.checkedout() > 1:  # the writer returns its connection after the caller continues
            assert watch.seconds < 30, pool.status()
            watch.pause(0.01)
    shutil.copyfile(copy, stage.path)
    raised_by(worker.append_intent, LedgerUnavailableError)
    assert "older copy" in raised_by(lambda: commits.run(lambda _: None), DatabaseError).message
    assert "older copy" in raised_by(commits.require_known_ledger, DatabaseError).message


def test_a_writer_that_bugs_end_again_and_again_starts_after_a_pause(worker: Worker) -> None:
    pauses: list[float] = []
    commits = GroupCommit(worker.database.store, lambda: None, pauses.append)

    def fail(_: WriteTransaction) -> None:
        raise ZeroDivisionError("a bug")

    before = threading.excepthook
    threading.excepthook = lambda _: None
    try:
        for _ in range(3):
            raised_by(lambda: commits.run(fail), DatabaseError)
        commits.close()
    finally:
        threading.excepthook = before
    assert len(pauses) >= 2
    assert min(pauses) >= 0.5


def test_a_refusal_concerns_only_its_own_unit(worker: Worker) -> None:
    def refuse(transaction: WriteTransaction) -> None:
        transaction.connection.execute(
            insert(schema.merged_spills).values(
                spill_id="x", organization_id="o", merged_at=worker.owner.clock.now(), entries=0
            )
        )
        raise InputError("no")

    assert raised_by(lambda: worker.database.commits.run(refuse), InputError).message == "no"
    assert worker.append_intent().sequence == 1
    with worker.database.store.engine.connect() as connection:
        assert connection.execute(schema.merged_spills.select()).all() == []


def test_a_refusal_leaves_the_others_of_its_group_written_once(worker: Worker) -> None:
    entered, gate = threading.Event(), threading.Event()
    commits = worker.database.commits

    def insert_spill(transaction: WriteTransaction, name: str) -> None:
        transaction.connection.execute(
            insert(schema.merged_spills).values(
                spill_id=name, organization_id="o", merged_at=worker.owner.clock.now(), entries=0
            )
        )

    def wait_for_the_others(_: WriteTransaction) -> None:
        entered.set()
        gate.wait(60)

    def refuse(transaction: WriteTransaction) -> None:
        insert_spill(transaction, "refused")
        raise InputError("no")

    threads = [
        threading.Thread(target=commits.run, args=(wait_for_the_others,)),
        threading.Thread(target=commits.run, args=(partial(insert_spill, name="before"),)),
        threading.Thread(target=raised_by, args=(partial(commits.run, refuse), InputError)),
        threading.Thread(target=commits.run, args=(partial(insert_spill, name="after"),)),
        threading.Thread(target=worker.append_intent),
    ]
    for number, thread in enumerate(threads):
        thread.start()
        entered.wait(60)
        while len(commits._waiting) < number:
            threading.Event().wait(0.01)
    gate.set()
    for thread in threads:
        thread.join()
    with worker.database.store.engine.connect() as connection:
        assert {row.spill_id for row in connection.execute(schema.merged_spills.select())} == {"before", "after"}
        assert len(connection.execute(schema.ledger_entries.select()).all()) == 1


def test_a_row_that_the_database_refuses_fails_alone(worker: Worker) -> None:
    def break_a_rule(transaction: WriteTransaction) -> None:
        transaction.connection.execute(
            schema.ledger_head.insert().values(head_id=1, organization_id="", sequence=0, entry_hash="")
        )

    raised_by(lambda: worker.database.commits.run(break_a_rule), DatabaseError)
    assert worker.append_intent().sequence == 1


def test_a_text_that_cant_be_encoded_fails_alone(worker: Worker) -> None:
    def write_it(transaction: WriteTransaction) -> None:
        transaction.connection.execute(
            insert(schema.merged_spills).values(
                spill_id="\udcff", organization_id="o", merged_at=worker.owner.clock.now(), entries=0
            )
        )

    raised_by(lambda: worker.database.commits.run(write_it), InputError)
    assert worker.append_intent().sequence == 1


def test_after_a_failure_in_a_group_no_success_is_reported_to_anyone(stage: Stage, worker: Worker) -> None:
    """Also those whose own work went well: all share one commit."""
    worker.append_pair()
    results: list[object] = []

    def append() -> None:
        try:
            results.append(worker.append_intent())
        except LedgerUnavailableError as error:
            results.append(error)

    stage.run_sql("ALTER TABLE ledger_entries RENAME TO hidden")
    threads = [threading.Thread(target=append) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(isinstance(result, LedgerUnavailableError) for result in results)
    stage.run_sql("ALTER TABLE hidden RENAME TO ledger_entries")
    assert worker.append_intent().sequence == 3


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_a_unit_leaves_no_one_waiting_and_the_next_one_continues(worker: Worker) -> None:
    def stumble(transaction: WriteTransaction) -> None:
        raise ZeroDivisionError

    raised_by(lambda: worker.database.commits.run_ledger_work(stumble), LedgerUnavailableError)
    assert worker.append_intent().sequence == 1


def test_a_closed_writer_refuses(stage: Stage) -> None:
    stage.open().close()
    commits = GroupCommit(open_store(stage.url, 1.0), lambda: None)
    commits.close()
    raised_by(lambda: commits.run_ledger_work(lambda transaction: None), LedgerUnavailableError)


def test_only_commits_with_entries_are_reported_to_the_copies(stage: Stage) -> None:
    stage.open().close()
    reported: list[str] = []
    store = open_store(stage.url, 1.0)
    commits = GroupCommit(store, lambda: reported.append("committed"))
    commits.run(lambda transaction: None)
    assert reported == []
    commits.close()
    store.engine.dispose()


def test_p03_an_entry_is_seen_by_others_once_it_is_acknowledged(stage: Stage, worker: Worker) -> None:
    intent = worker.append_intent()
    assert stage.query("SELECT sequence, action, phase FROM ledger_entries") == [
        (intent.sequence, Action.ACCESS_KEY_DELETE.value, "intent")
    ]


def test_p11_a_closing_waits_two_seconds_for_a_write_that_is_not_done_later(worker: Worker) -> None:
    commits, entered, gate = worker.database.commits, threading.Event(), threading.Event()

    def wait_for_the_test(_: WriteTransaction) -> None:
        entered.set()
        gate.wait(10)

    done: list[str] = []
    busy = threading.Thread(target=commits.run, args=(wait_for_the_test,))
    busy.start()
    entered.wait(60)
    watch = Stopwatch()
    with using_reserve():
        raised_by(lambda: commits.run_ledger_work(lambda _: done.append("late")), LedgerUnavailableError)
    assert CLOSING_SECONDS <= watch.seconds < 60
    gate.set()
    busy.join()
    commits.run(lambda _: done.append("next"))
    assert done == ["next"]


def test_p27_a_closing_that_was_stopped_while_it_waited_for_a_write_waits_again(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write was done meanwhile, or its lock is lost. A closing that took it for failed would use the spill file."""
    commits, entered, gate = worker.database.commits, threading.Event(), threading.Event()

    def wait_for_the_test(_: WriteTransaction) -> None:
        entered.set()
        gate.wait(60)

    def be_late() -> float:
        """The clock of a process that was stopped for an hour after its first look."""
        if looks:
            gate.set()
        looks.append(time.monotonic() + 3600 * len(looks))
        return looks[-1]

    looks: list[float] = []
    busy = threading.Thread(target=commits.run, args=(wait_for_the_test,))
    busy.start()
    entered.wait(60)
    monkeypatch.setattr(writer, "time", SimpleNamespace(monotonic=be_late))
    try:
        with using_reserve():
            assert commits.run_ledger_work(lambda _: "done") == "done"
    finally:
        gate.set()
        busy.join()


def test_p11_a_process_that_began_a_ledger_needs_no_database_for_its_id(
    stage: Stage, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spill names the ledger that it belongs to, and is written while the database doesn't answer."""
    worker.append_intent()
    monkeypatch.setattr(writer, "reading", None)
    assert [(worker.database.commits.find_ledger_id(),)] == stage.query("SELECT entry_hash FROM ledger_entries")
