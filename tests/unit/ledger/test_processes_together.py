"""Several real processes on one database: appending, dying, fighting for a lock, and stopping for too long."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from rootkeeper.ledger.rules import Phase
from tests.unit.database.samples import ORGANIZATION_ID, Stage, make_worker, read_line, run_program, send_line


@contextmanager
def running(name: str, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    process = run_program(name, *arguments)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def step(process: subprocess.Popen[str], name: str) -> str:
    send_line(process, name)
    return read_line(process)


def stop(process: subprocess.Popen[str], stage: Stage) -> None:
    """Stop it, but not in the midst of a transaction, by which it would keep all others from writing."""
    while True:
        os.kill(process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        if not stage.is_being_written():
            return
        os.kill(process.pid, signal.SIGCONT)


def outlive_lease(process: subprocess.Popen[str], stage: Stage) -> None:
    """Wait until the lease of one that is stopped has run out."""
    ((text,),) = stage.query(f"SELECT lease_until FROM owners WHERE process_id = {process.pid}")  # noqa: S608 - our own
    lease_until = datetime.fromisoformat(text)
    while datetime.now(UTC) <= lease_until:
        time.sleep(0.1)


@pytest.mark.long
def test_p03_four_processes_with_eight_threads_leave_one_chain_without_gaps(stage: Stage) -> None:
    each = 200 if stage.postgresql_url is None else 60  # its commits wait for a server, too
    processes = [run_program("appending", stage.folder, "8", str(each)) for _ in range(4)]
    printed = [process.communicate(timeout=100)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    acknowledged = [line for text in printed for line in text.splitlines()]
    assert len(set(acknowledged)) == 4 * 8 * each
    with stage.open() as database:
        verification = database.ledger_reader().verify()
        assert verification.problem is None
        assert verification.entries == verification.head_sequence == 4 * 8 * each
        assert verification.anchored_sequence == 4 * 8 * each
        stored = {f"{entry.sequence} {entry.entry_hash}" for entry in database.ledger_reader().list_entries()}
        assert stored == set(acknowledged)
    assert len(stage.mirror_path.read_text().splitlines()) == 4 * 8 * each
    assert stage.warnings == []


@pytest.mark.long
def test_p01_no_acknowledged_entry_is_lost_when_a_process_is_killed(stage: Stage) -> None:
    with (
        running("appending", stage.folder, "8", "0") as victim,
        running("appending", stage.folder, "4", "100") as other,
    ):
        assert victim.stdout is not None
        acknowledged = list(islice(victim.stdout, 300))
        victim.kill()
        rest = victim.stdout.read()
        others = other.communicate(timeout=60)[0].splitlines()
    acknowledged += [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    with stage.open() as database:
        assert database.ledger_reader().verify().problem is None
        stored = {f"{entry.sequence} {entry.entry_hash}" for entry in database.ledger_reader().list_entries()}
    seen = {line.strip() for line in acknowledged} | set(others)
    assert seen <= stored
    # At most one group was on its way: as many entries as there are threads.
    assert len(stored - seen) <= 8


def test_p27_one_of_two_processes_gets_the_lock_and_the_other_learns_who_has_it(stage: Stage) -> None:
    with running("holding", stage.folder, "30") as one, running("holding", stage.folder, "30") as two:
        answers = [step(one, "take"), step(two, "take")]
        assert answers[0] == "1"
        assert answers[1].startswith("busy: Account 111122223333 is held by ")
        assert f"process {one.pid}" in answers[1]
        assert "'deletion'" in answers[1]


@pytest.mark.long
def test_p27_the_lock_of_a_killed_process_is_taken_over_at_once(stage: Stage) -> None:
    with running("holding", stage.folder, "300") as one, running("holding", stage.folder, "300") as two:
        assert step(one, "take") == "1"
        assert step(one, "append").startswith("appended")
        one.kill()
        one.wait()
        assert step(two, "take") == "2"


@pytest.mark.long
def test_p27_a_process_that_was_stopped_for_too_long_acts_no_more(stage: Stage) -> None:
    with running("holding", stage.folder, "6") as one, running("holding", stage.folder, "300") as two:
        assert step(one, "take") == "1"
        assert step(one, "append").startswith("appended")
        assert step(two, "take").startswith("busy")  # it has started by then, which may take longer than a lease
        stop(one, stage)
        assert step(two, "take").startswith("busy")
        outlive_lease(one, stage)
        assert step(two, "take") == "2"
        assert step(two, "append").startswith("appended")
        os.kill(one.pid, signal.SIGCONT)
        assert float(step(one, "check")) < 0
        assert step(one, "append") == "lost"
        assert step(two, "append").startswith("appended")


@pytest.mark.long
def test_p27_a_stopped_process_whose_lock_no_one_took_may_continue_or_must_start_again(stage: Stage) -> None:
    with running("holding", stage.folder, "6") as one:
        assert step(one, "take") == "1"
        assert step(one, "append").startswith("appended")
        stop(one, stage)
        outlive_lease(one, stage)
        os.kill(one.pid, signal.SIGCONT)
        assert float(step(one, "check")) < 0
        answer = step(one, "append")
        assert answer == "lost" or float(answer.removeprefix("appended ")) > 0


@pytest.mark.long
def test_p03_what_a_killed_process_left_open_is_an_orphan_and_that_of_a_live_one_isnt(stage: Stage) -> None:
    with running("holding", stage.folder, "300") as one, running("holding", stage.folder, "300") as two:
        assert step(one, "take") == "1"
        assert step(one, "append").startswith("appended")
        assert step(two, "append").startswith("appended")
        with stage.open() as database:
            worker = make_worker(database)
            assert worker.ledger.list_orphans() == ()
            one.kill()
            one.wait()
            assert [entry.sequence for entry in worker.ledger.list_orphans()] == [1]
            assert len(database.ledger_reader().list_open_intents()) == 2
            worker.owner.close()


def test_p02_a_full_disk_refuses_entries_until_there_is_space_again(stage: Stage) -> None:
    process = run_program("filling", stage.folder)
    printed, _ = process.communicate(timeout=60)
    acknowledged, again, error, spill, last = printed.splitlines()
    assert int(acknowledged) > 10
    assert "can't be written" in error
    assert Path(spill).parent == stage.spill_folder
    with stage.open() as database:
        verification = database.ledger_reader().verify()
        assert verification.problem is None
        assert verification.entries == int(last) == int(acknowledged) + int(again) + 1
        intents = [entry for entry in database.ledger_reader().list_entries() if entry.phase is Phase.INTENT]
        assert len(intents) == int(acknowledged) + int(again)


@pytest.mark.long
def test_six_processes_may_make_the_same_database_at_once(stage: Stage) -> None:
    processes = [run_program("appending", stage.folder, "1", "1") for _ in range(6)]
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0] * 6
    with stage.open() as database:
        assert database.ledger_reader().verify().entries == 6
        assert database.list_organization_ids() == (ORGANIZATION_ID,)
