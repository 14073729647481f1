"""Reads who can open root sessions, and which access paths work without Identity Center.

AWS allows AssumeRoot only from the management account and the failsafes. A caller can read IAM only in its own account.
Other facts become a check that names who can read them. Reading only: the single root session is an audit session on
each failsafe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rootkeeper.aws.identities import (
    AccountIdentities,
    IdentityCenterReader,
    IdentityReader,
    PermissionSet,
    PolicySource,
    UserAccess,
)
from rootkeeper.clock import Clock
from rootkeeper.errors import AwsAccessDeniedError, AwsCredentialsError, AwsError, Hint
from rootkeeper.failsafe.breakglass_rules import (
    MANAGEMENT_KINDS,
    AccessPath,
    CallerAccountPolicies,
    CallerIdentity,
    PermissionResult,
    RootSessionCaller,
    RootSessionCallerKind,
    check_access_paths,
    check_management_root,
    check_management_use,
    combine,
    evaluate_root_path,
    evaluate_root_permissions,
    evaluate_user_path,
    evaluate_work,
    list_root_session_callers,
)
from rootkeeper.failsafe.rules import Check, CheckVerdict, check_drills, failed, passed, unknown, unread
from rootkeeper.failsafe.service import FailsafeChecker, FailsafeReport, list_failsafes
from rootkeeper.guardrails.tasks import AccountPlace, Task, list_requests
from rootkeeper.inventory.store import InventoryStore
from rootkeeper.organization.accounts import Account, AccountId, AccountState, Caller, Endpoint, Inventory
from rootkeeper.organization.progress import Progress
from rootkeeper.organization.statuses import AccountStatus
from rootkeeper.policy_language.documents import PolicyKind
from rootkeeper.policy_language.evaluation import AccessVerdict, PolicyLevel, PolicyTree
from rootkeeper.policy_language.patterns import PartialText

_IDENTITY_CENTER_CALLER = (
    "an identity of the management account, or of the delegated administrator for sso.amazonaws.com, with sso:List*, "
    "sso:Describe* and sso:Get*"
)

_ANY_ACCESS = UserAccess(has_password=True, active_access_key_ids=("",), mfa_serial_numbers=("",))
"""All kinds of credentials, to find out whether a user's policies matter."""


@dataclass(frozen=True, slots=True)
class CallerAccount:
    """An account from which root sessions can be opened."""

    account: Account
    caller_policies: CallerAccountPolicies
    checks: tuple[Check, ...]
    root_session_callers: tuple[RootSessionCaller, ...]
    access_paths: tuple[AccessPath, ...]
    """Of the IAM users with MFA that could be read."""
    is_read: bool
    """Whether its IAM users were read."""


