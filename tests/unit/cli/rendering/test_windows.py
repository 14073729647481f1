"""Recovery windows as every interface shows them."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from functools import cached_property

import pytest
from rich.console import Console

from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.rendering.windows import show_window, show_windows, spoken_end, window_record
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.windows import RecoveryWindow, WindowState
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


def test_a_window_has_the_promised_shape() -> None:
    assert window_record(WINDOW) == {
        "window_id": "w-0123456789",
        "account_id": "444455556666",
        "state": "OPEN",
        "reason": "Register as a seller",
        "ticket": "OPS-1",
        "requested_by": "ana@example",
        "approved_by": [],
        "expires_at": "2026-11-25T13:00:00Z",
        "closed_at": None,
    }


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (WINDOW, "due 2026-11-25 13:00:00 UTC, in 1h"),
        (replace(WINDOW, expires_at=NOW - timedelta(minutes=5)), "due 2026-11-25 11:55:00 UTC, overdue by 5m"),
        (replace(WINDOW, state=WindowState.CLOSED_VERIFIED, closed_at=NOW), "closed 2026-11-25 12:00:00 UTC"),
        (replace(WINDOW, state=WindowState.CANCELLED), ""),
    ],
)
def test_the_end_is_told_as_a_person_needs_it(window: RecoveryWindow, said: str) -> None:
    assert spoken_end(window, NOW) == said


def test_a_window_that_nobody_approved_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    show_window(WINDOW, OutputFormat.TABLE, Terminal({}), NOW)
    assert "nobody (unapproved)" in capsys.readouterr().out


class NarrowTerminal(Terminal):
    """80 columns, as a person may have them."""

    @cached_property
    def output(self) -> Console:
        return Console(file=sys.stdout, width=80)


def test_a_state_is_never_broken_in_a_narrow_list(capsys: pytest.CaptureFixture[str]) -> None:
    closed = replace(WINDOW, state=WindowState.CLOSED_VERIFIED, closed_at=NOW)
    show_windows([closed], OutputFormat.TABLE, NarrowTerminal({}), NOW)
    assert "CLOSED_VERIFIED" in capsys.readouterr().out
