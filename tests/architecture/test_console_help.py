"""Every page of the console has a help panel, and each leads to a guide that is there, by its own title."""

from __future__ import annotations

import re

from tests.architecture.source_files import REPOSITORY

LAYOUT = REPOSITORY / "console/src/layout"
GUIDE = re.compile(r'^  "?([\w-]+)"?: "([^"]+)",$', re.MULTILINE)


def test_every_page_of_the_console_has_its_help() -> None:
    tables = [(LAYOUT / name).read_text() for name in ("pages.ts", "server-pages.ts")]
    pages = {path for table in tables for path in re.findall(r'^    path: "([^"]+)"', table, re.MULTILINE)}
    helped = re.findall(r'^  "(/[^"]*)": \{', (LAYOUT / "help.ts").read_text(), re.MULTILINE)
    assert sorted(helped) == sorted(pages)


def test_each_help_leads_to_a_guide_by_its_title() -> None:
    text = (LAYOUT / "help.ts").read_text()
    guides = dict(GUIDE.findall(text))
    assert guides.keys() == set(re.findall(r'^    guide: "([^"]+)",$', text, re.MULTILINE))
    for name, title in guides.items():
        assert (REPOSITORY / f"docs/guides/{name}.md").read_text().splitlines()[0] == f"# {title}"