@dataclass(frozen=True, slots=True)
class CallerAccountReader:
    """Reads the accounts from which root sessions can be opened."""

    identities: IdentityReader
    identity_center: IdentityCenterReader
    caller: Caller

    def read(self, account: Account, inventory: Inventory, policies: PolicyTree | None) -> CallerAccount:
        """Read IAM of the caller's own account, and Identity Center of any account.

        :raises AwsCredentialsError: if the caller's own credentials ended.
        """
        organization = inventory.organization
        caller_policies = CallerAccountPolicies(
            AccountPlace(account.account_id, organization.organization_id, account.ou_ids, organization.partition),
            _find_levels(account, inventory, policies),
        )
        identities, identities_check = self._read_identities(account.account_id)
        permission_sets, sets_check = self._read_permission_sets(account.account_id, inventory)
        root_session_callers = list_root_session_callers(identities, permission_sets or (), caller_policies)
        of_sets = [caller for caller in root_session_callers if caller.kind is RootSessionCallerKind.PERMISSION_SET]
        others = [caller for caller in root_session_callers if caller.kind is not RootSessionCallerKind.PERMISSION_SET]
        what = "1 IAM user or role" if len(others) == 1 else f"{len(others)} IAM users and roles"
        sets = f"{len(of_sets)} of {len(permission_sets or ())} permission sets"
        return CallerAccount(
            account=account,
            caller_policies=caller_policies,
            checks=(
                identities_check or _check_list("iam_identities", what, others, account.account_id),
                sets_check or _check_list("permission_sets", sets, of_sets, account.account_id),
            ),
            root_session_callers=root_session_callers,
            access_paths=tuple(self._evaluate_users(identities, caller_policies)) if identities else (),
            is_read=identities is not None,
        )

    def _read_identities(self, account_id: AccountId) -> tuple[AccountIdentities | None, Check | None]:
        """Read the users and roles, or return the check that explains the failure."""
        needed = f"{an_identity_of(account_id)} with iam:GetAccountAuthorizationDetails"
        if self.caller.account_id != account_id:
            return None, unread("iam_identities", needed, account_id=account_id)
        try:
            return self.identities.read_identities(account_id), None
        except AwsCredentialsError:
            raise
        except AwsError as error:
            return None, _explain_unread("iam_identities", error, account_id, needed)

    def _read_permission_sets(
        self, account_id: AccountId, inventory: Inventory
    ) -> tuple[tuple[PermissionSet, ...] | None, Check | None]:
        management_account_id = inventory.organization.management_account_id
        try:
            return self.identity_center.list_permission_sets(account_id, management_account_id), None
        except AwsCredentialsError:
            raise
        except AwsError as error:
            return None, _explain_unread("permission_sets", error, account_id, _IDENTITY_CENTER_CALLER)

    def _evaluate_users(
        self, identities: AccountIdentities, caller_policies: CallerAccountPolicies
    ) -> Iterator[AccessPath]:
        """Read the credentials only of users whose policies may allow access: three calls each."""
        for user in identities.users:
            perhaps = evaluate_user_path(user, _ANY_ACCESS, identities.roles, caller_policies)
            if perhaps.verdict is CheckVerdict.FAIL:
                continue
            try:
                access = self.identities.read_user_access(user.user_name)
            except AwsCredentialsError:
                raise
            except AwsError:
                access = None
            yield evaluate_user_path(user, access, identities.roles, caller_policies)


def an_identity_of(account_id: AccountId) -> str:
    return f"an identity of account {account_id}"


def list_caller_accounts(inventory: Inventory) -> tuple[Account, ...]:
    """List the management account and the failsafes."""
    management_account_id = inventory.organization.management_account_id
    management = (account for account in inventory.accounts if account.account_id == management_account_id)
    return (*management, *list_failsafes(inventory))


def _find_levels(account: Account, inventory: Inventory, policies: PolicyTree | None) -> Sequence[PolicyLevel] | None:
    """Find the SCPs over an account; ``None`` if an SCP couldn't be read."""
    if account.account_id == inventory.organization.management_account_id:
        return ()
    if policies is None or policies.problems.get(PolicyKind.SERVICE_CONTROL):
        return None
    placed = policies.over(account, PolicyKind.SERVICE_CONTROL)
    return None if policies.list_unread(placed) else policies.levels(placed)


def _check_list(
    name: str, what: str, root_session_callers: Sequence[RootSessionCaller], account_id: AccountId
) -> Check:
    """Check that the list is complete. It isn't if a policy or a group's members couldn't be read."""
    doubtful = [
        caller.name
        for caller in root_session_callers
        if not caller.is_complete or any(task.verdict is AccessVerdict.UNKNOWN for task in caller.tasks.values())
    ]
    if doubtful:
        evidence = f"{what} may open root sessions; the facts about {', '.join(doubtful)} are incomplete."
        return unknown(name, evidence, account_id=account_id)
    return passed(name, f"{what} may open root sessions, all of them listed.", account_id=account_id)


USER_MAKING_ACTIONS = (
    "iam:CreateAccessKey",
    "iam:CreateRole",
    "iam:CreateUser",
    "iam:CreateVirtualMFADevice",
    "iam:EnableMFADevice",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
)
"""The calls with which a failsafe's root user creates an identity that can open root sessions, as in the runbook."""

