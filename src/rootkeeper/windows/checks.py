"""Checks a request for a recovery window: first everything that needs no session, then in an audit session.

It only reads, so that it is also the dry run. Policies are checked because a policy that blocks the creation or
deletion of the login profile would leave the window unopened or, worse, unclosed; a policy that denies the signed-in
root user makes the window useless.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rootkeeper.acting import Acting
from rootkeeper.aws.organizations import OrganizationReader
from rootkeeper.aws.policies import PolicyReader
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.changes.sessions import open_root_session
from rootkeeper.errors import (
    AwsAccessDeniedError,
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
from rootkeeper.ledger.rules import Action
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
    find_sign_in_obstacle,
)
from rootkeeper.organization.progress import Progress
from rootkeeper.organization.statuses import RootCredentialsSummary
from rootkeeper.policy_language.documents import PolicyKind
from rootkeeper.policy_language.evaluation import AccessVerdict
from rootkeeper.values import JsonValue, render_time
from rootkeeper.windows.approvals import REVIEW_WITHIN
from rootkeeper.windows.credentials import NOT_STATED, CredentialsStatement, require_credentials_outlive
from rootkeeper.windows.rules import CLOCK_SKEW, RecoveryWindow, WindowState, describe_blocking_window, require_duration
from rootkeeper.windows.store import RecoveryWindowStore


def require_correct_clock(reader: OrganizationReader) -> None:
    """Compare this machine's clock with AWS's. Calls: sts:GetCallerIdentity.

    :raises ClockWrongError: if they differ by more than five minutes.
    :raises AwsError: if the call fails.
    """
    offset = reader.find_clock_offset()
    if offset is None or abs(offset) <= CLOCK_SKEW:
        return
    minutes = abs(offset) // timedelta(minutes=1)
    where = "ahead of" if offset > timedelta(0) else "behind"
    raise ClockWrongError(
        f"This machine's clock is {minutes} minutes {where} AWS's, so approvals and entries of the ledger would have "
        "wrong times. No window is opened.",
        hint="Set the clock, for example by NTP, then try again.",
    )


_NEEDED = {
    Task.CREATE_PASSWORD: "allowing password recovery",
    Task.DELETE: "deleting the credentials at the window's end",
    Task.ROOT_USER_SIGN_IN: "what the root user can do after its sign-in",
}


def check_guardrails(
    policies: PolicyReader, account: Account, inventory: Inventory, *, governs_login: bool = False
) -> tuple[str, ...]:
    """Read the policies over the account, and return remarks on verdicts that depend on the request and on unreadable
    policies.

    :param governs_login: whether no login has to be created.
    :raises AwsAccessDeniedError: if a policy blocks; with the policy, the fix, and for the sign-in the change that
        undoes it.
    :raises AwsCredentialsError: if the operator's own credentials expired.
    """
    try:
        evaluator = PolicyTreeReader(policies).read_evaluator_over((account,), inventory)
    except AwsUnreachableError as error:
        return (f"The policies over the account couldn't be read: {error.message}",)
    doubts = []
    needed = _NEEDED.keys() - ({Task.CREATE_PASSWORD} if governs_login else set())
    for row in evaluator.evaluate(account):
        if row.task in needed and row.verdict is AccessVerdict.BLOCKED:
            raise _refuse(row, evaluator)
        if row.task in needed and row.verdict is not AccessVerdict.ALLOWED:
            doubts.append(f"Policies and {_NEEDED[row.task]}: {row.explanation}")
    return tuple(dict.fromkeys(doubts))


def _refuse(row: PreflightRow, evaluator: PreflightEvaluator) -> AwsAccessDeniedError:
    policy_id = row.policies[0].policy_id
    kind = PolicyKind.SERVICE_CONTROL if policy_id is None else evaluator.tree.describe(policy_id).kind
    hint = None
    if row.fix is not None and row.task is not Task.ROOT_USER_SIGN_IN:
        hint = f"Change the policy first:\n{row.fix}"
    elif row.fix is not None:
        inverse = evaluator.find_inverse_fix(row.account, row.task)
        hint = f"Lift it for this account first:\n{row.fix}\nRestore it after the window:\n{inverse}"
    return AwsAccessDeniedError(
        f"A policy blocks {_NEEDED[row.task]} in {row.account.account_id}: {row.explanation} Nothing was opened.",
        hint=hint,
        denied_by=DenialCause(kind.value),
        policy_id=policy_id,
    )


@dataclass(frozen=True, slots=True)
class RecoveryRequest:
    """A request for a recovery window."""

    account: Account
    reason: str
    ticket: str | None
    duration_seconds: int
    keeps_login: bool = False
    """Whether the login stays after a person has completed it: the failsafe's set-up."""
    governs_login: bool = False
    """Whether the window governs the login that the account has already, so that nothing is opened in AWS."""
    credentials: CredentialsStatement = NOT_STATED


