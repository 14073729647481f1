"""Account Management: root e-mail addresses, contacts and Regions.

A call without AccountId is about the caller's own account. With it, the call needs the management account or the
delegated administrator of account.amazonaws.com, trusted access for that service, and a member account as target.

The e-mail address changes by a one-time password that goes to the new address; the old address needn't confirm. The
owner of the address can recover the root user, so a change is as powerful as a recovery. Password and MFA devices stay.

Source: Account Management API Reference, API version 2021-02-01, and its guide; refusals as observed (aws-facts E2).
"""

from __future__ import annotations

import hmac
import re
import secrets
import string
from typing import Any

from rootkeeper_sandbox.exchange import Call, ServedOperations, ServiceError
from rootkeeper_sandbox.partitions import AWS, PARTITIONS
from rootkeeper_sandbox.services.pagination import cut_page
from rootkeeper_sandbox.state.accounts import Account, AccountState
from rootkeeper_sandbox.state.people import Message
from rootkeeper_sandbox.state.resources import EmailUpdate

SERVICE_PRINCIPAL = "account.amazonaws.com"
NO_TRUST = " (Your organization must first enable trusted access with AWS Account Management.)"
ITSELF = " (Access Denied)"


def get_account(call: Call) -> Account:
    target_id = call.parameters.get("AccountId")
    if target_id is None:
        return call.world.account(call.principal.account_id)
    return get_member(call)


def get_member(call: Call) -> Account:
    """Get the member account that ``AccountId`` names, if the caller may ask about it."""
    organization, caller_id, target_id = (
        call.world.organization,
        call.principal.account_id,
        call.parameters["AccountId"],
    )
    is_management = caller_id == organization.management_account_id
    is_delegate = organization.is_delegated_administrator(caller_id, SERVICE_PRINCIPAL)
    if not is_management and not is_delegate:
        raise denied(call)
    if not organization.is_trusted(SERVICE_PRINCIPAL):
        raise denied(call, NO_TRUST)
    if target_id == caller_id or target_id == organization.management_account_id:
        raise denied(call, ITSELF)
    account = organization.accounts.get(target_id)
    if account is None:
        raise denied(call)
    return account


def _get_member_with_email(call: Call) -> Account:
    """Get a member account whose root e-mail address the organization manages; no other partition documents that."""
    if call.world.partition != AWS.name:
        raise denied(call, ITSELF)
    return get_member(call)


def denied(call: Call, tail: str = "") -> ServiceError:
    message = f"User: {call.principal.arn} is not authorized to perform: account:{call.operation}{tail}"
    return ServiceError("AccessDeniedException", message, 403)


def account_arn(call: Call) -> str:
    """Spell the resource: an account on its own, or a member as its organization sees it."""
    organization, target_id = call.world.organization, call.parameters.get("AccountId")
    if target_id is None or target_id == call.principal.account_id:
        return f"arn:{call.world.partition}:account::{call.principal.account_id}:account"
    return (
        f"arn:{call.world.partition}:account::{organization.management_account_id}:account/"
        f"{organization.organization_id}/{target_id}"
    )


def not_found(message: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", message, 404)


def invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message, 400)


_MADE_UP = {
    "AddressLine1": "123 Any Street",
    "City": "Any Town",
    "CountryCode": "US",
    "PhoneNumber": "+1-555-555-0100",
    "PostalCode": "12345",
    "StateOrRegion": "WA",
}
"""The contact of an account before any is set; the name is the account's own."""

_CONTACT_FIELDS = ("AlternateContactType", "EmailAddress", "Name", "PhoneNumber", "Title")
_SHOWN_STATES = (AccountState.PENDING_ACTIVATION, AccountState.ACTIVE, AccountState.SUSPENDED, AccountState.CLOSED)


def _contact_keys(call: Call) -> dict[str, str]:
    return {"account:AlternateContactTypes": call.parameters["AlternateContactType"]}


def _email_keys(call: Call) -> dict[str, str]:
    return {"account:EmailTargetDomain": call.parameters["PrimaryEmail"].rpartition("@")[2]}


OPERATIONS = ServedOperations("account", resource=account_arn)


@OPERATIONS.read("GetAccountInformation")
def get_account_information(call: Call) -> dict[str, Any]:
    """Describe name, age and state of an account."""
    account = get_account(call)
    # PENDING_CLOSURE isn't among the states that this API knows: still ACTIVE (assumed).
    state = account.state if account.state in _SHOWN_STATES else AccountState.ACTIVE
    return {
        "AccountId": account.account_id,
        "AccountName": account.name,
        "AccountCreatedDate": account.created_at,
        "AccountState": str(state),
    }


@OPERATIONS.read("GetContactInformation")
def get_contact_information(call: Call) -> dict[str, Any]:
    """Read the primary contact."""
    account = get_account(call)
    contacts = call.world.contacts.find(account.account_id)
    given = contacts.contact_information if contacts else {}
    return {"ContactInformation": given or {"FullName": account.name, **_MADE_UP}}


@OPERATIONS.change("PutContactInformation")
def put_contact_information(call: Call) -> dict[str, Any]:
    """Replace the primary contact."""
    contacts = call.world.contacts.of_account(get_account(call).account_id)
    contacts.contact_information = dict(call.parameters["ContactInformation"])
    return {}


@OPERATIONS.read("GetAlternateContact", condition_keys=_contact_keys)
def get_alternate_contact(call: Call) -> dict[str, Any]:
    """Read the alternate contact of a type."""
    contacts = call.world.contacts.find(get_account(call).account_id)
    contact = contacts.alternate_contacts.get(call.parameters["AlternateContactType"]) if contacts else None
    if contact is None:
        raise _no_contact()
    return {"AlternateContact": contact}


