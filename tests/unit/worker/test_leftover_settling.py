"""What dead processes left is settled while a server runs, at once and then more and more seldom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rootkeeper.aws.rules import ResourceKind
from rootkeeper.ledger.rules import Action, Result
from rootkeeper.notifications.rules import NotificationEvent, Severity
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import LoginProfile
from rootkeeper.unlock.rules import PolicyChange, describe_change
from rootkeeper.windows.approvals import WindowPolicy
from rootkeeper.windows.rules import RecoveryWindow, WindowState, advance
from tests.fakes.clock import FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.operators import Operator
from tests.fakes.organization import FakeOrganization
from tests.fakes.root_users import LONG_AGO
from tests.fakes.stores import make_window
from tests.fakes.window_workers import WindowWorker

ACCOUNT = AccountId("222233334444")
LOCKING = '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*"}]}'


@pytest.fixture
def organization() -> FakeOrganization:
    fake = FakeOrganization(FakeClock())
    fake.add_account(ACCOUNT, "workload")
    return fake


@pytest.fixture
def worker(organization: FakeOrganization, fake_database: FakeDatabase) -> WindowWorker:
    return WindowWorker(organization, fake_database, WindowPolicy(approvals=0))


def leave_opening(worker: WindowWorker, minutes_left: int = 60) -> RecoveryWindow:
    window = make_window(ACCOUNT, worker.clock.now(), WindowState.APPROVED)
    opening = advance(replace(window, duration_seconds=minutes_left * 60), WindowState.OPENING, worker.clock.now())
    worker.database.windows[opening.window_id] = opening
    return opening


def state_of(worker: WindowWorker) -> WindowState:
    return worker.database.windows[f"w-{ACCOUNT}"].state


def test_with_nothing_left_nothing_is_asked(worker: WindowWorker) -> None:
    worker.run_for(5)

    assert worker.organization.calls == []


def test_an_intent_of_a_dead_process_is_settled_at_once_and_reported(worker: WindowWorker, dead: Operator) -> None:
    dead.ledger.append_intent(Action.LOGIN_PROFILE_DELETE, account_id=ACCOUNT)

    worker.window_close_loop.tick()

    assert worker.database.outcomes_of(Action.LOGIN_PROFILE_DELETE) == [Result.DONE]
    assert any("login_profile:delete: done" in one for one in worker.remarks)


def test_an_intent_of_the_set_up_is_settled_too(worker: WindowWorker, dead: Operator) -> None:
    dead.ledger.append_intent(Action.TRUSTED_ACCESS_ENABLE)

    worker.window_close_loop.tick()

    assert worker.database.outcomes_of(Action.TRUSTED_ACCESS_ENABLE) == [Result.DONE]


def test_an_unlock_whose_process_died_is_settled_without_another_unlock(worker: WindowWorker, dead: Operator) -> None:
    bucket = worker.organization.resources.add(ResourceKind.BUCKET, ACCOUNT, "locked", LOCKING)
    change = PolicyChange(bucket, LOCKING, None)
    dead.ledger.append_intent(change.action, account_id=ACCOUNT, parameters=describe_change(change))
    worker.organization.resources.change(bucket, None)

    worker.window_close_loop.tick()

    assert worker.database.outcomes_of(change.action) == [Result.DONE]
    assert worker.organization.changing_calls == []
    assert any("bucket_policy:delete: done" in one for one in worker.remarks)


def test_a_window_that_is_due_is_closed_before_it_is_settled_what_was_left_there(
    worker: WindowWorker, dead: Operator
) -> None:
    worker.open(ACCOUNT, seconds=60)
    dead.ledger.append_intent(Action.LOGIN_PROFILE_DELETE, account_id=ACCOUNT)
    worker.clock.advance(60)
    calls = list(worker.organization.calls)

    worker.window_close_loop.most_offered = 0
    worker.window_close_loop.tick()
    assert worker.organization.calls == calls

    worker.window_close_loop.most_offered = 1
    worker.window_close_loop.tick()
    assert worker.database.windows["w-1"].state is WindowState.CLOSED_VERIFIED
    assert [entry.owner_id for entry in worker.database.open_intents] == [dead.owner_id]
    worker.window_close_loop.tick()
    assert worker.database.open_intents == []


def test_p03_an_intent_of_a_live_process_is_left_alone(worker: WindowWorker, operator: Operator) -> None:
    operator.ledger.append_intent(Action.LOGIN_PROFILE_DELETE, account_id=ACCOUNT)

    worker.run_for(100)

    assert worker.database.outcomes_of(Action.LOGIN_PROFILE_DELETE) == []


@pytest.mark.parametrize(
    ("profile", "state", "event", "severity"),
    [
        (None, WindowState.CANCELLED, NotificationEvent.WINDOW_OPEN_FAILED, Severity.WARNING),
        ("ours", WindowState.OPEN, NotificationEvent.WINDOW_OPENED, Severity.WARNING),
        ("foreign", WindowState.CANCELLED, NotificationEvent.WINDOW_OPEN_FAILED, Severity.WARNING),
    ],
)
def test_a_window_in_mid_step_is_settled_by_a_re_read_and_reported(
    worker: WindowWorker, profile: str | None, state: WindowState, event: NotificationEvent, severity: Severity
) -> None:
    leave_opening(worker)
    if profile is not None:
        created_at = worker.clock.now() if profile == "ours" else LONG_AGO
        worker.organization.root_users[ACCOUNT].login_profile = LoginProfile(created_at, None)

    worker.window_close_loop.tick()

    assert state_of(worker) is state
    reported = worker.notifier.notifications[-1]
    assert (reported.event, reported.severity) == (event, severity)


def test_p06_what_cannot_be_read_stays_open_and_is_tried_more_and_more_seldom(worker: WindowWorker) -> None:
    leave_opening(worker)
    worker.organization.fail("AssumeRoot")
    worker.run_for(600)

    assert state_of(worker) is WindowState.OPENING
    tries = [name for name, _ in worker.organization.calls].count("AssumeRoot")
    assert 12 <= tries <= 18
    worker.organization.heal()
    worker.run_for(60)
    assert state_of(worker) is WindowState.CANCELLED


def test_something_new_in_the_account_is_tried_at_once(worker: WindowWorker, dead: Operator) -> None:
    leave_opening(worker)
    worker.organization.fail("AssumeRoot")
    worker.run_for(300)
    tries = [name for name, _ in worker.organization.calls].count("AssumeRoot")

    dead.ledger.append_intent(Action.LOGIN_PROFILE_DELETE, account_id=ACCOUNT)
    worker.run_for(1)

    assert [name for name, _ in worker.organization.calls].count("AssumeRoot") == tries + 1


def test_an_approved_window_that_waits_for_its_activation_is_no_leftover(worker: WindowWorker) -> None:
    worker.request(ACCOUNT)
    worker.run_for(60)

    assert worker.database.windows["w-1"].state is WindowState.APPROVED


def test_a_window_that_stays_in_mid_step_past_its_end_is_reported_as_critical(worker: WindowWorker) -> None:
    leave_opening(worker, minutes_left=1)
    worker.organization.fail("AssumeRoot")
    worker.run_for(400)

    reported = [one for one in worker.notifier.notifications if one.event is NotificationEvent.WINDOW_CLOSE_FAILED]
    assert [one.severity for one in reported] == [Severity.CRITICAL]
    assert "OPENING" in reported[0].body