@dataclass(frozen=True, slots=True)
class RecoveryPlan:
    """A request that passed every check."""

    request: RecoveryRequest
    inventory: Inventory
    caller: Caller
    endpoint: Endpoint
    existing: RootCredentialsSummary
    """The account's credentials now, as an audit session showed them; never a password."""
    remarks: tuple[str, ...]
    """For the person who confirms; they contain the doubts."""
    doubts: tuple[str, ...] = ()
    """Verdicts of policies that depend on the request, and policies that couldn't be read."""


def make_window_id() -> str:
    return f"w-{secrets.token_hex(5)}"


def make_window(
    plan: RecoveryPlan, window_id: str, requested_by: str, now: datetime, *, is_drill: bool, is_emergency: bool
) -> RecoveryWindow:
    """Make the window of a plan: APPROVED, because without a server no person can approve."""
    return RecoveryWindow(
        window_id=window_id,
        organization_id=plan.inventory.organization.organization_id,
        account_id=plan.request.account.account_id,
        state=WindowState.APPROVED,
        reason=plan.request.reason,
        ticket=plan.request.ticket,
        requested_by=requested_by,
        requested_at=now,
        duration_seconds=plan.request.duration_seconds,
        is_emergency=is_emergency,
        review_due_at=now + REVIEW_WITHIN if is_emergency else None,
        is_drill=is_drill,
    )


def record_request(
    ledger: Ledger, windows: RecoveryWindowStore, window: RecoveryWindow, plan: RecoveryPlan | None = None
) -> None:
    """Record the request in the ledger, with the result of its check, then add the window.

    :param plan: ``None`` for a window that no one requested.
    """
    parameters: dict[str, JsonValue] = {
        "window_id": window.window_id,
        "reason": window.reason,
        "ticket": window.ticket,
        "duration_seconds": window.duration_seconds,
        "approved_by": list(window.approved_by),
        "is_approved": window.is_approved,
        "approvals_needed": window.approvals_needed,
        "is_drill": window.is_drill,
        "is_emergency": window.is_emergency,
        "requested_by": window.requested_by,
        "requested_by_kind": window.requested_by_kind.value,
        "state": window.state.value,
    }
    if window.lapses_at is not None:
        parameters["lapses_at"] = render_time(window.lapses_at)
    if window.expires_at is not None:
        parameters["expires_at"] = render_time(window.expires_at)
    if plan is not None:
        parameters["governs_login"] = plan.request.governs_login
        parameters["keeps_login"] = plan.request.keeps_login
        parameters["present"] = list(plan.existing.kind_names)
        parameters["policy_doubts"] = list(plan.doubts)
        if plan.request.credentials.is_made:
            parameters["credentials_stated"] = plan.request.credentials.text
    ledger.append_fact(Action.WINDOW_REQUEST, account_id=window.account_id, parameters=parameters)
    windows.add(window)


