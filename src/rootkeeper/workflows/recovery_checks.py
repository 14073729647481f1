"""What is checked before a recovery window is opened: first everything that needs no session, then an audit session.

All of it is reading; a dry run does the same and stops here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rootkeeper.domain.organizations import Account, AccountId, AccountState, Caller, Endpoint, Inventory, Organization
from rootkeeper.domain.root_credentials import RootCredentialsSummary
from rootkeeper.domain.setup import Feature, Setup
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.domain.windows import describe_blocking_window, require_duration
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsCredentialsError,
    InputError,
    TargetRefusedError,
    WindowConflictError,
)
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.deletion_exceptions import DeletionExceptions
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.organizations import OrganizationReader
from rootkeeper.ports.policies import PolicyReader
from rootkeeper.ports.root_sessions import RootSessions
from rootkeeper.ports.windows import RecoveryWindows
from rootkeeper.workflows.clock_checks import require_correct_clock
from rootkeeper.workflows.recovery_guardrails import RecoveryGuardrailChecker
from rootkeeper.workflows.root_access import open_root_session
from rootkeeper.workflows.targets import require_in_organization

CLOSING_TAKES = timedelta(seconds=60)
"""How long the operator's credentials must outlive a window, so that it can be closed with them."""


@dataclass(frozen=True, slots=True)
class RecoveryRequest:
    """What a person asks for."""

    account: Account
    reason: str
    ticket: str | None
    duration_seconds: int
    keeps_login: bool = False
    """Whether the login stays once a person has completed it: the failsafe's set-up."""


@dataclass(frozen=True, slots=True)
class RecoveryPlan:
    """A request that passed every check, and what opening it will do."""

    request: RecoveryRequest
    inventory: Inventory
    caller: Caller
    endpoint: Endpoint
    existing: RootCredentialsSummary
    """What the account has now, as an audit session read it; never a password."""
    remarks: tuple[str, ...]
    """What the person should know before saying yes."""


@dataclass(frozen=True, slots=True)
class RecoveryPlanner:
    """Checks a request."""

    reader: OrganizationReader
    sessions: RootSessions
    ledger: Ledger
    windows: RecoveryWindows
    exceptions: DeletionExceptions
    policies: PolicyReader
    clock: Clock
    approvals_needed: int = 0
    """Only a server can collect approvals: without one a window is recorded as unapproved."""

    def plan(self, inventory: Inventory, request: RecoveryRequest, *, window_id: str | None = None) -> RecoveryPlan:
        """Check everything that can be checked without a change; the only session opened is an audit session, after
        all other checks have passed. This is also the dry run.

        :param window_id: the account's own window, which was requested before and is to be opened now.
        :raises InputError: if the reason is empty or the duration out of range.
        :raises TargetRefusedError: for the management account, an account that isn't ACTIVE or isn't in the
            organization, and one that has a password already.
        :raises WindowConflictError: if the account has a window that isn't over.
        :raises AwsAccessDeniedError: if the feature is off, a policy blocks the recovery, or AWS refuses the session.
        :raises AwsCredentialsError: if the operator's credentials end before the window does.
        :raises ClockWrongError: if this machine's clock is more than five minutes off AWS's.
        """
        request = _require_request(request)
        require_target(request.account, inventory)
        require_no_window(self.windows, request.account.account_id, but=window_id)
        end = self.clock.now() + timedelta(seconds=request.duration_seconds)
        require_credentials_outlive(self.reader.find_credentials_expiry(), end)
        caller = self.reader.read_caller()
        require_correct_clock(self.reader)
        setup = self.reader.read_setup()
        _require_caller(caller, inventory.organization, setup)
        _require_feature(setup)
        doubts = RecoveryGuardrailChecker(self.policies).check(request.account, inventory)
        existing = self._read_existing(request.account)
        return RecoveryPlan(
            request=request,
            inventory=inventory,
            caller=caller,
            endpoint=self.reader.endpoint,
            existing=existing,
            remarks=(self._describe_approvals(), *_list_remarks(request, existing, setup), *doubts),
        )

    def _describe_approvals(self) -> str:
        if not self.approvals_needed:
            return "Nobody approves this window: it is recorded and reported as unapproved."
        people = "1 person" if self.approvals_needed == 1 else f"{self.approvals_needed} people"
        return f"{people} beside the requester must approve it before it can be opened."

    def _read_existing(self, account: Account) -> RootCredentialsSummary:
        session = open_root_session(self.sessions, self.ledger, account.account_id, TaskPolicy.AUDIT)
        existing = session.read_summary()
        if existing.has_password:
            raise TargetRefusedError(
                f"{account.account_id} has a root password already, or recovery is allowed: there is nothing to open.",
                hint="Its root user can use Forgot password now. `rootkeeper delete` would remove it.",
            )
        self._require_not_excepted(account, existing)
        return existing

    def _require_not_excepted(self, account: Account, existing: RootCredentialsSummary) -> None:
        """Closing would delete what the exception keeps."""
        now = self.clock.now()
        excepted = any(
            one.account_id == account.account_id and one.is_in_force(now) for one in self.exceptions.list_exceptions()
        )
        if excepted and not existing.is_empty:
            raise TargetRefusedError(
                f"{account.account_id} has root user credentials that are excepted from deletion; closing a recovery "
                "window would delete them.",
                hint=f"Remove the exception first: rootkeeper exceptions remove {account.account_id}",
            )


