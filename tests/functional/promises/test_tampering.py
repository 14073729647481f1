"""P20: every change of the ledger behind the product's back shows, and a restored database is refused."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from rootkeeper.ledger.rules import compute_entry_hash, parse_entry, render_entry
from tests.functional.administration import Administration
from tests.functional.promises.forked_runs import ForkingProgram
from tests.functional.promises.stage import CERTIFICATE, CLEAN, EVERYTHING, Stage, assert_clean_ending
from tests.functional.running import Run
from tests.ledger_tampering import lift_guards
from tests.sandbox_process import SandboxProcess

PLACE = 7
"""The entry that is tampered with."""

CHANGES = {
    "at": "2020-01-01T00:00:00.000000Z",
    "organization_id": "o-anotherorg",
    "endpoint": "AWS",
    "actor": "another@user",
    "actor_kind": "signed_in",
    "caller_arn": "arn:aws:iam::111122223333:user/another",
    "action": "exception:add",
    "account_id": "999999999999",
    "parameters": "{}",
    "phase": "rubbish",
    "owner_id": "0000000000000000",
    "result": "unknown",
    "previous_hash": "0" * 64,
    "entry_hash": "f" * 64,
}

QUICK = {"actor", "parameters", "entry_hash"}
"""Columns that the quick suite tries: a plain one, the longest and the hash itself."""


@pytest.fixture(scope="module")
def used(running_sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory, forking: ForkingProgram) -> Stage:
    """A ledger with an audit and a deletion in it; not to be changed."""
    folder = tmp_path_factory.mktemp("used")
    (folder / "temporary").mkdir()
    stage = Stage(running_sandbox, folder, forking)
    running_sandbox.reset()
    Administration(running_sandbox).set_up()
    assert stage.run("delete", EVERYTHING, "--yes").status == 0
    return stage


@pytest.fixture
def copied(used: Stage, tmp_path: Path) -> Stage:
    """The same, to be tampered with."""
    shutil.copytree(used.folder, tmp_path / "copy")
    return replace(used, folder=tmp_path / "copy")


def tamper(stage: Stage, *statements: str, **values: object) -> None:
    """What anyone who can write the file can do; ``values`` are the statements' named parameters."""
    with closing(sqlite3.connect(stage.database, isolation_level=None)) as connection:
        lift_guards(connection)
        for statement in statements:
            connection.execute(statement, values)


def verify(stage: Stage) -> Run:
    return stage.run("ledger", "verify", "-o", "json", changes={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})


def assert_found(stage: Stage, *places: int) -> None:
    run = verify(stage)
    assert_clean_ending(run, 1)
    answer = json.loads(run.stdout)
    assert answer["intact"] is False
    assert answer["first_bad_sequence"] in places, run.shown
    assert answer["problem"], run.shown
    shown = stage.run("ledger", "verify")
    assert shown.status == 1
    assert f"NOT intact, entry {answer['first_bad_sequence']}" in shown.stdout


def rewrite_entries(stage: Stage, change: Callable[[list[str]], list[str]]) -> int:
    """Change the lines of the whole ledger and chain them again, head included: it fits in itself. Its length."""
    lines = change(_export(stage))
    chained, previous = [], "0" * 64
    for sequence, line in enumerate(lines, start=1):
        entry = replace(parse_entry(line), sequence=sequence, previous_hash=previous, entry_hash="")
        entry = replace(entry, entry_hash=compute_entry_hash(entry))
        chained.append(entry)
        previous = entry.entry_hash
    tamper(stage, "DELETE FROM ledger_entries WHERE sequence > :kept", kept=len(chained))
    with closing(sqlite3.connect(stage.database)) as connection:
        for entry in chained:
            parameters = json.loads(render_entry(entry))
            row = (
                entry.account_id,
                json.dumps(parameters["parameters"], separators=(",", ":"), ensure_ascii=False),
                entry.previous_hash,
                entry.entry_hash,
                entry.sequence,
            )
            connection.execute(
                "UPDATE ledger_entries SET account_id = ?, parameters = ?, previous_hash = ?, entry_hash = ?"
                " WHERE sequence = ?",
                row,
            )
        connection.execute("UPDATE ledger_head SET sequence = ?, entry_hash = ?", (len(chained), previous))
        connection.commit()
    return len(chained)


