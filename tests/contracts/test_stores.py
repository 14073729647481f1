"""What every ledger, lock, window store, exception list and inventory does, in memory and in the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.errors import AccountBusyError, InputError, LockLostError, WindowConflictError
from rootkeeper.exceptions.rules import DeletionException
from rootkeeper.inventory.store import InventoryStore
from rootkeeper.ledger.rules import Action, Phase, Result
from rootkeeper.organization.accounts import Account, AccountId, AccountState, Inventory, Organization
from rootkeeper.organization.statuses import AccountRole, AccountStatus, Status
from rootkeeper.windows.rules import RecoveryWindow, WindowState
from tests.contracts.stores import (
    ORGANIZATION_ID,
    Stores,
    find_url,
    furnish_database,
    furnish_fake,
    furnish_in_memory,
    furnish_inventory,
)
from tests.fakes.clock import START

ACCOUNT_ID = AccountId("111122223333")
OTHER_ACCOUNT_ID = AccountId("444455556666")
WINDOW = RecoveryWindow(
    window_id="w-1",
    organization_id=ORGANIZATION_ID,
    account_id=ACCOUNT_ID,
    state=WindowState.OPEN,
    reason="drill",
    ticket=None,
    requested_by="operator",
    requested_at=START,
    duration_seconds=600,
    expires_at=START,
)
BOTH = pytest.mark.parametrize("stores", ["fake", "sqlite", "postgresql"], indirect=True)
ALL = pytest.mark.parametrize("stores", ["fake", "in memory", "sqlite", "postgresql"], indirect=True)


@pytest.fixture
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    if request.param == "fake":
        yield furnish_fake()
    elif request.param == "in memory":
        yield furnish_in_memory()
    else:
        with furnish_database(find_url(request.param, request)) as furnished:
            yield furnished
            for process in (furnished.here, furnished.there):
                process.die()


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def inventory(request: pytest.FixtureRequest) -> Iterator[InventoryStore]:
    with furnish_inventory(request.param, request) as furnished:
        yield furnished


@ALL
def test_an_intent_and_its_outcome_belong_together(stores: Stores) -> None:
    ledger = stores.here.ledger
    intent = ledger.append_intent(Action.ACCESS_KEY_DELETE, account_id=ACCOUNT_ID, parameters={"number": 1})
    assert (intent.sequence, intent.action, intent.account_id) == (1, Action.ACCESS_KEY_DELETE, ACCOUNT_ID)
    assert intent.parameters == {"number": 1}
    assert intent.valid_until > stores.clock.monotonic()
    outcome = ledger.append_outcome(intent, Result.DONE, {"status": "deleted"})
    assert (outcome.sequence, outcome.phase, outcome.intent_sequence) == (2, Phase.OUTCOME, 1)
    assert (outcome.action, outcome.account_id, outcome.result) == (
        Action.ACCESS_KEY_DELETE,
        ACCOUNT_ID,
        Result.DONE,
    )
    assert outcome.parameters == {"status": "deleted"}
    assert ledger.append_fact(Action.EXCEPTION_ADD).intent_sequence is None


@ALL
def test_p03_there_is_never_a_second_outcome(stores: Stores) -> None:
    ledger = stores.here.ledger
    intent = ledger.append_intent(Action.ACCESS_KEY_DELETE)
    ledger.append_outcome(intent, Result.DONE)
    with pytest.raises(LockLostError):
        ledger.append_outcome(intent, Result.FAILED)
    assert ledger.append_fact(Action.EXCEPTION_ADD).sequence == 3


@ALL
def test_p27_a_lock_gives_one_holder_at_a_time_a_growing_token(stores: Stores) -> None:
    with stores.here.locks.hold(ACCOUNT_ID, "deletion") as lock:
        assert lock.account_id == ACCOUNT_ID
        with pytest.raises(AccountBusyError), stores.there.locks.hold(ACCOUNT_ID, "deletion"):
            pass
        with stores.there.locks.hold(OTHER_ACCOUNT_ID, "deletion"):
            pass
    with stores.there.locks.hold(ACCOUNT_ID, "deletion") as later:
        assert later.fencing_token > lock.fencing_token


@ALL
def test_who_is_held_can_be_seen_without_asking_for_a_lock(stores: Stores) -> None:
    both = (ACCOUNT_ID, OTHER_ACCOUNT_ID)
    assert stores.here.locks.list_held(both) == frozenset()
    with stores.here.locks.hold(ACCOUNT_ID, "deletion"):
        assert stores.here.locks.list_held(both) == stores.there.locks.list_held(both) == {ACCOUNT_ID}
        assert stores.there.locks.list_held([OTHER_ACCOUNT_ID]) == frozenset()
        assert stores.there.locks.list_held([]) == frozenset()
    assert stores.there.locks.list_held(both) == frozenset()


@BOTH
def test_what_the_dead_hold_is_not_seen_as_held(stores: Stores) -> None:
    held = stores.there.locks.hold(ACCOUNT_ID, "deletion")
    held.__enter__()
    assert stores.here.locks.list_held([ACCOUNT_ID]) == {ACCOUNT_ID}
    stores.there.die()
    assert stores.here.locks.list_held([ACCOUNT_ID]) == frozenset()


@ALL
def test_p27_an_intent_under_a_lock_that_is_gone_is_refused(stores: Stores) -> None:
    with stores.here.locks.hold(ACCOUNT_ID, "deletion") as lock:
        stores.here.ledger.append_intent(Action.ACCESS_KEY_DELETE, account_id=ACCOUNT_ID, lock=lock)
    with pytest.raises(LockLostError):
        stores.here.ledger.append_intent(Action.ACCESS_KEY_DELETE, account_id=ACCOUNT_ID, lock=lock)
    assert stores.here.ledger.append_fact(Action.EXCEPTION_ADD).sequence == 2


@BOTH
def test_p03_what_the_dead_left_open_is_settled_once(stores: Stores) -> None:
    stores.there.ledger.append_intent(Action.ACCESS_KEY_DELETE, account_id=ACCOUNT_ID)
    ended = stores.there.ledger.append_intent(Action.ACCESS_KEY_DELETE)
    stores.there.ledger.append_outcome(ended, Result.DONE)
    stores.here.ledger.append_intent(Action.MFA_DEVICE_DEACTIVATE)
    assert stores.here.ledger.list_orphans() == ()
    stores.there.die()
    (orphan,) = stores.here.ledger.list_orphans()
    assert (orphan.sequence, orphan.action, orphan.account_id) == (1, Action.ACCESS_KEY_DELETE, ACCOUNT_ID)
    assert stores.here.ledger.settle_orphan(orphan, Result.UNKNOWN, {"reread": "denied"})
    assert not stores.here.ledger.settle_orphan(orphan, Result.DONE, {})
    assert stores.here.ledger.list_orphans() == ()


@BOTH
def test_p27_the_lock_of_the_dead_is_taken_over_and_of_the_living_isnt(stores: Stores) -> None:
    held = stores.there.locks.hold(ACCOUNT_ID, "deletion")
    lock = held.__enter__()
    with pytest.raises(AccountBusyError), stores.here.locks.hold(ACCOUNT_ID, "deletion"):
        pass
    stores.there.die()
    with stores.here.locks.hold(ACCOUNT_ID, "deletion") as newer:
        assert newer.fencing_token > lock.fencing_token
        with pytest.raises(LockLostError):
            stores.there.ledger.append_intent(Action.ACCESS_KEY_DELETE, account_id=ACCOUNT_ID, lock=lock)
        stores.here.ledger.append_intent(Action.ACCESS_KEY_DELETE, account_id=ACCOUNT_ID, lock=newer)


@ALL
def test_an_account_has_one_unfinished_window(stores: Stores) -> None:
    windows = stores.here.windows
    windows.add(WINDOW)
    with pytest.raises(WindowConflictError):
        windows.add(replace(WINDOW, window_id="w-2"))
    assert windows.get("w-1") == windows.get(ACCOUNT_ID) == windows.find_unfinished(ACCOUNT_ID) == WINDOW
    closed = replace(WINDOW, state=WindowState.CLOSED_VERIFIED, closed_at=START)
    windows.change(closed, WindowState.OPEN)
    assert windows.find_unfinished(ACCOUNT_ID) is None
    later = replace(WINDOW, window_id="w-2", requested_at=START + timedelta(hours=1))
    windows.add(later)
    assert windows.get(ACCOUNT_ID) == later
    assert windows.list_windows() == (later, closed)
    assert windows.list_windows(unfinished_only=True) == (later,)


@ALL
def test_a_window_that_has_moved_on_isnt_changed(stores: Stores) -> None:
    windows = stores.here.windows
    windows.add(WINDOW)
    windows.change(replace(WINDOW, state=WindowState.CLOSING), WindowState.OPEN)
    with pytest.raises(WindowConflictError):
        windows.change(replace(WINDOW, state=WindowState.CLOSE_FAILED), WindowState.OPEN)
    assert windows.get("w-1").state is WindowState.CLOSING
    with pytest.raises(InputError):
        windows.get("w-9")


@ALL
def test_a_step_sees_the_window_as_it_is_and_what_it_raises_changes_nothing(stores: Stores) -> None:
    windows = stores.here.windows
    windows.add(WINDOW)
    stores.there.windows.update("w-1", lambda one: replace(one, failed_closings=one.failed_closings + 1))
    stepped = windows.update("w-1", lambda one: replace(one, failed_closings=one.failed_closings + 1))
    assert stepped.failed_closings == windows.get("w-1").failed_closings == 2

    def refuse(_: RecoveryWindow) -> RecoveryWindow:
        raise WindowConflictError("No.")

    with pytest.raises(WindowConflictError):
        windows.update("w-1", refuse)
    assert windows.get("w-1") == stepped
    with pytest.raises(InputError):
        windows.update("w-9", lambda one: one)


@ALL
def test_a_closed_window_is_not_reopened_beside_a_newer_one(stores: Stores) -> None:
    windows = stores.here.windows
    windows.add(replace(WINDOW, state=WindowState.CLOSED_VERIFIED))
    windows.add(replace(WINDOW, window_id="w-2", state=WindowState.REQUESTED, requested_at=START + timedelta(hours=1)))
    with pytest.raises(WindowConflictError):
        windows.update("w-1", lambda one: replace(one, state=WindowState.CLOSING))
    assert windows.get("w-1").state is WindowState.CLOSED_VERIFIED


@ALL
def test_what_time_makes_of_windows_is_listed(stores: Stores) -> None:
    windows = stores.here.windows
    waiting = replace(WINDOW, state=WindowState.REQUESTED, lapses_at=START)
    windows.add(waiting)
    windows.add(replace(WINDOW, window_id="w-2", account_id=OTHER_ACCOUNT_ID))
    assert windows.list_lapsing(START) == (waiting,)
    assert windows.list_lapsing(START - timedelta(seconds=1)) == ()
    assert windows.list_of_account(ACCOUNT_ID) == (waiting,)
    closed = replace(waiting, state=WindowState.CLOSED_VERIFIED, next_reread_at=START)
    windows.change(closed, WindowState.REQUESTED)
    assert windows.list_lapsing(START) == ()
    assert windows.list_rereads_due(START) == (closed,)


@ALL
def test_windows_that_a_reading_can_say_something_about_are_listed(stores: Stores) -> None:
    windows = stores.here.windows
    closed = replace(WINDOW, state=WindowState.CLOSED_VERIFIED, closed_at=START)
    long_ago = replace(closed, closed_at=START - timedelta(days=1))
    recent = replace(closed, window_id="w-recent", requested_at=START + timedelta(hours=1))
    owing = replace(long_ago, window_id="w-owing", next_reread_at=START)
    given_up = replace(long_ago, window_id="w-given-up", reread_owed_at=START, requested_at=START - timedelta(hours=1))
    for window in (
        owing,
        given_up,
        recent,
        replace(long_ago, window_id="w-done"),
        replace(closed, window_id="w-kept", state=WindowState.KEPT),
        replace(WINDOW, window_id="w-open", state=WindowState.OPEN),
    ):
        windows.add(window)

    assert windows.list_closed(START) == (recent, owing, given_up)


@ALL
def test_reviews_that_are_due_are_listed_where_something_was_opened(stores: Stores) -> None:
    windows = stores.here.windows
    lapsed = replace(WINDOW, state=WindowState.LAPSED, review_due_at=START)
    opened = replace(WINDOW, window_id="w-2", account_id=OTHER_ACCOUNT_ID, opened_at=START, review_due_at=START)
    windows.add(lapsed)
    windows.add(opened)
    windows.add(replace(WINDOW, window_id="w-3", opened_at=START))
    assert windows.list_reviews_due(START) == (opened,)
    assert windows.list_reviews_due(START - timedelta(seconds=1)) == ()
    windows.change(replace(opened, reviewed_by="bob"), opened.state)
    assert windows.list_reviews_due(START) == ()


@ALL
def test_the_most_overdue_window_comes_first(stores: Stores) -> None:
    windows = stores.here.windows
    ends = {"w-1": 3, "w-2": 1, "w-3": 2, "w-4": 9}
    for number, (window_id, hours) in enumerate(ends.items()):
        windows.add(
            replace(
                WINDOW,
                window_id=window_id,
                account_id=AccountId(f"{number:012d}"),
                expires_at=START + timedelta(hours=hours),
            )
        )
    overdue = windows.list_overdue(START + timedelta(hours=3))
    assert [window.window_id for window in overdue] == ["w-2", "w-3", "w-1"]


@ALL
def test_an_exception_is_replaced_and_removed(stores: Stores) -> None:
    exceptions = stores.here.exceptions
    exception = DeletionException(ACCOUNT_ID, "billing", "invoices", START + timedelta(days=9), "operator", START)
    exceptions.add(exception)
    longer = replace(exception, until=START + timedelta(days=99))
    exceptions.add(longer)
    assert stores.there.exceptions.list_exceptions() == (longer,)
    assert stores.there.exceptions.find(ACCOUNT_ID) == longer
    assert exceptions.remove(ACCOUNT_ID)
    assert not exceptions.remove(ACCOUNT_ID)
    assert stores.there.exceptions.find(ACCOUNT_ID) is None


def test_the_last_inventory_and_statuses_are_remembered(inventory: InventoryStore) -> None:
    account = Account(ACCOUNT_ID, "one", "one@example.com", AccountState.ACTIVE, ("r-abcd",), "Root")
    organization = Organization(ORGANIZATION_ID, ACCOUNT_ID, has_all_features=True, partition="aws")
    assert inventory.find_last() is None
    assert not inventory.has_audits()
    for accounts in ((account, replace(account, account_id=OTHER_ACCOUNT_ID)), (account,)):
        inventory.save(Inventory(organization, accounts, (), START))
    found = inventory.find_last()
    assert found is not None
    assert found.accounts == (account,)
    status = AccountStatus(account, AccountRole.MEMBER, Status.PRESENT)
    inventory.save_statuses([status])
    inventory.save_statuses([replace(status, status=Status.NOT_PRESENT)])
    assert inventory.list_statuses()[ACCOUNT_ID].status is Status.NOT_PRESENT
