"""Turns the results of commands into findings: audits, preflights, checks of the failsafe, and root e-mail addresses.

Each account gets a finding from each rule, with a good verdict too. The verdict is worded by the subject that found
it; nothing is judged again here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from rootkeeper.failsafe.rules import Check, CheckVerdict
from rootkeeper.failsafe.service import FailsafeReport
from rootkeeper.findings.catalogue import (
    FAILSAFE_RULES,
    MANAGEMENT_ROOT_USER,
    ROOT_EMAIL,
    ROOT_TASK_ALLOWED,
    ROOT_USER_CREDENTIALS,
    SETUP_DRIFT,
)
from rootkeeper.findings.rules import (
    Finding,
    FindingReport,
    FindingRule,
    LazyFindings,
    Verdict,
    evaluate_status,
    make_finding,
)
from rootkeeper.guardrails.rules import PreflightRow
from rootkeeper.guardrails.service import PreflightReport
from rootkeeper.organization.accounts import Account, Endpoint, Inventory
from rootkeeper.organization.statuses import KIND_ORDER, AccountRole, AccountStatus, Status, StatusReason
from rootkeeper.policy_language.evaluation import AccessVerdict
from rootkeeper.root_emails.rules import EXPLANATIONS, RootEmail
from rootkeeper.root_emails.service import EmailReport
from rootkeeper.setup.rules import SetupDrift


def find_management_account(inventory: Inventory) -> Account:
    """Find the account that findings about the organization belong to."""
    wanted = inventory.organization.management_account_id
    return next(account for account in inventory.accounts if account.account_id == wanted)


def list_status_findings(
    statuses: Sequence[AccountStatus],
    inventory: Inventory,
    endpoint: Endpoint,
    observed_at: datetime,
    drift: SetupDrift | None,
) -> FindingReport:
    """List the findings of an audit: the accounts in their order, then the set-up.

    :param drift: ``None`` if it isn't known any more; then there is no finding about it.
    """

    def walk() -> Iterator[Finding]:
        yield from map(make_status_finding, statuses)
        if drift is not None:
            yield make_drift_finding(drift, find_management_account(inventory), observed_at)

    rules = (ROOT_USER_CREDENTIALS, MANAGEMENT_ROOT_USER, SETUP_DRIFT)
    return _make_report("audit", inventory, endpoint, observed_at, rules, walk)


def list_preflight_findings(report: PreflightReport) -> FindingReport:
    """List the tasks of each account that was evaluated."""
    rules = (ROOT_TASK_ALLOWED,)

    def walk() -> Iterator[Finding]:
        return (make_task_finding(row, report.observed_at) for row in report.rows)

    return _make_report("preflight", report.inventory, report.endpoint, report.observed_at, rules, walk)


def list_failsafe_findings(report: FailsafeReport) -> FindingReport:
    """List whether there is a failsafe, then the checks of each."""

    def walk() -> Iterator[Finding]:
        found = next((check for check in report.checks if check.name == "failsafe"), None)
        yield make_finding(
            FAILSAFE_RULES["failsafe"],
            Verdict.PASS if found is None else Verdict(found.verdict.value),
            find_management_account(report.inventory),
            f"{len(report.failsafes)} registered." if found is None else found.evidence,
            reason=found.evidence if found is not None and found.verdict is CheckVerdict.UNKNOWN else None,
            observed_at=report.observed_at,
            facts={"account_ids": [account.account_id for account in report.failsafes]},
        )
        for account in report.failsafes:
            checks = (check for check in report.checks if check.account_id == account.account_id)
            yield from make_check_findings(checks, account, report.observed_at)

    rules = tuple(FAILSAFE_RULES.values())
    return _make_report("failsafe check", report.inventory, report.endpoint, report.observed_at, rules, walk)


def list_email_findings(report: EmailReport) -> FindingReport:
    """List the accounts in the order of the inventory."""
    listed_at = report.inventory.listed_at

    def walk() -> Iterator[Finding]:
        return (make_email_finding(email, listed_at) for email in report.emails)

    return _make_report("emails list", report.inventory, report.endpoint, listed_at, (ROOT_EMAIL,), walk)


def _make_report(
    source: str,
    inventory: Inventory,
    endpoint: Endpoint,
    observed_at: datetime,
    rules: tuple[FindingRule, ...],
    walk: Callable[[], Iterator[Finding]],
) -> FindingReport:
    organization = inventory.organization
    return FindingReport(
        source=source,
        organization_id=organization.organization_id,
        management_account_id=organization.management_account_id,
        partition=organization.partition,
        endpoint=endpoint.label,
        is_sandbox=endpoint.is_sandbox,
        observed_at=observed_at,
        rules=rules,
        findings=LazyFindings(walk),
    )


def make_status_finding(status: AccountStatus) -> Finding:
    """Make the finding of a root user: a member account's has no credentials, the management account's is guarded."""
    is_management = status.role is AccountRole.MANAGEMENT
    verdict = _evaluate_management(status) if is_management else evaluate_status(status)
    reason = None
    if verdict in (Verdict.NOT_APPLICABLE, Verdict.UNKNOWN):
        found = status.reason
        reason = "not_read" if found in (None, StatusReason.MANAGEMENT_ACCOUNT) else found.value
    return make_finding(
        MANAGEMENT_ROOT_USER if is_management else ROOT_USER_CREDENTIALS,
        verdict,
        status.account,
        _describe_root_user(status, verdict),
        reason=reason,
        observed_at=status.observed_at,
        facts={
            "role": status.role.value,
            "status": status.status.value,
            **{kind.value: None if status.summary is None else status.summary.has(kind) for kind in KIND_ORDER},
        },
    )


def _describe_root_user(status: AccountStatus, verdict: Verdict) -> str:
    is_management, attempt = status.role is AccountRole.MANAGEMENT, status.failed_attempt
    sentence = _describe_management(status, verdict) if is_management else _describe_member(status, verdict)
    if attempt is None or status.summary is None:
        return sentence
    return f"{sentence} A later attempt to read it failed, at {attempt.at:%Y-%m-%d %H:%M} UTC."


def _evaluate_management(status: AccountStatus) -> Verdict:
    if status.summary is None:
        return Verdict.UNKNOWN
    return Verdict.PASS if status.is_guarded else Verdict.FAIL


def _describe_member(status: AccountStatus, verdict: Verdict) -> str:
    if verdict is Verdict.PASS:
        return "The root user has no password, access key, signing certificate or MFA device."
    if verdict is Verdict.KEPT:
        return "The root login of this failsafe is kept on purpose: confirmed, with MFA, no access key, no certificate."
    if verdict is not Verdict.FAIL:
        return status.detail or "The root user's credentials couldn't be read."
    found = "The root user has root user credentials."
    if status.status is Status.RECOVERY_OPEN:
        found = status.detail or "A recovery window is open."
    elif status.summary is not None:
        found = f"The root user has {', '.join(status.summary.kind_names)}."
    if status.role is AccountRole.FAILSAFE:
        found = f"{found} The account is a delegated administrator that isn't a confirmed failsafe in order."
    return found


def _describe_management(status: AccountStatus, verdict: Verdict) -> str:
    if status.summary is None:
        return status.detail or "The root user of the management account couldn't be read."
    if verdict is Verdict.PASS:
        return "The root user has MFA, no access key and no signing certificate."
    found = [] if status.summary.has_mfa_devices else ["has no MFA device"]
    found += ["has an access key"] if status.summary.has_access_keys else []
    found += ["has a signing certificate"] if status.summary.has_signing_certificates else []
    return f"The root user {', '.join(found)}."


def make_drift_finding(drift: SetupDrift, management_account: Account, observed_at: datetime | None) -> Finding:
    """Compare the set-up with the accepted set-up; not applicable if none was accepted."""
    verdict, reason = Verdict.PASS, None
    sentences = [*(difference.what for difference in drift.differences), *drift.unknown]
    if drift.accepted is None:
        verdict, reason = Verdict.NOT_APPLICABLE, "never_accepted"
        sentences = ["No set-up was accepted, so nothing shows whether it drifted."]
    elif drift.differences:
        verdict = Verdict.FAIL
    elif drift.unknown:
        verdict, reason = Verdict.UNKNOWN, "not_compared"
    return make_finding(
        SETUP_DRIFT,
        verdict,
        management_account,
        " ".join(sentences) or "The set-up is the accepted one.",
        reason=reason,
        observed_at=observed_at,
        facts={"differences": [f"{difference.part.value} {difference.subject}" for difference in drift.differences]},
    )


def make_check_findings(checks: Iterable[Check], account: Account, observed_at: datetime | None) -> Iterator[Finding]:
    """Make a finding of each check of a failsafe. That no recovery window is open has no check, and is a pass."""
    found = {check.name: check for check in checks}
    for name, rule in FAILSAFE_RULES.items():
        check = found.get(name)
        if check is not None:
            verdict = Verdict(check.verdict.value)
            is_reasoned = verdict in (Verdict.NOT_APPLICABLE, Verdict.UNKNOWN)
            reason = check.evidence if is_reasoned else None
            yield make_finding(rule, verdict, account, check.evidence, reason=reason, observed_at=observed_at)
        elif name == "recovery_window":
            yield make_finding(rule, Verdict.PASS, account, "No recovery window is open.", observed_at=observed_at)


_OF_ACCESS = {
    AccessVerdict.ALLOWED: Verdict.PASS,
    AccessVerdict.BLOCKED: Verdict.FAIL,
    AccessVerdict.DEPENDS: Verdict.MANUAL,
    AccessVerdict.UNKNOWN: Verdict.UNKNOWN,
}


def make_task_finding(row: PreflightRow, observed_at: datetime) -> Finding:
    """Make the finding of a task in an account. A task that depends on a condition needs a person's judgement.

    The denial of long-term root that AWS recommends is a pass.
    """
    verdict = Verdict.PASS if row.is_intended else _OF_ACCESS[row.verdict]
    return make_finding(
        ROOT_TASK_ALLOWED,
        verdict,
        row.account,
        f"{row.task.value}: {row.explanation or 'No policy blocks it.'}",
        subject=row.task.value,
        reason=row.explanation if verdict is Verdict.UNKNOWN else None,
        observed_at=observed_at,
        facts={
            "policies": [policy.policy_id for policy in row.policies if policy.policy_id is not None],
            "conditions": list(row.conditions),
        },
    )


def make_email_finding(found: RootEmail, listed_at: datetime) -> Finding:
    """Make the finding of an address. The address isn't the subject, so that a changed address has the same finding."""
    verdict = Verdict(found.verdict.value)
    reasons = "; ".join(EXPLANATIONS[reason] for reason in found.reasons)
    is_reasoned = verdict in (Verdict.NOT_APPLICABLE, Verdict.UNKNOWN)
    return make_finding(
        ROOT_EMAIL,
        verdict,
        found.account,
        f"{found.account.email or 'The address'}: {reasons or 'it follows the rules'}.",
        reason=", ".join(found.reasons) if is_reasoned else None,
        observed_at=listed_at,
        facts={"email": found.account.email or None, "reasons": [reason.value for reason in found.reasons]},
    )
