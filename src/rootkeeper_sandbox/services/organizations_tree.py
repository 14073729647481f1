"""Organizations: who can call, the tree of units and accounts, and tags.

The members can describe the organization; the management account and delegated administrators of any service can
read; the management account can change. Every client error is HTTP 400. There are at most 2,000 units, five levels
below the root.

Source: Organizations, API version 2016-11-28; aws-facts F and F2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rootkeeper_sandbox.codec.errors import Refusal, RefusalError
from rootkeeper_sandbox.exchange import Call, Perform, ServedOperations, ServiceError
from rootkeeper_sandbox.services.pagination import cut_page
from rootkeeper_sandbox.state.accounts import Account, derive_lower_id
from rootkeeper_sandbox.state.organization import Organization, OrganizationalUnit

PAGE_SIZE = 20
"""Also the most that MaxResults may ask for. Source: aws-facts F."""


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
    """Give a page of ``items`` as the response member ``name``.

    :raises ServiceError: InvalidInputException, if the token isn't from this listing.
    """
    rows, token = cut_rows(call, items)
    return {name: rows} | ({"NextToken": token} if token else {})


def cut_rows(call: Call, items: Sequence[Any]) -> tuple[list[Any], str | None]:
    """Cut a page of anything, to be rendered by the caller."""
    refusal = invalid_input("INVALID_NEXT_TOKEN", "The provided NextToken is invalid.")
    size = call.parameters.get("MaxResults", PAGE_SIZE)
    return cut_page(call, items, size, call.parameters.get("NextToken"), refusal)


def _parent_resource(call: Call) -> str:
    return parent_arn(call.world.organization, call.parameters["ParentId"])


def _child_resource(call: Call) -> str:
    return target_arn(call.world.organization, call.parameters["ChildId"])


def account_resource(call: Call) -> str:
    return account_arn(call.world.organization, call.parameters["AccountId"])


def _unit_resource(call: Call) -> str:
    return parent_arn(call.world.organization, call.parameters["OrganizationalUnitId"])


def _resource(call: Call) -> str:
    return target_arn(call.world.organization, call.parameters["ResourceId"])


OPERATIONS = ServedOperations("organizations")


@OPERATIONS.read("DescribeOrganization")
@for_members
def describe_organization(call: Call) -> dict[str, Any]:
    """Describe the organization; the policy types in it are deprecated and say SCP only."""
    organization = call.world.organization
    management = organization.accounts[organization.management_account_id]
    return {
        "Organization": {
            "Id": organization.organization_id,
            "Arn": organization.arn(f"organization/{organization.organization_id}"),
            "FeatureSet": "ALL" if organization.has_all_features else "CONSOLIDATED_BILLING",
            "MasterAccountArn": account_arn(organization, management.account_id),
            "MasterAccountId": management.account_id,
            "MasterAccountEmail": management.email,
            "AvailablePolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}],
        }
    }


@OPERATIONS.change("CreateOrganization")
def create_organization(call: Call) -> dict[str, Any]:
    """Create the organization with the caller's account as its management account; no policy type is enabled.

    A sandbox keeps one organization, so only the scenario's own account can create it, and only once.
    """
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


def account_arn(organization: Organization, account_id: str) -> str:
    return organization.arn(f"account/{organization.organization_id}/{account_id}")


def parent_arn(organization: Organization, parent_id: str) -> str:
    """Spell the ARN of the organization root or of an organizational unit."""
    kind = "root" if parent_id.startswith("r-") else "ou"
    return organization.arn(f"{kind}/{organization.organization_id}/{parent_id}")


def target_arn(organization: Organization, target_id: str) -> str:
    """Spell the ARN of anything that a policy or tag can be on."""
    if target_id.startswith(("r-", "ou-")):
        return parent_arn(organization, target_id)
    if target_id in organization.policy_book.policies:
        return organization.policy_book.policies[target_id].arn
    return account_arn(organization, target_id)


@OPERATIONS.read("ListRoots")
@for_readers
def list_roots(call: Call) -> dict[str, Any]:
    return render_page(call, "Roots", [describe_root(call.world.organization)])


def describe_root(organization: Organization) -> dict[str, Any]:
    """Give the root as Organizations shows it, with the policy types that are enabled."""
    enabled = sorted(organization.policy_book.enabled_types, reverse=True)
    return {
        "Id": organization.organization_root_id,
        "Arn": parent_arn(organization, organization.organization_root_id),
        "Name": "Root",
        "PolicyTypes": [{"Type": str(policy_type), "Status": "ENABLED"} for policy_type in enabled],
    }


@OPERATIONS.read("ListAccounts")
@for_readers
def list_accounts(call: Call) -> dict[str, Any]:
    """List all accounts, in no order that AWS promises.

    An account that joins, moves or leaves between two pages doesn't make another account missing or repeated.
    """
    organization = call.world.organization
    places, token = cut_rows(call, organization.places)
    return _render_accounts(organization, [organization.find_account_id_at(place) for place in places], token)


@OPERATIONS.read("ListAccountsForParent", resource=_parent_resource)
@for_readers
def list_accounts_for_parent(call: Call) -> dict[str, Any]:
    """List the accounts directly in the root or unit.

    A listing of more than one page has an empty page in its middle: AWS gives such pages, and a client that stops
    at the empty page loses accounts.
    """
    account_ids: list[str | None] = [*call.world.organization.account_ids_below(_parent_id(call))]
    size = call.parameters.get("MaxResults", 20)
    if len(account_ids) > size:
        account_ids[size:size] = [None] * size
    rows, token = cut_rows(call, account_ids)
    return _render_accounts(call.world.organization, rows, token)


def _render_accounts(organization: Organization, found: list[str | None], token: str | None) -> dict[str, Any]:
    accounts = [describe_account_row(organization, organization.accounts[i]) for i in found if i is not None]
    return {"Accounts": accounts} | ({"NextToken": token} if token else {})


def describe_account_row(organization: Organization, account: Account) -> dict[str, Any]:
    """Give an account as Organizations shows it, with both the new State and the old Status."""
    return {
        "Id": account.account_id,
        "Arn": account_arn(organization, account.account_id),
        "Email": account.email,
        "Name": account.name,
        "Status": account.state.status,
        "State": str(account.state),
        "Paths": [organization.path(account.account_id)],
        "JoinedMethod": account.joined_method,
        "JoinedTimestamp": account.joined_at,
    }


@OPERATIONS.read("DescribeAccount", resource=account_resource)
@for_readers
def describe_account(call: Call) -> dict[str, Any]:
    organization = call.world.organization
    account = get_account(organization, call.parameters["AccountId"])
    return {"Account": describe_account_row(organization, account)}


def get_account(organization: Organization, account_id: str) -> Account:
    account = organization.accounts.get(account_id)
    if account is None:
        raise not_found("Account")
    return account


@OPERATIONS.read("ListOrganizationalUnitsForParent", resource=_parent_resource)
@for_readers
def list_organizational_units_for_parent(call: Call) -> dict[str, Any]:
    """List the units directly in the root or unit."""
    organization = call.world.organization
    ou_ids = organization.ou_ids_below(_parent_id(call))
    units = [describe_unit(organization, organization.organizational_units[ou_id]) for ou_id in ou_ids]
    return render_page(call, "OrganizationalUnits", units)


@OPERATIONS.read("DescribeOrganizationalUnit", resource=_unit_resource)
@for_readers
def describe_organizational_unit(call: Call) -> dict[str, Any]:
    return {"OrganizationalUnit": describe_unit(call.world.organization, get_organizational_unit(call))}


def get_organizational_unit(call: Call) -> OrganizationalUnit:
    unit = call.world.organization.organizational_units.get(call.parameters["OrganizationalUnitId"])
    if unit is None:
        raise not_found("OrganizationalUnit")
    return unit


def describe_unit(organization: Organization, unit: OrganizationalUnit) -> dict[str, Any]:
    return {
        "Id": unit.ou_id,
        "Arn": parent_arn(organization, unit.ou_id),
        "Name": unit.name,
        "Path": organization.path(unit.ou_id),
    }


@OPERATIONS.read("ListChildren", resource=_parent_resource)
@for_readers
def list_children(call: Call) -> dict[str, Any]:
    """List the ids of the accounts or of the units directly in the root or unit."""
    organization, child_type = call.world.organization, call.parameters["ChildType"]
    list_ids = organization.account_ids_below if child_type == "ACCOUNT" else organization.ou_ids_below
    return render_page(call, "Children", [{"Id": child, "Type": child_type} for child in list_ids(_parent_id(call))])


@OPERATIONS.read("ListParents", resource=_child_resource)
@for_readers
def list_parents(call: Call) -> dict[str, Any]:
    """List the only parent of an account or unit."""
    organization = call.world.organization
    parent_id = organization.find_parent_id(call.parameters["ChildId"])
    if parent_id is None:
        raise not_found("Child")
    parent_type = "ROOT" if parent_id == organization.organization_root_id else "ORGANIZATIONAL_UNIT"
    return render_page(call, "Parents", [{"Id": parent_id, "Type": parent_type}])


def _parent_id(call: Call) -> str:
    parent_id: str = call.parameters["ParentId"]
    require_parent(call.world.organization, parent_id, "Parent")
    return parent_id


def require_parent(organization: Organization, parent_id: str, kind: str) -> None:
    """Refuse a parent that is neither root nor unit; ``kind`` is how the error names it, such as ``SourceParent``."""
    if not organization.has_parent(parent_id):
        raise not_found(kind)


_MAXIMUM_TAGS = 50


@OPERATIONS.read("ListTagsForResource", resource=_resource)
@for_readers
def list_tags_for_resource(call: Call) -> dict[str, Any]:
    return render_page(call, "Tags", [{"Key": key, "Value": value} for key, value in _tags(call).items()])


@OPERATIONS.change("TagResource", resource=_resource)
@for_management
def tag_resource(call: Call) -> dict[str, Any]:
    """Add tags, or change the values of those that exist."""
    tags = _tags(call)
    tags.update(read_tags(call, tags))
    return {}


def read_tags(call: Call, existing: Mapping[str, str] | None = None) -> dict[str, str]:
    """Read the parameter Tags, for something that has the ``existing`` tags already."""
    tags: list[dict[str, str]] = call.parameters.get("Tags") or []
    found = {tag["Key"]: tag["Value"] for tag in tags}
    _require_customer_tags(list(found))
    if len(found) < len(tags):
        raise invalid_input("DUPLICATE_TAG_KEY", "Tag keys must be unique among the tags attached to the same entity.")
    if len({*found, *(existing or ())}) > _MAXIMUM_TAGS:
        raise constraint_violation("MAX_TAG_LIMIT_EXCEEDED", "You have exceeded the number of tags allowed.")
    return found


@OPERATIONS.change("UntagResource", resource=_resource)
@for_management
def untag_resource(call: Call) -> dict[str, Any]:
    """Take tags away; those that aren't there count as taken."""
    tags = _tags(call)
    _require_customer_tags(call.parameters["TagKeys"])
    for key in call.parameters["TagKeys"]:
        tags.pop(key, None)
    return {}


