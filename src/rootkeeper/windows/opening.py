"""Opens recovery windows: allows password recovery in an account for a limited time.

The window is OPENING, with its end, before the call is sent, so that a login profile never exists without a window that
must be closed. A window becomes CANCELLED only after a re-read shows no login profile of ours. Activation checks
everything again, because account, policies and set-up may have changed since the request.

A window that governs an existing login sends no call that changes anything: it reads that the login is there. Only the
ledger says that a window is of that kind, so that no edit of the database can change it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rootkeeper.acting import Acting
from rootkeeper.approvals.rules import PeopleReader
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.changes.rules import Answer, Reread
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.changes.sessions import AccountSessions
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsError,
    AwsUnclearError,
    DatabaseError,
    Hint,
    LedgerUnavailableError,
    LockLostError,
    RootkeeperError,
    TargetRefusedError,
    UnprovenChangeError,
    WindowConflictError,
)
from rootkeeper.ledger.owners import AccountLock
from rootkeeper.ledger.rules import Action
from rootkeeper.ledger.store import Ledger
from rootkeeper.notifications.rules import NotificationEvent, Severity
from rootkeeper.organization.accounts import Inventory
from rootkeeper.organization.selection import NamedAccount, find_account
from rootkeeper.organization.statuses import LoginProfile
from rootkeeper.values import JsonValue
from rootkeeper.windows.approvals import activate, require_activatable, require_approved, require_known
from rootkeeper.windows.changes import RecoveryAllowance, get_outcome
from rootkeeper.windows.checks import (
    AccountWork,
    RecoveryPlan,
    RecoveryPlanner,
    RecoveryRequest,
    make_window,
    make_window_id,
    record_request,
    require_correct_clock,
    require_no_window,
)
from rootkeeper.windows.credentials import OF_SERVER, require_credentials_outlive
from rootkeeper.windows.decisions import WindowNotices, describe_request
from rootkeeper.windows.entries import require_agreement, require_recorded
from rootkeeper.windows.rules import OpeningResult, OpenOutcome, RecoveryWindow, WindowState, advance
from rootkeeper.windows.store import RecoveryWindowStore


@dataclass(frozen=True, slots=True)
class WindowOpener(AccountWork):
    """Opens the window of a plan."""

    new_window_id: Callable[[], str] = make_window_id

    def open(self, plan: RecoveryPlan, *, is_drill: bool = False, is_emergency: bool = False) -> OpeningResult:
        """Record the window and allow password recovery, under the account's lock.

        Calls: sts:GetCallerIdentity to compare the clocks, then in one session sts:AssumeRoot, sts:GetCallerIdentity,
        iam:GetLoginProfile, iam:CreateLoginProfile, iam:GetLoginProfile. To govern an existing login, only the first
        iam:GetLoginProfile, in an audit session.

        :raises AccountBusyError: if another owner holds the account; nothing was done.
        :raises WindowConflictError: if the account got a window since the plan.
        :raises LedgerUnavailableError: if the ledger can't be written; nothing was opened.
        :raises AwsCredentialsError: if the operator's credentials end before the window, or may; nothing was done.
        :raises ClockWrongError: if this machine's clock differs from AWS's by more than five minutes; nothing was done.
        """
        account_id = plan.request.account.account_id
        with self.acting.locks.hold(account_id, "recovery") as lock:
            require_no_window(self.windows, account_id)
            now = self.acting.window_clock.now()
            end = now + timedelta(seconds=plan.request.duration_seconds)
            stated = plan.request.credentials
            require_credentials_outlive(self.acting.aws.find_credentials_lifetime(), end, now, stated)
            require_correct_clock(self.acting.aws)
            now = self.acting.window_clock.now()
            window = make_window(
                plan, self.new_window_id(), self.acting.actor.name, now, is_drill=is_drill, is_emergency=is_emergency
            )
            record_request(self.acting.ledger, self.windows, window, plan)
            opening = advance(window, WindowState.OPENING, self.acting.window_clock.now())
            self.windows.change(opening, expected=window.state)
            if plan.request.governs_login:
                return self._govern_login(opening, lock)
            return self._allow_recovery(opening, lock)

    def open_approved(self, plan: RecoveryPlan, window_id: str, people: PeopleReader) -> OpeningResult:
        """Open a window that was requested and approved before.

        Under the account's lock a single step makes the window OPENING and uses its approvals, so that only one of
        several concurrent activations succeeds. The step reads who counts today. The ledger records the activation
        first.

        :raises WindowConflictError: if the window isn't APPROVED any more, or its row contradicts the ledger.
        :raises ApprovalRefusedError: if its approval has lapsed, or if its request or its approvals no longer count.
        :raises RootkeeperError: as ``open`` does.
        """
        with self.acting.locks.hold(plan.request.account.account_id, "recovery") as lock:
            window, now = self.windows.get(window_id), self.acting.window_clock.now()
            recorded = require_recorded(window, self.acting.ledger_reader.list_entries(account_id=window.account_id))
            require_activatable(window, now, people.read(plan.request.account, now))
            end = now + timedelta(seconds=window.duration_seconds)
            require_credentials_outlive(self.acting.aws.find_credentials_lifetime(), end, now, OF_SERVER)
            require_correct_clock(self.acting.aws)
            self.acting.ledger.append_fact(
                Action.WINDOW_ACTIVATE, account_id=window.account_id, parameters={"window_id": window_id}
            )

            def step(found: RecoveryWindow) -> RecoveryWindow:
                require_agreement(found, recorded)
                now = self.acting.window_clock.now()
                today = people.read(plan.request.account, now)
                return replace(
                    activate(found, self.acting.actor.name, now, today), watched_by=self.acting.watch_source_name
                )

            opening = self.windows.update(window_id, step)
            if recorded is not None and recorded.governs_login:
                return self._govern_login(opening, lock)
            return self._allow_recovery(opening, lock)

    def _govern_login(self, window: RecoveryWindow, lock: AccountLock) -> OpeningResult:
        """The ledger says that the window is open before its row does, so that a login is never left without its end
        after the ledger named one.
        """
        account_id, context = window.account_id, {"window_id": window.window_id}
        sessions = AccountSessions(
            self.acting.aws, self.acting.ledger, self.acting.window_clock, account_id, lock, context
        )
        opened_at = window.opening_started_at or self.acting.window_clock.now()
        try:
            if sessions.get(TaskPolicy.AUDIT).find_login_profile() is None:
                failure = (
                    f"{account_id} has no root password any more: there is no login to govern. Nothing was opened."
                )
                hint = Hint("Request a window that allows password recovery.", "window.no_login")
                return self._cancel(window, failure, TargetRefusedError(failure, hint=hint))
            record_open(self.acting.ledger, replace(window, opened_at=opened_at))
        except AwsError as error:
            return self._cancel(window, f"Nothing was opened: {error.message}", error)
        except (LedgerUnavailableError, LockLostError):
            self._end_interrupted(window)
            raise
        try:
            opened = mark_open(self.windows, window, opened_at, self.acting.window_clock.now())
        except DatabaseError as error:
            failure = f"The ledger says that the window is open, but its row can't be written: {error.message}"
            return OpeningResult.of(window, OpenOutcome.UNKNOWN, failure, error)
        return OpeningResult.of(opened, OpenOutcome.OPEN, f"The window governs the root login of {account_id}.")

    def _allow_recovery(self, window: RecoveryWindow, lock: AccountLock) -> OpeningResult:
        account_id, context = window.account_id, {"window_id": window.window_id}
        sessions = AccountSessions(
            self.acting.aws, self.acting.ledger, self.acting.window_clock, account_id, lock, context
        )
        runner = ChangeRunner.in_account(sessions)
        change = RecoveryAllowance(sessions, self.acting.window_clock.now(), window.window_id, window.expires_at)
        try:
            existing = sessions.get(change.task_policy).find_login_profile()
            if existing is not None:
                return self._stop_for_foreign(window, existing)
            sent = runner.send(change)
        except AwsError as error:
            return self._cancel(window, f"Nothing was opened: {error.message}", error)
        except (LedgerUnavailableError, LockLostError):
            self._end_interrupted(window)
            raise
        try:
            reread = runner.watch(change, sent.answer)
            runner.record(sent, reread.evaluation)
            return self._apply(window, sent.answer, reread)
        except (LedgerUnavailableError, LockLostError, DatabaseError) as error:
            return OpeningResult.of(
                window,
                OpenOutcome.UNKNOWN,
                f"Recovery may be allowed in {account_id}, but its window can't be recorded: {error.message}",
                error,
            )

    def _end_interrupted(self, window: RecoveryWindow) -> None:
        """No changing call was sent. Even if the row can't be written, a later re-read, or the ledger, shows that."""
        with suppress(DatabaseError, WindowConflictError):
            self._change(window, WindowState.CANCELLED, "interrupted before anything was opened")

    def _apply(self, window: RecoveryWindow, answer: Answer, reread: Reread[LoginProfile | None]) -> OpeningResult:
        outcome, profile = get_outcome(reread.evaluation), reread.shown
        if outcome is OpenOutcome.OPEN and profile is not None:
            opened = mark_open(self.windows, window, profile.created_at, self.acting.window_clock.now())
            try:
                record_open(self.acting.ledger, opened)
            except LedgerUnavailableError as error:  # the outcome of the call itself is already on disk
                self.progress.remark(f"The ledger couldn't record that the window is open: {error.message}")
            return OpeningResult.of(opened, OpenOutcome.OPEN, f"Password recovery is allowed in {opened.account_id}.")
        if outcome is OpenOutcome.FOREIGN and profile is not None:
            return self._stop_for_foreign(window, profile)
        if outcome is OpenOutcome.CANCELLED:
            cause = answer.error or AwsUnclearError("CreateLoginProfile gave no clear answer.")
            return self._cancel(window, f"Nothing was opened: {cause.message}", cause)
        said = answer.error.message if answer.error else reread.evaluation.explanation
        return OpeningResult.of(
            window,
            OpenOutcome.UNKNOWN,
            f"It isn't known whether password recovery is allowed in {window.account_id}: {said} "
            "The window must be closed; the next command that changes something reads the account again.",
            answer.error or UnprovenChangeError(said),
        )

    def _cancel(self, window: RecoveryWindow, failure: str, error: RootkeeperError) -> OpeningResult:
        cancelled = self._change(window, WindowState.CANCELLED, failure)
        return OpeningResult.of(cancelled, OpenOutcome.CANCELLED, failure, error)

    def _stop_for_foreign(self, window: RecoveryWindow, profile: LoginProfile) -> OpeningResult:
        failure = describe_foreign(window, profile)
        self.progress.remark(f"ALERT: {failure}")
        cancelled = self._change(window, WindowState.CANCELLED, failure)
        return OpeningResult.of(cancelled, OpenOutcome.FOREIGN, failure)

    def _change(self, window: RecoveryWindow, to: WindowState, failure: str) -> RecoveryWindow:
        changed = advance(window, to, self.acting.window_clock.now(), failure)
        self.windows.change(changed, expected=window.state)
        return changed


