"""What a scenario file means by a name: accounts and whatever policies can be attached to."""

from __future__ import annotations

from collections.abc import Mapping

from rootkeeper.sandbox.scenarios.yaml_nodes import Value
from rootkeeper.sandbox.state import Account, World


def find_account(world: World, value: Value) -> Account:
    """Find the account that a value names, by its id or its name.

    :raises ScenarioError: if there is none, or more than one of the name.
    """
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
    """Find the id of what a policy is attached to: ``Root``, the path of a unit, or an account's id or name.

    :raises ScenarioError: if there is no such thing in the organization.
    """
    path = value.text().removeprefix("Root/")
    if path in ou_ids:
        return ou_ids[path]
    account = find_account(world, value)
    if not world.is_in_organization(account.account_id):
        raise value.place.error("isn't in the organization; policies don't reach outside.")
    return account.account_id
