"""Checks the failsafes, and sets up a failsafe's root login.

The set-up is a recovery window that ends KEPT when a person has completed the login. Only a re-read under the
account's lock, recorded in the ledger first, ends it KEPT. Otherwise its end deletes the login, as for any window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rootkeeper.audit.reading import read_accounts
from rootkeeper.audit.service import Audit
from rootkeeper.aws.policies import PolicyReader
from rootkeeper.aws.root_sessions import RootSession
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.changes.sessions import AccountSessions, open_root_session
from rootkeeper.clock import Clock
from rootkeeper.errors import (
    AccountBusyError,
    AwsAccessDeniedError,
    AwsCredentialsError,
    AwsError,
    DatabaseError,
    Hint,
    LedgerUnavailableError,
    LockLostError,
    RootAccessOffError,
    TargetRefusedError,
    WindowConflictError,
)
from rootkeeper.failsafe.rules import (
    Check,
    Drill,
    FailsafeFacts,
    LoginProgress,
    PolicyFinding,
    check_failsafe,
    describe_login,
    evaluate_progress,
    failed,
    find_drills,
    unknown,
)
from rootkeeper.guardrails.rules import PreflightEvaluator
from rootkeeper.guardrails.tasks import Task
from rootkeeper.ledger.owners import AccountLock
from rootkeeper.ledger.rules import Action
from rootkeeper.ledger.verification import LedgerReader
from rootkeeper.organization.accounts import Account, AccountId, Caller, Endpoint, Inventory, find_sign_in_obstacle
from rootkeeper.organization.progress import Progress
from rootkeeper.organization.statuses import AccountRole, RootCredentials, evaluate_failure
from rootkeeper.policy_language.evaluation import AccessVerdict, PolicyTree, build_tree
from rootkeeper.root_emails.rules import EmailRules, RootEmail
from rootkeeper.root_emails.statements import EmailAttestationStore, read_evaluator
from rootkeeper.windows.changes import WindowStep
from rootkeeper.windows.checks import AccountWork, RecoveryPlanner, require_no_window, require_target
from rootkeeper.windows.closing import WaitResult, WindowWaiter
from rootkeeper.windows.rules import RecoveryWindow, WindowState, advance
from rootkeeper.windows.store import RecoveryWindowStore


@dataclass(frozen=True, slots=True)
class FailsafeReport:
    """Every failsafe of the organization, with its checks."""

    inventory: Inventory
    caller: Caller
    endpoint: Endpoint
    observed_at: datetime
    failsafes: tuple[Account, ...]
    """The delegated administrator accounts for IAM; none also if they couldn't be read."""
    checks: tuple[Check, ...]
    facts: tuple[FailsafeFacts, ...] = ()
    """The facts that were checked; empty if a server checked them."""
    policies: PolicyTree | None = None
    """The policies over the failsafes; ``None`` if they couldn't be read or weren't needed."""


