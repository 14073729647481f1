"""How a command ends that couldn't do its work."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from rootkeeper.cli.failures import blank_secrets, describe_traceback, report_bug, report_error
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import AwsUnreachableError, InputError

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def test_an_error_is_one_sentence_and_a_hint_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    status = report_error(InputError("That won't do.", hint="Try this."), Terminal({}))
    shown = capsys.readouterr()
    assert status == 2
    assert shown.out == ""
    assert shown.err == "error: That won't do.\nhint: Try this.\n"


def test_an_error_keeps_its_own_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert report_error(AwsUnreachableError("No answer."), Terminal({})) == 3
    assert "hint" not in capsys.readouterr().err


def test_an_error_that_quotes_foreign_text_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    report_error(InputError("\x1b]0;title\x07 [bold]x[/bold]"), Terminal({}))
    shown = capsys.readouterr().err
    assert "\x1b" not in shown
    assert "[bold]x[/bold]" in shown


def test_a_bug_leaves_its_traceback_in_a_file_of_its_owner(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    try:
        raise RuntimeError(f"AWS said {SECRET}")
    except RuntimeError as error:
        status = report_bug(error, Terminal({}))
    (log,) = (tmp_path / "rootkeeper").iterdir()
    shown = capsys.readouterr().err
    assert status == 70
    assert str(log) in shown
    assert "Traceback" not in shown
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert "Traceback" in log.read_text()
    assert SECRET not in log.read_text() + shown


def test_a_bug_is_reported_even_where_no_file_can_be_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rootkeeper").write_text("in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert report_bug(RuntimeError("x"), Terminal({})) == 70
    assert "couldn't be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        f"aws_secret_access_key={SECRET}",
        "key AKIAIOSFODNN7EXAMPLE",
        "postgresql+psycopg://keeper:hunter2@db/rootkeeper",
        f"token {'IQoJb3JpZ2luX2VjE' * 5}",
    ],
)
def test_what_may_be_a_secret_is_blanked(text: str) -> None:
    blanked = blank_secrets(text)
    for secret in (SECRET, "AKIAIOSFODNN7EXAMPLE", "hunter2", "IQoJb3JpZ2luX2VjE"):
        assert secret not in blanked


def test_frames_stay_readable_in_a_traceback() -> None:
    try:
        raise KeyError("x")
    except KeyError as error:
        text = describe_traceback(error)
    assert "test_failures.py" in text
