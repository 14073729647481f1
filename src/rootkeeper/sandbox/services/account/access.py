"""Whose account an Account Management call is about, and who may ask about others.

A call without AccountId is about the caller's own account. With one it needs the management account or the delegated
administrator of account.amazonaws.com, trusted access for that service, and a member account as target.

Source: Account Management API Reference, API version 2021-02-01; refusals as observed (aws-facts E2).
"""

from __future__ import annotations

from rootkeeper.sandbox.exchange import Call, ServiceError
from rootkeeper.sandbox.state import Account

SERVICE_PRINCIPAL = "account.amazonaws.com"
NO_TRUST = " (Your organization must first enable trusted access with AWS Account Management.)"
ITSELF = " (Access Denied)"


def get_account(call: Call) -> Account:
    """Get the account that a call is about.

    :raises ServiceError: AccessDeniedException.
    """
    target_id = call.parameters.get("AccountId")
    if target_id is None:
        return call.world.account(call.principal.account_id)
    return get_member(call)


def get_member(call: Call) -> Account:
    """Get the member account that ``AccountId`` names, if the caller may ask about it.

    :raises ServiceError: AccessDeniedException.
    """
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
