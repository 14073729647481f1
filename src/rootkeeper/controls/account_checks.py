"""Checks that judge each account: root access keys, MFA, and use of the root user. Pure.

An account is unknown if no reading of the period shows the facts for a check.

A missing password replaces MFA only where AWS refuses to set one: in a member account, while root credentials
management is on. Anyone who reads the management account's e-mail can set its root password. A failsafe's root login is
for emergencies. So of these kept logins only MFA counts, and the kept logins' own checks ask the same or more.

The state at the period's end isn't enough: an account fails, too, if any reading of the period shows what the check
forbids and no recovery window explains it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from rootkeeper.controls.rules import AccountResult, CheckName, CheckResult, combine, count_accounts
from rootkeeper.evidence.periods import AccountHistory, ChangedKind, describe_change
from rootkeeper.evidence.rules import AccountEvidence, KindEvidence
from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.findings.rules import Verdict
from rootkeeper.organization.statuses import AccountRole, CredentialKind, MfaKind, Status


def check_no_root_key(report: EvidenceReport) -> CheckResult:
    """Check that no root user has an access key."""
    return _check_absence(CheckName.NO_ROOT_KEY, report, CredentialKind.ACCESS_KEYS, "an access key")


def check_no_root_certificate(report: EvidenceReport) -> CheckResult:
    """Check that no root user has a signing certificate."""
    return _check_absence(
        CheckName.NO_ROOT_CERTIFICATE, report, CredentialKind.SIGNING_CERTIFICATES, "a signing certificate"
    )


def _check_absence(check: CheckName, report: EvidenceReport, kind: CredentialKind, noun: str) -> CheckResult:
    def evaluate(account: AccountEvidence) -> AccountResult:
        found = _get_kind(account, kind)
        if found.is_present is None:
            return make_result(account, Verdict.UNKNOWN, explain_unread(account))
        if found.is_present:
            return make_result(account, Verdict.FAIL, f"The root user has {noun}.")
        return make_result(account, Verdict.PASS, f"The root user has no {noun.partition(' ')[2]}.")

    return _check_accounts(check, report, evaluate, {ChangedKind(kind.value)})


def check_root_mfa(report: EvidenceReport) -> CheckResult:
    """Check that each root user has MFA, or has no password and can't get one."""

    def evaluate(account: AccountEvidence) -> AccountResult:
        return _evaluate_sign_in(account, report) or make_result(account, Verdict.PASS, "The root user has MFA.")

    return _check_accounts(CheckName.ROOT_MFA, report, evaluate, {ChangedKind.PASSWORD_WITHOUT_MFA})


def check_root_hardware_mfa(report: EvidenceReport) -> CheckResult:
    """Check that each root user has hardware MFA devices only, or has no password and can't get one.

    AWS shows a passkey in software as a security key, too, so a person must judge security keys.
    """

    def evaluate(account: AccountEvidence) -> AccountResult:
        result, found = _evaluate_sign_in(account, report), account.found.credentials
        if result is not None:
            return result
        if found is None or not found.mfa_devices:
            reason = "The root user has MFA. Which kind of device it is wasn't read."
            return make_result(account, Verdict.UNKNOWN, reason)
        kinds = {device.kind for device in found.mfa_devices}
        if MfaKind.VIRTUAL in kinds:
            return make_result(account, Verdict.FAIL, "An MFA device of the root user is virtual.")
        if MfaKind.SECURITY_KEY in kinds:
            reason = "No MFA device is virtual. AWS shows a passkey in software as a security key, too."
            return make_result(account, Verdict.MANUAL, reason)
        return make_result(account, Verdict.PASS, "Each MFA device of the root user is a hardware token.")

    return _check_accounts(CheckName.ROOT_HW_MFA, report, evaluate, {ChangedKind.PASSWORD_WITHOUT_MFA})


AUDIT_TIME = timedelta(hours=6)
"""How much older than an account's reading the reading of the set-up may be, to be of the same audit.

An audit reads the set-up first, then the accounts: of 50,000 within minutes, but slower while AWS throttles.
"""

_WITHOUT_MFA = {
    AccountRole.FAILSAFE: "The root user has no MFA. The root login of a failsafe is for emergencies, so it needs MFA.",
    AccountRole.MANAGEMENT: "The root user has no MFA, and anyone who reads its e-mail can set a password.",
}
"""Why a missing password isn't enough for a login that is kept."""


def _evaluate_sign_in(account: AccountEvidence, report: EvidenceReport) -> AccountResult | None:
    """Judge an account that needs no MFA, has none, or wasn't read; ``None`` if its root user has MFA."""
    password, mfa = (_get_kind(account, kind) for kind in (CredentialKind.PASSWORD, CredentialKind.MFA_DEVICES))
    if password.not_applicable is not None:
        return make_result(account, Verdict.NOT_APPLICABLE, password.not_applicable)
    if password.is_present is None or mfa.is_present is None or account.read_at is None:
        return make_result(account, Verdict.UNKNOWN, explain_unread(account))
    if password.is_present:
        reason = "The root user has a password, or may set one, and no MFA."
        return None if mfa.is_present else make_result(account, Verdict.FAIL, reason)
    if account.role is not AccountRole.MEMBER:
        return None if mfa.is_present else make_result(account, Verdict.FAIL, _WITHOUT_MFA[account.role])
    verdict, reason = _evaluate_recovery(account.read_at, report)
    if verdict is Verdict.PASS:
        return make_result(account, verdict, reason, has_no_password=True)
    return None if mfa.is_present else make_result(account, verdict, reason)


