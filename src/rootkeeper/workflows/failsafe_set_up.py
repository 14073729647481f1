"""Giving the failsafe its root login: a recovery window that ends KEPT once a person has completed the login.

The window is opened, recorded and closed as any other. Only a re-read under the account's lock, recorded before the
row says so, lets it end KEPT; without that its end deletes the login again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from rootkeeper.domain.failsafe_set_up import LoginProgress, describe_login, evaluate_progress
from rootkeeper.domain.ledger import Action, Result
from rootkeeper.domain.organizations import Account, AccountId, Inventory
from rootkeeper.domain.root_credentials import RootCredentials
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.domain.windows import RecoveryWindow, WindowState, advance
from rootkeeper.errors import (
    AccountBusyError,
    AwsAccessDeniedError,
    AwsError,
    DatabaseError,
    LedgerUnavailableError,
    LockLostError,
    TargetRefusedError,
    WindowConflictError,
)
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.locks import AccountLock, AccountLocks
from rootkeeper.ports.organizations import OrganizationReader
from rootkeeper.ports.progress import Progress
from rootkeeper.ports.root_sessions import RootSession, RootSessions
from rootkeeper.ports.windows import RecoveryWindows
from rootkeeper.workflows.recovery_checks import (
    RecoveryPlan,
    RecoveryPlanner,
    RecoveryRequest,
    require_no_window,
    require_target,
)
from rootkeeper.workflows.root_access import open_root_session
from rootkeeper.workflows.waiting import WaitResult, WindowWaiter

LOOK_EVERY_SECONDS = 5.0
"""How often an audit session looks whether the person has come to the end."""

SESSION_MARGIN_SECONDS = 60.0
"""A session that ends sooner isn't read with any more."""


@dataclass(frozen=True, slots=True)
class KeepResult:
    """An attempt to end the window KEPT."""

    window: RecoveryWindow
    is_kept: bool
    explanation: str
    progress: LoginProgress | None = None
    """``None`` where it couldn't be read."""


@dataclass(frozen=True, slots=True)
class FailsafeSetUpPlanner:
    """Checks whether an account can get, or has, the root login of a failsafe."""

    recovery: RecoveryPlanner

    def find_login(self, inventory: Inventory, account: Account) -> RootCredentials | None:
        """The root login that is there already and in order; ``None`` if there is none at all.

        One audit session: iam:GetAccountSummary, and the details where there is a password.

        :raises TargetRefusedError: if the account is no failsafe, or has a root login that isn't in order.
        :raises WindowConflictError: if it has a recovery window that isn't over.
        :raises AwsAccessDeniedError: if it can't be read which accounts are failsafes, or AWS refuses the session.
        """
        require_target(account, inventory)
        require_failsafe(account, inventory)
        require_no_window(self.recovery.windows, account.account_id)
        session = open_root_session(self.recovery.sessions, self.recovery.ledger, account.account_id, TaskPolicy.AUDIT)
        summary = session.read_summary()
        if summary.has_access_keys or summary.has_signing_certificates:
            raise TargetRefusedError(
                f"The root user of {account.account_id} has access keys or signing certificates, which a failsafe must "
                "not have. Nothing was opened.",
                hint=f"Delete them first: rootkeeper delete {account.account_id} --include-failsafe "
                f"{account.account_id} --only access_keys,signing_certificates",
            )
        if not summary.has_password:
            return None
        found = session.read_credentials()
        _require_complete(account, evaluate_progress(found, summary, None))
        return found

    def plan(self, inventory: Inventory, request: RecoveryRequest) -> RecoveryPlan:
        """Check everything that ``recover`` checks.

        :raises InputError: and the others that ``RecoveryPlanner.plan`` raises.
        """
        return self.recovery.plan(inventory, request)


def require_failsafe(account: Account, inventory: Inventory) -> None:
    """Check that the account is a delegated administrator for IAM.

    :raises AwsAccessDeniedError: if that can't be read.
    :raises TargetRefusedError: if it isn't.
    """
    delegates = inventory.delegated_administrator_ids
    if delegates is None:
        raise AwsAccessDeniedError(
            "It can't be read which accounts are delegated administrators for IAM. Nothing was opened.",
            hint="Allow organizations:ListDelegatedAdministrators, or use the management account.",
        )
    if account.account_id not in delegates:
        raise TargetRefusedError(
            f"{account.account_id} ({account.name}) is no delegated administrator for iam.amazonaws.com, so that its "
            "root login would be no way back in. Nothing was opened.",
            hint=f"Register it: rootkeeper enable --delegated-administrator {account.account_id}",
        )


def _require_complete(account: Account, progress: LoginProgress) -> None:
    if not progress.is_complete:
        raise TargetRefusedError(
            f"{account.account_id} has a root login already, and it isn't in order: "
            f"{'; '.join(progress.shortcomings)}.",
            hint="Complete it: reset the password by its root e-mail, sign in, register MFA; then run "
            "`rootkeeper failsafe check`.",
        )


