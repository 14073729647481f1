"""Checks that judge the organization: set-up, failsafes, alarms, list of accounts, ledger, recovery windows. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from operator import attrgetter

from rootkeeper.controls.account_checks import (
    describe_accounts,
    describe_failed_before,
    explain_unread,
    judge_period,
    make_result,
)
from rootkeeper.controls.rules import AccountResult, CheckName, CheckResult, combine
from rootkeeper.evidence.rules import AccountEvidence
from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.failsafe.rules import Check, CheckVerdict, check_drills
from rootkeeper.findings.rules import Verdict
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import AccountRole
from rootkeeper.windows.rules import NEVER_OPENED_STATES, RecoveryWindow, WindowState

_Evaluated = tuple[Verdict, str]

_NOT_INTACT = "The ledger isn't intact, so its records prove nothing."


def check_centralized(report: EvidenceReport) -> CheckResult:
    """Check the set-up, and the attested purpose of each delegated administrator account."""
    found = report.centralized
    return CheckResult(CheckName.CENTRALIZED, found.verdict, found.reasons, confirmations=found.attestations)


def check_no_root_credentials(report: EvidenceReport) -> CheckResult:
    """Check that no member account has root user credentials, apart from confirmed failsafes."""
    found = report.no_root_credentials
    kept = tuple(
        account.confirmation for account in report.accounts if account.verdict is Verdict.KEPT and account.confirmation
    )
    at_end = [
        make_result(account, account.verdict, account.detail or _describe_status(account))
        for account in report.accounts
    ]
    accounts = judge_period(at_end, report, attrgetter("forbidden"))
    reasons = (*found.reasons, *describe_failed_before(at_end, accounts))
    has_failed = any(account.verdict is Verdict.FAIL for account in accounts)
    return CheckResult(CheckName.NO_ROOT_CREDS, Verdict.FAIL if has_failed else found.verdict, reasons, accounts, kept)


def _describe_status(account: AccountEvidence) -> str:
    kinds = () if account.found.summary is None else account.found.summary.kind_names
    return f"Found: {', '.join(kinds)}." if kinds else "No root user credentials were found."


def check_delegated(report: EvidenceReport) -> CheckResult:
    """Check that a delegated administrator for IAM is registered; its purpose is attested account by account."""
    state = report.setup.state
    if report.partition == "aws-cn":
        reason = "The partition aws-cn has no root access management."
        return CheckResult(CheckName.DELEGATED, Verdict.NOT_APPLICABLE, (reason,))
    if state is None:
        return CheckResult(CheckName.DELEGATED, Verdict.UNKNOWN, (report.setup.detail or "The set-up was never read.",))
    delegates = state.setup.delegated_administrators
    if delegates is None:
        reason = "The delegated administrators for IAM couldn't be read."
        return CheckResult(CheckName.DELEGATED, Verdict.UNKNOWN, (reason,))
    if not delegates:
        reason = "No delegated administrator for IAM is registered: root access is managed in the management account."
        return CheckResult(CheckName.DELEGATED, Verdict.FAIL, (reason,))
    purposes = {attestation.account_id: attestation for attestation in report.centralized.attestations}
    accounts = tuple(
        _evaluate_delegate(report, account_id, is_attested=account_id in purposes) for account_id in delegates
    )
    reasons = (f"Delegated administrators for IAM: {', '.join(delegates)}.", *describe_accounts(accounts))
    confirmations = tuple(purposes[account_id] for account_id in delegates if account_id in purposes)
    return CheckResult(
        CheckName.DELEGATED, combine(account.verdict for account in accounts), reasons, accounts, confirmations
    )


def _evaluate_delegate(report: EvidenceReport, account_id: AccountId, *, is_attested: bool) -> AccountResult:
    account = next((account for account in report.accounts if account.account.account_id == account_id), None)
    name, ou_path = ("", "") if account is None else (account.account.name, account.account.ou_path)
    reason = "A person attests that it is an account for security or management."
    if not is_attested:
        reason = "Whether it is an account for security or management needs a person's judgement."
    verdict = Verdict.PASS if is_attested else Verdict.MANUAL
    read_at = None if report.setup.state is None else report.setup.state.read_at
    return AccountResult(account_id, name, ou_path, verdict, reason, read_at)


def check_scp_guard(report: EvidenceReport) -> CheckResult:
    """List the organization's own policies; whether they deny the right actions, a person must judge."""
    state = report.setup.state
    if state is None or state.guardrails is None:
        detail = report.setup.detail if state is None else state.guardrails_unknown
        return CheckResult(CheckName.SCP_GUARD, Verdict.UNKNOWN, (detail or "The policies were never read.",))
    if not any(policy.attached_to for policy in state.guardrails):
        reason = "No service control policy or resource control policy of the organization's own is attached."
        return CheckResult(CheckName.SCP_GUARD, Verdict.FAIL, (reason,))
    reasons = [
        f"{policy.name} ({policy.policy_id}) is attached to {', '.join(policy.attached_to)}."
        for policy in state.guardrails
        if policy.attached_to
    ]
    reasons.append("Whether they are the guardrails that the organization needs, in every account, isn't judged here.")
    return CheckResult(CheckName.SCP_GUARD, Verdict.MANUAL, tuple(reasons))


