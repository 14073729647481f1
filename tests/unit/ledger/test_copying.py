"""Mirror and anchor follow the ledger, and never hold it up."""

from __future__ import annotations

import time
from collections.abc import Callable

from rootkeeper.database.files import open_locked
from rootkeeper.ledger.anchor import FileAnchor
from tests.durations import measure_best
from tests.unit.database.samples import Stage, Worker, make_worker

ENTRIES = FileAnchor.entry_limit or 0


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)


def read_anchored(stage: Stage) -> list[int]:
    return [head.head.sequence for head in FileAnchor(stage.anchor_path).read_heads()]


def count_mirrored(stage: Stage) -> int:
    return len(stage.mirror_path.read_text().splitlines()) if stage.mirror_path.exists() else 0


def test_entries_are_mirrored_while_the_process_runs(stage: Stage, worker: Worker) -> None:
    worker.append_pair()
    wait_until(lambda: count_mirrored(stage) == 2)


def test_the_head_is_anchored_at_once_then_every_hundred_entries_and_at_the_end(stage: Stage) -> None:
    with stage.open() as database:
        worker = make_worker(database)
        worker.append_pair()
        wait_until(lambda: len(read_anchored(stage)) == 1)
        worker.append_pair()
        wait_until(lambda: count_mirrored(stage) == 4)
        assert len(read_anchored(stage)) == 1
        for number in range(ENTRIES // 2):
            worker.append_pair(number=number)
        wait_until(lambda: len(read_anchored(stage)) > 1)
        worker.append_pair()
        worker.owner.close()
    anchored = read_anchored(stage)
    assert anchored[-1] == 6 + ENTRIES == count_mirrored(stage)
    assert len(anchored) <= 4


def test_what_a_killed_process_didnt_copy_is_copied_by_the_next(stage: Stage) -> None:
    with stage.open(has_mirror=False, anchor_path=None) as database:
        worker = make_worker(database)
        worker.append_pair()
        worker.owner.close()
    assert not stage.mirror_path.exists()
    with stage.open() as database:
        worker = make_worker(database)
        worker.append_pair()
        worker.owner.close()
    assert count_mirrored(stage) == 4
    assert read_anchored(stage)[-1] == 4


def test_copies_that_cant_be_written_are_remarked_once_and_the_ledger_continues(stage: Stage) -> None:
    stage.mirror_path.parent.mkdir()
    stage.mirror_path.mkdir()
    stage.anchor_path.mkdir(parents=True)
    with stage.open() as database:
        worker = make_worker(database)
        for number in range(5):
            worker.append_pair(number=number)
            time.sleep(0.06)
        worker.owner.close()
        assert len(list(database.ledger_reader().list_entries())) == 10
    assert len(stage.warnings) == 2
    assert "mirror can't be kept up" in stage.warnings[0]
    assert "anchor can't be kept up" in stage.warnings[1]


def test_a_mirror_that_another_process_keeps_is_left_to_it(stage: Stage) -> None:
    with stage.open(anchor_path=None) as database:
        worker = make_worker(database)
        with open_locked(stage.mirror_path, 0):
            assert measure_best(worker.append_pair) < 0.5
        worker.owner.close()
    assert stage.warnings == []
    assert count_mirrored(stage) == 10


def test_a_copy_that_cant_be_read_is_remarked_and_left_out(stage: Stage) -> None:
    with stage.open() as database:
        stage.mirror_path.mkdir()
        database.require_not_outdated()
    assert len(stage.warnings) == 1
    assert "isn't compared" in stage.warnings[0]