def require_no_window(windows: RecoveryWindows, account_id: AccountId, *, but: str | None = None) -> None:
    """Check that the account has no window that isn't over, ``but`` the one of that id.

    :raises WindowConflictError: if it has one.
    """
    window = windows.find_unfinished(account_id)
    if window is not None and window.window_id != but:
        raise WindowConflictError(
            f"{account_id} has recovery window {window.window_id}, which is {window.state}.",
            hint=describe_blocking_window(window.window_id, window.state),
        )


def require_credentials_outlive(credentials_expire_at: datetime | None, end: datetime) -> None:
    """Check that the operator's credentials can still close a window that ends at ``end``.

    :raises AwsCredentialsError: if they end before.
    """
    if credentials_expire_at is not None and credentials_expire_at < end + CLOSING_TAKES:
        raise AwsCredentialsError(
            f"The AWS credentials in use end at {credentials_expire_at.isoformat(timespec='seconds')}, before the "
            f"window could be closed at {end.isoformat(timespec='seconds')}. Nothing was opened.",
            hint="Sign in again for longer, use credentials that renew themselves, or choose a shorter --for.",
        )


def _require_request(request: RecoveryRequest) -> RecoveryRequest:
    require_duration(request.duration_seconds)
    reason = request.reason.strip()
    if not reason:
        raise InputError("A recovery window needs a reason.", hint="Say why: --reason TEXT")
    return replace(request, reason=reason, ticket=(request.ticket or "").strip() or None)


def require_target(account: Account, inventory: Inventory) -> None:
    """Check that root sessions can reach the account.

    :raises TargetRefusedError: if they can't.
    """
    organization = inventory.organization
    if organization.partition != "aws":
        raise TargetRefusedError(
            f"Password recovery of root users isn't managed centrally in the partition {organization.partition}.",
            hint="Ask AWS Support for that partition.",
        )
    if account.account_id == organization.management_account_id:
        raise TargetRefusedError(
            f"{account.account_id} is the management account: AWS has no central recovery for its root user.",
            hint="Reset its password on the sign-in page, with its root e-mail address.",
        )
    require_in_organization(account, inventory)
    if account.state is not AccountState.ACTIVE:
        raise TargetRefusedError(
            f"{account.account_id} is {account.state}; only ACTIVE accounts can be recovered.",
            hint="Root sessions reach ACTIVE accounts alone; AWS Support can reopen a closed account for a time.",
        )


def _require_caller(caller: Caller, organization: Organization, setup: Setup) -> None:
    delegates = setup.delegated_administrators
    if caller.account_id == organization.management_account_id or delegates is None or caller.account_id in delegates:
        return
    raise AwsAccessDeniedError(
        f"{caller.arn} is neither in the management account nor in a delegated administrator account. "
        "Nothing was opened.",
        hint=f"Use credentials of the management account {organization.management_account_id}.",
    )


def _require_feature(setup: Setup) -> None:
    """What couldn't be read is left to AWS, which refuses the session if it is off."""
    is_off = setup.features is not None and Feature.ROOT_CREDENTIALS_MANAGEMENT not in setup.features
    if setup.trusted_access is False or is_off:
        what = "Trusted access for IAM" if setup.trusted_access is False else "The feature RootCredentialsManagement"
        raise AwsAccessDeniedError(
            f"{what} is off, so that no password recovery can be allowed. Nothing was opened.",
            hint="Switch it on: rootkeeper enable",
        )


def _list_remarks(request: RecoveryRequest, existing: RootCredentialsSummary, setup: Setup) -> tuple[str, ...]:
    remarks = []
    if not existing.is_empty:
        named = ", ".join(existing.kind_names)
        remarks.append(f"The account has {named} now; closing the window deletes them too.")
    if request.keeps_login:
        return tuple(remarks)
    if setup.delegated_administrators is None:
        remarks.append(
            "Delegated administrators couldn't be read: if the account is a failsafe, closing the window deletes its "
            "root login, which should be kept."
        )
    elif request.account.account_id in setup.delegated_administrators:
        remarks.append("The account is a failsafe: closing the window deletes its root login, which should be kept.")
    return tuple(remarks)
