"""Root logins that are kept on purpose: the management account's and the failsafe's, and how well they are guarded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rootkeeper.domain.checks import Check, failed, passed, unknown
from rootkeeper.domain.drills import Drill
from rootkeeper.domain.evidence.accounts import AccountEvidence
from rootkeeper.domain.evidence.periods import Period
from rootkeeper.domain.failsafe import FailsafeFacts, PolicyFinding, check_failsafe
from rootkeeper.domain.policies.evaluation import AccessVerdict
from rootkeeper.domain.root_credentials import CredentialKind
from rootkeeper.domain.root_emails import RootEmail
from rootkeeper.domain.statuses import AccountRole
from rootkeeper.domain.windows import FINAL_STATES, RecoveryWindow

_POLICIES_UNKNOWN = PolicyFinding(
    AccessVerdict.UNKNOWN, "The database doesn't keep policies: rootkeeper preflight tells whether they block it."
)


@dataclass(frozen=True, slots=True)
class KeptLogin:
    """One root login that is kept, and the checks that it is held to at the period's end."""

    evidence: AccountEvidence
    checks: tuple[Check, ...]


def check_kept_logins(
    accounts: Iterable[AccountEvidence],
    emails: Iterable[RootEmail],
    drills: tuple[Drill, ...],
    windows: Iterable[RecoveryWindow],
    period: Period,
) -> tuple[KeptLogin, ...]:
    """The management account's first, then each failsafe's."""
    by_id = {email.account.account_id: email for email in emails}
    open_windows = {window.account_id: window for window in windows if window.state not in FINAL_STATES}
    found = []
    for account in accounts:
        account_id = account.account.account_id
        if account.role is AccountRole.MANAGEMENT:
            found.append(KeptLogin(account, tuple(_check_management(account))))
        elif account.role is AccountRole.FAILSAFE:
            facts = FailsafeFacts(
                account=account.account,
                status=account.found,
                email=by_id[account_id],
                drills=drills,
                root_sign_in=_POLICIES_UNKNOWN,
                window=open_windows.get(account_id),
            )
            found.append(KeptLogin(account, check_failsafe(facts, period.end)))
    return tuple(sorted(found, key=lambda kept: kept.evidence.role is not AccountRole.MANAGEMENT))


_WANTED = (
    ("mfa_devices", "MFA device", CredentialKind.MFA_DEVICES, True),
    ("access_keys", "access key", CredentialKind.ACCESS_KEYS, False),
    ("signing_certificates", "signing certificate", CredentialKind.SIGNING_CERTIFICATES, False),
)


def _check_management(account: AccountEvidence) -> Iterator[Check]:
    summary, account_id = account.found.summary, account.account.account_id
    for name, noun, kind, expected in _WANTED:
        if summary is None:
            yield unknown(name, account.detail or "Not read.", account_id=account_id)
        else:
            evaluator = passed if summary.has(kind) is expected else failed
            found = "At least one" if summary.has(kind) else "No"
            yield evaluator(name, f"{found} root {noun}.", account_id=account_id)
