"""Evidence as one HTML file."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings

from rootkeeper.reports.evidence_html import list_bars
from rootkeeper.untrusted_text import printable
from tests.examples import examples
from tests.fakes.evidence import make_facts, make_hostile_facts, make_report, render_as
from tests.fakes.hostile_texts import HOSTILE_TEXTS, hostile_texts

EMPTY_ELEMENTS = {"meta", "br", "rect"}


class Page(HTMLParser):
    """What a page consists of."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.structure: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.structure.append((tag, tuple(name for name, _ in attrs if name != "class")))
        values = dict(attrs)
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "action", "style", "srcset"}]
        if values.get("id"):
            self.ids.append(values["id"] or "")
        if tag not in EMPTY_ELEMENTS:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY_ELEMENTS:
            assert self.open.pop() == tag, "an element isn't closed where it should be"

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(source: str) -> Page:
    page = Page(source)
    assert page.open == []
    return page


SAMPLE = render_as("html", make_report())
PLAIN = read(render_as("html", make_report(make_hostile_facts("plain"))))


def test_the_page_is_whole_and_asks_for_nothing_else() -> None:
    page = read(SAMPLE)
    assert all(link.startswith("#") for link in page.links)
    assert {tag for tag, _ in page.structure} & {"script", "link", "img", "iframe", "object", "form", "base"} == set()
    assert "url(" not in SAMPLE
    assert "@import" not in SAMPLE
    assert "default-src 'none'" in SAMPLE


def test_every_link_leads_somewhere_and_no_id_comes_twice() -> None:
    page = read(SAMPLE)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_it_names_organization_endpoint_caller_and_says_sandbox() -> None:
    text = " ".join(read(SAMPLE).texts)
    for named in ("o-exampleorgid", "SANDBOX 127.0.0.1:4599", "user/management-admin", "This is play."):
        assert named in text
    facts = make_facts()
    real = replace(facts, setup=None, history=replace(facts.history, endpoints=("AWS",)))
    assert "SANDBOX" not in render_as("html", make_report(real))


def test_both_verdicts_are_shown_apart_with_control_and_reasons() -> None:
    text = " ".join(read(SAMPLE).texts)
    for shown in (
        "Centralized",
        "CIS AWS Foundations Benchmark 7.0, control 2.1.1",
        "No root credentials",
        "unapproved",
    ):
        assert shown in text


def test_what_is_unknown_is_never_shown_as_none() -> None:
    report = make_report(replace(make_facts(), statuses={}, windows=()))
    page = render_as("html", report)
    assert '<td class="kind-none">none</td>' not in page
    assert page.count('<td class="kind-unknown">unknown</td>') == 4 * 7


def test_the_same_report_gives_the_same_bytes() -> None:
    assert render_as("html", make_report()) == SAMPLE


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_hostile_text_is_text(text: str) -> None:
    ensure_harmless(text)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=examples(40), deadline=None)
@given(hostile_texts)
def test_any_text_is_text(text: str) -> None:
    ensure_harmless(text)


def ensure_harmless(text: str) -> None:
    """The page has the elements that it has with plain text, and shows the text as it is."""
    page = read(render_as("html", make_report(make_hostile_facts(text))))
    names = [tag for tag, _ in page.structure]
    if text.strip():
        assert page.structure == PLAIN.structure
        assert printable(text) in "".join(page.texts)
    assert all(link.startswith("#") for link in page.links)
    assert "script" not in names
    assert "\x1b" not in "".join(page.texts)
    assert "\u202e" not in "".join(page.texts)


def test_the_bar_fills_its_width_and_shows_every_verdict_once() -> None:
    bars = list_bars(make_report().accounts)
    assert sum(bar.count for bar in bars) == len(make_report().accounts)
    assert sum(bar.width for bar in bars) == pytest.approx(1000, abs=0.1)
    assert list_bars(()) == []
