"""Puts what a benchmark printed into a page of the documentation, between two comments that name the program."""

from __future__ import annotations

from pathlib import Path


def ensure_section(page: Path, program: str) -> None:
    """Look, before anything is measured, whether the page has a place for it.

    :raises ValueError: if it has none.
    """
    _cut(page, program)


def write_section(page: Path, program: str, text: str) -> None:
    """Replace what stands between the two comments.

    :raises ValueError: if the page has no such place.
    """
    before, after = _cut(page, program)
    page.write_text(f"{before}\n\n{text.strip()}\n\n{after}", encoding="utf-8")


def _cut(page: Path, program: str) -> tuple[str, str]:
    """The page up to and with the first comment, and from the second on."""
    begin, end = f"<!-- {program} begins -->", f"<!-- {program} ends -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found and found_end):
        raise ValueError(f"{page} lacks {begin} or {end}.")
    return before + begin, end + after
