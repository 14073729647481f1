"""The blocks of a PDF as data, such as headings and tables, as ``templates/evidence.typ`` shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from rootkeeper.findings.rules import Verdict

LISTED = 1_000
"""Rows of one table."""

Block: TypeAlias = "dict[str, Any]"
Cell: TypeAlias = "str | dict[str, str]"

NARROW = 0
"""Width of a column that is as narrow as its content allows."""

TONES: Mapping[Verdict, str] = {
    Verdict.FAIL: "fail",
    Verdict.KEPT: "kept",
    Verdict.MANUAL: "manual",
    Verdict.NOT_APPLICABLE: "none",
    Verdict.PASS: "pass",
    Verdict.UNKNOWN: "unknown",
}


def heading(text: str, level: int = 1) -> Block:
    """A heading, and a bookmark."""
    return {"kind": "heading", "level": level, "text": text}


def headline(text: str) -> Block:
    return {"kind": "headline", "text": text}


def remark(text: str) -> Block:
    return {"kind": "remark", "text": text}


def paragraph(text: str) -> Block:
    return {"kind": "paragraph", "text": text}


def bullets(items: Sequence[Cell]) -> Block:
    return {"kind": "list", "items": items}


def facts(rows: Sequence[tuple[str, Cell]]) -> Block:
    return {"kind": "facts", "rows": rows}


def toned(tone: str, text: str) -> Cell:
    """A text in the colour of a verdict, which the text itself says, too."""
    return {"tone": tone, "text": text}


def table(
    columns: Sequence[tuple[str, float]],
    rows: Iterable[Sequence[Cell]],
    *,
    none: str = "None.",
    numbers: bool = False,
) -> Iterator[Block]:
    """A table, or the sentence ``none``; what it leaves out is counted in a sentence before it.

    :param columns: title and share of the width.
    :param numbers: whether narrow columns are numbers.
    """
    found = list(rows)
    if not found:
        yield paragraph(none)
        return
    if len(found) > LISTED:
        yield paragraph(f"Listed: the first {LISTED:,} of {len(found):,}. The formats CSV and JSON have the rest.")
    titles, widths = zip(*columns, strict=True)
    yield {"kind": "table", "titles": titles, "widths": widths, "rows": found[:LISTED], "numbers": numbers}
