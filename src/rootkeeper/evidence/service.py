"""Compiles the evidence report from the database. Makes no AWS call, changes nothing, and reads no clock.

The same facts and the same period give the same report. Two verdicts are never merged: whether root access is
centralized, which is a setting, and whether root user credentials exist. Enabling the feature deletes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from string import ascii_uppercase

from rootkeeper.errors import Hint, InputError
from rootkeeper.evidence.periods import (
    AccountHistory,
    CoverageGap,
    CredentialChange,
    describe_gap,
    evaluate_period,
    find_long_gaps,
    follow_accounts,
    list_coverage_gaps,
)
from rootkeeper.evidence.rules import (
    AccountEvidence,
    AccountFacts,
    ControlResult,
    Gap,
    KeptLogin,
    LedgerHistory,
    Period,
    check_kept_logins,
    evaluate_account,
    evaluate_centralized_access,
    evaluate_no_root_credentials,
    list_gaps,
    read_history,
    require_period,
)
from rootkeeper.exceptions.rules import DeletionException
from rootkeeper.findings.rules import Verdict
from rootkeeper.inventory.store import AuditHistory, ConfirmationStore, InventoryStore
from rootkeeper.ledger.rules import LedgerEntry, LedgerVerification
from rootkeeper.ledger.verification import LedgerExtract, LedgerReader
from rootkeeper.organization.accounts import AccountId, Inventory
from rootkeeper.organization.confirmations import Claim, Confirmation, find_in_force
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    FailOn,
    KeptReading,
    RootLoginsLeft,
    classify_account_role,
    count_root_logins_left,
)
from rootkeeper.root_emails.rules import EmailRules, RootEmail, RootEmailEvaluator
from rootkeeper.root_emails.statements import EmailAttestationStore
from rootkeeper.setup.drift import AcceptedSetupStore
from rootkeeper.setup.rules import (
    AcceptedSetup,
    ManagementReading,
    SetupDrift,
    SetupState,
    compare_setup,
    mark_own_changes,
)
from rootkeeper.windows.rules import FINAL_STATES, RecoveryWindow
from rootkeeper.windows.store import RecoveryWindowStore


@dataclass(frozen=True, slots=True)
class EvidenceFacts:
    """The facts in the database."""

    inventory: Inventory
    statuses: Mapping[AccountId, AccountStatus]
    windows: tuple[RecoveryWindow, ...]
    history: LedgerHistory
    emails: tuple[RootEmail, ...]
    """Every account's address as judged at the period's end."""
    setup: SetupState | None
    """The newest reading that isn't later than the period's end."""
    accepted: AcceptedSetup | None
    """The set-up that was accepted at the period's end."""
    ledger: LedgerVerification
    """Of the whole ledger, for any period: a chain can only be checked from its beginning."""
    kept: Mapping[AccountId, AccountStatus] = field(default_factory=dict)
    """Each account's newest reading of the period that an audit kept."""
    confirmations: tuple[Confirmation, ...] = ()
    """Of delegated administrator accounts, at any time."""
    management_readings: tuple[ManagementReading, ...] = ()
    """Whether root credentials management was on at each reading of the period, the oldest first."""
    readings: Iterable[KeptReading] = ()
    """By account and time: the good readings of the period that audits kept, after the last one before it."""
    audited_at: tuple[datetime, ...] = ()
    """When each audit of the whole organization ended that ended in the period."""


@dataclass(frozen=True, slots=True)
class SetupEvidence:
    """The set-up and its drift."""

    state: SetupState | None
    """``None`` if no reading of the period shows it."""
    detail: str | None
    """Why it isn't known."""
    drift: SetupDrift


