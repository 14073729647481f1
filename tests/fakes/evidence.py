"""Facts for reports: one organization in which every section of a report has something to show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rootkeeper.evidence.rules import DeletionEvidence, EndedException, LedgerHistory, Period
from rootkeeper.evidence.service import EvidenceFacts, EvidenceReport, compile_report
from rootkeeper.exceptions.rules import DeletionException
from rootkeeper.ledger.rules import Action, Actor, ActorKind, LedgerEntry, LedgerVerification, Phase, Result
from rootkeeper.organization.accounts import (
    Account,
    AccountId,
    AccountState,
    Feature,
    Inventory,
    Organization,
    OrganizationalUnit,
    Setup,
)
from rootkeeper.organization.confirmations import Claim, Confirmation, ConfirmationBasis
from rootkeeper.organization.statuses import (
    AccessKey,
    AccountRole,
    AccountStatus,
    CredentialKind,
    KeptReading,
    LoginProfile,
    RootCredentials,
    RootCredentialsSummary,
    Status,
    StatusReason,
)
from rootkeeper.reports.formats import get_format
from rootkeeper.root_emails.rules import EmailRules, RootEmailEvaluator
from rootkeeper.setup.rules import AcceptedSetup, Guardrail, ManagementReading, SetupState
from rootkeeper.windows.rules import RecoveryWindow, WindowState

ORGANIZATION_ID = "o-exampleorgid"
MANAGEMENT, FAILSAFE = AccountId("111122223333"), AccountId("222233334444")
CLEAN, PRESENT, BLOCKED = AccountId("333344445555"), AccountId("444455556666"), AccountId("555566667777")
NEVER, CLOSED, STALE = AccountId("666677778888"), AccountId("777788889999"), AccountId("888899990000")
RECOVERING = AccountId("999900001111")

START = datetime(2026, 8, 1, tzinfo=UTC)
END = datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC)
PERIOD = Period(START, END)
READ = datetime(2026, 10, 30, 8, 15, tzinfo=UTC)
ENDPOINT = "SANDBOX 127.0.0.1:4599"
CALLER = f"arn:aws:iam::{MANAGEMENT}:user/management-admin"
OPERATOR = Actor("mary@desk", ActorKind.SELF_ASSERTED, CALLER)

AUDITED = tuple(READ - timedelta(weeks=weeks) for weeks in range(12, -1, -1))
"""When the weekly audits of the whole organization ended."""
CLEANED = READ - timedelta(days=40)
"""When the credentials of CLEAN were deleted."""

NOTHING = RootCredentialsSummary(
    has_password=False, has_access_keys=False, has_signing_certificates=False, has_mfa_devices=False
)
GUARDED = replace(NOTHING, has_password=True, has_mfa_devices=True)
KEYS = replace(NOTHING, has_password=True, has_access_keys=True)


PURPOSE = Confirmation(
    FAILSAFE,
    Claim.PURPOSE,
    ConfirmationBasis.ATTESTATION,
    "Head of Security",
    "Only security tools run there",
    datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC),
    "mary@desk",
    START,
    ENDPOINT,
)
CHECKED = replace(PURPOSE, claim=Claim.KEPT, basis=ConfirmationBasis.CHECK, reason="Every check passed")


def make_account(
    account_id: AccountId,
    name: str,
    *,
    ou_path: str = "Root/Workloads",
    state: AccountState = AccountState.ACTIVE,
    joined_at: datetime | None = None,
) -> Account:
    return Account(account_id, name, f"aws+{account_id}@example.com", state, ("r-exam",), ou_path, joined_at)


def make_status(
    account: Account,
    status: Status,
    summary: RootCredentialsSummary | None = None,
    *,
    role: AccountRole = AccountRole.MEMBER,
    reason: StatusReason | None = None,
    detail: str | None = None,
    observed_at: datetime | None = READ,
    credentials: RootCredentials | None = None,
) -> AccountStatus:
    session = "ASIAIOSFODNN7EXAMPLE" if summary is not None and role is not AccountRole.MANAGEMENT else None
    return AccountStatus(account, role, status, reason, detail, summary, credentials, observed_at, session)


def make_window(
    account_id: AccountId,
    state: WindowState = WindowState.CLOSED_VERIFIED,
    *,
    requested_at: datetime = READ - timedelta(days=20),
    closed_at: datetime | None = None,
    reason: str = "A bucket policy locked everyone out",
    approved_by: tuple[str, ...] = (),
) -> RecoveryWindow:
    is_closed = state is WindowState.CLOSED_VERIFIED
    return RecoveryWindow(
        window_id=f"w-{account_id[:6]}{requested_at:%d}",
        organization_id=ORGANIZATION_ID,
        account_id=account_id,
        state=state,
        reason=reason,
        ticket="INC-17",
        requested_by="mary@desk",
        requested_at=requested_at,
        duration_seconds=3600,
        approved_by=approved_by,
        opened_at=requested_at + timedelta(minutes=1),
        expires_at=requested_at + timedelta(hours=1),
        closed_at=closed_at or (requested_at + timedelta(hours=1) if is_closed else None),
    )


def make_state(
    *,
    trusted_access: bool | None = True,
    features: frozenset[Feature] | None = frozenset(Feature),
    delegates: tuple[AccountId, ...] | None = (FAILSAFE,),
    guardrails: tuple[Guardrail, ...] | None = (),
    unknown: tuple[str, ...] = (),
    guardrails_unknown: str | None = None,
    read_at: datetime = READ,
) -> SetupState:
    setup = Setup(trusted_access, features, delegates, unknown)
    return SetupState(setup, guardrails, guardrails_unknown, read_at, ENDPOINT, CALLER)


def read_management(*states: SetupState) -> tuple[ManagementReading, ...]:
    """The readings of a period by which its controls judge; the newest one is the set-up of the report."""
    found = (ManagementReading(state.read_at, state.setup.manages_root_credentials) for state in states)
    return tuple(reading for reading in found if PERIOD.holds(reading.read_at))


def make_guardrail(
    policy_id: str = "p-examplescp", content_hash: str = "a" * 64, attached_to: tuple[str, ...] = ("r-exam",)
) -> Guardrail:
    return Guardrail(policy_id, "DenyLongTermRoot", "service_control_policy", content_hash, attached_to)


def make_entry(sequence: int, action: Action, at: datetime = READ, **changes: object) -> LedgerEntry:
    """An intent, unless ``changes`` say otherwise."""
    entry = LedgerEntry(
        sequence=sequence,
        at=at,
        organization_id=ORGANIZATION_ID,
        endpoint=ENDPOINT,
        actor=OPERATOR,
        action=action,
        account_id=None,
        parameters={},
        phase=Phase.INTENT,
        owner_id="owner",
        intent_sequence=None,
        result=None,
        previous_hash="",
        entry_hash="",
    )
    return replace(entry, **changes)  # type: ignore[arg-type]  # any field may be changed


def accept(state: SetupState, *, at: datetime = START, by: str = "mary@desk") -> AcceptedSetup:
    return AcceptedSetup(state, at, by, 7)


def list_accounts() -> tuple[Account, ...]:
    return (
        make_account(MANAGEMENT, "Management", ou_path="Root"),
        make_account(FAILSAFE, "Security", ou_path="Root/Security"),
        make_account(CLEAN, "Shop Prod"),
        make_account(PRESENT, "Legacy <Billing> & Co"),
        make_account(BLOCKED, "Payments Prod"),
        make_account(NEVER, "Newcomer"),
        make_account(CLOSED, "Old Project", state=AccountState.SUSPENDED),
        make_account(STALE, "Data Lake"),
        make_account(RECOVERING, "Shop Test"),
    )


def make_inventory(accounts: tuple[Account, ...] | None = None, *, listed_at: datetime = READ) -> Inventory:
    return Inventory(
        organization=Organization(ORGANIZATION_ID, MANAGEMENT, has_all_features=True, partition="aws"),
        accounts=list_accounts() if accounts is None else accounts,
        organizational_units=(OrganizationalUnit("r-exam", "Root", None),),
        listed_at=listed_at,
        delegated_administrator_ids=frozenset({FAILSAFE}),
    )


def list_statuses() -> Mapping[AccountId, AccountStatus]:
    by_id = {account.account_id: account for account in list_accounts()}
    detail = RootCredentials(
        PRESENT,
        LoginProfile(READ - timedelta(days=900), READ - timedelta(days=3)),
        (AccessKey("AKIAIOSFODNN7EXAMPLE", True, READ - timedelta(days=800), None),),
        (),
        (),
        READ,
    )
    denial = "AWS denied iam:GetAccountSummary. AWS names the policy p-examplescp."
    found = (
        make_status(
            by_id[MANAGEMENT],
            Status.NOT_APPLICABLE,
            GUARDED,
            role=AccountRole.MANAGEMENT,
            reason=StatusReason.MANAGEMENT_ACCOUNT,
        ),
        make_status(by_id[FAILSAFE], Status.PRESENT, GUARDED, role=AccountRole.FAILSAFE),
        make_status(by_id[CLEAN], Status.NOT_PRESENT, NOTHING),
        make_status(by_id[PRESENT], Status.PRESENT, KEYS, credentials=detail),
        make_status(by_id[BLOCKED], Status.UNKNOWN, reason=StatusReason.BLOCKED_BY_POLICY, detail=denial),
        make_status(by_id[STALE], Status.NOT_PRESENT, NOTHING, observed_at=START - timedelta(days=30)),
        make_status(by_id[RECOVERING], Status.NOT_PRESENT, NOTHING, observed_at=READ - timedelta(days=1)),
    )
    return {status.account.account_id: status for status in found}


def make_readings(
    statuses: Mapping[AccountId, AccountStatus], earlier: Mapping[AccountId, RootCredentialsSummary] | None = None
) -> tuple[KeptReading, ...]:
    """What the weekly audits read up to each account's last status: always the same, or ``earlier`` until CLEANED."""
    return tuple(
        KeptReading(account_id, f"j-{at:%m%d}", at, (earlier or {}).get(account_id, status.summary))
        if at < CLEANED
        else KeptReading(account_id, f"j-{at:%m%d}", at, status.summary)
        for account_id, status in sorted(statuses.items())
        if status.summary is not None and status.observed_at is not None
        for at in sorted({*AUDITED, status.observed_at})
        if at <= status.observed_at
    )


