"""Where text may be broken on a terminal: between words, or between the parts of a long path; never in an identifier.

Rich breaks a word that is too long at any place. An account id, a key id or a window id in two lines can't be read,
searched or copied.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

_LONGEST_WORD = 28
"""In a narrow column, a longer word breaks between its parts. A longer part ends with an ellipsis, unless it can be an
identifier.
"""
_IDENTIFIER = re.compile(r"[0-9@]")
_WORD = re.compile(r"\s*\S+\s*")
_PART = re.compile(r"[^/:,@]*[/:,@]+\s*|[^/:,@]+")
"""Such as ``arn:`` or ``role/`` of an ARN."""


def measure_least(word: str) -> int:
    """Measure the narrowest column for a word."""
    from rich.cells import cell_len

    parts = _PART.findall(word) if cell_len(word) > _LONGEST_WORD else [word]
    return max(cell_len(part) if _IDENTIFIER.search(part) else min(cell_len(part), _LONGEST_WORD) for part in parts)


def wrap_text(text: Text, width: int) -> Text:
    """Break the text into lines of this width. A part of a word that is longer stays whole."""
    from rich.cells import cell_len
    from rich.text import Text

    if cell_len(text.plain) <= width and "\n" not in text.plain:
        return text
    lines: list[Text] = []
    for line in text.split(allow_blank=True):
        pieces = line.divide(_find_breaks(line.plain, width))
        for piece in pieces:
            piece.rstrip()
        lines += pieces
    return Text("\n").join(lines)


def _find_breaks(line: str, width: int) -> Iterator[int]:
    from rich.cells import cell_len

    place = used = 0
    for word in _WORD.findall(line):
        for part in _PART.findall(word) if cell_len(word.rstrip()) > width else [word]:
            if used and used + cell_len(part.rstrip()) > width:
                yield place
                used = 0
            place += len(part)
            used += cell_len(part)
