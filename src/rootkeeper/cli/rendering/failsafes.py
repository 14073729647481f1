"""The failsafe: its checks, set-up, drills and runbook; and who can open root sessions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.cli.hints import render_hint
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import (
    Listing,
    Record,
    TableColumn,
    mark_column,
    show_listing,
    show_record,
    show_table,
)
from rootkeeper.cli.rendering.windows import show_window
from rootkeeper.cli.terminal import Terminal
from rootkeeper.clock import Clock
from rootkeeper.failsafe.breakglass_service import BreakGlassReport
from rootkeeper.failsafe.records import DrillRecord, FailsafeCheckRecord, RunbookStepRecord, WayInRecord, list_openers
from rootkeeper.failsafe.rules import Check, CheckVerdict, Drill, count_checks, describe_counts
from rootkeeper.failsafe.runbook import CommandLineKind as RunbookTerminal
from rootkeeper.failsafe.runbook import RunbookFacts, RunbookStep
from rootkeeper.failsafe.service import FailsafeReport
from rootkeeper.organization.confirmations import Confirmation
from rootkeeper.organization.records import ConfirmationRecord
from rootkeeper.policy_language.evaluation import AccessVerdict
from rootkeeper.shapes import fill_record
from rootkeeper.untrusted_text import markdown_text, printable
from rootkeeper.values import json_time
from rootkeeper.windows.records import window_to_record
from rootkeeper.windows.rules import RecoveryWindow

_WORDS = {
    CheckVerdict.FAIL: ("✗ fail", "bold red"),
    CheckVerdict.NOT_APPLICABLE: ("· not applicable", "dim"),
    CheckVerdict.PASS: ("✓ pass", "green"),
    CheckVerdict.UNKNOWN: ("? unknown", "bold magenta"),
}


def list_checks(
    report: FailsafeReport | BreakGlassReport,
    head: Mapping[str, Any] | None = None,
    tail: Mapping[str, Any] | None = None,
) -> Listing:
    """List the checks of a report; ``head`` and ``tail`` are JSON members before and after them."""
    organization = report.inventory.organization
    records = [fill_record(FailsafeCheckRecord, check, hint=render_hint(check.hint)) for check in report.checks]
    return Listing(
        "checks",
        records,
        _COLUMNS,
        head={
            "organization_id": organization.organization_id,
            "management_account_id": organization.management_account_id,
            "endpoint": report.endpoint.label,
            "caller_arn": report.caller.arn,
            "observed_at": json_time(report.observed_at),
            **(head or {}),
        },
        tail={**(tail or {}), "summary": count_checks(report.checks)},
    )


_COLUMNS = (
    mark_column("", "verdict", _WORDS, keeps_whole=True),
    TableColumn("Check", lambda record: record["check"].replace("_", " "), importance=1),
    TableColumn("Account", "account_id", keeps_whole=True, importance=1),
    TableColumn(
        "Evidence, and what to do",
        lambda record: " ".join(filter(None, (record["evidence"], record["hint"]))),
        importance=1,
    ),
)


def show_count(checks: Sequence[Check], terminal: Terminal) -> None:
    """Show how many checks have which verdict, below a table."""
    from rich.text import Text

    is_good = {check.verdict for check in checks} <= {CheckVerdict.PASS, CheckVerdict.NOT_APPLICABLE}
    terminal.show(Text())
    terminal.show(Text(describe_counts(checks), style="bold green" if is_good else "bold red"))


def show_failsafes(report: FailsafeReport, output: OutputFormat, terminal: Terminal) -> None:
    head = {"failsafe_account_ids": [account.account_id for account in report.failsafes]}
    show_listing(list_checks(report, head), output, terminal)
    if output is OutputFormat.TABLE:
        show_count(report.checks, terminal)


def show_set_up(
    account_id: str,
    outcome: str,
    missing: Sequence[str],
    window: RecoveryWindow | None,
    output: OutputFormat,
    terminal: Terminal,
    clock: Clock,
) -> None:
    if output is OutputFormat.TABLE:
        if window is not None:
            show_window(window, output, terminal, clock.now())
        return
    record = {
        "account_id": account_id,
        "outcome": outcome,
        "missing": list(missing),
        "window": None if window is None else window_to_record(window),
    }
    show_record(record, output, terminal)


def show_drills(drills: Sequence[Drill], output: OutputFormat, terminal: Terminal) -> None:
    columns = (
        TableColumn("Account", "account_id", keeps_whole=True),
        TableColumn("Held", "held_at", keeps_whole=True),
        TableColumn("By", "held_by"),
        TableColumn("Outcome", "outcome"),
        TableColumn("Alarm", lambda record: record["alarm"] or "not recorded"),
        TableColumn("Device", lambda record: record["device"] or "not recorded"),
        TableColumn("Self-asserted by", "recorded_by"),
    )
    show_listing(Listing("drills", [fill_record(DrillRecord, drill) for drill in drills], columns), output, terminal)


def show_confirmations(confirmations: Sequence[Confirmation], output: OutputFormat, terminal: Terminal) -> None:
    columns = (
        TableColumn("Account", "account_id", keeps_whole=True),
        TableColumn("Claim", "claim", keeps_whole=True),
        TableColumn("Owner", "owner"),
        TableColumn("Reason", "reason"),
        TableColumn("Until", "until", keeps_whole=True),
        TableColumn("Self-asserted by", "recorded_by"),
    )
    records = [fill_record(ConfirmationRecord, confirmation) for confirmation in confirmations]
    show_listing(Listing("attestations", records, columns), output, terminal)


_MARKUP = re.compile(r"[<>`\[\]]")
_PLACES = {
    RunbookTerminal.CLOUDSHELL: "In CloudShell, as the failsafe's root user:",
    RunbookTerminal.OWN: "In a terminal of your own:",
}


def show_runbook(facts: RunbookFacts, steps: Sequence[RunbookStep], output: OutputFormat, terminal: Terminal) -> None:
    if output is OutputFormat.TABLE:
        terminal.write(render_runbook(facts, steps))
        return
    records = [fill_record(RunbookStepRecord, step, step=number) for number, step in enumerate(steps, 1)]
    head = {
        "organization_id": facts.organization_id,
        "management_account_id": facts.management_account_id,
        "failsafe_account_id": facts.failsafe.account_id,
    }
    show_listing(Listing("steps", records, (), head=head), output, terminal)


def render_runbook(facts: RunbookFacts, steps: Sequence[RunbookStep]) -> str:
    """Render Markdown. Names and addresses come from AWS, so anything that could steer a terminal is escaped."""
    name = markdown_text(facts.failsafe.name)
    lines = [
        f"# Emergency access without an identity provider: {facts.organization_id}",
        "",
        (
            f"Failsafe: account {facts.failsafe.account_id} ({name}), root e-mail address "
            f"{_plain(facts.failsafe.email)}. Management account: {facts.management_account_id}."
        ),
        "",
        (
            "You need the failsafe's root password and MFA device, a browser, bash, and an AWS CLI with "
            "`aws sts assume-root`. Work with two people. Print this page, and keep it where you find it when nothing "
            "works."
        ),
    ]
    for number, step in enumerate(steps, 1):
        lines += ["", f"## {number}. {step.title}", "", _plain(step.text)]
        if step.terminal is not None:
            lines += ["", _PLACES[step.terminal], "", "```bash", *step.commands, "```"]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Replace characters that Markdown could take for markup; the text has an e-mail address to copy."""
    return _MARKUP.sub("?", printable(text))


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
    from rich.text import Text

    callers = list_openers(report)
    tail = {"openers": callers, "ways_in": [fill_record(WayInRecord, path) for path in report.access_paths]}
    show_listing(list_checks(report, tail=tail), output, terminal)
    if output is not OutputFormat.TABLE:
        return
    terminal.show(Text())
    terminal.show(Text("Principals that can open root sessions, as far as they could be read:", style="bold"))
    if callers:
        columns = (
            TableColumn("Account", "account_id", keeps_whole=True),
            TableColumn("Kind", lambda record: record["kind"].replace("_", " ")),
            TableColumn("Name", "name"),
            *(_task_column(task) for task in TaskPolicy),
            TableColumn("People", _render_people),
            TableColumn("Conditions", lambda record: ", ".join(record["conditions"])),
        )
        show_table(columns, callers, terminal)
    else:
        terminal.show(Text("None that could be read."))
    terminal.show(Text("✓ can, if: depends on a condition, ? not known, - can't", style="dim"))
    show_count(report.checks, terminal)


def _task_column(task: TaskPolicy) -> TableColumn:
    return TableColumn(_TITLES[task], lambda record: _SIGNS[record["tasks"][task.value]])


def _render_people(record: Record) -> str:
    said = ", ".join(record["people"])
    return said if record["people_complete"] else f"{said} (not complete)".strip()
