"""The check of the whole ledger in the database, with its mirror and its anchor."""

from __future__ import annotations

import json
import resource
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from rootkeeper.ledger.rules import GENESIS_HASH, Action, LedgerEntry, LedgerVerification, compute_entry_hash
from rootkeeper.ledger.writer import WriteTransaction
from tests.unit.database.samples import Stage, Worker, make_worker, run_program

RENUMBER = "UPDATE ledger_entries SET sequence = sequence + {} WHERE sequence = {}"
INSERT_COPY = (
    "INSERT INTO ledger_entries SELECT 7, at, organization_id, endpoint, actor, actor_kind, caller_arn, action, "
    "account_id, parameters, phase, owner_id, NULL, result, previous_hash, entry_hash "
    "FROM ledger_entries WHERE sequence = 5"
)


def write_entries(stage: Stage) -> None:
    stage.place_database()
    with stage.open() as database:
        worker = make_worker(database)
        for number in range(6):
            worker.append_pair(number=number)
        worker.owner.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with twelve entries in SQLite; not to be changed."""
    folder = tmp_path_factory.mktemp("written")
    write_entries(Stage(folder))
    return folder


@pytest.fixture
def written(stage: Stage, files: Path) -> Stage:
    """Twelve entries, mirrored and anchored."""
    if stage.postgresql_url is None:
        shutil.copytree(files, stage.folder, dirs_exist_ok=True)
    else:
        write_entries(stage)
    return stage


def verify(stage: Stage, **options: object) -> LedgerVerification:
    with stage.open(**options) as database:
        return database.ledger_reader().verify()


def without_copies(stage: Stage) -> LedgerVerification:
    return verify(stage, has_mirror=False, anchor_path=None)


def rewrite_ledger(stage: Stage, change: dict[str, object], sequence: int) -> None:
    """Edit an entry and hash everything from there on again, head included."""
    with stage.open(has_mirror=False, anchor_path=None) as database:
        entries = list(database.ledger_reader().list_entries())
        done: list[LedgerEntry] = []
        for entry in entries:
            changed = replace(entry, **change) if entry.sequence == sequence else entry  # type: ignore[arg-type]  # any field
            unhashed = replace(changed, previous_hash=done[-1].entry_hash if done else GENESIS_HASH)
            done.append(replace(unhashed, entry_hash=compute_entry_hash(unhashed)))
    stage.run_sql(
        *(
            f"UPDATE ledger_entries SET previous_hash = '{entry.previous_hash}', entry_hash = '{entry.entry_hash}', "  # noqa: S608 - texts of our own
            f"endpoint = '{entry.endpoint}' WHERE sequence = {entry.sequence}"
            for entry in done
        ),
        f"UPDATE ledger_head SET entry_hash = '{done[-1].entry_hash}'",  # noqa: S608 - a hash of our own
    )


def test_an_untouched_ledger_is_intact(written: Stage) -> None:
    verification = verify(written)
    assert verification.is_intact
    assert verification.entries == verification.head_sequence == verification.anchored_sequence == 12
    assert verification.first_bad_sequence is None
    (head,) = written.query("SELECT entry_hash FROM ledger_head")
    assert verification.head_hash == head[0]


def test_an_empty_ledger_is_intact(stage: Stage) -> None:
    verification = verify(stage)
    assert (verification.is_intact, verification.entries, verification.anchored_sequence) == (True, 0, None)


@pytest.mark.parametrize("sees_copies", [True, False], ids=["with copies", "without copies"])
@pytest.mark.parametrize(
    ("statements", "sequence", "word"),
    [
        (["UPDATE ledger_entries SET actor = 'another' WHERE sequence = 7"], 7, "edited"),
        (["UPDATE ledger_entries SET parameters = '{}' WHERE sequence = 7"], 7, "edited"),
        (["UPDATE ledger_entries SET parameters = 'no json' WHERE sequence = 7"], 7, "edited"),
        (["UPDATE ledger_entries SET at = 'yesterday' WHERE sequence = 7"], 7, "edited"),
        (["UPDATE ledger_entries SET at = 5 WHERE sequence = 7"], 7, "edited"),
        (["UPDATE ledger_entries SET account_id = x'00' WHERE sequence = 7"], 7, "edited"),
        (["UPDATE ledger_entries SET result = 'failed' WHERE sequence = 8"], 8, "edited"),
        (["UPDATE ledger_entries SET intent_sequence = 2 WHERE sequence = 8"], 8, "edited"),
        (["DELETE FROM ledger_entries WHERE sequence = 7"], 7, "removed"),
        (["DELETE FROM ledger_entries WHERE sequence BETWEEN 5 AND 8"], 5, "removed"),
        (["DELETE FROM ledger_entries WHERE sequence = 1"], 1, "removed"),
        (["DELETE FROM ledger_entries WHERE sequence = 12"], 12, "removed"),
        (
            ["DELETE FROM ledger_entries WHERE sequence = 7", *(RENUMBER.format(-1, n) for n in range(8, 13))],
            7,
            "removed",
        ),
        (
            [
                "UPDATE ledger_entries SET sequence = 99 WHERE sequence = 7",
                "UPDATE ledger_entries SET sequence = 7 WHERE sequence = 8",
                "UPDATE ledger_entries SET sequence = 8 WHERE sequence = 99",
            ],
            7,
            "reordered",
        ),
        (
            [
                *(RENUMBER.format(1, n) for n in range(12, 6, -1)),
                INSERT_COPY,
            ],
            7,
            "inserted",
        ),
    ],
    ids=lambda value: str(value[0])[:60] if isinstance(value, list) else None,
)
def test_p20_what_was_done_to_the_ledger_is_named_with_its_place(
    written: Stage, statements: list[str], sequence: int, word: str, sees_copies: bool
) -> None:
    written.run_sql(*statements)
    verification = verify(written) if sees_copies else without_copies(written)
    assert not verification.is_intact
    assert verification.first_bad_sequence == sequence
    assert verification.problem is not None
    assert word in verification.problem
    assert str(sequence) in verification.problem


def test_p20_an_entry_after_the_head_is_found(written: Stage) -> None:
    written.run_sql("UPDATE ledger_head SET sequence = 11")
    assert without_copies(written).first_bad_sequence == 12


def test_p20_a_cut_ledger_whose_head_was_set_back_is_found_against_mirror_and_anchor(written: Stage) -> None:
    (eleventh,) = written.query("SELECT entry_hash FROM ledger_entries WHERE sequence = 10")
    written.run_sql(
        "DELETE FROM ledger_entries WHERE sequence > 10",
        f"UPDATE ledger_head SET sequence = 10, entry_hash = '{eleventh[0]}'",  # noqa: S608 - a hash of our own
    )
    assert without_copies(written).is_intact, "nothing in the database itself shows it"
    for options in ({}, {"has_mirror": False}, {"anchor_path": None}):
        verification = verify(written, **options)
        assert verification.first_bad_sequence == 11
        assert verification.problem == "Entries 11 to 12 were removed: its mirror or anchor knows entry 12."


def test_p20_a_ledger_that_was_rewritten_is_found_against_mirror_and_anchor(written: Stage) -> None:
    rewrite_ledger(written, {"endpoint": "AWS"}, 7)
    assert without_copies(written).is_intact, "nothing in the database itself shows it"
    by_mirror, by_anchor = verify(written, anchor_path=None), verify(written, has_mirror=False)
    assert by_mirror.first_bad_sequence == 7
    assert by_mirror.problem is not None
    assert "mirror" in by_mirror.problem
    assert by_anchor.first_bad_sequence == min(sequence for sequence in list_anchored(written) if sequence >= 7)
    assert by_anchor.problem is not None
    assert "anchor" in by_anchor.problem


def list_anchored(stage: Stage) -> list[int]:
    """Which heads are anchored before the last one depends on time."""
    return [json.loads(line)["sequence"] for line in stage.anchor_path.read_text().splitlines()]


@pytest.mark.parametrize("change", ["edit", "remove"])
def test_p20_a_mirror_that_was_tampered_with_is_found(written: Stage, change: str) -> None:
    lines = written.mirror_path.read_text().splitlines(keepends=True)
    lines[6] = lines[6].replace('"name":"operator"', '"name":"another"') if change == "edit" else ""
    written.mirror_path.write_text("".join(lines))
    assert verify(written).first_bad_sequence == 7


def test_a_mirror_that_lags_behind_is_no_problem(written: Stage) -> None:
    lines = written.mirror_path.read_text().splitlines(keepends=True)
    written.mirror_path.write_text("".join(lines[:5]) + lines[5][:30])
    assert verify(written, anchor_path=None).is_intact


def test_p03_an_open_intent_that_was_taken_off_the_list_is_found(stage: Stage) -> None:
    with stage.open() as database:
        worker = make_worker(database)
        worker.append_pair()
        worker.append_intent()
        worker.owner.close()
    assert verify(stage).is_intact
    stage.run_sql("DELETE FROM open_intents")
    verification = verify(stage)
    assert verification.first_bad_sequence == 3
    assert verification.problem is not None
    assert "open intent" in verification.problem


def test_p03_a_second_outcome_cant_even_be_written(written: Stage) -> None:
    with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)):
        written.run_sql(
            "UPDATE ledger_entries SET intent_sequence = 1, phase = 'outcome' WHERE sequence = 3",
        )


def test_a_ledger_that_grows_meanwhile_is_intact(stage: Stage, worker: Worker) -> None:
    for number in range(50):
        worker.append_pair(number=number)
        assert worker.database.ledger_reader().verify().is_intact


def test_a_ledger_on_a_read_only_file_in_a_read_only_folder_is_verified(written: Stage) -> None:
    process = run_program("reading_only", written.folder, "before-open")
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    listed, intact, refusal = printed.splitlines()
    assert (listed, intact) == ("12", "True")
    assert refusal == f"The database {written.path} can't be written: it is read-only."


@pytest.mark.long
def test_fifty_thousand_entries_are_verified_in_little_memory(stage: Stage) -> None:
    with stage.open(has_mirror=False, anchor_path=None) as database:
        worker = make_worker(database)
        draft = worker.ledger.draft_fact(Action.WINDOW_REQUEST, None, {"reason": "x" * 200})

        def append_many(transaction: WriteTransaction) -> None:
            for _ in range(50_000):
                transaction.append(draft)

        database.commits.run_ledger_work(append_many)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        verification = database.ledger_reader().verify()
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        worker.owner.close()
    assert (verification.is_intact, verification.entries) == (True, 50_000)
    assert grown < 20_000, f"{grown} KiB more"


def test_a_line_of_the_mirror_is_an_entry_as_json(written: Stage) -> None:
    first = json.loads(Path(written.mirror_path).read_text().splitlines()[0])
    assert first["sequence"] == 1
    assert first["previous_hash"] == GENESIS_HASH
