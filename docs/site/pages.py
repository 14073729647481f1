"""Which pages the documentation site has, where each comes from, and where it is in the navigation.

Every Markdown file below ``docs/`` is a page of the site, so that a new one needs no entry here. Only ``docs/dev``
isn't, because it is for people who change Rootkeeper. ``docs/README.md`` is the start page, and the navigation is its
list of pages, heading by heading, with the titles of the list. A page that the list doesn't have is in the navigation
all the same, below ``UNLISTED``, and a test names it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

START = "docs/README.md"
BESIDE_DOCS: Mapping[str, str] = {
    "README.md": "readme",
    "SECURITY.md": "security",
    "CHANGELOG.md": "changelog",
    "src/rootkeeper_sandbox/BEHAVIOUR.md": "reference/sandbox-behaviour",
}
"""Pages that aren't below ``docs/``: their names on the site by their paths."""

NOT_OF_THE_SITE = "docs/dev/"
UNLISTED = "Other pages"

_HEADING = re.compile(r"^(?P<level>##|###) (?P<title>.+)$")
_ENTRY = re.compile(r"^- \[(?P<title>[^\]]+)\]\((?P<target>[^)#\s]+)(?:#[^)\s]*)?\)")


@dataclass(frozen=True, slots=True)
class Section:
    """One group of the navigation."""

    title: str
    pages: tuple[str, ...]
    """Paths in the repository, in order."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """The list's titles by path; a page without one has the title of its first heading."""


def list_pages(repository: Path) -> dict[str, str]:
    """The name on the site of each page, by its path in the repository."""
    below = sorted(path.relative_to(repository).as_posix() for path in (repository / "docs").rglob("*.md"))
    pages = {path: name for path, name in BESIDE_DOCS.items() if (repository / path).exists()}
    for path in below:
        if not path.startswith(NOT_OF_THE_SITE):
            pages[path] = path.removeprefix("docs/").removesuffix(".md")
    pages[START] = "index"
    return pages


def read_navigation(repository: Path) -> list[Section]:
    """The sections as ``docs/README.md`` lists them."""
    found: dict[str, dict[str, str]] = {}
    section = title = ""
    for line in (repository / START).read_text(encoding="utf-8").splitlines():
        if heading := _HEADING.match(line):
            section = heading["title"] if heading["level"] == "##" else section
            title = section if heading["level"] == "##" else f"{section}: {heading['title'].lower()}"
        elif entry := _ENTRY.match(line):
            found.setdefault(title, {})[resolve(START, entry["target"])] = entry["title"]
    return [Section(title, tuple(titles), titles) for title, titles in found.items()]


def list_unlisted(repository: Path) -> list[str]:
    """The pages that ``docs/README.md`` doesn't list."""
    listed = {page for section in read_navigation(repository) for page in section.pages}
    return [page for page in list_pages(repository) if page not in {START, *listed}]


def list_sections(repository: Path) -> Iterator[Section]:
    """All sections of the navigation, the unlisted pages last."""
    yield from read_navigation(repository)
    if unlisted := list_unlisted(repository):
        yield Section(UNLISTED, tuple(unlisted))


def resolve(page: str, target: str) -> str:
    """The path in the repository of a link's target, which is relative to its page."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
