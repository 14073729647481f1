"""What every store of notifications and of schedules does, in memory and in both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from rootkeeper.ledger.database import Database, open_database
from rootkeeper.notifications.rules import DeliveryState, Notification, NotificationEvent, Severity
from rootkeeper.notifications.store import NotificationStore
from rootkeeper.organization.accounts import AccountId
from rootkeeper.worker.schedules import CLAIM, ScheduleStore
from tests.contracts.stores import ORGANIZATION_ID, find_url
from tests.fakes.clock import START
from tests.fakes.notifications import InMemoryNotifications, InMemorySchedules

CLOSED = Notification(
    NotificationEvent.WINDOW_CLOSED,
    Severity.INFO,
    "Closed <&> \N{SNOWMAN}",
    "All four are gone.\nNothing is to do.",
    START,
    ORGANIZATION_ID,
    "SANDBOX 127.0.0.1:4599",
    AccountId("111122223333"),
    "w-1",
    "window-closed/w-1",
)
MINUTE = timedelta(minutes=1)


@dataclass
class Stores:
    """The stores of two processes on one place."""

    here: NotificationStore
    there: NotificationStore
    schedules: tuple[ScheduleStore, ScheduleStore]


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    if request.param == "fake":
        kept, schedules = InMemoryNotifications(), InMemorySchedules()
        yield Stores(kept, kept, (schedules, schedules))
        return
    url = find_url(request.param, request)
    with open_database(url) as here, open_database(url) as there:
        yield Stores(
            here.get_store(NotificationStore, ORGANIZATION_ID),
            there.get_store(NotificationStore, ORGANIZATION_ID),
            (_schedules(here), _schedules(there)),
        )
        assert here.get_store(NotificationStore, "o-anotherorgid").list_deliveries(limit=10) == ()


def _schedules(database: Database) -> ScheduleStore:
    return ScheduleStore(database.store, database.commits, ORGANIZATION_ID)


def test_a_notification_is_read_as_it_was_added(stores: Stores) -> None:
    assert stores.here.add("n-1", CLOSED, ["chat", "oncall"], START)
    chat, oncall = stores.there.list_deliveries(limit=10)
    assert (chat.target, oncall.target) == ("chat", "oncall")
    assert chat.notification == CLOSED
    assert (chat.notification_id, chat.state, chat.attempts) == ("n-1", DeliveryState.WAITING, 0)
    assert (chat.created_at, chat.next_attempt_at) == (START, START)
    assert stores.there.list_targets_due(START) == ("chat", "oncall")


def test_a_second_one_of_the_same_key_is_dropped_and_one_without_a_key_never(stores: Stores) -> None:
    assert stores.here.add("n-1", CLOSED, ["chat"], START)
    assert not stores.there.add("n-2", replace(CLOSED, title="Again"), ["chat"], START)
    keyless = replace(CLOSED, deduplication_key="")
    assert stores.here.add("n-3", keyless, ["chat"], START)
    assert stores.here.add("n-4", keyless, [], START)
    assert {one.notification_id for one in stores.here.list_deliveries(limit=10)} == {"n-1", "n-3"}


def test_what_one_process_claims_no_other_one_gets_until_the_claim_ends(stores: Stores) -> None:
    for number in range(3):
        stores.here.add(f"n-{number}", replace(CLOSED, deduplication_key=""), ["chat"], START + number * MINUTE)
    now = START + 5 * MINUTE
    claimed = stores.here.claim_due("chat", now, now + MINUTE, 2)
    assert [one.notification_id for one in claimed] == ["n-0", "n-1"]
    assert [one.notification_id for one in stores.there.claim_due("chat", now, now + MINUTE, 5)] == ["n-2"]
    assert stores.there.list_targets_due(now) == ()
    assert len(stores.there.claim_due("chat", now + MINUTE, now + 2 * MINUTE, 5)) == 3
    assert stores.there.claim_due("oncall", now, now + MINUTE, 5) == ()


def test_a_failed_attempt_waits_for_its_next_and_a_delivered_one_is_over(stores: Stores) -> None:
    stores.here.add("n-1", CLOSED, ["chat", "oncall"], START)
    (chat,) = stores.here.claim_due("chat", START, START + MINUTE, 1)
    stores.here.settle(replace(chat, attempts=1, next_attempt_at=START + MINUTE / 2, failure="HTTP status 500"))
    assert stores.there.list_targets_due(START) == ("oncall",)
    assert stores.there.list_failing(START) == {"chat": "HTTP status 500"}
    (again,) = stores.there.claim_due("chat", START + MINUTE / 2, START + MINUTE, 1)
    assert (again.attempts, again.failure) == (1, "HTTP status 500")
    done = replace(
        again, state=DeliveryState.DELIVERED, next_attempt_at=None, delivered_at=START + MINUTE, failure=None
    )
    stores.there.settle(done)
    assert stores.here.list_deliveries(limit=1) == (done,)
    stores.here.settle(replace(again, attempts=9))
    assert stores.here.list_deliveries(limit=1) == (done,)
    assert stores.here.list_failing(START) == {}


def test_what_waits_too_long_is_given_up(stores: Stores) -> None:
    stores.here.add("n-1", CLOSED, ["gone"], START)
    stores.here.add("n-2", replace(CLOSED, deduplication_key=""), ["chat"], START + 2 * MINUTE)
    assert stores.here.give_up_before(START + MINUTE) == 1
    assert stores.here.give_up_before(START + MINUTE) == 0
    states = {one.notification_id: one.state for one in stores.there.list_deliveries(limit=10)}
    assert states == {"n-1": DeliveryState.GIVEN_UP, "n-2": DeliveryState.WAITING}


def test_of_all_processes_one_takes_a_run(stores: Stores) -> None:
    here, there = stores.schedules
    assert here.find_last_run("audits-1") is None
    assert not here.claim("audits-1", START, START + MINUTE)
    here.keep("audits-1", START)
    there.keep("audits-1", START + MINUTE)
    assert there.find_last_run("audits-1") == START
    assert there.claim("audits-1", START, START + MINUTE)
    assert not here.claim("audits-1", START, START + MINUTE)
    there.settle("audits-1", START + MINUTE, START)
    assert not here.claim("audits-1", START, START + 3 * MINUTE)
    assert here.find_last_run("audits-1") == START + MINUTE
    assert here.claim("audits-1", START + MINUTE, START + 2 * MINUTE)
    assert here.find_last_run("audits-2") is None


def test_a_run_that_was_claimed_and_never_begun_is_taken_by_another_process(stores: Stores) -> None:
    here, there = stores.schedules
    here.keep("audits-1", START)
    assert here.claim("audits-1", START, START + MINUTE)
    assert not there.claim("audits-1", START, START + MINUTE + CLAIM / 2)
    assert there.claim("audits-1", START, START + MINUTE + CLAIM)
    there.settle("audits-1", START + MINUTE, START)
    here.settle("audits-1", START + 2 * MINUTE, START)
    assert here.find_last_run("audits-1") == START + MINUTE


def test_a_claim_from_before_a_clock_was_set_back_holds_nothing_up(stores: Stores) -> None:
    here, there = stores.schedules
    here.keep("audits-1", START)
    assert here.claim("audits-1", START, START + 600 * MINUTE)
    assert there.claim("audits-1", START, START + MINUTE)
