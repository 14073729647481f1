"""The report as a value, and how it is put together: the same facts and the same period give the same report.

Two verdicts are told apart and never merged: whether root access is centralized, which is a setting, and whether there
are root user credentials, which is what the setting is for. Enabling the feature removes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rootkeeper.domain.deletion_exceptions import DeletionException
from rootkeeper.domain.evidence.accounts import AccountEvidence, AccountFacts, evaluate_account
from rootkeeper.domain.evidence.gaps import Gap, list_gaps
from rootkeeper.domain.evidence.history import LedgerHistory
from rootkeeper.domain.evidence.kept_logins import KeptLogin, check_kept_logins
from rootkeeper.domain.evidence.periods import EvidenceVerdict, Period
from rootkeeper.domain.evidence.verdicts import ControlResult, evaluate_centralized_access, evaluate_no_root_credentials
from rootkeeper.domain.organizations import AccountId, Inventory
from rootkeeper.domain.root_emails import RootEmail
from rootkeeper.domain.setup_drift import AcceptedSetup, SetupDrift, SetupState, compare_setup, mark_own_changes
from rootkeeper.domain.statuses import AccountRole, AccountStatus, FailOn, classify_account_role
from rootkeeper.domain.windows import FINAL_STATES, RecoveryWindow


@dataclass(frozen=True, slots=True)
class LedgerEvidence:
    """The whole ledger's state, whatever the period: a chain can only be checked from its beginning.

    How far the anchor reaches isn't told: it grows beside the database, and the same database gives the same report.
    """

    entries: int
    head_sequence: int
    head_hash: str
    is_intact: bool
    problem: str | None


@dataclass(frozen=True, slots=True)
class EvidenceFacts:
    """What the database knows."""

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
    ledger: LedgerEvidence
    kept: Mapping[AccountId, AccountStatus] = field(default_factory=dict)
    """Each account's newest reading of the period that an audit kept."""


@dataclass(frozen=True, slots=True)
class SetupEvidence:
    """The set-up and its drift."""

    state: SetupState | None
    """``None`` where no reading of the period tells it."""
    detail: str | None
    """Why it isn't told."""
    drift: SetupDrift


@dataclass(frozen=True, slots=True)
class EvidenceReport:
    """Everything that a report shows."""

    organization_id: str
    management_account_id: AccountId
    partition: str
    period: Period
    endpoints: tuple[str, ...]
    caller_arns: tuple[str, ...]
    """Whose credentials the readings and changes were made with."""
    listed_at: datetime
    centralized: ControlResult
    no_root_credentials: ControlResult
    management: AccountEvidence | None
    accounts: tuple[AccountEvidence, ...]
    """Every other account, in the order of the inventory."""
    kept_logins: tuple[KeptLogin, ...]
    """The management account's, then each failsafe's."""
    windows: tuple[RecoveryWindow, ...]
    """Those that the period touches, the oldest first."""
    exceptions: tuple[DeletionException, ...]
    """Those that were in force at some time in the period, by account."""
    history: LedgerHistory
    gaps: tuple[Gap, ...]
    setup: SetupEvidence
    ledger: LedgerEvidence

    @property
    def endpoint(self) -> str:
        """One label for all: a sandbox is named before AWS, so that play is never taken for evidence."""
        sandboxes = [label for label in self.endpoints if label != "AWS"]
        return (sandboxes or [*self.endpoints, "unknown"])[0]

    @property
    def is_sandbox(self) -> bool:
        return self.endpoint != "AWS"

    def has_findings(self, fail_on: frozenset[FailOn]) -> bool:
        """Whether the answer is a bad one: a verdict that fails, drift, a ledger that was altered, or an unknown."""
        verdicts = {self.centralized.verdict, self.no_root_credentials.verdict}
        is_bad = EvidenceVerdict.FAIL in verdicts or self.setup.drift.differences or not self.ledger.is_intact
        is_unknown = EvidenceVerdict.UNKNOWN in verdicts or self.setup.drift.unknown
        return bool((FailOn.PRESENT in fail_on and is_bad) or (FailOn.UNKNOWN in fail_on and is_unknown))


