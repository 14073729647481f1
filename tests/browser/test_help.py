"""The documentation site as it is built: the same bytes each time, and at ease in a browser under its rules."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from docs.site.checks import find_problems
from tests.browser.help_build import ensure_help
from tests.browser.test_console_shielding import WATCH
from tests.fakes.api_services import FakeServices
from tests.functional.api.serving import ApiServer, start_api

pytestmark = pytest.mark.long

PAGES = (
    "",
    "guides/server.html",
    "reference/settings.html",
    "reference/commands/audit.html",
    "reference/api/windows.html",
)


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
