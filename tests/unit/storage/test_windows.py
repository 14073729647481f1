"""Recovery windows in the database: one unfinished per account, and no step from another state than expected."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.windows import FINAL_STATES, OWING_STATES, RecoveryWindow, WindowState
from rootkeeper.errors import DatabaseError, InputError, WindowConflictError
from rootkeeper.storage.database import Database
from tests.unit.storage.samples import ACCOUNT_ID, NOW, ORGANIZATION_ID, OTHER_ACCOUNT_ID, Stage, raised_by

WINDOW = RecoveryWindow(
    window_id="w-1",
    organization_id=ORGANIZATION_ID,
    account_id=ACCOUNT_ID,
    state=WindowState.OPEN,
    reason="the invoice can't be seen",
    ticket="T-1",
    requested_by="operator",
    requested_at=NOW,
    duration_seconds=3600,
    approved_by=("approver", "another"),
    opened_at=NOW + timedelta(seconds=1),
    expires_at=NOW + timedelta(hours=1),
    closed_at=NOW + timedelta(hours=2),
    failure="denied",
)


def test_a_window_is_read_as_it_was_added(database: Database) -> None:
    windows = database.windows(ORGANIZATION_ID)
    bare = RecoveryWindow(
        "w-2", ORGANIZATION_ID, OTHER_ACCOUNT_ID, WindowState.REQUESTED, "drill", None, "operator", NOW, 600
    )
    windows.add(WINDOW)
    windows.add(bare)
    assert windows.get("w-1") == WINDOW
    assert windows.get("w-2") == bare
    assert windows.get(ACCOUNT_ID) == WINDOW
    assert windows.find_unfinished(ACCOUNT_ID) == WINDOW


@pytest.mark.parametrize("state", sorted(set(WindowState) - FINAL_STATES))
def test_an_account_with_an_unfinished_window_gets_no_other(database: Database, state: WindowState) -> None:
    windows = database.windows(ORGANIZATION_ID)
    windows.add(replace(WINDOW, state=state))
    error = raised_by(lambda: windows.add(replace(WINDOW, window_id="w-2")), WindowConflictError)
    assert "w-1" in error.message
    assert state.value in error.message
    assert error.hint is not None
    assert [window.window_id for window in windows.list_windows()] == ["w-1"]


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
def test_an_account_whose_window_is_over_may_get_another(database: Database, state: WindowState) -> None:
    windows = database.windows(ORGANIZATION_ID)
    windows.add(WINDOW)
    windows.change(replace(WINDOW, state=state), WindowState.OPEN)
    assert windows.find_unfinished(ACCOUNT_ID) is None
    later = replace(WINDOW, window_id="w-2", requested_at=NOW + timedelta(days=1))
    windows.add(later)
    assert windows.get(ACCOUNT_ID) == later
    assert [window.window_id for window in windows.list_windows()] == ["w-2", "w-1"]
    assert windows.list_windows(unfinished_only=True) == (later,)


def test_a_window_that_has_moved_on_isnt_changed(database: Database) -> None:
    windows = database.windows(ORGANIZATION_ID)
    windows.add(WINDOW)
    windows.change(replace(WINDOW, state=WindowState.CLOSING), WindowState.OPEN)
    error = raised_by(
        lambda: windows.change(replace(WINDOW, state=WindowState.CLOSE_FAILED), WindowState.OPEN), WindowConflictError
    )
    assert "it is CLOSING" in error.message
    assert windows.get("w-1").state is WindowState.CLOSING
    raised_by(lambda: windows.change(replace(WINDOW, window_id="w-9"), WindowState.OPEN), WindowConflictError)


def test_a_window_that_isnt_there_is_the_users_mistake(database: Database) -> None:
    error = raised_by(lambda: database.windows(ORGANIZATION_ID).get("w-9"), InputError)
    assert "w-9" in error.message
    assert error.hint is not None


def test_overdue_windows_are_those_that_owe_their_closing_the_most_overdue_first(database: Database) -> None:
    windows = database.windows(ORGANIZATION_ID)
    for number, state in enumerate(WindowState):
        account_id = AccountId(f"{number:012d}")
        expires_at = NOW - timedelta(minutes=number)
        windows.add(replace(WINDOW, window_id=f"w-{number}", account_id=account_id, state=state, expires_at=expires_at))
    windows.add(replace(WINDOW, window_id="w-later", expires_at=NOW + timedelta(seconds=1)))
    windows.add(replace(WINDOW, window_id="w-endless", account_id=OTHER_ACCOUNT_ID, expires_at=None))
    overdue = windows.list_overdue(NOW)
    assert {window.state for window in overdue} == OWING_STATES
    assert [window.expires_at for window in overdue] == sorted(
        (window.expires_at for window in overdue if window.expires_at), key=lambda at: at
    )
    assert all(window.is_overdue(NOW) for window in overdue)


def test_the_windows_of_another_organization_arent_seen(database: Database) -> None:
    database.windows(ORGANIZATION_ID).add(WINDOW)
    elsewhere = database.windows("o-otherorgid00")
    assert elsewhere.list_windows() == ()
    assert elsewhere.find_unfinished(ACCOUNT_ID) is None
    assert elsewhere.list_overdue(NOW + timedelta(days=9)) == ()
    raised_by(lambda: elsewhere.get("w-1"), InputError)
    with pytest.raises(ValueError, match="belongs to"):
        elsewhere.add(WINDOW)


def test_a_text_that_cant_be_encoded_is_the_users_mistake(database: Database) -> None:
    windows = database.windows(ORGANIZATION_ID)
    raised_by(lambda: windows.add(replace(WINDOW, reason="\udcff")), InputError)
    assert windows.list_windows() == ()


def test_a_database_that_is_gone_is_told(stage: Stage, database: Database) -> None:
    windows = database.windows(ORGANIZATION_ID)
    stage.run_sql("DROP TABLE recovery_windows")
    raised_by(lambda: windows.add(WINDOW), DatabaseError)
    raised_by(windows.list_windows, DatabaseError)
