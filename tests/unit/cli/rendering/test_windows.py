"""Recovery windows as every interface shows them."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import Any

import pytest
from rich.console import Console

from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.windows import render_end, show_window, show_windows
from rootkeeper.cli.terminal import Terminal
from rootkeeper.organization.accounts import AccountId
from rootkeeper.windows.rules import RecoveryWindow, WindowState
from tests.unit.cli.rendering.samples import NOW

WINDOW = RecoveryWindow(
    window_id="w-0123456789",
    organization_id="o-exampleorgid",
    account_id=AccountId("444455556666"),
    state=WindowState.OPEN,
    reason="Register as a seller",
    ticket="OPS-1",
    requested_by="ana@example",
    requested_at=NOW,
    duration_seconds=3600,
    opened_at=NOW,
    expires_at=NOW + timedelta(hours=1),
)


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (WINDOW, "due 2026-11-25 13:00:00 UTC, in 1h"),
        (replace(WINDOW, expires_at=NOW - timedelta(minutes=5)), "due 2026-11-25 11:55:00 UTC, overdue by 5m"),
        (replace(WINDOW, state=WindowState.CLOSED_VERIFIED, closed_at=NOW), "closed 2026-11-25 12:00:00 UTC"),
        (
            replace(WINDOW, state=WindowState.CLOSING, first_closed_at=NOW, reopened_at=NOW),
            "reopened by someone else 2026-11-25 12:00:00 UTC",
        ),
        (
            replace(WINDOW, state=WindowState.CLOSED_VERIFIED, closed_at=NOW, first_closed_at=NOW, reopened_at=NOW),
            "closed 2026-11-25 12:00:00 UTC",
        ),
        (replace(WINDOW, state=WindowState.CANCELLED), ""),
    ],
)
def test_the_end_is_shown_as_a_person_needs_it(window: RecoveryWindow, said: str) -> None:
    assert render_end(window, NOW) == said


def test_a_window_that_no_one_approved_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    show_window(WINDOW, OutputFormat.TABLE, Terminal({}), NOW)
    assert "no one (unapproved)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "not watched"),
        ({"state": WindowState.CLOSED_VERIFIED, "opened_at": None}, "unknown"),
        (
            {"state": WindowState.CLOSING, "first_closed_at": NOW, "reopened_at": NOW + timedelta(hours=1)},
            "by someone else: credentials found 2026-11-25 13:00:00 UTC; closed before 2026-11-25 12:00:00 UTC",
        ),
        (
            {"state": WindowState.CLOSED_VERIFIED, "next_reread_at": NOW, "reread_owed_at": NOW - timedelta(hours=1)},
            "due 2026-11-25 11:00:00 UTC and not made, by a server or worker; without one, run rootkeeper audit",
        ),
        ({"watched_by": "sqs:root-events"}, "sqs:root-events"),
        ({"approvals_needed": 2, "approved_by": ("boris",)}, "boris (1 of 2 needed)"),
        ({"approvals_needed": 1}, "no one (0 of 1 needed)"),
        ({"is_drill": True}, "drill"),
        ({"is_emergency": True, "review_due_at": NOW}, "due from a second person by 2026-11-25 12:00:00 UTC"),
        ({"is_emergency": True, "review_due_at": NOW, "reviewed_by": "boris"}, "by boris"),
        ({"state": WindowState.REQUESTED, "lapses_at": NOW}, "2026-11-25 12:00:00 UTC"),
        ({"activated_by": "anna"}, "2026-11-25 12:00:00 UTC by anna"),
        ({"next_reread_at": NOW}, "at 2026-11-25 12:00:00 UTC"),
        ({"failure": "AWS is down."}, "AWS is down."),
    ],
)
def test_what_matters_of_a_window_is_shown(
    capsys: pytest.CaptureFixture[str], changes: dict[str, Any], said: str
) -> None:
    show_window(replace(WINDOW, **changes), OutputFormat.TABLE, Terminal({}), NOW)
    assert said in capsys.readouterr().out


def test_an_emergency_in_which_nothing_was_opened_owes_no_review(capsys: pytest.CaptureFixture[str]) -> None:
    lapsed = replace(WINDOW, state=WindowState.LAPSED, opened_at=None, is_emergency=True, review_due_at=NOW)
    show_window(lapsed, OutputFormat.TABLE, Terminal({}), NOW)
    assert "due from" not in capsys.readouterr().out


class NarrowTerminal(Terminal):
    """80 columns, as a person may have them."""

    @cached_property
    def output(self) -> Console:
        return Console(file=sys.stdout, width=80)


def test_a_state_is_never_broken_in_a_narrow_list(capsys: pytest.CaptureFixture[str]) -> None:
    closed = replace(WINDOW, state=WindowState.CLOSED_VERIFIED, closed_at=NOW)
    show_windows([closed], OutputFormat.TABLE, NarrowTerminal({}), NOW)
    assert "CLOSED_VERIFIED" in capsys.readouterr().out
