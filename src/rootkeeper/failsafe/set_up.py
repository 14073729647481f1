"""Sets up a failsafe's root login, on the command line and on a server.

The set-up is a recovery window that ends KEPT when a person has completed the login. Only a re-read under the
account's lock, recorded in the ledger first, ends it KEPT. Otherwise its end deletes the login, as for any window.
The ledger's entry of the request says that a window is a set-up; a login in another window is never kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rootkeeper.aws.root_sessions import RootSession
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.changes.sessions import AccountSessions, open_root_session
from rootkeeper.clock import Clock
from rootkeeper.errors import (
    AccountBusyError,
    AwsAccessDeniedError,
    AwsError,
    DatabaseError,
    Hint,
    LedgerUnavailableError,
    LockLostError,
    TargetRefusedError,
    WindowConflictError,
)
from rootkeeper.failsafe.rules import LoginProgress, describe_login, evaluate_progress
from rootkeeper.ledger.owners import AccountLock
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import Account, Inventory
from rootkeeper.organization.progress import Progress
from rootkeeper.organization.statuses import RootCredentials
from rootkeeper.windows.changes import WindowStep
from rootkeeper.windows.checks import (
    AccountWork,
    RecoveryPlan,
    RecoveryPlanner,
    RecoveryRequest,
    require_no_window,
    require_target,
)
from rootkeeper.windows.closing import WaitResult, WindowWaiter
from rootkeeper.windows.decisions import WindowRequestService
from rootkeeper.windows.entries import find_recorded
from rootkeeper.windows.rules import RecoveryWindow, WindowState, advance
from rootkeeper.windows.store import RecoveryWindowStore

LOOK_EVERY_SECONDS = 5.0
"""How often an audit session reads whether the person has completed the login."""


@dataclass(frozen=True, slots=True)
class KeepResult:
    """The result of an attempt to keep the login."""

    window: RecoveryWindow
    is_kept: bool
    explanation: str
    progress: LoginProgress | None = None
    """``None`` if it couldn't be read."""


def find_login(recovery: RecoveryPlanner, inventory: Inventory, account: Account) -> RootCredentials | None:
    """Find a complete root login; ``None`` if the account has no root login.

    An audit session: iam:GetAccountSummary, and the details if there is a password.

    :raises TargetRefusedError: if the account is no failsafe, or has an incomplete root login.
    :raises WindowConflictError: if it has an unfinished recovery window.
    :raises AwsAccessDeniedError: if the failsafes can't be read, or AWS refuses the session.
    """
    require_target(account, inventory)
    require_failsafe(account, inventory)
    acting = recovery.acting
    require_no_window(acting.get_store(RecoveryWindowStore), account.account_id)
    session = open_root_session(acting.aws, acting.ledger, account.account_id, TaskPolicy.AUDIT)
    summary = session.read_summary()
    if summary.has_access_keys or summary.has_signing_certificates:
        raise TargetRefusedError(
            f"The root user of {account.account_id} has access keys or signing certificates, which a failsafe must "
            "not have. Nothing was opened.",
            hint=Hint(
                "Delete them first.",
                "failsafe.delete_kinds",
                account_id=account.account_id,
                kinds="access_keys,signing_certificates",
            ),
        )
    if not summary.has_password:
        return None
    found = session.read_credentials()
    progress = evaluate_progress(found, summary, None)
    if not progress.is_complete:
        raise TargetRefusedError(
            f"{account.account_id} already has a root login, which isn't complete: {'; '.join(progress.shortcomings)}.",
            hint=Hint(
                "Reset the password by its root e-mail address, sign in, and register MFA devices. Then check the "
                "failsafe again.",
                "failsafe.complete",
            ),
        )
    return found


def require_failsafe(account: Account, inventory: Inventory) -> None:
    """Require that the account is a delegated administrator for IAM.

    :raises AwsAccessDeniedError: if that can't be read.
    :raises TargetRefusedError: if it isn't.
    """
    delegates = inventory.delegated_administrator_ids
    if delegates is None:
        raise AwsAccessDeniedError(
            "The delegated administrators for IAM can't be read. Nothing was opened.",
            hint="Allow organizations:ListDelegatedAdministrators, or use the management account.",
        )
    if account.account_id not in delegates:
        raise TargetRefusedError(
            f"{account.account_id} ({account.name}) isn't a delegated administrator for iam.amazonaws.com, so its root "
            "login wouldn't give emergency access. Nothing was opened.",
            hint=Hint("Register it first.", "failsafe.register_account", account_id=account.account_id),
        )


@dataclass(frozen=True, slots=True)
class FailsafeSetUpService:
    """Requests the set-up on a server, with the guards of the command line and the approvals of a recovery window."""

    requests: WindowRequestService

    def plan(self, inventory: Inventory, request: RecoveryRequest) -> RecoveryPlan | None:
        """Check everything without a change; ``None`` if the account has a complete root login already.

        :raises RootkeeperError: as ``find_login`` and ``WindowRequestService.plan`` do.
        """
        if find_login(self.requests.planning, inventory, request.account) is not None:
            return None
        return self.requests.plan(inventory, request)

    def request(self, inventory: Inventory, request: RecoveryRequest) -> RecoveryWindow:
        """Check again, and record the window of the set-up.

        :raises TargetRefusedError: if the account has a complete root login already.
        :raises RootkeeperError: as ``find_login`` and ``WindowRequestService.request`` do.
        """
        if find_login(self.requests.planning, inventory, request.account) is not None:
            raise TargetRefusedError(
                f"{request.account.account_id} has a complete root login already. Nothing was requested.",
                hint=Hint("Check the failsafe.", "failsafe.check"),
            )
        return self.requests.request(inventory, request)


