"""The two verdicts, each with its reasons.

Source: CIS Amazon Web Services Foundations Benchmark 7.0.0, recommendation 2.1.1, Ensure centralized root access in
AWS Organizations: trusted access for IAM, and root credentials management.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rootkeeper.domain.evidence.accounts import AccountEvidence, count_verdicts
from rootkeeper.domain.evidence.periods import Period, Verdict
from rootkeeper.domain.setup import Feature
from rootkeeper.domain.setup_drift import SetupState
from rootkeeper.domain.statuses import Role, Status

CENTRALIZED_CONTROL = "CIS AWS Foundations Benchmark 7.0, control 2.1.1"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and what it rests on."""

    verdict: Verdict
    reasons: tuple[str, ...]
    """One sentence each."""


def judge_centralized(state: SetupState | None, detail: str | None, partition: str) -> Judgement:
    """Whether root access is centralized: a setting, that by itself removes no credential.

    :param detail: why no reading of the period tells the set-up.
    """
    if partition == "aws-cn":
        return Judgement(Verdict.NOT_APPLICABLE, ("The partition aws-cn has no root access management.",))
    if state is None:
        return Judgement(Verdict.UNKNOWN, (detail or "The set-up was never read.",))
    setup = state.setup
    if setup.trusted_access is False:
        return Judgement(Verdict.FAIL, ("Trusted access for IAM is off.",))
    if setup.features is not None and Feature.ROOT_CREDENTIALS_MANAGEMENT not in setup.features:
        return Judgement(Verdict.FAIL, ("The feature RootCredentialsManagement is off.",))
    if setup.trusted_access is None or setup.features is None:
        return Judgement(Verdict.UNKNOWN, setup.unknown or ("The set-up couldn't be read.",))
    reasons = ["Trusted access for IAM is on.", "The feature RootCredentialsManagement is on."]
    is_on = Feature.ROOT_SESSIONS in setup.features
    reasons.append(f"The feature RootSessions, which the control doesn't ask for, is {'on' if is_on else 'off'}.")
    return Judgement(Verdict.PASS, tuple(reasons))


def judge_no_root_credentials(accounts: Sequence[AccountEvidence], listed_at: datetime, period: Period) -> Judgement:
    """Whether the member accounts have no root user credentials, those apart that are kept on purpose and guarded.

    :param accounts: every account but the management account, which the feature doesn't cover.
    """
    counts = count_verdicts(accounts)
    applicable = len(accounts) - counts[Verdict.NOT_APPLICABLE]
    reasons = _count_reasons(accounts, counts)
    stale = period.find_staleness(listed_at)
    is_list_stale = stale is not None and listed_at <= period.end
    if is_list_stale:
        reasons.append(f"The list of accounts was {stale}: accounts may have joined since.")
    if counts[Verdict.FAIL]:
        return Judgement(Verdict.FAIL, tuple(reasons))
    if not applicable:
        return Judgement(Verdict.UNKNOWN, ("There is no active member account to judge.",))
    if counts[Verdict.UNKNOWN] or is_list_stale:
        return Judgement(Verdict.UNKNOWN, tuple(reasons))
    return Judgement(Verdict.PASS, tuple(reasons))


def _count_reasons(accounts: Sequence[AccountEvidence], counts: dict[Verdict, int]) -> list[str]:
    open_windows = sum(account.status is Status.RECOVERY_OPEN for account in accounts)
    excepted = sum(account.verdict is Verdict.FAIL and account.exception is not None for account in accounts)
    failsafes = sum(account.verdict is Verdict.FAIL and account.role is Role.FAILSAFE for account in accounts)
    told = (
        (counts[Verdict.FAIL], "{accounts} with root user credentials"),
        (open_windows, "{count} of them in a recovery window"),
        (excepted, "{count} of them excepted from deletion"),
        (failsafes, "{count} of them a failsafe that isn't in order"),
        (counts[Verdict.UNKNOWN], "{accounts} unknown"),
        (counts[Verdict.KEPT], "{accounts} kept on purpose as a failsafe: MFA, no access key, no certificate"),
        (counts[Verdict.PASS], "{accounts} shown to have none of the four kinds"),
        (counts[Verdict.NOT_APPLICABLE], "{accounts} not applicable: not active, or not yet joined"),
    )
    return [f"{words.format(accounts=_accounts(count), count=f'{count:,}')}." for count, words in told if count]


def _accounts(count: int) -> str:
    return f"{count:,} {'account' if count == 1 else 'accounts'}"
