"""What ``--out`` names is written whole or not at all, and nothing but a regular file is ever replaced."""

from __future__ import annotations

import os
import pty
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from rootkeeper.cli.output_files import require_output_file, write_output_file
from rootkeeper.cli.terminal import OutputLostError
from rootkeeper.errors import DatabaseError, InputError
from tests.small_disks import mounted_disk


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def usual_mask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_regular_file_is_replaced_by_one_that_was_written_beside(tmp_path: Path) -> None:
    file = tmp_path / "code.tf"
    file.write_text("old")
    with file.open() as reading:
        assert write_output_file(file, ["new ✓\n", "and more\r\n"]) == 2
        assert reading.read() == "old"
    assert file.read_bytes() == "new ✓\nand more\r\n".encode()
    assert list(tmp_path.iterdir()) == [file]


def test_a_longest_name_can_be_written(tmp_path: Path) -> None:
    write_output_file(tmp_path / ("n" * 255), ["x"])
    assert [len(path.name) for path in tmp_path.iterdir()] == [255]


@pytest.mark.usefixtures("usual_mask")
def test_who_can_read_the_file(tmp_path: Path) -> None:
    shared, private, known = tmp_path / "shared", tmp_path / "private", tmp_path / "known"
    write_output_file(shared, ["x"])
    assert mode_of(shared) == 0o644
    write_output_file(private, ["x"], is_private=True)
    assert mode_of(private) == 0o600
    known.touch()
    known.chmod(0o640)
    write_output_file(known, ["x"])
    assert mode_of(known) == 0o640


def break_down() -> Iterator[str]:
    yield "a first part"
    raise DatabaseError("The database can't be read.")


@pytest.mark.parametrize("is_new", [False, True])
def test_a_failure_leaves_the_old_file_or_none(tmp_path: Path, *, is_new: bool) -> None:
    file = tmp_path / "export.jsonl"
    if not is_new:
        file.write_text("old")
    with pytest.raises(DatabaseError):
        write_output_file(file, break_down(), is_new=is_new)
    assert [path.read_text() for path in tmp_path.iterdir()] == ([] if is_new else ["old"])


def test_a_file_that_may_be_evidence_isnt_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    assert write_output_file(file, ["1\n", "2\n"], is_new=True, is_private=True) == 2
    assert (file.read_text(), mode_of(file)) == ("1\n2\n", 0o600)
    for attempt in (lambda: require_output_file(file, is_new=True), lambda: write_output_file(file, [], is_new=True)):
        with pytest.raises(InputError, match="exists already"):
            attempt()
    assert file.read_text() == "1\n2\n"


@contextmanager
def special_file(folder: Path, kind: str) -> Iterator[Path]:
    """A file that isn't a regular one, and that no one reads."""
    with ExitStack() as stack:
        if kind == "terminal":
            reading, slave = pty.openpty()
            stack.callback(os.close, reading)
            stack.callback(os.close, slave)
            yield Path(os.ttyname(slave))
        elif kind == "pipe of a shell":
            reading, writing = os.pipe()
            stack.callback(os.close, reading)
            stack.callback(os.close, writing)
            yield Path(f"/dev/fd/{writing}")
        elif kind == "socket":
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(folder / "s"))
            yield folder / "s"
        elif kind == "device":
            yield Path("/dev/null")
        else:
            os.mkfifo(folder / "pipe")
            yield folder / "pipe"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("is_new", [False, True])
@pytest.mark.parametrize("kind", ["device", "pipe", "pipe of a shell", "socket", "terminal"])
def test_a_device_or_a_pipe_is_refused_at_once_and_stays(tmp_path: Path, kind: str, *, is_new: bool) -> None:
    with special_file(tmp_path, kind) as path:
        link = tmp_path / "link"
        link.symlink_to(path)
        before = path.stat()
        for place in (path, link):
            for attempt in (
                partial(require_output_file, place, is_new=is_new),
                partial(write_output_file, place, ["x"], is_new=is_new),
            ):
                with pytest.raises(InputError, match="it is a device or a pipe") as caught:
                    attempt()
                assert "redirect stdout" in str(caught.value.hint)
        assert (path.stat().st_mode, path.stat().st_ino) == (before.st_mode, before.st_ino)
        assert link.is_symlink()


@pytest.mark.parametrize("is_new", [False, True])
def test_a_full_disk_leaves_the_old_file_or_none_and_is_no_wrong_input(tmp_path: Path, *, is_new: bool) -> None:
    with mounted_disk(tmp_path / "disk", megabytes=1) as disk:
        file = disk.folder / "report.html"
        if not is_new:
            file.write_text("old")
        disk.fill()
        with pytest.raises(OutputLostError) as caught:
            write_output_file(file, ["x" * 100_000], is_new=is_new)
        assert (caught.value.output, caught.value.reader_is_gone) == (str(file), False)
        names = {path.name for path in disk.folder.iterdir()} - {"ballast"}
        assert names == (set() if is_new else {"report.html"})
        assert is_new or file.read_text() == "old"


@pytest.mark.parametrize("is_new", [False, True])
@pytest.mark.parametrize("is_dangling", [False, True])
def test_a_link_to_a_file_is_refused_and_neither_followed_nor_replaced(
    tmp_path: Path, *, is_dangling: bool, is_new: bool
) -> None:
    target, link = tmp_path / "shadow", tmp_path / "report.html"
    if not is_dangling:
        target.write_text("root")
    link.symlink_to(target)
    attempts: tuple[Callable[[], object], ...] = (
        lambda: require_output_file(link, is_new=is_new),
        lambda: write_output_file(link, ["x"], is_new=is_new),
    )
    for attempt in attempts:
        with pytest.raises(InputError, match="is a link") as caught:
            attempt()
        assert str(target) in str(caught.value.hint)
    assert link.is_symlink()
    assert target.exists() is not is_dangling
    assert is_dangling or target.read_text() == "root"


def test_a_folder_and_a_place_without_a_folder_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "code.tf").mkdir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "code.tf", tmp_path / "nowhere" / "code.tf", tmp_path / "file" / "code.tf"):
        for attempt in (require_output_file, lambda path: write_output_file(path, ["x"])):
            with pytest.raises(InputError, match=f"{path} can't be written"):
                attempt(path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["code.tf", "file"]
    require_output_file(None)
    require_output_file(tmp_path / "new.tf")
    assert not (tmp_path / "new.tf").exists()


def test_every_out_option_follows_the_same_rule(repository: Path) -> None:
    commands = repository / "src" / "rootkeeper" / "cli" / "commands"
    texts = {path.name: path.read_text() for path in commands.glob("*.py")}
    assert [name for name, text in texts.items() if '"--out ' in text] == []
    offering = {name for name, text in texts.items() if "out_option(" in text}
    assert offering == {"ledger.py", "plan.py", "policies.py", "report.py"}
    assert offering == {name for name, text in texts.items() if "write_output_file(out" in text}
    assert offering == {name for name, text in texts.items() if "require_output_file(out" in text}
