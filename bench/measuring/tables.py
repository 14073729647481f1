"""Tables and lists in Markdown: they read well in a terminal, and can be put into a page as they are."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

WIDTH = 120
Row = Sequence[str]


def render_table(head: Row, rows: Sequence[Row]) -> str:
    """The first column is a text, the others are numbers."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    rule = ["-" * widths[0], *(f"{'-' * (width - 1)}:" for width in widths[1:])]
    return "\n".join(_render_row(row, widths) for row in (head, rule, *rows))


def _render_row(row: Row, widths: Sequence[int]) -> str:
    cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
    return f"| {' | '.join(cells)} |"


def render_list(remarks: Iterable[str]) -> str:
    """One point for each remark."""
    return "\n".join(textwrap.fill(remark, WIDTH, initial_indent="- ", subsequent_indent="  ") for remark in remarks)
