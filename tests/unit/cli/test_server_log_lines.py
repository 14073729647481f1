"""A server's log is one JSON object a line, without secrets."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from rootkeeper.cli.server_process import JsonLines
from rootkeeper.composition.adapters import LOGGER_NAME, ServerLog
from rootkeeper.errors import DatabaseError
from rootkeeper.organization.progress import RemarkProgress

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO, logger=LOGGER_NAME)

    def read() -> list[dict[str, Any]]:
        texts = [JsonLines().format(record) for record in caplog.records]
        assert all("\n" not in text for text in texts)
        return [json.loads(text) for text in texts]

    return read


def test_a_line_has_time_level_event_text_and_ids(lines: Any) -> None:
    ServerLog().warning("window.overdue", "It is overdue.\nStill.", window_id="w-0123456789", account_id=None)
    (line,) = lines()
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "warning",
        "event": "window.overdue",
        "message": "It is overdue.\nStill.",
        "window_id": "w-0123456789",
    }


def test_a_line_never_steers_a_terminal(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger=LOGGER_NAME)
    ServerLog().warning("audit.remark", "Account Pay\x9b2J\u202eroll", account_id="22\x9b")
    (text,) = (JsonLines().format(record) for record in caplog.records)
    assert text.isprintable()
    assert json.loads(text)["message"] == "Account Pay\x9b2J\u202eroll"


def test_a_deliberate_error_is_reported_in_its_own_words(lines: Any) -> None:
    ServerLog().failure("loop.failed", "A turn failed", DatabaseError("The disk is full.", hint="Free some space."))
    (line,) = lines()
    assert (line["level"], line["code"], line["hint"]) == ("error", "database.unavailable", "Free some space.")
    assert line["message"] == "A turn failed: The disk is full."


def test_of_a_bug_only_type_and_place_are_shown(lines: Any) -> None:
    try:
        raise ValueError(f"token {SECRET}")
    except ValueError as error:
        ServerLog().failure("loop.failed", "A turn failed", error)
    (line,) = lines()
    assert line["message"] == "A turn failed: an unexpected ValueError"
    assert "test_server_log_lines" in line["traceback"]
    assert SECRET not in json.dumps(line)


def test_what_looks_like_a_secret_is_blanked(lines: Any) -> None:
    ServerLog().info("remark", f"key {SECRET} of AKIAIOSFODNN7EXAMPLE")
    (line,) = lines()
    assert SECRET not in line["message"]
    assert "AKIA" not in line["message"]


def test_progress_that_no_one_watches_shows_its_remarks_alone() -> None:
    reported: list[str] = []
    progress = RemarkProgress(reported.append)
    progress.start("Reading", 3)
    progress.set_total(4)
    progress.advance(present=1)
    progress.remark("Closed.")
    progress.finish()
    assert reported == ["Closed."]
