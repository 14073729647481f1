"""Text from outside does nothing but show itself, in each format."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from markdown_it import MarkdownIt

from rootkeeper.untrusted_text import csv_cell, json_text, markdown_text, printable, printable_json
from rootkeeper.values import JsonValue
from tests.fakes.hostile_texts import HOSTILE_TEXTS, hostile_texts

FORMULA_STARTS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"


def render(markdown: str) -> list[tuple[str, str]]:
    """The kinds and contents of the pieces that a Markdown renderer sees in a table's cell."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = parser.parse(f"| a | b |\n|---|---|\n| {markdown} | end |\n")
    cells = [token for token in tokens if token.type == "inline"]
    assert [cell.content for cell in cells[:2]] == ["a", "b"]
    assert (len(cells), cells[3].content) == (4, "end"), "a cell more, or one less"
    return [(piece.type, piece.content) for piece in cells[2].children or ()]


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
@pytest.mark.filterwarnings("error")
def test_markdown_shows_hostile_text_and_nothing_else(text: str) -> None:
    pieces = render(markdown_text(text))
    assert {kind for kind, _ in pieces} <= {"text", "text_special"}
    assert "".join(content for _, content in pieces).strip() == printable(text).strip()


@given(hostile_texts)
def test_markdown_shows_any_text_and_nothing_else(text: str) -> None:
    pieces = render(markdown_text(text))
    assert {kind for kind, _ in pieces} <= {"text", "text_special"}
    assert "".join(content for _, content in pieces).strip() == printable(text).strip()


@given(hostile_texts)
def test_no_cell_begins_as_a_formula_does(text: str) -> None:
    cell = csv_cell(text)
    assert not cell.lstrip().startswith(tuple(FORMULA_STARTS))
    assert not any(character in cell for character in "\t\r\n\x1b")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        (";=1+1", ";'=1+1"),
        (";;  +1", ";;'  +1"),
        (",@SUM(A1)", ",'@SUM(A1)"),
        ('| ";-1', "| \";'-1"),
        ('"=1+1"', '\'"=1+1"'),
        ("Shop;=1+1", "Shop;'=1+1"),
        ('Shop;"=1+1"', 'Shop;\'"=1+1"'),
        ("=1;\uff1d1", "'=1;'\uff1d1"),
        ("Shop, -5; see a+b", "Shop, -5; see a+b"),
    ],
)
def test_p26_a_formula_after_a_separator_stays_text(text: str, cell: str) -> None:
    assert csv_cell(text) == cell


@pytest.mark.parametrize("separator", [",", ";"])
@given(hostile_texts)
def test_no_cell_is_a_formula_whichever_separator_a_spreadsheet_uses(separator: str, text: str) -> None:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow(["first", csv_cell(text), "last"])
    cells = next(csv.reader(io.StringIO(written.getvalue()), delimiter=separator))
    assert [cell for cell in cells if cell.strip(' "').startswith(tuple(FORMULA_STARTS))] == []


@pytest.mark.parametrize("text", ["https://192.0.2.1/", "see www.example.com", "WWW.example.com"])
def test_addresses_arent_made_into_links(text: str) -> None:
    shown = markdown_text(text)
    assert "://" not in shown
    assert "www." not in shown.lower()


def test_plain_names_stay_readable() -> None:
    assert (
        markdown_text("Shop Prod (EU) mary@desk aws:iam p-example_scp")
        == "Shop Prod (EU) mary@desk aws:iam p-example_scp"
    )


def test_json_is_one_line_without_an_indent() -> None:
    assert json_text({"name": "a\nb"}) == '{"name": "a\\nb"}'


def test_every_text_within_json_is_printable_and_the_rest_stays() -> None:
    value: dict[str, JsonValue] = {"a\u202e": ["b\x1b", {"c\n": "d"}, ("e\u2028",)], "n": [None, True, 7, 0.5]}
    assert printable_json(value) == {"a\ufffd": ["b\ufffd", {"c ": "d"}, ["e\ufffd"]], "n": [None, True, 7, 0.5]}
