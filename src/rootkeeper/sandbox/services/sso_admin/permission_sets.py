"""Instances and permission sets: which there are, and what they allow.

Source: IAM Identity Center API Reference, API version 2020-07-20.
"""

from __future__ import annotations

from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation
from rootkeeper.sandbox.services.identity_center_access import Read, for_administrators, not_found, render_page
from rootkeeper.sandbox.state import IdentityCenter, PermissionSet


def list_instances(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List the one instance, in its Region alone."""
    is_visible = call.region == center.region or call.parameters.get("RegionScope") == "ALL_REGIONS"
    return render_page(call, "Instances", [_describe_instance(center)] if is_visible else [])


def _describe_instance(center: IdentityCenter) -> dict[str, Any]:
    described = {
        "InstanceArn": center.instance_arn,
        "IdentityStoreId": center.identity_store_id,
        "OwnerAccountId": center.owner_account_id,
        "CreatedDate": center.created_at,
        "Status": "ACTIVE",
    }
    return described | ({"Name": center.name} if center.name else {})


def describe_instance(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """Describe the instance."""
    require_instance(call, center)
    return _describe_instance(center)


def require_instance(call: Call, center: IdentityCenter) -> None:
    """:raises ServiceError: ResourceNotFoundException, in other Regions, too."""
    if call.parameters["InstanceArn"] != center.instance_arn or call.region != center.region:
        raise not_found(f"Could not find the instance {call.parameters['InstanceArn']}.")


def get_permission_set(call: Call, center: IdentityCenter) -> PermissionSet:
    """Get the permission set that is named.

    :raises ServiceError: ResourceNotFoundException.
    """
    require_instance(call, center)
    found = center.permission_sets.get(call.parameters["PermissionSetArn"])
    if found is None:
        raise not_found(f"Could not find the permission set {call.parameters['PermissionSetArn']}.")
    return found


def list_permission_sets(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List the ARNs of all permission sets."""
    require_instance(call, center)
    return render_page(call, "PermissionSets", list(center.permission_sets))


def describe_permission_set(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """Describe one permission set."""
    found = get_permission_set(call, center)
    described = {
        "Name": found.name,
        "PermissionSetArn": found.arn,
        "CreatedDate": found.created_at,
        "SessionDuration": found.session_duration,
    }
    return {"PermissionSet": described | ({"Description": found.description} if found.description else {})}


def get_inline_policy(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """Give the inline policy; an empty text where there is none."""
    return {"InlinePolicy": get_permission_set(call, center).inline_policy}


def list_managed_policies(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List the AWS managed policies attached."""
    policies = get_permission_set(call, center).managed_policies
    return render_page(call, "AttachedManagedPolicies", [{"Arn": arn, "Name": name} for arn, name in policies.items()])


def list_customer_policies(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List the customer managed policies referred to: their bodies live in each account."""
    policies = get_permission_set(call, center).customer_policies
    references = [{"Name": name, "Path": path} for name, path in policies.items()]
    return render_page(call, "CustomerManagedPolicyReferences", references)


def get_permissions_boundary(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """Give the permissions boundary."""
    found = get_permission_set(call, center)
    if found.boundary_arn is None:
        raise not_found(f"The permission set {found.arn} has no permissions boundary.")
    return {"PermissionsBoundary": {"ManagedPolicyArn": found.boundary_arn}}


def instance_arn(call: Call) -> str:
    return str(call.parameters["InstanceArn"])


def permission_set_arn(call: Call) -> str:
    return str(call.parameters["PermissionSetArn"])


def _about_permission_set(read: Read, action: str) -> Operation:
    return Operation(for_administrators(read), f"sso:{action}", resource=permission_set_arn)


OPERATIONS = {
    "DescribeInstance": Operation(for_administrators(describe_instance), "sso:DescribeInstance", resource=instance_arn),
    "DescribePermissionSet": _about_permission_set(describe_permission_set, "DescribePermissionSet"),
    "GetInlinePolicyForPermissionSet": _about_permission_set(get_inline_policy, "GetInlinePolicyForPermissionSet"),
    "GetPermissionsBoundaryForPermissionSet": _about_permission_set(
        get_permissions_boundary, "GetPermissionsBoundaryForPermissionSet"
    ),
    "ListCustomerManagedPolicyReferencesInPermissionSet": _about_permission_set(
        list_customer_policies, "ListCustomerManagedPolicyReferencesInPermissionSet"
    ),
    "ListInstances": Operation(for_administrators(list_instances), "sso:ListInstances"),
    "ListManagedPoliciesInPermissionSet": _about_permission_set(
        list_managed_policies, "ListManagedPoliciesInPermissionSet"
    ),
    "ListPermissionSets": Operation(
        for_administrators(list_permission_sets), "sso:ListPermissionSets", resource=instance_arn
    ),
}
