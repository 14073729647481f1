"""The disk of the database is full, so that some writes fail and others succeed: every window closes all the same.

The spill file goes where there is room. What was closed is recorded once there is space again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.attack.stage import AttackStage, OpenedWindow
from tests.small_disks import SmallDisk, mounted_disk

pytestmark = pytest.mark.long

SECONDS = 14
FULL = "the disk is full"


@pytest.fixture
def disk(stage: AttackStage, tmp_path: Path) -> Iterator[SmallDisk]:
    """The database and all beside it, the spill folder by default too, are on it."""
    with mounted_disk(tmp_path / "disk", 24) as disk:
        stage.environment["ROOTKEEPER_DATABASE_URL"] = f"sqlite:///{disk.folder / 'data' / 'rootkeeper.db'}"
        yield disk
        stage.server.end()


def fill_after_opening(stage: AttackStage, disk: SmallDisk, count: int = 3) -> list[OpenedWindow]:
    stage.start_server()
    windows = [stage.open_window(SECONDS + 2 * number) for number in range(count)]
    stage.wait_known(*windows)
    disk.fill()
    return windows


def read_database_check(stage: AttackStage) -> dict[str, Any]:
    answer = stage.server.ask("GET", "/readyz")
    check: dict[str, Any] = next(one for one in answer.body["checks"] if one["name"] == "database")
    assert check["is_good"] is (answer.status == 200), answer
    return check


def require_reported(stage: AttackStage) -> None:
    stage.wait_error(FULL)
    stage.wait_notified("database:check:failed", FULL)
    stage.server.wait_until(lambda: FULL in read_database_check(stage)["explanation"])


def require_recorded(stage: AttackStage, disk: SmallDisk, windows: list[OpenedWindow]) -> None:
    """Once there is space, every window is recorded, the spill files are merged, and the ledger is intact."""
    disk.free()
    stage.server.wait_until(lambda: stage.server.ask("GET", "/readyz").status == 200)
    stage.wait_notified("database:check:restored")

    def are_recorded() -> bool:
        listed = stage.server.ask("GET", "/api/v1/windows", name="olga").body["windows"]
        ours = {one.window_id for one in windows}
        return all(one["state"] == "CLOSED_VERIFIED" for one in listed if one["window_id"] in ours)

    stage.server.wait_until(are_recorded)
    stage.server.wait_until(lambda: any(line["event"] == "spill.merged" for line in stage.server.lines))
    stage.server.stop()
    verified = stage.local.run("ledger", "verify")
    assert verified.status == 0, verified.shown


def test_p11_windows_close_on_time_on_a_full_disk_and_are_recorded_when_there_is_space(
    stage: AttackStage, disk: SmallDisk
) -> None:
    windows = fill_after_opening(stage, disk)
    stage.require_closed_on_time(*windows)
    require_reported(stage)
    require_recorded(stage, disk, windows)


def test_p11_a_change_that_failed_before_delays_no_closing(stage: AttackStage, disk: SmallDisk) -> None:
    windows = fill_after_opening(stage, disk)
    account_id = stage.take_account()
    for _ in range(3):
        body = {"account": account_id, "reason": "drill " * 50, "duration": f"{SECONDS}s"}
        refused = stage.server.ask("POST", "/api/v1/windows", body, name="olga")
        assert (refused.status, refused.body["code"]) == (503, "ledger.unavailable"), refused
        assert FULL in refused.body["detail"]
    stage.require_closed_on_time(*windows)
    require_reported(stage)


def test_p11_a_server_that_is_started_on_a_full_disk_closes_what_is_overdue(
    stage: AttackStage, disk: SmallDisk
) -> None:
    windows = fill_after_opening(stage, disk, 2)
    stage.server.kill()
    stage.start_server()
    stage.require_closed_on_time(*windows)
    require_reported(stage)
