"""P20: a server verifies the ledger round after round, a bounded part in each step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from rootkeeper.ledger.database import Database
from rootkeeper.ledger.rolling import RollingVerification, RoundResult
from tests.unit.database.samples import Stage, Worker, make_worker

PAIRS = 6


@pytest.fixture
def database(stage: Stage) -> Iterator[Database]:
    with stage.open(memory_folder=stage.folder / "memory") as database:
        yield database


@pytest.fixture
def writer(database: Database) -> Iterator[Worker]:
    worker = make_worker(database)
    for number in range(PAIRS):
        worker.append_pair(number=number)
    yield worker
    worker.owner.close()


@pytest.fixture
def copied(stage: Stage, database: Database, writer: Worker) -> RollingVerification:
    """A verification of twelve entries in steps of five; mirror and anchor have them."""
    writer.owner.close()
    database.close()
    with stage.open(memory_folder=stage.folder / "memory"):
        pass
    return database.rolling_verification(step_entries=5)


def run_round(verification: RollingVerification, most_steps: int = 20) -> RoundResult:
    for _ in range(most_steps):
        if (found := verification.step()) is not None:
            return found
    raise AssertionError("the round doesn't end")


def count_steps(verification: RollingVerification) -> int:
    steps = 1
    while verification.step() is None:
        steps += 1
    return steps


def test_a_round_over_an_untouched_ledger_finds_nothing_and_the_next_one_begins_at_the_start(
    copied: RollingVerification,
) -> None:
    for _ in range(2):
        found = run_round(copied)
        assert (found.problem, found.head.sequence) == (None, 2 * PAIRS)


def test_no_step_reads_more_than_its_part(database: Database, writer: Worker) -> None:
    verification = database.rolling_verification(step_entries=5)
    assert writer.append_pair().sequence == 2 * PAIRS + 1
    assert count_steps(verification) == 4, "five, five and four entries, then the copies"
    read: list[int] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if "LIMIT" in statement and "ledger_entries" in statement:
            read.append(len(statement))

    event.listen(database.store.engine, "before_cursor_execute", note)
    assert verification.step() is None
    assert len(read) == 1


def test_p20_an_edited_middle_entry_is_found_within_a_round(stage: Stage, copied: RollingVerification) -> None:
    assert run_round(copied).problem is None
    stage.run_sql("UPDATE ledger_entries SET actor = 'another' WHERE sequence = 7")
    assert run_round(copied).problem == "Entry 7 was edited: its hash isn't that of its content."
    stage.run_sql("UPDATE ledger_entries SET actor = 'operator' WHERE sequence = 7")
    assert run_round(copied).problem is None


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE ledger_entries SET parameters = 'no json' WHERE sequence = 8", "Entry 8 was edited"),
        ("DELETE FROM ledger_entries WHERE sequence = 6", "Entry 6 was removed"),
        ("DELETE FROM ledger_entries WHERE sequence = 12", "head says entry 12"),
        ("DELETE FROM ledger_entries", "head says entry 12"),
    ],
)
def test_p20_what_breaks_the_chain_is_found(
    stage: Stage, copied: RollingVerification, statement: str, words: str
) -> None:
    stage.run_sql(statement)
    assert words in str(run_round(copied).problem)


CUT = (
    "DELETE FROM ledger_entries WHERE sequence > 8",
    "UPDATE ledger_head SET sequence = 8, entry_hash = (SELECT entry_hash FROM ledger_entries WHERE sequence = 8)",
)


def lose_all(stage: Stage) -> None:
    stage.mirror_path.unlink()
    stage.anchor_path.unlink()
    for path in (stage.folder / "memory").iterdir():
        path.unlink()
    stage.run_sql("DELETE FROM ledger_copies")


@pytest.mark.parametrize(
    ("keeps", "words"), [("mirror", "in the mirror"), ("anchor", "in the anchor"), ("memory", "is missing, although")]
)
def test_p20_a_cut_ledger_that_fits_in_itself_is_found_by_one_copy(
    stage: Stage, copied: RollingVerification, keeps: str, words: str
) -> None:
    kept = {path: path.read_bytes() for path in list_copies(stage, keeps)}
    lose_all(stage)
    for path, content in kept.items():
        path.write_bytes(content)
    stage.run_sql(*CUT)
    assert words in str(run_round(copied).problem)


def list_copies(stage: Stage, name: str) -> list[Path]:
    return {
        "mirror": [stage.mirror_path],
        "anchor": [stage.anchor_path],
        "memory": list((stage.folder / "memory").iterdir()),
    }[name]


def test_p20_a_ledger_that_was_cut_with_all_copies_is_found_while_the_process_lives(
    stage: Stage, copied: RollingVerification
) -> None:
    assert run_round(copied).problem is None
    lose_all(stage)
    stage.run_sql(*CUT)
    for _ in range(2):
        assert "while this server ran" in str(run_round(copied).problem)


@pytest.mark.parametrize("lose", ["mirror_path", "anchor_path"])
def test_p20_a_copy_that_was_removed_under_a_running_server_is_found(
    stage: Stage, copied: RollingVerification, lose: str
) -> None:
    assert run_round(copied).problem is None
    getattr(stage, lose).unlink()
    assert "is missing, although" in str(run_round(copied).problem)


@pytest.mark.parametrize("path", ["mirror_path", "anchor_path"])
def test_p20_a_copy_that_cant_be_read_under_a_running_server_is_found(
    stage: Stage, copied: RollingVerification, path: str
) -> None:
    getattr(stage, path).unlink()
    getattr(stage, path).mkdir()
    assert "can't be read" in str(run_round(copied).problem)


def test_a_ledger_that_grows_during_a_round_is_intact(database: Database, writer: Worker) -> None:
    verification = database.rolling_verification(step_entries=5)
    grow: Callable[[], object] = writer.append_pair
    for _ in range(6):
        while (found := verification.step()) is None:
            grow()
        assert found.problem is None