_LOGIN_CHECKS = frozenset({"delegated_administrator", "recovery_window", "password"})
"""The checks that a sign-in of a failsafe's root user depends on, beside MFA, for which a single device is enough."""

_FULL_ACCESS = PolicySource(
    "the new role's policy",
    "the new role's policy",
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRoot","Resource":"*"}]}',
)

_APPROVERS = unknown(
    "approvers",
    "Recovery windows have no approvers: a caller with the credentials can open them on a command line, unapproved.",
)


@dataclass(frozen=True, slots=True)
class BreakGlassReport:
    """Who can open root sessions, and the access paths for an emergency."""

    inventory: Inventory
    caller: Caller
    endpoint: Endpoint
    observed_at: datetime
    checks: tuple[Check, ...]
    root_session_callers: tuple[RootSessionCaller, ...]
    access_paths: tuple[AccessPath, ...]


@dataclass(frozen=True, slots=True)
class BreakGlassReader:
    """Reads the report."""

    failsafes: FailsafeChecker
    caller_accounts: CallerAccountReader
    identities: IdentityReader
    store: InventoryStore
    clock: Clock

    def read(self, progress: Progress) -> BreakGlassReport:
        """List the organization, then read everything that the caller can: IAM of its own account, Identity Center, the
        organization's policies, and each failsafe in an audit session.

        :raises OrganizationIncompleteError: if the listing of accounts isn't complete.
        :raises LedgerUnavailableError: if the ledger can't be written; no session was opened.
        :raises AwsCredentialsError: if the caller's own credentials ended.
        """
        inventory = self.failsafes.audit.inventory.read(progress)
        failsafes = self.failsafes.check_known(inventory, progress)
        caller_accounts = tuple(
            self.caller_accounts.read(account, inventory, failsafes.policies)
            for account in list_caller_accounts(inventory)
        )
        access_paths = (
            *(path for caller_account in caller_accounts for path in caller_account.access_paths),
            *_list_root_paths(failsafes, caller_accounts),
        )
        drills = self.failsafes.list_drills(inventory)
        return BreakGlassReport(
            inventory=inventory,
            caller=failsafes.caller,
            endpoint=failsafes.endpoint,
            observed_at=self.clock.now(),
            checks=(
                check_access_paths(access_paths, _list_unread(inventory, caller_accounts), drills, self.clock.now()),
                check_drills(drills, self.clock.now()),
                *self._check_management(inventory, failsafes.caller),
                _check_caller_accounts(inventory),
                *(check for caller_account in caller_accounts for check in caller_account.checks),
                self._check_mailboxes(inventory),
                _APPROVERS,
            ),
            root_session_callers=tuple(
                caller for caller_account in caller_accounts for caller in caller_account.root_session_callers
            ),
            access_paths=access_paths,
        )

    def _check_management(self, inventory: Inventory, caller: Caller) -> Iterator[Check]:
        """Check the management account's own root user, which only an identity of that account can read."""
        account_id = inventory.organization.management_account_id
        mine = an_identity_of(account_id)
        if caller.account_id != account_id:
            for name in (*MANAGEMENT_KINDS, "management_last_use"):
                yield unread(name, mine, account_id=account_id)
            return
        try:
            checks = check_management_root(account_id, self.failsafes.audit.inventory.reader.read_own_root_summary())
        except AwsCredentialsError:
            raise
        except AwsError as error:
            needed = f"{mine} with iam:GetAccountSummary"
            checks = tuple(_explain_unread(name, error, account_id, needed) for name in MANAGEMENT_KINDS)
        yield from checks
        try:
            last_use = check_management_use(account_id, self.identities.read_root_use(), self.clock.now())
        except AwsCredentialsError:
            raise
        except AwsError as error:
            needed = f"{mine} with iam:GenerateCredentialReport and iam:GetCredentialReport"
            last_use = _explain_unread("management_last_use", error, account_id, needed)
        yield last_use

    def _check_mailboxes(self, inventory: Inventory) -> Check:
        """A person who reads the mailbox of an account with a login profile can reset its password."""
        known = self.store.list_statuses()
        active = [account for account in inventory.accounts if account.state is AccountState.ACTIVE]
        resettable = {account.account_id for account in active if _has_password(account, known)}
        never_read = sum(_has_password(account, known) is None for account in active)
        emails = [
            email for email in self.failsafes.evaluate_emails(inventory) if email.account.account_id in resettable
        ]
        groups = sum(email.group_basis is not None for email in emails)
        evidence = (
            f"{len(resettable)} of {len(active)} ACTIVE accounts had a root password when they were last read. "
            "A person who reads the mailbox can reset it. "
            f"{groups} of these mailboxes are known to be read by a group."
        )
        unread_accounts = f" {never_read} accounts were never read." if never_read else ""
        return unknown(
            "root_mailboxes",
            f"{evidence}{unread_accounts} AWS doesn't show who reads a mailbox.",
            Hint("Audit the accounts, and list their root e-mail addresses.", "failsafe.mailboxes"),
        )


