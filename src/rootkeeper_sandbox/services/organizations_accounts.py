"""Organizations: member accounts, invitations, trusted access and delegated administrators.

Accounts are created and closed in the background, by the sandbox's clock. An invited account keeps its root
credentials when it joins. Of all handshakes only ``INVITE`` exists. Removing trusted access keeps the features of
centralized root access as they are.

Source: Organizations, API version 2016-11-28; Organizations User Guide, "Quotas and service limits"; aws-facts A3 and
F.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from rootkeeper_sandbox.exchange import Call, ServedOperations, ServiceError
from rootkeeper_sandbox.services.organizations_tree import (
    access_denied,
    account_arn,
    account_resource,
    constraint_violation,
    describe_account_row,
    for_management,
    for_members,
    for_readers,
    get_account,
    invalid_input,
    not_found,
    read_tags,
    render_page,
    require_parent,
)
from rootkeeper_sandbox.state.accounts import ACCESS_ROLE_NAME, Account, AccountState, derive_bytes, derive_lower_id
from rootkeeper_sandbox.state.organization import (
    AccountRequest,
    Feature,
    Handshake,
    HandshakeState,
    Organization,
    RequestState,
)
from rootkeeper_sandbox.state.people import Message

_MAXIMUM_ACCOUNTS = 50_000
"""The number that AWS raises the quota to; the default of 10 would be below every scenario."""
_MAXIMUM_CREATIONS = 5
_MAXIMUM_CLOSURES = 3
"""In progress at a time."""
_CLOSURE_PERIOD = timedelta(days=30)
_WAITING_PERIOD = timedelta(days=4)
"""How long a created account must stay. Source: Organizations LeaveOrganization, API version 2016-11-28."""


def _handshake_resource(call: Call) -> str:
    return _arn(call, call.parameters["HandshakeId"])


def _invited_resource(call: Call) -> str:
    target = call.parameters["Target"]
    return account_arn(call.world.organization, target["Id"]) if target["Type"] == "ACCOUNT" else "*"


def _service_keys(call: Call) -> Mapping[str, str]:
    service = call.parameters.get("ServicePrincipal")
    return {"organizations:ServicePrincipal": service} if service else {}


OPERATIONS = ServedOperations("organizations")


@OPERATIONS.change("CreateAccount")
@for_management
def create_account(call: Call) -> dict[str, Any]:
    """Ask for a new account under the organization root."""
    organization = call.world.organization
    in_progress = [
        earlier for earlier in organization.account_requests.values() if earlier.state is RequestState.IN_PROGRESS
    ]
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
        role_name=call.parameters.get("RoleName", ACCESS_ROLE_NAME),
        requested_at=call.now,
        is_recoverable=Feature.ROOT_CREDENTIALS_MANAGEMENT not in organization.features,
        tags=read_tags(call),
    )


def _choose_account_id(call: Call) -> str:
    """Choose an id that no account has or was promised; the same requests give the same ids on every start."""
    taken = {request.account_id for request in call.world.organization.account_requests.values()}
    for attempt in itertools.count(len(taken)):
        number = int.from_bytes(derive_bytes("created-account", call.world.seed, str(attempt))[:8]) % 10**12
        account_id = f"{number:012}"
        if account_id not in taken and call.world.find_account(account_id) is None:
            return account_id
    raise RuntimeError("itertools.count never ends")


@OPERATIONS.read("DescribeCreateAccountStatus")
@for_readers
def describe_create_account_status(call: Call) -> dict[str, Any]:
    """Describe the state of a request for an account."""
    request = call.world.organization.account_requests.get(call.parameters["CreateAccountRequestId"])
    if request is None:
        message = "You specified a create account request that doesn't exist."
        raise ServiceError("CreateAccountStatusNotFoundException", message)
    return {"CreateAccountStatus": _describe_request(request)}


@OPERATIONS.read("ListCreateAccountStatus")
@for_readers
def list_create_account_status(call: Call) -> dict[str, Any]:
    """List the requests for accounts, those in the states asked for if any."""
    states = call.parameters.get("States") or list(RequestState)
    requests = [request for request in call.world.organization.account_requests.values() if request.state in states]
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


@OPERATIONS.change("MoveAccount", resource=account_resource)
@for_management
def move_account(call: Call) -> dict[str, Any]:
    """Move an account from the parent that it is in to another parent."""
    organization, account_id = call.world.organization, call.parameters["AccountId"]
    source, destination = call.parameters["SourceParentId"], call.parameters["DestinationParentId"]
    account = get_account(organization, account_id)
    require_parent(organization, source, "SourceParent")
    require_parent(organization, destination, "DestinationParent")
    if account.parent_id != source:
        raise not_found("Account")
    if source == destination:
        message = "That account is already present in the specified destination."
        raise ServiceError("DuplicateAccountException", message)
    organization.move_account(account_id, destination)
    return {}


@OPERATIONS.change("CloseAccount", resource=account_resource)
@for_management
def close_account(call: Call) -> dict[str, Any]:
    """Begin to close an account; its keys and everything else stay as they are."""
    organization, account_id = call.world.organization, call.parameters["AccountId"]
    account = get_account(organization, account_id)
    if account_id == organization.management_account_id:
        raise constraint_violation("CANNOT_CLOSE_MANAGEMENT_ACCOUNT", "You can't close the management account.")
    if account.state is AccountState.PENDING_CLOSURE:
        raise ServiceError("ConflictException", "The account is being closed already.")
    if account.state is not AccountState.ACTIVE:
        raise ServiceError("AccountAlreadyClosedException", "You attempted to close an account that is already closed.")
    _require_no_delegate(organization, account_id)
    # At most three at a time, and the higher of 250 or a fifth of the members, but not over 1,000, in 30 days.
    recent = [i for i, asked_at in organization.closures.items() if asked_at > call.now - _CLOSURE_PERIOD]
    accounts = organization.accounts
    under_way = [i for i in recent if i in accounts and accounts[i].state is AccountState.PENDING_CLOSURE]
    if len(under_way) >= _MAXIMUM_CLOSURES:
        message = "You have exceeded the number of accounts that can be closed at a time."
        raise constraint_violation("CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED", message)
    if len(recent) >= min(max(250, (len(accounts) - 1) // 5), 1000):
        message = "You have exceeded the close account quota for the past 30 days."
        raise constraint_violation("CLOSE_ACCOUNT_QUOTA_EXCEEDED", message)
    organization.begin_closure(account_id, call.now)
    return {}


@OPERATIONS.change("RemoveAccountFromOrganization", resource=account_resource)
@for_management
def remove_account(call: Call) -> dict[str, Any]:
    """Make a member account standalone; its root user and identities stay."""
    _release_account(call, call.parameters["AccountId"])
    return {}


@OPERATIONS.change("LeaveOrganization")
@for_members
def leave_organization(call: Call) -> dict[str, Any]:
    """Make the caller's own account standalone."""
    _release_account(call, call.principal.account_id)
    return {}


