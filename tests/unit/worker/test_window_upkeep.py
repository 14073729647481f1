"""Requests lapse, and reviews that no one made are called for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.errors import LedgerUnavailableError
from rootkeeper.ledger.rules import Action, ActorKind, Result
from rootkeeper.notifications.rules import NotificationEvent, Severity
from rootkeeper.organization.accounts import AccountId
from rootkeeper.windows.approvals import WindowPolicy
from rootkeeper.windows.rules import WindowState
from tests.fakes.clock import FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.organization import FakeOrganization
from tests.fakes.window_workers import WindowWorker, signed_in

ACCOUNT = AccountId("222233334444")
DAY = 86400


@pytest.fixture
def worker() -> WindowWorker:
    organization = FakeOrganization(FakeClock())
    organization.add_account(ACCOUNT, "workload")
    policy = WindowPolicy(approvals=1, approval_valid=timedelta(hours=1), emergency=True)
    return WindowWorker(organization, FakeDatabase(organization.clock), policy)


def test_p10_a_request_that_no_one_approves_lapses(worker: WindowWorker) -> None:
    worker.request(ACCOUNT)

    worker.run_for(3599, step=59)
    assert worker.state_of("w-1") is WindowState.REQUESTED
    worker.run_for(1)

    assert worker.state_of("w-1") is WindowState.LAPSED
    assert worker.database.outcomes_of(Action.WINDOW_LAPSE) == [Result.DONE]
    assert worker.notifier.notifications[-1].event is NotificationEvent.WINDOW_LAPSED
    assert worker.request(ACCOUNT).window_id == "w-2"


def test_p10_an_approval_that_no_one_uses_lapses(worker: WindowWorker) -> None:
    worker.request(ACCOUNT)
    worker.clock.advance(1800)
    worker.approve("w-1")
    worker.run_for(3599, step=59)
    assert worker.state_of("w-1") is WindowState.APPROVED
    worker.run_for(1)

    assert worker.state_of("w-1") is WindowState.LAPSED


def test_p27_of_several_workers_one_lets_it_lapse(worker: WindowWorker) -> None:
    other = WindowWorker(worker.organization, worker.database, worker.policy)
    worker.request(ACCOUNT)
    worker.clock.advance(3600)

    def meanwhile(name: str) -> None:
        if name == "lock":
            worker.database.before_commit = None
            other.upkeep.tick()

    worker.database.before_commit = meanwhile
    worker.upkeep.tick()

    assert worker.database.outcomes_of(Action.WINDOW_LAPSE) == [Result.DONE]
    assert len(worker.database.entries) == len({one.sequence for one in worker.database.entries})


def disable(worker: WindowWorker, name: str) -> None:
    worker.database.identities[name] = replace(worker.database.identities[name], disabled_at=worker.clock.now())


@pytest.mark.parametrize(("name", "why"), [("alice", "The request of alice"), ("bob", "The approval of bob")])
def test_p29_an_approved_window_is_cancelled_once_a_person_in_it_is_disabled(
    worker: WindowWorker, name: str, why: str
) -> None:
    worker.request(ACCOUNT)
    worker.approve("w-1", "bob")
    worker.run_for(5)
    assert worker.state_of("w-1") is WindowState.APPROVED

    disable(worker, name)
    worker.run_for(1)

    window = worker.database.windows["w-1"]
    assert window.state is WindowState.CANCELLED
    said = f"Cancelled by rootkeeper: {why} doesn't count any more. The user {name} was disabled."
    assert window.failure == said
    assert worker.database.outcomes_of(Action.WINDOW_CANCEL) == [Result.DONE]
    reported = worker.notifier.notifications[-1]
    assert reported.event is NotificationEvent.WINDOW_CANCELLED
    assert said in reported.body
    disable(worker, "alice")
    worker.run_for(5)
    assert worker.database.outcomes_of(Action.WINDOW_CANCEL) == [Result.DONE]


def test_an_open_window_is_not_touched_when_its_people_are_disabled(worker: WindowWorker) -> None:
    window = worker.open(ACCOUNT)
    for name in ("alice", "approver-0"):
        disable(worker, name)
    worker.run_for(5)
    assert worker.state_of(window.window_id) is WindowState.OPEN


def test_an_emergency_and_a_command_lines_window_need_no_ones_approval_to_wait(worker: WindowWorker) -> None:
    worker.request(ACCOUNT, is_emergency=True)
    asserted = replace(worker.database.windows["w-1"], requested_by="eve", requested_by_kind=ActorKind.SELF_ASSERTED)
    worker.run_for(2)
    assert worker.state_of("w-1") is WindowState.APPROVED
    worker.database.windows["w-1"] = asserted
    worker.run_for(2)
    assert worker.state_of("w-1") is WindowState.APPROVED


def test_a_window_that_is_being_activated_does_not_lapse(worker: WindowWorker) -> None:
    worker.request(ACCOUNT)
    worker.clock.advance(3600)
    with worker.process.locks.hold(ACCOUNT, "recovery"):
        worker.upkeep.tick()

    assert worker.state_of("w-1") is WindowState.REQUESTED


def test_without_a_ledger_nothing_lapses(worker: WindowWorker) -> None:
    worker.request(ACCOUNT)
    worker.clock.advance(3600)
    worker.database.is_ledger_writable = False

    with pytest.raises(LedgerUnavailableError):
        worker.upkeep.tick()
    assert worker.state_of("w-1") is WindowState.REQUESTED


def test_a_review_that_no_one_made_is_called_for_once_and_then_each_day(worker: WindowWorker) -> None:
    worker.request(ACCOUNT, is_emergency=True)
    worker.activate("w-1")
    keys: list[str] = []
    for _ in range(4 * 24):
        worker.run_for(3600, step=3600)
        reported = [
            one for one in worker.notifier.notifications if one.event is NotificationEvent.WINDOW_REVIEW_OVERDUE
        ]
        assert {one.severity for one in reported} <= {Severity.CRITICAL}
        keys = [one.deduplication_key for one in reported]

    assert sorted(set(keys)) == [f"window:review:overdue w-1 day {day}" for day in range(4)]


def test_a_review_that_was_made_is_not_called_for(worker: WindowWorker) -> None:
    worker.request(ACCOUNT, is_emergency=True)
    worker.activate("w-1")
    worker.deciding(signed_in("bob")).review("w-1")
    worker.run_for(2 * DAY, step=3600)

    events = [one.event for one in worker.notifier.notifications]
    assert NotificationEvent.WINDOW_REVIEW_OVERDUE not in events


def test_an_emergency_in_which_nothing_was_opened_owes_no_review(worker: WindowWorker) -> None:
    worker.request(ACCOUNT, is_emergency=True)
    worker.run_for(2 * DAY, step=3600)

    assert worker.state_of("w-1") is WindowState.LAPSED
    events = [one.event for one in worker.notifier.notifications]
    assert NotificationEvent.WINDOW_REVIEW_OVERDUE not in events


def test_reviews_are_looked_for_once_a_minute(worker: WindowWorker) -> None:
    worker.request(ACCOUNT, is_emergency=True)
    worker.activate("w-1")
    worker.clock.advance(2 * DAY)
    worker.run_for(120)

    reported = [one for one in worker.notifier.notifications if one.event is NotificationEvent.WINDOW_REVIEW_OVERDUE]
    assert len(reported) == 2


def test_a_process_that_ends_begins_no_further_re_read(worker: WindowWorker) -> None:
    assert worker.upkeep.stop(0)
    assert not worker.upkeep.executor.offer(ACCOUNT, lambda: None)
