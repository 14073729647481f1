"""Makes text from outside safe to show, in each format.

Other people write names, e-mail addresses, tags and reasons. They can contain control characters that steer a terminal,
marks that change the reading direction, a formula that a spreadsheet runs, or markup. Templates escape HTML, after
``printable``. Every command imports this module, so it imports nothing that takes time.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rootkeeper.values import JsonValue

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Format characters that scripts and emoji need, and that can't mislead on their own."""
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_PLAIN = re.compile(r"[ -~]*")
_UNSAFE_IN_JSON = re.compile(r"[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_BEFORE_FORMULA = re.compile(r'(?:^|;|^[\s,|"]*[,|])(?=[\s"]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])')
"""The places of a text where a cell could begin with a formula.

Many spreadsheets also begin a cell at a semicolon, so a formula can follow one anywhere in the text. The last four
characters are the full-width forms, which some spreadsheets take for the first four.
"""
_MARKDOWN = re.compile(r"[&<>|`\\\[\]*~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|://|(?<![A-Za-z0-9])[Ww][Ww][Ww]\.")
"""Characters that begin markup within a line; an underscore between letters doesn't."""


def printable(text: str) -> str:
    """``text`` in a single line, with everything that could steer a terminal or a reader replaced."""
    if _PLAIN.fullmatch(text):
        return text
    return "".join(_printable_character(character) for character in text)


def _printable_character(character: str) -> str:
    if character in "\n\t":
        return " "
    if character not in _JOINERS and unicodedata.category(character) in _UNSAFE_CATEGORIES:
        return _REPLACEMENT
    return character


def printable_json(value: JsonValue) -> JsonValue:
    """``value`` with every text in it made printable, keys too."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {printable(name): printable_json(item) for name, item in value.items()}
    return [printable_json(item) for item in value] if isinstance(value, list | tuple) else value


def csv_cell(value: object) -> str:
    """``value`` as a cell that a spreadsheet shows and never runs. Source: OWASP, CSV injection."""
    if value is None:
        text = ""
    elif isinstance(value, bool):
        text = "true" if value else "false"
    else:
        text = json_text(value) if isinstance(value, list | dict) else str(value)
    return printable(_BEFORE_FORMULA.sub(r"\g<0>'", text))


def json_text(value: object, *, indent: int | None = None) -> str:
    """``value`` as JSON; names stay readable, characters that could steer a terminal are escaped as JSON allows."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


_SARIF = str.maketrans({"\\": "\\\\", "[": "\\[", "]": "\\]", "{": "{{", "}": "}}"})


def sarif_text(text: str) -> str:
    """``text`` as a SARIF message that shows it: no link, no placeholder.

    Source: SARIF 2.1.0, sections 3.11.5 and 3.11.6.
    """
    return printable(text).translate(_SARIF)


_XML = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\ufffe": _REPLACEMENT, "\uffff": _REPLACEMENT}
)
"""The last two are characters that XML 1.0 doesn't allow; ``printable`` replaces the others."""


def xml_text(text: str) -> str:
    """``text`` as character data or an attribute's value in double quotes."""
    return printable(text).translate(_XML)


def markdown_table(titles: Sequence[str], rows: Iterable[Sequence[str]], empty: str = "None.") -> Iterator[str]:
    """The lines of a table with all cells escaped here, so that no caller can forget it."""
    found = [f"| {' | '.join(markdown_text(cell) for cell in row)} |" for row in rows]
    yield from (f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}", *found) if found else (empty,)


def markdown_text(text: str) -> str:
    """``text`` as Markdown that shows it and does nothing else: no markup, no HTML, no link, no end of a table cell.

    Character references, unlike backslashes, hold inside table cells too. Source: CommonMark 0.31, section 2.5.
    """
    return _MARKDOWN.sub(lambda found: "".join(f"&#{ord(character)};" for character in found.group()), printable(text))
