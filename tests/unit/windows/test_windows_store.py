"""Recovery windows in the database: one unfinished per account, and no step from another state than expected."""

from __future__ import annotations

import re
import threading
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import DatabaseError, InputError, WindowConflictError
from rootkeeper.ledger.database import Database, open_database
from rootkeeper.ledger.rules import ActorKind
from rootkeeper.organization.accounts import AccountId
from rootkeeper.windows.rules import FINAL_STATES, OWING_STATES, Approval, ApprovalPurpose, RecoveryWindow, WindowState
from rootkeeper.windows.store import RecoveryWindowStore
from tests.unit.database.samples import ACCOUNT_ID, NOW, ORGANIZATION_ID, OTHER_ACCOUNT_ID, Stage, raised_by

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
    windows = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
    bare = RecoveryWindow(
        window_id="w-2",
        organization_id=ORGANIZATION_ID,
        account_id=OTHER_ACCOUNT_ID,
        state=WindowState.REQUESTED,
        reason="drill",
        ticket=None,
        requested_by="operator",
        requested_at=NOW,
        duration_seconds=600,
    )
    windows.add(WINDOW)
    windows.add(bare)
    assert windows.get("w-1") == WINDOW
    assert windows.get("w-2") == bare
    assert windows.get(ACCOUNT_ID) == WINDOW
    assert windows.find_unfinished(ACCOUNT_ID) == WINDOW


@pytest.mark.parametrize("state", sorted(set(WindowState) - FINAL_STATES))
def test_an_account_with_an_unfinished_window_gets_no_other(database: Database, state: WindowState) -> None:
    windows = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
    windows.add(replace(WINDOW, state=state))
    error = raised_by(lambda: windows.add(replace(WINDOW, window_id="w-2")), WindowConflictError)
    assert "w-1" in error.message
    assert state.value in error.message
    assert f"rootkeeper windows {'close' if state in OWING_STATES else 'cancel'} w-1" in (render_hint(error.hint) or "")
    assert [window.window_id for window in windows.list_windows()] == ["w-1"]


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
def test_an_account_whose_window_is_over_may_get_another(database: Database, state: WindowState) -> None:
    windows = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
    windows.add(WINDOW)
    windows.change(replace(WINDOW, state=state), WindowState.OPEN)
    assert windows.find_unfinished(ACCOUNT_ID) is None
    later = replace(WINDOW, window_id="w-2", requested_at=NOW + timedelta(days=1))
    windows.add(later)
    assert windows.get(ACCOUNT_ID) == later
    assert [window.window_id for window in windows.list_windows()] == ["w-2", "w-1"]
    assert windows.list_windows(unfinished_only=True) == (later,)


EXACTLY = NOW.replace(microsecond=123_456)
FULL = replace(
    WINDOW,
    requested_by_kind=ActorKind.TOKEN,
    approvals_needed=2,
    approvals=(
        Approval("bob", ActorKind.SIGNED_IN, ApprovalPurpose.OPENING, EXACTLY, ACCOUNT_ID, "recovery", 3600, NOW, NOW),
        Approval("carol", ActorKind.TOKEN, ApprovalPurpose.EXTENDING, NOW, ACCOUNT_ID, "recovery", 60, NOW),
    ),
    lapses_at=NOW,
    activated_by="dave",
    closed_by="eve",
    is_emergency=True,
    review_due_at=NOW,
    reviewed_by="bob",
    is_drill=True,
    watched_by="file:/events",
    failed_closings=3,
    next_closing_at=NOW,
    rereads_done=1,
    next_reread_at=NOW,
    reread_owed_at=NOW,
    first_closed_at=NOW,
    reopened_at=NOW,
)


def test_every_field_of_a_window_is_kept(database: Database) -> None:
    windows = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
    windows.add(FULL)
    assert windows.get("w-1") == FULL
    unset = [one.name for one in fields(FULL) if getattr(FULL, one.name) in (one.default, None)]
    assert unset == []


def test_a_step_that_is_refused_leaves_the_window_as_it_was(database: Database) -> None:
    windows = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
    windows.add(WINDOW)

    def refuse(_: RecoveryWindow) -> RecoveryWindow:
        raise WindowConflictError("No.")

    raised_by(lambda: windows.update("w-1", refuse), WindowConflictError)
    raised_by(lambda: windows.update("w-9", lambda one: one), InputError)
    assert windows.get("w-1") == WINDOW


