"""After a window's closing its account is read again; all that is found is closed once more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.errors import AwsAccessDeniedError, AwsThrottledError
from rootkeeper.exceptions.rules import DeletionException
from rootkeeper.inventory.store import InventoryStore
from rootkeeper.ledger.rules import Action
from rootkeeper.notifications.rules import NotificationEvent, Severity
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import (
    AccessKey,
    AccountRole,
    AccountStatus,
    LoginProfile,
    RootCredentialsSummary,
    Status,
)
from rootkeeper.windows.approvals import WindowPolicy
from rootkeeper.windows.rules import RecoveryWindow, WindowState, advance, reopen
from tests.fakes.clock import FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.organization import FakeOrganization
from tests.fakes.stores import make_window
from tests.fakes.window_workers import REREADS, WindowWorker

ACCOUNT = AccountId("222233334444")
NOTHING = RootCredentialsSummary(
    has_password=False, has_access_keys=False, has_signing_certificates=False, has_mfa_devices=False
)


@pytest.fixture
def worker() -> WindowWorker:
    """A window of a minute was closed just now."""
    organization = FakeOrganization(FakeClock())
    organization.add_account(ACCOUNT, "workload")
    made = WindowWorker(organization, FakeDatabase(organization.clock), WindowPolicy(approvals=0, rereads=REREADS))
    made.open(ACCOUNT, 60)
    made.run_for(60)
    return made


def window(worker: WindowWorker, window_id: str = "w-1") -> RecoveryWindow:
    return worker.database.windows[window_id]


def count_rereads(worker: WindowWorker) -> int:
    return len(worker.database.outcomes_of(Action.WINDOW_REREAD))


def make_key(worker: WindowWorker) -> None:
    """What a live console session may do after its password is gone."""
    key = AccessKey("AKIAIOSFODNN7EXAMPLE", True, worker.clock.now(), None)
    worker.organization.root_users[ACCOUNT].access_keys.append(key)


def test_the_account_is_read_again_at_each_of_the_times(worker: WindowWorker) -> None:
    closed_at = worker.clock.now()
    times = []
    for _ in range(25 * 60):
        before = count_rereads(worker)
        worker.run_for(60, step=60)
        if count_rereads(worker) > before:
            times.append(worker.clock.now() - closed_at)

    assert times == list(REREADS)
    assert window(worker).next_reread_at is None
    assert window(worker).rereads_done == 4
    assert window(worker).state is WindowState.CLOSED_VERIFIED


def test_a_re_read_opens_an_audit_session_and_nothing_else(worker: WindowWorker) -> None:
    before = len(worker.organization.calls)
    worker.clock.advance(900)
    worker.upkeep.tick()

    operations = [operation for operation, _ in worker.organization.calls[before:]]
    assert operations == ["DescribeAccount", "AssumeRoot", "GetCallerIdentity", "GetAccountSummary"]
    assert worker.database.open_intents == []


def test_p11_anything_found_closes_the_window_once_more_and_alerts(worker: WindowWorker) -> None:
    make_key(worker)
    worker.clock.advance(900)
    worker.upkeep.tick()

    assert window(worker).state is WindowState.CLOSING
    reported = worker.notifier.notifications[-1]
    assert (reported.event, reported.severity) == (NotificationEvent.WINDOW_REOPENED, Severity.CRITICAL)
    assert "access keys" in reported.body
    worker.run_for(1)
    assert window(worker).state is WindowState.CLOSED_VERIFIED
    assert worker.organization.root_users[ACCOUNT].is_empty
    assert window(worker).next_reread_at == worker.clock.now() + REREADS[0]


@pytest.mark.parametrize("operation", ["AssumeRoot", "GetCallerIdentity", "GetAccountSummary"])
@pytest.mark.parametrize("error", [AwsAccessDeniedError("Denied."), AwsThrottledError("Slow down.")])
def test_p06_what_cannot_be_read_is_never_clean_and_is_read_again_in_a_minute(
    worker: WindowWorker, operation: str, error: Exception
) -> None:
    worker.organization.fail(operation, error)
    worker.clock.advance(900)
    worker.upkeep.tick()

    assert count_rereads(worker) == 0
    assert window(worker).rereads_done == 0
    assert window(worker).next_reread_at == worker.clock.now() + timedelta(seconds=60)
    assert any(str(error) in one for one in worker.remarks)
    worker.organization.heal()
    worker.run_for(60)
    assert window(worker).rereads_done == 1


def test_an_account_that_left_is_asked_for_no_session(worker: WindowWorker) -> None:
    del worker.organization.accounts[ACCOUNT]
    sessions = worker.organization.sessions_opened
    worker.run_for(1000)

    assert worker.organization.sessions_opened == sessions
    assert window(worker).rereads_done == 0


def test_p27_of_several_workers_one_re_reads(worker: WindowWorker) -> None:
    other = WindowWorker(worker.organization, worker.database, worker.policy)
    other.work.is_immediate = False
    worker.clock.advance(900)
    other.upkeep.tick()
    worker.upkeep.tick()
    other.work.do_all()

    assert count_rereads(worker) == 1


def test_a_held_account_is_read_again_as_soon_as_it_is_free(worker: WindowWorker) -> None:
    worker.clock.advance(900)
    with worker.process.locks.hold(ACCOUNT, "deletion"):
        worker.upkeep.tick()
        assert count_rereads(worker) == 0
    worker.upkeep.tick()

    assert count_rereads(worker) == 1


def test_a_later_window_that_owes_the_closing_takes_the_re_reads_over(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 3600)
    worker.clock.advance(900)
    worker.upkeep.tick()

    assert window(worker).state is WindowState.CLOSED_VERIFIED
    assert window(worker).next_reread_at is None
    assert window(worker, "w-2").state is WindowState.OPEN
    assert not worker.organization.root_users[ACCOUNT].is_empty


def test_p11_of_two_windows_of_one_moment_one_is_read_again(worker: WindowWorker) -> None:
    worker.open(ACCOUNT, 60)
    worker.run_for(60)
    first, second = window(worker), window(worker, "w-2")
    worker.database.windows["w-2"] = replace(second, requested_at=first.requested_at)
    make_key(worker)
    worker.clock.advance(3600)
    worker.upkeep.tick()

    assert window(worker).next_reread_at is None
    assert window(worker, "w-2").state is WindowState.CLOSING


def test_a_failsafes_login_that_was_kept_later_on_purpose_is_not_taken_away(worker: WindowWorker) -> None:
    worker.clock.advance(60)
    kept = advance(
        replace(make_window(ACCOUNT, worker.clock.now()), window_id="w-2"), WindowState.KEPT, worker.clock.now()
    )
    worker.database.windows["w-2"] = kept
    worker.organization.root_users[ACCOUNT].login_profile = LoginProfile(worker.clock.now(), None)
    worker.run_for(1000)

    assert not worker.organization.root_users[ACCOUNT].is_empty
    assert window(worker).state is WindowState.CLOSED_VERIFIED


@pytest.mark.parametrize("state", [WindowState.CANCELLED, WindowState.DENIED, WindowState.LAPSED])
def test_a_later_window_that_was_never_open_takes_nothing_over(worker: WindowWorker, state: WindowState) -> None:
    never = replace(make_window(ACCOUNT, worker.clock.now(), state), window_id="w-2", expires_at=None)
    worker.database.windows["w-2"] = never
    worker.clock.advance(900)
    worker.upkeep.tick()

    assert count_rereads(worker) == 1


def test_a_later_request_that_waits_makes_room_for_what_was_found(worker: WindowWorker) -> None:
    worker.request(ACCOUNT)
    make_key(worker)
    worker.clock.advance(900)
    worker.upkeep.tick()

    assert window(worker, "w-2").state is WindowState.CANCELLED
    assert "w-1" in (window(worker, "w-2").failure or "")
    assert window(worker).state is WindowState.CLOSING
    assert worker.database.outcomes_of(Action.WINDOW_CANCEL)


def test_a_later_request_that_waits_stays_where_nothing_is_found(worker: WindowWorker) -> None:
    worker.request(ACCOUNT)
    worker.clock.advance(900)
    worker.upkeep.tick()

    assert window(worker, "w-2").state is WindowState.APPROVED
    assert window(worker).rereads_done == 1


def test_the_ledger_has_what_was_found_before_the_window_is_reopened(worker: WindowWorker) -> None:
    make_key(worker)
    worker.clock.advance(900)
    names: list[str] = []
    worker.database.before_commit = names.append
    worker.upkeep.tick()

    assert names.index("fact window:reread") < names.index("window updated")
    entry = next(one for one in worker.database.entries if one.action is Action.WINDOW_REREAD)
    assert entry.parameters["is_clean"] is False
    assert entry.parameters["found"] == ["access keys"]


def test_a_re_read_that_no_one_made_for_weeks_is_given_up_loudly(worker: WindowWorker) -> None:
    make_key(worker)
    worker.clock.advance(9 * 86400)
    worker.upkeep.tick()

    assert window(worker).state is WindowState.CLOSED_VERIFIED
    assert window(worker).next_reread_at is None
    assert any(one.startswith("ALERT") and "Audit it now" in one for one in worker.remarks)
    assert not worker.organization.root_users[ACCOUNT].is_empty


def test_what_a_re_read_finds_is_the_accounts_status_and_the_next_closing_is_no_end_of_the_window(
    worker: WindowWorker,
) -> None:
    store = worker.upkeep.rereading.acting.get_store(InventoryStore)
    account = worker.organization.accounts[ACCOUNT]
    store.save_statuses(
        [
            AccountStatus(
                account, AccountRole.MEMBER, Status.NOT_PRESENT, summary=NOTHING, observed_at=worker.clock.now()
            )
        ]
    )
    make_key(worker)
    worker.clock.advance(900)
    worker.upkeep.tick()

    saved = store.find_statuses((ACCOUNT,))[ACCOUNT]
    assert (saved.status, saved.observed_at) == (Status.PRESENT, worker.clock.now())
    assert saved.summary is not None
    assert saved.summary.has_access_keys
    assert window(worker).reopened_at == worker.clock.now()
    worker.run_for(1)
    assert [one.event for one in worker.notifier.notifications[-2:]] == [
        NotificationEvent.WINDOW_REOPENED,
        NotificationEvent.WINDOW_CLOSED,
    ]
    assert "It was closed once more." in worker.notifier.notifications[-1].body


def test_a_window_that_an_audit_reopened_is_closed_by_the_server(worker: WindowWorker) -> None:
    make_key(worker)
    closed = window(worker)
    worker.database.windows["w-1"] = reopen(closed, closed.closed_at, worker.clock.now(), "Reopened by someone else.")
    worker.run_for(10)

    assert window(worker).state is WindowState.CLOSED_VERIFIED
    assert worker.organization.root_users[ACCOUNT].is_empty
    closed_at = window(worker).closed_at
    assert closed_at is not None
    assert window(worker).next_reread_at == closed_at + REREADS[0]


def test_p06_a_re_read_that_was_given_up_or_postponed_stays_owed(worker: WindowWorker) -> None:
    due_at = window(worker).next_reread_at
    worker.organization.fail("AssumeRoot", AwsAccessDeniedError("Denied."))
    worker.clock.advance(900)
    worker.upkeep.tick()
    assert window(worker).reread_due_at == due_at
    worker.clock.advance(9 * 86400)
    worker.upkeep.tick()

    assert (window(worker).next_reread_at, window(worker).reread_due_at) == (None, due_at)


def test_an_account_that_was_excepted_after_the_closing_keeps_what_is_found(worker: WindowWorker) -> None:
    worker.clock.advance(60)
    exception = DeletionException(
        ACCOUNT, "ana", "Break-glass", worker.clock.now() + timedelta(days=30), "ana@desk", worker.clock.now()
    )
    worker.database.exceptions[ACCOUNT] = exception
    make_key(worker)
    worker.clock.advance(900)
    worker.upkeep.tick()
    worker.run_for(5)

    assert (window(worker).state, window(worker).reread_due_at) == (WindowState.CLOSED_VERIFIED, None)
    assert not worker.organization.root_users[ACCOUNT].is_empty
    assert count_rereads(worker) == 1