def _release_account(call: Call, account_id: str) -> None:
    organization = call.world.organization
    account = get_account(organization, account_id)
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


_SENDER = "no-reply@invite.signin.aws"


@OPERATIONS.change("InviteAccountToOrganization", resource=_invited_resource)
@for_management
def invite_account(call: Call) -> dict[str, Any]:
    """Invite an account that exists outside the organization; its root user gets a mail."""
    world, target = call.world, call.parameters["Target"]
    account = _find_invited(call, target)
    if account is None:
        raise invalid_input("INVALID_PARTY_TYPE_TARGET", "You specified an account that can't be invited.")
    if world.is_in_organization(account.account_id):
        message = "The invited account is already a member of an organization."
        raise ServiceError(
            "HandshakeConstraintViolationException", message, fields={"Reason": "ALREADY_IN_AN_ORGANIZATION"}
        )
    sent = [earlier for earlier in world.organization.handshakes.values() if earlier.account_id == account.account_id]
    if any(earlier.state(call.now) is HandshakeState.REQUESTED for earlier in sent):
        message = "A handshake with the same action and target already exists."
        raise ServiceError("DuplicateHandshakeException", message)
    number = str(len(world.organization.handshakes))
    handshake = Handshake(
        handshake_id=f"h-{derive_lower_id(32, 'handshake', world.seed, account.account_id, number)}",
        account_id=account.account_id,
        target_id=target["Id"],
        requested_at=call.now,
        notes=call.parameters.get("Notes"),
        tags=read_tags(call),
    )
    world.organization.handshakes[handshake.handshake_id] = handshake
    management = call.world.account(call.world.management_account_id)
    body = (
        f"{management.name} ({management.account_id}) invites the account {account.account_id} to join the"
        f" organization {call.world.organization_id}. Accept it with the handshake {handshake.handshake_id}"
        f" by {handshake.expires_at:%Y-%m-%d}."
    )
    subject = "Your AWS account has been invited to join an AWS organization"
    call.world.mailboxes.deliver(Message(_SENDER, account.email, subject, body, call.now))
    return {"Handshake": _describe(call, handshake)}


