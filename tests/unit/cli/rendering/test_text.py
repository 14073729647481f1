"""Text from outside can't steer a terminal, a spreadsheet or a reader."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.cli.rendering.listings import counted, render_age, render_length
from rootkeeper.untrusted_text import csv_cell, json_text, printable
from rootkeeper.values import json_time

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@given(st.text())
def test_nothing_that_could_steer_a_terminal_comes_through(text: str) -> None:
    shown = printable(text)
    assert not [
        character
        for character in shown
        if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in "\u202e\u2066\u200b\ufeff"
    ]
    assert len(shown) == len(text)


@pytest.mark.parametrize("name", ["Zürich", "東京 本番", "قسم", "R&D <Prototype> [bold]", "👩\N{ZERO WIDTH JOINER}💻"])
def test_names_of_all_scripts_stay_as_they_are(name: str) -> None:
    assert printable(name) == name


def test_a_clear_screen_sequence_is_defused() -> None:
    assert printable("a\x1b[2Jb") == "a\N{REPLACEMENT CHARACTER}[2Jb"


def test_text_stays_in_its_line() -> None:
    assert printable("a\nb\tc") == "a b c"


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_a_formula_is_not_run_by_a_spreadsheet(value: str) -> None:
    assert csv_cell(value).startswith("'")


@pytest.mark.parametrize(
    ("value", "cell"),
    [(None, ""), (True, "true"), (False, "false"), (3, "3"), ("012345678901", "012345678901"), (["a"], '["a"]')],
)
def test_values_become_cells(value: object, cell: str) -> None:
    assert csv_cell(value) == cell


@given(st.text())
def test_json_reads_back_and_holds_no_raw_control_character(text: str) -> None:
    written = json_text({"name": text})
    assert json.loads(written)["name"] == text
    assert not any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in written)
    assert "\u202e" not in written


def test_json_keeps_names_readable() -> None:
    assert json_text("Zürich") == '"Zürich"'


def test_times_in_json_are_utc_to_the_second() -> None:
    assert json_time(NOW) == "2026-11-25T12:00:00Z"
    assert json_time(None) is None


@pytest.mark.parametrize(
    ("age", "spoken"),
    [
        (timedelta(), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=23), "23 hours ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=730), "2 years ago"),
        (timedelta(days=-1), "just now"),
    ],
)
def test_ages_are_spoken_in_the_largest_unit(age: timedelta, spoken: str) -> None:
    assert render_age(NOW - age, NOW) == spoken


@pytest.mark.parametrize(
    ("length", "spoken"),
    [
        (timedelta(), "0s"),
        (timedelta(seconds=-5), "0s"),
        (timedelta(minutes=9, seconds=30), "9m 30s"),
        (timedelta(days=1, hours=4), "1d 4h"),
    ],
)
def test_lengths_are_spoken_to_the_second(length: timedelta, spoken: str) -> None:
    assert render_length(length) == spoken


def test_counts_take_the_right_number() -> None:
    assert counted(1, "account") == "1 account"
    assert counted(10_000, "account") == "10,000 accounts"
    assert counted(2, "entry", "entries") == "2 entries"
