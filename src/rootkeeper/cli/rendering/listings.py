"""Lists of records in every output format but the tree, and text shared by all of them.

A record is what JSON shows; a table shows columns made of it, CSV its fields flattened."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.terminal import Terminal
from rootkeeper.untrusted_text import csv_cell, json_text, printable

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text


def render_timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def render_age(moment: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits: ``3 days ago``."""
    age = max(now - moment, timedelta())
    for unit, length in (("year", 365 * 86_400), ("day", 86_400), ("hour", 3_600), ("minute", 60)):
        count = int(age.total_seconds() // length)
        if count:
            return f"{counted(count, unit)} ago"
    return "just now"


def render_length(length: timedelta) -> str:
    """To the second: ``1d 4h``, ``9m 30s``, ``0s``."""
    seconds = max(0, round(length.total_seconds()))
    parts = []
    for unit, unit_seconds in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, unit_seconds)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """``1 account``, ``2 accounts``, ``10,000 accounts``."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


SCHEMA_VERSION = 1
"""Of every JSON output; raised when a field is removed or changes its meaning."""

Record: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column of a table."""

    title: str
    cell: Callable[[Record], str]
    style: Callable[[Record], str] | str = ""
    keeps_whole: bool = False
    """Whether it is never wrapped, such as an id to copy."""
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """Records of one kind, and how a table shows them."""

    name: str
    """Of the list in JSON."""
    records: Sequence[Record]
    columns: tuple[TableColumn, ...]
    head: Record = field(default_factory=dict)
    """JSON members before the list."""
    tail: Record = field(default_factory=dict)
    """JSON members after the list."""
    empty: str = "Nothing to show."
    """Shown instead of a table without rows."""


def show_listing(listing: Listing, output: OutputFormat, terminal: Terminal) -> None:
    """Write the listing to stdout; as a table, unless the format is one of data."""
    if output is OutputFormat.JSON:
        document = {"schema_version": SCHEMA_VERSION, **listing.head, listing.name: listing.records, **listing.tail}
        terminal.write(json_text(document, indent=2) + "\n")
    elif output is OutputFormat.JSONL:
        for record in listing.records:
            terminal.write(json_text(record) + "\n")
    elif output is OutputFormat.CSV:
        terminal.write(render_csv(listing.records))
    elif listing.records:
        terminal.show(build_table(listing.columns, listing.records, is_ruled=terminal.output.is_terminal))
    else:
        terminal.remark(listing.empty)


def render_csv(records: Sequence[Record]) -> str:
    """Render nested fields as ``outer.inner``; the header has the fields of all records."""
    rows = [dict(_flatten(record)) for record in records]
    names = list(dict.fromkeys(name for row in rows for name in row))
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    if names:
        writer.writerow(names)
    writer.writerows([csv_cell(row.get(name)) for name in names] for row in rows)
    return target.getvalue()


def _flatten(record: Record, prefix: str = "") -> Iterable[tuple[str, object]]:
    for name, value in record.items():
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def build_table(columns: Sequence[TableColumn], records: Iterable[Record], *, is_ruled: bool) -> Table:
    """A table that fits the terminal; ids stay whole, the rest wraps."""
    from rich import box
    from rich.table import Table

    table = Table(
        box=box.SIMPLE_HEAD if is_ruled else None,
        show_edge=False,
        pad_edge=False,
        header_style="bold",
        show_header=any(column.title for column in columns),
        padding=(0, 2, 0, 0),
    )
    for column in columns:
        table.add_column(
            column.title,
            no_wrap=column.keeps_whole,
            overflow="fold",
            justify="right" if column.is_number else "left",
        )
    for record in records:
        table.add_row(*(_cell(column, record) for column in columns))
    return table


def _cell(column: TableColumn, record: Record) -> Text:
    from rich.text import Text

    style = column.style if isinstance(column.style, str) else column.style(record)
    return Text(printable(column.cell(record)), style=style)


_EXAMPLES_SHOWN = 3


def cause_lines(causes: Iterable[tuple[str, str]]) -> list[str]:
    """One line for each cause, with the accounts that it concerns. Given account ids with what is said of each."""
    accounts_of: dict[str, list[str]] = {}
    for account_id, why in causes:
        accounts_of.setdefault(why.replace(account_id, "ACCOUNT"), []).append(account_id)
    return [f"Unknown: {_name(ids)}: {_in_place(why, ids)}" for why, ids in accounts_of.items()]


def _in_place(why: str, ids: Sequence[str]) -> str:
    return why.replace("ACCOUNT", ids[0]) if len(ids) == 1 else why


def _name(ids: Sequence[str]) -> str:
    more = len(ids) - _EXAMPLES_SHOWN
    return ", ".join(ids[:_EXAMPLES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