def _find_invited(call: Call, target: dict[str, str]) -> Account | None:
    if target["Type"] == "ACCOUNT":
        return call.world.find_account(target["Id"])
    if target["Type"] == "EMAIL":
        return call.world.find_account_by_email(target["Id"])
    return None


@OPERATIONS.change("AcceptHandshake", resource=_handshake_resource)
def accept_handshake(call: Call) -> dict[str, Any]:
    """Join the organization, under its root; nothing in the account changes."""
    handshake = _end(call, HandshakeState.ACCEPTED)
    account = call.world.outsiders.pop(handshake.account_id)
    account.opened_at, account.joined_at, account.joined_method = account.created_at, call.now, "INVITED"
    account.tags = dict(handshake.tags)
    call.world.organization.add_account(account, call.world.organization.organization_root_id)
    return {"Handshake": _describe(call, handshake)}


@OPERATIONS.change("DeclineHandshake", resource=_handshake_resource)
def decline_handshake(call: Call) -> dict[str, Any]:
    return {"Handshake": _describe(call, _end(call, HandshakeState.DECLINED))}


@OPERATIONS.change("CancelHandshake", resource=_handshake_resource)
def cancel_handshake(call: Call) -> dict[str, Any]:
    """Take an invitation back."""
    return {"Handshake": _describe(call, _end(call, HandshakeState.CANCELED))}


def _end(call: Call, state: HandshakeState) -> Handshake:
    """End a handshake: the sender cancels it, the recipient accepts or declines it."""
    handshake = _get_handshake(call)
    is_canceled = state is HandshakeState.CANCELED
    if call.principal.account_id != (call.world.management_account_id if is_canceled else handshake.account_id):
        raise access_denied()
    found = handshake.state(call.now)
    if found is state:
        raise ServiceError("HandshakeAlreadyInStateException", "The handshake is already in the requested state.")
    if found is not HandshakeState.REQUESTED:
        message = "You can't perform the operation on the handshake in its current state."
        raise ServiceError("InvalidHandshakeTransitionException", message)
    ended = handshake.end(state, call.now)
    call.world.organization.handshakes[ended.handshake_id] = ended
    return ended


@OPERATIONS.read("DescribeHandshake", resource=_handshake_resource)
def describe_handshake(call: Call) -> dict[str, Any]:
    """Describe an invitation to either of its parties."""
    handshake = _get_handshake(call)
    if call.principal.account_id not in (handshake.account_id, call.world.management_account_id):
        raise access_denied()
    return {"Handshake": _describe(call, handshake)}


@OPERATIONS.read("ListHandshakesForAccount")
def list_handshakes_for_account(call: Call) -> dict[str, Any]:
    """List the invitations that the caller's account got."""
    found = [handshake for handshake in _list_shown(call) if handshake.account_id == call.principal.account_id]
    return render_page(call, "Handshakes", [_describe(call, handshake) for handshake in found])


@OPERATIONS.read("ListHandshakesForOrganization")
@for_readers
def list_handshakes_for_organization(call: Call) -> dict[str, Any]:
    """List the invitations that the organization sent."""
    return render_page(call, "Handshakes", [_describe(call, handshake) for handshake in _list_shown(call)])


