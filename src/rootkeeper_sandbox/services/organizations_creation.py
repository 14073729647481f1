"""Organizations: creating the organization, where the scenario begins without one.

A sandbox keeps one organization, so that only the scenario's own account can create it, and only once.

Source: Organizations, API version 2016-11-28.
"""

from __future__ import annotations

from typing import Any

from rootkeeper_sandbox.codec.errors import Refusal, RefusalError
from rootkeeper_sandbox.exchange import Call, ServedOperations, ServiceError
from rootkeeper_sandbox.services.organizations_tree import describe_organization

OPERATIONS = ServedOperations("organizations")


@OPERATIONS.change("CreateOrganization")
def create_organization(call: Call) -> dict[str, Any]:
    """Create the organization with the caller's account as its management account; no policy type is enabled."""
    world, organization, caller = call.world, call.world.organization, call.principal.account_id
    if world.is_in_organization(caller):
        message = (
            "The AWS account is already a member of an organization. An account can belong to only one organization at"
            " a time."
        )
        raise ServiceError("AlreadyInOrganizationException", message)
    if organization.accounts:
        raise RefusalError(Refusal.UNKNOWN_OPERATION, "The sandbox keeps one organization, which exists already.")
    account = world.outsiders.pop(caller)
    account.opened_at, account.joined_at, account.joined_method = account.created_at, call.now, "INVITED"
    organization.management_account_id = caller
    organization.has_all_features = call.parameters.get("FeatureSet", "ALL") == "ALL"
    organization.add_account(account, organization.organization_root_id)
    return describe_organization(call)
