"""Assembles what the generator reads: every page of the site, its pictures, and the navigation."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from docs.site.links import Addresses, rewrite_links
from docs.site.pages import START, Section, list_pages, list_sections
from docs.site.reference_pages import MadePages, make_pages

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = "_files"
"""The folder of files that the generator copies as they are."""


def assemble(folder: Path, repository: Path = REPOSITORY) -> None:
    """Write all pages below a folder, which must be empty."""
    pages = list_pages(repository)
    made = make_pages(repository)
    addresses = Addresses(pages, made.parts)
    for page, name in pages.items():
        text = made.replaced.get(page) or (repository / page).read_text(encoding="utf-8")
        rewritten, pictures = rewrite_links(text, page, name, addresses)
        copy_pictures(repository, folder, pictures)
        write(folder / f"{name}.md", rewritten + render_children(page, made))
    for name, text in made.texts.items():
        linked = rewrite_links(text, made.parents[name], name, addresses)[0] if name in made.linked else text
        write(folder / f"{name}.md", linked)
    for place, path in made.files.items():
        copy(path, folder / FILES / place)
    start = folder / f"{pages[START]}.md"
    write(start, start.read_text(encoding="utf-8") + render_navigation(repository, pages))


def render_navigation(repository: Path, pages: dict[str, str]) -> str:
    """The lists of pages that the generator makes its navigation of."""

    def list_entries(section: Section) -> list[str]:
        titles = [(section.titles.get(page), pages[page]) for page in section.pages]
        return [f"{title} <{name}>" if title else name for title, name in titles]

    return "".join(render_toctree(section.title, list_entries(section)) for section in list_sections(repository))


def render_children(page: str, made: MadePages) -> str:
    children = sorted(child for child, parent in made.parents.items() if parent == page)
    return render_toctree("", [f"/{child}" for child in children]) if children else ""


def render_toctree(title: str, names: Iterable[str]) -> str:
    caption = f":caption: {title}\n" if title else ""
    return f"\n\n```{{toctree}}\n:hidden:\n{caption}\n" + "\n".join(names) + "\n```\n"


def copy_pictures(repository: Path, folder: Path, pictures: Iterable[str]) -> None:
    for picture in pictures:
        copy(repository / picture, folder / picture.removeprefix("docs/"))


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
