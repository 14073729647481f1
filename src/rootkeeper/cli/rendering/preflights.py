"""A preflight's report: the matrix of accounts and tasks, the tree, and data.

People read the matrix, then each cause once with its accounts and its fix. Data has a row for each account and task.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import Listing, Record, TableColumn, build_table, counted, show_listing
from rootkeeper.cli.terminal import Terminal
from rootkeeper.guardrails.rules import PreflightRow, count_verdicts, row_to_record
from rootkeeper.guardrails.service import PreflightReport
from rootkeeper.guardrails.tasks import Task
from rootkeeper.policy_language.evaluation import AccessVerdict
from rootkeeper.untrusted_text import printable
from rootkeeper.values import json_time

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

_MARKS = {
    AccessVerdict.ALLOWED: ("✓", "green"),
    AccessVerdict.BLOCKED: ("✗", "bold red"),
    AccessVerdict.DEPENDS: ("~", "yellow"),
    AccessVerdict.UNKNOWN: ("?", "bold magenta"),
}
_TITLES = {
    Task.AUDIT: "Audit",
    Task.CREATE_PASSWORD: "Recover",
    Task.DELETE: "Delete",
    Task.UNLOCK_BUCKET: "Unlock S3",
    Task.UNLOCK_QUEUE: "Unlock SQS",
    Task.ROOT_USER_SIGN_IN: "Signed-in root",
    Task.ASSUME_ROOT: "AssumeRoot",
}
_NAMED = 3
"""Accounts named for each cause; the others are counted."""


def show_preflight(report: PreflightReport, output: OutputFormat, terminal: Terminal) -> None:
    """Write the report to stdout."""
    if output is OutputFormat.TABLE:
        terminal.show(build_matrix(report, is_ruled=terminal.output.is_terminal))
    elif output is OutputFormat.TREE:
        terminal.show(build_tree(report))
    else:
        show_listing(_listing(report), output, terminal)
        return
    for line in (*cause_lines(report.rows), *summary_lines(report)):
        terminal.show(line)


def _listing(report: PreflightReport) -> Listing:
    return Listing(
        name="rows",
        records=[row_to_record(row) for row in report.rows],
        columns=(),
        head={
            "organization_id": report.inventory.organization.organization_id,
            "endpoint": report.endpoint.label,
            "caller_arn": report.caller.arn,
            "observed_at": json_time(report.observed_at),
        },
        tail={
            "summary": {
                "accounts": len(report.accounts),
                "skipped": len(report.skipped),
                **count_verdicts(report.rows),
            }
        },
    )


def build_matrix(report: PreflightReport, *, is_ruled: bool) -> Any:
    """Build the table of accounts and tasks, with a word in each cell."""
    rows_of = _rows_of(report.rows)
    records = [
        {"account_id": account.account_id, "name": account.name, "ou_path": account.ou_path}
        for account in report.accounts
    ]
    columns = (
        TableColumn("Account", lambda record: record["account_id"], keeps_whole=True),
        TableColumn("Name", lambda record: record["name"]),
        TableColumn("Organizational unit", lambda record: record["ou_path"]),
        *(_task_column(task, rows_of) for task in Task if any(task in rows for rows in rows_of.values())),
    )
    return build_table(columns, records, is_ruled=is_ruled)


def _task_column(task: Task, rows_of: Mapping[str, Mapping[Task, PreflightRow]]) -> TableColumn:
    def verdict_of(record: Record) -> AccessVerdict:
        row = rows_of[record["account_id"]].get(task)
        return row.verdict if row else AccessVerdict.UNKNOWN

    return TableColumn(
        _TITLES[task],
        lambda record: f"{_MARKS[verdict_of(record)][0]} {verdict_of(record).value}",
        lambda record: _MARKS[verdict_of(record)][1],
        keeps_whole=True,
    )


def _rows_of(rows: Iterable[PreflightRow]) -> dict[str, dict[Task, PreflightRow]]:
    found: dict[str, dict[Task, PreflightRow]] = {}
    for row in rows:
        found.setdefault(row.account.account_id, {})[row.task] = row
    return found


def build_tree(report: PreflightReport) -> Tree:
    """Build the organization's hierarchy; each account with what isn't allowed in it."""
    from rich.text import Text
    from rich.tree import Tree

    units = {unit.ou_id: unit for unit in report.inventory.organizational_units}
    rows_of = _rows_of(report.rows)
    title = f"Organization {report.inventory.organization.organization_id}, {report.endpoint.label}"
    tree = Tree(Text(title, style="bold"), guide_style="dim")
    branches: dict[tuple[str, ...], Tree] = {(): tree}
    for account in report.accounts:
        path = account.ou_ids
        for depth in range(1, len(path) + 1):
            if path[:depth] not in branches:
                unit = units.get(path[depth - 1])
                label = Text(printable(unit.name) if unit else "?", style="bold")
                branches[path[:depth]] = branches[path[: depth - 1]].add(label)
        branches[path].add(_account_label(account.account_id, account.name, rows_of[account.account_id].values()))
    return tree


def _account_label(account_id: str, name: str, rows: Iterable[PreflightRow]) -> Text:
    from rich.text import Text

    label = Text.assemble(f"{account_id}  ", printable(name))
    for verdict in (AccessVerdict.BLOCKED, AccessVerdict.UNKNOWN, AccessVerdict.DEPENDS):
        named = ", ".join(_TITLES[row.task] for row in rows if row.verdict is verdict)
        if named:
            mark, style = _MARKS[verdict]
            label.append(f"  {mark} {verdict.value}: {named}", style=style)
    if all(row.verdict is AccessVerdict.ALLOWED for row in rows):
        label.append("  ✓ allowed", style="green")
    return label


def cause_lines(rows: Sequence[PreflightRow]) -> Iterator[Text]:
    """Render each cause once: tasks, accounts, policies, and the fix."""
    from rich.text import Text

    groups: dict[tuple[object, ...], list[PreflightRow]] = {}
    for row in rows:
        if row.verdict is not AccessVerdict.ALLOWED:
            policies = tuple((one.policy_id, one.name, one.sid) for one in row.policies)
            groups.setdefault((row.verdict, policies, row.conditions, _plain_fix(row)), []).append(row)
    for found in groups.values():
        first = found[0]
        mark, style = _MARKS[first.verdict]
        yield Text()
        yield Text(printable(f"{mark} {_render_task_names(found)} in {_render_account_names(found)}"), style=style)
        yield Text(printable(f"  {first.explanation}"))
        if any(row.policies != first.policies for row in found):
            yield Text(
                f"  # The policies that apply to {first.account.account_id}; other accounts have others.", style="dim"
            )
        if first.account.account_id in (first.fix or "") and any(row.account != first.account for row in found):
            yield Text(f"  # For {first.account.account_id}; use the id of each account.", style="dim")
        yield from (Text(f"  {printable(line)}", style=_diff_style(line)) for line in (first.fix or "").splitlines())


def _plain_fix(row: PreflightRow) -> str:
    return (row.fix or "").replace(row.account.account_id, "")


def _render_task_names(rows: Iterable[PreflightRow]) -> str:
    return ", ".join(dict.fromkeys(row.task.value for row in rows))


def _render_account_names(rows: Iterable[PreflightRow]) -> str:
    ids = list(dict.fromkeys(row.account.account_id for row in rows))
    more = len(ids) - _NAMED
    return ", ".join(ids[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _diff_style(line: str) -> str:
    return {"+": "green", "-": "red"}.get(line[:1], "dim")


def summary_lines(report: PreflightReport) -> Iterator[Text]:
    """Render the counts, and what was left out."""
    from rich.text import Text

    accounts_by_verdict = Counter(
        verdict
        for verdict in AccessVerdict
        for rows in _rows_of(report.rows).values()
        if _worst(rows.values()) is verdict
    )
    parts = [f"{count:,} {verdict.value}" for verdict, count in accounts_by_verdict.items() if count]
    skipped = (
        f" {counted(len(report.skipped), 'account')} not checked: management account, or not ACTIVE."
        if report.skipped
        else ""
    )
    is_bad = accounts_by_verdict[AccessVerdict.BLOCKED] or accounts_by_verdict[AccessVerdict.UNKNOWN]
    yield Text()
    yield Text(
        f"{counted(len(report.accounts), 'account')}: {', '.join(parts)}.{skipped}",
        style="bold red" if is_bad else "bold green",
    )


def _worst(rows: Iterable[PreflightRow]) -> AccessVerdict:
    verdicts = {row.verdict for row in rows}
    order = (AccessVerdict.BLOCKED, AccessVerdict.UNKNOWN, AccessVerdict.DEPENDS, AccessVerdict.ALLOWED)
    return next(verdict for verdict in order if verdict in verdicts)