@dataclass(frozen=True, slots=True)
class FailsafeLoginKeeper:
    """Lets a window end KEPT, if a re-read shows that the person has completed the login."""

    reader: OrganizationReader
    sessions: RootSessions
    ledger: Ledger
    windows: RecoveryWindows
    locks: AccountLocks
    clock: Clock
    progress: Progress

    def keep(self, window: RecoveryWindow) -> KeepResult:
        """Re-read under the account's lock; never raises for what AWS, the ledger or the database refuse.

        One audit session and, before it, organizations:ListDelegatedAdministrators among the set-up's three calls.
        """
        try:
            with self.locks.hold(window.account_id, "keeping a failsafe's root login") as lock:
                return self._keep_held(self.windows.get(window.window_id), lock)
        except (
            AccountBusyError,
            AwsError,
            DatabaseError,
            LedgerUnavailableError,
            LockLostError,
            WindowConflictError,
        ) as error:
            return KeepResult(window, is_kept=False, explanation=f"The login isn't kept: {error.message}")

    def _keep_held(self, window: RecoveryWindow, lock: AccountLock) -> KeepResult:
        if window.state is WindowState.KEPT:
            return KeepResult(window, is_kept=True, explanation=_KEPT.format(window.account_id))
        if window.state is not WindowState.OPEN:
            return KeepResult(
                window, is_kept=False, explanation=f"Recovery window {window.window_id} is {window.state}."
            )
        self._require_delegate(window.account_id)
        context = {"window_id": window.window_id}
        session = open_root_session(
            self.sessions, self.ledger, window.account_id, TaskPolicy.AUDIT, lock=lock, context=context
        )
        found, progress = read_progress(session, window)
        if not progress.is_complete:
            said = "; ".join(progress.shortcomings)
            return KeepResult(
                window, is_kept=False, explanation=f"The login isn't complete: {said}.", progress=progress
            )
        return self._record(window, found, progress, lock)

    def _require_delegate(self, account_id: AccountId) -> None:
        delegates = self.reader.read_setup().delegated_administrators
        if delegates is None or account_id not in delegates:
            raise AwsAccessDeniedError(f"{account_id} isn't shown as a delegated administrator for IAM any more.")

    def _record(
        self, window: RecoveryWindow, found: RootCredentials, progress: LoginProgress, lock: AccountLock
    ) -> KeepResult:
        """The intent is durable before the row says that nothing is owed any more."""
        intent = self.ledger.append_intent(
            Action.WINDOW_KEEP,
            account_id=window.account_id,
            parameters={"window_id": window.window_id, **describe_login(found)},
            lock=lock,
        )
        kept = advance(window, WindowState.KEPT, self.clock.now())
        try:
            self.windows.change(kept, expected=window.state)
        except (DatabaseError, WindowConflictError):
            with suppress(LedgerUnavailableError):
                self.ledger.append_outcome(intent, Result.FAILED)
            raise
        try:
            self.ledger.append_outcome(intent, Result.DONE)
        except (LedgerUnavailableError, LockLostError) as error:
            self.progress.remark(f"The ledger couldn't record that the login is kept: {error.message}")
        return KeepResult(kept, is_kept=True, explanation=_KEPT.format(kept.account_id), progress=progress)


_KEPT = "Kept: a re-read shows that the root login of {} has been used since it was opened, and that MFA guards it."


def read_progress(session: RootSession, window: RecoveryWindow) -> tuple[RootCredentials, LoginProgress]:
    """Read the account in an audit session, and how far the person has come."""
    found = session.read_credentials()
    return found, evaluate_progress(found, session.read_summary(), window.opened_at)


@dataclass(slots=True)
class LoginMonitor:
    """Looks from time to time, in audit sessions, whether the person has come to the end."""

    sessions: RootSessions
    ledger: Ledger
    clock: Clock
    progress: Progress
    window: RecoveryWindow
    every_seconds: float = LOOK_EVERY_SECONDS
    _looked_at: float | None = None
    _session: RootSession | None = None
    _render_detail: set[str] = field(default_factory=set)

    def seems_complete(self) -> bool:
        """Whether it is time to try to keep the login. Cheap to ask each second."""
        now = self.clock.monotonic()
        if self._looked_at is not None and now - self._looked_at < self.every_seconds:
            return False
        self._looked_at = now
        try:
            _, progress = read_progress(self._open(), self.window)
        except (AwsError, LedgerUnavailableError, LockLostError) as error:
            self._session = None
            self._say(f"How far the login is can't be read: {error.message}")
            return False
        if not progress.is_complete:
            self._say(f"Waiting: {'; '.join(progress.shortcomings)}.")
        return progress.is_complete

    def _open(self) -> RootSession:
        """One session serves for as long as it lasts; each has an entry of its own."""
        is_over = self._session is None or (
            (self._session.expires_at - self.clock.now()).total_seconds() < SESSION_MARGIN_SECONDS
        )
        if is_over or self._session is None:
            self._session = open_root_session(
                self.sessions,
                self.ledger,
                self.window.account_id,
                TaskPolicy.AUDIT,
                context={"window_id": self.window.window_id},
            )
        return self._session

    def _say(self, text: str) -> None:
        """Once."""
        if text not in self._render_detail:
            self._render_detail.add(text)
            self.progress.remark(text)


@dataclass(frozen=True, slots=True)
class LoginCompletionWaiter:
    """Waits in this process until the person has completed the login, or the window is to be closed."""

    waiting: WindowWaiter
    keeping: FailsafeLoginKeeper

    def wait(self, window: RecoveryWindow, watch: LoginMonitor, is_stopped: Callable[[], bool]) -> KeepResult:
        """Wait, and keep the login as soon as that can be. Not kept means that the window owes its closing: its time
        is up, ``is_stopped`` said so, or somebody else closed it.

        At the window's end it is looked at once more; a stop closes without a look.
        """
        while True:
            end = self.waiting.wait(window, lambda: is_stopped() or watch.seems_complete())
            if is_stopped():
                return KeepResult(window, is_kept=False, explanation="Stopped before the login was complete.")
            keeping = self.keeping.keep(window)
            if keeping.is_kept or end is not WaitResult.STOPPED:
                return keeping