def _evaluate_recovery(read_at: datetime, report: EvidenceReport) -> tuple[Verdict, str]:
    """Judge whether AWS refuses to set a member account's root password, from the audit that read it at ``read_at`` on.

    A single reading of the set-up that shows it off is enough: a password can have been set since.
    """
    subject, found = "The root user has no password and no MFA.", report.management_readings
    begin = bisect_left(found, read_at - AUDIT_TIME, key=lambda reading: reading.read_at)
    last_before = bisect_right(found, read_at, key=lambda reading: reading.read_at) - 1
    readings = found[max(begin, last_before) :]
    off = [reading for reading in readings if reading.is_on is False]
    if off:
        was_off = f"Root credentials management was off on {off[-1].read_at:%Y-%m-%d}"
        return Verdict.FAIL, f"{subject} {was_off}, so a password may be set by e-mail."
    state = report.setup.state
    if state is not None and readings and readings[-1].is_on:
        reason = "The root user has no password, and AWS refuses to set one: root credentials management is on."
        return Verdict.PASS, reason
    if state is None:
        why = report.setup.detail or "The set-up was never read."
    elif not readings:
        why = f"The set-up was last read before the account, at {state.read_at:%Y-%m-%d %H:%M:%S UTC}."
    else:
        why = " ".join(state.setup.unknown) or "The set-up couldn't be read."
    return Verdict.UNKNOWN, f"{subject} Whether AWS refuses to set one isn't known: {why}"


def check_root_unused(report: EvidenceReport) -> CheckResult:
    """List when root users were last used; whether that was for a daily task, a person must judge.

    A root user without credentials can't be used. That it wasn't used before, no reading of today shows.
    """
    found = _check_accounts(CheckName.ROOT_UNUSED, report, lambda account: _evaluate_use(account, report))
    if report.partition == "aws-cn":
        return found
    is_unknown = found.verdict is Verdict.UNKNOWN
    used = sum(account.verdict is Verdict.MANUAL for account in found.accounts)
    reasons = [*found.reasons]
    reasons.append(
        "Root users were used, or may have been, in "
        + ("1 account." if used == 1 else f"{used:,} accounts.")
        + " Whether that was for administrative or daily tasks needs a person's judgement."
        if used
        else "No reading shows a use in the period. Credentials that are gone by now may have been used before."
    )
    uses = [window.opened_at for window in report.windows if window.opened_at is not None]
    uses += [
        at
        for account in report.all_accounts
        if (credentials := account.found.credentials) is not None and (at := credentials.last_used_at) is not None
    ]
    return CheckResult(
        CheckName.ROOT_UNUSED,
        Verdict.UNKNOWN if is_unknown else Verdict.MANUAL,
        tuple(reasons),
        found.accounts,
        latest_fact_at=max(uses, default=None),
    )


_USED_BY = (CredentialKind.PASSWORD, CredentialKind.ACCESS_KEYS, CredentialKind.SIGNING_CERTIFICATES)


def _evaluate_use(account: AccountEvidence, report: EvidenceReport) -> AccountResult:
    account_id, period = account.account.account_id, report.period
    opened = [window for window in report.windows if window.account_id == account_id and window.opened_at is not None]
    found, kinds = account.found.credentials, [_get_kind(account, kind) for kind in _USED_BY]
    if any(kind.is_present is None for kind in kinds):
        return make_result(account, Verdict.UNKNOWN, explain_unread(account))
    if opened:
        windows = ", ".join(window.window_id for window in opened)
        return make_result(account, Verdict.MANUAL, f"Its root user could be used in the period: recovery {windows}.")
    if not any(kind.is_present for kind in kinds):
        reason = "The root user has nothing to sign in or call with. Use before the reading isn't shown."
        return make_result(account, Verdict.NOT_APPLICABLE, reason)
    if found is None:
        return make_result(account, Verdict.UNKNOWN, "Its root user has credentials. Their last use wasn't read.")
    if found.last_used_at is None or found.last_used_at < period.start:
        reason = "AWS shows no use of the password or a key in the period. Certificates have no last use."
        verdict = Verdict.MANUAL if found.signing_certificates else Verdict.NOT_APPLICABLE
        return make_result(account, verdict, reason)
    return make_result(account, Verdict.MANUAL, f"Last used on {found.last_used_at:%Y-%m-%d}.")


