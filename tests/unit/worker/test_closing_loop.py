"""The closing loop: every window ends at its time, regardless of what else is broken, and nothing is closed twice."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from rootkeeper.database import engines
from rootkeeper.errors import AwsCredentialsError, AwsUnreachableError, LockLostError
from rootkeeper.ledger.rules import Action, Result
from rootkeeper.notifications.rules import NotificationEvent, Severity
from rootkeeper.organization.accounts import AccountId
from rootkeeper.windows.approvals import WindowPolicy
from rootkeeper.windows.rules import WindowState
from tests.fakes.clock import FakeClock
from tests.fakes.databases import FakeDatabase, Killed
from tests.fakes.organization import FakeOrganization
from tests.fakes.window_workers import WindowWorker, signed_in

ACCOUNTS = [AccountId("222233334444"), AccountId("333344445555"), AccountId("444455556666")]
ACCOUNT = ACCOUNTS[0]


@pytest.fixture
def organization() -> FakeOrganization:
    fake = FakeOrganization(FakeClock())
    for account_id in ACCOUNTS:
        fake.add_account(account_id)
    return fake


@pytest.fixture
def worker(organization: FakeOrganization) -> WindowWorker:
    return start(organization, FakeDatabase(organization.clock))


def start(organization: FakeOrganization, database: FakeDatabase) -> WindowWorker:
    return WindowWorker(organization, database, WindowPolicy(approvals=0))


def state_of(worker: WindowWorker, window_id: str = "w-1") -> WindowState:
    return worker.database.windows[window_id].state


def count_closings(worker: WindowWorker) -> int:
    return len(worker.database.outcomes_of(Action.WINDOW_CLOSE))


def test_p11_a_window_is_closed_at_its_end_and_not_before(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 60)

    worker.run_for(59)
    assert state_of(worker) is WindowState.OPEN
    worker.run_for(1)
    assert state_of(worker) is WindowState.CLOSED_VERIFIED
    assert worker.organization.root_users[ACCOUNT].is_empty
    worker.run_for(100)
    assert count_closings(worker) == 1
    assert [one.event for one in worker.notifier.notifications][-1] is NotificationEvent.WINDOW_CLOSED


def test_p11_a_window_past_its_end_is_closed_first_thing_by_the_next_process(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 60)
    worker.die()
    worker.clock.advance(3600)

    later = start(worker.organization, worker.database)
    later.window_close_loop.tick()

    assert state_of(later) is WindowState.CLOSED_VERIFIED
    assert count_closings(later) == 1


def test_p11_a_wall_clock_that_is_set_back_delays_no_closing(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 60)
    worker.tick()
    worker.clock.jump(-86400)

    worker.run_for(59)
    assert state_of(worker) is WindowState.OPEN
    worker.run_for(1)
    assert state_of(worker) is WindowState.CLOSED_VERIFIED


def test_a_wall_clock_that_is_set_forward_closes_early(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 3600)
    worker.tick()
    worker.clock.jump(3600)
    worker.tick()

    assert state_of(worker) is WindowState.CLOSED_VERIFIED


def test_a_window_that_is_prolonged_between_listing_and_claiming_stays_open(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 60)
    worker.clock.advance(59.5)
    worker.work.is_immediate = False
    worker.window_close_loop.tick()
    worker.clock.jump(1)
    worker.window_close_loop.tick()
    assert len(worker.work.waiting) == 1
    worker.clock.jump(-1)
    worker.deciding(signed_in("alice")).extend("w-1", 600)
    worker.clock.jump(1)

    worker.work.do_all()

    assert state_of(worker) is WindowState.OPEN


def test_p11_p32_windows_are_closed_several_at_a_time_and_none_holds_another_up(worker: WindowWorker) -> None:
    for account_id in ACCOUNTS:
        worker.open(account_id, 60)
    worker.organization.fail("DeleteLoginProfile", account_id=ACCOUNTS[0])
    worker.work.is_immediate = False
    worker.clock.advance(60)

    worker.window_close_loop.tick()
    assert len(worker.work.waiting) == 3
    worker.window_close_loop.tick()
    assert len(worker.work.waiting) == 3
    worker.work.do_all()

    assert [state_of(worker, f"w-{number}") for number in (1, 2, 3)] == [
        WindowState.CLOSE_FAILED,
        WindowState.CLOSED_VERIFIED,
        WindowState.CLOSED_VERIFIED,
    ]


# Failing.


def test_a_closing_that_fails_is_tried_again_within_a_minute_until_it_succeeds(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 60)
    worker.organization.fail("DeleteLoginProfile")
    attempts: list[float] = []
    for second in range(400):
        before = count_closings(worker)
        worker.run_for(1)
        if count_closings(worker) > before:
            attempts.append(second)

    pauses = [later - earlier for earlier, later in pairwise(attempts)]
    assert pauses[:4] == [5, 10, 20, 40]
    assert set(pauses[4:]) == {60}
    assert all(result is Result.FAILED for result in worker.database.outcomes_of(Action.WINDOW_CLOSE))

    worker.organization.heal()
    worker.run_for(60)
    assert state_of(worker) is WindowState.CLOSED_VERIFIED


def test_people_are_notified_when_it_fails_when_it_is_critical_and_when_it_is_closed(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 60)
    worker.organization.fail("DeleteLoginProfile")
    worker.run_for(600)
    worker.organization.heal()
    worker.run_for(60)

    reported = [(one.event, one.severity) for one in worker.notifier.notifications[2:]]
    assert reported == [
        (NotificationEvent.WINDOW_CLOSE_FAILED, Severity.WARNING),
        (NotificationEvent.WINDOW_CLOSE_FAILED, Severity.CRITICAL),
        (NotificationEvent.WINDOW_CLOSED, Severity.INFO),
    ]


@pytest.mark.parametrize("error", [AwsCredentialsError("Expired."), AwsUnreachableError("No route.")])
def test_a_server_without_aws_says_loudly_why_nothing_is_closed_and_closes_when_it_can(
    worker: WindowWorker, error: Exception
) -> None:
    worker.open(ACCOUNT, 60)
    worker.organization.fail("AssumeRoot", error)
    worker.run_for(120)

    assert state_of(worker) is WindowState.CLOSE_FAILED
    assert any(one.startswith("ALERT") and str(error) in one for one in worker.remarks)
    assert str(error) in worker.notifier.notifications[-1].body
    worker.organization.heal()
    worker.run_for(60)
    assert state_of(worker) is WindowState.CLOSED_VERIFIED


def test_an_account_that_left_the_organization_keeps_its_window_owing_and_named(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 60)
    account = worker.organization.accounts.pop(ACCOUNT)
    worker.run_for(300)

    window = worker.database.windows["w-1"]
    assert window.state is WindowState.CLOSE_FAILED
    assert "isn't in the organization" in (window.failure or "")
    assert window.failed_closings >= 5
    assert worker.notifier.notifications[-1].severity is Severity.CRITICAL
    assert worker.database.open_intents == []
    worker.organization.accounts[ACCOUNT] = account
    worker.run_for(60)
    assert state_of(worker) is WindowState.CLOSED_VERIFIED


# Several workers.


def test_p27_of_two_workers_one_closes(worker: WindowWorker) -> None:
    other = start(worker.organization, worker.database)
    worker.open(ACCOUNT, 60)
    worker.clock.advance(60)

    def meanwhile(operation: str, _: AccountId | None) -> None:
        if operation == "DeleteLoginProfile":
            other.window_close_loop.tick()

    worker.organization.before_each_call(meanwhile)
    worker.window_close_loop.tick()
    other.window_close_loop.tick()

    assert count_closings(worker) == 1
    assert [name for name, _ in worker.organization.calls].count("DeleteLoginProfile") == 1
    assert other.remarks == []


def test_p27_a_worker_that_finds_the_account_held_looks_again_soon(worker: WindowWorker) -> None:
    other = start(worker.organization, worker.database)
    worker.open(ACCOUNT, 60)
    worker.clock.advance(60)
    with worker.process.locks.hold(ACCOUNT, "something long"):
        other.window_close_loop.tick()
        commits: list[str] = []
        worker.database.before_commit = commits.append
        other.window_close_loop.tick()
        assert commits == []
    worker.clock.advance(1.5)
    other.window_close_loop.tick()

    assert state_of(worker) is WindowState.CLOSED_VERIFIED


def test_p27_a_window_that_another_worker_is_closing_costs_no_lock_until_that_worker_is_dead(
    worker: WindowWorker,
) -> None:
    other = start(worker.organization, worker.database)
    worker.open(ACCOUNT, 60)
    worker.clock.advance(60)
    worker.database.windows["w-1"] = replace(worker.database.windows["w-1"], state=WindowState.CLOSING)
    held = worker.process.locks.hold(ACCOUNT, "closing a recovery window")
    held.__enter__()
    commits: list[str] = []
    worker.database.before_commit = commits.append
    for _ in range(3):
        other.run_for(1)
    assert commits == []

    worker.die()
    other.window_close_loop.tick()

    assert state_of(other) is WindowState.CLOSED_VERIFIED


def test_what_becomes_due_between_two_listings_is_closed_without_another_one(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 60)
    worker.clock.advance(59.5)
    worker.window_close_loop.turn()
    listings: list[str] = []
    worker.database.before_read = listings.append
    worker.clock.advance(0.25)
    worker.window_close_loop.turn()
    assert (state_of(worker), listings) == (WindowState.OPEN, [])
    worker.clock.advance(0.25)
    worker.window_close_loop.turn()
    assert state_of(worker) is WindowState.CLOSED_VERIFIED
    for _ in range(8):
        worker.clock.advance(0.25)
        worker.window_close_loop.turn()
    assert count_closings(worker) == 1


def test_what_another_worker_has_closed_since_it_was_listed_costs_no_lock(worker: WindowWorker) -> None:
    other = start(worker.organization, worker.database)
    other.work.is_immediate = False
    worker.open(ACCOUNT, 60)
    worker.clock.advance(60)
    other.window_close_loop.tick()
    worker.window_close_loop.tick()
    commits: list[str] = []
    worker.database.before_commit = commits.append

    other.work.do_all()

    assert commits == []


def test_what_another_worker_has_begun_to_close_since_it_was_listed_costs_no_lock(worker: WindowWorker) -> None:
    other = start(worker.organization, worker.database)
    other.work.is_immediate = False
    worker.open(ACCOUNT, 60)
    worker.clock.advance(60)
    other.window_close_loop.tick()
    commits: list[str] = []

    def meanwhile(operation: str, _: AccountId | None) -> None:
        if operation == "DeleteLoginProfile":
            worker.database.before_commit = commits.append
            other.work.do_all()
            worker.database.before_commit = None

    worker.organization.before_each_call(meanwhile)
    worker.window_close_loop.tick()

    assert commits == []
    assert count_closings(worker) == 1


def test_p11_a_worker_that_dies_while_closing_is_followed_by_another_at_once(worker: WindowWorker) -> None:
    other = start(worker.organization, worker.database)
    worker.open(ACCOUNT, 60)
    worker.clock.advance(60)

    def die(operation: str, _: AccountId | None) -> None:
        if operation == "DeleteLoginProfile":
            raise Killed

    worker.organization.before_each_call(die)
    with pytest.raises(Killed):
        worker.window_close_loop.tick()
    worker.organization.before_each_call(None)
    worker.die()
    assert state_of(worker) is WindowState.CLOSING

    other.run_for(3)

    assert state_of(worker) is WindowState.CLOSED_VERIFIED
    assert worker.database.open_intents == []


def test_a_window_that_no_one_comes_to_is_reported_though_nothing_failed(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 60)
    with worker.process.locks.hold(ACCOUNT, "a process that hangs"):
        worker.run_for(600, step=5)

    reported = [one for one in worker.notifier.notifications if one.event is NotificationEvent.WINDOW_CLOSE_FAILED]
    assert len(reported) == 1
    assert reported[0].severity is Severity.CRITICAL
    assert "w-1" in reported[0].deduplication_key


# Without the database.


def test_p02_while_the_ledger_cannot_be_written_closing_alone_continues_with_the_spill(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 60)
    worker.database.is_ledger_writable = False
    worker.run_for(60)

    assert state_of(worker) is WindowState.CLOSED_VERIFIED
    assert worker.process.spilled.database.outcomes_of(Action.WINDOW_CLOSE) == [Result.DONE]


def test_while_the_database_cannot_be_written_the_window_is_closed_and_recorded_later(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 60)
    worker.run_for(59)
    worker.database.is_writable = False
    worker.run_for(5)

    assert worker.organization.root_users[ACCOUNT].is_empty
    assert state_of(worker) is WindowState.OPEN
    worker.database.is_writable = True
    worker.run_for(60)
    assert state_of(worker) is WindowState.CLOSED_VERIFIED


def test_while_the_database_cannot_be_read_what_is_known_is_closed_once(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 60)
    worker.open(ACCOUNTS[1], 7200)
    worker.run_for(30)
    worker.database.is_readable = False
    worker.run_for(300)

    assert worker.organization.root_users[ACCOUNT].is_empty
    assert not worker.organization.root_users[ACCOUNTS[1]].is_empty
    assert worker.process.spilled.database.outcomes_of(Action.WINDOW_CLOSE) == [Result.DONE]
    assert len([one for one in worker.remarks if "continues with the windows that are known" in one]) == 1

    worker.database.is_readable = True
    worker.run_for(60)
    assert state_of(worker) is WindowState.CLOSED_VERIFIED
    assert state_of(worker, "w-2") is WindowState.OPEN


def test_without_the_database_a_closing_that_fails_is_tried_again_more_and_more_seldom(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 60)
    worker.run_for(30)
    worker.database.is_readable = False
    worker.organization.fail("DeleteLoginProfile")
    worker.run_for(300)

    attempts = len(worker.process.spilled.database.outcomes_of(Action.WINDOW_CLOSE))
    assert 6 <= attempts <= 8
    worker.organization.heal()
    worker.run_for(60)
    assert worker.organization.root_users[ACCOUNT].is_empty


def test_p11_a_lock_that_cannot_be_confirmed_without_the_store_is_not_lost_to_another(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 60)
    worker.run_for(59)
    worker.database.are_leases_renewed = False

    def refuse(name: str) -> None:
        if name == f"intent {Action.WINDOW_CLOSE}":
            raise LockLostError("This process isn't registered with the database any more.")

    worker.database.before_commit = refuse
    worker.run_for(2)
    assert worker.organization.root_users[ACCOUNT].is_empty
    assert worker.process.spilled.database.outcomes_of(Action.WINDOW_CLOSE) == [Result.DONE]


def test_p27_a_lock_that_another_owner_has_is_lost_as_long_as_ours_are_renewed(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 60)

    def refuse(name: str) -> None:
        if name == f"intent {Action.WINDOW_CLOSE}":
            raise LockLostError("Another process has taken it over.")

    worker.database.before_commit = refuse
    worker.run_for(65)
    assert worker.process.spilled.database.entries == []
    assert not worker.organization.root_users[ACCOUNT].is_empty


def test_what_was_closed_without_the_database_is_reported_once_and_left_alone_until_it_can_be_recorded(
    worker: WindowWorker,
) -> None:
    worker.open(ACCOUNT, 60)
    worker.run_for(59)
    worker.database.is_writable = worker.database.are_leases_renewed = False
    worker.run_for(300)
    assert worker.process.spilled.database.outcomes_of(Action.WINDOW_CLOSE) == [Result.DONE]
    (notified,) = [one for one in worker.notifier.notifications if one.event is NotificationEvent.WINDOW_CLOSED]
    assert notified.severity is Severity.CRITICAL
    assert "spill file" in notified.body
    assert [one for one in worker.remarks if one.startswith("ALERT") and "The database can't record that" in one]
    worker.database.is_writable = worker.database.are_leases_renewed = True
    worker.run_for(5)
    assert state_of(worker) is WindowState.CLOSED_VERIFIED


@pytest.mark.parametrize("is_gone", [True, False])
def test_p11_an_older_copy_without_the_open_window_makes_nothing_forgotten(worker: WindowWorker, is_gone: bool) -> None:
    worker.open(ACCOUNT, 60)
    worker.run_for(30)
    if is_gone:
        del worker.database.windows["w-1"]
    else:
        before = replace(worker.database.windows["w-1"], state=WindowState.APPROVED, expires_at=None)
        worker.database.windows["w-1"] = before
    worker.run_for(35)
    assert worker.organization.root_users[ACCOUNT].is_empty
    assert worker.process.spilled.database.outcomes_of(Action.WINDOW_CLOSE)[0] is Result.DONE


# Windows in mid-step, and the end of the process.


def test_a_window_that_a_dead_process_was_opening_comes_to_its_end(worker: WindowWorker) -> None:
    worker.request(ACCOUNT, seconds=60)

    def die(name: str) -> None:
        if name == "outcome login_profile:create":
            raise Killed

    worker.database.before_commit = die
    with pytest.raises(Killed):
        worker.activate("w-1")
    worker.database.before_commit = None
    worker.die()
    assert state_of(worker) is WindowState.OPENING

    other = start(worker.organization, worker.database)
    other.run_for(2)
    assert state_of(worker) is WindowState.OPEN
    other.run_for(60)
    assert state_of(worker) is WindowState.CLOSED_VERIFIED
    assert worker.database.open_intents == []


def test_a_process_that_ends_begins_no_further_closing(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 60)
    worker.clock.advance(60)

    assert worker.window_close_loop.stop(0)
    worker.window_close_loop.tick()

    assert state_of(worker) is WindowState.OPEN


def test_the_order_is_shuffled_so_that_workers_begin_with_different_windows(worker: WindowWorker) -> None:
    for account_id in ACCOUNTS:
        worker.open(account_id, 60)
    worker.clock.advance(60)
    worker.window_close_loop.shuffle = lambda windows: windows.sort(key=lambda one: one.window_id, reverse=True)

    worker.window_close_loop.tick()

    deleted = [account_id for name, account_id in worker.organization.calls if name == "DeleteLoginProfile"]
    assert deleted == list(reversed(ACCOUNTS))


def test_of_more_windows_than_can_wait_those_that_were_due_first_are_closed_first(worker: WindowWorker) -> None:
    worker.work.is_immediate = False
    worker.window_close_loop.most_offered = 2
    for number, account_id in enumerate(ACCOUNTS):
        worker.open(account_id, 60 - 10 * number)
    worker.clock.advance(60)

    worker.window_close_loop.tick()
    worker.work.do_all()

    assert [state_of(worker, name) for name in ("w-1", "w-2", "w-3")] == [
        WindowState.OPEN,
        WindowState.CLOSED_VERIFIED,
        WindowState.CLOSED_VERIFIED,
    ]
    worker.window_close_loop.tick()
    worker.work.do_all()
    assert state_of(worker, "w-1") is WindowState.CLOSED_VERIFIED


def test_one_turn_reads_the_windows_that_are_not_over_once(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 3600)
    reads: list[str] = []
    worker.database.before_read = reads.append

    worker.window_close_loop.tick()

    assert reads == ["windows"]


class WatchedWindows:
    """Passes everything on, and notes whether the thread that reads may use the reserved connections."""

    def __init__(self, windows: object) -> None:
        self._windows = windows
        self.has_reserve: list[bool] = []

    def __getattr__(self, name: str) -> object:
        self.has_reserve.append(engines._thread.has_reserve)
        return getattr(self._windows, name)


def test_p32_windows_are_listed_and_closed_by_the_reserved_connections(
    worker: WindowWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.open(ACCOUNT, 60)
    worker.clock.advance(60)
    loop = worker.window_close_loop
    watched = WatchedWindows(loop.closing.windows)
    monkeypatch.setattr(loop.closing.acting, "get_store", lambda _: watched)
    worker.work.is_immediate = False
    loop.turn()
    listed = len(watched.has_reserve)
    worker.work.do_all()
    assert state_of(worker) is WindowState.CLOSED_VERIFIED
    assert 0 < listed < len(watched.has_reserve)
    assert all(watched.has_reserve)
    assert not engines._thread.has_reserve