def mark_open(
    windows: RecoveryWindowStore, window: RecoveryWindow, opened_at: datetime, now: datetime
) -> RecoveryWindow:
    """:raises WindowConflictError: if the window's row isn't OPENING any more."""

    def step(found: RecoveryWindow) -> RecoveryWindow:
        return replace(advance(found, WindowState.OPEN, now), opened_at=opened_at)

    return windows.update(window.window_id, step)


def record_open(ledger: Ledger, window: RecoveryWindow) -> None:
    """Record in the ledger that the window is open."""
    parameters: dict[str, JsonValue] = {
        "window_id": window.window_id,
        "opened_at": window.opened_at.isoformat() if window.opened_at else None,
        "expires_at": window.expires_at.isoformat() if window.expires_at else None,
    }
    ledger.append_fact(Action.WINDOW_OPEN, account_id=window.account_id, parameters=parameters)


def describe_foreign(window: RecoveryWindow, profile: LoginProfile) -> str:
    """Describe a login profile that this window didn't create."""
    return (
        f"{window.account_id} has a root password, or password recovery is allowed, which isn't of window "
        f"{window.window_id} (created at {profile.created_at.isoformat()}). Nothing was touched; find out who did it."
    )


@dataclass(frozen=True, slots=True)
class WindowActivator:
    """Opens approved windows for a person."""

    acting: Acting

    planning: RecoveryPlanner
    opening: WindowOpener
    read_inventory: Callable[[], Inventory]
    """Lists the accounts now."""
    notices: WindowNotices
    people: PeopleReader

    def activate(self, window_id_or_account_id: str) -> OpeningResult:
        """Check again and open.

        AWS calls: those of the inventory, of the preflight and of the opening; see ``WindowOpener``.

        :raises InputError: if the actor isn't authenticated, or there is no such window.
        :raises WindowConflictError: if it isn't APPROVED, or its row contradicts the ledger.
        :raises ApprovalRefusedError: if it has lapsed, or if its request or its approvals no longer count.
        :raises RootkeeperError: as planning and opening do.
        """
        require_known(self.acting.actor)
        window = self.acting.get_store(RecoveryWindowStore).get(window_id_or_account_id)
        require_approved(window, self.acting.clock.now())
        recorded = require_recorded(window, self.acting.ledger_reader.list_entries(account_id=window.account_id))
        inventory = self.read_inventory()
        account = find_account(NamedAccount(window.account_id), inventory.accounts)
        now = self.acting.clock.now()
        require_activatable(window, now, self.people.read(account, now))
        request = RecoveryRequest(
            account,
            window.reason,
            window.ticket,
            window.duration_seconds,
            keeps_login=recorded is not None and recorded.keeps_login,
            governs_login=recorded is not None and recorded.governs_login,
            credentials=OF_SERVER,
        )
        plan = self.planning.plan(inventory, request, window_id=window.window_id)
        opening = self.opening.open_approved(plan, window.window_id, self.people)
        if request.keeps_login and isinstance(opening.error, AwsAccessDeniedError):
            opening.error.hint = Hint(
                "AWS refuses it to the roles of a server. Use the role for the set-up instead.",
                "failsafe.set_up_by_command",
                account_id=window.account_id,
            )
        opened = opening.window
        if opening.outcome is OpenOutcome.OPEN:
            end = f"It closes at {opened.expires_at:%Y-%m-%d %H:%M:%S UTC}." if opened.expires_at else ""
            watched = "The root user's events are watched." if opened.watched_by else "The root user isn't watched."
            body = (
                f"{describe_request(opened)} {opening.explanation} Activated by {opened.activated_by}. {end} {watched}"
            )
            self.notices.announce(NotificationEvent.WINDOW_OPENED, opened, body)
            return opening
        severity = Severity.WARNING if opening.outcome is OpenOutcome.CANCELLED else Severity.CRITICAL
        hint = opening.error.hint if opening.error and opening.error.hint else ""
        body = f"{opening.explanation} {hint}".strip()
        self.notices.announce(NotificationEvent.WINDOW_OPEN_FAILED, opening.window, body, severity=severity)
        return opening
