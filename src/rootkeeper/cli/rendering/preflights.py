"""A preflight's report: the matrix of accounts and tasks, the tree, and data.

People read the matrix, then each cause once with its accounts and its fix. Data has a row for each account and task.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import (
    Listing,
    TableColumn,
    build_tree,
    counted,
    name_some,
    show_listing,
    show_table,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.guardrails.records import preflight_to_record
from rootkeeper.guardrails.rules import INTENDED, PreflightRow
from rootkeeper.guardrails.service import PreflightReport
from rootkeeper.guardrails.tasks import Task
from rootkeeper.policy_language.evaluation import AccessVerdict
from rootkeeper.untrusted_text import printable

if TYPE_CHECKING:
    from rich.text import Text

    from rootkeeper.organization.accounts import Account

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
_WORST_FIRST = (AccessVerdict.BLOCKED.value, AccessVerdict.UNKNOWN.value, AccessVerdict.DEPENDS.value, INTENDED)
RowsOfAccounts: TypeAlias = Mapping[str, Mapping[Task, PreflightRow]]
"""By account id and task."""


def show_preflight(report: PreflightReport, output: OutputFormat, terminal: Terminal) -> None:
    rows_of: dict[str, dict[Task, PreflightRow]] = {}
    for row in report.rows:
        rows_of.setdefault(row.account.account_id, {})[row.task] = row
    if output is OutputFormat.TABLE:
        _show_matrix(report, rows_of, terminal)
    elif output is OutputFormat.TREE:
        from rich.text import Text

        leaves = (
            (account, _account_label(account, rows_of[account.account_id].values())) for account in report.accounts
        )
        tree = build_tree(report.inventory, report.endpoint, leaves, lambda name, _: Text(name, style="bold"))
        terminal.show(tree)
    else:
        document = preflight_to_record(report)
        show_listing(Listing("rows", document["rows"], (), document), output, terminal)
        return
    for line in (*_cause_lines(report.rows), *_summary_lines(report, rows_of)):
        terminal.show(line)


def _show_matrix(report: PreflightReport, rows_of: RowsOfAccounts, terminal: Terminal) -> None:
    """Show the table of accounts and tasks, with a word in each cell."""

    def task_column(task: Task) -> TableColumn:
        def describe(account: Account) -> tuple[str, str, str]:
            row = rows_of[account.account_id].get(task)
            return _describe(row) if row else (*_MARKS[AccessVerdict.UNKNOWN], AccessVerdict.UNKNOWN.value)

        return TableColumn(
            _TITLES[task],
            lambda account: "{0} {2}".format(*describe(account)),
            lambda account: describe(account)[1],
            keeps_whole=True,
        )

    columns = (
        TableColumn("Account", lambda account: account.account_id, keeps_whole=True),
        TableColumn("Name", lambda account: account.name, importance=1),
        TableColumn("Organizational unit", lambda account: account.ou_path, importance=-1),
        *(task_column(task) for task in Task if any(task in rows for rows in rows_of.values())),
    )
    show_table(columns, report.accounts, terminal)


def _describe(row: PreflightRow) -> tuple[str, str, str]:
    """Return mark, style and word of a row."""
    if row.is_intended:
        return "-", "dim", INTENDED
    return (*_MARKS[row.verdict], row.verdict.value)


def _account_label(account: Account, rows: Iterable[PreflightRow]) -> Text:
    """Render an account of the tree, with the tasks that aren't allowed in it."""
    from rich.text import Text

    rows = tuple(rows)
    label = Text.assemble(f"{account.account_id}  ", printable(account.name))
    if all(row.verdict is AccessVerdict.ALLOWED or row.is_intended for row in rows):
        label.append("  ✓ allowed", style="green")
    for word in _WORST_FIRST:
        found = [row for row in rows if _describe(row)[2] == word]
        if found:
            mark, style, _ = _describe(found[0])
            label.append(f"  {mark} {word}: {', '.join(_TITLES[row.task] for row in found)}", style=style)
    return label


def _cause_lines(rows: Sequence[PreflightRow]) -> Iterator[Text]:
    """Render each cause once: tasks, accounts, policies, and the fix."""
    from rich.text import Text

    groups: dict[tuple[object, ...], list[PreflightRow]] = {}
    for row in rows:
        if row.verdict is not AccessVerdict.ALLOWED:
            policies = tuple((policy.policy_id, policy.name, policy.sid) for policy in row.policies)
            fix = "" if row.is_intended else (row.fix or "").replace(row.account.account_id, "")
            groups.setdefault((_describe(row)[2], policies, row.conditions, fix), []).append(row)
    for key in sorted(groups, key=lambda key: _WORST_FIRST.index(str(key[0]))):
        found = groups[key]
        first = found[0]
        mark, style, _ = _describe(first)
        yield Text()
        tasks = ", ".join(dict.fromkeys(row.task.value for row in found))
        accounts = name_some(list(dict.fromkeys(row.account.account_id for row in found)))
        yield Text(printable(f"{mark} {tasks} in {accounts}"), style=style)
        yield Text(printable(f"  {first.explanation}"))
        if first.is_intended:
            yield Text("  AWS recommends to deny long-term root. Root sessions need no exemption from it.", style="dim")
            continue
        if any(row.policies != first.policies for row in found):
            yield Text(
                f"  # The policies that apply to {first.account.account_id}; other accounts have others.", style="dim"
            )
        if first.account.account_id in (first.fix or "") and any(row.account != first.account for row in found):
            yield Text(f"  # For {first.account.account_id}; use the id of each account.", style="dim")
        for line in (first.fix or "").splitlines():
            yield Text(f"  {printable(line)}", style={"+": "green", "-": "red"}.get(line[:1], "dim"))


def _summary_lines(report: PreflightReport, rows_of: RowsOfAccounts) -> Iterator[Text]:
    """Render the counts, also of accounts that were left out. An account counts with its worst verdict.

    An intended denial is no verdict on an account: AWS recommends it, and every root session is allowed.
    """
    from rich.text import Text

    words_of = [{_describe(row)[2] for row in rows.values()} - {INTENDED} for rows in rows_of.values()]
    worst = Counter(
        next((word for word in _WORST_FIRST if word in words), AccessVerdict.ALLOWED.value) for words in words_of
    )
    parts = [f"{worst[word]:,} {word}" for word in AccessVerdict if worst[word]]
    skipped = (
        f" {counted(len(report.skipped), 'account')} not checked: management account, or not ACTIVE."
        if report.skipped
        else ""
    )
    is_bad = worst[AccessVerdict.BLOCKED] or worst[AccessVerdict.UNKNOWN]
    yield Text()
    yield Text(
        f"{counted(len(report.accounts), 'account')}: {', '.join(parts)}.{skipped}",
        style="bold red" if is_bad else "bold green",
    )