def compile_report(facts: EvidenceFacts, period: Period) -> EvidenceReport:
    """Put the report together."""
    inventory = facts.inventory
    evidence = tuple(evaluate_account(one, period) for one in _list_account_facts(facts, period))
    management = next((one for one in evidence if one.role is AccountRole.MANAGEMENT), None)
    accounts = tuple(one for one in evidence if one.role is not AccountRole.MANAGEMENT)
    setup = _evaluate_setup(facts, period)
    return EvidenceReport(
        organization_id=inventory.organization.organization_id,
        management_account_id=inventory.organization.management_account_id,
        partition=inventory.organization.partition,
        period=period,
        endpoints=_list_endpoints(facts),
        caller_arns=facts.history.caller_arns,
        listed_at=inventory.listed_at,
        centralized=evaluate_centralized_access(setup.state, setup.detail, inventory.organization.partition),
        no_root_credentials=evaluate_no_root_credentials(accounts, inventory.listed_at, period),
        management=management,
        accounts=accounts,
        kept_logins=check_kept_logins(evidence, facts.emails, facts.history.drills, facts.windows, period),
        windows=tuple(sorted(_list_windows(facts.windows, period), key=lambda one: (one.requested_at, one.window_id))),
        exceptions=tuple(
            sorted(_list_exceptions(facts.history.exceptions, period), key=lambda one: (one.account_id, one.added_at))
        ),
        history=facts.history,
        gaps=list_gaps(evidence, facts.history, setup.detail, setup.drift, facts.ledger.problem, inventory, period),
        setup=setup,
        ledger=facts.ledger,
    )


def _list_account_facts(facts: EvidenceFacts, period: Period) -> Iterable[AccountFacts]:
    inventory = facts.inventory
    windows: dict[AccountId, list[RecoveryWindow]] = {}
    for window in facts.windows:
        windows.setdefault(window.account_id, []).append(window)
    exceptions = {one.account_id: one for one in facts.history.exceptions if one.added_at <= period.end < one.until}
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
        )


def _evaluate_setup(facts: EvidenceFacts, period: Period) -> SetupEvidence:
    state = facts.setup
    if state is None:
        detail: str | None = "The set-up was never read. It needs rootkeeper status, or an audit, in the period."
    else:
        detail = _find_outdated(state, facts.history, period)
    if state is None or detail is not None:
        unknown = () if facts.accepted is None else (f"Drift couldn't be judged. {detail}",)
        return SetupEvidence(None, detail, SetupDrift(facts.accepted, (), unknown))
    return SetupEvidence(state, None, _compare(facts.accepted, state, facts.history))


def _compare(accepted: AcceptedSetup | None, state: SetupState, history: LedgerHistory) -> SetupDrift:
    drift = compare_setup(accepted, state)
    if accepted is None:
        return drift
    return mark_own_changes(drift, (one for one in history.setup_entries if one.sequence > accepted.ledger_sequence))


def _find_outdated(state: SetupState, history: LedgerHistory, period: Period) -> str | None:
    """Why a reading of the set-up tells nothing of the period's end; ``None`` if it does."""
    stale = period.find_staleness(state.read_at)
    if stale is not None:
        return f"The set-up was {stale}, at {state.read_at:%Y-%m-%d %H:%M:%S UTC}."
    changed = history.setup_changed
    if changed is not None and changed.at > state.read_at:
        return (
            f"Rootkeeper changed the set-up after its last reading: {changed.action.value}, ledger entry "
            f"{changed.sequence}. It needs rootkeeper status, or an audit, since then."
        )
    return None


def _list_endpoints(facts: EvidenceFacts) -> tuple[str, ...]:
    """Also where the accounts were listed and the set-up was read: neither needs an entry in the ledger."""
    read_at = (facts.inventory.endpoint, None if facts.setup is None else facts.setup.endpoint)
    return tuple(sorted({*facts.history.endpoints, *(label for label in read_at if label is not None)}))


def _list_windows(windows: Iterable[RecoveryWindow], period: Period) -> Iterable[RecoveryWindow]:
    """One that ended without a closing, such as a kept one, had ended by its expiry."""
    for window in windows:
        ended_by = window.expires_at or window.requested_at
        end = window.closed_at or (ended_by if window.state in FINAL_STATES else period.end)
        if window.requested_at <= period.end and end >= period.start:
            yield window


def _list_exceptions(exceptions: Iterable[DeletionException], period: Period) -> Iterable[DeletionException]:
    return (one for one in exceptions if one.added_at <= period.end and one.until >= period.start)