@dataclass(frozen=True, slots=True)
class AccountWork:
    """The parts that each step in an account uses."""

    acting: Acting
    progress: Progress

    @property
    def windows(self) -> RecoveryWindowStore:
        return self.acting.get_store(RecoveryWindowStore)


@dataclass(frozen=True, slots=True)
class RecoveryPlanner:
    """Checks requests."""

    acting: Acting

    approvals_needed: int = 0
    """Only a server can collect approvals; without a server a window is recorded as unapproved."""

    def plan(self, inventory: Inventory, request: RecoveryRequest, *, window_id: str | None = None) -> RecoveryPlan:
        """Check everything that can be checked without a change; opens an audit session after all other checks.

        :param window_id: the account's window that was requested before and is opened now.
        :raises InputError: if the reason is empty or the duration out of range.
        :raises TargetRefusedError: for the management account, a failsafe that isn't set up, an account that isn't
            ACTIVE or isn't in the organization, an account that already has a password, and, if the window is to govern
            an existing login, an account without a password.
        :raises WindowConflictError: if the account has an unfinished window.
        :raises AwsAccessDeniedError: if the feature is off, a policy blocks the recovery, or AWS denies the session.
        :raises AwsCredentialsError: if the operator's credentials end before the window, or may.
        :raises ClockWrongError: if this machine's clock differs from AWS's by more than five minutes.
        """
        require_duration(request.duration_seconds)
        request = replace(request, reason=request.reason.strip(), ticket=(request.ticket or "").strip() or None)
        if not request.reason:
            raise InputError("A recovery window needs a reason.", hint=Hint("Give the reason.", "window.reason"))
        require_target(request.account, inventory)
        require_no_window(self.acting.get_store(RecoveryWindowStore), request.account.account_id, but=window_id)
        now = self.acting.clock.now()
        end = now + timedelta(seconds=request.duration_seconds)
        require_credentials_outlive(self.acting.aws.find_credentials_lifetime(), end, now, request.credentials)
        caller = self.acting.aws.read_caller()
        require_correct_clock(self.acting.aws)
        setup = self.acting.aws.read_setup()
        _require_setup(caller, inventory.organization, setup)
        _require_kept_where_it_belongs(request, setup)
        doubts = check_guardrails(self.acting.aws, request.account, inventory, governs_login=request.governs_login)
        existing = self._read_existing(request.account, governs_login=request.governs_login)
        return RecoveryPlan(
            request=request,
            inventory=inventory,
            caller=caller,
            endpoint=self.acting.aws.endpoint,
            existing=existing,
            remarks=(*_list_remarks(request, existing, setup, self.approvals_needed), *doubts),
            doubts=doubts,
        )

    def _read_existing(self, account: Account, *, governs_login: bool) -> RootCredentialsSummary:
        session = open_root_session(self.acting.aws, self.acting.ledger, account.account_id, TaskPolicy.AUDIT)
        existing = session.read_summary()
        if existing.has_password and not governs_login:
            raise TargetRefusedError(
                f"{account.account_id} has a root password already, or recovery is allowed: there is nothing to open.",
                hint=Hint(
                    "Request a window that governs the existing login, or delete the login.",
                    "window.password",
                    account_id=account.account_id,
                ),
            )
        if governs_login and not existing.has_password:
            raise TargetRefusedError(
                f"{account.account_id} has no root password, and recovery isn't allowed: there is no login to govern.",
                hint=Hint("Request a window that allows password recovery.", "window.no_login"),
            )
        now = self.acting.clock.now()
        excepted = any(
            exception.account_id == account.account_id and exception.is_in_force(now)
            for exception in self.acting.get_store(DeletionExceptionStore).list_exceptions()
        )
        if excepted and not existing.is_empty:
            raise TargetRefusedError(
                f"{account.account_id} has root user credentials that are excepted from deletion. Closing a recovery "
                "window would delete them.",
                hint=Hint("Remove the exception first.", "window.exception", account_id=account.account_id),
            )
        return existing


