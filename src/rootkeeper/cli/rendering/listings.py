"""Lists of records in every output format but the tree, and text shared by all of them.

JSON shows records; a table shows columns made of them, CSV their fields flattened."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from rootkeeper.cli.outputs import Output, OutputFormat
from rootkeeper.cli.terminal import Terminal
from rootkeeper.cli.wrapping import measure_least, wrap_text
from rootkeeper.reports.formats import Format
from rootkeeper.shapes import SCHEMA_VERSION
from rootkeeper.untrusted_text import csv_cell, json_text, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text
    from rich.tree import Tree

    from rootkeeper.findings.rules import FindingReport
    from rootkeeper.organization.accounts import Account, Endpoint, Inventory


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


def render_findings(present: int, unknown: int, unread: int = 0) -> str:
    """Such as ``3 present, 1 unknown, 2 unread``; empty without any. Unknown accounts alone aren't counted twice."""
    found = {"present": present, "unknown": unknown, "unread": unread if unread > unknown else 0}
    return ", ".join(f"{count:,} {name}" for name, count in found.items() if count)


Record: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table."""

    title: str
    cell: str | Callable[[Any], str]
    """The text in a row: a member of its record, or the result of a function of the row."""
    style: str | Callable[[Any], str] = ""
    keeps_whole: bool = False
    """Whether it is never wrapped, such as an id to copy."""
    is_number: bool = False
    importance: int = 0
    """A narrow terminal shows fewer columns: the least important are left out first, of these the rightmost."""


def mark_column(title: str, member: str, marks: Mapping[Any, tuple[str, str]], **settings: Any) -> TableColumn:
    """A column that shows a member of the record as a word in a colour."""
    return TableColumn(title, lambda row: marks[row[member]][0], lambda row: marks[row[member]][1], **settings)


@dataclass(frozen=True, slots=True)
class Listing:
    """Records of the same kind, and how a table shows them."""

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
    rows: Sequence[Any] | None = None
    """The rows of the table, if they aren't the records."""
    rest: str = ""
    """A line on the records that a table leaves out; other formats have every record."""


def show_listing(listing: Listing, output: OutputFormat, terminal: Terminal) -> None:
    """Write the listing to stdout; as a table, unless the format is JSON, JSON Lines or CSV."""
    if output is OutputFormat.JSON:
        show_record({**listing.head, listing.name: listing.records, **listing.tail}, output, terminal)
    elif output is OutputFormat.JSONL:
        for record in listing.records:
            show_record(record, output, terminal)
    elif output is OutputFormat.CSV:
        terminal.write(render_csv(listing.records))
    else:
        rows = listing.records if listing.rows is None else listing.rows
        if rows:
            show_table(listing.columns, rows, terminal)
        if listing.rest or not rows:
            terminal.remark(listing.rest or listing.empty)


def show_record(record: Record, output: OutputFormat, terminal: Terminal) -> None:
    """Write a record to stdout: as a JSON document, or as a line of JSON without its version."""
    if output is OutputFormat.JSON:
        terminal.write(json_text({"schema_version": SCHEMA_VERSION, **record}, indent=2) + "\n")
    else:
        known = {name: value for name, value in record.items() if name != "schema_version"}
        terminal.write(json_text(known) + "\n")


def show_facts(facts: Mapping[str, str], terminal: Terminal, width: int = 14) -> None:
    """Write named facts to stdout, a line each. Longer names widen the column."""
    width = max(width, *map(len, facts))
    for name, value in facts.items():
        terminal.show(f"{name:<{width}} {printable(value)}")


_Report = TypeVar("_Report")


def show_output(
    report: _Report,
    output: Output,
    terminal: Terminal,
    show: Callable[[_Report, OutputFormat, Terminal], None],
    list_findings: Callable[[_Report], FindingReport],
) -> None:
    """Show a report in the command's own outputs, or write its findings."""
    if isinstance(output, Format):
        terminal.write_bytes(output.render(list_findings(report)))
    else:
        show(report, output, terminal)


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


def show_table(columns: Sequence[TableColumn], rows: Iterable[Any], terminal: Terminal) -> None:
    """Write a table to stdout, and to stderr which columns aren't shown."""
    table, remark = build_table(columns, rows, terminal.output, "-o json")
    terminal.show(table)
    if remark:
        terminal.remark(remark)


