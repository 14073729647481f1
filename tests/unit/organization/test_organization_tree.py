from __future__ import annotations

import pytest

from rootkeeper.organization.accounts import (
    Account,
    AccountId,
    AccountState,
    OrganizationalUnit,
    add_place_names,
    find_lineage,
    find_unnamed,
    find_unnamed_parents,
    list_paths,
    sort_units,
)

ROOT = OrganizationalUnit("r-exam", "Root", None)
WORK = OrganizationalUnit("ou-work", "Workloads", "r-exam")
PROD = OrganizationalUnit("ou-prod", "Prod", "ou-work")
ALL = {unit.ou_id: unit for unit in (ROOT, WORK, PROD)}


def account(*ou_ids: str) -> Account:
    return Account(AccountId("444455556666"), "some", "some@example.com", AccountState.ACTIVE, ou_ids, "")


@pytest.mark.parametrize(
    ("known", "places", "parents"),
    [
        ((), [("r-exam",)], (None,)),
        ((), [("r-exam", "ou-work", "ou-prod")], (None, "r-exam", "ou-work")),
        (("r-exam",), [("r-exam", "ou-work")], ("r-exam",)),
        (("r-exam", "ou-work"), [("r-exam", "ou-work")], ()),
        (("r-exam",), [("r-exam", "ou-a"), ("r-exam", "ou-b")], ("r-exam",)),
        ((), [()], ()),
    ],
)
def test_only_units_that_have_children_without_a_name_are_asked(
    known: tuple[str, ...], places: list[tuple[str, ...]], parents: tuple[str | None, ...]
) -> None:
    units = {ou_id: ALL[ou_id] for ou_id in known}
    assert find_unnamed_parents([account(*place) for place in places], units) == parents


def test_the_first_unit_without_a_name_is_found() -> None:
    assert find_unnamed(account("r-exam", "ou-work", "ou-new"), ALL) == "ou-new"
    assert find_unnamed(account("r-exam", "ou-work"), ALL) is None
    assert find_unnamed(account(), ALL) == ""


def test_a_place_is_named_and_a_unit_that_is_not_known_appears_by_its_id() -> None:
    assert add_place_names(account("r-exam", "ou-work", "ou-prod"), ALL).ou_path == "Root/Workloads/Prod"
    assert add_place_names(account("r-exam", "ou-new"), ALL).ou_path == "Root/ou-new"
    named = add_place_names(account("r-exam"), ALL)
    assert add_place_names(named, ALL) is named


def test_the_lineage_leads_from_the_root_to_the_unit() -> None:
    assert find_lineage("ou-prod", ALL) == ("r-exam", "ou-work", "ou-prod")
    assert find_lineage("ou-new", ALL) == ()


def test_each_unit_has_its_path_of_names() -> None:
    assert list_paths({unit.ou_id: unit for unit in (PROD, WORK, ROOT)}) == {
        "r-exam": "Root",
        "ou-work": "Root/Workloads",
        "ou-prod": "Root/Workloads/Prod",
    }


def test_parents_come_before_children_and_siblings_by_name() -> None:
    early = OrganizationalUnit("ou-z", "Archive", "r-exam")
    units = {unit.ou_id: unit for unit in (PROD, WORK, early, ROOT)}
    assert sort_units(units) == (ROOT, early, WORK, PROD)
