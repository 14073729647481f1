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
from rootkeeper.reports.formats import Format
from rootkeeper.shapes import SCHEMA_VERSION
from rootkeeper.untrusted_text import csv_cell, json_text, printable

if TYPE_CHECKING:
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


def render_findings(present: int, unknown: int) -> str:
    """Such as ``3 present, 1 unknown``; empty without any."""
    return ", ".join(f"{count:,} {name}" for count, name in ((present, "present"), (unknown, "unknown")) if count)


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


def mark_column(title: str, member: str, marks: Mapping[Any, tuple[str, str]], **settings: bool) -> TableColumn:
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
            terminal.show(build_table(listing.columns, rows, is_ruled=terminal.output.is_terminal))
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
    """Write named facts to stdout, a line each."""
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


def build_table(columns: Sequence[TableColumn], rows: Iterable[Any], *, is_ruled: bool) -> Table:
    """A table that fits the terminal; ids stay whole, the rest wraps."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE_HEAD if is_ruled else None,
        show_edge=False,
        pad_edge=False,
        header_style="bold",
        show_header=any(column.title for column in columns),
        padding=(0, 2, 0, 0),
    )
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.is_number else "left"
        table.add_column(column.title, no_wrap=column.keeps_whole, overflow="fold", justify=justify)

    def render_cell(column: TableColumn, row: Any) -> Text:
        shown = row[column.cell] if isinstance(column.cell, str) else column.cell(row)
        style = column.style if isinstance(column.style, str) else column.style(row)
        return Text("" if shown is None else printable(str(shown)), style=style)

    for row in rows:
        table.add_row(*(render_cell(column, row) for column in columns))
    return table


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


_EXAMPLES_SHOWN = 3


def name_some(ids: Sequence[str]) -> str:
    """The first ids, and how many more there are."""
    more = len(ids) - _EXAMPLES_SHOWN
    return ", ".join(ids[:_EXAMPLES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def cause_lines(causes: Iterable[tuple[str, str]], head: str = "Unknown") -> list[str]:
    """Make a line for each cause, with its accounts; ``causes`` are account ids, each with its cause."""
    accounts_of: dict[str, list[str]] = {}
    for account_id, why in causes:
        accounts_of.setdefault(why.replace(account_id, "ACCOUNT"), []).append(account_id)
    return [
        f"{head}: {name_some(ids)}: {why.replace('ACCOUNT', ids[0]) if len(ids) == 1 else why}"
        for why, ids in accounts_of.items()
    ]
