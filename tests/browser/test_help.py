"""The documentation site as it is built: the same bytes each time, and at ease in a browser under its rules."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Browser, Page, expect

from docs.site.checks import find_problems
from tests.browser.help_build import ensure_help
from tests.browser.test_console_shielding import WATCH
from tests.fakes.api_services import FakeServices
from tests.functional.api.serving import ApiServer, start_api

pytestmark = pytest.mark.long

PAGES = (
    "",
    "readme.html",
    "tutorials/demo-organization.html",
    "guides/server.html",
    "explanation/threat-model.html",
    "reference/settings.html",
    "reference/commands/audit.html",
    "reference/api/windows.html",
    "reference/schemas/window.html",
)
ROLES = ("You want to try it", "Security engineer", "Approver", "Auditor", "Server operator", "Developer of pipelines")
JUDGED: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 1280), ("dark", 1280), ("dark", 390))
"""How axe sees the site."""
PICTURE = "tutorials/demo-organization.html"
FONT_SHARE = 20 / 1385
"""The size of a letter in a picture of a terminal, by the width of the picture."""
READABLE_PIXELS = 11


@pytest.fixture(scope="module")
def site() -> Path:
    return ensure_help()


@pytest.fixture(scope="module")
def served(site: Path, console_files: None) -> Iterator[ApiServer]:
    with start_api(FakeServices(), help_folder=site) as server:
        yield server


@pytest.fixture(params=[("light", 1440), ("dark", 390)], ids=["light-wide", "dark-narrow"])
def page(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    scheme, width = request.param
    context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    context.add_init_script(WATCH)
    yield context.new_page()
    context.close()


def test_the_site_has_no_fault(site: Path, tmp_path: Path) -> None:
    """As it is before its texts are compressed."""
    whole = tmp_path / "whole"
    shutil.copytree(site, whole)
    for path in whole.rglob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert len(list(whole.rglob("*.html"))) > 100
    assert find_problems(whole) == []


def test_its_pages_break_no_rule_and_load_nothing_from_elsewhere(page: Page, served: ApiServer) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for address in PAGES:
        page.goto(f"http://127.0.0.1:{served.port}/help/{address}")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.violations") == [], address
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{address} is too wide"
    assert [url for url in asked if not url.startswith((f"http://127.0.0.1:{served.port}/", "data:"))] == []


def test_axe_finds_nothing(chromium: Browser, served: ApiServer) -> None:
    for scheme, width in JUDGED:
        context = chromium.new_context(bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 900})
        page = context.new_page()
        for address in (*PAGES, "search.html?q=mfa"):
            page.goto(f"http://127.0.0.1:{served.port}/help/{address}")
            page.wait_for_load_state("networkidle")
            found = Axe().run(page)
            assert found.violations_count == 0, f"{address} at {width}, {scheme}\n{found.generate_report()}"
        context.close()


def test_the_start_page_leads_each_role_to_its_pages(page: Page, served: ApiServer) -> None:
    page.goto(f"http://127.0.0.1:{served.port}/help/")
    cards = page.locator("#begin-here > ul > li")
    assert cards.locator("> p:first-child").all_inner_texts() == list(ROLES)
    assert all(card.get_by_role("link").count() >= 2 for card in cards.all())


def test_each_page_leads_back_to_the_console(page: Page, served: ApiServer) -> None:
    for address in PAGES:
        page.goto(f"http://127.0.0.1:{served.port}/help/{address}")
        page.locator("footer").get_by_role("link", name="Back to the console").click()
        page.wait_for_url(f"http://127.0.0.1:{served.port}/**")
        assert "/help" not in page.url


@pytest.mark.parametrize(
    ("words", "guide"),
    [("mfa", "guides/sign-in.html"), ("recovery window", "guides/recover-a-root-user.html")],
)
def test_the_search_leads_to_the_guide_and_lists_schemas_after_all_guides(
    page: Page, served: ApiServer, words: str, guide: str
) -> None:
    found = search(page, served, words)
    assert found[0].startswith(guide)
    places = [name.split("/")[0] if name.startswith("guides/") else "/".join(name.split("/")[:2]) for name in found]
    records = [place for place in places if place in {"reference/schemas", "reference/api"}]
    assert records
    assert "guides" not in places[places.index(records[0]) :]


def test_the_search_leads_to_a_page_of_the_reference_by_its_title(page: Page, served: ApiServer) -> None:
    assert search(page, served, "settings")[0].startswith("reference/settings.html")


def search(page: Page, served: ApiServer, words: str) -> list[str]:
    """Search on the site, and return the addresses that were found, in order."""
    page.goto(f"http://127.0.0.1:{served.port}/help/search.html?q={words}")
    expect(page.get_by_text("Search finished")).to_be_visible()
    return [str(link.get_attribute("href")) for link in page.locator("ul.search > li > a").all()]


def test_a_picture_of_a_terminal_is_readable_and_scrolls_within_its_box(page: Page, served: ApiServer) -> None:
    page.goto(f"http://127.0.0.1:{served.port}/help/{PICTURE}")
    boxes = page.locator(".picture-svg")
    assert boxes.count() >= 4
    widths = []
    for box in boxes.all():
        picture = box.locator("img")
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
        widths.append(picture.evaluate("picture => picture.getBoundingClientRect().width"))
    assert min(widths) * FONT_SHARE >= READABLE_PIXELS
    assert (boxes.first.get_attribute("tabindex") == "0") is (page.evaluate("window.innerWidth") < widths[0])


def test_a_table_that_is_wider_than_the_screen_shows_its_cells_below_each_other(page: Page, served: ApiServer) -> None:
    page.goto(f"http://127.0.0.1:{served.port}/help/reference/settings.html")
    table = page.locator("#windows table")
    meaning = table.get_by_text("The longest window that can be requested.")
    meaning.scroll_into_view_if_needed()
    shown = meaning.bounding_box()
    assert shown is not None
    width = page.evaluate("window.innerWidth")
    assert shown["x"] + shown["width"] <= width
    assert ("stacked" in str(table.get_attribute("class"))) is (width < 500)


def test_the_search_finds_a_setting(page: Page, served: ApiServer) -> None:
    page.goto(f"http://127.0.0.1:{served.port}/help/search.html?q=recently_used_days")
    expect(page.locator("ul.search li a").first).to_be_visible()
    assert "Settings" in page.locator("ul.search").inner_text()
    assert page.evaluate("window.violations") == []


def test_the_theme_follows_the_system_and_the_button(page: Page, served: ApiServer) -> None:
    page.goto(f"http://127.0.0.1:{served.port}/help/")
    background = "getComputedStyle(document.body).backgroundColor"
    is_dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert (page.evaluate(background) == "rgb(255, 255, 255)") is not is_dark
    page.evaluate(f"localStorage.setItem('theme', '{'light' if is_dark else 'dark'}')")
    page.reload()
    assert (page.evaluate(background) == "rgb(255, 255, 255)") is is_dark
    assert page.evaluate("window.violations") == []
