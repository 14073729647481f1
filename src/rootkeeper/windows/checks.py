"""Checks a request for a recovery window: first everything that needs no session, then in an audit session.

It only reads, so that it is also the dry run. Policies are checked because one that blocks the creation or deletion of
the login profile would leave the window unopened or, worse, unclosed; one that denies the signed-in root user makes
the window useless.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rootkeeper.aws.organizations import OrganizationReader
from rootkeeper.aws.policies import PolicyReader
from rootkeeper.aws.root_sessions import RootSessions, open_root_session
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.clock import Clock
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsCredentialsError,
    AwsUnreachableError,
    ClockWrongError,
    DenialCause,
    Hint,
    InputError,
    TargetRefusedError,
    WindowConflictError,
)
from rootkeeper.exceptions.service import DeletionExceptionStore
from rootkeeper.guardrails.rules import PreflightEvaluator, PreflightRow
from rootkeeper.guardrails.service import PolicyTreeReader
from rootkeeper.guardrails.tasks import Task
from rootkeeper.inventory.listing import require_in_organization
from rootkeeper.ledger.store import Ledger
from rootkeeper.organization.accounts import (
    Account,
    AccountId,
    AccountState,
    Caller,
    Endpoint,
    Feature,
    Inventory,
    Organization,
    Setup,
)
from rootkeeper.organization.statuses import RootCredentialsSummary
from rootkeeper.policy_language.documents import PolicyKind
from rootkeeper.policy_language.evaluation import AccessVerdict
from rootkeeper.windows.rules import CLOCK_SKEW, describe_blocking_window, require_duration
from rootkeeper.windows.store import RecoveryWindowStore

_SECONDS_PER_MINUTE = 60


def require_correct_clock(reader: OrganizationReader) -> None:
    """Compare this machine's clock with AWS's. One call: sts:GetCallerIdentity.

    :raises ClockWrongError: if they differ by more than five minutes.
    :raises AwsError: if the call fails.
    """
    offset = reader.find_clock_offset()
    if offset is None or abs(offset) <= CLOCK_SKEW:
        return
    minutes = int(abs(offset).total_seconds() // _SECONDS_PER_MINUTE)
    where = "ahead of" if offset.total_seconds() > 0 else "behind"
    raise ClockWrongError(
        f"This machine's clock is {minutes} minutes {where} AWS's, so the window would close at the wrong time. "
        "Nothing was opened.",
        hint="Set the clock, for example by NTP, then try again.",
    )


_NEEDED = {
    Task.CREATE_PASSWORD: "allowing password recovery",
    Task.DELETE: "deleting the credentials at the window's end",
    Task.ROOT_USER_SIGN_IN: "what the root user can do after its sign-in",
}


@dataclass(frozen=True, slots=True)
class RecoveryGuardrailChecker:
    """Reads the policies over one account; changes nothing and opens no root session."""

    policies: PolicyReader

    def check(self, account: Account, inventory: Inventory) -> tuple[str, ...]:
        """Return remarks for what depends on the request or couldn't be read.

        :raises AwsAccessDeniedError: if a policy blocks; with the policy, the fix, and for the sign-in the change that
            undoes it.
        :raises AwsCredentialsError: if the operator's own credentials expired.
        """
        try:
            evaluator = PolicyTreeReader(self.policies).read_evaluator_over((account,), inventory)
        except AwsUnreachableError as error:
            return (_unread(error),)
        rows = [row for row in evaluator.evaluate(account) if row.task in _NEEDED]
        for row in rows:
            if row.verdict is AccessVerdict.BLOCKED:
                raise _refuse(row, evaluator)
        doubtful = [row for row in rows if row.verdict is not AccessVerdict.ALLOWED]
        return tuple(dict.fromkeys(f"Policies and {_NEEDED[row.task]}: {row.explanation}" for row in doubtful))


def _refuse(row: PreflightRow, evaluator: PreflightEvaluator) -> AwsAccessDeniedError:
    policy_id = row.policies[0].policy_id
    kind = PolicyKind.SERVICE_CONTROL if policy_id is None else evaluator.tree.describe(policy_id).kind
    return AwsAccessDeniedError(
        f"A policy blocks {_NEEDED[row.task]} in {row.account.account_id}: {row.explanation} Nothing was opened.",
        hint=_describe_change(row, evaluator),
        denied_by=DenialCause(kind.value),
        policy_id=policy_id,
    )


def _describe_change(row: PreflightRow, evaluator: PreflightEvaluator) -> str | None:
    if row.fix is None:
        return None
    if row.task is not Task.ROOT_USER_SIGN_IN:
        return f"Change the policy first:\n{row.fix}"
    find_inverse_fix = evaluator.find_inverse_fix(row.account, row.task)
    return f"Lift it for this account first:\n{row.fix}\nRestore it after the window:\n{find_inverse_fix}"


def _unread(error: AwsUnreachableError) -> str:
    return f"The policies over the account couldn't be read: {error.message}"


CLOSING_TAKES = timedelta(seconds=60)
"""How long the operator's credentials must outlast a window, so that they can close it."""


@dataclass(frozen=True, slots=True)
class RecoveryRequest:
    """A request for a recovery window."""

    account: Account
    reason: str
    ticket: str | None
    duration_seconds: int
    keeps_login: bool = False
    """Whether the login stays after a person has completed it: the failsafe's set-up."""


