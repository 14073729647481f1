"""Where a target's URL may be read from."""

from __future__ import annotations

from pathlib import Path

import pytest

from rootkeeper.errors import NotificationError
from rootkeeper.notifications.rules import NotificationTarget, Severity
from rootkeeper.notifications.sending import read_url


def target(reference: str) -> NotificationTarget:
    return NotificationTarget("chat", Severity.INFO, reference)


def write(folder: Path, mode: int, content: bytes = b"slack://canary-token/\n") -> Path:
    path = folder / "chat"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_variable_is_read_when_it_is_asked_for() -> None:
    assert read_url(target("env:CHAT_URL"), {"CHAT_URL": " slack://a \n"}) == "slack://a"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o440, 0o640])
def test_a_file_that_no_one_else_reads_is_read(tmp_path: Path, mode: int) -> None:
    assert read_url(target(f"file:{write(tmp_path, mode)}"), {}) == "slack://canary-token/"


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o660, 0o602, 0o777])
def test_a_file_that_others_may_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path, mode)
    with pytest.raises(NotificationError) as refused:
        read_url(target(f"file:{path}"), {})
    assert refused.value.hint == f"Run: chmod 600 {path}"
    assert "canary" not in refused.value.message


def test_what_isnt_there_is_empty_or_isnt_text_is_reported(tmp_path: Path) -> None:
    for reference in ("env:MISSING", f"file:{tmp_path / 'missing'}", f"file:{tmp_path}"):
        with pytest.raises(NotificationError, match="chat can't be used"):
            read_url(target(reference), {})
    for content in (b"", b"\n", b"\xff\xfe"):
        with pytest.raises(NotificationError, match="chat can't be used"):
            read_url(target(f"file:{write(tmp_path, 0o600, content)}"), {})
