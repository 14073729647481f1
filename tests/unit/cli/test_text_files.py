"""Text files are written whole or not at all, and read with errors that name them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from rootkeeper.cli.terminal import read_text_file, write_text_file
from rootkeeper.errors import InputError


def test_a_file_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "code.tf"
    file.write_text("old")
    write_text_file(file, "new ✓\n")
    assert file.read_text(encoding="utf-8") == "new ✓\n"
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_can_be_read_by_others_as_the_mask_allows(tmp_path: Path) -> None:
    file = tmp_path / "code.tf"
    write_text_file(file, "x")
    assert stat.S_IMODE(file.stat().st_mode) & 0o600 == 0o600


def test_a_folder_that_isnt_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere/code\.tf can't be written"):
        write_text_file(tmp_path / "nowhere" / "code.tf", "x")


def test_a_target_that_cant_be_replaced_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "code.tf").mkdir()
    (tmp_path / "code.tf" / "inside").touch()
    with pytest.raises(InputError):
        write_text_file(tmp_path / "code.tf", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["code.tf"]


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("é\r\n".encode())
    assert read_text_file(tmp_path / "a") == "é\r\n"


def test_what_isnt_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(b"\x1f\x8b\xff")
    with pytest.raises(InputError, match="isn't UTF-8 text") as caught:
        read_text_file(tmp_path / "a.gz")
    assert "Decompress" in (caught.value.hint or "")


def test_a_file_that_isnt_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere can't be read"):
        read_text_file(tmp_path / "nowhere")