@dataclass(frozen=True, slots=True)
class FailsafeLoginKeeper(AccountWork):
    """Ends a window KEPT if a re-read proves that the person has completed the login."""

    def keep(self, window: RecoveryWindow) -> KeepResult:
        """Re-read under the account's lock; a refusal of AWS, the ledger or the database is part of the result.

        Reads the set-up (three calls) and opens an audit session.
        """
        try:
            with self.acting.locks.hold(window.account_id, "keeping a failsafe's root login") as lock:
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

    def wait_and_keep(
        self, waiting: WindowWaiter, window: RecoveryWindow, watch: LoginMonitor, is_stopped: Callable[[], bool]
    ) -> KeepResult:
        """Wait until the person has completed the login, and keep it as soon as possible.

        If it isn't kept, the window must be closed: its time ended, ``is_stopped`` returned true, or it was closed
        elsewhere. At the window's end the login is read once more; after a stop it isn't.
        """
        while True:
            end = waiting.wait(window, lambda: is_stopped() or watch.seems_complete())
            if is_stopped():
                return KeepResult(window, is_kept=False, explanation="Stopped before the login was complete.")
            keeping = self.keep(window)
            if keeping.is_kept or end is not WaitResult.STOPPED:
                return keeping

    def _keep_held(self, window: RecoveryWindow, lock: AccountLock) -> KeepResult:
        if window.state is WindowState.KEPT:
            return KeepResult(window, is_kept=True, explanation=_KEPT.format(window.account_id))
        if window.state is not WindowState.OPEN:
            explanation = f"Recovery window {window.window_id} is {window.state}."
            return KeepResult(window, is_kept=False, explanation=explanation)
        recorded = find_recorded(window, self.acting.ledger_reader.list_entries(account_id=window.account_id))
        if recorded is None or not recorded.keeps_login:
            explanation = f"Recovery window {window.window_id} doesn't set up a failsafe, so its login can't be kept."
            return KeepResult(window, is_kept=False, explanation=explanation)
        delegates = self.acting.aws.read_setup().delegated_administrators
        if delegates is None or window.account_id not in delegates:
            raise AwsAccessDeniedError(
                f"AWS doesn't show {window.account_id} as a delegated administrator for IAM any more."
            )
        context = {"window_id": window.window_id}
        session = open_root_session(
            self.acting.aws, self.acting.ledger, window.account_id, TaskPolicy.AUDIT, lock=lock, context=context
        )
        found, progress = read_progress(session, window)
        if not progress.is_complete:
            explanation = f"The login isn't complete: {'; '.join(progress.shortcomings)}."
            return KeepResult(window, is_kept=False, explanation=explanation, progress=progress)
        # The intent is recorded before the window, so that a crash can't leave an unrecorded login.
        kept = advance(window, WindowState.KEPT, self.acting.window_clock.now())
        step = WindowStep(
            Action.WINDOW_KEEP,
            window.account_id,
            self.windows,
            window.window_id,
            describe_login(found),
            step=lambda _: self.windows.change(kept, expected=window.state),
        )
        runner = ChangeRunner(self.acting.ledger, self.acting.window_clock, lock)
        sent = runner.send(step)
        try:
            runner.record(sent, runner.watch(step, sent.answer).evaluation)
        except (DatabaseError, LedgerUnavailableError, LockLostError) as error:
            self.progress.remark(f"The login is kept, but the ledger couldn't record it: {error.message}")
        return KeepResult(kept, is_kept=True, explanation=_KEPT.format(kept.account_id), progress=progress)


_KEPT = "Kept: a re-read shows that the root login of {} was used since it was opened and has an MFA device."


def read_progress(session: RootSession, window: RecoveryWindow) -> tuple[RootCredentials, LoginProgress]:
    found = session.read_credentials()
    return found, evaluate_progress(found, session.read_summary(), window.opened_at)


@dataclass(slots=True)
class LoginMonitor:
    """Reads from time to time, in audit sessions, whether the person has completed the login."""

    sessions: AccountSessions
    clock: Clock
    progress: Progress
    window: RecoveryWindow
    _looked_at: float | None = None
    _remarked: set[str] = field(default_factory=set)

    def seems_complete(self) -> bool:
        """Whether to try to keep the login now. Can be called each second."""
        now = self.clock.monotonic()
        if self._looked_at is not None and now - self._looked_at < LOOK_EVERY_SECONDS:
            return False
        self._looked_at = now
        try:
            _, progress = read_progress(self.sessions.get(TaskPolicy.AUDIT), self.window)
        except (AwsError, LedgerUnavailableError, LockLostError) as error:
            self.sessions.drop(TaskPolicy.AUDIT)
            self._remark_once(f"The state of the login can't be read: {error.message}")
            return False
        if not progress.is_complete:
            self._remark_once(f"Waiting: {'; '.join(progress.shortcomings)}.")
        return progress.is_complete

    def _remark_once(self, text: str) -> None:
        if text not in self._remarked:
            self._remarked.add(text)
            self.progress.remark(text)
