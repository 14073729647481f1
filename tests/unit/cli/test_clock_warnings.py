"""The command line warns of a wrong clock."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from rootkeeper.cli.changes import warn_wrong_clock
from tests.fakes.clock import START, FakeClock


@pytest.mark.parametrize(("minutes", "warning"), [(-1440, "behind AWS's"), (0, None), (4, None), (6, "ahead of AWS's")])
def test_a_clock_more_than_five_minutes_off_is_shown(minutes: int, warning: str | None) -> None:
    shown: list[str] = []
    application: Any = SimpleNamespace(
        clock=FakeClock(START + timedelta(minutes=minutes)), window_clock=FakeClock(START)
    )
    terminal: Any = SimpleNamespace(remark=lambda text, style: shown.append(f"{style}: {text}"))
    warn_wrong_clock(application, terminal)
    assert [warning is not None and warning in text for text in shown] == [True] * (warning is not None)
