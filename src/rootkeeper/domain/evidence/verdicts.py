"""The two verdicts, each with its reasons.

Source: CIS Amazon Web Services Foundations Benchmark 7.0.0, recommendation 2.1.1, Ensure centralized root access in
AWS Organizations: trusted access for IAM, and root credentials management.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rootkeeper.domain.evidence.accounts import AccountEvidence, count_verdicts
from rootkeeper.domain.evidence.periods import EvidenceVerdict, Period
from rootkeeper.domain.setup import Feature
from rootkeeper.domain.setup_drift import SetupState
from rootkeeper.domain.statuses import AccountRole, Status

CENTRALIZED_CONTROL = "CIS AWS Foundations Benchmark 7.0, control 2.1.1"


@dataclass(frozen=True, slots=True)
class ControlResult:
    """A verdict, and what it rests on."""

    verdict: EvidenceVerdict
    reasons: tuple[str, ...]
    """One sentence each."""


def evaluate_centralized_access(state: SetupState | None, detail: str | None, partition: str) -> ControlResult:
    """Whether root access is centralized: a setting, that by itself removes no credential.

    :param detail: why no reading of the period tells the set-up.
    """
    if partition == "aws-cn":
        return ControlResult(EvidenceVerdict.NOT_APPLICABLE, ("The partition aws-cn has no root access management.",))
    if state is None:
        return ControlResult(EvidenceVerdict.UNKNOWN, (detail or "The set-up was never read.",))
    setup = state.setup
    if setup.trusted_access is False:
        return ControlResult(EvidenceVerdict.FAIL, ("Trusted access for IAM is off.",))
    if setup.features is not None and Feature.ROOT_CREDENTIALS_MANAGEMENT not in setup.features:
        return ControlResult(EvidenceVerdict.FAIL, ("The feature RootCredentialsManagement is off.",))
    if setup.trusted_access is None or setup.features is None:
        return ControlResult(EvidenceVerdict.UNKNOWN, setup.unknown or ("The set-up couldn't be read.",))
    reasons = ["Trusted access for IAM is on.", "The feature RootCredentialsManagement is on."]
    is_on = Feature.ROOT_SESSIONS in setup.features
    reasons.append(f"The feature RootSessions, which the control doesn't ask for, is {'on' if is_on else 'off'}.")
    return ControlResult(EvidenceVerdict.PASS, tuple(reasons))


def evaluate_no_root_credentials(
    accounts: Sequence[AccountEvidence], listed_at: datetime, period: Period
) -> ControlResult:
    """Whether the member accounts have no root user credentials, those apart that are kept on purpose and guarded.

    :param accounts: every account but the management account, which the feature doesn't cover.
    """
    counts = count_verdicts(accounts)
    applicable = len(accounts) - counts[EvidenceVerdict.NOT_APPLICABLE]
    reasons = _count_reasons(accounts, counts)
    stale = period.find_staleness(listed_at)
    is_list_stale = stale is not None and listed_at <= period.end
    if is_list_stale:
        reasons.append(f"The list of accounts was {stale}: accounts may have joined since.")
    if counts[EvidenceVerdict.FAIL]:
        return ControlResult(EvidenceVerdict.FAIL, tuple(reasons))
    if not applicable:
        return ControlResult(EvidenceVerdict.UNKNOWN, ("There is no active member account to judge.",))
    if counts[EvidenceVerdict.UNKNOWN] or is_list_stale:
        return ControlResult(EvidenceVerdict.UNKNOWN, tuple(reasons))
    return ControlResult(EvidenceVerdict.PASS, tuple(reasons))


def _count_reasons(accounts: Sequence[AccountEvidence], counts: dict[EvidenceVerdict, int]) -> list[str]:
    open_windows = sum(account.status is Status.RECOVERY_OPEN for account in accounts)
    excepted = sum(account.verdict is EvidenceVerdict.FAIL and account.exception is not None for account in accounts)
    failsafes = sum(
        account.verdict is EvidenceVerdict.FAIL and account.role is AccountRole.FAILSAFE for account in accounts
    )
    reported = (
        (counts[EvidenceVerdict.FAIL], "{accounts} with root user credentials"),
        (open_windows, "{count} of them in a recovery window"),
        (excepted, "{count} of them excepted from deletion"),
        (failsafes, "{count} of them a failsafe that isn't in order"),
        (counts[EvidenceVerdict.UNKNOWN], "{accounts} unknown"),
        (counts[EvidenceVerdict.KEPT], "{accounts} kept on purpose as a failsafe: MFA, no access key, no certificate"),
        (counts[EvidenceVerdict.PASS], "{accounts} shown to have none of the four kinds"),
        (counts[EvidenceVerdict.NOT_APPLICABLE], "{accounts} not applicable: not active, or not yet joined"),
    )
    return [f"{words.format(accounts=_accounts(count), count=f'{count:,}')}." for count, words in reported if count]


def _accounts(count: int) -> str:
    return f"{count:,} {'account' if count == 1 else 'accounts'}"
