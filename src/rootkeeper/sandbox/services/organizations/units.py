"""Organizational units, as administrators change them: create, rename, delete.

Source: Organizations, API version 2016-11-28; 2,000 units, five levels below the root (aws-facts F2).
"""

from __future__ import annotations

from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation, ServiceError
from rootkeeper.sandbox.services.organizations.access import constraint_violation, for_management
from rootkeeper.sandbox.services.organizations.tags import read_tags
from rootkeeper.sandbox.services.organizations.tree import (
    describe_unit,
    get_organizational_unit,
    parent_arn,
    require_parent,
)
from rootkeeper.sandbox.state import Organization, OrganizationalUnit
from rootkeeper.sandbox.state.identifiers import derive_lower_id

_MAXIMUM_UNITS = 2000
_MAXIMUM_DEPTH = 5


def create_organizational_unit(call: Call) -> dict[str, Any]:
    """Create a unit under the root or another unit."""
    organization, parent_id = call.world.organization, call.parameters["ParentId"]
    require_parent(organization, parent_id, "Parent")
    _require_room(organization, parent_id)
    _require_new_name(organization, parent_id, call.parameters["Name"])
    tags = read_tags(call)
    unit = OrganizationalUnit(_choose_id(call, parent_id), call.parameters["Name"], parent_id)
    organization.add_organizational_unit(unit)
    if tags:
        organization.tags[unit.ou_id] = tags
    return {"OrganizationalUnit": describe_unit(organization, unit)}


def _require_room(organization: Organization, parent_id: str) -> None:
    if len(organization.organizational_units) >= _MAXIMUM_UNITS:
        message = "You have exceeded the allowed number of organizational units."
        raise constraint_violation("OU_NUMBER_LIMIT_EXCEEDED", message)
    if len(organization.ancestor_ids(parent_id)) >= _MAXIMUM_DEPTH:
        message = (
            "You cannot add an organizational unit to the specified parent because it would exceed the max depth"
            " allowed."
        )
        raise constraint_violation("OU_DEPTH_LIMIT_EXCEEDED", message)


def _require_new_name(organization: Organization, parent_id: str, name: str) -> None:
    siblings = (organization.organizational_units[ou_id].name for ou_id in organization.ou_ids_below(parent_id))
    if name in siblings:
        raise ServiceError("DuplicateOrganizationalUnitException", "An OU with the same name already exists.")


def _choose_id(call: Call, parent_id: str) -> str:
    organization = call.world.organization
    suffix = organization.organization_root_id.removeprefix("r-")
    words = ["unit", call.world.seed, parent_id, call.parameters["Name"], call.now.isoformat()]
    while True:
        ou_id = f"ou-{suffix}-{derive_lower_id(8, *words)}"
        if ou_id not in organization.organizational_units:
            return ou_id
        words.append("")


def update_organizational_unit(call: Call) -> dict[str, Any]:
    """Rename a unit; without a name nothing changes."""
    organization, unit = call.world.organization, get_organizational_unit(call)
    name = call.parameters.get("Name", unit.name)
    if name != unit.name:
        _require_new_name(organization, unit.parent_id, name)
    unit.name = name
    return {"OrganizationalUnit": describe_unit(organization, unit)}


def delete_organizational_unit(call: Call) -> dict[str, Any]:
    """Delete a unit that has neither accounts nor units below it."""
    organization, unit = call.world.organization, get_organizational_unit(call)
    if organization.account_ids_below(unit.ou_id) or organization.ou_ids_below(unit.ou_id):
        message = (
            "The specified OU is not empty. Move all accounts to another root or to other OUs, remove all child OUs,"
            " and try the operation again."
        )
        raise ServiceError("OrganizationalUnitNotEmptyException", message)
    organization.remove_organizational_unit(unit.ou_id)
    return {}


def _parent_resource(call: Call) -> str:
    return parent_arn(call.world.organization, call.parameters["ParentId"])


def _unit_resource(call: Call) -> str:
    return parent_arn(call.world.organization, call.parameters["OrganizationalUnitId"])


OPERATIONS = {
    "CreateOrganizationalUnit": Operation(
        for_management(create_organizational_unit),
        "organizations:CreateOrganizationalUnit",
        is_mutating=True,
        resource=_parent_resource,
    ),
    "DeleteOrganizationalUnit": Operation(
        for_management(delete_organizational_unit),
        "organizations:DeleteOrganizationalUnit",
        is_mutating=True,
        resource=_unit_resource,
    ),
    "UpdateOrganizationalUnit": Operation(
        for_management(update_organizational_unit),
        "organizations:UpdateOrganizationalUnit",
        is_mutating=True,
        resource=_unit_resource,
    ),
}
