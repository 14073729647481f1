"""Rows as CSV, for every format that is a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from rootkeeper.untrusted_text import csv_cell

_ROWS_AT_A_TIME = 500


def render_rows(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """UTF-8 text with line feeds; every cell that a spreadsheet could take for a formula is escaped."""
    remaining = iter(rows)
    part: list[Sequence[object]] = [columns]
    while part:
        target = io.StringIO()
        csv.writer(target, lineterminator="\n").writerows([csv_cell(value) for value in row] for row in part)
        yield target.getvalue().encode()
        part = list(islice(remaining, _ROWS_AT_A_TIME))
