"""The policies of a scenario file."""

from __future__ import annotations

import json
from collections.abc import Mapping

from rootkeeper.sandbox.authorization.documents import PolicyDocumentError, PolicyKind, compile_policy
from rootkeeper.sandbox.scenarios.file_names import find_target
from rootkeeper.sandbox.scenarios.yaml_nodes import Fields, Value
from rootkeeper.sandbox.state import OrganizationPolicy, PolicyType, World
from rootkeeper.sandbox.state.description import make_policy
from rootkeeper.sandbox.state.policies import MAX_ATTACHED, MAX_CHARACTERS

_FIELDS = ("name", "type", "description", "content", "targets", "tags")


def add_policies(world: World, top: Fields, ou_ids: Mapping[str, str]) -> None:
    """Add the policies, attach them, and enable their types.

    :raises ScenarioError: if one isn't in order.
    """
    for value in top.items("policies"):
        fields = value.fields(*_FIELDS)
        policy = _add_policy(world, fields)
        for target in fields.items("targets"):
            _attach(world, policy, target, find_target(world, ou_ids, target))
        if fields.find("tags"):
            world.organization.tags[policy.policy_id] = fields.texts("tags")


def _add_policy(world: World, fields: Fields) -> OrganizationPolicy:
    type_value, book = fields.find("type"), world.organization.policy_book
    policy_type = PolicyType(type_value.choice(*PolicyType)) if type_value else PolicyType.SERVICE_CONTROL_POLICY
    kind = PolicyKind.RESOURCE if policy_type is PolicyType.RESOURCE_CONTROL_POLICY else PolicyKind.IDENTITY
    content = read_document(fields.get("content"), kind)
    if len(content) > MAX_CHARACTERS[policy_type]:
        message = f"may have {MAX_CHARACTERS[policy_type]} characters, not {len(content)}; split the policy."
        raise fields.get("content").place.error(message)
    name = fields.get("name")
    try:
        policy = make_policy(world.organization, name.text(), policy_type, content, fields.text("description", ""))
    except ValueError as error:
        raise name.place.error(str(error)) from error
    book.enabled_types.add(policy_type)
    book.add(policy)
    return policy


def _attach(world: World, policy: OrganizationPolicy, value: Value, target_id: str) -> None:
    book = world.organization.policy_book
    attached = book.policy_ids(policy, target_id)
    if policy.policy_id in attached:
        raise value.place.error("is there twice.")
    if len(attached) >= MAX_ATTACHED[policy.policy_type]:
        limit = MAX_ATTACHED[policy.policy_type]
        raise value.place.error(f"has {limit} policies of this type, AWS's own included; attach this one elsewhere.")
    book.attach(policy, target_id)


def read_document(value: Value, kind: PolicyKind) -> str:
    """Read a policy document, written as YAML or as JSON text, and give it as JSON text.

    :raises ScenarioError: if it isn't a policy document.
    """
    plain = value.plain()
    text = plain if isinstance(plain, str) else json.dumps(plain)
    try:
        compile_policy(text, kind)
    except PolicyDocumentError as error:
        raise value.place.error(f"this isn't a policy document: {error}") from error
    return text
