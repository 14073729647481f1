"""What an inventory must hold before anything may be concluded from it, and its order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rootkeeper.domain.organization_tree import UnitsById
from rootkeeper.domain.organizations import Account, AccountId, Inventory, OrganizationalUnit

_MOST_SENTENCES = 20


def find_gap(
    accounts: Sequence[Account],
    organizational_units: Sequence[OrganizationalUnit],
    *,
    management_account_id: AccountId,
    expected: frozenset[AccountId],
) -> str | None:
    """Why a listing can't be complete, as one sentence; ``None`` if nothing speaks against it.

    :param expected: further accounts that must be in it, such as the caller's own and delegated administrators.
    """
    if not accounts:
        return "AWS listed no account at all."
    listed = {account.account_id for account in accounts}
    if management_account_id not in listed:
        return f"The management account {management_account_id} is missing from the list."
    missing = sorted(expected - listed)
    if missing:
        return f"An account that must be in the list is missing: {', '.join(missing[:5])}."
    return _find_missing_units(accounts, organizational_units)


def _find_missing_units(accounts: Sequence[Account], organizational_units: Sequence[OrganizationalUnit]) -> str | None:
    """Without its units a selection by unit would silently catch too few accounts, or exclude too few."""
    named = {ou_id for account in accounts for ou_id in account.ou_ids}
    missing = sorted(named - {unit.ou_id for unit in organizational_units})
    return f"Organizational units that hold accounts are missing: {', '.join(missing[:5])}." if missing else None


def sort_accounts(accounts: Sequence[Account]) -> tuple[Account, ...]:
    """In the order of the tree, accounts of one organizational unit by name: each unit's own before those below it."""
    return tuple(sorted(accounts, key=lambda account: (account.ou_path.split("/"), account.name, account.account_id)))


def find_vanished(last: Inventory | None, listed: Collection[AccountId]) -> tuple[Account, ...]:
    """Accounts of the last inventory that a new listing lacks: they have left, or the listing was cut off."""
    return () if last is None else tuple(one for one in last.accounts if one.account_id not in listed)


def describe_changes(
    last: Inventory | None,
    accounts: Mapping[AccountId, Account],
    moved: Mapping[AccountId, tuple[str, ...]],
    left: Mapping[AccountId, Account],
    units: UnitsById,
) -> tuple[str, ...]:
    """What has changed since the last inventory or while the accounts were listed, a sentence each.

    :param moved: accounts that stood elsewhere on an earlier page, with their units there.
    """
    before = {} if last is None else {account.account_id: account for account in last.accounts}
    places = {**{one.account_id: one.ou_ids for one in before.values()}, **moved}
    sentences = [f"Account {_name(account)} has left the organization." for account in left.values()]
    joined = [] if last is None else [account for account_id, account in accounts.items() if account_id not in before]
    sentences += [f"Account {_name(account)} has joined the organization." for account in joined]
    sentences += [
        f"Account {_name(account)} has moved from {_list_account_names(places[account_id], units)}"
        f" to {_list_account_names(account.ou_ids, units)}."
        for account_id, account in accounts.items()
        if places.get(account_id, account.ou_ids) != account.ou_ids
    ]
    hidden = len(sentences) - _MOST_SENTENCES
    if hidden > 0:
        sentences = [*sentences[:_MOST_SENTENCES], f"{hidden} more accounts have joined, moved or left."]
    return tuple(sentences)


def _name(account: Account) -> str:
    return f"{account.account_id} ({account.name})"


def _list_account_names(ou_ids: Sequence[str], units: UnitsById) -> str:
    return "/".join(units[ou_id].name if ou_id in units else ou_id for ou_id in ou_ids)