def build_table(
    columns: Sequence[TableColumn], rows: Iterable[Any], console: Console, option: str
) -> tuple[Table, str]:
    """Make a table that fits the terminal, and a remark on the columns that it leaves out.

    Not for a terminal, it has every column, each as wide as its longest cell.

    :param option: of the command line; shows all columns, too.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    def render_cell(column: TableColumn, row: Any) -> Text:
        shown = row[column.cell] if isinstance(column.cell, str) else column.cell(row)
        style = column.style if isinstance(column.style, str) else column.style(row)
        return Text("" if shown is None else printable(str(shown)), style=style)

    cells = [[render_cell(column, row) for column in columns] for row in rows]
    is_fitted = console.is_terminal
    widths: Mapping[int, int | None] = dict.fromkeys(range(len(columns)))
    if is_fitted:
        texts = [[row[place].plain for row in cells] for place in range(len(columns))]
        widths = fit_columns(columns, texts, console.width)
    table = Table(
        box=box.SIMPLE_HEAD if is_fitted else None,
        show_edge=False,
        pad_edge=False,
        header_style="bold",
        show_header=any(column.title for column in columns),
        padding=(0, 1 if is_fitted else _GAP, 0, 0),
        width=measure_table(widths.values()) if is_fitted else None,
    )
    for place, width in widths.items():
        column = columns[place]
        justify: Literal["left", "right"] = "right" if column.is_number else "left"
        title = Text(column.title) if width is None else wrap_text(Text(column.title), width)
        is_whole = is_fitted or column.keeps_whole
        table.add_column(title, no_wrap=is_whole, overflow="ellipsis", justify=justify, width=width)
    for row in cells:
        table.add_row(
            *(row[place] if width is None else wrap_text(row[place], width) for place, width in widths.items())
        )
    left_out = [column.title or "details" for place, column in enumerate(columns) if place not in widths]
    remark = f"Not shown in {console.width} columns: {', '.join(left_out)}. Use a wider terminal or {option}."
    return table, remark if left_out else ""


_GAP = 2
"""Between columns; for a terminal, half of it is padding and half is the box's."""
_READABLE_WIDTH = 18
"""Text isn't wrapped more narrowly than this as long as a column without importance can be left out."""


def measure_table(widths: Iterable[int | None]) -> int:
    """Measure a table for a terminal, which has columns of these widths."""
    return sum((width or 0) + _GAP for width in widths) - _GAP


def fit_columns(columns: Sequence[TableColumn], texts: Sequence[Sequence[str]], width: int) -> dict[int, int]:
    """Choose the places of the columns to show, each with its width.

    Text wraps between words. A column in which an identifier or a word of the title would be cut is left out instead.
    The first column always stays, also if it is wider than the terminal.

    :param texts: the cells of each column.
    """
    from rich.cells import cell_len

    wanted = {place: max(map(cell_len, [column.title, *texts[place]])) for place, column in enumerate(columns)}
    if measure_table(wanted.values()) <= width:
        return wanted
    least = {}
    for place, column in enumerate(columns):
        words = {word for text in texts[place] for word in text.split()}
        measured = map(cell_len, texts[place]) if column.keeps_whole else map(measure_least, words)
        least[place] = max([1, *measured, *map(cell_len, column.title.split())])
    readable = {place: max(least[place], min(wanted[place], _READABLE_WIDTH)) for place in wanted}
    kept = set(wanted)
    for place in sorted(kept - {0}, key=lambda place: (columns[place].importance, -place)):
        narrowest = least if columns[place].importance > 0 else readable
        if measure_table(narrowest[other] for other in kept) <= width:
            break
        kept.remove(place)
    narrowest = readable if measure_table(readable[place] for place in kept) <= width else least
    widths = {place: narrowest[place] for place in sorted(kept)}
    for _ in range(width - measure_table(widths.values())):
        longest = max(widths, key=lambda place: wanted[place] / widths[place])
        widths[longest] += widths[longest] < wanted[longest]
    return widths


def build_tree(
    inventory: Inventory,
    endpoint: Endpoint,
    leaves: Iterable[tuple[Account, Text]],
    render_unit: Callable[[str, tuple[str, ...]], Text],
) -> Tree:
    """Build the organization's hierarchy, without units that have no leaf.

    :param render_unit: given a unit's name and the ids from the root down to it.
    """
    from rich.text import Text
    from rich.tree import Tree

    names = {unit.ou_id: printable(unit.name) for unit in inventory.organizational_units}
    title = Text(f"Organization {inventory.organization.organization_id}, {endpoint.label}", style="bold")
    tree = Tree(title, guide_style="dim")
    branches: dict[tuple[str, ...], Tree] = {(): tree}
    for account, label in leaves:
        path = account.ou_ids
        for depth in range(1, len(path) + 1):
            unit = path[:depth]
            if unit not in branches:
                branches[unit] = branches[unit[:-1]].add(render_unit(names.get(unit[-1], "?"), unit))
        branches[path].add(label)
    return tree


EXAMPLES_SHOWN = 3


def name_some(ids: Sequence[str]) -> str:
    """The first ids, and how many more there are."""
    more = len(ids) - EXAMPLES_SHOWN
    return ", ".join(ids[:EXAMPLES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def cause_lines(causes: Iterable[tuple[str, str]], head: str = "Unknown") -> list[str]:
    """Make a line for each cause, with its accounts; ``causes`` are account ids, each with its cause."""
    accounts_of: dict[str, list[str]] = {}
    for account_id, why in causes:
        accounts_of.setdefault(why.replace(account_id, "ACCOUNT"), []).append(account_id)
    return [
        f"{head}: {name_some(ids)}: {why.replace('ACCOUNT', ids[0]) if len(ids) == 1 else why}"
        for why, ids in accounts_of.items()
    ]
