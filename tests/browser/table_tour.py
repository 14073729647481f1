"""Goes through the tables of every page at each width, and lists those that don't fit.

Run as a program, it prints what it finds: ``python -m tests.browser.table_tour [--pictures FOLDER] [PATH ...]``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.console_pages import Shown, list_addresses
from tests.browser.console_stage import ConsolePerson
from tests.browser.page_tour import make_tour_parser, open_tabs, run_tour, use_theme

WIDTHS = (1280, 768, 390)
"""Pixels: a laptop, a tablet, a phone."""
_MEASURE_TABLES = (Path(__file__).parent / "table_boxes.js").read_text().strip()


def list_table_faults(
    person: ConsolePerson, shown: Shown, width: int, paths: Iterable[str], pictures: Path | None = None
) -> Iterator[str]:
    """Everything that is wrong with the tables of these pages, as lines."""
    for path in paths:
        for address in list_addresses(path, shown):
            for place in open_tabs(person, address, width):
                yield from (f"{place}, {width} px: {table!r} {what}" for what, table in measure_tables(person.page))
                if pictures:
                    _take(person.page, place, width, pictures)


def measure_tables(page: Page) -> list[tuple[str, str]]:
    """What is wrong, and the name of the table."""
    return [(what, table) for what, table in page.evaluate(_MEASURE_TABLES)]


def _take(page: Page, place: str, width: int, pictures: Path) -> None:
    name = re.sub(r"\W+", "-", re.sub(r"[=/](w-|[0-9a-f-]{30,})\S*", "", place)).strip("-") or "overview"
    for theme in ("dark", "light"):
        use_theme(page, theme)
        page.screenshot(path=pictures / f"{name}-{width}-{theme}.png", full_page=True)


def main() -> int:
    parser = make_tour_parser(__doc__)
    parser.add_argument("--width", type=int, choices=WIDTHS, action="append", help="default: all")
    options = parser.parse_args()
    return run_tour(
        options,
        lambda person, shown, paths: (
            fault
            for width in options.width or WIDTHS
            for fault in list_table_faults(person, shown, width, paths, options.pictures)
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
