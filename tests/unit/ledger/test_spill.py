"""The spill: a ledger on a file, for closing while the real one can't be written."""

from __future__ import annotations

import os
import resource
import stat
import tempfile
from pathlib import Path

import pytest

from rootkeeper.errors import LedgerUnavailableError, LockLostError
from rootkeeper.ledger.rules import Action, Result, find_first_chain_break, parse_entry
from rootkeeper.ledger.spill import SpillLedger, list_spill_files, open_spill
from tests.disk_writes import LINUX, DiskWrites
from tests.small_disks import mounted_disk
from tests.unit.database.samples import ACCOUNT_ID, ACTOR, ENDPOINT, ORGANIZATION_ID, Stage, Worker, raised_by


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def open_at(folder: Path | None, worker: Worker) -> SpillLedger:
    return open_spill(folder, None, ORGANIZATION_ID, ENDPOINT, ACTOR, worker.owner)


def test_entries_are_on_disk_and_chained_when_they_are_acknowledged(stage: Stage, worker: Worker) -> None:
    with open_at(stage.spill_folder, worker) as ledger:
        intent = ledger.append_intent(Action.LOGIN_PROFILE_DELETE, account_id=ACCOUNT_ID, parameters={"a": 1})
        assert intent.sequence == -1
        assert worker.owner.clock.monotonic() < intent.valid_until <= worker.owner.clock.monotonic() + 60
        intent.note_request("of-aws")
        outcome = ledger.append_outcome(intent, Result.DONE, {"status": "deleted"})
        assert outcome.parameters == {"request_id": "of-aws", "status": "deleted"}
        fact = ledger.append_fact(Action.WINDOW_CLOSE, account_id=ACCOUNT_ID)
        entries = [parse_entry(line) for line in ledger.path.read_text().splitlines()[1:]]
        assert entries[1:] == [outcome, fact]
        assert [entry.intent_sequence for entry in entries] == [None, -1, None]
        assert find_first_chain_break(entries, checks_outcomes=False) is None
        assert stat.S_IMODE(ledger.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(ledger.path.parent.stat().st_mode) == 0o700


@LINUX
def test_p02_an_entry_is_acknowledged_only_once_the_disk_has_it(
    stage: Stage, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = DiskWrites.record(monkeypatch)
    with open_at(stage.spill_folder, worker) as ledger:
        assert writes.find(ledger.path) == ledger.path.read_bytes(), "the header"
        assert writes.find(ledger.path.parent) is not None, "the file's name"
        intent = ledger.append_intent(Action.LOGIN_PROFILE_DELETE, account_id=ACCOUNT_ID)
        assert writes.find(ledger.path) == ledger.path.read_bytes(), "an intent, before its call is sent"
        ledger.append_outcome(intent, Result.DONE)
        assert writes.find(ledger.path) == ledger.path.read_bytes(), "an outcome"
        assert len(ledger.path.read_bytes().splitlines()) == 3


def test_p03_an_intent_gets_one_outcome_here_too(stage: Stage, worker: Worker) -> None:
    earlier = worker.append_intent()
    with open_at(stage.spill_folder, worker) as ledger:
        intent = ledger.append_intent(Action.LOGIN_PROFILE_DELETE, account_id=ACCOUNT_ID)
        ledger.append_outcome(intent, Result.DONE)
        raised_by(lambda: ledger.append_outcome(intent, Result.DONE), LockLostError)
        assert ledger.append_outcome(earlier, Result.DONE).intent_sequence == earlier.sequence


def test_where_the_folder_cant_be_written_the_temporary_one_is_used(
    stage: Stage, worker: Worker, temporary_folder: Path
) -> None:
    stage.spill_folder.write_text("a file, not a folder")
    with open_at(stage.spill_folder, worker) as ledger:
        assert ledger.path.parent == temporary_folder / f"rootkeeper-{os.getuid()}"
        assert list_spill_files(stage.spill_folder) == (ledger.path,)


def test_p02_where_nothing_can_be_written_nothing_is_acknowledged(
    stage: Stage, worker: Worker, temporary_folder: Path
) -> None:
    stage.spill_folder.write_text("a file, not a folder")
    (temporary_folder / f"rootkeeper-{os.getuid()}").symlink_to(stage.folder)
    error = raised_by(lambda: open_at(stage.spill_folder, worker), LedgerUnavailableError)
    assert error.hint is not None


def test_spill_files_of_both_places_are_listed(stage: Stage, worker: Worker) -> None:
    assert list_spill_files(stage.spill_folder) == ()
    with open_at(stage.spill_folder, worker) as one, open_at(None, worker) as two:
        assert set(list_spill_files(stage.spill_folder)) == {one.path, two.path}


def test_a_line_that_couldnt_be_written_whole_is_taken_back(stage: Stage, worker: Worker) -> None:
    with open_at(stage.spill_folder, worker) as ledger:
        ledger.append_fact(Action.WINDOW_CLOSE)
        before = ledger.path.read_bytes()
        real = ledger._handle
        ledger._handle = ledger.path.open("rb")
        raised_by(lambda: ledger.append_fact(Action.WINDOW_CLOSE), LedgerUnavailableError)
        ledger._handle.close()
        ledger._handle = real
        assert ledger.path.read_bytes() == before
        ledger.append_fact(Action.WINDOW_CLOSE)
        entries = [parse_entry(line) for line in ledger.path.read_text().splitlines()[1:]]
        assert find_first_chain_break(entries) is None


def test_p08_a_secret_is_refused_here_too(stage: Stage, worker: Worker) -> None:
    with open_at(stage.spill_folder, worker) as ledger, pytest.raises(ValueError, match="no secrets"):
        ledger.append_fact(Action.WINDOW_CLOSE, parameters={"SessionToken": "FwoGZXIvYXdzE"})


def test_orphans_are_settled_in_the_real_ledger_only(stage: Stage, worker: Worker) -> None:
    worker.append_intent()
    (entry,) = worker.database.ledger_reader().list_open_intents()
    with open_at(stage.spill_folder, worker) as ledger:
        assert ledger.list_orphans() == ()
        raised_by(lambda: ledger.settle_orphan(entry, Result.DONE, {}), LedgerUnavailableError)


def test_p11_a_folder_with_room_for_a_whole_closing_comes_first(
    worker: Worker, tmp_path: Path, temporary_folder: Path
) -> None:
    with mounted_disk(tmp_path / "disk", 1) as disk:
        with open_at(disk.folder, worker) as ledger:
            assert ledger.path.parent == disk.folder
        disk.fill(but_bytes=16 * 1024)
        with open_at(disk.folder, worker) as ledger:
            assert temporary_folder in ledger.path.parents
        assert len(list_spill_files(disk.folder)) == 2


def test_where_no_folder_has_room_for_a_whole_closing_it_is_begun_all_the_same(stage: Stage, worker: Worker) -> None:
    """A file may grow to so many bytes, which is what an almost full disk is to a program."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with open_at(stage.spill_folder, worker) as ledger:
            assert ledger.append_intent(Action.WINDOW_CLOSE, account_id=ACCOUNT_ID).sequence == -1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
