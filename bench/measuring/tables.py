"""Tables in Markdown, aligned, so that they read well in a terminal and can be put into a page as they are."""

from __future__ import annotations

from collections.abc import Sequence

Row = Sequence[str]


def render_table(head: Row, rows: Sequence[Row]) -> str:
    """The first column is a text, the others are numbers."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    rule = ["-" * widths[0], *(f"{'-' * (width - 1)}:" for width in widths[1:])]
    return "\n".join(_render_row(row, widths) for row in (head, rule, *rows))


def _render_row(row: Row, widths: Sequence[int]) -> str:
    cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
    return f"| {' | '.join(cells)} |"
