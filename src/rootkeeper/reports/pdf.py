"""Renders evidence as PDF, to read, sign and file: counts by unit, and annexes of failed, unknown and kept accounts.

Accounts without root user credentials are counted and not listed, so that ten thousand accounts are a few dozen pages.
Annexes list accounts that fail, are unknown or are kept. A table that would be longer than ``typesetting.LISTED``
rows says how many it leaves out, and which format has them. Every page has the head of the ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rootkeeper.controls.assessment import AssessedReport
from rootkeeper.controls.records import render_check, render_control_verdict
from rootkeeper.evidence.records import (
    CHANGE_TITLES,
    CHANGES_REMARK,
    GAP_TITLES,
    KIND_NAMES,
    NO_GAPS,
    VERDICTS,
    render_change,
    render_closing,
    render_gap,
    render_presence,
    render_setup,
    render_status,
    render_timestamp,
    render_verdict,
)
from rootkeeper.evidence.rules import CENTRALIZED_CONTROL, AccountEvidence, count_verdicts
from rootkeeper.evidence.service import EvidenceReport, list_methods
from rootkeeper.findings.rules import Verdict
from rootkeeper.ledger.rules import Result
from rootkeeper.reports.typesetting import (
    NARROW,
    Block,
    Cell,
    bullets,
    facts,
    heading,
    headline,
    paragraph,
    remark,
    show_text,
    table,
    toned,
    typeset,
)
from rootkeeper.values import render_duration

UNITS = 150
"""Rows of the table of organizational units; deeper levels are counted in their parents."""


def render(report: EvidenceReport) -> Iterator[bytes]:
    """The same report gives the same bytes."""
    yield typeset(_show(describe_document(report)), report.period.end)


def describe_document(report: EvidenceReport) -> dict[str, Any]:
    """Describe the document as ``templates/evidence.typ`` shows it, with all texts as they are."""
    period, ledger = report.period, report.ledger
    start, end = render_timestamp(period.start), render_timestamp(period.end)
    days = f"{period.start:%Y-%m-%d} to {period.end:%Y-%m-%d}"
    opening: list[tuple[str, Cell]] = [
        ("Organization", report.organization_id),
        ("Period", f"{start} to {end}"),
        ("Management account", report.management_account_id),
        ("Partition", report.partition),
        ("Endpoint", ", ".join(report.endpoints) or "unknown"),
        ("Accounts listed", render_timestamp(report.listed_at)),
        ("Stale after", render_duration(period.stale_after)),
        ("Callers", ", ".join(report.history.caller_arns) or "unknown"),
    ]
    return {
        "title": f"Evidence of root access: organization {report.organization_id}",
        "description": f"Root user credentials from {start} to {end}, and the ledger of what was done.",
        "keywords": [f"ledger-head-{ledger.head_sequence}-{ledger.head_hash}"],
        "header": f"Root access of organization {report.organization_id}, {days}",
        "banner": f"{report.endpoint}: this is play, not evidence" if report.is_sandbox else "",
        "head": {"label": f"Ledger head: entry {ledger.head_sequence},", "hash": ledger.head_hash},
        "facts": opening,
        "blocks": [
            *_describe_verdicts(report),
            *_describe_controls(report),
            *_describe_changes(report),
            *_describe_units(report.accounts),
            *_describe_gaps(report),
            *_describe_kept_logins(report),
            *_describe_windows(report),
            *_describe_exceptions(report),
            *_describe_deletions(report),
            *_describe_setup(report),
            *_describe_ledger(report),
            *_describe_annexes(report),
        ],
    }


def _show(value: Any) -> Any:
    """Replace every text by characters of the PDF's fonts."""
    if isinstance(value, str):
        return show_text(value)
    if isinstance(value, dict):
        return {name: _show(item) for name, item in value.items()}
    return [_show(item) for item in value] if isinstance(value, list | tuple) else value


_COUNTED = {
    Verdict.PASS: "Not present",
    Verdict.FAIL: "Present",
    Verdict.UNKNOWN: "Unknown",
    Verdict.KEPT: "Kept",
    Verdict.NOT_APPLICABLE: "Not applicable",
}
"""In the order of :func:`count_verdicts`."""


def _describe_verdicts(report: EvidenceReport) -> Iterator[Block]:
    yield heading("Verdicts")
    yield headline(report.root_logins_left.headline)
    verdicts = (
        (f"Centralized: {CENTRALIZED_CONTROL}", report.centralized),
        (
            "No root credentials: all four kinds, in every active member account, at the period's end",
            report.no_root_credentials,
        ),
        ("No root credentials in the period: by every reading, apart from windows", report.credentials_in_period),
    )
    for name, result in verdicts:
        yield heading(name, 2)
        yield bullets([toned(result.verdict.value, render_verdict(result)), *result.reasons])
    yield remark(
        "The first is a setting, and removes nothing by itself. The second is what it is for, at the period's end. "
        "The third judges every reading of the period."
    )


