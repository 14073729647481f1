"""Waiting for the end of a window, and closing it however often it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from threading import Event

import pytest

from rootkeeper.organization.accounts import AccountId
from rootkeeper.windows.closing import WaitResult
from rootkeeper.windows.rules import CloseOutcome, RecoveryWindow, WindowState
from tests.fakes.clock import START, FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.operators import Operator
from tests.fakes.organization import FakeOrganization

ACCOUNT = AccountId("222233334444")


@pytest.fixture
def organization() -> FakeOrganization:
    fake = FakeOrganization(FakeClock())
    fake.add_account(ACCOUNT, "workload")
    return fake


@pytest.fixture
def operator(organization: FakeOrganization) -> Operator:
    return Operator(organization, FakeDatabase(organization.clock))


@pytest.fixture
def window(operator: Operator) -> RecoveryWindow:
    return operator.open(ACCOUNT, 600).window


def never() -> bool:
    return False


def after(operator: Operator, seconds: float) -> Callable[[], bool]:
    end = operator.clock.now() + timedelta(seconds=seconds)
    return lambda: operator.clock.now() >= end


def test_waiting_ends_at_the_windows_end_in_steps_of_at_most_a_second(
    operator: Operator, window: RecoveryWindow
) -> None:
    assert operator.waiting.wait(window, never) is WaitResult.DUE
    assert operator.clock.now() == START + timedelta(seconds=600)
    assert max(operator.clock.slept) <= 1


def test_a_stop_is_noticed_within_a_second(operator: Operator, window: RecoveryWindow) -> None:
    assert operator.waiting.wait(window, after(operator, 42)) is WaitResult.STOPPED
    assert operator.clock.now() <= START + timedelta(seconds=43)


def test_a_window_that_is_past_its_end_is_due_at_once(operator: Operator, window: RecoveryWindow) -> None:
    operator.clock.advance(601)
    slept = len(operator.clock.slept)

    assert operator.waiting.wait(window, never) is WaitResult.DUE
    assert len(operator.clock.slept) == slept


class SetBackClock(FakeClock):
    """The wall clock is set back by a day while the window is open."""

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.monotonic() - 1000.0 > 60 and not hasattr(self, "is_set_back"):
            self.is_set_back = True
            self._now -= timedelta(days=1)


def test_a_wall_clock_that_is_set_back_does_not_keep_a_window_open() -> None:
    organization = FakeOrganization(SetBackClock())
    organization.add_account(ACCOUNT, "workload")
    operator = Operator(organization, FakeDatabase(organization.clock))
    window = operator.open(ACCOUNT, 600).window

    assert operator.waiting.wait(window, never) is WaitResult.DUE
    assert operator.clock.monotonic() <= 1000 + 602


def test_a_window_that_someone_else_closed_ends_the_waiting(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    other = Operator(organization, operator.database)
    is_closed = after(operator, 100)

    def close_elsewhere() -> bool:
        if is_closed() and operator.database.windows["w-1"].state is WindowState.OPEN:
            other.close(window)
        return False

    assert operator.waiting.wait(window, close_elsewhere) is WaitResult.OVER
    assert operator.clock.now() < START + timedelta(seconds=600)


def test_a_window_that_a_server_prolongs_meanwhile_is_waited_for_to_its_new_end(
    operator: Operator, window: RecoveryWindow
) -> None:
    is_time = after(operator, 595)

    def prolong_once() -> bool:
        if is_time() and operator.database.windows["w-1"].duration_seconds == 600:
            operator.windows.update("w-1", prolong)
        return False

    def prolong(found: RecoveryWindow) -> RecoveryWindow:
        end = None if found.expires_at is None else found.expires_at + timedelta(seconds=300)
        return replace(found, expires_at=end, duration_seconds=900)

    shown: list[RecoveryWindow] = []
    assert operator.waiting.wait(window, prolong_once, shown.append) is WaitResult.DUE
    assert operator.clock.now() == START + timedelta(seconds=900)
    assert shown[-1].expires_at == START + timedelta(seconds=900)


def test_a_database_that_cannot_be_read_does_not_end_the_waiting(operator: Operator, window: RecoveryWindow) -> None:
    operator.database.is_writable = False

    assert operator.waiting.wait(window, never) is WaitResult.DUE


def test_how_long_it_still_lasts_is_said_at_times(operator: Operator, window: RecoveryWindow) -> None:
    operator.waiting.wait(window, never)

    said = [remark for remark in operator.progress.remarks if "closes in" in remark]
    assert len(said) == 2
    assert "0:10:00" in said[0]


def test_a_failed_closing_is_tried_again_at_most_a_minute_later_until_it_succeeds(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    organization.fail("DeleteLoginProfile", times=7)
    times: list[float] = []
    organization.before_each_call(
        lambda operation, _: times.append(operator.clock.monotonic()) if operation == "DeleteLoginProfile" else None
    )

    closing = operator.waiting.close(window)

    assert closing.outcome is CloseOutcome.CLOSED
    assert len(times) == 8
    assert max(later - earlier for earlier, later in pairwise(times)) <= 65


def test_a_stop_between_two_attempts_ends_with_the_failure(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    organization.fail("DeleteLoginProfile")

    closing = operator.waiting.close(window, after(operator, 200))

    assert closing.outcome is CloseOutcome.FAILED
    assert operator.database.windows["w-1"].state is WindowState.CLOSE_FAILED


def test_a_stop_before_closing_still_closes_once(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    assert operator.waiting.close(window, lambda: True).outcome is CloseOutcome.CLOSED


def test_a_closing_that_only_could_not_be_recorded_is_not_repeated(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    operator.database.is_writable = False
    sessions = organization.sessions_opened

    assert operator.waiting.close(window).outcome is CloseOutcome.CLOSED_UNRECORDED
    assert organization.sessions_opened == sessions + 2


def test_p11_a_closing_that_hangs_is_done_by_another_thread(
    operator: Operator, window: RecoveryWindow, organization: FakeOrganization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rootkeeper.windows.closing.AGAIN_SECONDS", 0.05)
    hanging, is_over = [True], Event()

    def hang(operation: str, _: AccountId | None) -> None:
        if operation == "AssumeRoot" and hanging:
            hanging.clear()
            is_over.wait(10)

    organization.before_each_call(hang)
    operator.clock.advance(600)
    try:
        closing = operator.waiting.close(window)
    finally:
        is_over.set()

    assert closing.outcome is CloseOutcome.CLOSED
    assert organization.root_users[ACCOUNT].is_empty
    assert any("Closing it again on a new connection" in remark for remark in operator.progress.remarks)
