"""Opening the database, and what it hands out."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from rootkeeper.clock import SystemClock
from rootkeeper.database import version
from rootkeeper.database.engines import Store, begin_writing
from rootkeeper.errors import DatabaseError, SettingsError
from rootkeeper.exceptions.service import DeletionExceptionStore
from rootkeeper.inventory.store import InventoryStore
from rootkeeper.ledger.database import Database, DatabaseOptions, open_database
from rootkeeper.ledger.owners import AccountLocks
from rootkeeper.ledger.store import Ledger
from rootkeeper.ledger.verification import LedgerReader
from rootkeeper.ledger.writer import read_head
from rootkeeper.windows.store import RecoveryWindowStore
from tests.durations import measure_best
from tests.unit.database.samples import ACTOR, ENDPOINT, ORGANIZATION_ID, Stage, Worker, make_worker, raised_by


def test_everything_handed_out_implements_its_port(database: Database, worker: Worker) -> None:
    """mypy checks the shapes here; that they work is what the other tests show."""
    ledger: Ledger = worker.ledger
    reader: LedgerReader = database.ledger_reader()
    locks: AccountLocks = database.locks(ORGANIZATION_ID, worker.owner)
    windows: RecoveryWindowStore = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
    inventory: InventoryStore = database.get_store(InventoryStore, ORGANIZATION_ID)
    exceptions: DeletionExceptionStore = database.get_store(DeletionExceptionStore, ORGANIZATION_ID)
    assert all((ledger, reader, locks, windows, inventory, exceptions))
    with database.open_spill(ORGANIZATION_ID, ENDPOINT, ACTOR, worker.owner) as spill:
        other: Ledger = spill
        assert other.list_orphans() == ()
    assert database.store.place.endswith("rootkeeper.db")


def test_a_missing_database_is_made_unless_it_is_only_to_be_read(stage: Stage) -> None:
    error = raised_by(lambda: stage.open(create=False), DatabaseError)
    assert "There is no database" in error.message
    assert not stage.path.exists()
    stage.open().close()
    with stage.open(create=False) as database:
        assert list(database.ledger_reader().list_entries()) == []


def test_a_place_where_nothing_can_be_made_is_reported(stage: Stage) -> None:
    stage.path.parent.write_text("a file, not a folder")
    error = raised_by(stage.open, DatabaseError)
    assert "can't be made or opened" in error.message
    assert str(stage.path) in error.message


def test_a_folder_in_the_place_of_the_file_is_reported(stage: Stage) -> None:
    stage.path.mkdir(parents=True)
    raised_by(stage.open, DatabaseError)


def test_a_url_that_cant_be_used_is_a_wrong_setting() -> None:
    raised_by(lambda: open_database("nonsense"), SettingsError)


def test_the_ledger_is_read_without_knowing_any_organization(stage: Stage) -> None:
    with stage.open() as database:
        worker = make_worker(database)
        elsewhere = database.ledger("o-otherorgid00", ENDPOINT, ACTOR, worker.owner)
        worker.append_pair()
        elsewhere.append_fact(worker.append_intent().action)
        worker.owner.close()
    with stage.open() as database:
        assert len(list(database.ledger_reader().list_entries())) == 4
        assert database.ledger_reader().verify().is_intact
        assert database.list_organization_ids() == (ORGANIZATION_ID, "o-otherorgid00")


def test_the_ledger_is_read_while_another_process_writes(stage: Stage, worker: Worker) -> None:
    worker.append_pair()
    with begin_writing(worker.database.store.engine.connect()) as connection, connection.begin():
        read_head(connection, locks=True)

        def look() -> None:
            with stage.open() as other:
                assert len(list(other.ledger_reader().list_entries())) == 2
                assert other.ledger_reader().verify().is_intact

        assert measure_best(look, tries=3) < 1.5


def test_without_options_the_mirror_is_beside_the_database_and_warnings_are_logged(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.mirror_path.mkdir(parents=True)
    with open_database(stage.url) as database, caplog.at_level(logging.WARNING):
        worker = make_worker(database)
        worker.append_pair()
        worker.owner.close()
    assert any("mirror can't be kept up" in record.getMessage() for record in caplog.records)
    assert not stage.anchor_path.exists()


def test_mirror_and_spill_may_be_elsewhere(stage: Stage) -> None:
    mirror_path, spill_folder = stage.folder / "m" / "mirror.jsonl", stage.folder / "s"
    options = DatabaseOptions(mirror_path=mirror_path, spill_folder=spill_folder)
    with open_database(stage.url, options) as database:
        worker = make_worker(database)
        worker.append_pair()
        with database.open_spill(ORGANIZATION_ID, ENDPOINT, ACTOR, worker.owner) as spill:
            assert spill.path.parent == spill_folder
            assert database.list_spills() == (spill.path,)
        worker.owner.close()
    assert len(mirror_path.read_text().splitlines()) == 2
    assert not stage.mirror_path.exists()


def test_by_default_a_spill_is_beside_the_database(stage: Stage) -> None:
    with open_database(stage.url, DatabaseOptions(has_mirror=False)) as database:
        worker = make_worker(database)
        with database.open_spill(ORGANIZATION_ID, ENDPOINT, ACTOR, worker.owner) as spill:
            assert spill.path.parent == stage.path.parent
        worker.owner.close()
    assert not stage.mirror_path.exists()


def test_closing_leaves_no_thread_and_no_open_file(stage: Stage) -> None:
    def list_open() -> list[Path]:
        handles = [Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd")]  # noqa: PTH208 - the listing's own handle goes away
        return [handle for handle in handles if handle.is_symlink() and "rootkeeper.db" in str(handle.readlink())]

    with stage.open() as database:
        worker = make_worker(database)
        worker.append_pair()
        assert list_open()
        worker.owner.close()
    assert list_open() == []


def test_a_current_database_is_opened_without_a_migration(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.open().close()
    migrated: list[Store] = []
    monkeypatch.setattr(version, "migrate", migrated.append)
    with stage.open() as database:
        assert list(database.ledger_reader().list_entries()) == []
    assert migrated == []


def test_a_lease_has_a_default_length(database: Database) -> None:
    owner = database.register_owner(SystemClock())
    assert owner.owner_id
    owner.close()
