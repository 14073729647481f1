"""Organizations: service and resource control policies, read and changed.

Source: Organizations, API version 2016-11-28; Organizations User Guide, "SCP syntax", "RCP syntax" and quotas
(aws-facts F2: 10,240 characters and 10 SCPs, 5,120 characters and 5 RCPs on each root, unit and account).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rootkeeper_sandbox.authorization.documents import PolicyDocumentError, PolicyKind, compile_policy
from rootkeeper_sandbox.codec.errors import Refusal, RefusalError
from rootkeeper_sandbox.exchange import Call, ServedOperations, ServiceError
from rootkeeper_sandbox.services.organizations_tree import (
    access_denied,
    constraint_violation,
    cut_rows,
    describe_root,
    for_management,
    for_members,
    for_readers,
    invalid_input,
    not_found,
    parent_arn,
    read_tags,
    render_page,
    target_arn,
)
from rootkeeper_sandbox.state.description import make_policy
from rootkeeper_sandbox.state.organization import Organization
from rootkeeper_sandbox.state.policies import MAX_ATTACHED, MAX_CHARACTERS, OrganizationPolicy, PolicyType


def policy_resource(call: Call) -> str:
    """Spell the ARN of the policy that a call names."""
    return target_arn(call.world.organization, call.parameters["PolicyId"])


def _target_resource(call: Call) -> str:
    return target_arn(call.world.organization, call.parameters["TargetId"])


def _effective_resource(call: Call) -> str:
    return target_arn(call.world.organization, call.parameters.get("TargetId", call.principal.account_id))


def _filter_keys(call: Call) -> Mapping[str, str]:
    return {"organizations:PolicyType": call.parameters["Filter"]}


def _root_resource(call: Call) -> str:
    return parent_arn(call.world.organization, call.parameters["RootId"])


def _type_keys(call: Call) -> Mapping[str, str]:
    asked = call.parameters.get("Type") or call.parameters.get("PolicyType")
    policy = call.world.organization.policy_book.policies.get(call.parameters.get("PolicyId", ""))
    found = asked or (str(policy.policy_type) if policy else None)
    return {"organizations:PolicyType": found} if found else {}


OPERATIONS = ServedOperations("organizations")


@OPERATIONS.read("ListPolicies", condition_keys=_filter_keys)
@for_readers
def list_policies(call: Call) -> dict[str, Any]:
    """List the policies of a type, none of a type that the sandbox doesn't know; AWS's own once it is enabled."""
    policy_type, book = _policy_type(call), call.world.organization.policy_book
    listed = book.of_type(policy_type) if policy_type else []
    found = [policy for policy in listed if not policy.is_aws_managed or policy_type in book.enabled_types]
    return render_page(call, "Policies", [_summarize(policy) for policy in found])


@OPERATIONS.read("ListPoliciesForTarget", resource=_target_resource, condition_keys=_filter_keys)
@for_readers
def list_policies_for_target(call: Call) -> dict[str, Any]:
    """List the policies attached to a root, unit or account directly; inherited policies aren't among them."""
    organization, policy_type = call.world.organization, _policy_type(call)
    if not organization.has_target(call.parameters["TargetId"]):
        raise not_found("Target")
    found = organization.policy_book.on_target(policy_type, call.parameters["TargetId"]) if policy_type else []
    return render_page(call, "Policies", [_summarize(policy) for policy in found])


@OPERATIONS.read("ListTargetsForPolicy", resource=policy_resource)
@for_readers
def list_targets_for_policy(call: Call) -> dict[str, Any]:
    """List the targets of a policy."""
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


@OPERATIONS.read("DescribePolicy", resource=policy_resource)
@for_readers
def describe_named_policy(call: Call) -> dict[str, Any]:
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
    policy = call.world.organization.policy_book.policies.get(call.parameters["PolicyId"])
    if policy is None:
        raise not_found("Policy")
    return policy


@OPERATIONS.read("DescribeEffectivePolicy", resource=_effective_resource, condition_keys=_type_keys)
@for_members
def describe_effective_policy(call: Call) -> dict[str, Any]:
    """Say that there is no effective policy: the policies of the served types don't merge.

    Members can ask about their own account, the management account and delegated administrators about every account.
    """
    organization, caller = call.world.organization, call.principal.account_id
    target_id = call.parameters.get("TargetId", caller)
    is_reader = caller == organization.management_account_id or caller in organization.delegated_account_ids()
    if target_id != caller and not is_reader:
        raise access_denied()
    if target_id not in organization.accounts:
        raise not_found("Target")
    message = (
        "If you ran this action on the management account, this policy type is not enabled. If you ran the action on a"
        " member account, the account doesn't have an effective policy of this type."
    )
    raise ServiceError("EffectivePolicyNotFoundException", message)