def check_root_alert(report: EvidenceReport) -> CheckResult:
    """List the alarms that drills report; Rootkeeper doesn't read alarms."""
    accounts = _evaluate_failsafes(report, "alarm", manual=True)
    reasons = [f"{account.account_id}: {account.reason}" for account in accounts]
    reasons.append("Rootkeeper doesn't read alarms or their receivers. A person must judge them.")
    verdict = Verdict.FAIL if any(account.verdict is Verdict.FAIL for account in accounts) else Verdict.MANUAL
    return CheckResult(CheckName.ROOT_ALERT, verdict, tuple(reasons), accounts)


def check_drill(report: EvidenceReport) -> CheckResult:
    """Check that each failsafe had a drill that passed, not long before the period's end."""
    drills = report.history.drills
    if not report.ledger.is_intact:
        return CheckResult(CheckName.DRILL, Verdict.UNKNOWN, (_NOT_INTACT,))
    if any(gap.subject == "accounts" and gap.reason == "not_read" for gap in report.gaps):
        return CheckResult(CheckName.DRILL, Verdict.UNKNOWN, ("Which accounts are failsafes couldn't be read.",))
    accounts = _evaluate_failsafes(report, "drill", manual=False)
    if accounts:
        reasons = tuple(f"{account.account_id}: {account.reason}" for account in accounts)
        return CheckResult(CheckName.DRILL, combine(account.verdict for account in accounts), reasons, accounts)
    found = check_drills(drills, report.period.end)
    # A drill of an account that is no failsafe any more shows something, but not that the way in works today.
    verdict = Verdict.FAIL if found.verdict is CheckVerdict.FAIL else Verdict.MANUAL
    return CheckResult(CheckName.DRILL, verdict, (found.evidence, "The organization has no failsafe."))


def _evaluate_failsafes(report: EvidenceReport, name: str, *, manual: bool) -> tuple[AccountResult, ...]:
    """Return a check of each failsafe; if that isn't enough (``manual``), all but a failure is for a person."""

    def evaluate(check: Check) -> Verdict:
        verdict = Verdict(check.verdict.value)
        return Verdict.MANUAL if manual and verdict in {Verdict.PASS, Verdict.UNKNOWN} else verdict

    return tuple(
        make_result(kept.evidence, evaluate(check), check.evidence)
        for kept in report.kept_logins
        if kept.evidence.role is AccountRole.FAILSAFE
        for check in kept.checks
        if check.name == name
    )


def check_inventory(report: EvidenceReport) -> CheckResult:
    """Check that the list of accounts is up to date, and that each account was read in the period."""
    at = f"{report.listed_at:%Y-%m-%d %H:%M:%S UTC}"
    stale = report.period.find_staleness(report.listed_at)
    accounts = tuple(_evaluate_reading(account) for account in report.accounts)
    reasons = [f"The accounts were listed at {at}.", *describe_accounts(accounts)]
    verdicts = [account.verdict for account in accounts]
    if report.management is None or report.management.found.summary is None:
        verdicts.append(Verdict.UNKNOWN)
        reasons.append("The management account's root user wasn't read.")
    if stale is not None:
        verdicts.append(Verdict.FAIL if report.listed_at <= report.period.end else Verdict.UNKNOWN)
        reasons.append(f"The list was {stale}.")
    return CheckResult(CheckName.INVENTORY, combine(verdicts), tuple(reasons), accounts)


def _evaluate_reading(account: AccountEvidence) -> AccountResult:
    if account.verdict is Verdict.NOT_APPLICABLE:
        return make_result(account, Verdict.NOT_APPLICABLE, account.detail or "It isn't active.")
    if account.found.summary is None:
        return make_result(account, Verdict.UNKNOWN, explain_unread(account))
    return make_result(account, Verdict.PASS, "Its root user credentials were read.")


