"""Who could open root, and the way in: checks, and the list of everybody."""

from __future__ import annotations

from typing import Any

from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.rendering.checks import list_checks, show_count
from rootkeeper.cli.rendering.listings import Record, TableColumn, build_table, show_listing
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.breakglass import AccessPath, RootSessionCaller
from rootkeeper.domain.policies.evaluation import AccessVerdict
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.workflows.breakglass import BreakGlassReport

_TITLES = {
    TaskPolicy.AUDIT: "Audit",
    TaskPolicy.CREATE_PASSWORD: "Create",
    TaskPolicy.DELETE: "Delete",
    TaskPolicy.UNLOCK_BUCKET: "S3",
    TaskPolicy.UNLOCK_QUEUE: "SQS",
}
_SIGNS = {
    AccessVerdict.ALLOWED: "✓",
    AccessVerdict.BLOCKED: "-",
    AccessVerdict.DEPENDS: "if",
    AccessVerdict.UNKNOWN: "?",
}


def show_breakglass(report: BreakGlassReport, output: OutputFormat, terminal: Terminal) -> None:
    """Write the report to stdout. JSON Lines and CSV hold the checks."""
    tail = {
        "openers": [_opener_record(one) for one in report.root_session_callers],
        "ways_in": [_access_path_record(one) for one in report.access_paths],
    }
    show_listing(list_checks(report, tail=tail), output, terminal)
    if output is OutputFormat.TABLE:
        _show_openers(report, terminal)


def _show_openers(report: BreakGlassReport, terminal: Terminal) -> None:
    from rich.text import Text

    terminal.show(Text())
    terminal.show(Text("Who may open root sessions, as far as it could be read:", style="bold"))
    records = [_opener_record(one) for one in report.root_session_callers]
    if records:
        terminal.show(build_table(_columns(), records, is_ruled=terminal.output.is_terminal))
    else:
        terminal.show(Text("Nobody who could be read."))
    terminal.show(Text("✓ may, if: depends on a condition, ? not known, - may not", style="dim"))
    show_count(report.checks, terminal)


def _columns() -> tuple[TableColumn, ...]:
    return (
        TableColumn("Account", lambda record: record["account_id"], keeps_whole=True),
        TableColumn("Kind", lambda record: record["kind"].replace("_", " ")),
        TableColumn("Name", lambda record: record["name"]),
        *(_task_column(task) for task in TaskPolicy),
        TableColumn("Who comes by it", _render_people),
        TableColumn("Conditions", lambda record: ", ".join(record["conditions"])),
    )


def _task_column(task: TaskPolicy) -> TableColumn:
    def cell(record: Record) -> str:
        return _SIGNS[AccessVerdict(record["tasks"][task.value])]

    return TableColumn(_TITLES[task], cell)


def _render_people(record: Record) -> str:
    said = ", ".join(record["people"])
    return said if record["people_complete"] else f"{said} (not complete)".strip()


def _opener_record(root_session_caller: RootSessionCaller) -> dict[str, Any]:
    """Somebody who may open root sessions, as JSON shows it."""
    return {
        "account_id": root_session_caller.account_id,
        "kind": root_session_caller.kind.value,
        "name": root_session_caller.name,
        "arn": root_session_caller.arn,
        "tasks": {task.value: permission.verdict.value for task, permission in root_session_caller.tasks.items()},
        "conditions": list(root_session_caller.conditions),
        "people": list(root_session_caller.people),
        "people_complete": root_session_caller.is_complete,
    }


def _access_path_record(way: AccessPath) -> dict[str, Any]:
    """One way in, as JSON shows it."""
    return {
        "account_id": way.account_id,
        "name": way.name,
        "verdict": way.verdict.value,
        "evidence": way.evidence,
    }