@OPERATIONS.change("PutAlternateContact", condition_keys=_contact_keys)
def put_alternate_contact(call: Call) -> dict[str, Any]:
    """Set the alternate contact of a type."""
    contact = {name: call.parameters[name] for name in _CONTACT_FIELDS}
    contacts = call.world.contacts.of_account(get_account(call).account_id)
    contacts.alternate_contacts[contact["AlternateContactType"]] = contact
    return {}


@OPERATIONS.change("DeleteAlternateContact", condition_keys=_contact_keys)
def delete_alternate_contact(call: Call) -> dict[str, Any]:
    """Remove the alternate contact of a type."""
    contacts = call.world.contacts.find(get_account(call).account_id)
    if contacts is None or contacts.alternate_contacts.pop(call.parameters["AlternateContactType"], None) is None:
        raise _no_contact()
    return {}


def _no_contact() -> ServiceError:
    return not_found("No contact of the inputted alternate contact type found.")


_SENDER = "no-reply@signup.aws"
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\\\"]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)+")
_OTP_CHARACTERS = string.ascii_uppercase + string.digits
_OTP_LENGTH = 6


@OPERATIONS.read("GetPrimaryEmail")
def get_primary_email(call: Call) -> dict[str, Any]:
    """Read a member's root e-mail address."""
    return {"PrimaryEmail": _get_member_with_email(call).email}


@OPERATIONS.change("StartPrimaryEmailUpdate", condition_keys=_email_keys)
def start_primary_email_update(call: Call) -> dict[str, Any]:
    """Send a one-time password to the new address; an earlier password is void."""
    account, address = _get_member_with_email(call), call.parameters["PrimaryEmail"]
    if not _ADDRESS.fullmatch(address):
        raise invalid("The provided email address is not valid.")
    _require_unused(call, address)
    otp = "".join(secrets.choice(_OTP_CHARACTERS) for _ in range(_OTP_LENGTH))
    call.world.contacts.of_account(account.account_id).email_update = EmailUpdate(address, otp, call.now)
    body = (
        f"A request was made to change the root user email address of the AWS account {account.account_id}"
        f" ({account.name}) to this address.\n\nVerification code: {otp}\n\nThe code is valid for 24 hours."
    )
    subject = "Verify your new AWS account root user email address"
    call.world.mailboxes.deliver(Message(_SENDER, address, subject, body, call.now))
    return {"Status": "PENDING"}


def _require_unused(call: Call, address: str) -> None:
    accounts = (*call.world.organization.accounts.values(), *call.world.outsiders.values())
    if any(account.email.lower() == address.lower() for account in accounts):
        raise ServiceError("ConflictException", "The email address is already in use by an AWS account.", 409)


@OPERATIONS.change("AcceptPrimaryEmailUpdate", condition_keys=_email_keys)
def accept_primary_email_update(call: Call) -> dict[str, Any]:
    """Change the address, with the one-time password that went to it."""
    account, address = _get_member_with_email(call), call.parameters["PrimaryEmail"]
    update = call.world.contacts.of_account(account.account_id).email_update
    if update is None or not update.is_open(call.now) or update.new_email.lower() != address.lower():
        raise not_found("No pending primary email update was found for the account and email address.")
    if not hmac.compare_digest(update.otp.encode(), call.parameters["Otp"].encode()):
        raise invalid("The one-time password is not correct.")
    _require_unused(call, update.new_email)
    account.email = update.new_email
    update.accepted_at = call.now
    return {"Status": "ACCEPTED"}


@OPERATIONS.read("GetPrimaryEmailUpdateStatus")
def get_primary_email_update_status(call: Call) -> dict[str, Any]:
    """Describe the state of the newest change."""
    contacts = call.world.contacts.find(get_account(call).account_id)
    update = contacts.email_update if contacts else None
    if update is None:
        raise invalid("No email update found for account")
    if update.accepted_at:
        return {"Status": "COMPLETED", "UpdatedAt": update.accepted_at}
    return {"Status": "PENDING" if update.is_open(call.now) else "FAILED", "UpdatedAt": update.started_at}


def _statuses(call: Call) -> dict[str, str]:
    """Give the state of every Region of the partition."""
    partition = PARTITIONS[call.world.partition]
    return dict.fromkeys(partition.regions, "ENABLED_BY_DEFAULT") | dict.fromkeys(partition.opt_in_regions, "DISABLED")


_PAGE_SIZE = 50


@OPERATIONS.read("ListRegions")
def list_regions(call: Call) -> dict[str, Any]:
    """List all Regions with their status."""
    get_account(call)
    wanted = call.parameters.get("RegionOptStatusContains")
    rows = [
        {"RegionName": name, "RegionOptStatus": status}
        for name, status in sorted(_statuses(call).items())
        if not wanted or status in wanted
    ]
    size, token = call.parameters.get("MaxResults", _PAGE_SIZE), call.parameters.get("NextToken")
    page, token = cut_page(call, rows, size, token, invalid("The provided NextToken is invalid."))
    return {"Regions": page} | ({"NextToken": token} if token else {})


@OPERATIONS.read(
    "GetRegionOptStatus", condition_keys=lambda call: {"account:TargetRegion": call.parameters["RegionName"]}
)
def get_region_opt_status(call: Call) -> dict[str, Any]:
    """Return whether a Region is on."""
    get_account(call)
    name, statuses = call.parameters["RegionName"], _statuses(call)
    if name not in statuses:
        raise invalid(f"Region {name} is not valid.")
    return {"RegionName": name, "RegionOptStatus": statuses[name]}