@dataclass(frozen=True, slots=True)
class EvidenceReport:
    """Everything that a report shows."""

    organization_id: str
    management_account_id: AccountId
    partition: str
    period: Period
    endpoints: tuple[str, ...]
    listed_at: datetime
    centralized: ControlResult
    no_root_credentials: ControlResult
    """Of the state at the period's end."""
    credentials_in_period: ControlResult
    """Of every reading of the period."""
    management: AccountEvidence | None
    accounts: tuple[AccountEvidence, ...]
    """Every other account, in the order of the inventory."""
    histories: Mapping[AccountId, AccountHistory]
    """What the readings show, by account; also of accounts that aren't listed any more."""
    coverage: tuple[CoverageGap, ...]
    """The times between audits of the whole organization, the longest first."""
    kept_logins: tuple[KeptLogin, ...]
    """The management account's, then each failsafe's."""
    windows: tuple[RecoveryWindow, ...]
    """Those that the period touches, the oldest first."""
    exceptions: tuple[DeletionException, ...]
    """Those that were in force at some time in the period, by account."""
    history: LedgerHistory
    gaps: tuple[Gap, ...]
    setup: SetupEvidence
    ledger: LedgerVerification
    """Its anchor isn't shown: it grows beside the database, and the same database must give the same report."""
    management_readings: tuple[ManagementReading, ...] = ()
    """Whether root credentials management was on at each reading of the period, the oldest first."""
    extract: Iterable[LedgerEntry] = ()
    """The ledger from the period's first entry to the head, read again at each walk: a chain can only be followed
    without gaps. Without an entry since the period's start it is the head alone.
    """

    @property
    def all_accounts(self) -> tuple[AccountEvidence, ...]:
        """The management account, if it is listed, then every other."""
        return self.accounts if self.management is None else (self.management, *self.accounts)

    @property
    def changes(self) -> tuple[CredentialChange, ...]:
        """Root user credentials that came or went in the period, by time."""
        found = (change for history in self.histories.values() for change in history.changes)
        return tuple(sorted(found, key=lambda change: (change.first_seen_at, change.account_id, change.kind)))

    @property
    def shown_gaps(self) -> tuple[CoverageGap, ...]:
        """Those that are a day without an audit, or longer than the report allows."""
        return tuple(gap for gap in self.coverage if gap.days or gap.length > self.period.stale_after)

    @property
    def endpoint(self) -> str:
        """The label for the whole report: a sandbox is named before AWS, so that play is never taken for evidence."""
        sandboxes = [label for label in self.endpoints if label != "AWS"]
        return (sandboxes or [*self.endpoints, "unknown"])[0]

    @property
    def is_sandbox(self) -> bool:
        return self.endpoint != "AWS"

    @property
    def root_logins_left(self) -> RootLoginsLeft:
        """Of every account, the management account included, at the period's end."""
        return count_root_logins_left(account.found for account in self.all_accounts)

    def list_fail_on(self) -> frozenset[FailOn]:
        """List the findings that make the answer bad, if ``--fail-on`` names them."""
        return frozenset(finding for finding in FailOn if self.has_findings(frozenset({finding})))

    def has_findings(self, fail_on: frozenset[FailOn]) -> bool:
        """Whether the answer is bad: a verdict that fails, drift, a ledger that was altered, or an unknown.

        Of the period, a credential is bad that appeared in it, and that no recovery window explains.

        A verdict that needs a person's judgement counts as unknown, and an account that the last attempt didn't read as
        unread.
        """
        verdicts = {self.centralized.verdict, self.no_root_credentials.verdict}
        is_bad = Verdict.FAIL in verdicts or self.setup.drift.differences or not self.ledger.is_intact
        # The removal of credentials from before the period is the wanted work.
        is_bad = is_bad or any(
            presence.has_appeared
            for history in self.histories.values()
            for presence in history.find_unexplained(history.forbidden)
        )
        verdicts.add(self.credentials_in_period.verdict)
        is_unknown = verdicts & {Verdict.MANUAL, Verdict.UNKNOWN} or self.setup.drift.unknown
        found = {FailOn.PRESENT: is_bad, FailOn.UNKNOWN: is_unknown, FailOn.UNREAD: self.root_logins_left.unread}
        return any(found.get(finding) for finding in fail_on)