def _check_accounts(
    check: CheckName,
    report: EvidenceReport,
    evaluate: Callable[[AccountEvidence], AccountResult],
    forbidden: Collection[ChangedKind] = (),
) -> CheckResult:
    """Judge every account, the management account first.

    :param forbidden: what no reading of the period may show.
    """
    at_end = [
        _evaluate_applicability(account, report.partition) or evaluate(account) for account in report.all_accounts
    ]
    accounts = judge_period(at_end, report, lambda _history: forbidden)
    reasons = [*describe_accounts(accounts), *describe_failed_before(at_end, accounts)]
    verdicts = [account.verdict for account in accounts]
    if report.management is None:
        verdicts.append(Verdict.UNKNOWN)
        reasons.append("The management account isn't in the list of accounts.")
    stale = report.period.find_staleness(report.listed_at)
    if stale is not None and report.listed_at <= report.period.end:
        verdicts.append(Verdict.UNKNOWN)
        reasons.append(f"The list of accounts was {stale}: accounts may have joined since.")
    return CheckResult(check, combine(verdicts), tuple(reasons), accounts)


def judge_period(
    at_end: Sequence[AccountResult], report: EvidenceReport, forbid: Callable[[AccountHistory], Collection[ChangedKind]]
) -> tuple[AccountResult, ...]:
    """Let the accounts fail in which a reading of the period shows something forbidden.

    Accounts that have left the organization follow after the listed ones, if they fail.

    :param at_end: the results for the listed accounts at the period's end.
    """
    if report.partition == "aws-cn":
        return tuple(at_end)
    found = []
    for result in at_end:
        history = report.histories.get(result.account_id)
        found.append(result if history is None else _judge_history(result, history, report, forbid(history)))
    for account_id, history in sorted(report.histories.items()):
        if not history.is_listed:
            named, reason = history.account, "The account has left the organization."
            left = AccountResult(account_id, named.name, named.ou_path, Verdict.NOT_APPLICABLE, reason, None)
            judged = _judge_history(left, history, report, forbid(history))
            found += [judged] if judged.verdict is Verdict.FAIL else []
    return tuple(found)


def _judge_history(
    at_end: AccountResult, history: AccountHistory, report: EvidenceReport, forbidden: Collection[ChangedKind]
) -> AccountResult:
    shown = history.find_unexplained(forbidden)
    is_state = at_end.verdict is Verdict.FAIL and all(
        presence.until is None and not presence.has_appeared for presence in shown
    )
    if not shown or is_state:
        return at_end
    sentences = [describe_change(presence, report.period) for presence in shown]
    reason = f"{' '.join(sentences)} At the period's end: {at_end.reason}"
    return replace(at_end, verdict=Verdict.FAIL, reason=reason, has_no_password=False)


def describe_failed_before(at_end: Sequence[AccountResult], judged: Sequence[AccountResult]) -> Iterator[str]:
    """Say how many accounts fail only by what was there before the period's end; nothing if none does."""
    failing = {result.account_id for result in at_end if result.verdict is Verdict.FAIL}
    count = sum(result.verdict is Verdict.FAIL and result.account_id not in failing for result in judged)
    if count:
        accounts = "1 account fails" if count == 1 else f"{count:,} accounts fail"
        yield f"{accounts} by a reading within the period, and not by the state at its end."


def _evaluate_applicability(account: AccountEvidence, partition: str) -> AccountResult | None:
    """Judge an account that has no root user to check; ``None`` for every other."""
    if partition == "aws-cn":
        return make_result(account, Verdict.NOT_APPLICABLE, "The partition aws-cn has no root users.")
    if account.role is not AccountRole.MANAGEMENT and account.status is Status.NOT_APPLICABLE:
        return make_result(account, Verdict.NOT_APPLICABLE, account.detail or "It isn't active.")
    return None


_WORDS = {
    Verdict.FAIL: "fail",
    Verdict.KEPT: "kept on purpose, guarded",
    Verdict.MANUAL: "for a person to judge",
    Verdict.NOT_APPLICABLE: "not applicable",
    Verdict.PASS: "pass",
    Verdict.UNKNOWN: "unknown",
}


def describe_accounts(accounts: Sequence[AccountResult]) -> Iterator[str]:
    """Count the accounts of each verdict, in a sentence for all; nothing if there are no accounts."""
    if accounts:
        parts = ", ".join(f"{count:,} {_WORDS[verdict]}" for verdict, count in count_accounts(accounts).items())
        yield f"Of {len(accounts):,} accounts: {parts}." if len(accounts) > 1 else f"Of 1 account: {parts}."


def _get_kind(account: AccountEvidence, kind: CredentialKind) -> KindEvidence:
    return next(evidence for evidence in account.kinds if evidence.kind is kind)


def explain_unread(account: AccountEvidence) -> str:
    """Say why it isn't known."""
    return account.detail or "No reading of the period shows it."


def make_result(
    account: AccountEvidence, verdict: Verdict, reason: str, *, has_no_password: bool = False
) -> AccountResult:
    """Make the result of a check for an account of the report."""
    named = account.account
    return AccountResult(
        named.account_id, named.name, named.ou_path, verdict, reason, account.read_at, has_no_password=has_no_password
    )
