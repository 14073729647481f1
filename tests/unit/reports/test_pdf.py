"""Evidence as PDF: what is counted and listed, how each page is marked, and names in any script."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import closing

import pytest
import typst
from pypdfium2 import PdfDocument

from rootkeeper.controls.assessment import assess_report
from rootkeeper.controls.control_map import load_frameworks
from rootkeeper.evidence.rules import count_verdicts
from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.findings.rules import Verdict
from rootkeeper.reports.pdf import describe_document, render
from rootkeeper.reports.typesetting import LISTED, SHOWN, show_text, typeset
from tests.fakes.evidence import CLEAN, CLOSED, END, ORGANIZATION_ID, PRESENT, make_hostile_facts, make_report
from tests.fakes.hostile_texts import HOSTILE_TEXTS
from tests.fakes.packages import make_large_report

MARGIN = 1.7 / 2.54 * 72 - 1
"""In points, with room for rounding."""


def read(report: EvidenceReport) -> list[str]:
    """The text of each page."""
    with closing(PdfDocument(b"".join(render(report)))) as document:
        return [page.get_textpage().get_text_range().replace("\r\n", "\n") for page in document]


def find_tables(report: EvidenceReport, heading: str) -> Iterator[list[list[str]]]:
    """The tables below a heading, as texts."""
    blocks = describe_document(report)["blocks"]
    below = False
    for block in blocks:
        if block["kind"] == "heading" and block["level"] == 1:
            below = block["text"].startswith(heading)
        if below and block["kind"] == "table":
            yield [[cell if isinstance(cell, str) else cell["text"] for cell in row] for row in block["rows"]]


def test_every_page_has_its_number_the_head_of_the_ledger_and_the_sandbox() -> None:
    report = make_report()
    pages = read(report)
    assert len(pages) > 1
    for number, page in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in page
        assert f"entry {report.ledger.head_sequence}, {report.ledger.head_hash}" in page
        assert f"{report.endpoint}: this is play, not evidence" in page


def test_it_has_a_title_a_language_tags_and_bookmarks() -> None:
    content = b"".join(render(make_report()))
    assert b"/Lang(en-US)" in content
    assert b"/MarkInfo<</Marked true" in content
    assert b"<pdfuaid:part>1</pdfuaid:part>" in content
    with closing(PdfDocument(content)) as document:
        metadata = document.get_metadata_dict()
        bookmarks = [bookmark.get_title() for bookmark in document.get_toc()]
    assert metadata["Title"] == f"Evidence of root access: organization {ORGANIZATION_ID}"
    assert metadata["CreationDate"] == f"D:{END:%Y%m%d%H%M%S}Z"
    for title in ("Verdicts", "Accounts by organizational unit", "Gaps", "Ledger", "Annex B: unknown accounts (3)"):
        assert title in bookmarks


def test_p22_the_same_report_gives_the_same_bytes() -> None:
    assert list(render(make_report())) == list(render(make_report()))


def test_p06_each_account_that_isnt_good_is_listed_and_the_others_are_counted() -> None:
    report = make_report()
    for heading, verdict in (("Annex A", Verdict.FAIL), ("Annex B", Verdict.UNKNOWN), ("Annex C", Verdict.KEPT)):
        (rows,) = find_tables(report, heading)
        assert [row[0] for row in rows] == [one.account.account_id for one in report.accounts if one.verdict is verdict]
    (units,) = find_tables(report, "Accounts by organizational unit")
    assert units[-1] == ["All member accounts", "8", *(str(n) for n in count_verdicts(report.accounts).values())]
    text = "\n".join(read(report)).partition("Annex A")[2]
    assert (PRESENT in text, CLEAN in text, CLOSED in text) == (True, False, False)


def test_units_below_a_level_are_counted_in_their_parents() -> None:
    report = make_large_report(800, failing=range(10))
    (units,) = find_tables(report, "Accounts by organizational unit")
    assert [row[0] for row in units[:2]] == ["Root/Division 0/Team 00", "Root/Division 0/Team 08"]
    assert len(units) == 41
    assert sum(int(row[1]) for row in units[:-1]) == int(units[-1][1]) == 800
    assert sum(int(row[3]) for row in units[:-1]) == int(units[-1][3]) == 10


def test_a_list_that_is_cut_says_so() -> None:
    count = LISTED + 1
    report = make_large_report(count, unknown=range(count))
    (note,) = [one["text"] for one in describe_document(report)["blocks"] if one.get("text", "").startswith("Listed")]
    assert note == "Listed: the first 1,000 of 1,001. The formats CSV and JSON have the rest."
    (rows,) = find_tables(report, "Annex B")
    assert len(rows) == LISTED


@pytest.mark.long
@pytest.mark.parametrize(("failing", "pages"), [(0, 5), (500, 30), (10_000, 40)])
def test_ten_thousand_accounts_are_a_few_pages(failing: int, pages: int) -> None:
    report = make_large_report(10_000, failing=range(failing), unknown=range(500, 500 + failing // 2))
    content = b"".join(render(report))
    with closing(PdfDocument(content)) as document:
        assert len(document) <= pages


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Shop Prod", "Shop Prod"),
        ("Łódź Αθήνα Москва שלום مرحبا", "Łódź Αθήνα Москва שלום مرحبا"),
        ("שלום עולם, 2026", "שלום עולם\u200e, 2026"),
        ("(مرحبا) a מ", "(مرحبا\u200e) a מ"),
        ("東京 Prod", "<U+6771 U+4EAC> Prod"),
        ("ok\N{GRINNING FACE}", "ok<U+1F600>"),
        ("e\u0301", "é"),
        ("x\u0336\u0336", "x<U+0336 U+0336>"),
        ("a\u202eb\nc\x1b", "a\ufffdb c\ufffd".replace("\ufffd", "<U+FFFD>")),
        ("a\u200db", "a<U+200D>b"),
    ],
)
def test_a_character_that_no_font_has_is_shown_by_its_number(text: str, shown: str) -> None:
    assert show_text(text) == shown


def make_document(texts: list[str]) -> dict[str, object]:
    return {
        "title": "t",
        "description": "d",
        "keywords": [],
        "header": "",
        "banner": "",
        "head": {"label": "", "hash": ""},
        "facts": [],
        "blocks": [{"kind": "paragraph", "text": text} for text in texts],
    }


def test_the_fonts_have_every_character_that_is_shown_as_itself() -> None:
    characters = [chr(code) for first, last in SHOWN for code in range(first, last + 1)]
    assert not [one for one in characters if unicodedata.category(one) in {"Cc", "Cf", "Cn", "Co", "Cs", "Me", "Mn"}]
    assert typeset(make_document(characters), END).startswith(b"%PDF")


def test_a_character_that_no_font_has_is_refused_by_the_format_itself() -> None:
    with pytest.raises(typst.TypstError, match="could not be displayed"):
        typeset(make_document(["東"]), END)


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_p26_nothing_from_outside_becomes_markup_or_turns_the_direction(text: str) -> None:
    report = make_report(make_hostile_facts(text))
    pages = "".join(read(report))
    assert not [one for one in pages if unicodedata.category(one) in {"Cc", "Cf"} and one != "\n"]
    wanted = "".join(show_text(text).split())
    assert wanted in "".join(pages.split())


@pytest.mark.parametrize(
    "text", ["x" * 200, "arn:aws:organizations::111122223333:policy/o-exampleorgid/service_control_policy/p"]
)
def test_a_long_word_stays_within_the_page(text: str) -> None:
    with closing(PdfDocument(b"".join(render(make_report(make_hostile_facts(text)))))) as document:
        for page in document:
            characters = page.get_textpage()
            rights = [characters.get_charbox(place)[2] for place in range(characters.count_chars())]
            assert max(rights) <= page.get_width() - MARGIN


def test_verdicts_on_controls_say_what_they_rest_on() -> None:
    frameworks = load_frameworks()
    report = assess_report(make_report(), frameworks)
    rows = [row for table in find_tables(report, "Controls") for row in table]
    assert len(rows) == sum(len(one.controls) for one in frameworks)
    (access_keys,) = [row for row in rows if row[0] == "1.4" and "cis_1.4" in row[3]]
    assert access_keys[2] == "Fail"
    assert access_keys[3].startswith("No root access keys: Fail (shows the control; the framework's text, ")
    assert "Controls" in "\n".join(read(report))
    assert not list(find_tables(make_report(), "Controls"))