def make_history() -> LedgerHistory:
    def delete(sequence: int, kind: CredentialKind, target: str | None, result: Result) -> DeletionEvidence:
        at = CLEANED + timedelta(seconds=sequence)
        session = "ASIAIOSFODNN7EXAMPLE"
        return DeletionEvidence(sequence, at, CLEAN, kind, target, result, OPERATOR, "plan-1a2b3c", session, at)

    return LedgerHistory(
        deletions=(
            delete(11, CredentialKind.ACCESS_KEYS, "AKIAIOSFODNN7EXAMPLE", Result.DONE),
            delete(13, CredentialKind.PASSWORD, None, Result.DONE),
            delete(15, CredentialKind.MFA_DEVICES, f"arn:aws:iam::{CLEAN}:mfa/root-account-mfa-device", Result.UNKNOWN),
        ),
        exceptions=(
            DeletionException(
                PRESENT, "Billing", "Reseller sign-up needs root", END + timedelta(days=30), "mary@desk", START
            ),
        ),
        ended_exceptions=(
            EndedException(CLEAN, "Shop", "Needed until the migration", "2026-12-31T00:00:00+00:00", READ, "mary@desk"),
        ),
        open_intents=(make_entry(21, Action.ACCESS_KEY_DELETE, account_id=PRESENT),),
        entries=40,
        audits=2,
        endpoints=(ENDPOINT,),
        caller_arns=(CALLER,),
    )


