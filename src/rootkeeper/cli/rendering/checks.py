"""Checks as a list: verdict, what it is about, and what shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rootkeeper.cli.rendering.listings import Column, Record
from rootkeeper.domain.checks import Check, CheckVerdict, count_checks

_WORDS = {
    CheckVerdict.FAIL: ("✗ fail", "bold red"),
    CheckVerdict.PASS: ("✓ pass", "green"),
    CheckVerdict.UNKNOWN: ("? unknown", "bold magenta"),
}


def check_record(check: Check) -> dict[str, Any]:
    """The check as JSON shows it."""
    return {
        "account_id": check.account_id,
        "check": check.name,
        "verdict": check.verdict.value,
        "evidence": check.evidence,
        "hint": check.hint,
    }


def spoken_name(check: Record) -> str:
    return str(check["check"]).replace("_", " ")


CHECK_COLUMNS = (
    Column(
        "",
        lambda record: _WORDS[CheckVerdict(record["verdict"])][0],
        lambda record: _WORDS[CheckVerdict(record["verdict"])][1],
        keeps_whole=True,
    ),
    Column("Check", spoken_name, keeps_whole=True),
    Column("Account", lambda record: record["account_id"] or "", keeps_whole=True),
    Column("Evidence, and what to do", lambda record: _said(record)),
)


def _said(record: Record) -> str:
    return f"{record['evidence']} {record['hint']}" if record["hint"] else str(record["evidence"])


def check_records(checks: Sequence[Check]) -> list[dict[str, Any]]:
    return [check_record(check) for check in checks]


def count_line(checks: Sequence[Check]) -> str:
    """``9 checks: 6 pass, 1 fail, 2 unknown.``"""
    counts = count_checks(checks)
    parts = [
        f"{counts[verdict.value]} {verdict.value}"
        for verdict in (CheckVerdict.PASS, CheckVerdict.FAIL, CheckVerdict.UNKNOWN)
        if counts[verdict.value]
    ]
    noun = "check" if counts["checks"] == 1 else "checks"
    return f"{counts['checks']} {noun}: {', '.join(parts)}."