@dataclass(frozen=True, slots=True)
class RecoveryPlan:
    """A request that passed every check."""

    request: RecoveryRequest
    inventory: Inventory
    caller: Caller
    endpoint: Endpoint
    existing: RootCredentialsSummary
    """What the account has now, as an audit session showed it; never a password."""
    remarks: tuple[str, ...]
    """For the person who confirms."""


@dataclass(frozen=True, slots=True)
class RecoveryPlanner:
    """Checks requests."""

    reader: OrganizationReader
    sessions: RootSessions
    ledger: Ledger
    windows: RecoveryWindowStore
    exceptions: DeletionExceptionStore
    policies: PolicyReader
    clock: Clock
    approvals_needed: int = 0
    """Only a server can collect approvals; without a server a window is recorded as unapproved."""

    def plan(self, inventory: Inventory, request: RecoveryRequest, *, window_id: str | None = None) -> RecoveryPlan:
        """Check everything that can be checked without a change; opens one audit session after all other checks.

        :param window_id: the account's window that was requested before and is opened now.
        :raises InputError: if the reason is empty or the duration out of range.
        :raises TargetRefusedError: for the management account, an account that isn't ACTIVE or isn't in the
            organization, and one that already has a password.
        :raises WindowConflictError: if the account has an unfinished window.
        :raises AwsAccessDeniedError: if the feature is off, a policy blocks the recovery, or AWS denies the session.
        :raises AwsCredentialsError: if the operator's credentials expire before the window ends.
        :raises ClockWrongError: if this machine's clock differs from AWS's by more than five minutes.
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
            return "No one approves this window: it is recorded and reported as unapproved."
        people = "1 person" if self.approvals_needed == 1 else f"{self.approvals_needed} people"
        return f"{people} other than the requester must approve it before it can be opened."

    def _read_existing(self, account: Account) -> RootCredentialsSummary:
        session = open_root_session(self.sessions, self.ledger, account.account_id, TaskPolicy.AUDIT)
        existing = session.read_summary()
        if existing.has_password:
            raise TargetRefusedError(
                f"{account.account_id} has a root password already, or recovery is allowed: there is nothing to open.",
                hint=Hint(
                    "Its root user can use Forgot password now. A deletion removes it.",
                    "window.password",
                    account_id=account.account_id,
                ),
            )
        self._require_not_excepted(account, existing)
        return existing

    def _require_not_excepted(self, account: Account, existing: RootCredentialsSummary) -> None:
        """Closing would delete what the exception protects."""
        now = self.clock.now()
        excepted = any(
            one.account_id == account.account_id and one.is_in_force(now) for one in self.exceptions.list_exceptions()
        )
        if excepted and not existing.is_empty:
            raise TargetRefusedError(
                f"{account.account_id} has root user credentials that are excepted from deletion. Closing a recovery "
                "window would delete them.",
                hint=Hint("Remove the exception first.", "window.exception", account_id=account.account_id),
            )


def require_no_window(windows: RecoveryWindowStore, account_id: AccountId, *, but: str | None = None) -> None:
    """Require that the account has no unfinished window, except the one with the id ``but``.

    :raises WindowConflictError: if it has one.
    """
    window = windows.find_unfinished(account_id)
    if window is not None and window.window_id != but:
        raise WindowConflictError(
            f"{account_id} has recovery window {window.window_id}, which is {window.state}.",
            hint=describe_blocking_window(window.window_id, window.state),
        )


def require_credentials_outlive(credentials_expire_at: datetime | None, end: datetime) -> None:
    """Require that the operator's credentials can still close a window that ends at ``end``.

    :raises AwsCredentialsError: if they expire before.
    """
    if credentials_expire_at is not None and credentials_expire_at < end + CLOSING_TAKES:
        raise AwsCredentialsError(
            f"The AWS credentials expire at {credentials_expire_at.isoformat(timespec='seconds')}, before the "
            f"window closes at {end.isoformat(timespec='seconds')}. Nothing was opened.",
            hint=Hint(
                "Sign in again for longer, use credentials that renew themselves, or choose a shorter window.",
                "window.shorter",
            ),
        )


def _require_request(request: RecoveryRequest) -> RecoveryRequest:
    require_duration(request.duration_seconds)
    reason = request.reason.strip()
    if not reason:
        raise InputError("A recovery window needs a reason.", hint=Hint("Give the reason.", "window.reason"))
    return replace(request, reason=reason, ticket=(request.ticket or "").strip() or None)


def require_target(account: Account, inventory: Inventory) -> None:
    """Require that root sessions are possible in the account.

    :raises TargetRefusedError: if they aren't.
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
            hint="AWS allows root sessions only in ACTIVE accounts. AWS Support can reopen a recently closed account.",
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
    """If it couldn't be read, AWS decides: it denies the session if the feature is off."""
    is_off = setup.features is not None and Feature.ROOT_CREDENTIALS_MANAGEMENT not in setup.features
    if setup.trusted_access is False or is_off:
        what = "Trusted access for IAM" if setup.trusted_access is False else "The feature RootCredentialsManagement"
        raise AwsAccessDeniedError(
            f"{what} is off, so password recovery can't be allowed. Nothing was opened.",
            hint=Hint("Turn it on.", "window.enable"),
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
