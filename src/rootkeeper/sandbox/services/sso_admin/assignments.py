"""Assignments: who holds which permission set in which account.

Source: IAM Identity Center API Reference, API version 2020-07-20.
"""

from __future__ import annotations

from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation
from rootkeeper.sandbox.services.identity_center_access import (
    access_denied,
    for_administrators,
    not_found,
    render_page,
)
from rootkeeper.sandbox.services.sso_admin.permission_sets import (
    get_permission_set,
    instance_arn,
    permission_set_arn,
    require_instance,
)
from rootkeeper.sandbox.state import Assignment, IdentityCenter

_NEWEST = "LATEST_PERMISSION_SET_PROVISIONED"


def list_accounts_for_permission_set(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List the accounts into which a permission set is provisioned, which is always its newest form here."""
    found = get_permission_set(call, center)
    is_asked = call.parameters.get("ProvisioningStatus", _NEWEST) == _NEWEST
    return render_page(call, "AccountIds", center.account_ids_with(found.arn) if is_asked else [])


def list_permission_sets_in_account(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List the permission sets provisioned into an account."""
    require_instance(call, center)
    _require_account(call)
    is_asked = call.parameters.get("ProvisioningStatus", _NEWEST) == _NEWEST
    return render_page(call, "PermissionSets", center.arns_in(call.parameters["AccountId"]) if is_asked else [])


def list_account_assignments(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List who holds a permission set in an account."""
    found = get_permission_set(call, center)
    _require_account(call)
    account_id = call.parameters["AccountId"]
    rows = [
        _describe(assignment)
        for assignment in center.assignments
        if (assignment.account_id, assignment.permission_set_arn) == (account_id, found.arn)
    ]
    return render_page(call, "AccountAssignments", rows)


def _require_account(call: Call) -> None:
    if not call.world.is_in_organization(call.parameters["AccountId"]):
        raise not_found(f"Could not find the account {call.parameters['AccountId']}.")


def list_account_assignments_for_principal(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List what somebody holds, by groups too; the management account alone may ask."""
    if call.principal.account_id != center.owner_account_id:
        raise access_denied()
    require_instance(call, center)
    principal_type, principal_id = call.parameters["PrincipalType"], call.parameters["PrincipalId"]
    if principal_id not in (center.users if principal_type == "USER" else center.groups):
        raise not_found(f"Could not find the {principal_type.lower()} {principal_id}.")
    account_id = call.parameters.get("Filter", {}).get("AccountId")
    held = center.held_by(principal_type, principal_id)
    rows = [_describe(assignment) for assignment in held if account_id in (None, assignment.account_id)]
    return render_page(call, "AccountAssignments", rows)


def _describe(assignment: Assignment) -> dict[str, str]:
    return {
        "AccountId": assignment.account_id,
        "PermissionSetArn": assignment.permission_set_arn,
        "PrincipalType": assignment.principal_type,
        "PrincipalId": assignment.principal_id,
    }


OPERATIONS = {
    "ListAccountAssignments": Operation(
        for_administrators(list_account_assignments), "sso:ListAccountAssignments", resource=permission_set_arn
    ),
    "ListAccountAssignmentsForPrincipal": Operation(
        for_administrators(list_account_assignments_for_principal),
        "sso:ListAccountAssignmentsForPrincipal",
        resource=instance_arn,
    ),
    "ListAccountsForProvisionedPermissionSet": Operation(
        for_administrators(list_accounts_for_permission_set),
        "sso:ListAccountsForProvisionedPermissionSet",
        resource=permission_set_arn,
    ),
    "ListPermissionSetsProvisionedToAccount": Operation(
        for_administrators(list_permission_sets_in_account),
        "sso:ListPermissionSetsProvisionedToAccount",
        resource=instance_arn,
    ),
}