def require_no_window(windows: RecoveryWindowStore, account_id: AccountId, *, but: str | None = None) -> None:
    """:raises WindowConflictError: if the account has an unfinished window other than ``but``."""
    window = windows.find_unfinished(account_id)
    if window is not None and window.window_id != but:
        raise WindowConflictError(
            f"{account_id} has recovery window {window.window_id}, which is {window.state}.",
            hint=describe_blocking_window(window.window_id, window.state),
        )


def require_target(account: Account, inventory: Inventory) -> None:
    """:raises TargetRefusedError: if no recovery is possible in the account."""
    organization = inventory.organization
    if (obstacle := find_sign_in_obstacle(organization.partition)) is not None:
        raise TargetRefusedError(
            f"A recovery window isn't applicable in the partition {organization.partition}. {obstacle}",
            hint="Ask AWS Support for that partition.",
        )
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


def _require_setup(caller: Caller, organization: Organization, setup: Setup) -> None:
    """Unreadable parts of the set-up aren't required here: AWS denies the session then."""
    management, delegates = organization.management_account_id, setup.delegated_administrators
    if caller.account_id != management and delegates is not None and caller.account_id not in delegates:
        raise AwsAccessDeniedError(
            f"{caller.arn} is neither in the management account nor in a delegated administrator account. "
            "Nothing was opened.",
            hint=f"Use credentials of the management account {management}.",
        )
    is_off = setup.features is not None and Feature.ROOT_CREDENTIALS_MANAGEMENT not in setup.features
    if setup.trusted_access is False or is_off:
        what = "Trusted access for IAM" if setup.trusted_access is False else "The feature RootCredentialsManagement"
        raise AwsAccessDeniedError(
            f"{what} is off, so password recovery can't be allowed. Nothing was opened.",
            hint=Hint("Turn it on.", "window.enable"),
        )


def _require_kept_where_it_belongs(request: RecoveryRequest, setup: Setup) -> None:
    """A failsafe's root login is kept, so its windows are set-ups, and no other account has set-ups.

    The roles that open and delete can't touch the failsafe's root user credentials; its set-up has its own role.
    """
    account_id = request.account.account_id
    if request.keeps_login and account_id not in (setup.delegated_administrators or ()):
        raise TargetRefusedError(
            f"AWS doesn't show {account_id} as a delegated administrator for IAM, so its root login can't be kept. "
            "Nothing was opened.",
            hint=Hint("Register it first.", "failsafe.register_account", account_id=account_id),
        )
    if not request.keeps_login and account_id in (setup.delegated_administrators or ()):
        raise TargetRefusedError(
            f"{account_id} is a failsafe: closing a recovery window would delete its root login, which is kept. "
            "Nothing was opened.",
            hint=Hint("Set up its root login instead.", "failsafe.set_up", account_id=account_id),
        )


def _list_remarks(
    request: RecoveryRequest, existing: RootCredentialsSummary, setup: Setup, approvals_needed: int
) -> list[str]:
    remarks = ["No one approves this window: it is recorded and reported as unapproved."]
    if approvals_needed:
        people = "1 person" if approvals_needed == 1 else f"{approvals_needed} people"
        remarks = [f"{people} other than the requester must approve it before it can be opened."]
    if request.credentials.is_made:
        remarks.append(f"You state about the AWS credentials that {request.credentials.text}. This is recorded.")
    if request.governs_login:
        remarks.append("The window governs the root login that the account has: nothing is opened in AWS.")
    if not existing.is_empty:
        named = ", ".join(existing.kind_names)
        remarks.append(f"Closing the window also deletes the credentials that the account has now: {named}.")
    if request.keeps_login:
        return remarks
    if setup.delegated_administrators is None:
        remarks.append(
            "Delegated administrators couldn't be read: if the account is a failsafe, closing the window deletes its "
            "root login, which should be kept."
        )
    return remarks
