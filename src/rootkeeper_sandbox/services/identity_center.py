"""IAM Identity Center and its identity store: permission sets, assignments, users and groups, to be read.

Source: IAM Identity Center API Reference, API version 2020-07-20; Identity Store API Reference, API version
2020-06-15. Which accounts can call, and the texts of refusals, are assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rootkeeper_sandbox.exchange import Call, Perform, ServedOperations, ServiceError, any_resource
from rootkeeper_sandbox.services.pagination import cut_page
from rootkeeper_sandbox.state.people import Assignment, IdentityCenter, IdentityGroup, IdentityUser, PermissionSet

SERVICE_PRINCIPAL = "sso.amazonaws.com"
_PAGE_SIZE = 100
Read = Callable[[Call, IdentityCenter], dict[str, Any]]


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
    """Give a page of ``items`` as the response member ``name``.

    :raises ServiceError: ValidationException, if the token isn't from this listing.
    """
    size, token = call.parameters.get("MaxResults", _PAGE_SIZE), call.parameters.get("NextToken") or None
    page, token = cut_page(call, items, size, token, invalid("The provided NextToken is invalid."))
    return {name: page} | ({"NextToken": token} if token else {})


def instance_arn(call: Call) -> str:
    return str(call.parameters["InstanceArn"])


def permission_set_arn(call: Call) -> str:
    return str(call.parameters["PermissionSetArn"])


def _store_arn(call: Call) -> str:
    owner_id = call.world.identity_center.owner_account_id
    store_id = call.parameters["IdentityStoreId"].rpartition("/")[2]
    return f"arn:{call.world.partition}:identitystore::{owner_id}:identitystore/{store_id}"


SSO_ADMIN_OPERATIONS = ServedOperations("sso", resource=permission_set_arn)
IDENTITYSTORE_OPERATIONS = ServedOperations("identitystore", resource=_store_arn)


@SSO_ADMIN_OPERATIONS.read("ListInstances", resource=any_resource)
@for_administrators
def list_instances(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List the only instance, in its Region alone."""
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


@SSO_ADMIN_OPERATIONS.read("DescribeInstance", resource=instance_arn)
@for_administrators
def describe_instance(call: Call, center: IdentityCenter) -> dict[str, Any]:
    require_instance(call, center)
    return _describe_instance(center)


def require_instance(call: Call, center: IdentityCenter) -> None:
    """:raises ServiceError: ResourceNotFoundException, in other Regions, too."""
    if call.parameters["InstanceArn"] != center.instance_arn or call.region != center.region:
        raise not_found(f"Could not find the instance {call.parameters['InstanceArn']}.")


def get_permission_set(call: Call, center: IdentityCenter) -> PermissionSet:
    require_instance(call, center)
    found = center.permission_sets.get(call.parameters["PermissionSetArn"])
    if found is None:
        raise not_found(f"Could not find the permission set {call.parameters['PermissionSetArn']}.")
    return found


