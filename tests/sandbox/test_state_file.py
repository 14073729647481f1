"""The state file itself: a change that wasn't finished is dropped, what doesn't fit is refused and left as it is."""

from __future__ import annotations

import os
import pickle
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from rootkeeper_sandbox.state.accounts import IamUser
from rootkeeper_sandbox.state_file import StateFileError
from rootkeeper_sandbox.throttling import AwsThrottle
from tests.sandbox.kept import close_kept, list_parts, open_kept
from tests.sandbox.wire import Wire


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A state file with two users more than at its start."""
    instance = open_kept(tmp_path / "state")
    wire = Wire(instance)
    for name in ("first", "second"):
        assert wire.call("management-admin", "iam", "CreateUser", UserName=name).status == 200
    close_kept(instance)
    return tmp_path / "state"


def read_users(path: Path) -> set[str]:
    instance = open_kept(path)
    close_kept(instance)
    return {"first", "second", "third"} & set(instance.world.account("111122223333").identities.users)


def assert_refused(path: Path, message: str) -> None:
    before = path.read_bytes()
    stamp = path.stat().st_mtime_ns
    with pytest.raises(StateFileError, match=message) as caught:
        open_kept(path)
    assert str(path) in str(caught.value)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, stamp)
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def change(path: Path, statement: str, *values: object) -> None:
    database = sqlite3.connect(path)
    with database:
        database.execute(statement, values)
    database.close()


def put_part(path: Path, place: str, key: str, pickled: bytes) -> None:
    change(path, "INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?)", place, key, pickled, zlib.crc32(pickled))


def test_a_change_that_was_not_finished_is_dropped_with_a_message(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    copied = path.with_name("copied")
    database = sqlite3.connect(path)
    database.execute("PRAGMA cache_size = 1")
    database.execute("PRAGMA cache_spill = 1")
    database.execute("UPDATE parts SET value = x'00'")
    shutil.copyfile(path, copied)
    shutil.copyfile(f"{path}-journal", f"{copied}-journal")
    database.close()
    assert copied.read_bytes() != path.read_bytes()
    assert read_users(copied) == {"first", "second"}
    assert "ends with a change that was never answered. The change is dropped." in caplog.text
    instance = open_kept(copied)
    assert Wire(instance).call("management-admin", "iam", "CreateUser", UserName="third").status == 200
    close_kept(instance)
    assert read_users(copied) == {"first", "second", "third"}


@pytest.mark.parametrize("text", [b"", b"\n", b"hello\n", b"{}\n", b"\x00\xff\xfe" * 100, b"version: 1\n" * 1000])
def test_a_foreign_file_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "state").write_bytes(text)
    assert_refused(tmp_path / "state", "isn't a state file of the sandbox. It was left as it is; name another file.")


def test_another_database_is_refused(tmp_path: Path) -> None:
    change(tmp_path / "state", "CREATE TABLE parts (place TEXT)")
    assert_refused(tmp_path / "state", "isn't a state file of the sandbox")


def test_a_file_of_another_version_is_refused(path: Path) -> None:
    change(path, "PRAGMA user_version = 7")
    assert_refused(path, "was written by another version of the sandbox. It was left as it is; name another file.")


def test_a_file_that_was_cut_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    for share in (0.1, 0.5, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        assert_refused(path, "is damaged")


def test_a_changed_part_is_noticed(path: Path) -> None:
    database = sqlite3.connect(path)
    parts = database.execute("SELECT rowid, value FROM parts ORDER BY length(value) DESC LIMIT 10").fetchall()
    database.close()
    for rowid, value in parts:
        middle = len(value) // 2
        changed = value[:middle] + bytes([value[middle] ^ 1]) + value[middle + 1 :]
        change(path, "UPDATE parts SET value = ? WHERE rowid = ?", changed, rowid)
        assert_refused(path, "is damaged")
        change(path, "UPDATE parts SET value = ? WHERE rowid = ?", value, rowid)
    assert read_users(path) == {"first", "second"}


@pytest.mark.parametrize("place", ["origin", "clock", "world", "world.organization"])
def test_a_file_without_a_part_that_every_world_has_is_refused(path: Path, place: str) -> None:
    change(path, "DELETE FROM parts WHERE place = ?", place)
    assert_refused(path, "is damaged")


class Surprise:
    """Calls a function when it is read from a pickle."""

    def __init__(self, function: Callable[[str], object]) -> None:
        self._call = (function, ("x",))

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return self._call


@pytest.mark.parametrize("function", [os.system, eval, Path, AwsThrottle, IamUser.__init__], ids=lambda it: it.__name__)
def test_a_file_runs_no_code(path: Path, function: Callable[[str], object]) -> None:
    put_part(path, "world", "", pickle.dumps((None, Surprise(function))))
    assert_refused(path, "is damaged .a state file holds no ")


@pytest.mark.parametrize("pickled", [b"", b"nonsense", pickle.dumps(7), pickle.dumps((None, (dict, {})))], ids=repr)
def test_a_part_that_no_sandbox_writes_is_refused(path: Path, pickled: bytes) -> None:
    put_part(path, "world.organization", "", pickled)
    assert_refused(path, "is damaged")


def test_what_isnt_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "pipe"):
        with pytest.raises(StateFileError, match="isn't a file"):
            open_kept(tmp_path / name)


def test_a_file_that_cannot_be_begun_says_why(tmp_path: Path) -> None:
    with pytest.raises(StateFileError, match=r"can't write .*: No such file or directory"):
        open_kept(tmp_path / "missing" / "state")


def test_leftovers_of_a_crash_at_the_first_start_are_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".state.new").write_bytes(b"half")
    (tmp_path / "other").write_bytes(b"mine")
    close_kept(open_kept(tmp_path / "state"))
    assert {one.name for one in tmp_path.iterdir()} == {"other", "state"}


def test_the_same_state_comes_back_from_changes_as_from_a_whole_file(path: Path) -> None:
    instance = open_kept(path)
    assert instance.keeper is not None
    instance.keeper.start_over(instance.world)
    assert Wire(instance).call("management-admin", "iam", "CreateUser", UserName="third").status == 200
    before = list_parts(instance.world, instance.clock)
    close_kept(instance)
    again = open_kept(path)
    assert list_parts(again.world, again.clock) == before
    close_kept(again)
