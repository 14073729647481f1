"""The evidence report as one file in a browser: on the screen, on paper, and judged by axe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Browser, Page

from tests.fakes.evidence import make_facts, make_hostile_facts, make_report, render_as
from tests.fakes.hostile_texts import HOSTILE_TEXTS

A4_LANDSCAPE = {"width": 1031, "height": 684}
"""What the page margins leave of it, in CSS pixels: 297 - 2 * 12 mm, and 210 - 13 - 16 mm."""
LONG = " ".join([*HOSTILE_TEXTS, "x" * 300, "arn:aws:organizations::111122223333:policy/o-exampleorgid/" * 3])
PAGES = re.compile(rb"/Type\s*/Page\b")

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", params=["usual", "hostile"])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report as a file from a mail."""
    facts = make_facts() if request.param == "usual" else make_hostile_facts(LONG)
    path = tmp_path_factory.mktemp("mail") / "evidence.html"
    path.write_text(render_as("html", make_report(facts)), encoding="utf-8")
    return path


@pytest.fixture
def page(chromium: Browser, report: Path) -> Iterator[Page]:
    page = chromium.new_page(viewport=A4_LANDSCAPE)  # type: ignore[arg-type]  # a TypedDict
    page.goto(report.as_uri())
    yield page
    page.close()


def is_too_wide(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def test_it_opens_alone_asks_for_nothing_and_runs_nothing(chromium: Browser, report: Path) -> None:
    requests: list[str] = []
    complaints: list[str] = []
    page = chromium.new_page()
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.goto(report.as_uri(), wait_until="networkidle")
    assert requests == [report.as_uri()]
    assert complaints == []
    assert page.evaluate("document.scripts.length") == 0
    assert page.evaluate("getComputedStyle(document.querySelector('.verdict')).borderLeftWidth") != "0px"
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_and_the_page_is_no_wider_than_the_screen(
    chromium: Browser, report: Path, scheme: Literal["light", "dark"], width: int
) -> None:
    context = chromium.new_context(bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(report.as_uri())
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert not is_too_wide(page)
    context.close()


def test_on_paper_nothing_is_cut_off_and_tables_keep_their_heads(page: Page) -> None:
    page.emulate_media(media="print")
    assert not is_too_wide(page)
    assert page.evaluate(
        "[...document.querySelectorAll('.scroll')].every(one => one.scrollWidth <= one.clientWidth)"
    ), "a table is wider than the paper"
    assert not page.get_by_role("navigation").is_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('thead')).display") == "table-header-group"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_it_prints_in_dark_mode_as_in_light_mode(page: Page) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


def test_it_becomes_a_pdf_of_several_pages(page: Page) -> None:
    assert len(PAGES.findall(page.pdf(prefer_css_page_size=True, print_background=True))) > 1