def _export(stage: Stage) -> list[str]:
    run = stage.run("ledger", "export")
    assert run.status == 0, run.shown
    return run.stdout.splitlines()


def test_p20_an_untouched_ledger_is_intact(copied: Stage) -> None:
    assert len(copied.entries()) > PLACE + 3
    assert verify(copied).status == 0


def test_p20_every_column_of_an_entry_is_tried(used: Stage) -> None:
    assert {*CHANGES, "sequence", "intent_sequence"} == set(used.entries()[0])


@pytest.mark.parametrize(
    "column", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.long) for name in CHANGES]
)
def test_p20_an_edited_entry_is_found_and_named(copied: Stage, column: str) -> None:
    statement = f"UPDATE ledger_entries SET {column} = :value WHERE sequence = :place"  # noqa: S608 - our own column
    tamper(copied, statement, value=CHANGES[column], place=PLACE)
    assert_found(copied, PLACE)


def test_p20_a_deleted_entry_is_found_at_its_place(copied: Stage) -> None:
    tamper(copied, "DELETE FROM ledger_entries WHERE sequence = :place", place=PLACE)
    assert_found(copied, PLACE, PLACE + 1)


def test_p20_entries_in_another_order_are_found(copied: Stage) -> None:
    tamper(
        copied,
        "UPDATE ledger_entries SET sequence = -1 WHERE sequence = :place",
        "UPDATE ledger_entries SET sequence = :place WHERE sequence = :place + 1",
        "UPDATE ledger_entries SET sequence = :place + 1 WHERE sequence = -1",
        place=PLACE,
    )
    assert_found(copied, PLACE)


def test_p20_an_inserted_entry_is_found(copied: Stage) -> None:
    last = len(copied.entries())
    tamper(
        copied,
        "INSERT INTO ledger_entries SELECT :last + 1, at, organization_id, endpoint, actor, actor_kind, caller_arn,"
        " action, account_id, parameters, phase, owner_id, NULL, result, entry_hash, 'f' FROM ledger_entries"
        " WHERE sequence = :last",
        last=last,
    )
    assert_found(copied, last + 1)


def test_p20_a_ledger_whose_end_was_cut_and_whose_head_was_set_back_is_found(copied: Stage) -> None:
    kept = rewrite_entries(copied, lambda lines: lines[:-2])
    assert_found(copied, kept, kept + 1)


def test_p20_a_ledger_that_was_rewritten_from_an_entry_on_is_found(copied: Stage) -> None:
    rewrite_entries(copied, lambda lines: [line.replace("AKIA", "AKIB") for line in lines])
    assert_found(copied, *range(1, len(copied.entries()) + 1))


@pytest.mark.parametrize("ending", [".mirror.jsonl", ".anchor.jsonl"])
def test_p20_a_cut_ledger_is_found_by_either_copy_alone(copied: Stage, ending: str) -> None:
    kept = rewrite_entries(copied, lambda lines: lines[:-2])
    copied.database.with_name(copied.database.name + ending).unlink()
    assert_found(copied, kept, kept + 1, kept + 2)


@pytest.mark.timeout(900)
def test_p20_a_restored_database_is_refused_by_every_changing_command_until_it_is_adopted(stage: Stage) -> None:
    assert stage.run("delete", CERTIFICATE, "--yes").status == 0
    shutil.copy(stage.database, stage.folder / "backup.db")
    assert stage.run("delete", EVERYTHING, "--yes").status == 0
    shutil.copy(stage.folder / "backup.db", stage.database)
    since = stage.sandbox.last_request()
    for command in (
        ("delete", "--ou", "AnyCompany", "--yes"),
        ("recover", CLEAN, "--reason", "drill", "--leave-open", "--yes"),
        ("disable", "--yes"),
    ):
        run = stage.run(*command)
        assert_clean_ending(run, 3)
        assert "ledger adopt" in run.stderr, run.shown
    assert stage.privileged(since) == []
    assert verify(stage).status == 1
    adopted = stage.run("ledger", "adopt", "--yes")
    assert adopted.status == 1, "a policy blocks two accounts, so it isn't known whether a window is open there"
    assert "2 accounts couldn't be read" in adopted.stderr, adopted.shown
    assert "ledger:adopt" in [entry["action"] for entry in stage.entries()]
    assert verify(stage).status == 0
    assert stage.run("delete", "--ou", "AnyCompany", "--yes").status == 0
    assert verify(stage).status == 0
