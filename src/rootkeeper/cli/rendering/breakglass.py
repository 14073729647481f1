"""Who could open root, and the way in: checks, and the list of everybody."""

from __future__ import annotations

from typing import Any

from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.rendering.checks import list_checks, show_count
from rootkeeper.cli.rendering.listings import Column, Record, build_table, show_listing
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.breakglass import Opener, WayIn
from rootkeeper.domain.policies.evaluation import Verdict
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.workflows.breakglass import BreakGlassReport

_TITLES = {
    TaskPolicy.AUDIT: "Audit",
    TaskPolicy.CREATE_PASSWORD: "Create",
    TaskPolicy.DELETE: "Delete",
    TaskPolicy.UNLOCK_BUCKET: "S3",
    TaskPolicy.UNLOCK_QUEUE: "SQS",
}
_SIGNS = {Verdict.ALLOWED: "✓", Verdict.BLOCKED: "-", Verdict.DEPENDS: "if", Verdict.UNKNOWN: "?"}


def show_breakglass(report: BreakGlassReport, output: OutputFormat, terminal: Terminal) -> None:
    """Write the report to stdout. JSON Lines and CSV hold the checks."""
    tail = {
        "openers": [_opener_record(one) for one in report.openers],
        "ways_in": [_way_record(one) for one in report.ways],
    }
    show_listing(list_checks(report, tail=tail), output, terminal)
    if output is OutputFormat.TABLE:
        _show_openers(report, terminal)


def _show_openers(report: BreakGlassReport, terminal: Terminal) -> None:
    from rich.text import Text

    terminal.show(Text())
    terminal.show(Text("Who may open root sessions, as far as it could be read:", style="bold"))
    records = [_opener_record(one) for one in report.openers]
    if records:
        terminal.show(build_table(_columns(), records, is_ruled=terminal.output.is_terminal))
    else:
        terminal.show(Text("Nobody who could be read."))
    terminal.show(Text("✓ may, if: depends on a condition, ? not known, - may not", style="dim"))
    show_count(report.checks, terminal)


def _columns() -> tuple[Column, ...]:
    return (
        Column("Account", lambda record: record["account_id"], keeps_whole=True),
        Column("Kind", lambda record: record["kind"].replace("_", " ")),
        Column("Name", lambda record: record["name"]),
        *(_task_column(task) for task in TaskPolicy),
        Column("Who comes by it", _spoken_people),
        Column("Conditions", lambda record: ", ".join(record["conditions"])),
    )


def _task_column(task: TaskPolicy) -> Column:
    def cell(record: Record) -> str:
        return _SIGNS[Verdict(record["tasks"][task.value])]

    return Column(_TITLES[task], cell)


def _spoken_people(record: Record) -> str:
    said = ", ".join(record["people"])
    return said if record["people_complete"] else f"{said} (not complete)".strip()


def _opener_record(opener: Opener) -> dict[str, Any]:
    """Somebody who may open root sessions, as JSON shows it."""
    return {
        "account_id": opener.account_id,
        "kind": opener.kind.value,
        "name": opener.name,
        "arn": opener.arn,
        "tasks": {task.value: permission.verdict.value for task, permission in opener.tasks.items()},
        "conditions": list(opener.conditions),
        "people": list(opener.people),
        "people_complete": opener.is_complete,
    }


def _way_record(way: WayIn) -> dict[str, Any]:
    """One way in, as JSON shows it."""
    return {
        "account_id": way.account_id,
        "name": way.name,
        "verdict": way.verdict.value,
        "evidence": way.evidence,
    }