def _list_shown(call: Call) -> list[Handshake]:
    """List the handshakes that aren't over for more than 30 days; all of them are invitations."""
    asked_for = (call.parameters.get("Filter") or {}).get("ActionType", "INVITE")
    handshakes = call.world.organization.handshakes.values() if asked_for == "INVITE" else ()
    return [handshake for handshake in handshakes if handshake.is_shown(call.now)]


def _get_handshake(call: Call) -> Handshake:
    handshake = call.world.organization.handshakes.get(call.parameters["HandshakeId"])
    if handshake is None or not handshake.is_shown(call.now):
        raise ServiceError("HandshakeNotFoundException", "You specified a handshake that doesn't exist.")
    return handshake


def _describe(call: Call, handshake: Handshake) -> dict[str, Any]:
    organization = call.world.organization
    management = organization.accounts[organization.management_account_id]
    sender = [
        {"Type": "MASTER_EMAIL", "Value": management.email},
        {"Type": "MASTER_NAME", "Value": management.name},
        {
            "Type": "ORGANIZATION_FEATURE_SET",
            "Value": "ALL" if organization.has_all_features else "CONSOLIDATED_BILLING",
        },
    ]
    target_type = "EMAIL" if "@" in handshake.target_id else "ACCOUNT"
    notes = [{"Type": "NOTES", "Value": handshake.notes}] if handshake.notes else []
    return {
        "Id": handshake.handshake_id,
        "Arn": _arn(call, handshake.handshake_id),
        "Parties": [
            {"Id": organization.organization_id.removeprefix("o-"), "Type": "ORGANIZATION"},
            {"Id": handshake.target_id, "Type": target_type},
        ],
        "State": str(handshake.state(call.now)),
        "RequestedTimestamp": handshake.requested_at,
        "ExpirationTimestamp": handshake.expires_at,
        "Action": "INVITE",
        "Resources": [
            {"Type": "ORGANIZATION", "Value": organization.organization_id, "Resources": sender},
            {"Type": target_type, "Value": handshake.target_id},
            *notes,
        ],
    }


def _arn(call: Call, handshake_id: str) -> str:
    organization = call.world.organization
    return organization.arn(f"handshake/{organization.organization_id}/invite/{handshake_id}")


SERVICE_PRINCIPALS = frozenset(
    f"{name}.amazonaws.com"
    for name in (
        "access-analyzer", "account", "auditmanager", "backup", "cloudtrail", "compute-optimizer", "config",
        "config-multiaccountsetup", "controltower", "detective", "devops-guru", "fms", "guardduty", "health", "iam",
        "inspector2", "ipam", "license-manager", "macie", "malware-protection.guardduty",
        "member.org.stacksets.cloudformation", "networkmanager", "ram", "reachabilityanalyzer.networkinsights",
        "reporting.trustedadvisor", "resource-explorer-2", "securityhub", "securitylake", "servicecatalog",
        "servicequotas", "ssm", "sso", "storage-lens.s3", "tagpolicies.tag", "user-subscriptions",
    )
)  # fmt: skip
"""Services that work with Organizations; any other is refused. Source: Organizations User Guide."""


@OPERATIONS.change("EnableAWSServiceAccess", condition_keys=_service_keys)
@for_management
def enable_aws_service_access(call: Call) -> dict[str, Any]:
    """Switch trusted access of a service on; a second time changes nothing."""
    call.world.organization.trust(_service_principal(call), call.now)
    return {}


@OPERATIONS.change("DisableAWSServiceAccess", condition_keys=_service_keys)
@for_management
def disable_aws_service_access(call: Call) -> dict[str, Any]:
    """Switch trusted access of a service off, unless an account administers the service."""
    organization, service = call.world.organization, _service_principal(call)
    if organization.delegations.get(service):
        message = (
            "You have delegated administrator/s for this service. De-register them in order to disable service access."
        )
        raise constraint_violation("DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE", message)
    organization.withdraw_trust(service, call.now)
    return {}