def _require_customer_tags(keys: list[str]) -> None:
    if any(key.lower().startswith("aws:") for key in keys):
        message = "You cannot add, edit, or delete system tag keys because they're reserved for AWS use."
        raise invalid_input("INVALID_SYSTEM_TAGS_PARAMETER", message)


def _tags(call: Call) -> dict[str, str]:
    organization, resource_id = call.world.organization, call.parameters["ResourceId"]
    account = organization.accounts.get(resource_id)
    if account:
        return account.tags
    if organization.has_parent(resource_id) or resource_id in organization.policy_book.policies:
        return organization.tags.setdefault(resource_id, {})
    raise not_found("Target")


_MAXIMUM_UNITS = 2000
_MAXIMUM_DEPTH = 5


@OPERATIONS.change("CreateOrganizationalUnit", resource=_parent_resource)
@for_management
def create_organizational_unit(call: Call) -> dict[str, Any]:
    """Create a unit under the root or another unit."""
    organization, parent_id = call.world.organization, call.parameters["ParentId"]
    require_parent(organization, parent_id, "Parent")
    if len(organization.organizational_units) >= _MAXIMUM_UNITS:
        message = "You have exceeded the allowed number of organizational units."
        raise constraint_violation("OU_NUMBER_LIMIT_EXCEEDED", message)
    if len(organization.ancestor_ids(parent_id)) >= _MAXIMUM_DEPTH:
        message = (
            "You cannot add an organizational unit to the specified parent because it would exceed the max depth"
            " allowed."
        )
        raise constraint_violation("OU_DEPTH_LIMIT_EXCEEDED", message)
    _require_new_name(organization, parent_id, call.parameters["Name"])
    tags = read_tags(call)
    unit = OrganizationalUnit(_choose_id(call, parent_id), call.parameters["Name"], parent_id)
    organization.add_organizational_unit(unit)
    if tags:
        organization.tags[unit.ou_id] = tags
    return {"OrganizationalUnit": describe_unit(organization, unit)}


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


@OPERATIONS.change("UpdateOrganizationalUnit", resource=_unit_resource)
@for_management
def update_organizational_unit(call: Call) -> dict[str, Any]:
    """Rename a unit; without a name nothing changes."""
    organization, unit = call.world.organization, get_organizational_unit(call)
    name = call.parameters.get("Name", unit.name)
    if name != unit.name:
        _require_new_name(organization, unit.parent_id, name)
    unit.name = name
    return {"OrganizationalUnit": describe_unit(organization, unit)}


@OPERATIONS.change("DeleteOrganizationalUnit", resource=_unit_resource)
@for_management
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
