"""The state file itself: a torn end is dropped, everything else that doesn't fit is refused and left as it is."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any

import pytest

from rootkeeper.sandbox.clock import Clock
from rootkeeper.sandbox.persistence.pieces import Assembly
from rootkeeper.sandbox.persistence.state_file import FORMAT, StateFile, StateFileError
from rootkeeper.sandbox.persistence.values import UnknownValueError
from tests.sandbox.kept import close_kept, list_pieces, open_kept
from tests.sandbox.wire import Wire

TITLE = b"rootkeeper sandbox state %d\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A state file with two changes at its end."""
    instance = open_kept(tmp_path / "state")
    wire = Wire(instance)
    for name in ("first", "second"):
        assert wire.call("management-admin", "iam", "CreateUser", UserName=name).status == 200
    close_kept(instance)
    return tmp_path / "state"


def read_users(path: Path) -> set[str]:
    file, clock = StateFile(path), Clock()
    world = file.read(clock).world
    file.close()
    return {"first", "second"} & set(world.account("111122223333").identities.users)


def assert_refused(path: Path, message: str) -> None:
    before = path.read_bytes()
    stamp = path.stat().st_mtime_ns
    with pytest.raises(StateFileError, match=message) as caught:
        StateFile(path).read(Clock())
    assert str(path) in str(caught.value)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, stamp)
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def line(content: Any) -> bytes:
    text = json.dumps(content).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def test_whatever_is_cut_off_the_last_change_only_that_change_is_lost(path: Path) -> None:
    whole = path.read_bytes()
    last = len(whole) - whole.rindex(b"\n", 0, -1) - 1
    assert read_users(path) == {"first", "second"}
    for cut in [1, 2, 10, last // 2, last - 1, last]:
        path.write_bytes(whole[:-cut])
        assert read_users(path) == {"first"}, cut


def test_a_torn_end_is_written_over(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])
    instance = open_kept(path)
    assert Wire(instance).call("management-admin", "iam", "CreateUser", UserName="second").status == 200
    close_kept(instance)
    assert read_users(path) == {"first", "second"}
    assert path.read_bytes().endswith(b"\n")


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"hello\n", b"{}\n", b"\x00\xff\xfe" * 100, b"rootkeeper sandbox state\n", b"version: 1\n"]
)
def test_a_foreign_file_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "state").write_bytes(text)
    assert_refused(tmp_path / "state", "isn't a state file of the sandbox. It was left as it is; name another file.")


def test_a_newer_file_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(TITLE % FORMAT, TITLE % (FORMAT + 1), 1))
    assert_refused(path, rf"was written by a newer sandbox \(format {FORMAT + 1}, this one knows {FORMAT}\)")


def test_a_file_that_ends_within_its_whole_part_is_refused(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    for count in (1, 2, 3, len(lines) - 3):
        path.write_bytes(b"".join(lines[:count]))
        assert_refused(path, "is damaged or of another version")
    path.write_bytes(b"".join(lines[: len(lines) - 3]) + lines[len(lines) - 3][:20])
    assert_refused(path, "it ends too early")


def test_any_changed_byte_is_noticed(path: Path) -> None:
    whole = path.read_bytes()
    start = len(TITLE % FORMAT)
    for position in range(start, len(whole) - 1, len(whole) // 40):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        assert_refused(path, "is damaged or of another version")


def test_lines_that_are_missing_or_there_twice_are_noticed(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:5] + lines[6:]))
    assert_refused(path, "is damaged")
    path.write_bytes(b"".join(lines[:5] + lines[4:]))
    assert_refused(path, "is damaged")


@pytest.mark.parametrize(
    "added",
    [
        line([[["world", "telepathy"], True]]),
        line([[["world", "organization", "telepathy"], True]]),
        line([[["world", "organization", "accounts", "123456789012"], {"~": "state.accounts:Nobody"}]]),
        line([[["world", "seed", "deeper"], 1]]),
        line([[["world", "seed"]]]),
        line([["world"]]),
        line(7),
        line({"a": 1}),
        b"not even that\n",
    ],
    ids=lambda text: text[:60].decode(),
)
def test_changes_that_no_sandbox_of_this_version_writes_are_refused(path: Path, added: bytes) -> None:
    path.write_bytes(path.read_bytes() + added)
    assert_refused(path, "is damaged or of another version")


def test_what_isnt_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "pipe"):
        with pytest.raises(StateFileError, match="isn't a file"):
            StateFile(tmp_path / name).read(Clock())
    with pytest.raises(StateFileError, match=r"can't read .*: No such file"):
        StateFile(tmp_path / "nothing").read(Clock())


def test_a_file_that_cannot_be_begun_says_why(tmp_path: Path) -> None:
    with pytest.raises(StateFileError, match=r"can't write .*: No such file or directory"):
        open_kept(tmp_path / "missing" / "state")


def test_leftovers_of_a_crash_while_the_whole_was_written_are_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".state.12345.new").write_bytes(b"half")
    (tmp_path / "other").write_bytes(b"mine")
    close_kept(open_kept(tmp_path / "state"))
    assert {one.name for one in tmp_path.iterdir()} == {"other", "state"}


def test_the_same_state_comes_back_from_changes_as_from_a_whole_file(path: Path) -> None:
    instance = open_kept(path)
    before = list_pieces(instance.world, instance.clock)
    assert hasattr(instance.keeper, "write_whole")
    instance.keeper.write_whole()
    close_kept(instance)
    again = open_kept(path)
    assert list_pieces(again.world, again.clock) == before
    close_kept(again)


def test_pieces_without_an_organization_are_no_world() -> None:
    assembly = Assembly()
    assembly.put([["world", "seed"], "demo"])
    with pytest.raises(UnknownValueError, match="the world has no organization"):
        assembly.build(Clock())


def test_a_place_is_no_piece_and_a_piece_no_place() -> None:
    assembly = Assembly()
    assembly.put([["world", "seed"], "demo"])
    with pytest.raises(UnknownValueError, match="isn't a place for pieces"):
        assembly.put([["world", "seed", "x"], 1])
