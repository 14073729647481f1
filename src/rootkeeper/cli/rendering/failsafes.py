"""The failsafe: its checks, its set-up, its drills and its runbook."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.rendering.checks import list_checks, show_count
from rootkeeper.cli.rendering.listings import SCHEMA_VERSION, Listing, TableColumn, show_listing
from rootkeeper.cli.rendering.text import json_text, json_time, printable
from rootkeeper.cli.rendering.windows import show_window
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.drills import Drill
from rootkeeper.domain.runbooks import CommandLineKind as RunbookTerminal
from rootkeeper.domain.runbooks import RunbookFacts, RunbookStep
from rootkeeper.domain.window_records import window_to_record
from rootkeeper.domain.windows import RecoveryWindow
from rootkeeper.ports.clock import Clock
from rootkeeper.reports.untrusted_text import markdown_text
from rootkeeper.workflows.failsafe import FailsafeReport


def show_failsafes(report: FailsafeReport, output: OutputFormat, terminal: Terminal) -> None:
    """Write the checks to stdout."""
    head = {"failsafe_account_ids": [facts.account.account_id for facts in report.facts]}
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
    """Write what came of a set-up to stdout."""
    if output is OutputFormat.TABLE:
        if window is not None:
            show_window(window, output, terminal, clock.now())
        return
    record: dict[str, Any] = {
        "account_id": account_id,
        "outcome": outcome,
        "missing": list(missing),
        "window": None if window is None else window_to_record(window),
    }
    head = {"schema_version": SCHEMA_VERSION} if output is OutputFormat.JSON else {}
    terminal.write(json_text({**head, **record}, indent=2 if output is OutputFormat.JSON else None) + "\n")


def drill_record(drill: Drill) -> dict[str, Any]:
    """The drill as JSON shows it."""
    return {
        "account_id": drill.account_id,
        "held_at": json_time(drill.held_at),
        "held_by": drill.held_by,
        "outcome": drill.outcome.value,
        "alarm": drill.alarm.value if drill.alarm else None,
        "device": drill.device.value if drill.device else None,
        "recorded_by": drill.recorded_by,
        "recorded_at": json_time(drill.recorded_at),
    }


def show_drills(drills: Sequence[Drill], output: OutputFormat, terminal: Terminal) -> None:
    """Write drills to stdout."""
    columns = (
        TableColumn("Account", lambda record: record["account_id"], keeps_whole=True),
        TableColumn("Held", lambda record: record["held_at"], keeps_whole=True),
        TableColumn("By", lambda record: record["held_by"]),
        TableColumn("Outcome", lambda record: record["outcome"]),
        TableColumn("Alarm", lambda record: record["alarm"] or "not told"),
        TableColumn("Device", lambda record: record["device"] or "not told"),
        TableColumn("Self-asserted by", lambda record: record["recorded_by"]),
    )
    show_listing(Listing("drills", [drill_record(one) for one in drills], columns), output, terminal)


_MARKUP = re.compile(r"[<>`\[\]]")
_PLACES = {
    RunbookTerminal.CLOUDSHELL: "In CloudShell, as the failsafe's root user:",
    RunbookTerminal.OWN: "In a terminal of your own:",
}


def show_runbook(facts: RunbookFacts, steps: Sequence[RunbookStep], output: OutputFormat, terminal: Terminal) -> None:
    """Write the runbook to stdout, as Markdown to be printed and kept, or as data."""
    if output is OutputFormat.TABLE:
        terminal.write(render_runbook(facts, steps))
        return
    records = [
        {
            "step": number,
            "title": step.title,
            "text": step.text,
            "terminal": step.terminal.value if step.terminal else None,
            "commands": list(step.commands),
        }
        for number, step in enumerate(steps, 1)
    ]
    head = {
        "organization_id": facts.organization_id,
        "management_account_id": facts.management_account_id,
        "failsafe_account_id": facts.failsafe.account_id,
    }
    show_listing(Listing("steps", records, (), head=head), output, terminal)


def render_runbook(facts: RunbookFacts, steps: Sequence[RunbookStep]) -> str:
    """Markdown. Names and addresses come from AWS: what could steer a terminal or close a block is escaped."""
    name = markdown_text(facts.failsafe.name)
    lines = [
        f"# Way in without an identity provider: {facts.organization_id}",
        "",
        (
            f"Failsafe: account {facts.failsafe.account_id} ({name}), root e-mail address "
            f"{_plain(facts.failsafe.email)}. Management account: {facts.management_account_id}."
        ),
        "",
        (
            "Needs the failsafe's root password and MFA device, a browser, bash, and an AWS CLI that knows "
            "`aws sts assume-root`. Two people are better than one. Print it, and keep it where you find it when "
            "nothing works."
        ),
    ]
    for number, step in enumerate(steps, 1):
        lines += ["", f"## {number}. {step.title}", "", _plain(step.text)]
        if step.terminal is not None:
            lines += ["", _PLACES[step.terminal], "", "```bash", *step.commands, "```"]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text with an e-mail address in it, to be copied as it stands: what Markdown could take for markup goes."""
    return _MARKUP.sub("?", printable(text))
