"""Where one-time passwords come from."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from rootkeeper.cli.commands.emails import OneTimePasswordSource
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import InputError

OTP = "K7Q2ZX"


def source(path: Path | None) -> OneTimePasswordSource:
    return OneTimePasswordSource(Terminal({}), path)


def test_a_file_is_read_only_for_a_change_that_was_started(tmp_path: Path) -> None:
    file = tmp_path / "otp"
    file.write_text(f" {OTP}\n")
    source(file).require_fits(is_started=True)
    assert source(file).read("aws@example.com").value == OTP
    with pytest.raises(InputError, match="The ledger has no started change to this address") as raised:
        source(file).require_fits(is_started=False)
    assert OTP not in raised.value.message


def test_a_named_pipe_may_be_filled_after_the_start(tmp_path: Path) -> None:
    pipe = tmp_path / "otp"
    os.mkfifo(pipe)
    source(pipe).require_fits(is_started=False)


def test_a_file_that_isnt_there_is_reported_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        source(tmp_path / "nothing").require_fits(is_started=True)
    with pytest.raises(InputError, match="can't be read"):
        source(tmp_path / "nothing").read("aws@example.com")


def test_stdin_gives_its_first_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{OTP}\nmore\n"))
    source(Path("-")).require_fits(is_started=False)
    assert source(Path("-")).read("aws@example.com").value == OTP
    with pytest.raises(InputError):
        source(Path("-")).read("aws@example.com")


@pytest.mark.parametrize("content", ["", "K7Q2Z", "K7Q2ZX1", "x" * 10_000])
def test_p08_what_isnt_one_isnt_repeated(tmp_path: Path, content: str) -> None:
    file = tmp_path / "otp"
    file.write_text(content)
    with pytest.raises(InputError) as raised:
        source(file).read("aws@example.com")
    assert not content or content[:5] not in f"{raised.value.message} {raised.value.hint}"


def test_without_a_terminal_and_a_file_none_can_be_had() -> None:
    assert not source(None).can_read
    source(None).require_fits(is_started=False)
    assert source(Path("-")).can_read


def test_only_a_person_may_try_again() -> None:
    assert source(None).attempts == 3
    assert source(Path("-")).attempts == 1