@OPERATIONS.read("ListAWSServiceAccessForOrganization")
@for_readers
def list_aws_service_access(call: Call) -> dict[str, Any]:
    """List the services that have trusted access."""
    trusted = call.world.organization.trusted_services
    rows = [{"ServicePrincipal": service, "DateEnabled": enabled_at} for service, enabled_at in trusted.items()]
    return render_page(call, "EnabledServicePrincipals", rows)


@OPERATIONS.change("RegisterDelegatedAdministrator", resource=account_resource, condition_keys=_service_keys)
@for_management
def register_delegated_administrator(call: Call) -> dict[str, Any]:
    """Make a member account an administrator of a service."""
    organization = call.world.organization
    service, account_id = _service_principal(call), call.parameters["AccountId"]
    account = get_account(organization, account_id)
    if account_id == organization.management_account_id:
        message = "You cannot register master account/yourself as delegated administrator for your organization."
        raise constraint_violation("CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR", message)
    if account.state is not AccountState.ACTIVE:
        message = "You cannot register a suspended account as delegated administrator for your organization."
        raise constraint_violation("CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR", message)
    if not organization.is_trusted(service):
        message = "You must enable service access before registering a delegated administrator for the service."
        raise constraint_violation("SERVICE_ACCESS_NOT_ENABLED", message)
    if organization.is_delegated_administrator(account_id, service):
        message = "The provided account is already a delegated administrator for your organization."
        raise ServiceError("AccountAlreadyRegisteredException", message)
    organization.register_delegate(account_id, service, call.now)
    return {}


@OPERATIONS.change("DeregisterDelegatedAdministrator", resource=account_resource, condition_keys=_service_keys)
@for_management
def deregister_delegated_administrator(call: Call) -> dict[str, Any]:
    """Take the administration of a service from an account."""
    organization = call.world.organization
    service, account_id = _service_principal(call), call.parameters["AccountId"]
    get_account(organization, account_id)
    if not organization.is_delegated_administrator(account_id, service):
        raise _not_registered()
    organization.deregister_delegate(account_id, service, call.now)
    return {}


def _not_registered() -> ServiceError:
    message = "The provided account is not a registered delegated administrator for your organization."
    return ServiceError("AccountNotRegisteredException", message)


@OPERATIONS.read("ListDelegatedAdministrators", condition_keys=_service_keys)
@for_readers
def list_delegated_administrators(call: Call) -> dict[str, Any]:
    """List the administrators of a service, or of any."""
    organization = call.world.organization
    rows = [
        describe_account_row(organization, organization.accounts[account_id]) | {"DelegationEnabledDate": enabled_at}
        for account_id, enabled_at in _delegates(call).items()
    ]
    for row in rows:
        del row["Paths"]
    return render_page(call, "DelegatedAdministrators", rows)


def _delegates(call: Call) -> dict[str, datetime]:
    """Give the account ids with the time since when; over all services the earliest."""
    organization = call.world.organization
    if "ServicePrincipal" in call.parameters:
        return organization.delegations.get(_service_principal(call), {})
    dates: dict[str, datetime] = {}
    for accounts in organization.delegations.values():
        for account_id, enabled_at in accounts.items():
            dates[account_id] = min(enabled_at, dates.get(account_id, enabled_at))
    return dates


@OPERATIONS.read("ListDelegatedServicesForAccount", resource=account_resource)
@for_readers
def list_delegated_services(call: Call) -> dict[str, Any]:
    """List the services that an account administers."""
    organization, account_id = call.world.organization, call.parameters["AccountId"]
    get_account(organization, account_id)
    rows = [
        {"ServicePrincipal": service, "DelegationEnabledDate": accounts[account_id]}
        for service, accounts in organization.delegations.items()
        if account_id in accounts
    ]
    if not rows:
        raise _not_registered()
    return render_page(call, "DelegatedServices", rows)


def _service_principal(call: Call) -> str:
    service: str = call.parameters["ServicePrincipal"]
    if service not in SERVICE_PRINCIPALS:
        raise invalid_input("UNRECOGNIZED_SERVICE_PRINCIPAL", "You specified an unrecognized service principal.")
    return service
