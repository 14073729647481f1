"""Progress where there is no terminal: plain lines, not too many."""

from __future__ import annotations

import pytest

from rootkeeper.cli.progress import (
    BarProgress,
    LineProgress,
    ProgressRate,
    open_progress,
    render_pace,
    render_seconds,
)
from rootkeeper.cli.rendering.listings import render_findings
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
    assert capsys.readouterr().err == (
        "Reading accounts: 101 of 1,000, 16.8/s, about 53s left, 100 present, 1 unknown\n"
    )
    progress.advance()
    progress.finish()
    progress.finish()
    assert capsys.readouterr().err == "Reading accounts: 102 of 1,000, 17.0/s, 100 present, 1 unknown\n"


def test_an_unknown_total_is_not_invented(capsys: pytest.CaptureFixture[str]) -> None:
    progress = LineProgress(Terminal({}))
    progress.start("Reading accounts", None)
    progress.advance()
    progress.finish()
    assert capsys.readouterr().err == "Reading accounts: 1 done\n"


def test_a_listing_is_counted_while_its_total_isnt_known(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Watch()
    progress = LineProgress(Terminal({}), watch)
    progress.set_listed(20)
    watch.seconds = 6
    progress.set_listed(1_240)
    assert capsys.readouterr().err == "Listing accounts: 1,240 listed\n"
    progress.finish()
    assert capsys.readouterr().err == "", "the listing has no result of its own"


def test_accounts_are_read_while_others_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Watch()
    progress = LineProgress(Terminal({}), watch)
    progress.start("Reading accounts", None)
    progress.set_listed(40)
    watch.seconds = 6
    progress.advance(present=1)
    assert capsys.readouterr().err == "Reading accounts: 1 done, 40 listed, 0.2/s, 1 present\n"
    progress.set_total(40)
    watch.seconds = 12
    progress.advance()
    assert capsys.readouterr().err == "Reading accounts: 2 of 40, 0.2/s, about 3m 48s left, 1 present\n"


def test_a_listing_begins_a_bar_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    progress = BarProgress(Terminal({}), Watch())
    progress.set_listed(20)
    assert progress.beside == "20 listed"
    progress.finish()
    capsys.readouterr()


def test_of_nothing_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    progress = LineProgress(Terminal({}))
    progress.start("Reading policies", 0)
    progress.finish()
    assert capsys.readouterr().err == ""


def test_a_total_may_become_known_late(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Watch()
    progress = LineProgress(Terminal({}), watch)
    progress.start("Reading accounts", None)
    watch.seconds = 4
    for _ in range(8):
        progress.advance()
    watch.seconds = 8
    progress.set_total(20)
    progress.advance()
    assert capsys.readouterr().err == "Reading accounts: 9 of 20, 1.1/s, about 10s left\n"


def test_a_rate_over_next_to_no_time_isnt_shown() -> None:
    pace = ProgressRate(started_at=100.0, total=10, done=5)
    assert pace.find_rate(100.5) is None
    assert pace.find_seconds_left(100.5) is None
    assert render_pace(pace, 100.5) == ""
    assert pace.find_rate(105.0) == 1.0
    assert pace.find_seconds_left(105.0) == 5.0
    assert ProgressRate(100.0, total=10).find_seconds_left(200.0) is None
    assert ProgressRate(100.0, done=3).find_seconds_left(200.0) is None


@pytest.mark.parametrize(
    ("seconds", "spoken"), [(1, "1s"), (59.4, "59s"), (60, "1m 0s"), (125, "2m 5s"), (3780, "1h 3m")]
)
def test_time_that_is_left_is_shown_in_the_units_that_matter(seconds: float, spoken: str) -> None:
    assert render_seconds(seconds) == spoken


def test_the_bar_shows_rate_estimate_and_findings(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Watch()
    progress = BarProgress(Terminal({}), watch)
    progress.start("Deleting", None)
    progress.set_total(10)
    watch.seconds = 2
    progress.advance(present=1)
    assert progress.beside == "0.5/s, about 18s left, 1 present"
    progress.finish()
    capsys.readouterr()


def test_remarks_go_beside_the_data(capsys: pytest.CaptureFixture[str]) -> None:
    progress = open_progress(Terminal({}))
    assert isinstance(progress, LineProgress)
    progress.remark("Look\x1b here")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "\x1b" not in shown.err


def test_the_bar_may_be_updated_before_it_starts_and_after_it_ended() -> None:
    progress = BarProgress(Terminal({}))
    progress.advance()
    progress.finish()


def test_findings_are_shown_only_where_there_are_any() -> None:
    assert render_findings(0, 0) == ""
    assert render_findings(1200, 3) == "1,200 present, 3 unknown"
