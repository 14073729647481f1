"""Notifications on their way: retried, deduplicated, once over all workers, and never in the way of other work."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from rootkeeper.clock import SystemClock
from rootkeeper.errors import DatabaseError
from rootkeeper.notifications.rules import (
    DeliveryState,
    Notification,
    NotificationEvent,
    NotificationTarget,
    Severity,
    parse_targets,
)
from rootkeeper.notifications.service import DeliveryLoop, Outbox
from rootkeeper.organization.accounts import Endpoint
from tests.durations import measure_best
from tests.fakes.clock import START, FakeClock
from tests.fakes.notifications import InMemoryNotifications, ScriptedSender

INFO = Notification(NotificationEvent.WINDOW_OPENED, Severity.INFO, "Opened", "b", START, "o-exampleorgid", "AWS")
CRITICAL = replace(
    INFO, event=NotificationEvent.WINDOW_CLOSE_FAILED, severity=Severity.CRITICAL, title="Couldn't be closed"
)
TARGETS = parse_targets(["chat info env:CHAT_URL", "mail info env:MAIL_URL", "oncall critical env:ONCALL_URL"])


@dataclass
class Workers:
    """Two workers on one database, and the targets around them."""

    clock: FakeClock = field(default_factory=FakeClock)
    store: InMemoryNotifications = field(default_factory=InMemoryNotifications)
    sender: ScriptedSender = field(default_factory=ScriptedSender)
    remarks: list[str] = field(default_factory=list)
    ids: Iterator[int] = field(default_factory=itertools.count)
    targets: tuple[NotificationTarget, ...] = TARGETS

    def __post_init__(self) -> None:
        self.outbox, self.loop = self.start()
        self.other_outbox, self.other_loop = self.start()

    def start(self) -> tuple[Outbox, DeliveryLoop]:
        outbox = Outbox(self.store, TARGETS, self.clock, lambda: f"n-{next(self.ids):03}", self.remarks.append)
        return outbox, DeliveryLoop(
            outbox,
            self.store,
            self.sender,
            self.clock,
            "o-exampleorgid",
            Endpoint("SANDBOX 127.0.0.1:4599"),
            lambda: self.targets,
        )

    def turn(self, seconds: float = 0.0) -> None:
        self.clock.advance(seconds)
        self.loop.tick(self.clock.now())
        assert self.loop.wait_idle(60)

    def states(self, title: str = "Opened") -> dict[str, DeliveryState]:
        found = self.store.list_deliveries(limit=100)
        return {one.target: one.state for one in found if one.notification.title == title}


@pytest.fixture
def workers() -> Workers:
    return Workers()


def test_each_target_gets_what_is_urgent_enough_for_it(workers: Workers) -> None:
    workers.outbox.notify(INFO)
    workers.outbox.notify(CRITICAL)
    workers.turn()
    assert workers.sender.list_titles("chat") == ["Opened", "Couldn't be closed"]
    assert workers.sender.list_titles("mail") == ["Opened", "Couldn't be closed"]
    assert workers.sender.list_titles("oncall") == ["Couldn't be closed"]
    assert workers.states() == {"chat": DeliveryState.DELIVERED, "mail": DeliveryState.DELIVERED}


def test_a_changed_target_gets_the_next_notification_without_a_restart(workers: Workers) -> None:
    workers.targets = parse_targets(["mail info env:OTHER_URL", "pager info env:PAGER_URL"])
    workers.turn()
    workers.outbox.notify(INFO)
    workers.turn()
    assert workers.states() == {"mail": DeliveryState.DELIVERED, "pager": DeliveryState.DELIVERED}
    assert workers.loop.count_failing_here() == (0, 2)


def test_a_removed_target_gets_nothing_more(workers: Workers) -> None:
    workers.store.is_down = True
    workers.outbox.notify(CRITICAL)
    workers.targets = ()
    with pytest.raises(DatabaseError):
        workers.loop.tick(workers.clock.now())
    assert workers.loop.wait_idle(60)
    sent = workers.sender.list_titles("oncall")
    workers.store.is_down = False
    workers.turn(60)
    assert workers.sender.list_titles("oncall") == sent == ["Couldn't be closed"]
    assert workers.loop.count_failing_here() == (0, 0)


def test_what_was_reported_before_isnt_reported_again(workers: Workers) -> None:
    keyed = replace(INFO, deduplication_key="window-opened/w-1")
    workers.outbox.notify(keyed)
    workers.other_outbox.notify(keyed)
    workers.turn()
    workers.turn(60)
    assert workers.sender.list_titles("chat") == ["Opened"]


def test_of_two_workers_one_sends(workers: Workers) -> None:
    for _ in range(20):
        workers.outbox.notify(INFO)
    now = workers.clock.now()
    for _ in range(4):
        threads = [threading.Thread(target=loop.tick, args=(now,)) for loop in (workers.loop, workers.other_loop)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert workers.loop.wait_idle(60)
        assert workers.other_loop.wait_idle(60)
    ids = [notification_id for target, notification_id, _ in workers.sender.sent if target == "chat"]
    assert len(ids) == len(set(ids)) == 20


def test_what_a_dead_worker_had_claimed_another_one_sends(workers: Workers) -> None:
    workers.outbox.notify(INFO)
    now = workers.clock.now()
    workers.store.claim_due("chat", now, now + timedelta(seconds=100), 5)
    workers.turn(99)
    assert workers.sender.list_titles("chat") == []
    workers.turn(2)
    assert workers.sender.list_titles("chat") == ["Opened"]


def test_a_failing_target_is_tried_again_later_and_later_and_gets_it_in_the_end(workers: Workers) -> None:
    workers.sender.break_down("chat")
    workers.outbox.notify(INFO)
    tried_at: list[float] = []
    for second in range(0, 800, 5):
        before = workers.sender.attempts.count("chat")
        workers.turn(5 if second else 0)
        tried_at += [float(second)] * (workers.sender.attempts.count("chat") - before)
    assert tried_at == [0, 10, 70, 370]
    workers.sender.repair("chat")
    workers.turn(2000)
    assert workers.states()["chat"] is DeliveryState.DELIVERED
    assert workers.sender.list_titles("chat") == ["Opened"]


def test_after_a_day_it_is_given_up_and_the_target_still_shows_as_failing(workers: Workers) -> None:
    workers.sender.break_down("chat")
    workers.outbox.notify(INFO)
    for _ in range(30):
        workers.turn(3600)
    assert workers.states()["chat"] is DeliveryState.GIVEN_UP
    assert list(workers.loop.list_failing(workers.clock.now())) == ["chat"]
    assert workers.loop.count_failing_here() == (1, 3)
    assert "HTTP status 500" in workers.loop.list_failing(workers.clock.now())["chat"]


def test_a_failing_target_is_reported_to_the_others_once_an_hour(workers: Workers) -> None:
    workers.sender.break_down("chat")
    for _ in range(3):
        workers.outbox.notify(INFO)
    workers.turn()
    assert "The notification target chat fails" not in workers.sender.list_titles("mail")
    for _ in range(30):
        workers.turn(60)
    assert workers.sender.list_titles("mail").count("The notification target chat fails") == 1
    assert workers.sender.list_titles("oncall") == []
    for _ in range(180):
        workers.turn(60)
    assert workers.sender.list_titles("mail").count("The notification target chat fails") in {2, 3}


def test_a_target_that_takes_two_in_a_row_not_is_reported_before_either_is_tried_again(workers: Workers) -> None:
    workers.sender.break_down("chat")
    for _ in range(2):
        workers.outbox.notify(INFO)
        workers.turn(1)
    workers.turn(1)
    assert workers.sender.attempts.count("chat") == 2
    assert workers.sender.list_titles("mail").count("The notification target chat fails") == 1


def test_that_something_critical_was_lost_is_critical_itself(workers: Workers) -> None:
    workers.sender.break_down("chat")
    workers.outbox.notify(CRITICAL)
    for _ in range(5):
        workers.turn(20)
    assert workers.sender.list_titles("oncall") == ["Couldn't be closed", "The notification target chat fails"]


def test_when_every_target_fails_nothing_goes_round_in_circles(workers: Workers) -> None:
    for target in ("chat", "mail", "oncall"):
        workers.sender.break_down(target)
    workers.outbox.notify(CRITICAL)
    for _ in range(60):
        workers.turn(30)
    reports = [one for one in workers.store.list_deliveries(limit=1000) if one.notification.title.endswith(" fails")]
    assert 0 < len({one.notification_id for one in reports}) <= 6


def test_a_target_that_hangs_holds_up_neither_the_loop_nor_the_others(workers: Workers) -> None:
    let_go = threading.Event()
    workers.sender.scripts["chat"] = lambda: assert_set(let_go)
    for _ in range(3):
        workers.outbox.notify(INFO)
    workers.loop.tick(workers.clock.now())
    wait_for(lambda: workers.sender.attempts.count("chat") == 1)
    wait_for(lambda: workers.sender.list_titles("mail") == ["Opened"] * 3)
    workers.outbox.notify(CRITICAL)
    workers.loop.tick(workers.clock.now())
    wait_for(lambda: workers.sender.list_titles("oncall") == ["Couldn't be closed"])
    assert workers.sender.attempts.count("chat") == 1
    let_go.set()
    assert workers.loop.wait_idle(60)
    workers.turn()
    assert len(workers.sender.list_titles("chat")) == 4


def test_a_target_rests_after_failures_in_a_row_and_is_then_tried_with_one(workers: Workers) -> None:
    workers.sender.break_down("chat")
    for _ in range(10):
        workers.outbox.notify(INFO)
    for _ in range(5):
        workers.turn(0.1)
    assert workers.sender.attempts.count("chat") == 3
    workers.turn(61)
    assert workers.sender.attempts.count("chat") == 4
    workers.sender.repair("chat")
    for _ in range(10):
        workers.turn(61)
    assert len(workers.sender.list_titles("chat")) == 10


def test_without_the_database_nothing_is_raised_and_it_is_remarked(workers: Workers) -> None:
    workers.store.is_down = True
    workers.outbox.notify(INFO)
    assert len(workers.remarks) == 1
    assert "Opened" in workers.remarks[0]


def test_what_is_critical_is_sent_past_a_database_that_is_down_and_once(workers: Workers) -> None:
    workers.store.is_down = True
    workers.outbox.notify(INFO)
    workers.outbox.notify(CRITICAL)
    for _ in range(3):
        with pytest.raises(DatabaseError):
            workers.loop.tick(workers.clock.now())
        assert workers.loop.wait_idle(60)
    assert workers.sender.list_titles("oncall") == ["Couldn't be closed"]
    assert workers.sender.list_titles("chat") == ["Couldn't be closed"]
    workers.store.is_down = False
    workers.turn(1)
    workers.turn(1)
    assert workers.sender.list_titles("chat") == ["Couldn't be closed", "Opened"]
    assert workers.sender.list_titles("oncall") == ["Couldn't be closed"]


def test_a_target_that_failed_past_the_database_gets_it_when_the_database_is_back(workers: Workers) -> None:
    workers.store.is_down = True
    workers.sender.break_down("oncall")
    workers.outbox.notify(CRITICAL)
    with pytest.raises(DatabaseError):
        workers.loop.tick(workers.clock.now())
    assert workers.loop.wait_idle(60)
    workers.store.is_down = False
    workers.sender.repair("oncall")
    workers.turn(1)
    workers.turn(1)
    assert workers.sender.list_titles("oncall") == ["Couldn't be closed"]
    assert workers.sender.list_titles("mail") == ["Couldn't be closed"]


def test_what_waits_for_a_target_that_is_configured_no_more_is_given_up(workers: Workers) -> None:
    workers.store.add("n-old", INFO, ["gone"], workers.clock.now())
    workers.turn(26 * 3600)
    assert workers.states()["gone"] is DeliveryState.GIVEN_UP
    assert workers.loop.list_failing(workers.clock.now()) == {}


def test_however_many_targets_hang_they_are_waited_for_once() -> None:
    workers, let_go = Workers(), threading.Event()
    parts = (workers.outbox, workers.store, workers.sender, SystemClock(), "o-exampleorgid", Endpoint("AWS"))
    loop = DeliveryLoop(*parts, lambda: TARGETS)
    for target in TARGETS:
        workers.sender.scripts[target.name] = lambda: assert_set(let_go)
    workers.outbox.notify(CRITICAL)
    loop.tick(workers.clock.now())

    def wait_in_vain() -> None:
        assert not loop.wait_idle(0.5)

    assert measure_best(wait_in_vain, tries=3) < 1.0
    let_go.set()
    assert loop.wait_idle(60)


def assert_set(event: threading.Event) -> None:
    assert event.wait(60)


def wait_for(is_so: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(6000):
        if is_so():
            return
        pause.wait(0.01)
    raise AssertionError("It never came to that.")
