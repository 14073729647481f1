"""Member accounts, as administrators change them: create, move, close, remove.

Creating and closing go on in the background, by the sandbox's clock: see ``state/joining.py``.
Source: Organizations, API version 2016-11-28; quotas from the Organizations User Guide, "Quotas and service limits".
"""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation, ServiceError
from rootkeeper.sandbox.services.organizations.access import (
    constraint_violation,
    for_management,
    for_members,
    for_readers,
    not_found,
    render_page,
)
from rootkeeper.sandbox.services.organizations.tags import read_tags
from rootkeeper.sandbox.services.organizations.tree import account_arn, require_parent
from rootkeeper.sandbox.state import Account, AccountState, Feature, Organization
from rootkeeper.sandbox.state.identifiers import derive_bytes, derive_lower_id
from rootkeeper.sandbox.state.joining import AccountRequest, RequestState

_DEFAULT_ROLE_NAME = "OrganizationAccountAccessRole"
_MAXIMUM_ACCOUNTS = 50_000
"""What AWS raises the quota to; the default of 10 would be below every scenario."""
_MAXIMUM_CREATIONS = 5
_MAXIMUM_CLOSURES = 3
"""In progress at a time."""
_CLOSURE_PERIOD = timedelta(days=30)
_WAITING_PERIOD = timedelta(days=4)
"""How long a created account must stay. Source: Organizations LeaveOrganization, API version 2016-11-28."""


def create_account(call: Call) -> dict[str, Any]:
    """Ask for a new account under the organization root."""
    organization = call.world.organization
    in_progress = [one for one in organization.account_requests.values() if one.state is RequestState.IN_PROGRESS]
    if len(in_progress) >= _MAXIMUM_CREATIONS:
        message = "You have exceeded the number of accounts that can be created at a time."
        raise constraint_violation("ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED", message)
    if len(organization.accounts) + len(in_progress) >= _MAXIMUM_ACCOUNTS:
        raise constraint_violation("ACCOUNT_NUMBER_LIMIT_EXCEEDED", "You have exceeded the allowed number of accounts.")
    request = _make_request(call)
    organization.add_account_request(request)
    return {"CreateAccountStatus": _describe_request(request)}


def _make_request(call: Call) -> AccountRequest:
    organization, number = call.world.organization, str(len(call.world.organization.account_requests))
    return AccountRequest(
        request_id=f"car-{derive_lower_id(32, 'account-request', call.world.seed, number)}",
        account_id=_choose_account_id(call),
        name=call.parameters["AccountName"],
        email=call.parameters["Email"],
        role_name=call.parameters.get("RoleName", _DEFAULT_ROLE_NAME),
        requested_at=call.now,
        is_recoverable=Feature.ROOT_CREDENTIALS_MANAGEMENT not in organization.features,
        tags=read_tags(call),
    )


def _choose_account_id(call: Call) -> str:
    """Choose an id that no account has or was promised; the same requests give the same ids on every start."""
    taken = {one.account_id for one in call.world.organization.account_requests.values()}
    for attempt in itertools.count(len(taken)):
        number = int.from_bytes(derive_bytes("created-account", call.world.seed, str(attempt))[:8]) % 10**12
        account_id = f"{number:012}"
        if account_id not in taken and call.world.find_account(account_id) is None:
            return account_id
    raise RuntimeError("itertools.count never ends")


def describe_create_account_status(call: Call) -> dict[str, Any]:
    """Tell how a request for an account stands."""
    request = call.world.organization.account_requests.get(call.parameters["CreateAccountRequestId"])
    if request is None:
        message = "You specified a create account request that doesn't exist."
        raise ServiceError("CreateAccountStatusNotFoundException", message)
    return {"CreateAccountStatus": _describe_request(request)}


def list_create_account_status(call: Call) -> dict[str, Any]:
    """List the requests for accounts, those in the states asked for if any."""
    states = call.parameters.get("States") or list(RequestState)
    requests = [one for one in call.world.organization.account_requests.values() if one.state in states]
    return render_page(call, "CreateAccountStatuses", [_describe_request(request) for request in requests])


def _describe_request(request: AccountRequest) -> dict[str, Any]:
    described: dict[str, Any] = {
        "Id": request.request_id,
        "AccountName": request.name,
        "State": str(request.state),
        "RequestedTimestamp": request.requested_at,
    }
    if request.completed_at:
        described["CompletedTimestamp"] = request.completed_at
    if request.state is RequestState.SUCCEEDED:
        described["AccountId"] = request.account_id
    if request.failure_reason:
        described["FailureReason"] = request.failure_reason
    return described