def _describe_controls(report: EvidenceReport) -> Iterator[Block]:
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
                assessment.control.control_id,
                assessment.control.title,
                toned(assessment.verdict.value, render_control_verdict(assessment)),
                " ".join([*assessment.reasons, *map(render_check, assessment.checks)]),
            )
            for assessment in report.assessments
            if assessment.control.framework_id == framework.framework_id
        ]
        yield from table(columns, rows)


def _describe_changes(report: EvidenceReport) -> Iterator[Block]:
    yield heading("Changes within the period")
    yield remark(CHANGES_REMARK)
    columns = [*zip(CHANGE_TITLES, (NARROW, 1, 0.8, 1, 1, 1.6, 1.4), strict=True)]
    rows = []
    for change in report.changes:
        *cells, why = render_change(change, report)
        tone = "pass" if change.is_explained else "fail" if change.has_appeared else "manual"
        rows.append((*cells, toned(tone, why)))
    yield from table(columns, rows)
    yield heading("Days without a complete audit", 2)
    columns = [(title, NARROW) for title in GAP_TITLES]
    yield from table(columns, map(render_gap, report.shown_gaps), none=NO_GAPS)


def _describe_units(accounts: Sequence[AccountEvidence]) -> Iterator[Block]:
    yield heading("Accounts by organizational unit")
    paths = {tuple(account.account.ou_path.split("/")) for account in accounts}
    level = max(map(len, paths), default=1)
    while level > 1 and len({path[:level] for path in paths}) > UNITS:
        level -= 1
    units: dict[str, list[AccountEvidence]] = {}
    for account in accounts:
        units.setdefault("/".join(account.account.ou_path.split("/")[:level]), []).append(account)
    if any(account.account.ou_path not in units for account in accounts):
        yield remark(f"Units are shown down to level {level}. Accounts of deeper units are counted there.")
    columns = [("Unit", 1), ("Accounts", NARROW), *((title, NARROW) for title in _COUNTED.values())]
    rows = [
        *(_count_row(unit, found) for unit, found in sorted(units.items())),
        *([_count_row("All member accounts", accounts)] if accounts else []),
    ]
    yield from table(columns, rows, numbers=True)


def _count_row(name: str, accounts: Sequence[AccountEvidence]) -> list[Cell]:
    counts = count_verdicts(accounts)
    alarming = {Verdict.FAIL, Verdict.UNKNOWN}
    cells: list[Cell] = [
        toned(verdict.value, f"{count:,}") if count and verdict in alarming else f"{count:,}"
        for verdict, count in counts.items()
    ]
    return [name, f"{len(accounts):,}", *cells]


def _describe_gaps(report: EvidenceReport) -> Iterator[Block]:
    yield heading("Gaps")
    yield remark("What this report doesn't know. None of it counts as good.")
    of_accounts = Counter(gap.reason for gap in report.gaps if gap.subject == "account")
    rows: list[Sequence[Cell]] = [
        ("accounts", "", toned("unknown", reason.replace("_", " ")), f"{number:,} in annex B.")
        for reason, number in sorted(of_accounts.items())
    ]
    rows += [
        (gap.subject.replace("_", " "), gap.account_id or "", toned("unknown", gap.reason.replace("_", " ")), gap.what)
        for gap in report.gaps
        if gap.subject != "account"
    ]
    yield from table([("Of", NARROW), ("Account", NARROW), ("Reason", NARROW), ("What isn't known", 1)], rows)


def _describe_kept_logins(report: EvidenceReport) -> Iterator[Block]:
    yield heading("Root logins that are kept")
    yield remark("The management account, which the feature doesn't cover, and the failsafe.")
    rows = (
        (
            kept.evidence.account.account_id,
            kept.evidence.account.name,
            kept.evidence.role.value,
            check.name.replace("_", " "),
            toned(check.verdict.value, check.verdict.value),
            check.evidence,
        )
        for kept in report.kept_logins
        for check in kept.checks
    )
    yield from table(
        [("Account", NARROW), ("Name", 1), ("Role", NARROW), ("Check", NARROW), ("", NARROW), ("Evidence", 2)], rows
    )


def _describe_windows(report: EvidenceReport) -> Iterator[Block]:
    yield heading("Recovery windows")
    rows = (
        (
            window.window_id,
            window.account_id,
            window.state.value.replace("_", " ").lower(),
            f"{window.requested_by}, {render_timestamp(window.requested_at)}",
            ", ".join(window.approved_by) or toned("unknown", "unapproved"),
            render_timestamp(window.opened_at),
            render_closing(window),
            window.full_reason,
        )
        for window in report.windows
    )
    columns = [("Window", 1.2), ("Account", NARROW), ("State", 1), ("Requested", 1.3), ("Approved by", 1.2)]
    columns += [("Opened", 1), ("Closed", 1), ("Reason", 1.5)]
    yield from table(columns, rows, none="None in the period.")


