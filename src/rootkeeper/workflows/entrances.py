"""The accounts from which root sessions can be opened, and who is in them: read as far as this caller can.

From nowhere but the management account and the failsafes is AssumeRoot answered. IAM tells a caller of its own account
alone; what isn't read becomes a line that says who could read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rootkeeper.domain.breakglass import (
    AccessPath,
    RootSessionCaller,
    RootSessionCallerKind,
    evaluate_user_path,
    list_root_session_callers,
)
from rootkeeper.domain.caller_permissions import CallerAccountPolicies
from rootkeeper.domain.checks import Check, CheckVerdict, passed, unknown, unread
from rootkeeper.domain.identities import AccountIdentities, PermissionSet, UserAccess
from rootkeeper.domain.organization_policies import PolicyTree
from rootkeeper.domain.organizations import Account, AccountId, Caller, Inventory
from rootkeeper.domain.policies.documents import PolicyKind
from rootkeeper.domain.policies.evaluation import AccessVerdict, PolicyLevel
from rootkeeper.domain.preflight_tasks import AccountPlace
from rootkeeper.errors import AwsAccessDeniedError, AwsCredentialsError, AwsError
from rootkeeper.ports.identities import IdentityCenterReader, IdentityReader
from rootkeeper.workflows.failsafe import list_failsafes

_IDENTITY_CENTER_CALLER = (
    "an identity of the management account, or of the delegated administrator for sso.amazonaws.com, with sso:List*, "
    "sso:Describe* and sso:Get*"
)

_ANY_ACCESS = UserAccess(has_password=True, active_access_key_ids=("",), mfa_serial_numbers=("",))
"""As if a user had everything to prove itself by."""


@dataclass(frozen=True, slots=True)
class CallerAccount:
    """One account from which root sessions can be opened."""

    account: Account
    caller_policies: CallerAccountPolicies
    checks: tuple[Check, ...]
    root_session_callers: tuple[RootSessionCaller, ...]
    access_paths: tuple[AccessPath, ...]
    """IAM users with MFA, as far as they could be read."""
    is_read: bool
    """Whether its IAM users were."""


@dataclass(frozen=True, slots=True)
class CallerAccountReader:
    """Reads one account after the other."""

    identities: IdentityReader
    identity_center: IdentityCenterReader
    caller: Caller

    def read(self, account: Account, inventory: Inventory, policies: PolicyTree | None) -> CallerAccount:
        """IAM of the caller's own account, Identity Center of any.

        :raises AwsCredentialsError: if the caller's own credentials ended.
        """
        caller_policies = CallerAccountPolicies(
            place_of(account, inventory), _find_levels(account, inventory, policies)
        )
        identities, identities_check = self._read_identities(account.account_id)
        permission_sets, sets_check = self._read_permission_sets(account.account_id, inventory)
        root_session_callers = list_root_session_callers(identities, permission_sets or (), caller_policies)
        return CallerAccount(
            account=account,
            caller_policies=caller_policies,
            checks=(
                identities_check or _count_identities(account.account_id, root_session_callers),
                sets_check or _count_permission_sets(account.account_id, permission_sets or (), root_session_callers),
            ),
            root_session_callers=root_session_callers,
            access_paths=tuple(self._evaluate_users(identities, caller_policies)) if identities else (),
            is_read=identities is not None,
        )

    def _read_identities(self, account_id: AccountId) -> tuple[AccountIdentities | None, Check | None]:
        """The users and roles, or the check that says why not."""
        name = "iam_identities"
        needed = f"{an_identity_of(account_id)} with iam:GetAccountAuthorizationDetails"
        if self.caller.account_id != account_id:
            return None, unread(name, needed, account_id=account_id)
        try:
            return self.identities.read_identities(account_id), None
        except AwsCredentialsError:
            raise
        except AwsAccessDeniedError as error:
            return None, unread(name, needed, error.message, account_id=account_id)
        except AwsError as error:
            return None, unknown(name, error.message, error.hint, account_id=account_id)

    def _read_permission_sets(
        self, account_id: AccountId, inventory: Inventory
    ) -> tuple[tuple[PermissionSet, ...] | None, Check | None]:
        name = "permission_sets"
        try:
            management_account_id = inventory.organization.management_account_id
            return self.identity_center.list_permission_sets(account_id, management_account_id), None
        except AwsCredentialsError:
            raise
        except AwsAccessDeniedError as error:
            return None, unread(name, _IDENTITY_CENTER_CALLER, error.message, account_id=account_id)
        except AwsError as error:
            return None, unknown(name, error.message, error.hint, account_id=account_id)

    def _evaluate_users(
        self, identities: AccountIdentities, caller_policies: CallerAccountPolicies
    ) -> Iterator[AccessPath]:
        """Credentials are asked for only of users whose policies might let them in: three calls each."""
        for user in identities.users:
            perhaps = evaluate_user_path(user, _ANY_ACCESS, identities.roles, caller_policies)
            if perhaps.verdict is not CheckVerdict.FAIL:
                yield evaluate_user_path(user, self._find_access(user.user_name), identities.roles, caller_policies)

    def _find_access(self, user_name: str) -> UserAccess | None:
        try:
            return self.identities.read_user_access(user_name)
        except AwsCredentialsError:
            raise
        except AwsError:
            return None


def an_identity_of(account_id: AccountId) -> str:
    """How a line names who could read more."""
    return f"an identity of account {account_id}"


def list_caller_accounts(inventory: Inventory) -> tuple[Account, ...]:
    """The management account and the failsafes."""
    management_account_id = inventory.organization.management_account_id
    management = (one for one in inventory.accounts if one.account_id == management_account_id)
    return (*management, *list_failsafes(inventory))


def place_of(account: Account, inventory: Inventory) -> AccountPlace:
    """Where it stands, as condition keys tell it."""
    organization = inventory.organization
    return AccountPlace(account.account_id, organization.organization_id, account.ou_ids, organization.partition)


def _find_levels(account: Account, inventory: Inventory, policies: PolicyTree | None) -> Sequence[PolicyLevel] | None:
    """The SCPs over an account's callers; ``None`` where one couldn't be read."""
    if account.account_id == inventory.organization.management_account_id:
        return ()
    if policies is None or policies.problems.get(PolicyKind.SERVICE_CONTROL):
        return None
    placed = policies.over(account, PolicyKind.SERVICE_CONTROL)
    return None if policies.list_unread(placed) else policies.levels(placed)


def _count_identities(account_id: AccountId, root_session_callers: Sequence[RootSessionCaller]) -> Check:
    mine = [one for one in root_session_callers if one.kind is not RootSessionCallerKind.PERMISSION_SET]
    what = "1 IAM user or role" if len(mine) == 1 else f"{len(mine)} IAM users and roles"
    return _check_list("iam_identities", what, mine, account_id)


def _count_permission_sets(
    account_id: AccountId, permission_sets: Sequence[PermissionSet], root_session_callers: Sequence[RootSessionCaller]
) -> Check:
    mine = [one for one in root_session_callers if one.kind is RootSessionCallerKind.PERMISSION_SET]
    what = f"{len(mine)} of {len(permission_sets)} permission sets"
    return _check_list("permission_sets", what, mine, account_id)


def _check_list(
    name: str, what: str, root_session_callers: Sequence[RootSessionCaller], account_id: AccountId
) -> Check:
    """The list is complete: that is what is checked. A policy that wasn't read, or a group, leaves it open."""
    doubtful = [one.name for one in root_session_callers if not one.is_complete or _has_unknown(one)]
    if doubtful:
        said = f"{what} may open root sessions; not all is known of {', '.join(doubtful)}."
        return unknown(name, said, account_id=account_id)
    return passed(name, f"{what} may open root sessions, all of them listed.", account_id=account_id)


def _has_unknown(root_session_caller: RootSessionCaller) -> bool:
    return any(task.verdict is AccessVerdict.UNKNOWN for task in root_session_caller.tasks.values())
