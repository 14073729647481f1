"""Checks that judge each recovery window of the period: how it was approved, and how it ended. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from rootkeeper.controls.rules import AccountResult, CheckName, CheckResult, combine
from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.findings.rules import Verdict
from rootkeeper.windows.rules import NEVER_OPENED_STATES, RecoveryWindow, WindowState

_Evaluated = tuple[Verdict, str]

CLOSING_GRACE = timedelta(minutes=1)
"""A window that is shown closed so long after its end ended by itself: reading the account again takes a while."""


def check_breakglass(report: EvidenceReport) -> CheckResult:
    """Check that each recovery was approved by another person and closed, and a re-read proved it."""

    def evaluate(window: RecoveryWindow) -> _Evaluated:
        approval, closing = _evaluate_approval(window), _evaluate_closing(window, report)
        return combine((approval[0], closing[0])), f"{approval[1]} {closing[1]}"

    return _check_windows(CheckName.BREAKGLASS, report, evaluate)


def _evaluate_approval(window: RecoveryWindow) -> _Evaluated:
    others = [name for name in window.approved_by if name != window.requested_by]
    if others:
        return Verdict.PASS, f"Requested by {window.requested_by}, approved by {', '.join(others)}."
    if window.is_emergency and window.reviewed_by not in (None, window.requested_by):
        return Verdict.MANUAL, f"Opened in an emergency without approval, reviewed by {window.reviewed_by}."
    return Verdict.FAIL, f"Requested by {window.requested_by}; no other person approved it."


def check_time_limit(report: EvidenceReport) -> CheckResult:
    """Check that each recovery ended at its end or before."""
    return _check_windows(CheckName.TIME_LIMIT, report, lambda window: _evaluate_closing(window, report))


def _evaluate_closing(window: RecoveryWindow, report: EvidenceReport) -> _Evaluated:
    end, expires_at, closed_at = report.period.end, window.expires_at, window.closed_at
    if window.state is WindowState.KEPT:
        return Verdict.MANUAL, "Its login was kept on purpose."
    if window.state is WindowState.CLOSED_VERIFIED and closed_at is not None and closed_at <= end:
        if expires_at is not None and closed_at > expires_at + CLOSING_GRACE:
            return Verdict.FAIL, f"Closed {closed_at:%Y-%m-%d %H:%M} UTC, after its end."
        return Verdict.PASS, f"Closed {closed_at:%Y-%m-%d %H:%M} UTC, as a re-read proved."
    if expires_at is not None and expires_at + CLOSING_GRACE < end:
        return Verdict.FAIL, f"Not shown closed, although it ended {expires_at:%Y-%m-%d %H:%M} UTC."
    return Verdict.UNKNOWN, "Still open at the period's end."


def _check_windows(
    check: CheckName, report: EvidenceReport, evaluate: Callable[[RecoveryWindow], _Evaluated]
) -> CheckResult:
    if not report.ledger.is_intact:
        return CheckResult(check, Verdict.UNKNOWN, ("The ledger isn't intact, so its records prove nothing.",))
    windows = list(_list_opened(report))
    if not windows:
        reason = "No recovery window was open in the period, so nothing shows how one is handled."
        return CheckResult(check, Verdict.MANUAL, (reason,))
    names = {one.account.account_id: (one.account.name, one.account.ou_path) for one in report.accounts}
    results = []
    for window in windows:
        verdict, reason = evaluate(window)
        name, ou_path = names.get(window.account_id, ("", ""))
        results.append(
            AccountResult(
                window.account_id, name, ou_path, verdict, f"Window {window.window_id}. {reason}", window.closed_at
            )
        )
    count = len(windows)
    reasons = [f"{count:,} recovery {'window was' if count == 1 else 'windows were'} open in the period."]
    reasons += [one.reason for one in results if one.verdict is not Verdict.PASS]
    newest = max(window.opened_at or window.requested_at for window in windows)
    verdict = combine(one.verdict for one in results)
    return CheckResult(check, verdict, tuple(reasons), tuple(results), latest_fact_at=newest)


def _list_opened(report: EvidenceReport) -> Iterator[RecoveryWindow]:
    for window in report.windows:
        started_at = window.opening_started_at
        if window.state not in NEVER_OPENED_STATES and started_at is not None and started_at <= report.period.end:
            yield window
