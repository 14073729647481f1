"""Settling what a process that died left behind: intents without an outcome, and windows in mid-step.

Only a re-read decides, under the account's lock, and only for owners that are provably dead. What can't be read stays
open and is named as unknown; it is never taken for done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from rootkeeper.domain.approvals import shows_decision
from rootkeeper.domain.ledger import Action, JsonValue, LedgerEntry, Result
from rootkeeper.domain.openings import OpenOutcome, classify_orphaned_opening
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.setup import Setup
from rootkeeper.domain.windows import RecoveryWindow, WindowState, advance
from rootkeeper.errors import AccountBusyError, AwsError, InputError, LockLostError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.locks import AccountLocks
from rootkeeper.ports.organizations import OrganizationReader
from rootkeeper.ports.progress import Progress
from rootkeeper.ports.root_emails import PrimaryEmails
from rootkeeper.ports.root_sessions import RootSessions
from rootkeeper.ports.windows import RecoveryWindows
from rootkeeper.workflows.email_settlement import EMAIL_ACTIONS, evaluate_email_intent
from rootkeeper.workflows.recovery import describe_foreign, mark_open, record_open
from rootkeeper.workflows.rereading import AccountRereader
from rootkeeper.workflows.settlement_rules import (
    SETUP_ACTIONS,
    IntentFinding,
    evaluate_account_intent,
    evaluate_setup_intent,
)


@dataclass(frozen=True, slots=True)
class SettledIntent:
    """An orphan of the ledger, and what a re-read found."""

    sequence: int
    action: Action
    account_id: AccountId | None
    result: Result | None
    """``None`` if it stays open: it couldn't be read."""
    explanation: str


@dataclass(frozen=True, slots=True)
class SettledWindow:
    """A window that a dead process left in mid-step, and where it stands now."""

    before: RecoveryWindow
    after: RecoveryWindow
    """The same as ``before`` if it couldn't be read."""
    explanation: str

    @property
    def is_settled(self) -> bool:
        return self.before.state is not self.after.state