def compile_report(facts: EvidenceFacts, period: Period) -> EvidenceReport:
    inventory, history = facts.inventory, facts.history
    evidence = tuple(evaluate_account(account_facts, period) for account_facts in _list_account_facts(facts, period))
    management = next((account for account in evidence if account.role is AccountRole.MANAGEMENT), None)
    accounts = tuple(account for account in evidence if account.role is not AccountRole.MANAGEMENT)
    setup = _evaluate_setup(facts, period)
    no_root_credentials = evaluate_no_root_credentials(accounts, inventory.listed_at, period)
    histories = follow_accounts(facts.readings, evidence, facts.statuses, facts.windows, history.deletions, period)
    coverage = list_coverage_gaps(facts.audited_at, period)
    gaps = [
        Gap("audits", None, "no_complete_audit", describe_gap(gap, period))
        for gap in find_long_gaps(coverage, period.stale_after)
    ]
    gaps += list_gaps(evidence, history, setup.detail, setup.drift, facts.ledger.problem, inventory, period)
    read_at = (inventory.endpoint, None if facts.setup is None else facts.setup.endpoint)
    exceptions = [
        exception
        for exception in history.exceptions
        if exception.added_at <= period.end and exception.until >= period.start
    ]
    return EvidenceReport(
        organization_id=inventory.organization.organization_id,
        management_account_id=inventory.organization.management_account_id,
        partition=inventory.organization.partition,
        period=period,
        # Also where the accounts were listed and the set-up was read: neither needs an entry in the ledger.
        endpoints=tuple(sorted({*history.endpoints, *(label for label in read_at if label is not None)})),
        listed_at=inventory.listed_at,
        centralized=evaluate_centralized_access(
            setup.state, setup.detail, inventory, find_in_force(facts.confirmations, Claim.PURPOSE, period.end)
        ),
        no_root_credentials=no_root_credentials,
        credentials_in_period=evaluate_period(no_root_credentials, histories.values(), coverage, period),
        management=management,
        accounts=accounts,
        histories=histories,
        coverage=coverage,
        kept_logins=check_kept_logins(
            evidence, facts.emails, history.drills, facts.windows, period, inventory.organization.partition
        ),
        windows=tuple(
            sorted(_list_windows(facts.windows, period), key=lambda window: (window.requested_at, window.window_id))
        ),
        exceptions=tuple(sorted(exceptions, key=lambda exception: (exception.account_id, exception.added_at))),
        history=history,
        gaps=tuple(gaps),
        setup=setup,
        ledger=facts.ledger,
        management_readings=facts.management_readings,
    )


def _list_account_facts(facts: EvidenceFacts, period: Period) -> Iterable[AccountFacts]:
    inventory = facts.inventory
    windows: dict[AccountId, list[RecoveryWindow]] = {}
    for window in facts.windows:
        windows.setdefault(window.account_id, []).append(window)
    kept = find_in_force(facts.confirmations, Claim.KEPT, period.end)
    exceptions = {
        exception.account_id: exception
        for exception in facts.history.exceptions
        if exception.added_at <= period.end < exception.until
    }
    for account in inventory.accounts:
        yield AccountFacts(
            account=account,
            role=classify_account_role(account.account_id, inventory),
            partition=inventory.organization.partition,
            last=facts.statuses.get(account.account_id),
            kept=facts.kept.get(account.account_id),
            windows=tuple(windows.get(account.account_id, ())),
            exception=exceptions.get(account.account_id),
            listed_at=inventory.listed_at,
            confirmation=kept.get(account.account_id),
        )


def _evaluate_setup(facts: EvidenceFacts, period: Period) -> SetupEvidence:
    state, accepted, history = facts.setup, facts.accepted, facts.history
    changed = history.setup_changed
    if state is None:
        detail = "The set-up was never read. A reading of the set-up, or an audit, in the period is needed."
    elif (stale := period.find_staleness(state.read_at)) is not None:
        detail = f"The set-up was {stale}, at {state.read_at:%Y-%m-%d %H:%M:%S UTC}."
    elif changed is not None and changed.at > state.read_at:
        detail = (
            f"Rootkeeper changed the set-up after its last reading: {changed.action.value}, ledger entry "
            f"{changed.sequence}. A reading of the set-up, or an audit, since then is needed."
        )
    else:
        drift = compare_setup(accepted, state)
        if accepted is not None:
            since = (entry for entry in history.setup_entries if entry.sequence > accepted.ledger_sequence)
            drift = mark_own_changes(drift, since)
        return SetupEvidence(state, None, drift)
    unknown = () if accepted is None else (f"Drift couldn't be evaluated. {detail}",)
    return SetupEvidence(None, detail, SetupDrift(accepted, (), unknown))


