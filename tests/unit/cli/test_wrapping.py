"""Where text is broken on a terminal, and where it never is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from rootkeeper.cli.wrapping import measure_least, wrap_text

ARN = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_AdministratorAccess_0123456789abcdef/ana@example.com"


def wrap(text: str, width: int) -> list[str]:
    return wrap_text(Text(text), width).plain.split("\n")


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 10, [""]),
        ("one two three", 7, ["one two", "three"]),
        ("one two three", 13, ["one two three"]),
        ("  indented text", 10, ["  indented", "text"]),
        ("in 111122223333, OPEN", 10, ["in", "111122223333,", "OPEN"]),
        ("key AKIAIOSFODNN7EXAMPLE", 12, ["key", "AKIAIOSFODNN7EXAMPLE"]),
        ("by ana.carolina@example.com", 20, ["by ana.carolina@", "example.com"]),
        ("two\nlines of text", 8, ["two", "lines of", "text"]),
        ("東京 本番", 4, ["東京", "本番"]),
        (
            f"Caller {ARN}",
            60,
            [
                "Caller arn:aws:sts::111122223333:assumed-role/",
                "AWSReservedSSO_AdministratorAccess_0123456789abcdef/ana@",
                "example.com",
            ],
        ),
    ],
)
def test_text_breaks_between_words_or_parts_of_a_long_word(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width) == lines


@given(st.text(st.sampled_from("ab1 :/@\n")), st.integers(1, 30))
def test_nothing_but_space_is_lost_and_no_part_is_cut(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    parts = set(re.findall(r"[^/:,@\s]+", text))
    assert {part for line in lines for part in re.findall(r"[^/:,@\s]+", line)} == parts


@given(st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)), st.integers(12, 40))
def test_lines_of_short_words_fit(words: list[str], width: int) -> None:
    assert all(cell_len(line) <= max(width, *map(cell_len, words), 0) for line in wrap(" ".join(words), width))


@pytest.mark.parametrize(
    ("word", "width"),
    [
        ("word", 4),
        ("111122223333", 12),
        ("amzn-s3-demo-bucket-of-a-very-long-name-2026", 44),
        ("Averylongnamewithoutanydigitsinit", 28),
        ("Infrastructure/Production/Payments", 15),
        (ARN, 52),
    ],
)
def test_the_narrowest_column_for_a_word(word: str, width: int) -> None:
    assert measure_least(word) == width
