"""Prints what a benchmark found, and puts it into a page of the documentation where one is named.

There it is between two comments that name the program.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path


def parse_options(parser: argparse.ArgumentParser, program: str) -> argparse.Namespace:
    """The options, with ``--markdown`` beside those of the program; what it names has a place for the program.

    :raises ValueError: if it has none.
    """
    parser.add_argument("--markdown", type=Path, metavar="PAGE", help="put everything into this page, too")
    options = parser.parse_args()
    if options.markdown:
        _cut(options.markdown, program)
    return options


def show(text: str, surroundings: str, program: str, page: Path | None) -> None:
    """Print what was measured, and put it into the page, if there is one, with the day and where it was measured.

    :raises ValueError: if the page has no place for it.
    """
    print(text)
    if page is None:
        return
    before, after = _cut(page, program)
    section = f"{time.strftime('%Y-%m-%d')}, {surroundings}\n\n{text}"
    page.write_text(f"{before}\n\n{section.strip()}\n\n{after}", encoding="utf-8")


def _cut(page: Path, program: str) -> tuple[str, str]:
    """The page up to and with the first comment, and from the second on."""
    begin, end = f"<!-- {program} begins -->", f"<!-- {program} ends -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found and found_end):
        raise ValueError(f"{page} lacks {begin} or {end}.")
    return before + begin, end + after