def move_account(call: Call) -> dict[str, Any]:
    """Move an account from the parent that it is in to another one."""
    organization, account_id = call.world.organization, call.parameters["AccountId"]
    source, destination = call.parameters["SourceParentId"], call.parameters["DestinationParentId"]
    account = _get_account(organization, account_id)
    require_parent(organization, source, "SourceParent")
    require_parent(organization, destination, "DestinationParent")
    if account.parent_id != source:
        raise not_found("Account")
    if source == destination:
        message = "That account is already present in the specified destination."
        raise ServiceError("DuplicateAccountException", message)
    organization.move_account(account_id, destination)
    return {}


def close_account(call: Call) -> dict[str, Any]:
    """Begin to close an account; its keys and everything else stay as they are."""
    organization, account_id = call.world.organization, call.parameters["AccountId"]
    account = _get_account(organization, account_id)
    if account_id == organization.management_account_id:
        raise constraint_violation("CANNOT_CLOSE_MANAGEMENT_ACCOUNT", "You can't close the management account.")
    if account.state is AccountState.PENDING_CLOSURE:
        raise ServiceError("ConflictException", "The account is being closed already.")
    if account.state is not AccountState.ACTIVE:
        raise ServiceError("AccountAlreadyClosedException", "You attempted to close an account that is already closed.")
    _require_no_delegate(organization, account_id)
    _require_closing_quota(call)
    organization.begin_closure(account_id, call.now)
    return {}


def _require_closing_quota(call: Call) -> None:
    """At most three at a time, and the higher of 250 or a fifth of the members, but not over 1,000, in 30 days."""
    organization = call.world.organization
    recent = [i for i, asked_at in organization.closures.items() if asked_at > call.now - _CLOSURE_PERIOD]
    accounts = organization.accounts
    under_way = [i for i in recent if i in accounts and accounts[i].state is AccountState.PENDING_CLOSURE]
    if len(under_way) >= _MAXIMUM_CLOSURES:
        message = "You have exceeded the number of accounts that can be closed at a time."
        raise constraint_violation("CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED", message)
    if len(recent) >= min(max(250, (len(accounts) - 1) // 5), 1000):
        message = "You have exceeded the close account quota for the past 30 days."
        raise constraint_violation("CLOSE_ACCOUNT_QUOTA_EXCEEDED", message)


def remove_account(call: Call) -> dict[str, Any]:
    """Make a member account stand alone, with the root user and identities that it has."""
    _release_account(call, call.parameters["AccountId"])
    return {}


def leave_organization(call: Call) -> dict[str, Any]:
    """Make the caller's own account stand alone."""
    _release_account(call, call.principal.account_id)
    return {}


def _release_account(call: Call, account_id: str) -> None:
    organization = call.world.organization
    account = _get_account(organization, account_id)
    if account_id == organization.management_account_id:
        message = "You can't remove the management account from the organization."
        raise ServiceError("MasterCannotLeaveOrganizationException", message)
    _require_no_delegate(organization, account_id)
    if account.joined_method == "CREATED" and call.now < account.joined_at + _WAITING_PERIOD:
        message = "You must wait until at least four days after the account was created."
        raise constraint_violation("WAIT_PERIOD_ACTIVE", message)
    call.world.outsiders[account_id] = organization.remove_account(account_id)
    account.opened_at = account.created_at


def _require_no_delegate(organization: Organization, account_id: str) -> None:
    if account_id in organization.delegated_account_ids():
        message = "You must deregister the account as a delegated administrator before you can do this."
        raise constraint_violation("CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG", message)


def _get_account(organization: Organization, account_id: str) -> Account:
    account = organization.accounts.get(account_id)
    if account is None:
        raise not_found("Account")
    return account


def _account_resource(call: Call) -> str:
    return account_arn(call.world.organization, call.parameters["AccountId"])


OPERATIONS = {
    "CloseAccount": Operation(
        for_management(close_account), "organizations:CloseAccount", is_mutating=True, resource=_account_resource
    ),
    "CreateAccount": Operation(for_management(create_account), "organizations:CreateAccount", is_mutating=True),
    "DescribeCreateAccountStatus": Operation(
        for_readers(describe_create_account_status), "organizations:DescribeCreateAccountStatus"
    ),
    "LeaveOrganization": Operation(
        for_members(leave_organization), "organizations:LeaveOrganization", is_mutating=True
    ),
    "ListCreateAccountStatus": Operation(
        for_readers(list_create_account_status), "organizations:ListCreateAccountStatus"
    ),
    "MoveAccount": Operation(
        for_management(move_account), "organizations:MoveAccount", is_mutating=True, resource=_account_resource
    ),
    "RemoveAccountFromOrganization": Operation(
        for_management(remove_account),
        "organizations:RemoveAccountFromOrganization",
        is_mutating=True,
        resource=_account_resource,
    ),
}
