"""Policies, principals and roles of a scenario file, and the accounts and documents that its other parts refer to."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta

from rootkeeper_sandbox.authorization.documents import PolicyDocumentError, PolicyKind, compile_policy
from rootkeeper_sandbox.scenarios.cast import add_root_principal, add_user_principal, start_of
from rootkeeper_sandbox.scenarios.yaml_nodes import Fields, Value
from rootkeeper_sandbox.state.accounts import Account, AccountState, IamRole, Permissions, derive_unique_id
from rootkeeper_sandbox.state.description import make_policy
from rootkeeper_sandbox.state.organization import IAM_SERVICE_PRINCIPAL
from rootkeeper_sandbox.state.policies import (
    ADMINISTRATOR_ACCESS,
    FULL_ACCESS_DOCUMENT,
    MAX_ATTACHED,
    MAX_CHARACTERS,
    OrganizationPolicy,
    PolicyType,
    managed_policy_arn,
)
from rootkeeper_sandbox.state.world import World


def find_account(world: World, value: Value) -> Account:
    """Find the account that a value names, by its id or its name."""
    text = value.text()
    found = world.find_account(text)
    if found:
        return found
    accounts = [*world.organization.accounts.values(), *world.outsiders.values()]
    named = [account for account in accounts if account.name == text]
    if len(named) != 1:
        problem = "more than one account has" if named else "no account has"
        raise value.place.error(f"{problem} the id or name {text!r}; write the id of one that is under accounts.")
    return named[0]


def find_target(world: World, ou_ids: Mapping[str, str], value: Value) -> str:
    """Find the id of a policy's target: ``Root``, the path of a unit, or an account's id or name."""
    path = value.text().removeprefix("Root/")
    if path in ou_ids:
        return ou_ids[path]
    account = find_account(world, value)
    if not world.is_in_organization(account.account_id):
        raise value.place.error("isn't in the organization; policies don't reach outside.")
    return account.account_id


_FIELDS = ("name", "type", "description", "content", "targets", "tags")


def add_policies(world: World, top: Fields, ou_ids: Mapping[str, str]) -> None:
    """Add the policies, attach them, and enable their types.

    :raises ScenarioError: if a policy isn't in order.
    """
    for value in top.items("policies"):
        fields = value.fields(*_FIELDS)
        policy = _add_policy(world, fields)
        for target in fields.items("targets"):
            target_id = find_target(world, ou_ids, target)
            book = world.organization.policy_book
            attached = book.policy_ids(policy, target_id)
            if policy.policy_id in attached:
                raise target.place.error("is there twice.")
            if len(attached) >= MAX_ATTACHED[policy.policy_type]:
                limit = MAX_ATTACHED[policy.policy_type]
                raise target.place.error(
                    f"has {limit} policies of this type, AWS's own included; attach this one elsewhere."
                )
            book.attach(policy, target_id)
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


def read_document(value: Value, kind: PolicyKind) -> str:
    """Read a policy document, written as YAML or as JSON text, and give it as JSON text."""
    plain = value.plain()
    text = plain if isinstance(plain, str) else json.dumps(plain)
    try:
        compile_policy(text, kind)
    except PolicyDocumentError as error:
        raise value.place.error(f"this isn't a policy document: {error}") from error
    return text


_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_ADMINISTRATOR, _NOTHING = "administrator", "none"


def add_principals(world: World, top: Fields) -> None:
    """Add the file's principals, and those that every scenario has and the file doesn't name.

    :raises ScenarioError: if a principal isn't in order.
    """
    named: set[str] = set()
    for value in top.items("principals"):
        fields = value.fields("name", "account", "root", "permissions", "tags")
        name = _read_name(fields.get("name"))
        if name in named:
            raise fields.get("name").place.error(f"there is a principal {name} already.")
        named.add(name)
        _add_principal(world, fields, name)
    _add_usual_principals(world, named)


def _add_principal(world: World, fields: Fields, name: str) -> None:
    account_id = find_account(world, fields.get("account")).account_id
    if fields.flag("root"):
        for field in ("permissions", "tags"):
            if fields.find(field):
                raise fields.get(field).place.error("a root user has none; leave it out.")
        add_root_principal(world, name, account_id)
        return
    add_user_principal(world, name, account_id, is_administrator=False)
    user = world.account(account_id).identities.users[name]
    _permit(world, user.permissions, fields)


def _permit(world: World, permissions: Permissions, fields: Fields) -> None:
    """Read ``permissions``: ``administrator``, ``none``, or a list of policy documents."""
    permissions.tags.update(fields.texts("tags"))
    value = fields.find("permissions")
    plain = value.plain() if value else _NOTHING
    if value is None or plain == _NOTHING:
        return
    if plain == _ADMINISTRATOR:
        permissions.managed_policies[managed_policy_arn(world.partition, ADMINISTRATOR_ACCESS)] = FULL_ACCESS_DOCUMENT
        return
    if not isinstance(plain, list):
        raise value.place.error(f"must be {_ADMINISTRATOR}, {_NOTHING}, or a list of policy documents.")
    for number, document in enumerate(value.items(), start=1):
        permissions.inline_policies[f"policy-{number}"] = read_document(document, PolicyKind.IDENTITY)


def _add_usual_principals(world: World, named: set[str]) -> None:
    management_id = world.management_account_id
    delegates = world.organization.delegations.get(IAM_SERVICE_PRINCIPAL, {})
    members = _active_members(world)
    # A registered administrator is the delegate, else the first member.
    delegate = next(
        (account for account in members if account.account_id in delegates), members[0] if members else None
    )
    member = next((account for account in reversed(members) if account is not delegate), delegate)
    places = {"management-admin": management_id, "observer": management_id}
    if delegate and member:
        places |= {"delegated-admin": delegate.account_id, "member-admin": member.account_id}
    for name, account_id in places.items():
        if name not in named:
            add_user_principal(world, name, account_id, is_administrator=name != "observer")
    if "management-root" not in named:
        add_root_principal(world, "management-root", management_id)


def _active_members(world: World) -> list[Account]:
    organization = world.organization
    return [
        account
        for account in organization.accounts.values()
        if account.state is AccountState.ACTIVE and account.account_id != organization.management_account_id
    ]


def add_roles(world: World, top: Fields) -> None:
    """Add the file's roles; a role with the access role's name replaces it.

    :raises ScenarioError: if a role isn't in order.
    """
    named: set[tuple[str, str]] = set()
    for value in top.items("roles"):
        fields = value.fields("name", "account", "trusted_accounts", "trust_policy", "permissions", "tags")
        account, name = find_account(world, fields.get("account")), _read_name(fields.get("name"))
        if (account.account_id, name) in named:
            raise fields.get("name").place.error(f"the account has a role {name} already.")
        named.add((account.account_id, name))
        role = IamRole(
            name=name,
            role_id=derive_unique_id("AROA", world.seed, account.account_id, name),
            created_at=start_of(world) - timedelta(days=400),
            trust_policy=_read_trust(world, fields),
        )
        _permit(world, role.permissions, fields)
        account.identities.roles[name] = role


def _read_trust(world: World, fields: Fields) -> str:
    document = fields.find("trust_policy")
    if document:
        return read_document(document, PolicyKind.RESOURCE)
    trusted = [find_account(world, value).account_id for value in fields.get("trusted_accounts").items()]
    principal = {"AWS": [world.root_user_arn(account_id) for account_id in trusted]}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _read_name(value: Value) -> str:
    if not _NAME.fullmatch(value.text()):
        raise value.place.error(f"must be 1 to 64 letters, digits and +=,.@_- and not {value.text()!r}.")
    return value.text()
