"""Files of lines: complete lines only, one writer at a time."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from rootkeeper.database.files import (
    LineFileBusyError,
    cut_last_line,
    cut_torn_end,
    open_locked,
    read_last_line,
    read_lines,
    sync_folder,
    write_line,
)
from tests.unit.database.samples import raised_by


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "lines.jsonl"


def test_lines_are_appended_and_read(path: Path) -> None:
    for text in ("one", "two"):
        with open_locked(path, 0) as handle:
            cut_torn_end(handle)
            write_line(handle, text)
    assert list(read_lines(path)) == [b"one", b"two"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sync_folder(path.parent)


def test_a_missing_file_has_no_lines(path: Path) -> None:
    assert list(read_lines(path)) == []


@pytest.mark.parametrize(
    ("content", "kept", "last"),
    [
        (b"", b"", None),
        (b"torn", b"", None),
        (b"one\n", b"one\n", b"one"),
        (b"one\ntwo\ntorn", b"one\ntwo\n", b"two"),
        (b"\n", b"\n", b""),
        (b"one\n" + b"x" * 200_000 + b"\ntorn" * 1, b"one\n" + b"x" * 200_000 + b"\n", b"x" * 200_000),
        (b"one\n" + b"x" * 200_000, b"one\n", b"one"),
    ],
    ids=["empty", "torn only", "one", "torn end", "empty line", "long line", "long torn end"],
)
def test_what_a_crash_left_behind_the_last_line_is_cut(
    path: Path, content: bytes, kept: bytes, last: bytes | None
) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with open_locked(path, 0) as handle:
        assert read_last_line(handle) == last
        cut_torn_end(handle)
        write_line(handle, "next")
    assert path.read_bytes() == kept + b"next\n"


def test_the_last_line_is_cut(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"one\ntwo\nthree\n")
    with open_locked(path, 0) as handle:
        cut_last_line(handle)
        write_line(handle, "next")
    assert path.read_bytes() == b"one\ntwo\nnext\n"


def test_a_second_writer_is_kept_out(path: Path) -> None:
    with open_locked(path, 0):
        raised_by(lambda: open_locked(path, 0.05).__enter__(), LineFileBusyError)
    with open_locked(path, 0):
        pass


def test_a_file_that_was_renamed_while_a_writer_waited_is_made_again(path: Path) -> None:
    with open_locked(path, 0) as handle:
        write_line(handle, "old")
        path.rename(path.with_suffix(".old"))
        with open_locked(path, 0) as newer:
            write_line(newer, "new")
    assert path.read_bytes() == b"new\n"


def test_a_link_isnt_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.touch()
    link = tmp_path / "link"
    link.symlink_to(target)
    raised_by(lambda: open_locked(link, 0).__enter__(), OSError)


def test_lines_that_come_while_reading_arent_read(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"one\ntwo\n")
    lines = read_lines(path)
    assert next(lines) == b"one"
    with path.open("ab") as handle:
        handle.write(b"three\n")
    assert list(lines) == [b"two"]
