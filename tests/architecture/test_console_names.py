"""The console's name mark and titles."""

from __future__ import annotations

import re
from pathlib import Path

CONSOLE = Path(__file__).parents[2] / "console"
PAGES = (CONSOLE / "src/layout/pages.ts").read_text()


def test_each_page_has_a_title_of_its_own() -> None:
    titles = re.findall(r'^ +title: "([^"]+)"', PAGES, re.MULTILINE)
    paths = re.findall(r'^ +path: "([^"]+)"', PAGES, re.MULTILINE)
    assert len(titles) == len(paths) > 0
    assert len(set(titles)) == len(titles)


def test_the_name_mark_and_the_icon_are_one_drawing() -> None:
    def read_shapes(text: str) -> list[str]:
        return re.findall(r'\b(?:d|r|rx|cx|cy|fill|stroke|viewBox)="[^"]+"', text)

    icon = read_shapes((CONSOLE / "public/icon.svg").read_text())
    assert icon == read_shapes((CONSOLE / "src/components/NameMark.tsx").read_text())
    assert len(icon) > 5
