"""The root user's e-mail address: read it, and change it by a one-time password that goes to the new address.

Whoever controls the address can recover the root user, so a change is as powerful as a recovery. The old address
need not confirm. Password and MFA devices stay.

Source: Account Management guide, "Update the root user email address" (aws-facts E2).
"""

from __future__ import annotations

import hmac
import re
import secrets
import string
from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation, ServiceError
from rootkeeper.sandbox.services.account.access import account_arn, get_account, get_member, invalid, not_found
from rootkeeper.sandbox.state import Account, EmailUpdate
from rootkeeper.sandbox.state.mailboxes import Message

_SENDER = "no-reply@signup.aws"
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\\\"]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)+")
_OTP_CHARACTERS = string.ascii_uppercase + string.digits
_OTP_LENGTH = 6


def get_primary_email(call: Call) -> dict[str, Any]:
    """Read a member's root e-mail address."""
    return {"PrimaryEmail": get_member(call).email}


def start_primary_email_update(call: Call) -> dict[str, Any]:
    """Send a one-time password to the new address; one that was sent before is void."""
    account, address = get_member(call), call.parameters["PrimaryEmail"]
    if not _ADDRESS.fullmatch(address):
        raise invalid("The provided email address is not valid.")
    _require_unused(call, address)
    otp = "".join(secrets.choice(_OTP_CHARACTERS) for _ in range(_OTP_LENGTH))
    call.world.contacts.of_account(account.account_id).email_update = EmailUpdate(address, otp, call.now)
    call.world.mailboxes.deliver(_compose(call, account, address, otp))
    return {"Status": "PENDING"}


def _require_unused(call: Call, address: str) -> None:
    accounts = (*call.world.organization.accounts.values(), *call.world.outsiders.values())
    if any(account.email.lower() == address.lower() for account in accounts):
        raise ServiceError("ConflictException", "The email address is already in use by an AWS account.", 409)


def _compose(call: Call, account: Account, address: str, otp: str) -> Message:
    body = (
        f"A request was made to change the root user email address of the AWS account {account.account_id}"
        f" ({account.name}) to this address.\n\nVerification code: {otp}\n\nThe code is valid for 24 hours."
    )
    return Message(_SENDER, address, "Verify your new AWS account root user email address", body, call.now)


def accept_primary_email_update(call: Call) -> dict[str, Any]:
    """Change the address, with the one-time password that went to it."""
    account, address = get_member(call), call.parameters["PrimaryEmail"]
    update = call.world.contacts.of_account(account.account_id).email_update
    if update is None or not update.is_open(call.now) or update.new_email.lower() != address.lower():
        raise not_found("No pending primary email update was found for the account and email address.")
    if not hmac.compare_digest(update.otp.encode(), call.parameters["Otp"].encode()):
        raise invalid("The one-time password is not correct.")
    _require_unused(call, update.new_email)
    account.email = update.new_email
    update.accepted_at = call.now
    return {"Status": "ACCEPTED"}


def get_primary_email_update_status(call: Call) -> dict[str, Any]:
    """Tell how far the newest change is."""
    contacts = call.world.contacts.find(get_account(call).account_id)
    update = contacts.email_update if contacts else None
    if update is None:
        raise invalid("No email update found for account")
    if update.accepted_at:
        return {"Status": "COMPLETED", "UpdatedAt": update.accepted_at}
    return {"Status": "PENDING" if update.is_open(call.now) else "FAILED", "UpdatedAt": update.started_at}


def _email_keys(call: Call) -> dict[str, str]:
    return {"account:EmailTargetDomain": call.parameters["PrimaryEmail"].rpartition("@")[2]}


OPERATIONS = {
    "AcceptPrimaryEmailUpdate": Operation(
        accept_primary_email_update,
        "account:AcceptPrimaryEmailUpdate",
        is_mutating=True,
        resource=account_arn,
        condition_keys=_email_keys,
    ),
    "GetPrimaryEmail": Operation(get_primary_email, "account:GetPrimaryEmail", resource=account_arn),
    "GetPrimaryEmailUpdateStatus": Operation(
        get_primary_email_update_status, "account:GetPrimaryEmailUpdateStatus", resource=account_arn
    ),
    "StartPrimaryEmailUpdate": Operation(
        start_primary_email_update,
        "account:StartPrimaryEmailUpdate",
        is_mutating=True,
        resource=account_arn,
        condition_keys=_email_keys,
    ),
}