def make_facts() -> EvidenceFacts:
    return EvidenceFacts(
        inventory=make_inventory(),
        statuses=list_statuses(),
        windows=(
            make_window(CLEAN, approved_by=("john@example.com",)),
            make_window(RECOVERING, WindowState.OPEN, requested_at=READ),
        ),
        history=make_history(),
        emails=RootEmailEvaluator(EmailRules(), {}, END).evaluate_all(make_inventory()),
        setup=make_state(
            features=frozenset({Feature.ROOT_CREDENTIALS_MANAGEMENT}),
            guardrails=(make_guardrail(attached_to=("ou-exam-workload",)),),
        ),
        accepted=accept(make_state(guardrails=(make_guardrail(),))),
        ledger=LedgerVerification(120, 120, "c0ffee" + "0" * 58, None, None, None),
        confirmations=(PURPOSE, CHECKED),
        management_readings=read_management(make_state()),
        readings=make_readings(list_statuses(), {CLEAN: replace(KEYS, has_mfa_devices=True)}),
        audited_at=AUDITED,
    )


def make_report(facts: EvidenceFacts | None = None, period: Period = PERIOD) -> EvidenceReport:
    return compile_report(facts or make_facts(), period)


def make_hostile_facts(text: str) -> EvidenceFacts:
    """The same, with ``text`` wherever other people can write."""
    facts = make_facts()
    accounts = tuple(replace(one, name=text, email=text, ou_path=f"Root/{text}") for one in list_accounts())
    actor = replace(OPERATOR, name=text, caller_arn=text)
    policy = replace(make_guardrail(), name=text)
    state = replace(make_state(guardrails=(policy,), unknown=(text,)), caller_arn=text)
    return replace(
        facts,
        inventory=make_inventory(accounts),
        statuses={account_id: replace(status, detail=text) for account_id, status in list_statuses().items()},
        windows=tuple(
            replace(window, reason=text, ticket=text, requested_by=text, approved_by=(text,), failure=text)
            for window in facts.windows
        ),
        history=replace(
            facts.history,
            exceptions=tuple(replace(one, owner=text, reason=text, added_by=text) for one in facts.history.exceptions),
            deletions=tuple(replace(one, target=text, actor=actor, cause=text) for one in facts.history.deletions),
            ended_exceptions=tuple(
                replace(one, owner=text, reason=text, until=text, ended_by=text)
                for one in facts.history.ended_exceptions
            ),
            caller_arns=(text,),
        ),
        emails=RootEmailEvaluator(EmailRules(), {}, END).evaluate_all(make_inventory(accounts)),
        setup=replace(state, guardrails=(replace(policy, attached_to=(text,)),)),
        accepted=accept(state, by=text),
    )


def render_as(name: str, report: EvidenceReport) -> str:
    """Render a report in a format that is text."""
    return b"".join(get_format(name).render(report)).decode()
