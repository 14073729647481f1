"""The principals and roles of a scenario file: who can be played, and what tools can assume."""

from __future__ import annotations

import json
import re
from datetime import timedelta

from rootkeeper.sandbox.authorization.documents import PolicyKind
from rootkeeper.sandbox.scenarios.cast import add_root_principal, add_user_principal, start_of
from rootkeeper.sandbox.scenarios.file_names import find_account
from rootkeeper.sandbox.scenarios.file_policies import read_document
from rootkeeper.sandbox.scenarios.yaml_nodes import Fields, Value
from rootkeeper.sandbox.state import Account, AccountState, IamRole, World
from rootkeeper.sandbox.state.accounts import Permissions
from rootkeeper.sandbox.state.identifiers import derive_unique_id
from rootkeeper.sandbox.state.organization import IAM_SERVICE_PRINCIPAL
from rootkeeper.sandbox.state.policies import ADMINISTRATOR_ACCESS_ARN, FULL_ACCESS_DOCUMENT

_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_ADMINISTRATOR, _NOTHING = "administrator", "none"


def add_principals(world: World, top: Fields) -> None:
    """Add the file's principals, and those that every scenario has and the file doesn't name.

    :raises ScenarioError: if one isn't in order.
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
    _permit(user.permissions, fields)


def _permit(permissions: Permissions, fields: Fields) -> None:
    """Read ``permissions``: ``administrator``, ``none``, or a list of policy documents."""
    permissions.tags.update(fields.texts("tags"))
    value = fields.find("permissions")
    plain = value.plain() if value else _NOTHING
    if value is None or plain == _NOTHING:
        return
    if plain == _ADMINISTRATOR:
        permissions.managed_policies[ADMINISTRATOR_ACCESS_ARN] = FULL_ACCESS_DOCUMENT
        return
    if not isinstance(plain, list):
        raise value.place.error(f"must be {_ADMINISTRATOR}, {_NOTHING}, or a list of policy documents.")
    for number, document in enumerate(value.items(), start=1):
        permissions.inline_policies[f"policy-{number}"] = read_document(document, PolicyKind.IDENTITY)


def _add_usual_principals(world: World, named: set[str]) -> None:
    management_id = world.management_account_id
    delegate = _find_delegate(world)
    member = next((one for one in reversed(_active_members(world)) if one is not delegate), delegate)
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


def _find_delegate(world: World) -> Account | None:
    """Find the account meant as delegated administrator: one that is, else the first member."""
    delegates = world.organization.delegations.get(IAM_SERVICE_PRINCIPAL, {})
    members = _active_members(world)
    return next((one for one in members if one.account_id in delegates), members[0] if members else None)


def add_roles(world: World, top: Fields) -> None:
    """Add the file's roles.

    :raises ScenarioError: if one isn't in order.
    """
    for value in top.items("roles"):
        fields = value.fields("name", "account", "trusted_accounts", "trust_policy", "permissions", "tags")
        account, name = find_account(world, fields.get("account")), _read_name(fields.get("name"))
        if account.find_role(name):
            raise fields.get("name").place.error(f"the account has a role {name} already.")
        role = IamRole(
            name=name,
            role_id=derive_unique_id("AROA", world.seed, account.account_id, name),
            created_at=start_of(world) - timedelta(days=400),
            trust_policy=_read_trust(world, fields),
        )
        _permit(role.permissions, fields)
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