def _explain_unread(name: str, error: AwsError, account_id: AccountId, needed: str) -> Check:
    if isinstance(error, AwsAccessDeniedError):
        return unread(name, needed, error.message, account_id=account_id)
    return unknown(name, error.message, error.hint, account_id=account_id)


def _has_password(account: Account, known: Mapping[AccountId, AccountStatus]) -> bool | None:
    status = known.get(account.account_id)
    return None if status is None or status.summary is None else status.summary.has_password


def _check_caller_accounts(inventory: Inventory) -> Check:
    """Report the accounts that can call AssumeRoot, beside the management account."""
    name, delegates = "delegated_administrators", inventory.delegated_administrator_ids
    if delegates is None:
        return unread(name, an_identity_of(inventory.organization.management_account_id))
    if not delegates:
        return passed(name, "None: AWS allows AssumeRoot only from the management account.")
    return passed(name, f"AWS also allows AssumeRoot from {', '.join(sorted(delegates))}.")


def _list_unread(inventory: Inventory, caller_accounts: tuple[CallerAccount, ...]) -> Iterator[str]:
    """List places that weren't read and may contain an access path."""
    for caller_account in caller_accounts:
        if not caller_account.is_read:
            yield f"the IAM users of {caller_account.account.account_id} weren't read"
    if inventory.delegated_administrator_ids is None:
        yield "the failsafes weren't read"


def _list_root_paths(report: FailsafeReport, caller_accounts: tuple[CallerAccount, ...]) -> Iterator[AccessPath]:
    all_caller_policies = {
        caller_account.account.account_id: caller_account.caller_policies for caller_account in caller_accounts
    }
    for facts in report.facts:
        account_id = facts.account.account_id
        mine = (check for check in report.checks if check.account_id == account_id)
        login = (*(check for check in mine if check.name in _LOGIN_CHECKS), _check_mfa(facts.status))
        yield evaluate_root_path(account_id, login, _evaluate_user_creation(all_caller_policies[account_id]))


def _check_mfa(status: AccountStatus) -> Check:
    if status.summary is None:
        return unknown("mfa", "its MFA devices weren't read")
    has_mfa = status.summary.has_mfa_devices
    return passed("mfa", "it has an MFA device") if has_mfa else failed("mfa", "it has no MFA device")


def _evaluate_user_creation(caller_policies: CallerAccountPolicies) -> PermissionResult:
    """Evaluate whether SCPs allow the root user to create a user and a role, and that role to open root sessions."""
    place = caller_policies.place
    beginning = f"arn:{place.partition}:iam::{place.account_id}:"
    role = CallerIdentity(PartialText((f"{beginning}role/", "")), False, (_FULL_ACCESS,), None)
    # With the known context of a signed-in root user.
    requests = list_requests(Task.ROOT_USER_SIGN_IN, place)
    known = next(request for request in requests if request.action.startswith("iam:"))
    creating = (replace(known, action=action, resource=PartialText((beginning, ""))) for action in USER_MAKING_ACTIONS)
    root = evaluate_root_permissions(creating, caller_policies.levels)
    return combine((root, evaluate_work(role, caller_policies)))
