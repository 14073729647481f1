"""The blocks of a document as data, and Typst, which sets it as a tagged PDF with letters that the PDF has.

The fonts inside Typst are the only fonts: with the machine's fonts the same report would give other bytes elsewhere.
They have Latin, Greek, Cyrillic, Armenian, Hebrew, Arabic and Georgian letters. Another character, and a mark that
would be drawn over its neighbours, is shown by its number, such as <U+6771>, so that no name becomes a row of boxes.
PDF/UA-1 (ISO 14289-1) is the second guard: Typst refuses to write a character that no font has.

Text from outside reaches Typst as JSON and never as its markup.
"""

from __future__ import annotations

import json
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from itertools import groupby
from typing import Any, TypeAlias

from rootkeeper.installation import require_extra
from rootkeeper.untrusted_text import printable

LISTED = 1_000
"""Rows of a table."""

Block: TypeAlias = "dict[str, Any]"
"""Such as a heading or a table, as ``templates/evidence.typ`` shows it."""
Cell: TypeAlias = "str | dict[str, str]"

NARROW = 0
"""Width of a column that is as narrow as its content allows."""


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
    """A text in the colour of a verdict, which the text itself says, too, or as a hash: ``mono``."""
    return {"tone": tone, "text": text}


def table(
    columns: Sequence[tuple[str, float]], rows: Iterable[Sequence[Cell]], *, none: str = "None.", numbers: bool = False
) -> Iterator[Block]:
    """A table, or the sentence ``none``; rows that it leaves out are counted in a sentence before it.

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


SHOWN = (
    (0x20, 0x7E),
    (0xA0, 0xAC),
    (0xAE, 0x2FF),
    (0x370, 0x377),
    (0x37A, 0x37F),
    (0x384, 0x38A),
    (0x38C, 0x38C),
    (0x38E, 0x3A1),
    (0x3A3, 0x482),
    (0x48A, 0x4FF),
    (0x531, 0x556),
    (0x559, 0x58A),
    (0x58D, 0x58F),
    (0x5BE, 0x5BE),
    (0x5D0, 0x5EA),
    (0x5EF, 0x5F4),
    (0x60C, 0x60C),
    (0x61B, 0x61B),
    (0x61F, 0x61F),
    (0x621, 0x63A),
    (0x640, 0x64A),
    (0x660, 0x66D),
    (0x67E, 0x67E),
    (0x686, 0x686),
    (0x698, 0x698),
    (0x6A9, 0x6A9),
    (0x6AF, 0x6AF),
    (0x6BE, 0x6BE),
    (0x6CC, 0x6CC),
    (0x6F0, 0x6F9),
    (0x10D0, 0x10FF),
    (0x1E00, 0x1EFF),
    (0x2010, 0x2027),
    (0x2030, 0x2040),
    (0x2044, 0x2052),
    (0x2070, 0x2071),
    (0x2074, 0x208E),
    (0x20A0, 0x20BF),
    (0x2190, 0x21FF),
)
"""First and last of each range of characters that the fonts have."""
_TURN = re.compile("(?<=[\u0590-\u06ff])(?=\\W*[^\\W\u0590-\u06ff])")
"""Where text from right to left ends, and text in the other direction follows."""
_STARTS = tuple(first for first, _ in SHOWN)
_STALE = 11
"""Typst caches the results for the last ten documents of a process."""


def show_text(text: str) -> str:
    """Return ``text`` in a single line, with each character that the fonts don't have as its number."""
    plain = printable(text)
    if plain.isascii():
        return plain
    groups = groupby(unicodedata.normalize("NFC", plain), _is_shown)
    plain = "".join("".join(found) if is_shown else _number(found) for is_shown, found in groups)
    return _TURN.sub("\N{LEFT-TO-RIGHT MARK}", plain)  # or a Hebrew name would turn the date after it


def _is_shown(character: str) -> bool:
    place = bisect_right(_STARTS, ord(character)) - 1
    return place >= 0 and ord(character) <= SHOWN[place][1]


def _number(characters: Iterable[str]) -> str:
    return f"<{' '.join(f'U+{ord(character):04X}' for character in characters)}>"


def typeset(document: Mapping[str, Any], at: datetime) -> bytes:
    """Set ``document``, in the shape of ``templates/evidence.typ``, as PDF/UA-1. An equal document gives equal bytes.

    :param document: its texts come from :func:`show_text`.
    :param at: the time of the document in the PDF's metadata.
    :raises ExtraMissingError: if Typst isn't installed.
    """
    require_extra("pdf", "A PDF")
    import typst  # here, because only this format needs it

    compiler = typst.Compiler(ignore_system_fonts=True)
    pdf = compiler.compile(
        _load_template(), sys_inputs={"document": json.dumps(document)}, pdf_standards=["ua-1"], timestamp=at
    )
    # Empty documents take the place of this document in Typst's memory, which a server would otherwise keep.
    for _ in range(_STALE):
        compiler.compile(b"", sys_inputs=None)
    if not isinstance(pdf, bytes):
        raise TypeError("Typst returned no single PDF")
    return pdf


@cache
def _load_template() -> bytes:
    return (resources.files(__package__) / "templates" / "evidence.typ").read_bytes()
