"""Contact information, alternate contacts, and what an account is.

Source: Account Management API Reference, API version 2021-02-01.
"""

from __future__ import annotations

from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation, ServiceError
from rootkeeper.sandbox.services.account.access import account_arn, get_account, not_found
from rootkeeper.sandbox.state import Account, AccountContacts, AccountState

_MADE_UP = {
    "AddressLine1": "123 Any Street",
    "City": "Any Town",
    "CountryCode": "US",
    "PhoneNumber": "+1-555-555-0100",
    "PostalCode": "12345",
    "StateOrRegion": "WA",
}
"""What an account has that nobody gave another contact; the name is the account's own."""
_CONTACT_FIELDS = ("AlternateContactType", "EmailAddress", "Name", "PhoneNumber", "Title")
_SHOWN_STATES = (AccountState.PENDING_ACTIVATION, AccountState.ACTIVE, AccountState.SUSPENDED, AccountState.CLOSED)


def get_account_information(call: Call) -> dict[str, Any]:
    """Tell name, age and state of an account."""
    account = get_account(call)
    # PENDING_CLOSURE isn't among the states that this API knows: still ACTIVE (assumed).
    state = account.state if account.state in _SHOWN_STATES else AccountState.ACTIVE
    return {
        "AccountId": account.account_id,
        "AccountName": account.name,
        "AccountCreatedDate": account.created_at,
        "AccountState": str(state),
    }


def get_contact_information(call: Call) -> dict[str, Any]:
    """Read the primary contact."""
    account = get_account(call)
    contacts = call.world.contacts.find(account.account_id)
    given = contacts.contact_information if contacts else {}
    return {"ContactInformation": given or {"FullName": account.name, **_MADE_UP}}


def put_contact_information(call: Call) -> dict[str, Any]:
    """Replace the primary contact."""
    _contacts(call, get_account(call)).contact_information = dict(call.parameters["ContactInformation"])
    return {}


def get_alternate_contact(call: Call) -> dict[str, Any]:
    """Read the alternate contact of one type."""
    contacts = call.world.contacts.find(get_account(call).account_id)
    contact = contacts.alternate_contacts.get(call.parameters["AlternateContactType"]) if contacts else None
    if contact is None:
        raise _no_contact()
    return {"AlternateContact": contact}


def put_alternate_contact(call: Call) -> dict[str, Any]:
    """Set the alternate contact of one type."""
    contact = {name: call.parameters[name] for name in _CONTACT_FIELDS}
    _contacts(call, get_account(call)).alternate_contacts[contact["AlternateContactType"]] = contact
    return {}


def delete_alternate_contact(call: Call) -> dict[str, Any]:
    """Remove the alternate contact of one type."""
    contacts = call.world.contacts.find(get_account(call).account_id)
    if contacts is None or contacts.alternate_contacts.pop(call.parameters["AlternateContactType"], None) is None:
        raise _no_contact()
    return {}


def _no_contact() -> ServiceError:
    return not_found("No contact of the inputted alternate contact type found.")


def _contacts(call: Call, account: Account) -> AccountContacts:
    return call.world.contacts.of_account(account.account_id)


def _contact_keys(call: Call) -> dict[str, str]:
    return {"account:AlternateContactTypes": call.parameters["AlternateContactType"]}


OPERATIONS = {
    "DeleteAlternateContact": Operation(
        delete_alternate_contact,
        "account:DeleteAlternateContact",
        is_mutating=True,
        resource=account_arn,
        condition_keys=_contact_keys,
    ),
    "GetAccountInformation": Operation(get_account_information, "account:GetAccountInformation", resource=account_arn),
    "GetAlternateContact": Operation(
        get_alternate_contact, "account:GetAlternateContact", resource=account_arn, condition_keys=_contact_keys
    ),
    "GetContactInformation": Operation(get_contact_information, "account:GetContactInformation", resource=account_arn),
    "PutAlternateContact": Operation(
        put_alternate_contact,
        "account:PutAlternateContact",
        is_mutating=True,
        resource=account_arn,
        condition_keys=_contact_keys,
    ),
    "PutContactInformation": Operation(
        put_contact_information, "account:PutContactInformation", is_mutating=True, resource=account_arn
    ),
}
