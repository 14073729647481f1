"""Facts for controls: a small organization in which everything is in order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rootkeeper.evidence.rules import LedgerHistory
from rootkeeper.evidence.service import EvidenceFacts
from rootkeeper.failsafe.rules import AlarmObservation, Drill, DrillOutcome
from rootkeeper.ledger.rules import LedgerVerification
from rootkeeper.organization.accounts import Account, AccountId
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    LoginProfile,
    MfaDevice,
    MfaKind,
    RootCredentials,
    RootCredentialsSummary,
    Status,
    StatusReason,
)
from rootkeeper.root_emails.rules import EmailRules, RootEmailEvaluator
from tests.fakes.evidence import (
    AUDITED,
    CHECKED,
    CLEAN,
    END,
    ENDPOINT,
    FAILSAFE,
    GUARDED,
    MANAGEMENT,
    NOTHING,
    PURPOSE,
    READ,
    START,
    make_account,
    make_guardrail,
    make_inventory,
    make_readings,
    make_state,
    make_status,
    read_management,
)

DRILL = Drill(FAILSAFE, END - timedelta(days=5), "Ana", DrillOutcome.PASSED, "mary@desk", END, AlarmObservation.SEEN)
HISTORY = LedgerHistory(drills=(DRILL,), entries=40, audits=2, endpoints=(ENDPOINT,))
INTACT = LedgerVerification(120, 120, "c0ffee" + "0" * 58, None, None, None)
ALTERED = replace(INTACT, first_bad_sequence=7, problem="Entry 7 was changed.")
PASSWORD = replace(NOTHING, has_password=True)
CERTIFICATES = replace(NOTHING, has_signing_certificates=True)
NEVER_USED = LoginProfile(START - timedelta(days=90), None)


def list_accounts() -> tuple[Account, ...]:
    return (
        make_account(MANAGEMENT, "Management", ou_path="Root"),
        make_account(FAILSAFE, "Security", ou_path="Root/Security"),
        make_account(CLEAN, "Shop Prod"),
    )


def read_details(account_id: AccountId, *kinds: MfaKind, profile: LoginProfile | None = NEVER_USED) -> RootCredentials:
    devices = tuple(MfaDevice(f"arn:aws:iam::{account_id}:mfa/{kind}", kind, START) for kind in kinds)
    return RootCredentials(account_id, profile, (), (), devices, READ)


def make_statuses(
    clean: RootCredentialsSummary | None = NOTHING,
    *,
    management: RootCredentialsSummary | None = GUARDED,
    kinds: tuple[MfaKind, ...] = (MfaKind.HARDWARE,),
    management_kinds: tuple[MfaKind, ...] | None = None,
    details: RootCredentials | None = None,
) -> dict[AccountId, AccountStatus]:
    """The management account, a guarded failsafe, and one member account."""
    accounts = list_accounts()
    no_credentials = clean is not None and clean.is_empty
    member_status = Status.UNKNOWN if clean is None else Status.NOT_PRESENT if no_credentials else Status.PRESENT
    reason = StatusReason.ACCESS_DENIED if clean is None else None
    found = (
        make_status(
            accounts[0],
            Status.NOT_APPLICABLE,
            management,
            role=AccountRole.MANAGEMENT,
            reason=StatusReason.MANAGEMENT_ACCOUNT,
            credentials=None if management_kinds is None else read_details(MANAGEMENT, *management_kinds),
        ),
        make_status(
            accounts[1],
            Status.PRESENT,
            GUARDED,
            role=AccountRole.FAILSAFE,
            credentials=read_details(FAILSAFE, *kinds),
        ),
        make_status(accounts[2], member_status, clean, reason=reason, credentials=details),
    )
    return {status.account.account_id: status for status in found}


NO_LOGIN = {**make_statuses(management=NOTHING)}
"""The management account has no root password and no MFA, so that nothing of it is unread."""


def make_facts(**changes: object) -> EvidenceFacts:
    """An organization in order, apart from ``changes``."""
    inventory = make_inventory(list_accounts())
    facts = replace(
        EvidenceFacts(
            inventory=inventory,
            statuses=make_statuses(),
            windows=(),
            history=HISTORY,
            emails=(),
            setup=make_state(guardrails=(make_guardrail(),)),
            accepted=None,
            ledger=INTACT,
            confirmations=(PURPOSE, CHECKED),
            audited_at=AUDITED,
        ),
        **changes,  # type: ignore[arg-type]  # any field may be changed
    )
    if facts.setup is not None and "management_readings" not in changes:
        facts = replace(facts, management_readings=read_management(facts.setup))
    if "readings" not in changes:
        facts = replace(facts, readings=make_readings(facts.statuses))
    return replace(facts, emails=RootEmailEvaluator(EmailRules(), {}, END).evaluate_all(facts.inventory))
