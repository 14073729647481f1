"""Settles the orphans of dead processes: intents without an outcome, and windows in mid-step.

Only a re-read decides, under the account's lock, and only if the owner is provably dead. An unreadable orphan stays
open and is reported as unknown, never as done. One session of each task policy serves the whole account, and is opened
only when needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rootkeeper.aws.root_sessions import RootSession, RootSessions
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.changes.catalogue import CATALOGUE
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.changes.sessions import AccountSessions
from rootkeeper.changes.settlement import RestoreChange, SettledIntent, leave_open, settle_orphans
from rootkeeper.errors import AccountBusyError, AwsAccessDeniedError, AwsError, LockLostError
from rootkeeper.ledger.rules import Action, Intent, LedgerEntry
from rootkeeper.organization.accounts import AccountId, AccountState
from rootkeeper.windows.changes import RecoveryAllowance, get_outcome
from rootkeeper.windows.checks import AccountWork
from rootkeeper.windows.entries import find_recorded
from rootkeeper.windows.opening import describe_foreign, mark_open, record_open
from rootkeeper.windows.rules import OpenOutcome, RecoveryWindow, WindowState, advance


@dataclass(frozen=True, slots=True)
class SettledWindow:
    """A window that a dead process left in mid-step, before and after the settlement."""

    before: RecoveryWindow
    after: RecoveryWindow
    """The same as ``before`` if it couldn't be read."""
    explanation: str

    @property
    def is_settled(self) -> bool:
        return self.before.state is not self.after.state


