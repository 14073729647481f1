"""A report is made from what database and ledger know of one window."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from rootkeeper.errors import InputError
from rootkeeper.evidence.windows import WindowReporter
from rootkeeper.organization.accounts import AccountId
from rootkeeper.watching.rules import EventVerdict, WatchedEvent
from rootkeeper.watching.store import WatchedEventReader
from rootkeeper.windows.approvals import WindowPolicy
from tests.fakes.clock import FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.organization import FakeOrganization
from tests.fakes.stores import InMemoryLedger
from tests.fakes.window_workers import WindowWorker

ACCOUNT = AccountId("222233334444")


@dataclass
class OneEvent(WatchedEventReader):
    """Implements WatchedEventReader: one sign-in in window w-1."""

    worker: WindowWorker

    def list_of_window(self, window_id: str) -> tuple[WatchedEvent, ...]:
        event = WatchedEvent(
            "e-1", ACCOUNT, self.worker.clock.now(), "ConsoleLogin", EventVerdict.EXPECTED, "Expected."
        )
        return (event,) if window_id == "w-1" else ()

    def list_of_account(self, account_id: AccountId) -> tuple[WatchedEvent, ...]:
        return ()


@pytest.fixture
def worker() -> WindowWorker:
    organization = FakeOrganization(FakeClock())
    organization.add_account(ACCOUNT, "workload")
    return WindowWorker(organization, FakeDatabase(organization.clock), WindowPolicy(approvals=1))


def make_reporting(worker: WindowWorker) -> WindowReporter:
    ledger = InMemoryLedger(worker.clock, entries=worker.database.entries)
    return WindowReporter(worker.process.windows, ledger, OneEvent(worker), "AWS", "o-exampleorgid")


def test_a_report_shows_the_windows_own_steps(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 60)
    worker.run_for(60)
    worker.request(ACCOUNT)

    report = make_reporting(worker).report("w-1")

    assert [step.what for step in report.steps] == [
        "window:request",
        "window:approve",
        "window:activate",
        "window:open",
        "window:close",
    ]
    assert {step.result for step in report.steps} == {"done"}
    assert [event.event_id for event in report.events] == ["e-1"]
    assert report.closed_at is not None
    assert make_reporting(worker).report(ACCOUNT).window.window_id == "w-2"


def test_entries_of_another_organization_in_the_same_database_are_left_out(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 60)
    worker.database.entries[:] = [replace(one, organization_id="o-otherorgid") for one in worker.database.entries]

    assert make_reporting(worker).report("w-1").steps == ()


def test_a_window_that_is_not_there_is_an_input_error(worker: WindowWorker) -> None:
    with pytest.raises(InputError):
        make_reporting(worker).report("w-9")
