"""Accounts and statuses to render."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rootkeeper.audit.service import AuditReport
from rootkeeper.organization.accounts import (
    Account,
    AccountId,
    AccountState,
    Caller,
    Endpoint,
    Inventory,
    Organization,
    OrganizationalUnit,
)
from rootkeeper.organization.statuses import (
    AccessKey,
    AccountRole,
    AccountStatus,
    LoginProfile,
    MfaDevice,
    MfaKind,
    RootCredentials,
    RootCredentialsSummary,
    SigningCertificate,
    Status,
    StatusReason,
)
from rootkeeper.setup.rules import NEVER_ACCEPTED, SetupDrift

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ROOT = OrganizationalUnit("r-demo", "Root", None)
PROD = OrganizationalUnit("ou-demo-00000001", "Prod/EU", "r-demo")
ORGANIZATION = Organization("o-exampleorgid", AccountId("111122223333"), has_all_features=True, partition="aws")
CALLER = Caller(AccountId("111122223333"), "arn:aws:iam::111122223333:user/ana", "aws")
ENDPOINT = Endpoint("SANDBOX 127.0.0.1:4599")
EVERYTHING = RootCredentialsSummary(True, True, True, True)
NOTHING = RootCredentialsSummary(False, False, False, False)
GUARDED = RootCredentialsSummary(True, False, False, True)


def account(account_id: str = "444455556666", name: str = "Shop", state: AccountState = AccountState.ACTIVE) -> Account:
    return Account(
        AccountId(account_id), name, f"{account_id}@example.com", state, ("r-demo", PROD.ou_id), "Root/Prod/EU"
    )


def credentials(account_id: str = "444455556666") -> RootCredentials:
    return RootCredentials(
        AccountId(account_id),
        LoginProfile(NOW - timedelta(days=900), NOW - timedelta(days=400)),
        (
            AccessKey(
                "AKIAIOSFODNN7EXAMPLE", True, NOW - timedelta(days=800), NOW - timedelta(days=3), "s3", "us-east-1"
            ),
        ),
        (SigningCertificate("TA7SMP42TDN5Z26OBPJE7EXAMPLE", True, NOW - timedelta(days=700)),),
        (MfaDevice("arn:aws:iam::444455556666:mfa/root-account-mfa-device", MfaKind.VIRTUAL, NOW),),
        NOW,
    )


PRESENT = AccountStatus(account(), AccountRole.MEMBER, Status.PRESENT, summary=EVERYTHING, observed_at=NOW)
DETAILED = AccountStatus(
    account(), AccountRole.MEMBER, Status.PRESENT, summary=EVERYTHING, credentials=credentials(), observed_at=NOW
)
CLEAN = AccountStatus(account("555566667777", "Clean"), AccountRole.MEMBER, Status.NOT_PRESENT, summary=NOTHING)
OPEN = AccountStatus(account("666677778888", "Open"), AccountRole.MEMBER, Status.RECOVERY_OPEN, summary=GUARDED)
UNREAD = AccountStatus(
    account("777788889999", "Unread"),
    AccountRole.MEMBER,
    Status.UNKNOWN,
    StatusReason.BLOCKED_BY_POLICY,
    "Account 777788889999 is blocked by p-examplescp.",
)
SUSPENDED = AccountStatus(
    account("888899990000", "Gone", AccountState.SUSPENDED),
    AccountRole.MEMBER,
    Status.NOT_APPLICABLE,
    StatusReason.NOT_ACTIVE,
)
FAILSAFE = AccountStatus(
    account("222233334444", "Security"), AccountRole.FAILSAFE, Status.PRESENT, summary=GUARDED, is_confirmed=True
)
MANAGEMENT = AccountStatus(
    account("111122223333", "Management"),
    AccountRole.MANAGEMENT,
    Status.NOT_APPLICABLE,
    StatusReason.MANAGEMENT_ACCOUNT,
    summary=EVERYTHING,
)
ALL = (MANAGEMENT, FAILSAFE, PRESENT, CLEAN, OPEN, UNREAD, SUSPENDED)


def report(statuses: tuple[AccountStatus, ...] = ALL, drift: SetupDrift = NEVER_ACCEPTED) -> AuditReport:
    inventory = Inventory(ORGANIZATION, tuple(status.account for status in statuses), (ROOT, PROD), NOW)
    return AuditReport(inventory, CALLER, ENDPOINT, NOW, NOW, statuses, drift)
