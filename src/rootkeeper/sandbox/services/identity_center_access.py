"""Who may read IAM Identity Center and its identity store, and what they are told when it is down.

Source: IAM Identity Center API Reference; which accounts may call, and the refusals' texts, are assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rootkeeper.sandbox.exchange import Call, ServiceError
from rootkeeper.sandbox.services.pagination import InvalidTokenError, cut_page
from rootkeeper.sandbox.state import IdentityCenter

SERVICE_PRINCIPAL = "sso.amazonaws.com"
_PAGE_SIZE = 100

Read = Callable[[Call, IdentityCenter], dict[str, Any]]
Perform = Callable[[Call], dict[str, Any]]


def for_administrators(read: Read) -> Perform:
    """Let the management account and the delegated administrator read, while Identity Center is up."""

    def perform(call: Call) -> dict[str, Any]:
        center, organization = call.world.identity_center, call.world.organization
        caller_id = call.principal.account_id
        is_delegate = organization.is_delegated_administrator(caller_id, SERVICE_PRINCIPAL)
        if caller_id != center.owner_account_id and not is_delegate:
            raise access_denied()
        if center.is_down:
            raise ServiceError("ServiceUnavailableException", "IAM Identity Center is down in this sandbox.")
        return read(call, center)

    return perform


def access_denied() -> ServiceError:
    return ServiceError("AccessDeniedException", "You do not have sufficient access to perform this action.")


def not_found(message: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", message)


def invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)


def render_page(call: Call, name: str, items: Sequence[Any]) -> dict[str, Any]:
    """Give one page of ``items`` as the response member ``name``.

    :raises ServiceError: ValidationException, if the token isn't one of this listing.
    """
    size = call.parameters.get("MaxResults", _PAGE_SIZE)
    try:
        page, token = cut_page(call, items, size, call.parameters.get("NextToken") or None)
    except InvalidTokenError:
        raise invalid("The provided NextToken is invalid.") from None
    return {name: page} | ({"NextToken": token} if token else {})