@SSO_ADMIN_OPERATIONS.read("ListPermissionSets", resource=instance_arn)
@for_administrators
def list_permission_sets(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List the ARNs of all permission sets."""
    require_instance(call, center)
    return render_page(call, "PermissionSets", list(center.permission_sets))


@SSO_ADMIN_OPERATIONS.read("DescribePermissionSet")
@for_administrators
def describe_permission_set(call: Call, center: IdentityCenter) -> dict[str, Any]:
    found = get_permission_set(call, center)
    described = {
        "Name": found.name,
        "PermissionSetArn": found.arn,
        "CreatedDate": found.created_at,
        "SessionDuration": found.session_duration,
    }
    return {"PermissionSet": described | ({"Description": found.description} if found.description else {})}


@SSO_ADMIN_OPERATIONS.read("GetInlinePolicyForPermissionSet")
@for_administrators
def get_inline_policy(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """Give the inline policy; an empty text where there is none."""
    return {"InlinePolicy": get_permission_set(call, center).inline_policy}


@SSO_ADMIN_OPERATIONS.read("ListManagedPoliciesInPermissionSet")
@for_administrators
def list_managed_policies(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List the AWS managed policies attached."""
    policies = get_permission_set(call, center).managed_policies
    return render_page(call, "AttachedManagedPolicies", [{"Arn": arn, "Name": name} for arn, name in policies.items()])


@SSO_ADMIN_OPERATIONS.read("ListCustomerManagedPolicyReferencesInPermissionSet")
@for_administrators
def list_customer_policies(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List the customer managed policies referred to: their bodies live in each account."""
    policies = get_permission_set(call, center).customer_policies
    references = [{"Name": name, "Path": path} for name, path in policies.items()]
    return render_page(call, "CustomerManagedPolicyReferences", references)


@SSO_ADMIN_OPERATIONS.read("GetPermissionsBoundaryForPermissionSet")
@for_administrators
def get_permissions_boundary(call: Call, center: IdentityCenter) -> dict[str, Any]:
    found = get_permission_set(call, center)
    if found.boundary_arn is None:
        raise not_found(f"The permission set {found.arn} has no permissions boundary.")
    return {"PermissionsBoundary": {"ManagedPolicyArn": found.boundary_arn}}


_NEWEST = "LATEST_PERMISSION_SET_PROVISIONED"


@SSO_ADMIN_OPERATIONS.read("ListAccountsForProvisionedPermissionSet")
@for_administrators
def list_accounts_for_permission_set(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List the accounts into which a permission set is provisioned, which is always its newest form here."""
    found = get_permission_set(call, center)
    is_asked = call.parameters.get("ProvisioningStatus", _NEWEST) == _NEWEST
    return render_page(call, "AccountIds", center.account_ids_with(found.arn) if is_asked else [])


@SSO_ADMIN_OPERATIONS.read("ListPermissionSetsProvisionedToAccount", resource=instance_arn)
@for_administrators
def list_permission_sets_in_account(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List the permission sets provisioned into an account."""
    require_instance(call, center)
    _require_account(call)
    is_asked = call.parameters.get("ProvisioningStatus", _NEWEST) == _NEWEST
    return render_page(call, "PermissionSets", center.arns_in(call.parameters["AccountId"]) if is_asked else [])


@SSO_ADMIN_OPERATIONS.read("ListAccountAssignments")
@for_administrators
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


@SSO_ADMIN_OPERATIONS.read("ListAccountAssignmentsForPrincipal", resource=instance_arn)
@for_administrators
def list_account_assignments_for_principal(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List the assignments of a user or group, a user's also by groups; only the management account can ask."""
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


_USER_FILTERS = {"UserName": "user_name"}
_GROUP_FILTERS = {"DisplayName": "display_name"}


@IDENTITYSTORE_OPERATIONS.read("ListUsers")
@for_administrators
def list_users(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List all users, or the user with a name."""
    _require_store(call, center)
    rows = [_describe_user(call, user) for user in center.users.values() if _passes(call, user, _USER_FILTERS)]
    return render_page(call, "Users", rows)


@IDENTITYSTORE_OPERATIONS.read("ListGroups")
@for_administrators
def list_groups(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List all groups, or the group with a name."""
    _require_store(call, center)
    rows = [_describe_group(call, group) for group in center.groups.values() if _passes(call, group, _GROUP_FILTERS)]
    return render_page(call, "Groups", rows)


def _passes(call: Call, item: IdentityUser | IdentityGroup, fields: dict[str, str]) -> bool:
    for wanted in call.parameters.get("Filters", ()):
        field = fields.get(wanted["AttributePath"])
        if field is None:
            raise invalid(f"Filtering by {wanted['AttributePath'][:100]} is not supported.")
        if getattr(item, field) != wanted["AttributeValue"]:
            return False
    return True


@IDENTITYSTORE_OPERATIONS.read("DescribeUser")
@for_administrators
def describe_user(call: Call, center: IdentityCenter) -> dict[str, Any]:
    _require_store(call, center)
    return _describe_user(call, _get_user(center, call.parameters["UserId"]))


@IDENTITYSTORE_OPERATIONS.read("DescribeGroup")
@for_administrators
def describe_group(call: Call, center: IdentityCenter) -> dict[str, Any]:
    _require_store(call, center)
    return _describe_group(call, _get_group(center, call.parameters["GroupId"]))


@IDENTITYSTORE_OPERATIONS.read("ListGroupMemberships")
@for_administrators
def list_group_memberships(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List who is in a group."""
    _require_store(call, center)
    group = _get_group(center, call.parameters["GroupId"])
    return render_page(call, "GroupMemberships", [_membership(center, group, user_id) for user_id in group.member_ids])


@IDENTITYSTORE_OPERATIONS.read("ListGroupMembershipsForMember")
@for_administrators
def list_group_memberships_for_member(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List the groups that a user is in."""
    _require_store(call, center)
    user = _get_user(center, call.parameters["MemberId"].get("UserId", ""))
    rows = [
        _membership(center, center.groups[group_id], user.user_id) for group_id in center.group_ids_of(user.user_id)
    ]
    return render_page(call, "GroupMemberships", rows)


def _membership(center: IdentityCenter, group: IdentityGroup, user_id: str) -> dict[str, Any]:
    return {
        "IdentityStoreId": center.identity_store_id,
        "MembershipId": group.member_ids[user_id],
        "GroupId": group.group_id,
        "MemberId": {"UserId": user_id},
    }


def _require_store(call: Call, center: IdentityCenter) -> None:
    store_id = call.parameters["IdentityStoreId"].rpartition("/")[2]
    if store_id != center.identity_store_id or call.region != center.region:
        raise _not_found("IDENTITY_STORE", store_id)


def _get_user(center: IdentityCenter, user_id: str) -> IdentityUser:
    user = center.users.get(user_id.rpartition("/")[2])
    if user is None:
        raise _not_found("USER", user_id)
    return user


def _get_group(center: IdentityCenter, group_id: str) -> IdentityGroup:
    group = center.groups.get(group_id.rpartition("/")[2])
    if group is None:
        raise _not_found("GROUP", group_id)
    return group


def _not_found(resource_type: str, resource_id: str) -> ServiceError:
    fields = {"ResourceType": resource_type, "ResourceId": resource_id}
    return ServiceError("ResourceNotFoundException", f"{resource_type} not found.", 400, fields)


def _describe_user(call: Call, user: IdentityUser) -> dict[str, Any]:
    given, _, family = user.display_name.rpartition(" ")
    return {
        "IdentityStoreId": call.world.identity_center.identity_store_id,
        "UserId": user.user_id,
        "UserName": user.user_name,
        "DisplayName": user.display_name,
        "Name": {"GivenName": given, "FamilyName": family, "Formatted": user.display_name},
        "Emails": [{"Value": user.email, "Type": "work", "Primary": True}],
        "UserStatus": "ENABLED",
    }


def _describe_group(call: Call, group: IdentityGroup) -> dict[str, Any]:
    return {
        "IdentityStoreId": call.world.identity_center.identity_store_id,
        "GroupId": group.group_id,
        "DisplayName": group.display_name,
        "Description": group.description,
    }
