"""The parts of a PDF that list: verdicts on controls, and the annexes of what fails, is unknown or is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rootkeeper.controls.assessment import AssessedReport
from rootkeeper.controls.records import render_check, render_control_verdict
from rootkeeper.evidence.records import KIND_NAMES, VERDICTS, render_presence, render_status, render_timestamp
from rootkeeper.evidence.rules import AccountEvidence
from rootkeeper.evidence.service import EvidenceReport, list_methods
from rootkeeper.findings.rules import Verdict
from rootkeeper.reports.pdf_blocks import NARROW, TONES, Block, bullets, heading, remark, table, toned


def describe_controls(report: EvidenceReport) -> Iterator[Block]:
    """Nothing, if no framework was asked for."""
    if not isinstance(report, AssessedReport) or not report.frameworks:
        return
    yield heading("Controls")
    yield remark(
        "Each verdict says what it rests on, how much of the control that shows, and where the mapping is from."
    )
    columns = [("Control", NARROW), ("Title", 1), ("Verdict", NARROW), ("Rests on", 3)]
    for framework in report.frameworks:
        yield heading(framework.title, 2)
        rows = [
            (
                one.control.control_id,
                one.control.title,
                toned(TONES[one.verdict], render_control_verdict(one)),
                " ".join([*one.reasons, *map(render_check, one.checks)]),
            )
            for one in report.assessments
            if one.control.framework_id == framework.framework_id
        ]
        yield from table(columns, rows)


def describe_annexes(report: EvidenceReport) -> Iterator[Block]:
    """What fails, what is unknown and what is kept, and how to read all of it."""

    def annex(
        letter: str, title: str, verdict: Verdict, found: str, describe: Callable[[AccountEvidence], str]
    ) -> Iterator[Block]:
        accounts = [account for account in report.accounts if account.verdict is verdict]
        yield heading(f"Annex {letter}: {title} ({len(accounts):,})")
        rows = (
            (
                account.account.account_id,
                account.account.name,
                account.account.ou_path,
                describe(account),
                render_timestamp(account.read_at) or "never",
                _describe_remark(account),
            )
            for account in accounts
        )
        columns = [("Account", NARROW), ("Name", 1), ("Unit", 1.2), (found, 1.2), ("Read at", 0.9), ("Remark", 1.6)]
        yield from table(columns, rows)

    yield from annex("A", "accounts with root user credentials", Verdict.FAIL, "Found", _describe_found)
    yield from annex("B", "unknown accounts", Verdict.UNKNOWN, "Reason", _describe_reason)
    yield from annex("C", "accounts that are kept", Verdict.KEPT, "Found", _describe_found)
    yield from _describe_reading(report)


def _describe_found(account: AccountEvidence) -> str:
    found = [f"{KIND_NAMES[kind.kind]}: {render_presence(kind)}" for kind in account.kinds if kind.is_present]
    return ", ".join(found) or render_status(account)


def _describe_reason(account: AccountEvidence) -> str:
    return "unknown" if account.reason is None else account.reason.value.replace("_", " ")


def _describe_remark(account: AccountEvidence) -> str:
    sentences = [account.detail] if account.detail else []
    if account.exception is not None:
        until, one = render_timestamp(account.exception.until), account.exception
        sentences.append(f"Excepted from deletion until {until}: {one.reason} ({one.owner}).")
    if account.confirmation is not None:
        sentences.append(account.confirmation.sentence)
    return " ".join(sentences)


def _describe_reading(report: EvidenceReport) -> Iterator[Block]:
    yield heading("Annex D: how to read this document")
    names = f"{VERDICTS[Verdict.PASS]}, {VERDICTS[Verdict.FAIL]} and the other verdicts"
    yield bullets(
        [
            f"{names} are at the period's end. What wasn't read in the period is unknown.",
            "Accounts without root user credentials are counted by unit. The CSV and JSON formats list each one.",
            "Characters that this document's fonts don't have are shown by their Unicode numbers, such as <U+6771>.",
            "The CSV and JSON formats have them as they are.",
            "The hash at the foot of each page is that of the last ledger entry. It covers every entry before it.",
            *(f"Accounts were read by {method}." for method in list_methods(report)),
        ]
    )
