"""A database that is older than its copies is refused until that is recorded."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import LedgerOutdatedError
from rootkeeper.ledger.rules import Action
from tests.unit.database.samples import Stage, make_worker, raised_by


def write_pairs(stage: Stage, count: int) -> None:
    with stage.open() as database:
        worker = make_worker(database)
        for number in range(count):
            worker.append_pair(number=number)
        worker.owner.close()


@pytest.fixture
def restored(stage: Stage) -> Stage:
    """A database put back to entry 4, while its copies know entry 10."""
    write_pairs(stage, 2)
    backup = stage.folder / "backup.db"
    shutil.copy(stage.path, backup)
    write_pairs(stage, 3)
    shutil.copy(backup, stage.path)
    return stage


def test_a_database_that_agrees_with_its_copies_is_let_through(stage: Stage) -> None:
    write_pairs(stage, 3)
    with stage.open() as database:
        database.require_not_outdated()
        worker = make_worker(database)
        assert database.adopt(worker.ledger) is None
        assert len(list(database.ledger_reader().list_entries())) == 6
        worker.owner.close()


def test_copies_that_lag_behind_are_let_through(stage: Stage) -> None:
    write_pairs(stage, 1)
    with stage.open(has_mirror=False, anchor_path=None) as database:
        worker = make_worker(database)
        worker.append_pair()
        worker.owner.close()
    with stage.open() as database:
        database.require_not_outdated()


@pytest.mark.parametrize("copy", ["mirror", "anchor", "both"])
def test_p20_a_restored_database_is_refused_by_what_either_copy_knows(restored: Stage, copy: str) -> None:
    if copy == "mirror":
        restored.anchor_path.unlink()
    if copy == "anchor":
        restored.mirror_path.unlink()
    with restored.open() as database:
        error = raised_by(database.require_not_outdated, LedgerOutdatedError)
        assert "entry 10" in error.message
        assert error.hint is not None
        assert "rootkeeper ledger adopt" in (render_hint(error.hint) or "")
        verification = database.ledger_reader().verify()
        assert verification.first_bad_sequence == 5
        assert verification.problem is not None
        assert "Entries 5 to 10 were removed" in verification.problem


def test_p20_a_database_that_was_created_again_is_refused(stage: Stage) -> None:
    write_pairs(stage, 3)
    stage.path.unlink()
    with stage.open() as database:
        raised_by(database.require_not_outdated, LedgerOutdatedError)


def test_p20_a_restored_database_that_was_written_to_is_refused_and_its_mirror_kept(restored: Stage) -> None:
    before = restored.mirror_path.read_bytes()
    write_pairs(restored, 9)
    assert restored.mirror_path.read_bytes() == before
    assert any("mirror can't be kept up" in warning for warning in restored.warnings)
    with restored.open() as database:
        raised_by(database.require_not_outdated, LedgerOutdatedError)
        assert database.ledger_reader().verify().first_bad_sequence == 5


def test_an_adoption_is_recorded_with_both_heads_and_the_ledger_continues(restored: Stage) -> None:
    with restored.open() as database:
        worker = make_worker(database)
        entry = database.adopt(worker.ledger)
        assert entry is not None
        assert (entry.sequence, entry.action) == (5, Action.LEDGER_ADOPT)
        heads = {name: dict(head)["sequence"] for name, head in entry.parameters.items() if isinstance(head, dict)}
        assert heads == {"database_head": 4, "mirror_head": 10, "anchor_head": 10}
        database.require_not_outdated()
        worker.append_pair()
        worker.owner.close()
    assert restored.warnings == []
    with restored.open() as database:
        database.require_not_outdated()
        verification = database.ledger_reader().verify()
        assert (verification.problem, verification.entries) == (None, 7)
        assert verification.anchored_sequence == 7
    assert len(restored.mirror_path.read_text().splitlines()) == 7
    (aside,) = restored.mirror_path.parent.glob("*.mirror.jsonl.before-5-*")
    assert len(aside.read_text().splitlines()) == 10


def test_p20_an_adoption_in_the_anchor_must_stand_in_the_ledger(restored: Stage) -> None:
    with restored.open() as database:
        worker = make_worker(database)
        database.adopt(worker.ledger)
        worker.owner.close()
    backup = Path(f"{restored.anchor_path}.backup")
    shutil.copy(restored.anchor_path, backup)
    restored.anchor_path.write_text(restored.anchor_path.read_text().replace('"sequence":5}', '"sequence":3}'))
    with restored.open() as database:
        assert database.ledger_reader().verify().problem is not None
    shutil.copy(backup, restored.anchor_path)
    with restored.open() as database:
        assert database.ledger_reader().verify().problem is None
