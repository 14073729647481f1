"""What can't be parsed is kept beside the database, up to a limit."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from rootkeeper.errors import DatabaseError
from rootkeeper.watching import store as unreadable_events
from rootkeeper.watching.store import LONGEST_TEXT, UnreadableEventFile
from tests.fakes.clock import FakeClock


def read_lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_is_a_line_with_its_source_and_what_is_wrong_and_is_remarked(tmp_path: Path) -> None:
    path, remarks = tmp_path / "kept" / "unreadable.jsonl", list[str]()
    kept = UnreadableEventFile(path, FakeClock(), remarks.append)
    kept.keep("sqs:root-events", "{broken \ud800", "It isn't JSON.")
    kept.keep("sqs:root-events", "x" * (LONGEST_TEXT + 5), "It is too long.")
    first, second = read_lines(path)
    assert first == {
        "at": "2026-01-15T09:00:00.000000Z",
        "source": "sqs:root-events",
        "problem": "It isn't JSON.",
        "text": "{broken \ud800",
    }
    assert len(second["text"]) == LONGEST_TEXT
    assert [("sqs:root-events" in remark, str(path) in remark) for remark in remarks] == [(True, True)] * 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_file_takes_no_more_and_that_is_remarked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unreadable_events, "FULL_BYTES", 400)
    path, remarks = tmp_path / "unreadable.jsonl", list[str]()
    kept = UnreadableEventFile(path, FakeClock(), remarks.append)
    for _ in range(4):
        kept.keep("file:/events", "{" * 100, "It isn't JSON.")
    assert path.stat().st_size <= 400
    assert "is full" in remarks[-1]


def test_a_folder_that_cant_be_written_leaves_the_event_where_it_was(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = UnreadableEventFile(tmp_path / "file" / "unreadable.jsonl", FakeClock(), lambda _: None)
    with pytest.raises(DatabaseError, match="can't be written to"):
        kept.keep("file:/events", "{", "It isn't JSON.")
