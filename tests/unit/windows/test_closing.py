"""Closing a recovery window: success only after a re-read, and never the end without one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import AwsAccessDeniedError, DatabaseError, WindowConflictError
from rootkeeper.ledger.rules import Action, Actor, ActorKind, Result
from rootkeeper.organization.accounts import AccountId, AccountState
from rootkeeper.windows.rules import CloseOutcome, RecoveryWindow, WindowState
from tests.fakes.clock import START, FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.operators import Operator
from tests.fakes.organization import FakeOrganization
from tests.fakes.root_users import root_user_with_everything
from tests.fakes.stores import make_window

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
def window(operator: Operator, organization: FakeOrganization) -> RecoveryWindow:
    """Open, and the person has made one of everything."""
    opened = operator.open(ACCOUNT).window
    everything = root_user_with_everything()
    everything.login_profile = organization.root_users[ACCOUNT].login_profile
    organization.root_users[ACCOUNT] = everything
    return opened


def state_of(operator: Operator) -> WindowState:
    return operator.database.windows["w-1"].state


def test_all_that_the_person_created_goes_and_the_window_is_verified(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    closing = operator.close(window)

    assert closing.outcome is CloseOutcome.CLOSED
    assert organization.root_users[ACCOUNT].is_empty
    assert closing.window.state is WindowState.CLOSED_VERIFIED
    assert closing.window.closed_at == operator.clock.now()
    assert operator.database.windows["w-1"] == closing.window
    assert operator.database.outcomes_of(Action.WINDOW_CLOSE) == [Result.DONE]
    assert operator.database.open_intents == []


def test_the_password_goes_before_the_mfa_devices(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    operator.close(window)

    operations = [operation for operation, _ in organization.changing_calls]
    assert operations[-3:] == ["DeleteLoginProfile", "DeactivateMFADevice", "DeactivateMFADevice"]


@pytest.mark.parametrize(
    "operation", ["DeleteLoginProfile", "DeleteAccessKey", "DeleteSigningCertificate", "DeactivateMFADevice"]
)
def test_a_credential_that_aws_keeps_leaves_the_window_owing(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow, operation: str
) -> None:
    organization.lie(operation)

    closing = operator.close(window)

    assert closing.outcome is CloseOutcome.FAILED
    assert not closing.is_closed
    assert state_of(operator) is WindowState.CLOSE_FAILED
    assert closing.window.failure
    assert any(remark.startswith("ALERT") for remark in operator.progress.remarks)


@pytest.mark.parametrize("operation", ["AssumeRoot", "GetAccountSummary", "ListMFADevices", "GetLoginProfile"])
def test_a_closing_that_cannot_be_read_is_never_verified(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow, operation: str
) -> None:
    organization.fail(operation, AwsAccessDeniedError("You may not."))

    closing = operator.close(window)

    assert closing.outcome is CloseOutcome.FAILED
    assert "You may not." in closing.explanation
    assert state_of(operator) is WindowState.CLOSE_FAILED


def test_a_failed_closing_is_closed_by_the_next_attempt(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    organization.fail("DeleteLoginProfile")
    failed = operator.close(window).window
    organization.heal()

    assert operator.close(failed).outcome is CloseOutcome.CLOSED
    assert operator.database.windows["w-1"].failure is None


def test_closing_twice_calls_nothing_the_second_time(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    operator.close(window)
    calls = len(organization.calls)

    assert operator.close(window).outcome is CloseOutcome.UNNEEDED
    assert len(organization.calls) == calls


@pytest.mark.parametrize("state", [AccountState.SUSPENDED, AccountState.CLOSED])
def test_an_account_that_is_not_active_any_more_fails_clearly_and_no_session_is_asked_for_again(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow, state: AccountState
) -> None:
    organization.change_state(ACCOUNT, state)
    sessions = organization.sessions_opened

    first = operator.close(window)
    calls = len(organization.calls)
    second = operator.close(first.window)

    for closing in (first, second):
        assert closing.outcome is CloseOutcome.FAILED
        assert state in closing.explanation
    assert [name for name, _ in organization.calls[calls:]] == ["DescribeAccount"]
    assert organization.sessions_opened == sessions
    assert state_of(operator) is WindowState.CLOSE_FAILED


def test_a_closing_that_succeeds_does_not_ask_for_the_account_which_aws_seldom_allows(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    calls = len(organization.calls)

    assert operator.close(window).outcome is CloseOutcome.CLOSED

    assert "DescribeAccount" not in [name for name, _ in organization.calls[calls:]]


def test_an_account_that_left_the_organization_fails_clearly(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    del organization.accounts[ACCOUNT]

    closing = operator.close(window)

    assert "isn't in the organization" in closing.explanation
    assert state_of(operator) is WindowState.CLOSE_FAILED


def test_an_account_whose_state_cannot_be_read_is_closed_all_the_same(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    organization.fail("DescribeAccount")

    assert operator.close(window).outcome is CloseOutcome.CLOSED


def test_a_busy_account_is_left_to_who_holds_it(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    other = Operator(organization, operator.database)

    with other.locks.hold(ACCOUNT, "deletion"):
        closing = operator.close(window)

    assert closing.outcome is CloseOutcome.BUSY
    assert state_of(operator) is WindowState.OPEN
    assert not organization.root_users[ACCOUNT].is_empty


def test_a_process_that_lost_its_lock_deletes_nothing_more(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    def take_over(operation: str, _: AccountId | None) -> None:
        if operation == "DeleteAccessKey":
            operator.database.locks[ACCOUNT] = ("another-owner", 99)

    organization.before_each_call(take_over)
    closing = operator.close(window)

    assert closing.outcome is CloseOutcome.BUSY
    assert [operation for operation, _ in organization.changing_calls].count("DeleteAccessKey") == 1
    assert organization.root_users[ACCOUNT].login_profile is not None
    assert operator.database.outcomes_of(Action.WINDOW_CLOSE) == [Result.FAILED]


@pytest.mark.parametrize("state", [WindowState.REQUESTED, WindowState.APPROVED])
def test_a_window_that_was_never_opened_cannot_be_closed(operator: Operator, state: WindowState) -> None:
    with pytest.raises(WindowConflictError):
        operator.close(make_window(ACCOUNT, START, state))


def test_a_window_of_unknown_opening_is_not_closed_before_it_is_settled(
    operator: Operator, organization: FakeOrganization
) -> None:
    organization.lie("CreateLoginProfile")
    opening = operator.open(ACCOUNT).window

    assert operator.close(opening).outcome is CloseOutcome.FAILED
    assert [call for call in organization.changing_calls if call[0].startswith("Delete")] == []


def test_with_the_ledger_down_closing_alone_continues_with_the_spill(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    operator.database.is_ledger_writable = False

    closing = operator.close(window)

    assert closing.outcome is CloseOutcome.CLOSED
    assert organization.root_users[ACCOUNT].is_empty
    assert operator.spilled.database.outcomes_of(Action.LOGIN_PROFILE_DELETE) == [Result.DONE]
    assert operator.spilled.database.outcomes_of(Action.WINDOW_CLOSE) == [Result.DONE]


def test_a_ledger_that_fails_half_way_is_replaced_by_the_spill(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    def fail(name: str) -> None:
        if name == "intent login_profile:delete":
            raise DatabaseError("The disk is full.")

    operator.database.before_commit = fail

    assert operator.close(window).outcome is CloseOutcome.CLOSED
    assert organization.root_users[ACCOUNT].is_empty


def test_with_the_whole_database_down_the_account_is_emptied_and_the_record_owed(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    operator.database.is_writable = False

    closing = operator.close(window)

    assert closing.outcome is CloseOutcome.CLOSED_UNRECORDED
    assert not closing.is_closed
    assert organization.root_users[ACCOUNT].is_empty
    assert state_of(operator) is WindowState.OPEN

    operator.database.is_writable = True
    assert operator.close(closing.window).outcome is CloseOutcome.CLOSED


def test_without_ledger_and_spill_no_privileged_call_leaves(
    organization: FakeOrganization, operator: Operator, window: RecoveryWindow
) -> None:
    bare = Operator(organization, operator.database, has_spill=False)
    operator.database.is_writable = False
    sessions = organization.sessions_opened

    closing = bare.close(window)

    assert closing.outcome is CloseOutcome.FAILED
    assert organization.sessions_opened == sessions


def test_a_spill_that_cannot_be_written_either_fails_without_a_call(
    organization: FakeOrganization, operator: Operator, window: RecoveryWindow
) -> None:
    operator.spilled.is_spill = False
    operator.spilled.database.is_writable = False
    operator.database.is_writable = False
    sessions = organization.sessions_opened

    assert operator.close(window).outcome is CloseOutcome.FAILED
    assert organization.sessions_opened == sessions


# What a server adds.


def test_who_asks_for_the_closing_is_remembered_and_no_one_at_the_windows_end(
    operator: Operator, window: RecoveryWindow
) -> None:
    closing = replace(operator.closing, acting=operator.act(Actor("bob", ActorKind.SIGNED_IN))).close(window)

    assert closing.window.closed_by == "bob"


def test_a_window_that_is_not_due_once_the_account_is_held_is_left_open(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    calls = len(organization.calls)

    closing = operator.closing.attempt(window, lambda _: False)

    assert closing.outcome is CloseOutcome.UNNEEDED
    assert state_of(operator) is WindowState.OPEN
    assert len(organization.calls) == calls


@pytest.mark.parametrize("is_writable", [True, False])
def test_a_window_that_was_prolonged_is_left_open_without_a_ledger_or_database_too(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow, is_writable: bool
) -> None:
    operator.database.is_writable = is_writable
    operator.database.is_ledger_writable = False

    assert operator.closing.attempt(window, lambda _: False).outcome is CloseOutcome.UNNEEDED
    assert not organization.root_users[ACCOUNT].is_empty


def test_an_attempt_remarks_nothing_and_what_is_asked_for_does(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    organization.fail("DeleteLoginProfile")

    operator.closing.attempt(window)
    assert not [one for one in operator.progress.remarks if one.startswith("ALERT")]
    operator.close(window)
    assert [one for one in operator.progress.remarks if one.startswith("ALERT")]


def test_a_window_that_was_extended_meanwhile_keeps_its_new_end(operator: Operator, window: RecoveryWindow) -> None:
    """The closing takes its step on the row as it is, not on what it listed."""
    operator.windows.update("w-1", lambda one: replace(one, watched_by="file:/events", duration_seconds=7200))

    closing = operator.close(window)

    assert (closing.window.watched_by, closing.window.duration_seconds) == ("file:/events", 7200)


def test_what_no_one_opened_says_how_to_take_it_back(operator: Operator) -> None:
    waiting = make_window(ACCOUNT, START, WindowState.REQUESTED)

    with pytest.raises(WindowConflictError) as caught:
        operator.close(waiting)
    assert "windows cancel" in (render_hint(caught.value.hint) or "")
