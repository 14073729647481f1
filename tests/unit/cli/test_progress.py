"""Progress where there is no terminal: plain lines, not too many."""

from __future__ import annotations

import pytest

from rootkeeper.cli.progress import BarProgress, LineProgress, open_progress, spoken_findings
from rootkeeper.cli.terminal import Terminal


class Watch:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_line_comes_every_few_seconds_and_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Watch()
    progress = LineProgress(Terminal({}), watch)
    progress.start("Reading accounts", 1000)
    for _ in range(100):
        progress.advance(present=1)
    assert capsys.readouterr().err == ""
    watch.seconds = 6
    progress.advance(unknown=1)
    assert capsys.readouterr().err == "Reading accounts: 101 of 1,000, 100 present, 1 unknown\n"
    progress.advance()
    progress.finish()
    progress.finish()
    assert capsys.readouterr().err == "Reading accounts: 102 of 1,000, 100 present, 1 unknown\n"


def test_an_unknown_total_is_not_invented(capsys: pytest.CaptureFixture[str]) -> None:
    progress = LineProgress(Terminal({}))
    progress.start("Reading accounts", None)
    progress.advance()
    progress.finish()
    assert capsys.readouterr().err == "Reading accounts: 1 done\n"


def test_remarks_go_beside_the_data(capsys: pytest.CaptureFixture[str]) -> None:
    progress = open_progress(Terminal({}))
    assert isinstance(progress, LineProgress)
    progress.remark("Look\x1b here")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "\x1b" not in shown.err


def test_the_bar_may_be_told_before_it_starts_and_after_it_ended() -> None:
    progress = BarProgress(Terminal({}))
    progress.advance()
    progress.finish()


def test_findings_are_told_only_where_there_are_any() -> None:
    assert spoken_findings(0, 0) == ""
    assert spoken_findings(1200, 3) == "1,200 present, 3 unknown"