@dataclass(frozen=True, slots=True)
class SettlementReport:
    """What was left behind, and what became of it."""

    intents: tuple[SettledIntent, ...] = ()
    windows: tuple[SettledWindow, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.intents and not self.windows

    @property
    def has_unknown(self) -> bool:
        """Whether something stays open since it couldn't be read."""
        return any(item.result is None for item in self.intents) or any(not item.is_settled for item in self.windows)

    def combined_with(self, other: SettlementReport) -> SettlementReport:
        return SettlementReport(self.intents + other.intents, self.windows + other.windows)


@dataclass(frozen=True, slots=True)
class AccountOrphans:
    """Intents without an outcome, and windows in mid-step, of one account."""

    account_id: AccountId
    intents: tuple[LedgerEntry, ...]
    windows: tuple[RecoveryWindow, ...]

    @property
    def marks(self) -> frozenset[str]:
        """What tells this from anything else that is left in the account."""
        return frozenset(str(entry.sequence) for entry in self.intents) | {one.window_id for one in self.windows}


@dataclass(frozen=True, slots=True)
class Orphans:
    """All that dead processes left."""

    of_organization: tuple[LedgerEntry, ...] = ()
    accounts: tuple[AccountOrphans, ...] = ()


@dataclass(frozen=True, slots=True)
class Settlement:
    """Settles orphans; run first by every command that changes something."""

    reader: OrganizationReader
    sessions: RootSessions
    ledger: Ledger
    windows: RecoveryWindows
    locks: AccountLocks
    clock: Clock
    progress: Progress
    emails: PrimaryEmails

    def settle(self) -> SettlementReport:
        """Settle what can be settled. Opens audit sessions, and unlock sessions for the policies of buckets and queues;
        nothing is changed in AWS.

        :raises LedgerUnavailableError: if the ledger can't be written; no further session was opened.
        """
        left = self.find_left()
        report = self.settle_setup(left)
        for account in left.accounts:
            report = report.combined_with(self.settle_account(account))
        return report

    def find_left(self, unfinished: Sequence[RecoveryWindow] | None = None) -> Orphans:
        """What there is to settle; nothing is asked of AWS.

        :param unfinished: the windows that aren't over, for those who have just listed them.
        """
        orphans = self.ledger.list_orphans()
        listed = self.windows.list_windows(unfinished_only=True) if unfinished is None else unfinished
        windows = [window for window in listed if _is_in_mid_step(window)]
        by_account: dict[AccountId, list[LedgerEntry]] = {window.account_id: [] for window in windows}
        for entry in orphans:
            if entry.account_id is not None and not _is_of_organization(entry):
                by_account.setdefault(entry.account_id, []).append(entry)
        accounts = (
            AccountOrphans(account_id, tuple(entries), tuple(one for one in windows if one.account_id == account_id))
            for account_id, entries in by_account.items()
        )
        return Orphans(tuple(entry for entry in orphans if _is_of_organization(entry)), tuple(accounts))

    def settle_setup(self, left: Orphans) -> SettlementReport:
        """Settle the intents that concern no account's root user: the set-up as it is now decides."""
        orphans = left.of_organization
        setup = self._read_setup() if any(entry.action in SETUP_ACTIONS for entry in orphans) else _NOT_READ
        return SettlementReport(tuple(self._record((entry, evaluate_setup_intent(entry, setup)) for entry in orphans)))

    def settle_account(self, left: AccountOrphans) -> SettlementReport:
        """Settle what was left in one account, under the lock that a live owner would hold: getting it shows that the
        windows' owner is gone.
        """
        account_id = left.account_id
        try:
            with self.locks.hold(account_id, "settling what a dead process left") as lock:
                rereading = AccountRereader(self.reader, self.sessions, self.ledger, self.clock, account_id, lock)
                evaluated = ((entry, self._evaluate(entry, rereading)) for entry in left.intents)
                intents = tuple(self._record(evaluated))
                return SettlementReport(intents, tuple(self._settle_windows(left.windows, rereading)))
        except (AccountBusyError, LockLostError) as error:
            busy = IntentFinding(None, error.message)
            return SettlementReport(tuple(_describe(entry, busy) for entry in left.intents))

    def _evaluate(self, entry: LedgerEntry, rereading: AccountRereader) -> IntentFinding:
        if entry.action in EMAIL_ACTIONS:
            return evaluate_email_intent(entry, rereading.account_id, self.emails, self.clock)
        window = self._find_window(entry)
        shown = None if window is None else shows_decision(window, entry.action, entry.actor.name, _decided_at(entry))
        if shown is not None:
            return IntentFinding(Result.DONE if shown else Result.FAILED, "As the window shows.")
        return evaluate_account_intent(entry, rereading, None if window is None else window.state)

    def _record(self, evaluated: Iterable[tuple[LedgerEntry, IntentFinding]]) -> Iterable[SettledIntent]:
        """One that somebody else has settled meanwhile isn't ours to tell."""
        for entry, finding in evaluated:
            if finding.result is None or self.ledger.settle_orphan(
                entry, finding.result, {"settled_by": "re-read", "explanation": finding.explanation}
            ):
                yield _describe(entry, finding)

    def _settle_windows(self, left: Sequence[RecoveryWindow], rereading: AccountRereader) -> Iterable[SettledWindow]:
        for known in left:
            window = self.windows.get(known.window_id)
            if window.state is WindowState.APPROVED:
                failure = "The process that asked for it ended before anything was opened."
                yield SettledWindow(window, self._end(window, WindowState.LAPSED, failure), failure)
            elif window.state is WindowState.OPENING:
                yield self._settle_opening(window, rereading)

    def _settle_opening(self, window: RecoveryWindow, rereading: AccountRereader) -> SettledWindow:
        reread = rereading.find_login_profile()
        outcome = classify_orphaned_opening(reread, window.opening_started_at or window.requested_at)
        if outcome is OpenOutcome.OPEN and reread.login_profile is not None:
            opened = mark_open(self.windows, window, reread.login_profile, self.clock.now())
            record_open(self.ledger, opened)
            return SettledWindow(window, opened, "Password recovery was allowed; the window owes its closing.")
        if outcome is OpenOutcome.FOREIGN and reread.login_profile is not None:
            failure = describe_foreign(window, reread.login_profile)
            self.progress.remark(f"ALERT: {failure}")
            return SettledWindow(window, self._end(window, WindowState.CANCELLED, failure), failure)
        if outcome is OpenOutcome.CANCELLED:
            failure = "The process that asked for it ended, and a re-read shows that nothing was opened."
            return SettledWindow(window, self._end(window, WindowState.CANCELLED, failure), failure)
        return SettledWindow(
            window, window, f"It isn't known whether password recovery is allowed: {rereading.failure or 'not read'}"
        )

    def _end(self, window: RecoveryWindow, to: WindowState, failure: str) -> RecoveryWindow:
        ended = advance(window, to, self.clock.now(), failure)
        self.windows.change(ended, expected=window.state)
        return ended

    def _find_window(self, entry: LedgerEntry) -> RecoveryWindow | None:
        """The window that the entry belongs to."""
        window_id = entry.parameters.get("window_id")
        if not isinstance(window_id, str):
            return None
        with suppress(InputError):
            return self.windows.get(window_id)
        return None

    def _read_setup(self) -> Setup:
        try:
            return self.reader.read_setup()
        except AwsError as error:
            return Setup(None, None, None, unknown=(error.message,))


_NOT_READ = Setup(None, None, None)


def _is_in_mid_step(window: RecoveryWindow) -> bool:
    """Without a server APPROVED lasts only while its process goes on to open it; on one it lapses by itself."""
    is_passing = window.state is WindowState.APPROVED and window.lapses_at is None
    return is_passing or window.state is WindowState.OPENING


def _decided_at(entry: LedgerEntry) -> JsonValue:
    return entry.parameters.get("decided_at")


def _is_of_organization(entry: LedgerEntry) -> bool:
    return entry.account_id is None or entry.action in SETUP_ACTIONS


def _describe(entry: LedgerEntry, finding: IntentFinding) -> SettledIntent:
    return SettledIntent(entry.sequence, entry.action, entry.account_id, finding.result, finding.explanation)