@dataclass(frozen=True, slots=True)
class FailsafeChecker:
    """Checks each delegated administrator account for IAM."""

    audit: Audit
    policies: PolicyReader
    ledger_reader: LedgerReader
    windows: RecoveryWindowStore
    attestations: EmailAttestationStore
    rules: EmailRules
    clock: Clock

    def check(self, progress: Progress) -> FailsafeReport:
        """List the organization and check. Opens an audit session for each failsafe, and reads the policies over it.

        :raises OrganizationIncompleteError: if the listing of accounts isn't complete.
        :raises LedgerUnavailableError: if the ledger can't be written; no session was opened.
        """
        return self.check_known(self.audit.inventory.read(progress), progress)

    def check_known(self, inventory: Inventory, progress: Progress) -> FailsafeReport:
        """Check with an inventory that was just read."""
        accounts = list_failsafes(inventory)
        policies: PolicyTree | None = None
        facts: tuple[FailsafeFacts, ...] = ()
        if accounts:
            policies, problem = self._read_policies(accounts)
            findings = _evaluate_policies(inventory, accounts, policies, problem)
            facts = tuple(self._read_facts(inventory, accounts, findings, progress))
        now = self.clock.now()
        checks = tuple(check for account_facts in facts for check in check_failsafe(account_facts, now))
        return FailsafeReport(
            inventory=inventory,
            caller=self.audit.inventory.caller,
            endpoint=self.audit.inventory.reader.endpoint,
            observed_at=now,
            failsafes=accounts,
            checks=(*_check_registration(inventory), *checks),
            facts=facts,
            policies=policies,
        )

    def evaluate_emails(self, inventory: Inventory) -> tuple[RootEmail, ...]:
        """Check every account's root e-mail address; no AWS call."""
        return read_evaluator(self.attestations, self.rules, self.clock.now()).evaluate_all(inventory)

    def list_drills(self, inventory: Inventory) -> tuple[Drill, ...]:
        """List the recorded drills of this organization, the latest held first; no AWS call."""
        endpoint = self.audit.inventory.reader.endpoint
        return find_drills(
            self.ledger_reader.list_entries(), inventory.organization.organization_id, in_sandbox=endpoint.is_sandbox
        )

    def _read_facts(
        self,
        inventory: Inventory,
        accounts: tuple[Account, ...],
        policies: Mapping[AccountId, PolicyFinding],
        progress: Progress,
    ) -> Iterator[FailsafeFacts]:
        targets = [(account, AccountRole.FAILSAFE) for account in accounts]
        try:
            statuses = read_accounts(self.audit.tools, targets, progress, details=True)
        except RootAccessOffError as error:
            now = self.clock.now()
            statuses = {
                account.account_id: evaluate_failure(account, role, error, observed_at=now) for account, role in targets
            }
        emails = {email.account.account_id: email for email in self.evaluate_emails(inventory)}
        drills = self.list_drills(inventory)
        for account in accounts:
            yield FailsafeFacts(
                account=account,
                status=statuses[account.account_id],
                email=emails[account.account_id],
                drills=tuple(drill for drill in drills if drill.account_id == account.account_id),
                root_sign_in=policies[account.account_id],
                window=self.windows.find_unfinished(account.account_id),
                sign_in_obstacle=find_sign_in_obstacle(inventory.organization.partition),
            )

    def _read_policies(self, accounts: tuple[Account, ...]) -> tuple[PolicyTree | None, str | None]:
        """Read the policies over the failsafes, or return why they couldn't be read."""
        targets = {target for account in accounts for target in (*account.ou_ids, account.account_id)}
        try:
            return build_tree(self.policies.list_policies_over(targets)), None
        except AwsCredentialsError:
            raise
        except AwsError as error:
            return None, error.message


def _evaluate_policies(
    inventory: Inventory, accounts: tuple[Account, ...], policies: PolicyTree | None, problem: str | None
) -> dict[AccountId, PolicyFinding]:
    if policies is None:
        return {
            account.account_id: PolicyFinding(AccessVerdict.UNKNOWN, problem or "Not read.") for account in accounts
        }
    evaluator = PreflightEvaluator(inventory.organization, policies, accounts)
    found: dict[AccountId, PolicyFinding] = {}
    for account in accounts:
        row = next((result for result in evaluator.evaluate(account) if result.task is Task.ROOT_USER_SIGN_IN), None)
        found[account.account_id] = (
            PolicyFinding(AccessVerdict.UNKNOWN, "The account isn't ACTIVE, so its policies weren't evaluated.")
            if row is None
            else PolicyFinding(row.verdict, row.explanation or "No SCP blocks a signed-in root user.")
        )
    return found


def list_failsafes(inventory: Inventory) -> tuple[Account, ...]:
    """List the delegated administrator accounts for IAM; empty also if they couldn't be read."""
    delegates = inventory.delegated_administrator_ids or frozenset()
    return tuple(account for account in inventory.accounts if account.account_id in delegates)


def _check_registration(inventory: Inventory) -> tuple[Check, ...]:
    if inventory.delegated_administrator_ids is None:
        needed = f"an identity of the management account {inventory.organization.management_account_id}"
        return (unknown("failsafe", f"The failsafes couldn't be read: needs {needed}."),)
    if not inventory.delegated_administrator_ids:
        hint = Hint("Register a delegated administrator for IAM.", "failsafe.register")
        return (failed("failsafe", "No failsafe: no delegated administrator for IAM is registered.", hint),)
    return ()


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