def _describe_exceptions(report: EvidenceReport) -> Iterator[Block]:
    time = render_timestamp
    yield heading("Exceptions from deletion")
    rows = [
        (
            exception.account_id,
            exception.owner,
            exception.reason,
            f"{exception.added_by}, {time(exception.added_at)}",
            time(exception.until),
        )
        for exception in report.exceptions
    ]
    rows += [
        (
            exception.account_id,
            exception.owner,
            exception.reason,
            "",
            f"ended by {exception.ended_by}, {time(exception.ended_at)}",
        )
        for exception in report.history.ended_exceptions
    ]
    columns = [("Account", NARROW), ("Owner", 1), ("Reason", 2), ("Added", 1.3), ("Until", 1.3)]
    yield from table(columns, rows, none="None in the period.")


def _describe_deletions(report: EvidenceReport) -> Iterator[Block]:
    deletions = report.history.deletions
    yield heading("Deletions")
    counted = Counter((deletion.kind, deletion.result) for deletion in deletions)
    rows = (
        (title, *(f"{counted[kind, result]:,}" for result in Result))
        for kind, title in KIND_NAMES.items()
        if any(counted[kind, result] for result in Result)
    )
    columns: list[tuple[str, float]] = [("Kind", 1), *((result.value.capitalize(), NARROW) for result in Result)]
    yield from table(columns, rows, none="None in the period.", numbers=True)
    open_ends = [deletion for deletion in deletions if deletion.result is not Result.DONE]
    if deletions:
        yield heading("Deletions that failed, or aren't proven", 2)
        listed = (
            (
                render_timestamp(deletion.at),
                deletion.account_id,
                KIND_NAMES[deletion.kind],
                deletion.target or "",
                toned("fail" if deletion.result is Result.FAILED else "unknown", deletion.result.value),
                deletion.actor.name,
                str(deletion.sequence),
            )
            for deletion in open_ends
        )
        columns = [
            ("At", 1),
            ("Account", NARROW),
            ("Kind", NARROW),
            ("What", 1.5),
            ("Result", NARROW),
            ("By", 1),
            ("Ledger entry", NARROW),
        ]
        yield from table(columns, listed)


def _describe_setup(report: EvidenceReport) -> Iterator[Block]:
    drift = report.setup.drift
    yield heading("Set-up and drift")
    yield facts([(name, state) for name, state in render_setup(report.setup)])
    yield heading("Drift", 2)
    if drift.accepted is None:
        yield paragraph("Not compared: no set-up was accepted, so nothing shows whether it drifted.")
        return
    by, at = drift.accepted.accepted_by, render_timestamp(drift.accepted.accepted_at)
    yield remark(f"Compared with what {by} accepted at {at} (ledger entry {drift.accepted.ledger_sequence}).")
    rows: list[Sequence[Cell]] = [
        (toned("fail", difference.what), " ".join(difference.could_be)) for difference in drift.differences
    ]
    rows += [(toned("unknown", sentence), "") for sentence in drift.unknown]
    yield from table([("Drift", 1), ("Could be", 1)], rows, none="No drift.")


def _describe_ledger(report: EvidenceReport) -> Iterator[Block]:
    ledger = report.ledger
    yield heading("Ledger")
    yield remark("The chain is checked from its first entry on. Compare the head with an anchor of your own.")
    verified = toned("pass", "intact") if ledger.is_intact else toned("fail", f"NOT INTACT: {ledger.problem}")
    rows: list[tuple[str, Cell]] = [
        ("Verified", verified),
        ("Entries", f"{ledger.entries:,}, of which {report.history.entries:,} in the period"),
        (f"Head, entry {ledger.head_sequence}", toned("mono", ledger.head_hash)),
    ]
    yield facts(rows)


def _describe_annexes(report: EvidenceReport) -> Iterator[Block]:
    """Accounts that fail, are unknown or are kept, and how to read the report."""

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
    yield heading("Annex D: how to read this document")
    names = f"{VERDICTS[Verdict.PASS]}, {VERDICTS[Verdict.FAIL]} and the other verdicts"
    yield bullets(
        [
            f"{names} are at the period's end. What wasn't read in the period is unknown.",
            "Controls about root user credentials also fail by a reading within the period.",
            "A time without a complete audit that is longer than a control allows makes the control unknown.",
            "Accounts without root user credentials are counted by unit. The CSV and JSON formats list each one.",
            "Characters that this document's fonts don't have are shown by their Unicode numbers, such as <U+6771>.",
            "The CSV and JSON formats have them as they are.",
            "The hash at the foot of each page is that of the last ledger entry. It covers every entry before it.",
            *(f"Accounts were read by {method}." for method in list_methods(report)),
        ]
    )


def _describe_found(account: AccountEvidence) -> str:
    found = [f"{KIND_NAMES[kind.kind]}: {render_presence(kind)}" for kind in account.kinds if kind.is_present]
    return ", ".join(found) or render_status(account)


def _describe_reason(account: AccountEvidence) -> str:
    return "unknown" if account.reason is None else account.reason.value.replace("_", " ")


def _describe_remark(account: AccountEvidence) -> str:
    sentences = [account.detail] if account.detail else []
    if account.exception is not None:
        until, exception = render_timestamp(account.exception.until), account.exception
        sentences.append(f"Excepted from deletion until {until}: {exception.reason} ({exception.owner}).")
    if account.confirmation is not None:
        sentences.append(account.confirmation.sentence)
    return " ".join(sentences)
