"""A window's report as Markdown: complete, and nothing in it is taken for markup."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.evidence.windows import make_window_report, render_window_markdown
from rootkeeper.windows.rules import RecoveryWindow, WindowState
from tests.fakes.hostile_texts import HOSTILE_TEXTS
from tests.unit.evidence.test_window_reports import ENTRIES, EVENTS, WINDOW
from tests.unit.windows.test_windows import NOW, window_in


def test_a_report_shows_people_times_events_and_re_reads() -> None:
    text = render_window_markdown(make_window_report(WINDOW, ENTRIES, EVENTS, "AWS"))

    assert text.startswith("# Recovery window w-1 of account 222233334444\n")
    for said in (
        "| Approved by | bob |",
        "| From the activation to the open window | 2.0 seconds |",
        "| From the open window to the first sign-in | 2 minutes |",
        "CreateAccessKey | suspicious | A key.",
        "| 2026-01-15 10:25:00 UTC | access keys |",
    ):
        assert said in text
    assert "play" not in text


def test_a_sandboxs_report_says_that_it_is_play() -> None:
    report = make_window_report(replace(WINDOW, is_drill=True), (), (), "SANDBOX 127.0.0.1:4599")

    text = render_window_markdown(report)
    assert text.startswith("# Drill")
    assert "this is play" in text


@pytest.mark.parametrize(
    ("window", "facts"),
    [
        (window_in(WindowState.REQUESTED), ("| Activated | not yet |", "| Opened | not yet |", "| Closed | not yet |")),
        (window_in(WindowState.DENIED), ("| Activated | never |", "| Opened | never |", "| Closed | never |")),
        (
            window_in(WindowState.CLOSED_VERIFIED),
            ("| Activated | unknown |", "| Opened | unknown |", "| Closed | unknown |"),
        ),
        (
            window_in(WindowState.CLOSED_VERIFIED, expires_at=NOW + timedelta(hours=1), closed_at=NOW),
            (
                "| Activated | alice, 2026-01-15 09:00:00 UTC |",
                "| Opened | unknown |",
                "| Closed | at its end, 2026-01-15 09:00:00 UTC |",
            ),
        ),
        (
            window_in(WindowState.CLOSED_VERIFIED, expires_at=NOW + timedelta(hours=1), closed_at=NOW, lapses_at=NOW),
            ("| Activated | unknown, 2026-01-15 09:00:00 UTC |",),
        ),
        (
            window_in(WindowState.CLOSING, expires_at=NOW, first_closed_at=NOW, reopened_at=NOW, opened_at=NOW),
            ("| Opened | 2026-01-15 09:00:00 UTC |", "| Closed | at its end, 2026-01-15 09:00:00 UTC |"),
        ),
    ],
    ids=["waiting", "denied", "imported without times", "of a command line", "of a server", "reopened"],
)
def test_the_times_of_a_window_that_has_been_open_are_complete_or_unknown(
    window: RecoveryWindow, facts: tuple[str, ...]
) -> None:
    text = render_window_markdown(make_window_report(window, (), (), "AWS"))

    for fact in facts:
        assert fact in text
    assert "None." in text


def test_p26_nothing_from_outside_becomes_markup() -> None:
    for hostile in HOSTILE_TEXTS:
        window = replace(WINDOW, reason=hostile, ticket=hostile, requested_by=hostile)
        text = render_window_markdown(make_window_report(window, (), (), "AWS"))
        assert "<script" not in text
        assert all(ord(character) >= 32 or character == "\n" for character in text)
        assert len(text.splitlines()) == len(
            render_window_markdown(make_window_report(WINDOW, (), (), "AWS")).splitlines()
        )
