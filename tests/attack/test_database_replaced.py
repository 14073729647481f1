"""The database is replaced by an older copy, deleted, or damaged while a server runs on it.

The server notices, reports it, refuses changes, and closes the windows that it knows.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.attack.stage import AttackStage, OpenedWindow
from tests.durations import Stopwatch

pytestmark = pytest.mark.long

SECONDS = 14
LONGEST_SHARE = 0.3
"""Of one core, for a server that can do nothing but wait and look."""


def back_up(stage: AttackStage) -> Path:
    copy = stage.folder / "copy.db"
    with closing(sqlite3.connect(stage.database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def checkpoint(stage: AttackStage) -> None:
    """So that the file itself has everything."""
    with closing(sqlite3.connect(stage.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def put_copy_in_place(stage: AttackStage, copy: Path) -> None:
    """As a restore does: without the log of the other file."""
    for ending in ("-wal", "-shm", ""):
        stage.database.with_name(stage.database.name + ending).unlink()
    copy.rename(stage.database)


def write_copy_over(stage: AttackStage, copy: Path) -> None:
    checkpoint(stage)
    shutil.copyfile(copy, stage.database)


def delete_folder(stage: AttackStage, _: Path) -> None:
    shutil.rmtree(stage.database.parent)


def make_new_database(stage: AttackStage, _: Path) -> None:
    """As a command does that finds none."""
    shutil.rmtree(stage.database.parent)
    audited = stage.local.run("audit", "--fail-on", "none")
    assert audited.status == 0, audited.shown


def damage_all_pages(stage: AttackStage, _: Path) -> None:
    checkpoint(stage)
    with stage.database.open("r+b") as handle:
        handle.seek(4096)
        handle.write(os.urandom(stage.database.stat().st_size - 4096))


def damage_one_table(stage: AttackStage, _: Path) -> None:
    """One that no loop reads: only a reading of all pages finds it."""
    checkpoint(stage)
    with closing(sqlite3.connect(stage.database)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'deletion_exceptions'").fetchone()
    with stage.database.open("r+b") as handle:
        handle.seek((page - 1) * 4096)
        handle.write(os.urandom(4096))


def open_windows(stage: AttackStage) -> tuple[Path, list[OpenedWindow]]:
    """A copy from before, and what was opened since."""
    stage.start_server()
    stage.server.token("administrator", "ada")
    first = stage.open_window(SECONDS)
    copy = back_up(stage)
    windows = [first, stage.open_window(SECONDS), stage.open_window(SECONDS + 3)]
    stage.wait_known(*windows)
    return copy, windows


def read_processor_seconds(stage: AttackStage) -> float:
    fields = Path(f"/proc/{stage.server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def count_threads(stage: AttackStage) -> int:
    return len(list(Path(f"/proc/{stage.server.process.pid}/task").iterdir()))


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (put_copy_in_place, "was replaced by another one"),
        (write_copy_over, "an older copy, or another database, was put in its place"),
        (delete_folder, "was deleted or moved"),
        (make_new_database, "was replaced by another one"),
        (damage_all_pages, "it is damaged"),
        (damage_one_table, "it is damaged"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_p11_what_is_known_is_closed_and_the_database_is_reported(
    stage: AttackStage, attack: Callable[[AttackStage, Path], None], reason: str
) -> None:
    copy, windows = open_windows(stage)
    attack(stage, copy)
    stage.wait_error(reason)
    began, used, threads = Stopwatch(), read_processor_seconds(stage), count_threads(stage)
    stage.wait_notified("database:check:failed")
    ready = stage.server.ask("GET", "/readyz")
    (check,) = [one for one in ready.body["checks"] if one["name"] == "database"]
    assert (ready.status, check["is_good"]) == (503, False)
    assert reason in check["explanation"]
    refused = stage.server.ask("POST", "/api/v1/tokens", {"name": "late", "role": "viewer"}, name="ada")
    assert refused.status == 503, refused
    stage.require_closed_on_time(*windows)
    for window in windows:
        stage.wait_notified("window:close:done", window.window_id)
    assert (read_processor_seconds(stage) - used) / began.seconds < LONGEST_SHARE
    assert count_threads(stage) <= threads + 5
    errors = stage.errors()
    assert len(errors) < 50, "the same failure was logged again and again"


def test_p11_the_right_file_is_used_again_when_it_is_back(stage: AttackStage) -> None:
    _, windows = open_windows(stage)
    folder, aside = stage.database.parent, stage.folder / "aside"
    folder.rename(aside)
    stage.wait_error("was deleted or moved")
    stage.require_closed_on_time(*windows)
    assert not folder.exists(), "its place was taken"
    aside.rename(folder)
    stage.server.wait_until(lambda: stage.server.ask("GET", "/readyz").status == 200)

    def are_recorded() -> bool:
        listed = stage.server.ask("GET", "/api/v1/windows", name="ada").body["windows"]
        return {one["state"] for one in listed} == {"CLOSED_VERIFIED"}

    stage.server.wait_until(are_recorded)


def test_a_second_server_on_a_hard_link_of_the_file_is_refused(stage: AttackStage) -> None:
    stage.start_server()
    second = stage.folder / "second" / "rootkeeper.db"
    second.parent.mkdir()
    second.hardlink_to(stage.database)
    first = stage.server
    refused = stage.start_server({"ROOTKEEPER_DATABASE_URL": f"sqlite:///{second}"}, waits=False)
    assert refused.process.wait(60) == 3
    assert "a hard link" in refused.stderr
    assert first.ask("GET", "/readyz").status == 200
