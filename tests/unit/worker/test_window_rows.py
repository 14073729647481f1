"""A server compares the rows of windows with the ledger, reports edited rows, and corrects them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from rootkeeper.ledger.database import Database
from rootkeeper.ledger.rules import Action, ActorKind, Result
from rootkeeper.notifications.rules import NotificationEvent
from rootkeeper.values import render_time
from rootkeeper.windows.checks import record_request
from rootkeeper.windows.comparison import WindowComparison, find_row_contradictions
from rootkeeper.windows.decisions import WindowNotices
from rootkeeper.windows.opening import record_open
from rootkeeper.windows.rules import RecoveryWindow, WindowState
from rootkeeper.windows.store import RecoveryWindowStore
from rootkeeper.worker.window_rows import WindowRowMonitor
from tests.fakes.acting import make_acting
from tests.fakes.clock import FakeClock
from tests.fakes.notifications import RecordingNotifier
from tests.fakes.operators import RecordingProgress
from tests.unit.database.samples import ACCOUNT_ID, NOW, ORGANIZATION_ID, OTHER_ACCOUNT_ID, make_worker

END = NOW + timedelta(hours=1)
WINDOW = RecoveryWindow(
    window_id="w-1",
    organization_id=ORGANIZATION_ID,
    account_id=ACCOUNT_ID,
    state=WindowState.APPROVED,
    reason="drill",
    ticket=None,
    requested_by="olga",
    requested_by_kind=ActorKind.TOKEN,
    requested_at=NOW,
    duration_seconds=3600,
    approvals_needed=1,
    lapses_at=END,
)


class Desk:
    """A monitor on a real database, with an open window ``w-1``."""

    def __init__(self, database: Database) -> None:
        self.worker = make_worker(database)
        self.database = database
        self.windows = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
        self.notifier = RecordingNotifier()
        self.progress = RecordingProgress()
        clock = FakeClock()
        self.monitor = WindowRowMonitor(
            make_acting(clock, ledger=self.worker.ledger),
            self.progress,
            database.get_store(WindowComparison, ORGANIZATION_ID),
            self.windows,
            WindowNotices(self.notifier, clock, "AWS"),
        )
        self.open(WINDOW)

    def open(self, window: RecoveryWindow) -> None:
        ledger = self.worker.ledger
        record_request(ledger, self.windows, window)
        parameters = {"window_id": window.window_id, "expires_at": render_time(END)}
        intent = ledger.append_intent(Action.LOGIN_PROFILE_CREATE, account_id=window.account_id, parameters=parameters)
        ledger.append_outcome(intent, Result.DONE)
        opened = replace(window, state=WindowState.OPEN, opened_at=NOW, expires_at=END)
        self.windows.update(window.window_id, lambda _: opened)
        record_open(ledger, opened)

    def execute(self, statement: str, **values: object) -> None:
        with self.database.store.engine.begin() as connection:
            connection.execute(text(statement), values)

    def turn(self, count: int = 2) -> None:
        for _ in range(count):
            self.monitor.turn()

    @property
    def failure(self) -> str | None:
        return self.monitor.failure

    @property
    def reported(self) -> list[NotificationEvent]:
        return [notification.event for notification in self.notifier.notifications]


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def test_rows_that_fit_are_left_alone(desk: Desk) -> None:
    before = desk.windows.get("w-1")
    desk.turn()
    assert desk.failure is None
    assert desk.windows.get("w-1") == before
    assert desk.reported == []


def test_p11_a_row_that_hides_an_open_window_is_corrected_and_reported_once(desk: Desk) -> None:
    desk.execute("UPDATE recovery_windows SET state = 'CLOSED_VERIFIED', unfinished_account_id = NULL")
    desk.turn(1)
    assert desk.windows.get("w-1").state is WindowState.CLOSED_VERIFIED, "a step may be under way"
    desk.turn(1)
    assert "may be open" in (desk.failure or "")
    window = desk.windows.get("w-1")
    assert (window.state, window.expires_at) == (WindowState.OPEN, END)
    desk.turn()
    assert desk.failure is None
    assert desk.reported == [NotificationEvent.WINDOW_CONTRADICTED]
    assert "may be open" in desk.notifier.notifications[0].body
    assert len([remark for remark in desk.progress.remarks if remark.startswith("ALERT")]) == 1


def test_p11_a_later_end_is_corrected(desk: Desk) -> None:
    desk.execute("UPDATE recovery_windows SET expires_at = :later", later=render_time(END + timedelta(days=1)))
    desk.turn()
    assert desk.windows.get("w-1").expires_at == END


def test_p11_a_deleted_row_is_made_again(desk: Desk) -> None:
    desk.execute("DELETE FROM recovery_windows")
    desk.turn()
    window = desk.windows.get("w-1")
    assert (window.state, window.expires_at, window.account_id) == (WindowState.OPEN, END, ACCOUNT_ID)


@pytest.mark.parametrize("state", [WindowState.REQUESTED, WindowState.OPEN])
def test_p11_another_window_of_the_account_doesnt_keep_the_first_one_open(desk: Desk, state: WindowState) -> None:
    desk.execute("UPDATE recovery_windows SET state = 'CLOSED_VERIFIED', unfinished_account_id = NULL")
    other = replace(WINDOW, window_id="w-2", requested_at=NOW + timedelta(seconds=1))
    record_request(desk.worker.ledger, desk.windows, other)
    values = {"state": state.value, "later": render_time(END + timedelta(days=1))}
    desk.execute("UPDATE recovery_windows SET state = :state, expires_at = :later WHERE window_id = 'w-2'", **values)
    desk.turn(4)
    unfinished = desk.windows.find_unfinished(ACCOUNT_ID)
    assert unfinished is not None
    assert (unfinished.state, unfinished.expires_at) == (WindowState.OPEN, END)


def test_p20_a_verification_names_every_edited_row(desk: Desk) -> None:
    desk.open(replace(WINDOW, window_id="w-2", account_id=OTHER_ACCOUNT_ID))
    reader = desk.database.ledger_reader(find_row_contradictions)
    assert reader.verify().is_intact
    desk.execute("UPDATE recovery_windows SET approvals_needed = 0")
    desk.execute("DELETE FROM recovery_windows WHERE window_id = 'w-2'")
    verification = reader.verify()
    assert not verification.is_intact
    assert verification.first_bad_sequence is None
    assert verification.problem == "Recovery window w-1 needs 0 approvals, but its request needs 1."
    assert [problem[:19] for problem in verification.further_problems] == ["Recovery window w-2"]
