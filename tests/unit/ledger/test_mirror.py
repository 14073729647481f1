"""The mirror: a resumable copy that never contradicts itself."""

from __future__ import annotations

import json

import pytest

from rootkeeper.database.files import LineFileBusyError, open_locked
from rootkeeper.ledger.copies import CopyConflictError, Mirror, MirrorLines, find_head
from rootkeeper.ledger.database import Database
from rootkeeper.ledger.rules import parse_entry
from tests.unit.database.samples import Stage, Worker, raised_by


@pytest.fixture
def mirror(stage: Stage) -> Mirror:
    return Mirror(stage.folder / "copy.jsonl")


def read_sequences(mirror: Mirror) -> list[int]:
    return [json.loads(line)["sequence"] for line in mirror.path.read_text().splitlines()]


def catch_up(mirror: Mirror, database: Database) -> None:
    mirror.catch_up(database.store, 0, holds=None)


def test_every_entry_becomes_a_line_as_it_was_hashed(mirror: Mirror, worker: Worker) -> None:
    worker.append_pair()
    catch_up(mirror, worker.database)
    lines = mirror.path.read_text().splitlines()
    assert [parse_entry(line) for line in lines] == list(worker.database.ledger_reader().list_entries())
    last = mirror.find_last()
    assert last is not None
    assert last.sequence == 2


def test_it_continues_after_its_last_complete_line(mirror: Mirror, worker: Worker) -> None:
    worker.append_pair()
    catch_up(mirror, worker.database)
    worker.append_pair()
    content = mirror.path.read_bytes()
    mirror.path.write_bytes(content[:-20])
    catch_up(mirror, worker.database)
    assert read_sequences(mirror) == [1, 2, 3, 4]
    catch_up(mirror, worker.database)
    assert read_sequences(mirror) == [1, 2, 3, 4]


@pytest.mark.parametrize("rubbish", [b"\0\0\0\n", b"{}\n\xff\n", b'{"sequence": "x"}\n'], ids=repr)
def test_lines_that_are_no_entries_at_its_end_are_cut(mirror: Mirror, worker: Worker, rubbish: bytes) -> None:
    worker.append_pair()
    catch_up(mirror, worker.database)
    with mirror.path.open("ab") as handle:
        handle.write(rubbish)
    worker.append_pair()
    catch_up(mirror, worker.database)
    assert read_sequences(mirror) == [1, 2, 3, 4]


def test_a_mirror_of_nothing_but_rubbish_begins_again(mirror: Mirror, worker: Worker) -> None:
    mirror.path.write_bytes(b"rubbish\n")
    worker.append_pair()
    catch_up(mirror, worker.database)
    assert read_sequences(mirror) == [1, 2]


def test_p20_a_mirror_that_knows_another_past_is_left_as_it_is(stage: Stage, mirror: Mirror, worker: Worker) -> None:
    worker.append_pair()
    catch_up(mirror, worker.database)
    line = json.loads(mirror.path.read_text().splitlines()[-1])
    for change in ({"sequence": 9}, {"entry_hash": "f" * 64}):
        mirror.path.write_text(json.dumps({**line, **change}) + "\n")
        before = mirror.path.read_bytes()
        raised_by(lambda: catch_up(mirror, worker.database), CopyConflictError)
        assert mirror.path.read_bytes() == before


def test_only_one_process_copies_at_a_time(mirror: Mirror, worker: Worker) -> None:
    with open_locked(mirror.path, 0):
        raised_by(lambda: catch_up(mirror, worker.database), LineFileBusyError)


def test_a_mirror_is_set_aside_under_another_name(mirror: Mirror, worker: Worker) -> None:
    mirror.set_aside("old")
    worker.append_pair()
    catch_up(mirror, worker.database)
    mirror.set_aside("old")
    assert not mirror.path.exists()
    assert mirror.path.with_name("copy.jsonl.old").exists()
    assert mirror.find_last() is None


def test_lines_are_taken_along_with_the_entries(mirror: Mirror) -> None:
    lines = [f'{{"sequence":{n},"entry_hash":"h{n}","organization_id":"o"}}'.encode() for n in (1, 2, 4)]
    mirror.path.write_bytes(b"\n".join([*lines[:2], b"rubbish", lines[2], b""]))
    with MirrorLines(mirror) as taken:
        assert taken.take(1) == lines[0]
        assert taken.take(2) == lines[1]
        assert taken.take(3) == b""
        assert taken.take(4) == lines[2]
        assert taken.take(5) is None
        assert taken.find_last_sequence() == 4
    with MirrorLines(None) as none:
        assert none.take(1) is None
        assert none.find_last_sequence() == 0
    assert find_head(b"rubbish") is None
