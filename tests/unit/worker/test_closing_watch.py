"""A closing that doesn't end is tried again beside the attempt that hangs, and the server isn't ready meanwhile."""

from __future__ import annotations

import pytest

from rootkeeper.errors import DatabaseError
from rootkeeper.ledger.rules import Action, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import LoginProfile
from rootkeeper.windows.approvals import WindowPolicy
from rootkeeper.windows.closing import AGAIN_SECONDS
from rootkeeper.windows.rules import WindowState
from rootkeeper.worker.closing import LATE_SECONDS
from tests.fakes.clock import FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.organization import FakeOrganization
from tests.fakes.root_users import FakeRootUser
from tests.fakes.window_workers import WindowWorker

ACCOUNT = AccountId("222233334444")


@pytest.fixture
def worker() -> WindowWorker:
    organization = FakeOrganization(FakeClock())
    organization.add_account(ACCOUNT)
    worker = WindowWorker(organization, FakeDatabase(organization.clock), WindowPolicy(approvals=0))
    worker.open(ACCOUNT, 60)
    worker.clock.advance(59)
    worker.window_close_loop.tick()
    worker.work.is_immediate = False  # the threads hang
    return worker


def watch_for(worker: WindowWorker, seconds: float) -> None:
    for _ in range(int(seconds * 4)):
        worker.window_close_loop.watch()
        worker.clock.advance(0.25)
    worker.window_close_loop.watch()


def is_empty(worker: WindowWorker) -> bool:
    return worker.organization.root_users[ACCOUNT].is_empty


def test_p11_a_window_whose_closing_hangs_is_closed_by_another_thread(worker: WindowWorker) -> None:
    worker.clock.advance(1)
    worker.window_close_loop.turn()
    watch_for(worker, AGAIN_SECONDS - 1)
    assert not is_empty(worker)
    watch_for(worker, 1)
    assert is_empty(worker)
    assert worker.state_of("w-1") is WindowState.CLOSED_VERIFIED
    assert any("Closing it again on a new connection" in remark for remark in worker.remarks)

    worker.work.do_all()  # the first attempt ends at last
    assert len(worker.database.outcomes_of(Action.WINDOW_CLOSE)) == 1


def test_p11_an_attempt_that_hangs_with_the_lock_shares_it(worker: WindowWorker) -> None:
    """The second attempt is in the ledger, and the lock is free only after both."""
    worker.clock.advance(1)
    tried: list[str] = []

    def hang(operation: str, _: AccountId | None) -> None:
        if operation == "AssumeRoot" and not tried:
            tried.append(operation)
            worker.window_close_loop.tick()
            watch_for(worker, AGAIN_SECONDS)

    worker.organization.before_each_call(hang)
    worker.work.is_immediate = True
    worker.window_close_loop.turn()

    assert is_empty(worker)
    assert worker.state_of("w-1") is WindowState.CLOSED_VERIFIED
    assert worker.database.outcomes_of(Action.WINDOW_CLOSE)[0] is Result.DONE
    assert worker.reported == []


def test_p11_a_window_of_an_account_that_another_process_holds_is_emptied_beside_it(worker: WindowWorker) -> None:
    other = WindowWorker(worker.organization, worker.database, WindowPolicy(approvals=0))
    with other.process.locks.hold(ACCOUNT, "something that hangs"):
        worker.clock.advance(1)
        watch_for(worker, AGAIN_SECONDS)
        assert is_empty(worker)
        assert worker.state_of("w-1") is WindowState.OPEN, "only its holder, or the next attempt, records it"
    worker.work.is_immediate = True
    worker.run_for(5)
    assert worker.state_of("w-1") is WindowState.CLOSED_VERIFIED


def test_p11_a_database_that_does_not_answer_is_not_waited_for(worker: WindowWorker) -> None:
    worker.clock.advance(1)

    def hang(_: str) -> None:
        worker.database.before_read = refuse
        watch_for(worker, AGAIN_SECONDS)
        raise DatabaseError("It hung.")

    def refuse(what: str) -> None:
        raise AssertionError(f"{what} was read")

    worker.database.before_read = hang
    worker.window_close_loop.tick()
    assert is_empty(worker)


def test_p27_a_process_that_was_stopped_does_not_take_its_silence_for_the_databases(worker: WindowWorker) -> None:
    """Another process closed the window meanwhile, and what is allowed since then belongs to someone else."""
    other = WindowWorker(worker.organization, worker.database, WindowPolicy(approvals=0))
    worker.clock.advance(1)
    watch_for(worker, 1)

    def stop(_: str) -> None:
        worker.database.before_read = lambda _: None
        worker.window_close_loop.watch()
        worker.clock.advance(60)
        other.run_for(1)
        assert worker.state_of("w-1") is WindowState.CLOSED_VERIFIED
        worker.organization.root_users[ACCOUNT] = FakeRootUser(login_profile=LoginProfile(worker.clock.now(), None))
        worker.window_close_loop.watch()

    worker.database.before_read = stop
    worker.window_close_loop.tick()
    assert not is_empty(worker)


def test_p11_a_window_that_stays_open_makes_the_server_unready(worker: WindowWorker) -> None:
    worker.again.is_immediate = False
    worker.clock.advance(1)
    watch_for(worker, LATE_SECONDS - 1)
    assert worker.window_close_loop.count_late() == 0
    watch_for(worker, 1)
    assert worker.window_close_loop.count_late() == 1

    worker.again.do_all()
    worker.clock.advance(1)
    worker.window_close_loop.turn()
    worker.window_close_loop.watch()
    assert worker.window_close_loop.count_late() == 0


def test_a_window_that_is_closed_on_time_is_not_closed_again(worker: WindowWorker) -> None:
    worker.work.is_immediate = True
    worker.clock.advance(1)
    worker.window_close_loop.turn()
    for _ in range(20):
        watch_for(worker, 1)
        worker.window_close_loop.turn()
    assert len(worker.database.outcomes_of(Action.WINDOW_CLOSE)) == 1
    assert not any("Closing it again" in remark for remark in worker.remarks)
