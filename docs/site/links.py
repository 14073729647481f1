"""Links between pages: from paths in the repository, where they work too, to pages of the site."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from docs.site.pages import resolve

_FENCED = re.compile(r"(^ *(?P<fence>`{3,})[^\n]*\n.*?^ *(?P=fence) *$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?P<mark>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^)\s]+)\)")
_PICTURES = (".png", ".svg")
_BADGES = re.compile(r"^(?:\[!\[[^\]]*\]\(\.\./\.\./[^)]*\)\]\(\.\./\.\./[^)]*\) ?)+\n+", re.MULTILINE)
"""A line of pictures that link to pages of the repository's hosting service, beside its files. They are only there."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where on the site each thing is that a page can link to."""

    pages: Mapping[str, str]
    """Names of pages by paths in the repository."""
    parts: Mapping[tuple[str, str], tuple[str, str]]
    """For parts of a page that became a page of its own: name and anchor there, by path and anchor."""


def rewrite_links(text: str, page: str, name: str, addresses: Addresses) -> tuple[str, list[str]]:
    """Rewrite the links of one page, outside its code blocks.

    :param page: the page's path in the repository.
    :param name: the page's name on the site.
    :returns: the text, and the paths of the pictures that it shows.
    """
    pictures: list[str] = []
    text = drop_badges(text)

    def rewrite(link: re.Match[str]) -> str:
        target = link["target"]
        if re.match(r"[a-z]+:", target):
            return link[0]
        path, _, anchor = target.partition("#")
        found = resolve(page, path) if path else page
        if found.endswith(_PICTURES):
            pictures.append(found)
            return f"{link['mark']}[{link['text']}]({refer(name, found.removeprefix('docs/'))})"
        there = find_address(found, anchor, addresses)
        if there is None:
            return render_outside(link["text"], found)
        return f"[{link['text']}]({refer(name, there[0] + '.md')}{'#' + there[1] if there[1] else ''})"

    return replace_prose(text, lambda prose: _LINK.sub(rewrite, prose)), pictures


def drop_badges(text: str) -> str:
    """Leave out the badges of a page."""
    return _BADGES.sub("", text)


def find_address(path: str, anchor: str, addresses: Addresses) -> tuple[str, str] | None:
    """Name and anchor on the site; ``None`` for what is in the repository alone."""
    part = addresses.parts.get((path, anchor))
    if part is not None:
        return part
    return (addresses.pages[path], anchor) if path in addresses.pages else None


def render_outside(text: str, path: str) -> str:
    """What isn't on the site is named, so that a reader finds it in the sources."""
    return f"{text} (`{path}` in the sources)"


def replace_prose(text: str, change: Callable[[str], str]) -> str:
    """Change all that isn't in a fenced block."""
    pieces: list[str] = []
    end = 0
    for block in _FENCED.finditer(text):
        pieces += [change(text[end : block.start()]), block[0]]
        end = block.end()
    return "".join([*pieces, change(text[end:])])


def refer(name: str, target: str) -> str:
    """A path on the site, relative to the page of that name."""
    return posixpath.relpath(target, posixpath.dirname(name) or ".")


def list_anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as the site and code hosts make them."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.+)$", _FENCED.sub("", text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.replace("`", ""))
        slug = re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")
        number = next(count for count in range(1000) if (f"{slug}-{count}" if count else slug) not in found)
        found.add(f"{slug}-{number}" if number else slug)
    return found


def list_dead_links(repository: Path, page: str) -> list[str]:
    """The links of a page that lead to no file, or to a file without that heading."""
    dead: list[str] = []
    text = drop_badges(_FENCED.sub("", (repository / page).read_text(encoding="utf-8")))
    for link in _LINK.finditer(text):
        target = link["target"]
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = repository / (resolve(page, path) if path else page)
        is_page = found.suffix == ".md" and found.exists()
        if not found.exists() or (anchor and is_page and anchor not in list_anchors(found.read_text("utf-8"))):
            dead.append(target)
    return dead