def test_of_many_steps_at_once_each_sees_what_the_one_before_it_wrote(database: Database) -> None:
    windows = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
    windows.add(WINDOW)

    def count() -> None:
        for _ in range(20):
            windows.update("w-1", lambda one: replace(one, failed_closings=one.failed_closings + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert windows.get("w-1").failed_closings == 80


def test_what_is_due_is_listed_and_nothing_else(database: Database) -> None:
    windows = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
    waiting = replace(WINDOW, state=WindowState.REQUESTED, lapses_at=NOW, expires_at=None, closed_at=None)
    windows.add(waiting)
    later = replace(waiting, window_id="w-2", account_id=OTHER_ACCOUNT_ID, lapses_at=NOW + timedelta(seconds=1))
    windows.add(later)
    assert windows.list_lapsing(NOW) == (waiting,)
    assert windows.list_lapsing(NOW + timedelta(seconds=1)) == (waiting, later)

    urgent = replace(waiting, state=WindowState.OPEN, review_due_at=NOW)
    windows.change(urgent, WindowState.REQUESTED)
    assert windows.list_lapsing(NOW) == ()
    assert windows.list_reviews_due(NOW) == (urgent,)
    assert windows.list_reviews_due(NOW - timedelta(seconds=1)) == ()
    windows.update("w-1", lambda one: replace(one, reviewed_by="bob"))
    assert windows.list_reviews_due(NOW) == ()


def test_an_accounts_windows_are_listed_the_newest_first(database: Database) -> None:
    windows = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
    old = replace(WINDOW, state=WindowState.CLOSED_VERIFIED)
    new = replace(WINDOW, window_id="w-2", requested_at=NOW + timedelta(days=1))
    windows.add(replace(WINDOW, window_id="w-3", account_id=OTHER_ACCOUNT_ID))
    windows.add(WINDOW)
    windows.change(old, WindowState.OPEN)
    windows.add(new)
    assert windows.list_of_account(ACCOUNT_ID) == (new, old)


@pytest.mark.parametrize("listing", ["list_windows", "list_lapsing", "list_overdue", "list_rereads_due"])
def test_windows_that_are_over_cost_the_loops_nothing(tmp_path: Path, listing: str) -> None:
    """However many there are: the loops look each second, so SQLite must not look at all of them."""
    with open_database(f"sqlite:///{tmp_path}/rootkeeper.db") as database:
        plan = explain(database, listing)
    assert "USING INDEX" in plan, plan
    assert re.search(r"unfinished_account_id>|next_reread_at<", plan), plan


def explain(database: Database, listing: str) -> str:
    """How SQLite finds what a listing asks for."""
    windows = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
    statements: list[str] = []

    def note(*arguments: Any) -> None:
        statements.append(str(arguments[2]))

    engine = windows._store.engine
    event.listen(engine, "before_cursor_execute", note)
    if listing == "list_windows":
        windows.list_windows(unfinished_only=True)
    else:
        getattr(windows, listing)(NOW)
    event.remove(engine, "before_cursor_execute", note)
    (statement,) = [one for one in statements if one.startswith("SELECT recovery_windows")]
    literal = re.sub(r"\?|%\(\w+\)s|:\w+", "'x'", statement)
    with engine.connect() as connection:
        return " ".join(str(row) for row in connection.execute(text(f"EXPLAIN QUERY PLAN {literal}")))


def test_a_window_that_has_moved_on_isnt_changed(database: Database) -> None:
    windows = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
    windows.add(WINDOW)
    windows.change(replace(WINDOW, state=WindowState.CLOSING), WindowState.OPEN)
    error = raised_by(
        lambda: windows.change(replace(WINDOW, state=WindowState.CLOSE_FAILED), WindowState.OPEN), WindowConflictError
    )
    assert "it is CLOSING" in error.message
    assert windows.get("w-1").state is WindowState.CLOSING
    raised_by(lambda: windows.change(replace(WINDOW, window_id="w-9"), WindowState.OPEN), WindowConflictError)


def test_a_window_that_isnt_there_is_the_users_mistake(database: Database) -> None:
    error = raised_by(lambda: database.get_store(RecoveryWindowStore, ORGANIZATION_ID).get("w-9"), InputError)
    assert "w-9" in error.message
    assert error.hint is not None


def test_overdue_windows_are_those_that_owe_their_closing_the_most_overdue_first(database: Database) -> None:
    windows = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
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
    database.get_store(RecoveryWindowStore, ORGANIZATION_ID).add(WINDOW)
    elsewhere = database.get_store(RecoveryWindowStore, "o-otherorgid00")
    assert elsewhere.list_windows() == ()
    assert elsewhere.find_unfinished(ACCOUNT_ID) is None
    assert elsewhere.list_overdue(NOW + timedelta(days=9)) == ()
    raised_by(lambda: elsewhere.get("w-1"), InputError)
    with pytest.raises(ValueError, match="belongs to"):
        elsewhere.add(WINDOW)


def test_a_text_that_cant_be_encoded_is_the_users_mistake(database: Database) -> None:
    windows = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
    raised_by(lambda: windows.add(replace(WINDOW, reason="\udcff")), InputError)
    assert windows.list_windows() == ()


def test_a_database_that_is_gone_is_reported(stage: Stage, database: Database) -> None:
    windows = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
    stage.run_sql("DROP TABLE recovery_windows")
    raised_by(lambda: windows.add(WINDOW), DatabaseError)
    raised_by(windows.list_windows, DatabaseError)


DAMAGES = [
    "UPDATE recovery_windows SET state = 'AJAR'",
    "UPDATE recovery_windows SET approvals = '[{}]'",
    "UPDATE recovery_windows SET approvals = '['",
    "UPDATE recovery_windows SET expires_at = 'soon'",
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_row_is_an_error_of_the_database_that_says_what_to_do(
    stage: Stage, database: Database, damage: str
) -> None:
    windows = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
    windows.add(WINDOW)
    stage.run_sql(damage)
    for read in (lambda: windows.list_windows(unfinished_only=True), windows.list_windows, lambda: windows.get("w-1")):
        error = raised_by(read, DatabaseError)
        assert "damaged" in error.message
        assert "rootkeeper ledger verify" in (render_hint(error.hint) or "")
