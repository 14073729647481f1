"""Organizations policies, to be read: what there is, what it says and where it is attached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation
from rootkeeper.sandbox.services.organizations.access import cut_rows, for_readers, not_found, render_page
from rootkeeper.sandbox.services.organizations.tree import target_arn
from rootkeeper.sandbox.state import Organization, OrganizationPolicy, PolicyType


def list_policies(call: Call) -> dict[str, Any]:
    """List the policies of one type, none of a type that the sandbox doesn't know; AWS's own once it is enabled."""
    policy_type, book = _policy_type(call), call.world.organization.policy_book
    listed = book.of_type(policy_type) if policy_type else []
    found = [policy for policy in listed if not policy.is_aws_managed or policy_type in book.enabled_types]
    return render_page(call, "Policies", [_summarize(policy) for policy in found])


def list_policies_for_target(call: Call) -> dict[str, Any]:
    """List the policies attached to a root, unit or account directly; inherited ones aren't among them."""
    organization, policy_type = call.world.organization, _policy_type(call)
    if not organization.has_target(call.parameters["TargetId"]):
        raise not_found("Target")
    found = organization.policy_book.on_target(policy_type, call.parameters["TargetId"]) if policy_type else []
    return render_page(call, "Policies", [_summarize(policy) for policy in found])


def list_targets_for_policy(call: Call) -> dict[str, Any]:
    """List what a policy is attached to."""
    organization, policy = call.world.organization, get_policy(call)
    rows, token = cut_rows(call, list(organization.policy_book.targets(policy, organization.target_ids())))
    targets = [_describe_target(organization, target_id) for target_id in rows]
    return {"Targets": targets} | ({"NextToken": token} if token else {})


def _describe_target(organization: Organization, target_id: str) -> dict[str, Any]:
    if target_id == organization.organization_root_id:
        name, kind = "Root", "ROOT"
    elif target_id in organization.organizational_units:
        name, kind = organization.organizational_units[target_id].name, "ORGANIZATIONAL_UNIT"
    else:
        name, kind = organization.accounts[target_id].name, "ACCOUNT"
    return {"TargetId": target_id, "Arn": target_arn(organization, target_id), "Name": name, "Type": kind}


def describe_named_policy(call: Call) -> dict[str, Any]:
    """Describe one policy with its content."""
    return describe_policy(get_policy(call))


def describe_policy(policy: OrganizationPolicy) -> dict[str, Any]:
    """Give the answer that describes a policy with its content."""
    return {"Policy": {"PolicySummary": _summarize(policy), "Content": policy.content}}


def _summarize(policy: OrganizationPolicy) -> dict[str, Any]:
    return {
        "Id": policy.policy_id,
        "Arn": policy.arn,
        "Name": policy.name,
        "Description": policy.description,
        "Type": str(policy.policy_type),
        "AwsManaged": policy.is_aws_managed,
    }


def get_policy(call: Call) -> OrganizationPolicy:
    """Get the policy that a call names.

    :raises ServiceError: PolicyNotFoundException.
    """
    policy = call.world.organization.policy_book.policies.get(call.parameters["PolicyId"])
    if policy is None:
        raise not_found("Policy")
    return policy


def _policy_type(call: Call) -> PolicyType | None:
    known: Mapping[str, PolicyType] = {str(policy_type): policy_type for policy_type in PolicyType}
    return known.get(call.parameters["Filter"])


def policy_resource(call: Call) -> str:
    """Spell the ARN of the policy that a call names."""
    return target_arn(call.world.organization, call.parameters["PolicyId"])


def _target_resource(call: Call) -> str:
    return target_arn(call.world.organization, call.parameters["TargetId"])


def _filter_keys(call: Call) -> Mapping[str, str]:
    return {"organizations:PolicyType": call.parameters["Filter"]}


OPERATIONS = {
    "DescribePolicy": Operation(
        for_readers(describe_named_policy), "organizations:DescribePolicy", resource=policy_resource
    ),
    "ListPolicies": Operation(for_readers(list_policies), "organizations:ListPolicies", condition_keys=_filter_keys),
    "ListPoliciesForTarget": Operation(
        for_readers(list_policies_for_target),
        "organizations:ListPoliciesForTarget",
        resource=_target_resource,
        condition_keys=_filter_keys,
    ),
    "ListTargetsForPolicy": Operation(
        for_readers(list_targets_for_policy), "organizations:ListTargetsForPolicy", resource=policy_resource
    ),
}
