"""The tree of organizational units as accounts tell it, and what must be asked so that every unit has its name.

An account's ``Paths`` give the ids from the organization's root down to its parent. Only units that have children hold
names that aren't known yet, so only those are asked: one question names all children of a unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from rootkeeper.domain.organizations import Account, OrganizationalUnit

UnitsById = Mapping[str, OrganizationalUnit]


def find_unnamed_parents(accounts: Iterable[Account], units: UnitsById) -> tuple[str | None, ...]:
    """Whose children must be asked for, in the order of the accounts; ``None`` stands for the organization's roots."""
    found: dict[str | None, None] = {}
    for account in accounts:
        for parent_id, ou_id in zip((None, *account.ou_ids), account.ou_ids, strict=False):
            if ou_id not in units:
                found[parent_id] = None
    return tuple(found)


def find_unnamed(account: Account, units: UnitsById) -> str | None:
    """The first unit above the account that isn't known; empty if its place isn't, ``None`` if all are."""
    if not account.ou_ids:
        return ""
    return next((ou_id for ou_id in account.ou_ids if ou_id not in units), None)


def add_place_names(account: Account, units: UnitsById) -> Account:
    """The account with its place in readable names; a unit that isn't known appears by its id."""
    path = "/".join(units[ou_id].name if ou_id in units else ou_id for ou_id in account.ou_ids)
    return account if path == account.ou_path else replace(account, ou_path=path)


def find_lineage(ou_id: str, units: UnitsById) -> tuple[str, ...]:
    """Ids from the organization's root down to the unit."""
    lineage: list[str] = []
    unit = units.get(ou_id)
    while unit is not None:
        lineage.append(unit.ou_id)
        unit = units.get(unit.parent_id) if unit.parent_id else None
    return tuple(reversed(lineage))


def list_paths(units: UnitsById) -> dict[str, str]:
    """Each unit's path of names, such as ``Root/Workloads``, by its id."""
    return {ou_id: "/".join(units[above].name for above in find_lineage(ou_id, units)) for ou_id in units}


def sort_units(units: UnitsById) -> tuple[OrganizationalUnit, ...]:
    """Parents before children, siblings by name."""

    def place(unit: OrganizationalUnit) -> tuple[int, tuple[str, ...]]:
        lineage = find_lineage(unit.ou_id, units)
        return len(lineage), tuple(units[ou_id].name for ou_id in lineage)

    return tuple(sorted(units.values(), key=place))
