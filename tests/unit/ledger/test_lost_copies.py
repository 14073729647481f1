"""P20: a copy that was begun and is missing, empty, cut or unreadable fails the verification, and isn't begun again."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from rootkeeper.errors import LedgerOutdatedError
from rootkeeper.ledger.anchor import FileAnchor
from rootkeeper.ledger.database import Database
from rootkeeper.ledger.memory import CopyMemory, CopyName
from rootkeeper.ledger.rules import Action, LedgerVerification
from rootkeeper.ledger.writer import Head
from tests.unit.database.samples import Stage, make_worker, raised_by

PATHS: dict[str, Callable[[Stage], Path]] = {
    "mirror": lambda stage: stage.mirror_path,
    "anchor": lambda stage: stage.anchor_path,
}


def open_with_memory(stage: Stage) -> Database:
    return stage.open(memory_folder=stage.folder / "memory")


def write_pairs(stage: Stage, count: int) -> None:
    with open_with_memory(stage) as database:
        worker = make_worker(database)
        for number in range(count):
            worker.append_pair(number=number)
        worker.owner.close()


def verify(stage: Stage) -> LedgerVerification:
    with open_with_memory(stage) as database:
        return database.ledger_reader().verify()


@pytest.fixture
def written(stage: Stage) -> Stage:
    """Six entries, mirrored and anchored by two processes."""
    stage.place_database()
    write_pairs(stage, 2)
    write_pairs(stage, 1)
    assert verify(stage).is_intact
    return stage


class PausedMemory(CopyMemory):
    """Waits between its reading and its writing."""

    has_read = threading.Event()
    may_write = threading.Event()

    def read_heads(self) -> Mapping[CopyName, Head]:
        heads = super().read_heads()
        self.has_read.set()
        assert self.may_write.wait(10)
        return heads


def keep_first_line(path: Path) -> None:
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])


def make_unreadable(path: Path) -> None:
    path.unlink()
    path.mkdir()


LOSSES: dict[str, tuple[Callable[[Path], object], str]] = {
    "removed": (Path.unlink, "is missing, although"),
    "emptied": (lambda path: path.write_bytes(b""), "is empty, although"),
    "cut": (keep_first_line, "although entry 6 was copied to it"),
    "damaged": (lambda path: path.write_bytes(b"rubbish\n"), "is damaged"),
    "unreadable": (make_unreadable, "can't be read"),
}


def test_a_copy_begins_once_regardless_of_the_file_beside_the_database(written: Stage) -> None:
    statement = "SELECT copy_name, began_at FROM ledger_copies ORDER BY copy_name"
    before = written.query(statement)
    assert [name for name, _ in before] == ["anchor", "mirror"]
    write_pairs(written, 1)
    assert written.query(statement) == before


def test_p20_processes_that_remember_at_the_same_time_lose_no_head_of_each_other(stage: Stage) -> None:
    mirrored, anchored = Head(5, "5" * 64), Head(7, "7" * 64)
    with open_with_memory(stage) as database:
        machines = dict.fromkeys(CopyName, "")
        first = PausedMemory(database.store, stage.folder / "memory", machines)
        second = CopyMemory(database.store, stage.folder / "memory", machines)
        with ThreadPoolExecutor() as threads:
            noted = [threads.submit(first.note, CopyName.MIRROR, mirrored)]
            assert first.has_read.wait(10)
            noted.append(threads.submit(second.note, CopyName.ANCHOR, anchored))
            wait(noted[1:], timeout=0.3)
            first.may_write.set()
            for one in noted:
                one.result()
        assert second.read_heads() == {CopyName.MIRROR: mirrored, CopyName.ANCHOR: anchored}


@pytest.mark.parametrize("copy", PATHS)
@pytest.mark.parametrize("loss", LOSSES)
def test_p20_a_copy_that_was_lost_fails_the_verification_with_what_to_do(written: Stage, copy: str, loss: str) -> None:
    lose, words = LOSSES[loss]
    lose(PATHS[copy](written))
    found = verify(written)
    assert not found.is_intact
    assert found.first_bad_sequence is None
    assert found.problem is not None
    assert found.problem.startswith(f"The {copy} of the ledger")
    assert words in found.problem
    advice = "Correct its permissions" if loss == "unreadable" else "adopt the ledger"
    assert advice in found.problem


@pytest.mark.parametrize("copy", PATHS)
@pytest.mark.parametrize("loss", ["removed", "emptied", "cut"])
def test_p20_a_lost_copy_isnt_begun_again_by_the_next_entries(written: Stage, copy: str, loss: str) -> None:
    path = PATHS[copy](written)
    LOSSES[loss][0](path)
    before = path.read_bytes() if path.exists() else None
    write_pairs(written, 2)
    assert (path.read_bytes() if path.exists() else None) == before
    assert any(f"{copy} can't be kept up" in warning for warning in written.warnings)
    assert not verify(written).is_intact


@pytest.mark.parametrize("loss", ["removed", "emptied", "cut", "damaged"])
@pytest.mark.parametrize("copies", [("mirror",), ("anchor",), ("mirror", "anchor")], ids="-".join)
def test_an_adoption_records_the_loss_and_begins_the_copies_again(
    written: Stage, copies: tuple[str, ...], loss: str
) -> None:
    for copy in copies:
        LOSSES[loss][0](PATHS[copy](written))
    with open_with_memory(written) as database:
        worker = make_worker(database)
        entry = database.adopt(worker.ledger)
        assert entry is not None
        assert entry.action is Action.LEDGER_ADOPT
        assert f"The {min(copies)} of the ledger" in str(entry.parameters["lost_copy"])
        worker.append_pair()
        worker.owner.close()
    found = verify(written)
    assert (found.problem, found.entries, found.anchored_sequence) == (None, 9, 9)
    with open_with_memory(written) as database:
        database.require_not_outdated()


@pytest.mark.parametrize("remembers", ["database", "file"])
def test_p20_either_memory_alone_misses_copies_that_were_removed(written: Stage, remembers: str) -> None:
    written.mirror_path.unlink()
    written.anchor_path.unlink()
    if remembers == "file":
        written.run_sql("DELETE FROM ledger_copies")
    else:
        (memory,) = (written.folder / "memory").glob("*.json")
        memory.unlink()
    found = verify(written)
    assert not found.is_intact
    assert "is missing, although" in str(found.problem)


def test_a_report_takes_a_database_without_its_copies_and_no_emptied_copy(written: Stage) -> None:
    written.anchor_path.unlink()
    with open_with_memory(written) as database:
        assert database.ledger_reader().verify(must_have_copies=False).is_intact
    written.mirror_path.write_bytes(b"")
    with open_with_memory(written) as database:
        assert "is empty" in str(database.ledger_reader().verify(must_have_copies=False).problem)


def test_p20_a_rewritten_ledger_without_copies_is_found_by_the_memory(written: Stage) -> None:
    written.mirror_path.unlink()
    written.anchor_path.unlink()
    written.run_sql(
        "DELETE FROM ledger_copies",
        "DELETE FROM ledger_entries WHERE sequence > 2",
        "UPDATE ledger_head SET sequence = 2, entry_hash = (SELECT entry_hash FROM ledger_entries WHERE sequence = 2)",
    )
    found = verify(written)
    assert found.first_bad_sequence == 3
    assert "memory" in str(found.problem)
    with open_with_memory(written) as database:
        error = raised_by(database.require_not_outdated, LedgerOutdatedError)
        assert "memory" in error.message


def test_p20_a_memory_that_is_no_memory_fails_the_verification(written: Stage) -> None:
    (memory,) = (written.folder / "memory").glob("*.json")
    memory.write_text("rubbish")
    found = verify(written)
    assert "The memory of the ledger's copies can't be read" in str(found.problem)
    with open_with_memory(written) as database:
        worker = make_worker(database)
        assert database.adopt(worker.ledger) is not None
        worker.owner.close()
    assert verify(written).is_intact


@pytest.mark.timeout(60)
@pytest.mark.parametrize("special", ["pipe", "device"])
@pytest.mark.parametrize("copy", ["mirror", "anchor", "memory"])
def test_p20_a_pipe_or_a_device_in_a_copys_place_is_refused_at_once(written: Stage, copy: str, special: str) -> None:
    (memory,) = (written.folder / "memory").glob("*.json")
    place = memory if copy == "memory" else PATHS[copy](written)
    place.unlink()
    if special == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to("/dev/zero")
    found = verify(written)
    assert "can't be read: " in str(found.problem)
    assert "it isn't a regular file" in str(found.problem)
    with open_with_memory(written) as database:
        database.require_not_outdated()
        worker = make_worker(database)
        worker.append_pair()
        worker.owner.close()
    assert any("it isn't a regular file" in warning for warning in written.warnings)
    assert not place.is_file()


def test_p20_a_missing_memory_of_the_heads_is_said_and_makes_nothing_less_intact(written: Stage) -> None:
    assert verify(written).missing_memory is None
    with written.open(memory_folder=written.folder / "other state") as database:
        found = database.ledger_reader().verify()
    assert found.is_intact
    assert str(written.folder / "other state") in str(found.missing_memory)
    with written.open(memory_folder=None) as database:
        assert database.ledger_reader().verify().missing_memory is None


def test_a_ledger_whose_copies_havent_begun_misses_no_memory(stage: Stage) -> None:
    stage.place_database()
    assert verify(stage).missing_memory is None


def test_the_memory_has_the_last_head_of_each_copy_and_no_more(written: Stage) -> None:
    (memory,) = (written.folder / "memory").glob("*.json")
    heads = json.loads(memory.read_text())["heads"]
    assert {name: head["sequence"] for name, head in heads.items()} == {"anchor": 6, "mirror": 6}
    assert memory.stat().st_mode & 0o077 == 0


def test_a_memory_that_cant_be_written_is_remarked_once_and_the_copies_are_kept_up(stage: Stage) -> None:
    with stage.open(memory_folder=Path("/proc/rootkeeper")) as database:
        worker = make_worker(database)
        worker.append_pair()
        worker.owner.close()
    assert [warning for warning in stage.warnings if "memory can't be kept up" in warning] == stage.warnings
    assert len(stage.warnings) == 1
    assert len(stage.mirror_path.read_text().splitlines()) == 2
    assert FileAnchor(stage.anchor_path).read_heads()[-1].head.sequence == 2


class ElsewhereAnchor(FileAnchor):
    """Isn't a file of this machine."""

    path = None  # type: ignore[assignment]  # as in a bucket

    def __init__(self) -> None:
        self.place = "elsewhere"


def test_copies_are_beside_the_database_unless_one_is_on_another_file_system(stage: Stage) -> None:
    with stage.open() as database:
        assert database.are_copies_beside() is (stage.postgresql_url is None)
    with stage.open(anchor_path=None) as database:
        assert database.are_copies_beside() is (stage.postgresql_url is None)
    with stage.open(anchor_path=Path("/proc/anchor.jsonl")) as database:
        assert not database.are_copies_beside()
    with stage.open(anchor=ElsewhereAnchor()) as database:
        assert not database.are_copies_beside()


def test_a_database_that_was_moved_with_its_copies_is_intact(written: Stage) -> None:
    moved = Stage(written.folder / "moved")
    moved.folder.mkdir()
    written.path.parent.rename(moved.path.parent)
    written.anchor_path.parent.rename(moved.anchor_path.parent)
    assert verify(moved).is_intact
    moved.anchor_path.unlink()
    assert "is missing, although" in str(verify(moved).problem)