@OPERATIONS.read("DescribeResourcePolicy")
@for_readers
def describe_resource_policy(call: Call) -> dict[str, Any]:  # noqa: ARG001 - of an operation
    """Say that there is no resource policy: delegation policies aren't imitated."""
    message = "We can't find a resource policy request with the parameter that you specified."
    raise ServiceError("ResourcePolicyNotFoundException", message)


def _policy_type(call: Call) -> PolicyType | None:
    known: Mapping[str, PolicyType] = {str(policy_type): policy_type for policy_type in PolicyType}
    return known.get(call.parameters["Filter"])


@OPERATIONS.change("CreatePolicy", condition_keys=_type_keys)
@for_management
def create_policy(call: Call) -> dict[str, Any]:
    """Create a policy that is attached to nothing yet."""
    organization, policy_type = call.world.organization, _requested_policy_type(call, call.parameters["Type"])
    _require_good_content(policy_type, call.parameters["Content"])
    _require_new_name(call, policy_type, call.parameters["Name"])
    tags = read_tags(call)
    name, content, description = (call.parameters[field] for field in ("Name", "Content", "Description"))
    policy = make_policy(organization, name, policy_type, content, description)
    organization.policy_book.add(policy)
    if tags:
        organization.tags[policy.policy_id] = tags
    return describe_policy(policy)


@OPERATIONS.change("UpdatePolicy", resource=policy_resource, condition_keys=_type_keys)
@for_management
def update_policy(call: Call) -> dict[str, Any]:
    """Change a policy's name, description or content; it works at once wherever it is attached."""
    policy = _get_changeable_policy(call)
    content, name = call.parameters.get("Content", policy.content), call.parameters.get("Name", policy.name)
    _require_good_content(policy.policy_type, content)
    if name != policy.name:
        _require_new_name(call, policy.policy_type, name)
    description = call.parameters.get("Description", policy.description)
    changed = replace(policy, name=name, content=content, description=description)
    call.world.organization.policy_book.add(changed)
    return describe_policy(changed)


@OPERATIONS.change("DeletePolicy", resource=policy_resource, condition_keys=_type_keys)
@for_management
def delete_policy(call: Call) -> dict[str, Any]:
    """Delete a policy that is attached to nothing."""
    organization, policy = call.world.organization, _get_changeable_policy(call)
    if organization.policy_book.is_attached(policy):
        message = (
            "The policy is attached to one or more entities. You must detach it from all roots, OUs, and accounts"
            " before performing this operation."
        )
        raise ServiceError("PolicyInUseException", message)
    organization.policy_book.remove(policy)
    organization.tags.pop(policy.policy_id, None)
    return {}


@OPERATIONS.change("AttachPolicy", resource=_target_resource, condition_keys=_type_keys)
@for_management
def attach_policy(call: Call) -> dict[str, Any]:
    """Attach a policy to the root, a unit or an account."""
    book, policy, target_id = call.world.organization.policy_book, get_policy(call), _target_id(call)
    _require_enabled(call, policy.policy_type)
    attached = book.policy_ids(policy, target_id)
    if policy.policy_id in attached:
        message = "The selected policy is already attached to the specified target."
        raise ServiceError("DuplicatePolicyAttachmentException", message)
    if len(attached) >= MAX_ATTACHED[policy.policy_type]:
        message = "You have attached the maximum number of policies to the specified target."
        raise constraint_violation("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", message)
    book.attach(policy, target_id)
    return {}


@OPERATIONS.change("DetachPolicy", resource=_target_resource, condition_keys=_type_keys)
@for_management
def detach_policy(call: Call) -> dict[str, Any]:
    """Detach a policy; one service control policy must stay, and AWS's own resource control policy, too."""
    book, policy, target_id = call.world.organization.policy_book, get_policy(call), _target_id(call)
    _require_enabled(call, policy.policy_type)
    attached = book.policy_ids(policy, target_id)
    if policy.policy_id not in attached:
        message = "The policy isn't attached to the specified target in the specified root."
        raise ServiceError("PolicyNotAttachedException", message)
    if policy.is_aws_managed and policy.policy_type is PolicyType.RESOURCE_CONTROL_POLICY:
        raise invalid_input("NON_DETACHABLE_POLICY", "You can't detach this Amazon Web Services policy.")
    if len(attached) == 1:
        message = (
            "You cannot remove the last policy attached to the specified target. You must have at least one attached"
            " at all times."
        )
        raise constraint_violation("MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", message)
    book.detach(policy, target_id)
    return {}


