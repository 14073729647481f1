"""Taking in what an emergency recorded in a file of its own: whole, verified, and once."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rootkeeper.clock import SystemClock
from rootkeeper.errors import InputError, WindowConflictError
from rootkeeper.ledger.database import Database, open_database
from rootkeeper.ledger.rules import Action, LedgerEntry, Phase, Result
from rootkeeper.values import render_time
from rootkeeper.windows.imports import LedgerImport, import_ledger, list_unimported, read_source
from rootkeeper.windows.rules import RecoveryWindow, WindowState
from rootkeeper.windows.store import RecoveryWindowStore
from tests.current_databases import place_database
from tests.fakes.stores import make_window
from tests.unit.database.samples import (
    ACCOUNT_ID,
    ACTOR,
    ENDPOINT,
    NOW,
    ORGANIZATION_ID,
    OTHER_ACCOUNT_ID,
    Stage,
    Worker,
    make_worker,
)

OPEN = replace(make_window(ACCOUNT_ID, NOW), is_emergency=True, review_due_at=NOW)


@contextmanager
def emergency(path: Path, *, organization_id: str = ORGANIZATION_ID) -> Iterator[Worker]:
    """The command that runs on a file of its own; its process has ended afterwards."""
    if not path.exists():
        place_database(path)
    with open_database(f"sqlite:///{path}") as database:
        owner = database.register_owner(SystemClock())
        yield Worker(database, owner, database.ledger(organization_id, ENDPOINT, ACTOR, owner))
        owner.close()


def record(path: Path, window: RecoveryWindow = OPEN) -> list[LedgerEntry]:
    """One intent with its outcome, one without, and a window."""
    with emergency(path) as worker:
        worker.append_pair(ACCOUNT_ID)
        worker.append_intent(ACCOUNT_ID, 7)
        worker.database.get_store(RecoveryWindowStore, ORGANIZATION_ID).add(window)
        return list(worker.database.ledger_reader().list_entries())


def take_in(database: Database, path: Path) -> LedgerImport:
    worker = make_worker(database)
    source = read_source(path)
    found = import_ledger(source, database.commits, worker.ledger)
    worker.owner.close()
    return found


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """With an empty database."""
    stage.place_database()
    return stage


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "emergency-20260115T090000Z.db"


def test_entries_are_appended_with_what_they_were_and_their_chain_still_fits(stage: Stage, file: Path) -> None:
    recorded = record(file)
    with stage.open() as database:
        worker = make_worker(database)
        worker.append_pair()
        found = take_in(database, file)
        assert (found.entries, [one.window_id for one in found.windows]) == (3, [OPEN.window_id])
        entries = list(database.ledger_reader().list_entries())
        assert [(one.sequence, one.phase, one.intent_sequence) for one in entries[2:]] == [
            (3, Phase.INTENT, None),
            (4, Phase.OUTCOME, 3),
            (5, Phase.INTENT, None),
            (6, Phase.OUTCOME, None),
        ]
        for old, new in zip(recorded, entries[2:], strict=False):
            assert new.parameters["recorded_hash"] == old.entry_hash
            assert new.parameters["recorded_at"] == render_time(old.at)
            assert (new.actor, new.action, new.account_id) == (old.actor, old.action, old.account_id)
        fact = entries[-1]
        assert fact.action is Action.LEDGER_IMPORT
        assert fact.parameters["file"] == file.name
        assert fact.parameters["head_hash"] == recorded[-1].entry_hash
        assert fact.parameters["windows"] == [OPEN.window_id]
        assert database.ledger_reader().verify().problem is None
        worker.owner.close()


def test_an_intent_without_an_outcome_is_an_orphan_that_can_be_settled(stage: Stage, file: Path) -> None:
    record(file)
    with stage.open() as database:
        take_in(database, file)
        worker = make_worker(database)
        (orphan,) = worker.ledger.list_orphans()
        assert orphan.parameters["recorded_sequence"] == 3
        assert worker.ledger.settle_orphan(orphan, Result.UNKNOWN, {})
        assert worker.ledger.list_orphans() == ()
        worker.owner.close()


def test_a_window_that_isnt_over_owes_its_closing_from_then_on(stage: Stage, file: Path) -> None:
    record(file)
    with stage.open() as database:
        take_in(database, file)
        windows = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
        assert windows.list_overdue(SystemClock().now()) == (OPEN,)
        assert windows.get(OPEN.window_id) == OPEN


def test_a_second_import_does_nothing(stage: Stage, file: Path) -> None:
    record(file)
    with stage.open() as database:
        take_in(database, file)
        count = len(list(database.ledger_reader().list_entries()))
        again = take_in(database, file)
        assert (again.entries, again.windows) == (0, ())
        assert again.imported_before is not None
        assert len(list(database.ledger_reader().list_entries())) == count


def test_a_file_that_has_grown_since_is_refused(stage: Stage, file: Path) -> None:
    record(file)
    with stage.open() as database:
        take_in(database, file)
        with emergency(file) as worker:
            worker.append_pair()
        with pytest.raises(InputError, match="it has 5 now"):
            take_in(database, file)


def test_a_file_that_was_never_imported_is_found(stage: Stage, file: Path, tmp_path: Path) -> None:
    record(file)
    (tmp_path / "text").write_text("no database")
    with stage.open() as database:
        asked = [file, tmp_path / "text", tmp_path / "nothing", stage.path]
        assert list_unimported(asked, database.store) == (file,)
        take_in(database, file)
        assert list_unimported(asked, database.store) == ()


def test_the_file_is_left_as_it_was(stage: Stage, file: Path) -> None:
    record(file)
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    with stage.open() as database:
        take_in(database, file)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before


def test_a_file_on_which_a_command_still_works_is_refused(stage: Stage, file: Path) -> None:
    with stage.open() as database, emergency(file) as worker:
        worker.append_pair()
        with pytest.raises(InputError, match="still works on"):
            take_in(database, file)
        assert list(database.ledger_reader().list_entries()) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_entries SET actor = 'another user' WHERE sequence = 2",
        "DELETE FROM ledger_entries WHERE sequence = 2",
        "DELETE FROM ledger_entries WHERE sequence = 3",
        "UPDATE ledger_entries SET parameters = 'no' WHERE sequence = 1",
    ],
)
def test_a_file_that_was_edited_is_refused(stage: Stage, file: Path, change: str) -> None:
    record(file)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(change)
        connection.commit()
    with stage.open() as database:
        with pytest.raises(InputError, match="NOT intact"):
            take_in(database, file)
        assert list(database.ledger_reader().list_entries()) == []


def test_a_file_of_another_organization_is_refused(stage: Stage, file: Path) -> None:
    with emergency(file, organization_id="o-anotherorgid") as other:
        other.append_pair()
    with stage.open() as database, pytest.raises(InputError, match="another organization: o-anotherorgid"):
        take_in(database, file)


def test_a_ledger_isnt_imported_into_itself(tmp_path: Path) -> None:
    own, copied = tmp_path / "own.db", tmp_path / "copied.db"
    record(own)
    with closing(sqlite3.connect(own)) as source, closing(sqlite3.connect(copied)) as target:
        source.backup(target)
    with open_database(f"sqlite:///{own}") as database:
        with pytest.raises(InputError, match="this very ledger"):
            take_in(database, copied)
        with pytest.raises(InputError, match="still works on"):
            take_in(database, own)


def test_two_windows_of_one_account_that_arent_over_are_refused_and_nothing_is_imported(
    stage: Stage, file: Path
) -> None:
    record(file)
    with stage.open() as database:
        windows = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
        other = replace(make_window(ACCOUNT_ID, NOW), window_id="w-here")
        windows.add(other)
        with pytest.raises(WindowConflictError, match="w-here"):
            take_in(database, file)
        assert list(database.ledger_reader().list_entries()) == []
        windows.change(replace(other, state=WindowState.CLOSED_VERIFIED), expected=WindowState.OPEN)
        assert take_in(database, file).entries == 3


def test_a_window_that_is_over_blocks_no_one(stage: Stage, file: Path) -> None:
    record(file, replace(OPEN, state=WindowState.CLOSED_VERIFIED))
    with stage.open() as database:
        database.get_store(RecoveryWindowStore, ORGANIZATION_ID).add(
            replace(make_window(ACCOUNT_ID, NOW), window_id="w-here")
        )
        database.get_store(RecoveryWindowStore, ORGANIZATION_ID).add(
            replace(make_window(OTHER_ACCOUNT_ID, NOW), window_id="w-other")
        )
        assert take_in(database, file).entries == 3
        assert {one.window_id for one in database.get_store(RecoveryWindowStore, ORGANIZATION_ID).list_windows()} == {
            OPEN.window_id,
            "w-here",
            "w-other",
        }


def test_what_is_no_file_no_database_or_no_ledger_is_refused(stage: Stage, tmp_path: Path) -> None:
    text, other, empty = tmp_path / "text", tmp_path / "other.db", tmp_path / "empty.db"
    text.write_text("no database at all, but longer than a header of one would be, so that it is read as one\n" * 20)
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE notes (text)")
    with open_database(f"sqlite:///{empty}"):
        pass
    with stage.open() as database:
        for path, said in (
            (tmp_path, "isn't a file"),
            (text, "can't be read"),
            (other, "isn't"),
            (empty, "no entries"),
        ):
            with pytest.raises(InputError, match=said):
                take_in(database, path)
