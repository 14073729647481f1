"""The organization, its root, organizational units and accounts: what can be read of the tree."""

from __future__ import annotations

from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation
from rootkeeper.sandbox.services.organizations.access import (
    cut_rows,
    for_members,
    for_readers,
    not_found,
    render_page,
)
from rootkeeper.sandbox.state import Account, Organization, OrganizationalUnit


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


def account_arn(organization: Organization, account_id: str) -> str:
    return organization.arn(f"account/{organization.organization_id}/{account_id}")


def parent_arn(organization: Organization, parent_id: str) -> str:
    """Spell the ARN of the organization root or of an organizational unit."""
    kind = "root" if parent_id.startswith("r-") else "ou"
    return organization.arn(f"{kind}/{organization.organization_id}/{parent_id}")


def target_arn(organization: Organization, target_id: str) -> str:
    """Spell the ARN of whatever a policy or tag can be on."""
    if target_id.startswith(("r-", "ou-")):
        return parent_arn(organization, target_id)
    if target_id in organization.policy_book.policies:
        return organization.policy_book.policies[target_id].arn
    return account_arn(organization, target_id)


def list_roots(call: Call) -> dict[str, Any]:
    """List the one root."""
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


def list_accounts(call: Call) -> dict[str, Any]:
    """List all accounts, in no order that AWS promises.

    Whoever joins, moves or leaves between two pages makes no other account be left out or come twice.
    """
    organization = call.world.organization
    places, token = cut_rows(call, organization.places)
    return _render_accounts(organization, [organization.find_account_id_at(place) for place in places], token)


def list_accounts_for_parent(call: Call) -> dict[str, Any]:
    """List the accounts directly in the root or unit.

    A listing of more than one page has an empty page in its middle: AWS gives such pages, and whoever stops at one
    loses accounts.
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


def describe_account(call: Call) -> dict[str, Any]:
    """Describe one account of the organization."""
    organization = call.world.organization
    account = organization.accounts.get(call.parameters["AccountId"])
    if account is None:
        raise not_found("Account")
    return {"Account": describe_account_row(organization, account)}


def list_organizational_units_for_parent(call: Call) -> dict[str, Any]:
    """List the units directly in the root or unit."""
    organization = call.world.organization
    ou_ids = organization.ou_ids_below(_parent_id(call))
    units = [describe_unit(organization, organization.organizational_units[ou_id]) for ou_id in ou_ids]
    return render_page(call, "OrganizationalUnits", units)


def describe_organizational_unit(call: Call) -> dict[str, Any]:
    """Describe one unit."""
    return {"OrganizationalUnit": describe_unit(call.world.organization, get_organizational_unit(call))}


def get_organizational_unit(call: Call) -> OrganizationalUnit:
    """Get the unit that a call names.

    :raises ServiceError: OrganizationalUnitNotFoundException.
    """
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


def list_children(call: Call) -> dict[str, Any]:
    """List the ids of the accounts or of the units directly in the root or unit."""
    organization, child_type = call.world.organization, call.parameters["ChildType"]
    list_ids = organization.account_ids_below if child_type == "ACCOUNT" else organization.ou_ids_below
    return render_page(call, "Children", [{"Id": child, "Type": child_type} for child in list_ids(_parent_id(call))])


def list_parents(call: Call) -> dict[str, Any]:
    """List the one parent of an account or unit."""
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
    """Refuse what is neither the root nor a unit; ``kind`` is how the error names it, such as ``SourceParent``.

    :raises ServiceError: …NotFoundException.
    """
    if not organization.has_parent(parent_id):
        raise not_found(kind)


def _parent_resource(call: Call) -> str:
    return parent_arn(call.world.organization, call.parameters["ParentId"])


def _child_resource(call: Call) -> str:
    return target_arn(call.world.organization, call.parameters["ChildId"])


def _account_resource(call: Call) -> str:
    return account_arn(call.world.organization, call.parameters["AccountId"])


def _unit_resource(call: Call) -> str:
    return parent_arn(call.world.organization, call.parameters["OrganizationalUnitId"])


OPERATIONS = {
    "DescribeAccount": Operation(
        for_readers(describe_account), "organizations:DescribeAccount", resource=_account_resource
    ),
    "DescribeOrganization": Operation(for_members(describe_organization), "organizations:DescribeOrganization"),
    "DescribeOrganizationalUnit": Operation(
        for_readers(describe_organizational_unit), "organizations:DescribeOrganizationalUnit", resource=_unit_resource
    ),
    "ListAccounts": Operation(for_readers(list_accounts), "organizations:ListAccounts"),
    "ListAccountsForParent": Operation(
        for_readers(list_accounts_for_parent), "organizations:ListAccountsForParent", resource=_parent_resource
    ),
    "ListChildren": Operation(for_readers(list_children), "organizations:ListChildren", resource=_parent_resource),
    "ListOrganizationalUnitsForParent": Operation(
        for_readers(list_organizational_units_for_parent),
        "organizations:ListOrganizationalUnitsForParent",
        resource=_parent_resource,
    ),
    "ListParents": Operation(for_readers(list_parents), "organizations:ListParents", resource=_child_resource),
    "ListRoots": Operation(for_readers(list_roots), "organizations:ListRoots"),
}
