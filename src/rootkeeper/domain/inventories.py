"""What an inventory must hold before anything may be concluded from it, and its order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rootkeeper.domain.organizations import Account, AccountId, Inventory, OrganizationalUnit


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
    counts = Counter(account.account_id for account in accounts)
    repeated = sorted(account_id for account_id, count in counts.items() if count > 1)
    if repeated:
        return f"AWS listed an account twice: {', '.join(repeated[:5])}."
    if management_account_id not in counts:
        return f"The management account {management_account_id} is missing from the list."
    missing = sorted(expected - set(counts))
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


def find_vanished(last: Inventory | None, accounts: Sequence[Account]) -> tuple[Account, ...]:
    """Accounts of the last inventory that a new listing lacks: they have left, or the listing was cut off."""
    if last is None:
        return ()
    listed = {account.account_id for account in accounts}
    return tuple(account for account in last.accounts if account.account_id not in listed)
