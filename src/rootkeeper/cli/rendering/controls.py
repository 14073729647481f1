"""Frameworks, verdicts on controls, the accounts behind them, and attestations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import (
    Listing,
    Record,
    TableColumn,
    counted,
    show_facts,
    show_listing,
    show_record,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.controls.control_map import load_frameworks
from rootkeeper.controls.records import CHECK_NAMES, OPEN, SHOWING_NAMES, STRENGTH_NAMES, describe_framework
from rootkeeper.controls.rules import ORDER, CheckName, Showing, Strength
from rootkeeper.evidence.records import VERDICTS
from rootkeeper.findings.rules import Verdict
from rootkeeper.organization.statuses import FailOn
from rootkeeper.untrusted_text import printable

_STYLES = {Verdict.FAIL: "bold red", Verdict.UNKNOWN: "yellow", Verdict.MANUAL: "yellow", Verdict.PASS: "green"}


def has_bad_controls(controls: Iterable[Record], document: Record, fail_on: frozenset[FailOn]) -> bool:
    """Whether ``--fail-on`` names a verdict; a verdict that needs a person's judgement counts as unknown."""
    verdicts = {Verdict(control["verdict"]) for control in controls}
    found = {
        FailOn.PRESENT: Verdict.FAIL in verdicts,
        FailOn.UNKNOWN: verdicts & {Verdict.UNKNOWN, Verdict.MANUAL},
        FailOn.UNREAD: document["root_logins_left_to_secure"]["unread"],
    }
    return any(found.get(finding) for finding in fail_on)


def show_frameworks(output: OutputFormat, terminal: Terminal) -> None:
    def count_left_out(framework: Record) -> str:
        return str(len({control for group in framework["left_out"] for control in group["control_ids"]}))

    columns = (
        TableColumn("Framework", "framework_id", keeps_whole=True),
        TableColumn("Name", "name"),
        TableColumn("Version", "version"),
        TableColumn("Controls judged", lambda framework: str(framework["controls"]), is_number=True),
        TableColumn("Known, not judged", count_left_out, is_number=True),
    )
    records = [describe_framework(framework) for framework in load_frameworks()]
    show_listing(Listing("frameworks", records, columns), output, terminal)


def show_controls(record: Record, output: OutputFormat, terminal: Terminal) -> None:
    columns = (
        TableColumn("Control", "control", keeps_whole=True),
        TableColumn("Verdict", render_verdict, _style, keeps_whole=True, importance=1),
        TableColumn("Asks for", "title"),
        TableColumn("Why", _render_why, importance=1),
    )
    head = {
        name: record[name]
        for name in ("organization_id", "endpoint", "period", "root_logins_left_to_secure", "frameworks")
    }
    show_listing(Listing("controls", record["controls"], columns, head=head), output, terminal)
    if output is OutputFormat.TABLE:
        counts = Counter(Verdict(control["verdict"]) for control in record["controls"])
        words = ", ".join(f"{counts[verdict]:,} {VERDICTS[verdict]}" for verdict in ORDER if counts[verdict])
        terminal.remark(
            f"{counted(len(record['controls']), 'control')} at {record['period']['to']}: {words}. Accounts behind a "
            "verdict: rootkeeper controls show CONTROL."
        )
    _warn_of_sandbox(record, terminal)


def show_control(record: Record, output: OutputFormat, terminal: Terminal) -> None:
    control = record["control"]
    if output is not OutputFormat.TABLE:
        show_record(record, output, terminal)
        return
    show_facts(
        {
            "Control": f"{control['control']}, {control['title']}",
            "Asks for": control["text"],
            "Period": f"{record['period']['from']} to {record['period']['to']}",
            "Verdict": render_verdict(control),
        },
        terminal,
    )
    for reason in control["reasons"]:
        terminal.show(f"{'':<14} {printable(reason)}")
    for check in control["checks"]:
        terminal.show("")
        show_facts(
            {
                "Check": f"{CHECK_NAMES[CheckName(check['check'])]}: {VERDICTS[Verdict(check['verdict'])]}",
                "It": SHOWING_NAMES[Showing(check["showing"])],
                "Mapping": f"{STRENGTH_NAMES[Strength(check['strength'])]} ({check['source']})",
            },
            terminal,
        )
        for reason in check["reasons"]:
            terminal.show(f"{'':<14} {printable(reason)}")
    terminal.show("")
    columns = (
        TableColumn("Account", "account_id", keeps_whole=True),
        TableColumn("Name", "name"),
        TableColumn("Check", lambda account: CHECK_NAMES[CheckName(account["check"])]),
        TableColumn("Verdict", lambda account: VERDICTS[Verdict(account["verdict"])], _style, importance=1),
        TableColumn("Why", "reason", importance=1),
        TableColumn("Read at", lambda account: account["read_at"] or "never", keeps_whole=True),
    )
    accounts = [account for account in record["accounts"] if Verdict(account["verdict"]) in OPEN]
    empty = "No account fails, is unknown, or needs a person's judgement."
    show_listing(Listing("accounts", accounts, columns, empty=empty), output, terminal)
    _warn_of_sandbox(record, terminal)


def show_attestation(record: Record, output: OutputFormat, terminal: Terminal) -> None:
    columns = (
        TableColumn("Control", "control", keeps_whole=True),
        TableColumn("Owner", "owner"),
        TableColumn("Reason", "reason"),
        TableColumn("Until", "until", keeps_whole=True),
        TableColumn(
            "Recorded by",
            lambda attestation: f"{attestation['recorded_by']} ({attestation['recorded_by_kind'].replace('_', ' ')})",
        ),
        TableColumn("Ledger entry", lambda attestation: str(attestation["ledger_sequence"]), is_number=True),
    )
    known = {name: value for name, value in record.items() if name != "schema_version"}
    show_listing(Listing("attestations", [known], columns), output, terminal)


def render_verdict(control: Record) -> str:
    """The verdict in words: a pass that rests on people's statements says so."""
    word = VERDICTS[Verdict(control["verdict"])]
    return f"{word} (attested)" if control["attested"] else word


def _render_why(control: Record) -> str:
    parts = [
        f"{CHECK_NAMES[CheckName(check['check'])]}: {VERDICTS[Verdict(check['verdict'])]} "
        f"({SHOWING_NAMES[Showing(check['showing'])]})."
        for check in control["checks"]
    ]
    return " ".join([*parts, *control["reasons"]])


def _style(record: Any) -> str:
    return _STYLES.get(Verdict(record["verdict"]), "")


def _warn_of_sandbox(record: Record, terminal: Terminal) -> None:
    if record["endpoint"] != "AWS":
        terminal.remark(f"{record['endpoint']}: these verdicts are about a sandbox, not about an AWS organization.")
