"""Every audit that reads an account counts as the re-read of the windows that were closed before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.audit.rules import AuditRequest, evaluate_stored
from rootkeeper.audit.service import AuditReport
from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import AwsAccessDeniedError, LedgerUnavailableError
from rootkeeper.exceptions.rules import DeletionException
from rootkeeper.ledger.rules import Action, LedgerEntry
from rootkeeper.notifications.rules import NotificationEvent, Severity
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.confirmations import Claim, Confirmation, ConfirmationBasis
from rootkeeper.organization.statuses import AccountStatus, FailOn, LoginProfile, Status, has_findings
from rootkeeper.settlement.lost_windows import LostWindowFinder
from rootkeeper.windows.rules import RecoveryWindow, WindowState, advance, begin_closing, record_closed
from tests.fakes.acting import make_settings
from tests.fakes.databases import Killed
from tests.fakes.desk import CLEAN, PROD, Desk
from tests.fakes.root_users import root_user_with_everything
from tests.fakes.stores import make_window

SETTINGS = make_settings()
REREADS = SETTINGS.windows.rereads
FIRST, LAST = min(REREADS), max(REREADS)
SETTLED = timedelta(seconds=SETTINGS.aws.verify_seconds)
ENDLESS = timedelta(days=365)


@pytest.fixture
def desk() -> Desk:
    """The window of an empty account was closed so long ago that AWS shows it."""
    desk = Desk()
    desk.organization.add_account(CLEAN, "clean")
    desk.organization.add_account(PROD, "prod", root_user=root_user_with_everything())
    close_window(desk)
    desk.clock.advance(int(SETTLED.total_seconds()) + 1)
    return desk


def make_open(desk: Desk, window_id: str = "w-1", account_id: AccountId = CLEAN) -> RecoveryWindow:
    return replace(make_window(account_id, desk.clock.now()), window_id=window_id, state=WindowState.OPEN)


def close_window(desk: Desk, window_id: str = "w-1", account_id: AccountId = CLEAN) -> RecoveryWindow:
    now = desk.clock.now()
    made = begin_closing(make_open(desk, window_id, account_id), now)
    desk.windows.kept[window_id] = record_closed(made, now, sorted(REREADS))
    return desk.windows.kept[window_id]


def set_password(desk: Desk, account_id: AccountId = CLEAN) -> None:
    """As another tool does."""
    desk.root_user(account_id).login_profile = LoginProfile(desk.clock.now(), None)


def audit(desk: Desk) -> AuditReport:
    report = desk.audit.run(desk.progress, AuditRequest())
    assert isinstance(report, AuditReport)
    return report


def window(desk: Desk, window_id: str = "w-1") -> RecoveryWindow:
    return desk.windows.kept[window_id]


def rereads(desk: Desk) -> list[LedgerEntry]:
    return [entry for entry in desk.ledger.entries if entry.action is Action.WINDOW_REREAD]


def status_of(report: AuditReport, account_id: AccountId = CLEAN) -> AccountStatus:
    return next(one for one in report.accounts if one.account.account_id == account_id)


AFTER_CLOSING = {
    "before the first re-read": FIRST - timedelta(minutes=5),
    "at the first re-read": FIRST,
    "after the last re-read": LAST + timedelta(hours=1),
    "a week after the last re-read": LAST + timedelta(days=6),
}


@pytest.mark.parametrize("later", AFTER_CLOSING.values(), ids=AFTER_CLOSING)
@pytest.mark.parametrize("are_rereads_made", [False, True], ids=["without a server", "re-reads made"])
def test_a_password_that_is_back_reopens_the_window(desk: Desk, later: timedelta, are_rereads_made: bool) -> None:
    closed = window(desk)
    if are_rereads_made:
        desk.windows.kept["w-1"] = replace(closed, next_reread_at=None, rereads_done=len(REREADS))
    desk.clock.advance(int(later.total_seconds()))
    set_password(desk)
    calls = len(desk.organization.changing_calls)
    report = audit(desk)

    reopened = window(desk)
    assert (reopened.state, reopened.first_closed_at) == (WindowState.CLOSING, closed.closed_at)
    assert reopened.is_reopened
    assert "Reopened by someone else: a root password found" in (reopened.failure or "")
    assert [(entry.parameters["window_id"], entry.parameters["found"]) for entry in rereads(desk)] == [
        ("w-1", ["a root password"])
    ]
    told = desk.notifier.notifications[-1]
    assert (told.event, told.severity, told.window_id) == (NotificationEvent.WINDOW_REOPENED, Severity.CRITICAL, "w-1")
    remark = next(one for one in desk.progress.remarks if one.startswith("ALERT"))
    assert CLEAN in remark
    assert "rootkeeper windows close w-1" in (render_hint(remark) or "")
    assert status_of(report).status is Status.PRESENT
    assert has_findings([status_of(report)], frozenset({FailOn.PRESENT}))
    assert len(desk.organization.changing_calls) == calls


def evaluate(desk: Desk, report: AuditReport) -> tuple[AccountStatus, ...]:
    """Evaluate the stored statuses as a list of accounts shows them now."""
    windows = desk.windows.list_windows()
    stored = desk.store.list_statuses()
    return evaluate_stored(report.inventory, stored, windows, (), now=desk.clock.now(), stale_after=timedelta(days=30))


def test_a_window_that_is_reopened_counts_as_present_until_it_is_closed(desk: Desk) -> None:
    set_password(desk)
    report = audit(desk)
    again = audit(desk)
    stored = evaluate(desk, report)

    assert status_of(again).status is Status.PRESENT
    assert {one.account.account_id: one.status for one in stored}[CLEAN] is Status.PRESENT
    assert len(rereads(desk)) == 1
    desk.windows.kept["w-1"] = record_closed(window(desk), desk.clock.now() + timedelta(seconds=1), sorted(REREADS))
    closed = evaluate(desk, report)
    assert {one.account.account_id: one.status for one in closed}[CLEAN] is Status.NOT_PRESENT


def test_long_after_the_last_re_read_credentials_may_be_anyones(desk: Desk) -> None:
    desk.windows.kept["w-1"] = replace(window(desk), next_reread_at=None, rereads_done=len(REREADS))
    desk.clock.advance(int((LAST + timedelta(days=7)).total_seconds()))
    set_password(desk)
    report = audit(desk)

    assert window(desk).state is WindowState.CLOSED_VERIFIED
    assert rereads(desk) == []
    assert status_of(report).status is Status.PRESENT


def test_long_overdue_re_reads_that_find_credentials_stay_owed_and_are_recorded_once(desk: Desk) -> None:
    due_at = window(desk).next_reread_at
    desk.clock.advance(int((LAST + timedelta(days=7)).total_seconds()))
    set_password(desk)
    audit(desk)
    audit(desk)

    assert (window(desk).state, window(desk).reread_due_at) == (WindowState.CLOSED_VERIFIED, due_at)
    assert [entry.parameters["is_clean"] for entry in rereads(desk)] == [False]


def test_a_clean_audit_is_the_re_read_that_is_due(desk: Desk) -> None:
    desk.clock.advance(int(FIRST.total_seconds()))
    audit(desk)

    assert (window(desk).state, window(desk).rereads_done) == (WindowState.CLOSED_VERIFIED, 1)
    assert [entry.parameters["is_clean"] for entry in rereads(desk)] == [True]


def test_a_clean_audit_before_a_re_read_is_due_leaves_it_due(desk: Desk) -> None:
    due_at = window(desk).next_reread_at
    audit(desk)

    assert (window(desk).rereads_done, window(desk).next_reread_at) == (0, due_at)
    assert rereads(desk) == []


def test_an_audit_makes_a_re_read_that_was_given_up(desk: Desk) -> None:
    desk.windows.kept["w-1"] = replace(window(desk), next_reread_at=None, reread_owed_at=window(desk).next_reread_at)
    desk.clock.advance(30 * 86_400)
    audit(desk)

    assert window(desk).reread_due_at is None


def test_an_account_that_cannot_be_read_counts_as_no_re_read(desk: Desk) -> None:
    desk.clock.advance(int(FIRST.total_seconds()))
    desk.organization.fail("GetAccountSummary", AwsAccessDeniedError("Denied."))
    due_at = window(desk).next_reread_at
    audit(desk)

    assert (window(desk).rereads_done, window(desk).next_reread_at) == (0, due_at)
    assert rereads(desk) == []


def test_a_reading_that_began_before_the_closing_says_nothing_about_it(desk: Desk) -> None:
    del desk.windows.kept["w-1"]
    desk.windows.kept["w-1"] = make_open(desk)
    set_password(desk)

    def close(operation: str, account_id: AccountId | None) -> None:
        if operation == "GetAccountSummary" and account_id == CLEAN and window(desk).state is WindowState.OPEN:
            close_window(desk)
            desk.clock.advance(3600)

    desk.organization.before_each_call(close)
    audit(desk)

    assert window(desk).state is WindowState.CLOSED_VERIFIED
    assert rereads(desk) == []


@pytest.mark.parametrize("is_back", [False, True], ids=["AWS showed the state before", "it is really back"])
def test_a_reading_just_after_the_closing_is_made_once_more_when_aws_has_settled(desk: Desk, is_back: bool) -> None:
    closed = close_window(desk)
    set_password(desk)
    if not is_back:
        seen: list[AccountId] = []

        def settle(operation: str, account_id: AccountId | None) -> None:
            if operation == "GetAccountSummary" and account_id == CLEAN:
                seen.append(CLEAN)
                if len(seen) == 2:
                    desk.root_user(CLEAN).login_profile = None

        desk.organization.before_each_call(settle)
    audit(desk)

    assert (window(desk).state is WindowState.CLOSING) is is_back
    assert bool(rereads(desk)) is is_back
    assert closed.closed_at is not None
    assert desk.clock.now() >= closed.closed_at + SETTLED


def except_account(desk: Desk) -> None:
    desk.exceptions.add(
        DeletionException(CLEAN, "ana", "Break-glass", desk.clock.now() + ENDLESS, "ana@desk", desk.clock.now())
    )


def confirm_failsafe(desk: Desk) -> None:
    desk.organization.delegated_administrators.append(CLEAN)
    now = desk.clock.now()
    desk.confirmations.add(
        Confirmation(
            CLEAN,
            Claim.KEPT,
            ConfirmationBasis.CHECK,
            "ana",
            "Every check passed",
            now + ENDLESS,
            "ana@desk",
            now,
            desk.organization.endpoint.label,
        )
    )


def keep_later(desk: Desk) -> None:
    desk.windows.kept["w-2"] = advance(make_open(desk, "w-2"), WindowState.KEPT, desk.clock.now())


def open_later(desk: Desk) -> None:
    desk.windows.kept["w-2"] = replace(make_open(desk, "w-2"), expires_at=desk.clock.now() + ENDLESS)


@pytest.mark.parametrize("mean", [except_account, confirm_failsafe, keep_later, open_later])
def test_credentials_that_a_person_keeps_are_no_reopening(desk: Desk, mean: Callable[[Desk], None]) -> None:
    desk.clock.advance(60)
    mean(desk)
    set_password(desk)
    audit(desk)

    assert window(desk).state is WindowState.CLOSED_VERIFIED
    assert window(desk).reread_due_at is None
    assert desk.notifier.notifications == []


def test_an_exception_from_before_the_closing_does_not_cover_a_later_password(desk: Desk) -> None:
    desk.exceptions.add(
        DeletionException(
            CLEAN, "ana", "Old key", desk.clock.now() + ENDLESS, "ana@desk", desk.clock.now() - timedelta(days=1)
        )
    )
    set_password(desk)
    audit(desk)

    assert window(desk).is_reopened


def test_the_windows_of_other_accounts_stay_as_they_are(desk: Desk) -> None:
    audit(desk)

    assert window(desk).state is WindowState.CLOSED_VERIFIED
    assert rereads(desk) == []


def test_a_request_that_waits_is_cancelled_because_the_account_has_credentials(desk: Desk) -> None:
    waiting = replace(
        make_window(CLEAN, desk.clock.now(), WindowState.REQUESTED), window_id="w-2", expires_at=None, opened_at=None
    )
    desk.windows.kept["w-2"] = waiting
    set_password(desk)
    audit(desk)

    assert window(desk, "w-2").state is WindowState.CANCELLED
    assert window(desk).is_reopened


def test_what_another_process_records_meanwhile_stays(desk: Desk) -> None:
    set_password(desk)
    again = record_closed(begin_closing(make_open(desk), desk.clock.now()), desk.clock.now(), sorted(REREADS))

    def meanwhile(_: str, entry: LedgerEntry) -> None:
        if entry.action is Action.WINDOW_REREAD:
            desk.windows.kept["w-1"] = again

    desk.ledger.note = meanwhile
    audit(desk)

    assert window(desk) == again
    assert desk.notifier.notifications == []


def test_a_ledger_that_cannot_be_written_reopens_nothing(desk: Desk) -> None:
    set_password(desk)

    def fail(_: str, entry: LedgerEntry) -> None:
        if entry.action is Action.WINDOW_REREAD:
            raise LedgerUnavailableError("The ledger can't be written.")

    desk.ledger.note = fail
    with pytest.raises(LedgerUnavailableError):
        audit(desk)

    assert window(desk).state is WindowState.CLOSED_VERIFIED
    assert desk.store.find_statuses((CLEAN,)) == {}


def test_p03_an_audit_that_dies_between_ledger_and_row_is_made_good_by_its_resumption(desk: Desk) -> None:
    set_password(desk)

    def die(_: str, entry: LedgerEntry) -> None:
        if entry.action is Action.WINDOW_REREAD:
            raise Killed

    desk.ledger.note = die
    with pytest.raises(Killed):
        audit(desk)
    assert window(desk).state is WindowState.CLOSED_VERIFIED
    desk.ledger.note = None
    audit(desk)

    assert window(desk).is_reopened
    assert len(rereads(desk)) == 2


def test_a_search_for_lost_windows_reopens_nothing(desk: Desk) -> None:
    """A window that the restored database lost may explain what is found."""
    set_password(desk)
    lost = LostWindowFinder(desk.act(), desk.audit).find(desk.clock.now() - timedelta(hours=1), desk.progress)

    assert [one.account.account_id for one in lost.found] == [CLEAN]
    assert window(desk).state is WindowState.CLOSED_VERIFIED
