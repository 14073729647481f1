"""Goes through a page of the console with its tabs, and lists what is wrong with it in each theme and at each width.

Run as a program, it goes through all pages and prints what it finds:
``python -m tests.browser.page_tour [--pictures FOLDER] [PATH ...]``.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.console_pages import Shown, list_addresses, list_paths, prepare
from tests.browser.console_stage import RULES, WAIT_FOR_ANIMATIONS, ConsolePerson, ConsoleStage, open_console_stage
from tests.code_words import list_codes

HEIGHT = 900
WIDE, MIDDLE, NARROW = 1440, 768, 390
"""Pixels: a desktop, a tablet, a phone."""
COLOUR_RULES = ["color-contrast"]
"""Those of axe that see the theme. The others find the same in the second theme as in the first one."""
_MEASURE_TEXTS = (Path(__file__).parent / "text_boxes.js").read_text().strip()
_LIST_TEXTS = """() => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) {
    const { textContent, parentElement } = texts.currentNode;
    if (parentElement.checkVisibility() && !parentElement.closest("pre, code, script, style")) found.push(textContent);
  }
  return found;
}"""
"""Every text of a page that isn't an example of code."""
_MEASURED_AT_MOST, _SETTLES_MS = 5, 200
_IS_LOADING = "[class*='awsui_skeleton'], [class*='awsui_root_'][class*='spinner'], [class*='awsui_loading']"


def examine(person: ConsolePerson, path: str, shown: Shown, pictures: Path | None = None) -> list[str]:
    """Everything that is wrong with a page, as lines."""
    return [
        fault
        for address in list_addresses(path, shown)
        for place in open_tabs(person, address)
        for fault in _examine_place(person.page, place, pictures)
    ]


def open_tabs(person: ConsolePerson, address: str, width: int = WIDE) -> Iterator[str]:
    """The address, and each tab of its page after the first one, with the tabs in it; the name of what is in sight."""
    page = person.page
    page.set_viewport_size({"width": width, "height": HEIGHT})
    person.open(address)
    _wait(page)
    yield address
    tabs = page.locator("[role=tablist]").first.get_by_role("tab")
    for number in range(1, tabs.count()):
        tabs.nth(number).click()
        _wait(page)
        tab = tabs.nth(number).inner_text()
        yield f"{address} [{tab}]"
        inner = page.locator("[role=tablist]").nth(1).get_by_role("tab")
        for second in range(1, inner.count()):
            inner.nth(second).click()
            _wait(page)
            yield f"{address} [{tab}, {inner.nth(second).inner_text()}]"


def _wait(page: Page) -> None:
    """Until the page shows what it has."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.locator(_IS_LOADING).filter(visible=True)).to_have_count(0)
    page.evaluate(WAIT_FOR_ANIMATIONS)


def _examine_place(page: Page, place: str, pictures: Path | None) -> Iterator[str]:
    yield from (f"{place}: a word of programs: {text!r}" for text in find_codes(page))
    for width, themes in ((WIDE, ("light", "dark")), (MIDDLE, ()), (NARROW, ("dark", "light"))):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.evaluate(WAIT_FOR_ANIMATIONS)
        for what, text, where in _measure_settled(page):
            yield f"{place}, {width} px: {what}: {text!r} in {where}"
        for theme, rules in zip(themes, (RULES, COLOUR_RULES), strict=False):
            use_theme(page, theme)
            yield from (f"{place}, {width} px, {theme}: {fault}" for fault in _find_violations(page, rules))
        if pictures:
            name = re.sub(r"\W+", "-", place).strip("-") or "overview"
            page.screenshot(path=pictures / f"{name}-{width}.png", full_page=True)


_CODES = list_codes()


def find_codes(page: Page) -> list[str]:
    """The texts with a rule's id, the name of a setting, or the code of a permission."""
    return [text.strip() for text in page.evaluate(_LIST_TEXTS) if _CODES.search(text)]


def use_theme(page: Page, theme: str) -> None:
    """Without a click, because the button is in a menu of a narrow window."""
    page.evaluate(
        "(theme) => { document.body.classList.toggle('awsui-dark-mode', theme === 'dark');"
        " document.documentElement.style.colorScheme = theme; }",
        theme,
    )
    page.evaluate(WAIT_FOR_ANIMATIONS)


def measure_texts(page: Page) -> list[tuple[str, str, str]]:
    """The texts that a reader can't read whole: what is wrong, the text, and where it is."""
    return [(what, text, where) for what, text, where in page.evaluate(_MEASURE_TEXTS)]


def _measure_settled(page: Page) -> list[tuple[str, str, str]]:
    """The same, once the page has followed the window's new width: the top bar measures itself after it was drawn."""
    for _ in range(_MEASURED_AT_MOST - 1):
        if not (found := measure_texts(page)):
            return found
        page.wait_for_timeout(_SETTLES_MS)
    return measure_texts(page)


def _find_violations(page: Page, rules: list[str]) -> list[str]:
    """What axe finds."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    found: Any = page.evaluate(
        "(options) => axe.run(document, options)", {"runOnly": rules, "resultTypes": ["violations"]}
    )
    return [
        f"{one['id']}: {one['help']}: {', '.join(str(node['target'][0]) for node in one['nodes'])}"
        for one in found["violations"]
    ]


def make_tour_parser(description: str | None) -> argparse.ArgumentParser:
    """The options of every tour."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="of the table in console/src/layout/pages.ts; default: all"
    )
    parser.add_argument("--pictures", type=Path, help="a folder for pictures of each page at each width")
    return parser


def run_tour(
    options: argparse.Namespace, list_faults: Callable[[ConsolePerson, Shown, Sequence[str]], Iterator[str]]
) -> int:
    """Print each fault of the pages as soon as it is found; 1 if there is any."""
    from tests.browser.conftest import FLAGS, find_chromium

    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    count = 0
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(playwright), args=list(FLAGS))
        with open_console_stage(browser, Path(folder), "--scenario", "demo", "--features", "all") as stage:
            person, shown = enter_prepared(stage)
            for fault in list_faults(person, shown, options.paths or list_paths()):
                count += 1
                sys.stdout.write(f"{fault}\n")
                sys.stdout.flush()
    return 1 if count else 0


def main() -> int:
    options = make_tour_parser(__doc__).parse_args()
    return run_tour(
        options,
        lambda person, shown, paths: (
            fault for path in paths for fault in examine(person, path, shown, options.pictures)
        ),
    )


def enter_prepared(stage: ConsoleStage) -> tuple[ConsolePerson, Shown]:
    """An administrator, who may see every page, where each page has something to show."""
    with stage.enter_signed_in("olga") as others:
        person = stage.enter("adam", color_scheme="light", bypass_csp=True)
        person.sign_in()
        return person, prepare(person, others["olga"])


if __name__ == "__main__":
    sys.exit(main())
