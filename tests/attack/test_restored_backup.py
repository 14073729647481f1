"""A backup is restored that is older than an open window: the database doesn't know the window, but AWS does."""

from __future__ import annotations

import shutil

import pytest

from tests.attack.stage import AttackStage

pytestmark = pytest.mark.long


def test_p11_a_window_that_the_restored_backup_lacks_is_listed_and_closed(stage: AttackStage) -> None:
    server = stage.start_server()
    known = stage.open_window(20)
    stage.wait_known(known)
    server.stop()
    backup = shutil.copy(stage.database, stage.folder / "backup.db")
    server = stage.start_server()
    lost = stage.open_window(3600)
    stage.require_closed_on_time(known)
    server.kill()
    for path in stage.database.parent.glob(f"{stage.database.name}-*"):
        path.unlink()
    shutil.copy(backup, stage.database)
    stage.sandbox.put_root_user(known.account_id, {})

    refused = stage.start_server(waits=False)
    assert refused.process.wait(60) == 3
    assert stage.is_open(lost.account_id)
    adopted = stage.local.run("ledger", "adopt", "--yes", "-o", "json")
    assert [one["account_id"] for one in adopted.json["lost_windows"]] == [lost.account_id], adopted.shown
    assert adopted.json["lost_windows"][0]["closing"] == "closed"
    assert adopted.json["unread_accounts"] == []
    assert adopted.status == 0, adopted.shown
    assert not stage.is_open(lost.account_id)

    stage.start_server()
    verified = stage.local.run("ledger", "verify")
    assert verified.status == 0, verified.shown