@OPERATIONS.change("EnablePolicyType", resource=_root_resource, condition_keys=_type_keys)
@for_management
def enable_policy_type(call: Call) -> dict[str, Any]:
    """Switch a policy type on; AWS's own policy of the type is then attached everywhere."""
    organization, policy_type = call.world.organization, _requested_policy_type(call, call.parameters["PolicyType"])
    _require_root(call)
    if policy_type in organization.policy_book.enabled_types:
        message = "The specified policy type is already enabled in the specified root."
        raise ServiceError("PolicyTypeAlreadyEnabledException", message)
    organization.policy_book.enabled_types.add(policy_type)
    return {"Root": describe_root(organization)}


@OPERATIONS.change("DisablePolicyType", resource=_root_resource, condition_keys=_type_keys)
@for_management
def disable_policy_type(call: Call) -> dict[str, Any]:
    """Switch a policy type off, which detaches all its policies."""
    organization, policy_type = call.world.organization, _requested_policy_type(call, call.parameters["PolicyType"])
    _require_root(call)
    _require_enabled(call, policy_type)
    organization.policy_book.disable(policy_type)
    return {"Root": describe_root(organization)}


def _require_root(call: Call) -> None:
    if call.parameters["RootId"] != call.world.organization.organization_root_id:
        raise not_found("Root")


def _requested_policy_type(call: Call, name: str) -> PolicyType:
    """Read a policy type; without all features none is available, and AWS's further types aren't served."""
    if not call.world.organization.has_all_features:
        message = (
            "You can't use the specified policy type with the feature set currently enabled for this organization."
        )
        raise ServiceError("PolicyTypeNotAvailableForOrganizationException", message)
    if name not in list(PolicyType):
        message = f"The sandbox does not serve policies of the type {name}."
        raise RefusalError(Refusal.NOT_SERVED, message)
    return PolicyType(name)


def _require_enabled(call: Call, policy_type: PolicyType) -> None:
    if policy_type not in call.world.organization.policy_book.enabled_types:
        message = "The specified policy type isn't currently enabled in this root."
        raise ServiceError("PolicyTypeNotEnabledException", message)


def _get_changeable_policy(call: Call) -> OrganizationPolicy:
    policy = get_policy(call)
    if policy.is_aws_managed:
        raise invalid_input("IMMUTABLE_POLICY", "You can't change a policy that is managed by Amazon Web Services.")
    return policy


def _require_new_name(call: Call, policy_type: PolicyType, name: str) -> None:
    if call.world.organization.policy_book.find_by_name(policy_type, name):
        raise ServiceError("DuplicatePolicyException", "A policy with the same name already exists.")


def _require_good_content(policy_type: PolicyType, content: str) -> None:
    """Check the size, then the syntax."""
    if len(content) > MAX_CHARACTERS[policy_type]:
        raise constraint_violation("POLICY_CONTENT_LIMIT_EXCEEDED", "You have exceeded the maximum policy size.")
    is_resource_control = policy_type is PolicyType.RESOURCE_CONTROL_POLICY
    try:
        compile_policy(content, PolicyKind.RESOURCE if is_resource_control else PolicyKind.IDENTITY)
    except PolicyDocumentError as error:
        raise _malformed() from error
    found = json.loads(content)["Statement"]
    statements = found if isinstance(found, list) else [found]
    if is_resource_control and not all(_is_resource_control(statement) for statement in statements):
        raise _malformed()


def _malformed() -> ServiceError:
    message = "The provided policy document does not meet the requirements of the specified policy type."
    return ServiceError("MalformedPolicyDocumentException", message)


def _is_resource_control(statement: Mapping[str, Any]) -> bool:
    """Customers' resource control policies only deny, to every principal, and name the services."""
    actions = statement.get("Action", "*")
    return (
        statement["Effect"] == "Deny"
        and statement.get("Principal") in ("*", {"AWS": "*"})
        and "*" not in (actions if isinstance(actions, list) else [actions])
        and ("Resource" in statement or "NotResource" in statement)
    )


def _target_id(call: Call) -> str:
    target_id: str = call.parameters["TargetId"]
    if not call.world.organization.has_target(target_id):
        raise not_found("Target")
    return target_id
