"""Who may call Organizations, its errors, and its pages.

Source: Organizations, API version 2016-11-28, and aws-facts F: describing the organization is open to its members,
reading to the management account and to delegated administrators of any service, changing to the management account.
Every client error is HTTP 400.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from rootkeeper.sandbox.exchange import Call, ServiceError
from rootkeeper.sandbox.services.pagination import InvalidTokenError, cut_page

PAGE_SIZE = 20
"""Also the most that MaxResults may ask for. Source: aws-facts F."""

Perform = Callable[[Call], dict[str, Any]]


def for_members(perform: Perform) -> Perform:
    """Let every account of the organization call."""

    def perform_for_members(call: Call) -> dict[str, Any]:
        if not call.world.is_in_organization(call.principal.account_id):
            raise ServiceError("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
        return perform(call)

    return perform_for_members


def for_readers(perform: Perform) -> Perform:
    """Let the management account and every delegated administrator call."""

    def perform_for_readers(call: Call) -> dict[str, Any]:
        caller, organization = call.principal.account_id, call.world.organization
        if caller != organization.management_account_id and caller not in organization.delegated_account_ids():
            raise access_denied()
        return perform(call)

    return for_members(perform_for_readers)


def for_management(perform: Perform) -> Perform:
    """Let the management account alone call."""

    def perform_for_management(call: Call) -> dict[str, Any]:
        if call.principal.account_id != call.world.management_account_id:
            raise access_denied()
        return perform(call)

    return for_members(perform_for_management)


def access_denied() -> ServiceError:
    return ServiceError("AccessDeniedException", "You don't have permissions to access this resource.")


def not_found(kind: str) -> ServiceError:
    """Word the absence of something, named as its error names it: ``Account``, ``OrganizationalUnit``, ``Target`` …"""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()
    article = "an" if name[0] in "ao" else "a"
    return ServiceError(f"{kind}NotFoundException", f"You specified {article} {name} that doesn't exist.")


def invalid_input(reason: str, message: str) -> ServiceError:
    return ServiceError("InvalidInputException", message, fields={"Reason": reason})


def constraint_violation(reason: str, message: str) -> ServiceError:
    return ServiceError("ConstraintViolationException", message, fields={"Reason": reason})


def render_page(call: Call, name: str, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Give one page of ``items`` as the response member ``name``.

    :raises ServiceError: InvalidInputException, if the token isn't one of this listing.
    """
    rows, token = cut_rows(call, items)
    return {name: rows} | ({"NextToken": token} if token else {})


def cut_rows(call: Call, items: Sequence[Any]) -> tuple[list[Any], str | None]:
    """Cut one page of anything, to be rendered by the caller.

    :raises ServiceError: InvalidInputException, if the token isn't one of this listing.
    """
    size = call.parameters.get("MaxResults", PAGE_SIZE)
    try:
        return cut_page(call, items, size, call.parameters.get("NextToken"))
    except InvalidTokenError as error:
        raise invalid_input("INVALID_NEXT_TOKEN", "The provided NextToken is invalid.") from error
