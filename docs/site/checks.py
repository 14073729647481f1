"""What must hold for the built site; a site for which it doesn't isn't put into the package.

Its pages run under a content security policy without inline scripts and styles, on machines without a way to other
hosts. No link is dead, and the navigation reaches every page.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LARGEST_SITE_BYTES = 12_000_000
LARGEST_FILE_BYTES = 1_500_000

START = "index.html"
CONSOLE = "/"
"""The address of the console on the server that serves the site."""
OF_THE_GENERATOR = {"search.html", "genindex.html"}
"""Pages that no navigation lists."""

_LOADED = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("use", "href"), ("source", "src")}
_NOT_LOADED_LINKS = {"author", "canonical", "index", "next", "prev", "search"}
_IN_STYLES = re.compile(r"url\(\s*['\"]?(?P<address>[^'\")]+)|@import\s+['\"](?P<imported>[^'\"]+)")


@dataclass(slots=True)
class Page:
    """What a page says about itself."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)
    inaccessible: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.page.anchors.update(attributes[name] for name in ("id", "name") if name in attributes)
        if tag == "a" and "href" in attributes:
            self.page.links.append(attributes["href"])
        if attributes.get("role") == "heading" and "aria-level" not in attributes:
            self.page.inaccessible.append("a heading has no aria-level")
        if tag == "img" and not attributes.get("alt"):
            self.page.inaccessible.append(f"{attributes.get('src')} has no alternative text")
        is_loaded = tag != "link" or not set(attributes.get("rel", "").split()) <= _NOT_LOADED_LINKS
        self.page.loaded += [value for name, value in attributes.items() if (tag, name) in _LOADED and is_loaded]
        if (tag == "script" and "src" not in attributes) or tag == "style":
            self.page.inline.append(f"<{tag}>")
        self.page.inline += [f"{tag} {name}" for name in attributes if name == "style" or name.startswith("on")]


def read_page(text: str) -> Page:
    reader = _Reader()
    reader.feed(text)
    return reader.page


def find_problems(site: Path) -> list[str]:
    """All that is wrong with a built site; empty if it is as it must be."""
    pages = {
        path.relative_to(site).as_posix(): read_page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")
    }
    if START not in pages:
        return [f"{START} is missing."]
    return [
        *(f"{name}: {found} is inline." for name, page in pages.items() for found in page.inline),
        *(
            f"{name}: {address} is loaded from elsewhere."
            for name, page in pages.items()
            for address in page.loaded
            if is_foreign(address)
        ),
        *(f"{name}: {found}." for name, page in pages.items() for found in dict.fromkeys(page.inaccessible)),
        *find_foreign_styles(site),
        *(problem for name, page in pages.items() for problem in find_dead_links(site, name, page, pages)),
        *find_orphans(pages),
        *find_oversize(site),
    ]


def is_foreign(address: str) -> bool:
    return bool(urlsplit(address).netloc) or urlsplit(address).scheme not in {"", "data"}


def find_foreign_styles(site: Path) -> Iterator[str]:
    for path in site.rglob("*.css"):
        for found in _IN_STYLES.finditer(path.read_text(encoding="utf-8")):
            address = found["address"] or found["imported"]
            if is_foreign(address):
                yield f"{path.relative_to(site)}: {address} is loaded from elsewhere."


def find_dead_links(site: Path, name: str, page: Page, pages: dict[str, Page]) -> Iterator[str]:
    for link in [*page.links, *page.loaded]:
        if is_foreign(link) or link.startswith("data:") or link == CONSOLE:
            continue
        parts = urlsplit(link)
        target = (
            posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(parts.path))) if parts.path else name
        )
        anchor = unquote(parts.fragment)
        if not (site / target).is_file():
            yield f"{name}: {link} leads nowhere."
        elif anchor and target in pages and anchor not in pages[target].anchors:
            yield f"{name}: {link} leads to no part of its page."


def find_orphans(pages: dict[str, Page]) -> Iterator[str]:
    """Pages that the navigation, which is on the start page, doesn't reach."""
    reached = {posixpath.normpath(urlsplit(link).path or START) for link in pages[START].links}
    for name in sorted(set(pages) - reached - OF_THE_GENERATOR - {START}):
        yield f"{name} is in no list of the navigation."


def find_oversize(site: Path) -> Iterator[str]:
    sizes = {path.relative_to(site).as_posix(): path.stat().st_size for path in site.rglob("*") if path.is_file()}
    for name, size in sizes.items():
        if size > LARGEST_FILE_BYTES:
            yield f"{name} has {size} bytes; {LARGEST_FILE_BYTES} are allowed."
    if sum(sizes.values()) > LARGEST_SITE_BYTES:
        yield f"The site has {sum(sizes.values())} bytes; {LARGEST_SITE_BYTES} are allowed."
