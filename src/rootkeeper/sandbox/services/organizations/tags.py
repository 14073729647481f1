"""Tags on accounts, organizational units, the root and policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation
from rootkeeper.sandbox.services.organizations.access import (
    constraint_violation,
    for_management,
    for_readers,
    invalid_input,
    not_found,
    render_page,
)
from rootkeeper.sandbox.services.organizations.tree import target_arn

_MAXIMUM_TAGS = 50


def list_tags_for_resource(call: Call) -> dict[str, Any]:
    """List the tags of one resource."""
    return render_page(call, "Tags", [{"Key": key, "Value": value} for key, value in _tags(call).items()])


def tag_resource(call: Call) -> dict[str, Any]:
    """Add tags, or change the values of those that exist."""
    tags = _tags(call)
    tags.update(read_tags(call, tags))
    return {}


def read_tags(call: Call, existing: Mapping[str, str] | None = None) -> dict[str, str]:
    """Read the parameter Tags, for something that has the ``existing`` ones already.

    :raises ServiceError: for system tags, keys that come twice, and too many.
    """
    tags: list[dict[str, str]] = call.parameters.get("Tags") or []
    found = {tag["Key"]: tag["Value"] for tag in tags}
    _require_customer_tags(list(found))
    if len(found) < len(tags):
        raise invalid_input("DUPLICATE_TAG_KEY", "Tag keys must be unique among the tags attached to the same entity.")
    if len({*found, *(existing or ())}) > _MAXIMUM_TAGS:
        raise constraint_violation("MAX_TAG_LIMIT_EXCEEDED", "You have exceeded the number of tags allowed.")
    return found


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


def _resource(call: Call) -> str:
    return target_arn(call.world.organization, call.parameters["ResourceId"])


OPERATIONS = {
    "ListTagsForResource": Operation(
        for_readers(list_tags_for_resource), "organizations:ListTagsForResource", resource=_resource
    ),
    "TagResource": Operation(
        for_management(tag_resource), "organizations:TagResource", is_mutating=True, resource=_resource
    ),
    "UntagResource": Operation(
        for_management(untag_resource), "organizations:UntagResource", is_mutating=True, resource=_resource
    ),
}