def _list_windows(windows: Iterable[RecoveryWindow], period: Period) -> Iterable[RecoveryWindow]:
    """A window that ended without a closing, such as a kept window, had ended by its expiry."""
    for window in windows:
        ended_by = window.expires_at or window.requested_at
        end = window.closed_at or (ended_by if window.state in FINAL_STATES else period.end)
        if window.requested_at <= period.end and end >= period.start:
            yield window


def list_methods(report: EvidenceReport) -> dict[str, str]:
    """Letters by method, in the order in which the methods sort."""
    found = sorted(
        {kind.method for account in report.all_accounts for kind in account.kinds if kind.method is not None}
    )
    letters = (*ascii_uppercase, *(f"M{place + 1}" for place in range(len(ascii_uppercase), len(found))))
    return dict(zip(found, letters, strict=False))


def list_method_letters(account: AccountEvidence, methods: Mapping[str, str]) -> list[str]:
    return sorted({methods[kind.method] for kind in account.kinds if kind.method is not None})


class ReportStep(StrEnum):
    """The steps of a report, in their order."""

    READING = "reading"
    """Reads the database, and verifies the ledger."""
    JUDGING = "judging"
    """Evaluates accounts, the set-up and controls."""
    RENDERING = "rendering"
    """Writes the file."""


@dataclass(frozen=True, slots=True)
class EvidenceCompiler:
    """Compiles the evidence of an organization."""

    organization_id: str
    store: InventoryStore
    windows: RecoveryWindowStore
    setups: AcceptedSetupStore
    attestations: EmailAttestationStore
    confirmations: ConfirmationStore
    rules: EmailRules
    ledger: LedgerReader
    audits: AuditHistory

    def compile(self, period: Period, begin: Callable[[ReportStep], None] = lambda _: None) -> EvidenceReport:
        """The report over a period; the whole ledger is verified for it.

        :param begin: is called when a step begins.
        :raises InputError: if the period ends before it begins, or the organization was never listed.
        :raises DatabaseError: if the database can't be read.
        """
        require_period(period)
        begin(ReportStep.READING)
        inventory = self.store.find_last()
        if inventory is None or not inventory.accounts:
            raise InputError(
                f"The database knows no accounts of organization {self.organization_id}, so there is no evidence.",
                hint=Hint("Audit the organization first.", "evidence.audit"),
            )
        attestations = {attestation.address: attestation for attestation in self.attestations.list_attestations()}
        # The same database gives the same report, also where it was copied without its copies of the ledger.
        ledger = self.ledger.verify(must_have_copies=False)
        # Entries that are written meanwhile are after the head, and not in the report.
        entries = LedgerExtract(self.ledger, 1, ledger.head_sequence)
        facts = EvidenceFacts(
            inventory=inventory,
            statuses=self.store.list_statuses(),
            windows=self.windows.list_windows(),
            history=read_history(entries, self.organization_id, period),
            emails=RootEmailEvaluator(self.rules, attestations, period.end).evaluate_all(inventory),
            setup=self.setups.find_last_reading(period.end),
            accepted=self.setups.find_last(period.end),
            ledger=ledger,
            kept=self.audits.list_readings(period.start, period.end),
            confirmations=self.confirmations.list_confirmations(in_sandbox=inventory.endpoint != "AWS"),
            management_readings=self.setups.list_management_readings(period.start, period.end),
            readings=self.audits.stream_readings(period.start, period.end),
            audited_at=self.audits.list_complete(period.start, period.end),
        )
        begin(ReportStep.JUDGING)
        report = compile_report(facts, period)
        first = report.history.first_sequence or ledger.head_sequence
        return replace(report, extract=replace(entries, first=first))


def choose_organization(known: tuple[str, ...], wanted: str | None) -> str:
    """:raises InputError: if the organization meant isn't known, or several are and none was named."""
    if not known:
        raise InputError(
            "The database has no organization yet.", hint=Hint("Audit an organization first.", "evidence.audit")
        )
    if wanted is not None:
        if wanted not in known:
            raise InputError(
                f"The database doesn't know organization {wanted!r}.", hint=f"It knows {', '.join(known)}."
            )
        return wanted
    if len(known) > 1:
        raise InputError(
            f"The database has several organizations: {', '.join(known)}.",
            hint=Hint("Name one of them.", "evidence.organization"),
        )
    return known[0]
