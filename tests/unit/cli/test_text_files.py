"""Text files are read with errors that name them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rootkeeper.cli.terminal import read_text_file
from rootkeeper.errors import InputError


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