def check_audit_integrity(report: EvidenceReport) -> CheckResult:
    """Check the ledger's chain."""
    ledger = report.ledger
    if ledger.problem is not None:
        return CheckResult(CheckName.AUDIT_INTEGRITY, Verdict.FAIL, (ledger.problem,))
    if not ledger.entries:
        return CheckResult(CheckName.AUDIT_INTEGRITY, Verdict.UNKNOWN, ("The ledger has no entries yet.",))
    reason = f"All {ledger.entries:,} entries form one chain; its head is entry {ledger.head_sequence}."
    return CheckResult(CheckName.AUDIT_INTEGRITY, Verdict.PASS, (reason, f"Hash of the head: {ledger.head_hash}."))


def check_privileged_calls_logged(report: EvidenceReport) -> CheckResult:
    """Check that each intent has its outcome; whether CloudTrail shows the same calls, a person must judge."""
    ledger, history = report.ledger, report.history
    if ledger.problem is not None:
        return CheckResult(CheckName.PRIV_LOGGED, Verdict.FAIL, (ledger.problem,))
    if not history.entries:
        return CheckResult(CheckName.PRIV_LOGGED, Verdict.UNKNOWN, ("The ledger has no entries of the period.",))
    if history.open_intents:
        entries = ", ".join(str(intent.sequence) for intent in history.open_intents)
        reason = f"What came of these intents isn't known: ledger entries {entries}."
        return CheckResult(CheckName.PRIV_LOGGED, Verdict.UNKNOWN, (reason,))
    reasons = (
        f"The ledger has {history.entries:,} entries of the period, and each intent has an outcome.",
        "This report doesn't compare them with CloudTrail. The access key ids of the root sessions make it possible.",
    )
    return CheckResult(CheckName.PRIV_LOGGED, Verdict.MANUAL, reasons)


CLOSING_GRACE = timedelta(minutes=1)
"""A window that is shown closed so long after its end ended by itself: reading the account again takes a while."""


REREAD_GRACE = timedelta(hours=1)
"""How late a re-read after the closing may be: an account that can't be read is tried again within the hour."""


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
    end, expires_at, reopened_at = report.period.end, window.expires_at, window.reopened_at
    closed_at = window.first_closed_at or window.closed_at
    if window.state is WindowState.KEPT:
        return Verdict.MANUAL, "Its login was kept on purpose."
    if closed_at is not None and closed_at <= end:
        closed = f"Closed {closed_at:%Y-%m-%d %H:%M} UTC"
        if reopened_at is not None and reopened_at <= end:
            is_closed = window.closed_at is not None and window.closed_at <= end
            again = f"closed again {window.closed_at:%Y-%m-%d %H:%M} UTC" if is_closed else "not closed again"
            found = f"someone else reopened it: credentials were found {reopened_at:%Y-%m-%d %H:%M} UTC"
            return Verdict.FAIL, f"{closed}; {found}, and it was {again}."
        if expires_at is not None and closed_at > expires_at + CLOSING_GRACE:
            return Verdict.FAIL, f"{closed}, after its end."
        due_at = window.reread_due_at
        if due_at is not None and due_at + REREAD_GRACE < end:
            due = f"its account was to be read again by {due_at:%Y-%m-%d %H:%M} UTC"
            return Verdict.UNKNOWN, f"{closed}; {due}, and wasn't. Audit it."
        return Verdict.PASS, f"{closed}, as a re-read proved."
    if expires_at is not None and expires_at + CLOSING_GRACE < end:
        return Verdict.FAIL, f"Not shown closed, although it ended {expires_at:%Y-%m-%d %H:%M} UTC."
    return Verdict.UNKNOWN, "Still open at the period's end."


def _check_windows(
    check: CheckName, report: EvidenceReport, evaluate: Callable[[RecoveryWindow], _Evaluated]
) -> CheckResult:
    if not report.ledger.is_intact:
        return CheckResult(check, Verdict.UNKNOWN, (_NOT_INTACT,))
    windows = [
        window
        for window in report.windows
        if window.state not in NEVER_OPENED_STATES
        and (started_at := window.opening_started_at) is not None
        and started_at <= report.period.end
    ]
    if not windows:
        reason = "No recovery window was open in the period, so nothing shows how one is handled."
        return CheckResult(check, Verdict.MANUAL, (reason,))
    names = {account.account.account_id: (account.account.name, account.account.ou_path) for account in report.accounts}
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
    reasons += [result.reason for result in results if result.verdict is not Verdict.PASS]
    newest = max(window.opened_at or window.requested_at for window in windows)
    verdict = combine(result.verdict for result in results)
    return CheckResult(check, verdict, tuple(reasons), tuple(results), latest_fact_at=newest)