@dataclass(frozen=True, slots=True)
class SettlementReport:
    """The orphans of dead processes, with their results."""

    intents: tuple[SettledIntent, ...] = ()
    windows: tuple[SettledWindow, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.intents and not self.windows

    @property
    def has_unknown(self) -> bool:
        """Whether an intent or window stays open because it couldn't be read."""
        return any(item.result is None for item in self.intents) or any(not item.is_settled for item in self.windows)

    def combined_with(self, other: SettlementReport) -> SettlementReport:
        return SettlementReport(self.intents + other.intents, self.windows + other.windows)


@dataclass(frozen=True, slots=True)
class AccountOrphans:
    """Intents without an outcome, and windows in mid-step, of an account."""

    account_id: AccountId
    intents: tuple[LedgerEntry, ...]
    windows: tuple[RecoveryWindow, ...]

    @property
    def marks(self) -> frozenset[str]:
        """Ids of its intents and windows."""
        return frozenset(str(entry.sequence) for entry in self.intents) | {window.window_id for window in self.windows}


@dataclass(frozen=True, slots=True)
class Orphans:
    """The orphans of dead processes."""

    of_organization: tuple[LedgerEntry, ...] = ()
    accounts: tuple[AccountOrphans, ...] = ()


@dataclass(frozen=True, slots=True)
class Settlement(AccountWork):
    """Settles orphans; every changing command runs it first."""

    sessions: RootSessions
    """Of two roles on a server."""
    restore: RestoreChange

    def settle(self) -> SettlementReport:
        """Settle the orphans that can be settled. Opens audit sessions, and unlock sessions to read the policies of
        buckets and queues; changes nothing in AWS.

        :raises LedgerUnavailableError: if the ledger can't be written; no further session was opened.
        """
        left = self.find_left()
        report = self.settle_setup(left)
        for account in left.accounts:
            report = report.combined_with(self.settle_account(account))
        return report

    def find_left(self, unfinished: Sequence[RecoveryWindow] | None = None) -> Orphans:
        """Find the orphans to settle; no AWS call.

        :param unfinished: the unfinished windows, if the caller has just listed them.
        """
        orphans = self.acting.ledger.list_orphans()
        listed = self.windows.list_windows(unfinished_only=True) if unfinished is None else unfinished
        windows = [window for window in listed if _is_in_mid_step(window)]
        by_account: dict[AccountId, list[LedgerEntry]] = {window.account_id: [] for window in windows}
        for entry in orphans:
            if entry.account_id is not None and not _is_of_organization(entry):
                by_account.setdefault(entry.account_id, []).append(entry)
        accounts = (
            AccountOrphans(
                account_id, tuple(entries), tuple(window for window in windows if window.account_id == account_id)
            )
            for account_id, entries in by_account.items()
        )
        return Orphans(tuple(entry for entry in orphans if _is_of_organization(entry)), tuple(accounts))

    def settle_setup(self, left: Orphans) -> SettlementReport:
        """Settle the intents that concern no account's root user, by the current set-up."""
        runner = ChangeRunner(self.acting.ledger, self.acting.clock)
        return SettlementReport(tuple(settle_orphans(left.of_organization, self.restore, runner)))

    def settle_account(self, left: AccountOrphans) -> SettlementReport:
        """Settle the orphans in an account, under its lock: a live owner of the windows would hold the lock."""
        account_id = left.account_id
        try:
            with self.acting.locks.hold(account_id, "settling what a dead process left") as lock:
                sessions = AccountSessions(
                    self.sessions,
                    self.acting.ledger,
                    self.acting.clock,
                    account_id,
                    lock,
                    before_call=lambda: self._require_reachable(account_id),
                )
                runner = ChangeRunner.in_account(sessions)
                intents = tuple(settle_orphans(left.intents, self.restore, runner, sessions))
                return SettlementReport(intents, tuple(self._settle_windows(left.windows, sessions, intents)))
        except (AccountBusyError, LockLostError) as error:
            return SettlementReport(tuple(leave_open(entry, error.message) for entry in left.intents))

    def _require_reachable(self, account_id: AccountId) -> None:
        """Without the account's state, AWS itself decides."""
        try:
            state = self.acting.aws.find_account_state(account_id)
        except AwsError:
            return
        if state is None:
            raise AwsAccessDeniedError(f"Account {account_id} isn't in the organization any more.")
        if state is not AccountState.ACTIVE:
            raise AwsAccessDeniedError(f"Account {account_id} is {state}. AWS doesn't allow root sessions in it.")

    def _settle_windows(
        self, left: Sequence[RecoveryWindow], sessions: AccountSessions, settled: Sequence[SettledIntent]
    ) -> Iterable[SettledWindow]:
        was_awaited = any(
            intent.action is Action.LOGIN_PROFILE_CREATE and intent.result is not None for intent in settled
        )
        for known in left:
            window = self.windows.get(known.window_id)
            if window.state is WindowState.APPROVED:
                failure = "The process that requested the window ended before it opened anything."
                yield SettledWindow(window, self._end(window, WindowState.LAPSED, failure), failure)
            elif window.state is WindowState.OPENING:
                yield self._settle_opening(window, sessions, was_awaited=was_awaited)

    def _settle_opening(self, window: RecoveryWindow, sessions: AccountSessions, *, was_awaited: bool) -> SettledWindow:
        """:param was_awaited: whether its intent was settled just now by re-reads with all pauses."""
        started_at = window.opening_started_at or window.requested_at
        recorded = find_recorded(window, self.acting.ledger_reader.list_entries(account_id=window.account_id))
        if recorded is not None and recorded.governs_login:
            return self._settle_governed(window, started_at, is_open=recorded.is_open_recorded)
        change = RecoveryAllowance(sessions, started_at, window.window_id, observed_in=TaskPolicy.AUDIT)
        if was_awaited:
            change = replace(change, pauses_seconds=())
        reread = ChangeRunner.in_account(sessions).watch(change, None)
        outcome, profile = get_outcome(reread.evaluation), reread.shown
        if outcome is OpenOutcome.OPEN and profile is not None:
            opened = mark_open(self.windows, window, profile.created_at, self.acting.clock.now())
            record_open(self.acting.ledger, opened)
            return SettledWindow(window, opened, "Password recovery was allowed; the window has to be closed.")
        if outcome is OpenOutcome.FOREIGN and profile is not None:
            failure = describe_foreign(window, profile)
            self.progress.remark(f"ALERT: {failure}")
            return SettledWindow(window, self._end(window, WindowState.CANCELLED, failure), failure)
        if outcome is OpenOutcome.CANCELLED:
            failure = "The process that requested the window ended, and a re-read shows that nothing was opened."
            return SettledWindow(window, self._end(window, WindowState.CANCELLED, failure), failure)
        unread = f"It isn't known whether password recovery is allowed. {reread.evaluation.explanation}"
        return SettledWindow(window, window, unread)

    def _settle_governed(self, window: RecoveryWindow, started_at: datetime, *, is_open: bool) -> SettledWindow:
        """No call was sent that changes anything, so the ledger alone decides, and nothing has to be read."""
        if is_open:
            opened = mark_open(self.windows, window, started_at, self.acting.clock.now())
            return SettledWindow(window, opened, "The window governs the root login; it has to be closed.")
        failure = "The process that opened the window ended before the window governed the root login."
        return SettledWindow(window, self._end(window, WindowState.CANCELLED, failure), failure)

    def _end(self, window: RecoveryWindow, to: WindowState, failure: str) -> RecoveryWindow:
        ended = advance(window, to, self.acting.clock.now(), failure)
        self.windows.change(ended, expected=window.state)
        return ended


def _is_in_mid_step(window: RecoveryWindow) -> bool:
    """Without a server, APPROVED lasts only until its process opens the window; on a server it lapses."""
    is_passing = window.state is WindowState.APPROVED and window.lapses_at is None
    return is_passing or window.state is WindowState.OPENING


def _is_of_organization(entry: LedgerEntry) -> bool:
    return entry.account_id is None or CATALOGUE[entry.action].changes_organization


_UNLOCKING = frozenset({TaskPolicy.UNLOCK_BUCKET, TaskPolicy.UNLOCK_QUEUE})


@dataclass(frozen=True, slots=True)
class SessionsByTask:
    """Opens root sessions with the credentials of two roles, because a settlement needs both."""

    usual: RootSessions
    unlocking: RootSessions

    def open(self, account_id: AccountId, task_policy: TaskPolicy, intent: Intent) -> RootSession:
        """Implements RootSessions."""
        sessions = self.unlocking if task_policy in _UNLOCKING else self.usual
        return sessions.open(account_id, task_policy, intent)
