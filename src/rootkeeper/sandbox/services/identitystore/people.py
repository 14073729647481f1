"""Users, groups and memberships of the identity store.

Source: Identity Store API Reference, API version 2020-06-15.
"""

from __future__ import annotations

from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation, ServiceError
from rootkeeper.sandbox.services.identity_center_access import Read, for_administrators, invalid, render_page
from rootkeeper.sandbox.state import IdentityCenter
from rootkeeper.sandbox.state.identity_center import IdentityGroup, IdentityUser

_USER_FILTERS = {"UserName": "user_name"}
_GROUP_FILTERS = {"DisplayName": "display_name"}


def list_users(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List users, all of them or the one with a name."""
    _require_store(call, center)
    rows = [_describe_user(call, user) for user in center.users.values() if _passes(call, user, _USER_FILTERS)]
    return render_page(call, "Users", rows)


def list_groups(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List groups, all of them or the one with a name."""
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


def describe_user(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """Describe a user."""
    _require_store(call, center)
    return _describe_user(call, _get_user(center, call.parameters["UserId"]))


def describe_group(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """Describe a group."""
    _require_store(call, center)
    return _describe_group(call, _get_group(center, call.parameters["GroupId"]))


def list_group_memberships(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List who is in a group."""
    _require_store(call, center)
    group = _get_group(center, call.parameters["GroupId"])
    return render_page(call, "GroupMemberships", [_membership(center, group, user_id) for user_id in group.member_ids])


def list_group_memberships_for_member(call: Call, center: IdentityCenter) -> dict[str, Any]:
    """List the groups that a user is in."""
    _require_store(call, center)
    user = _get_user(center, _member_id(call))
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


def _member_id(call: Call) -> str:
    return str(call.parameters["MemberId"].get("UserId", ""))


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


def _store_arn(call: Call) -> str:
    owner_id = call.world.identity_center.owner_account_id
    store_id = call.parameters["IdentityStoreId"].rpartition("/")[2]
    return f"arn:{call.world.partition}:identitystore::{owner_id}:identitystore/{store_id}"


def _reading(read: Read, action: str) -> Operation:
    return Operation(for_administrators(read), f"identitystore:{action}", resource=_store_arn)


OPERATIONS = {
    "DescribeGroup": _reading(describe_group, "DescribeGroup"),
    "DescribeUser": _reading(describe_user, "DescribeUser"),
    "ListGroupMemberships": _reading(list_group_memberships, "ListGroupMemberships"),
    "ListGroupMembershipsForMember": _reading(list_group_memberships_for_member, "ListGroupMembershipsForMember"),
    "ListGroups": _reading(list_groups, "ListGroups"),
    "ListUsers": _reading(list_users, "ListUsers"),
}
