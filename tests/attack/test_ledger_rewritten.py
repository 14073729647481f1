"""P20: the ledger is edited or rewritten by a person who can write the database's folder, with a server on it."""

from __future__ import annotations

import shutil

import pytest

from tests.attack.stage import AttackStage
from tests.ledger_tampering import edited_entry, remove_copies, rewrite_ledger

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

BROKEN = "ledger:verify:failed"


def is_ledger_good(stage: AttackStage) -> bool:
    checks = stage.server.ask("GET", "/readyz").body["checks"]
    return bool(next(check["is_good"] for check in checks if check["name"] == "ledger"))


def test_p20_a_middle_entry_edited_under_a_running_server_is_found_and_windows_close(stage: AttackStage) -> None:
    stage.start_server()
    opened = stage.open_window(20)
    assert is_ledger_good(stage)
    warned = [line["message"] for line in stage.server.lines if line["level"] == "warning"]
    assert any("Mirror and anchor of the ledger are both on the file system" in one for one in warned)
    with edited_entry(stage.database, 2):
        stage.wait_error("failed its verification. Entry 2 was edited")
        stage.wait_notified(BROKEN, "Entry 2 was edited")
        assert stage.server.ask("GET", "/readyz").status == 503
        assert not is_ledger_good(stage)
        stage.require_closed_on_time(opened)
    assert len(stage.notified(BROKEN)) == 1


def test_p20_a_ledger_rewritten_under_a_running_server_without_its_copies_is_found(stage: AttackStage) -> None:
    stage.start_server()
    opened = stage.open_window(20)
    stage.require_closed_on_time(opened)
    stage.server.wait_until(lambda: (stage.database.parent / "rootkeeper.db.anchor.jsonl").exists())
    rewrite_ledger(stage.database, 2)
    remove_copies(stage.database)
    stage.wait_error("failed its verification")
    stage.wait_notified(BROKEN)
    assert not is_ledger_good(stage)


def test_p20_a_ledger_rewritten_while_nothing_runs_is_refused_by_the_next_server(stage: AttackStage) -> None:
    server = stage.start_server()
    stage.open_window(20)
    server.stop()
    rewrite_ledger(stage.database, 2)
    remove_copies(stage.database)
    found = stage.local.run("ledger", "verify")
    assert found.status == 1, found.shown
    assert "NOT intact" in found.stdout
    assert "memory" in found.stdout
    refused = stage.start_server(waits=False)
    assert refused.process.wait(60) == 3
    assert "doesn't match its memory" in refused.stderr
    # Another machine has no memory of its own; the database's still misses the copies.
    shutil.rmtree(stage.folder / "state")
    elsewhere = stage.local.run("ledger", "verify")
    assert elsewhere.status == 1, elsewhere.shown
    assert "is missing, although entries were copied to it" in elsewhere.stdout
