from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.deletion.execution import ProtectionReader
from rootkeeper.errors import SelectionEmptyError
from rootkeeper.exceptions.rules import DeletionException
from rootkeeper.inventory.listing import select_accounts
from rootkeeper.organization.selection import EVERYTHING, SelectionRequest, SkipReason
from rootkeeper.windows.rules import WindowState
from tests.fakes.desk import CLEAN, FAILSAFE, PROD, Desk, naming
from tests.fakes.stores import make_window


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.organization.add_account(PROD, "prod", tags={"env": "prod"})
    desk.organization.add_account(CLEAN, "clean", tags={"env": "lab"})
    return desk


def test_tags_are_read_only_when_they_are_asked_for(desk: Desk) -> None:
    inventory = desk.read_inventory()
    assert len(select_accounts(EVERYTHING, inventory, desk.organization).accounts) == 3
    assert "ListTagsForResource" not in desk.organization.operations()
    tagged = select_accounts(SelectionRequest(tags=(("env", "prod"),)), inventory, desk.organization)
    assert [account.account_id for account in tagged.included] == [PROD]


def test_tags_are_read_of_the_candidates_alone(desk: Desk) -> None:
    request = replace(naming(CLEAN), tags=(("env", "lab"),))
    select_accounts(request, desk.read_inventory(), desk.organization)
    assert ("ListTagsForResource", CLEAN) in desk.organization.calls
    assert ("ListTagsForResource", PROD) not in desk.organization.calls


def test_a_tag_that_no_account_has_selects_nothing(desk: Desk) -> None:
    with pytest.raises(SelectionEmptyError, match=r"\(tag env=none\) matches no account"):
        select_accounts(SelectionRequest(tags=(("env", "none"),)), desk.read_inventory(), desk.organization)


def test_guards_are_what_the_database_holds(desk: Desk) -> None:
    now = desk.clock.now()
    exception = DeletionException(PROD, "dana", "billing", now + timedelta(days=1), "dana", now)
    desk.windows.add(make_window(PROD, now))
    desk.windows.add(make_window(CLEAN, now, WindowState.CLOSED_VERIFIED))
    reading = ProtectionReader(desk.exceptions, desk.windows, desk.clock)
    protections = reading.read(frozenset({CLEAN}))
    assert {account_id: skip.reason for account_id, skip in protections.recorded.items()} == {
        PROD: SkipReason.WINDOW_OPEN
    }
    assert protections.included_failsafes == {CLEAN}
    desk.exceptions.add(exception)
    assert reading.read().recorded[PROD].reason is SkipReason.EXCEPTION


def test_guards_of_one_account_are_those_of_all_accounts(desk: Desk) -> None:
    now = desk.clock.now()
    reading = ProtectionReader(desk.exceptions, desk.windows, desk.clock)
    desk.windows.add(make_window(PROD, now))
    desk.exceptions.add(DeletionException(CLEAN, "dana", "billing", now + timedelta(days=1), "dana", now))
    recorded = reading.read().recorded
    assert set(recorded) == {PROD, CLEAN}
    for account_id in (PROD, CLEAN):
        assert reading.read(account_id=account_id).recorded == {account_id: recorded[account_id]}
    assert reading.read(account_id=FAILSAFE).recorded == {}


def test_an_exception_that_has_ended_guards_nothing(desk: Desk) -> None:
    now = desk.clock.now()
    desk.exceptions.add(DeletionException(PROD, "dana", "billing", now, "dana", now - timedelta(days=1)))
    assert ProtectionReader(desk.exceptions, desk.windows, desk.clock).read().recorded == {}
