"""Checks as a list: verdict, what it is about, and what shows it; with the count of them below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rootkeeper.cli.rendering.listings import Listing, Record, TableColumn
from rootkeeper.cli.rendering.text import counted, json_time
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.checks import Check, CheckVerdict, count_checks

if TYPE_CHECKING:
    from rootkeeper.workflows.breakglass import BreakGlassReport
    from rootkeeper.workflows.failsafe import FailsafeReport

_WORDS = {
    CheckVerdict.FAIL: ("✗ fail", "bold red"),
    CheckVerdict.PASS: ("✓ pass", "green"),
    CheckVerdict.UNKNOWN: ("? unknown", "bold magenta"),
}


def list_checks(
    report: FailsafeReport | BreakGlassReport,
    head: Mapping[str, Any] | None = None,
    tail: Mapping[str, Any] | None = None,
) -> Listing:
    """The checks of a report, with whose they are.

    :param head: what a JSON document says before them, too.
    :param tail: what it says after them, before the count.
    """
    organization = report.inventory.organization
    return Listing(
        "checks",
        [_check_record(check) for check in report.checks],
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


def _check_record(check: Check) -> dict[str, Any]:
    return {
        "account_id": check.account_id,
        "check": check.name,
        "verdict": check.verdict.value,
        "evidence": check.evidence,
        "hint": check.hint,
    }


_COLUMNS = (
    TableColumn(
        "",
        lambda record: _WORDS[CheckVerdict(record["verdict"])][0],
        lambda record: _WORDS[CheckVerdict(record["verdict"])][1],
        keeps_whole=True,
    ),
    TableColumn("Check", lambda record: str(record["check"]).replace("_", " "), keeps_whole=True),
    TableColumn("Account", lambda record: record["account_id"] or "", keeps_whole=True),
    TableColumn("Evidence, and what to do", lambda record: _render_detail(record)),
)


def _render_detail(record: Record) -> str:
    return f"{record['evidence']} {record['hint']}" if record["hint"] else str(record["evidence"])


def show_count(checks: Sequence[Check], terminal: Terminal) -> None:
    """``9 checks: 6 pass, 1 fail, 2 unknown.``, below a table."""
    from rich.text import Text

    counts = count_checks(checks)
    parts = [
        f"{counts[verdict.value]} {verdict.value}"
        for verdict in (CheckVerdict.PASS, CheckVerdict.FAIL, CheckVerdict.UNKNOWN)
        if counts[verdict.value]
    ]
    style = "bold green" if counts[CheckVerdict.PASS.value] == counts["checks"] else "bold red"
    terminal.show(Text())
    terminal.show(Text(f"{counted(counts['checks'], 'check')}: {', '.join(parts)}.", style=style))
