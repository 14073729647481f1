"""Where new passwords come from."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from rootkeeper.cli.commands.users import read_new_password
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import InputError

PASSWORD = "correct horse  battery "


def test_a_file_gives_its_first_line_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\r\nmore\n")
    assert read_new_password(Terminal({}), path, "ana") == PASSWORD


def test_stdin_gives_its_first_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\nmore\n"))
    assert read_new_password(Terminal({}), Path("-"), "ana") == PASSWORD


def test_a_file_that_isnt_there_or_isnt_text_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "password"
    with pytest.raises(InputError, match="can't be read"):
        read_new_password(Terminal({}), path, "ana")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="isn't UTF-8 text"):
        read_new_password(Terminal({}), path, "ana")


def test_no_one_is_asked_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(InputError, match="isn't a terminal"):
        read_new_password(Terminal({}), None, "ana")
