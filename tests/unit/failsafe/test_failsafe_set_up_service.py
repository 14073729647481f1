"""Giving a failsafe its root login: kept only after a re-read under the lock, recorded before nothing is owed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.changes.sessions import AccountSessions
from rootkeeper.errors import (
    AwsAccessDeniedError,
    DatabaseError,
    Hint,
    RootkeeperError,
    TargetRefusedError,
    WindowConflictError,
)
from rootkeeper.failsafe.set_up import FailsafeLoginKeeper, LoginMonitor, find_login
from rootkeeper.ledger.rules import Action, Result
from rootkeeper.organization.accounts import AccountId, Feature, Inventory
from rootkeeper.organization.statuses import AccessKey, LoginProfile, MfaDevice, MfaKind
from rootkeeper.windows.rules import CloseOutcome, OpenOutcome, RecoveryWindow, WindowState
from tests.fakes.clock import FakeClock
from tests.fakes.databases import FakeDatabase, FakeWindows
from tests.fakes.operators import Operator
from tests.fakes.organization import FakeOrganization
from tests.fakes.root_users import FakeRootUser
from tests.fakes.window_workers import WindowWorker, signed_in

FAILSAFE, MEMBER = AccountId("222233334444"), AccountId("333344445555")
DEVICE_ARN = "arn:aws:iam::222233334444:mfa/root-account-mfa-device"
SESSION_ENDS = timedelta(seconds=900)


@pytest.fixture
def organization() -> FakeOrganization:
    fake = FakeOrganization(FakeClock())
    fake.add_account(FAILSAFE, "security")
    fake.add_account(MEMBER, "workload")
    fake.delegated_administrators.append(FAILSAFE)
    return fake


@pytest.fixture
def operator(organization: FakeOrganization) -> Operator:
    return Operator(organization, FakeDatabase(organization.clock))


@pytest.fixture
def window(operator: Operator) -> RecoveryWindow:
    return operator.open(FAILSAFE, 3600, keeps_login=True).window


def list_accounts(operator: Operator) -> Inventory:
    delegates = operator.organization.delegated_administrators
    return replace(operator.inventory(), delegated_administrator_ids=frozenset(delegates))


def keeping(operator: Operator) -> FailsafeLoginKeeper:
    return FailsafeLoginKeeper(operator.act(), operator.progress)


def watch(operator: Operator, window: RecoveryWindow) -> LoginMonitor:
    sessions = AccountSessions(operator.organization, operator.ledger, operator.clock, window.account_id)
    return LoginMonitor(sessions, operator.clock, operator.progress, window)


def complete(organization: FakeOrganization) -> None:
    """What the person does: a password, a sign-in, an MFA device."""
    root_user = organization.root_users[FAILSAFE]
    assert root_user.login_profile is not None
    used_at = max(organization.clock.now(), root_user.login_profile.created_at)
    root_user.login_profile = LoginProfile(root_user.login_profile.created_at, used_at)
    root_user.mfa_devices = [MfaDevice(DEVICE_ARN, MfaKind.VIRTUAL, used_at)]


def good_login(organization: FakeOrganization) -> FakeRootUser:
    now = organization.clock.now()
    device = MfaDevice(DEVICE_ARN, MfaKind.VIRTUAL, now)
    return FakeRootUser(LoginProfile(now - timedelta(days=9), now), mfa_devices=[device])


def never() -> bool:
    return False


def after(operator: Operator, seconds: float, act: Callable[[], None]) -> Callable[[], bool]:
    """Never a stop; ``act`` once so many seconds have passed."""
    due = operator.clock.now() + timedelta(seconds=seconds)
    done: list[bool] = []

    def look() -> bool:
        if operator.clock.now() >= due and not done:
            done.append(True)
            act()
        return False

    return look


# Before anything is opened.


def test_an_account_without_a_root_login_may_get_one(operator: Operator) -> None:
    assert find_login(operator.planning, list_accounts(operator), operator.account(FAILSAFE)) is None


def test_a_login_in_order_is_found_and_nothing_is_to_be_done(
    operator: Operator, organization: FakeOrganization
) -> None:
    organization.root_users[FAILSAFE] = good_login(organization)
    found = find_login(operator.planning, list_accounts(operator), operator.account(FAILSAFE))
    assert found is not None
    assert organization.changing_calls == []


def spoil(organization: FakeOrganization, how: str) -> None:
    root_user = organization.root_users[FAILSAFE] = good_login(organization)
    match how:
        case "no MFA":
            root_user.mfa_devices = []
        case "never used":
            root_user.login_profile = LoginProfile(organization.clock.now(), None)
        case "a key":
            now = organization.clock.now()
            root_user.access_keys = [
                AccessKey("AKIAIOSFODNN7EXAMPLE", is_active=False, created_at=now, last_used_at=None)
            ]
        case "no failsafe":
            organization.delegated_administrators.clear()


@pytest.mark.parametrize("how", ["no MFA", "never used", "a key", "no failsafe"])
def test_what_is_not_in_order_is_refused_and_not_touched(
    operator: Operator, organization: FakeOrganization, how: str
) -> None:
    spoil(organization, how)
    with pytest.raises(TargetRefusedError) as refused:
        find_login(operator.planning, list_accounts(operator), operator.account(FAILSAFE))
    assert refused.value.hint
    assert organization.changing_calls == []


def test_where_delegates_cannot_be_read_nothing_is_taken_for_a_failsafe(
    operator: Operator, organization: FakeOrganization
) -> None:
    unread = replace(list_accounts(operator), delegated_administrator_ids=None)
    with pytest.raises(AwsAccessDeniedError):
        find_login(operator.planning, unread, operator.account(FAILSAFE))
    assert "AssumeRoot" not in organization.operations()


def test_an_account_with_a_window_is_refused(operator: Operator, window: RecoveryWindow) -> None:
    with pytest.raises(WindowConflictError):
        find_login(operator.planning, list_accounts(operator), operator.account(FAILSAFE))


def test_the_plan_is_that_of_a_recovery_which_itself_is_refused(operator: Operator) -> None:
    plan = operator.planning.plan(operator.inventory(), operator.request(FAILSAFE, keeps_login=True))
    assert not any("closing the window deletes its root login" in remark for remark in plan.remarks)
    with pytest.raises(TargetRefusedError, match="would delete its root login"):
        operator.planning.plan(operator.inventory(), operator.request(FAILSAFE))


# Keeping.


def test_a_completed_login_is_kept_and_recorded(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    complete(organization)
    kept = keeping(operator).keep(window)
    assert kept.is_kept
    assert operator.windows.get(window.window_id).state is WindowState.KEPT
    assert operator.database.outcomes_of(Action.WINDOW_KEEP) == [Result.DONE]
    assert operator.windows.find_unfinished(FAILSAFE) is None
    assert organization.root_users[FAILSAFE].login_profile is not None


def test_nothing_closes_what_is_kept(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    complete(organization)
    kept = keeping(operator).keep(window).window
    operator.clock.advance(7200)
    operator.start_changing_command()
    assert operator.close(kept).outcome is CloseOutcome.UNNEEDED
    assert organization.root_users[FAILSAFE].login_profile is not None


def test_a_second_attempt_finds_it_kept(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    complete(organization)
    keeping(operator).keep(window)
    assert keeping(operator).keep(window).is_kept
    assert operator.database.outcomes_of(Action.WINDOW_KEEP) == [Result.DONE]


def test_a_login_that_is_only_allowed_is_not_kept(operator: Operator, window: RecoveryWindow) -> None:
    kept = keeping(operator).keep(window)
    assert not kept.is_kept
    assert kept.progress is not None
    assert len(kept.progress.missing) == 2
    assert operator.windows.get(window.window_id).state is WindowState.OPEN
    assert operator.database.outcomes_of(Action.WINDOW_KEEP) == []


@pytest.mark.parametrize("operation", ["AssumeRoot", "GetAccountSummary", "ListMFADevices", "GetUser"])
def test_what_cannot_be_re_read_is_not_kept(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow, operation: str
) -> None:
    complete(organization)
    organization.fail(operation)
    assert not keeping(operator).keep(window).is_kept
    assert operator.windows.get(window.window_id).state is WindowState.OPEN


def test_an_account_that_is_no_delegate_any_more_is_not_kept(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    complete(organization)
    organization.delegated_administrators.clear()
    assert not keeping(operator).keep(window).is_kept


def test_without_the_ledger_nothing_is_kept(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    complete(organization)
    operator.database.is_ledger_writable = False
    assert not keeping(operator).keep(window).is_kept
    assert operator.windows.get(window.window_id).state is WindowState.OPEN


def test_a_window_that_was_closed_meanwhile_is_not_kept(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    operator.close(window)
    assert not keeping(operator).keep(window).is_kept


def test_the_login_of_another_window_is_never_kept(operator: Operator, organization: FakeOrganization) -> None:
    window = operator.open(MEMBER, 3600).window
    organization.delegated_administrators.append(MEMBER)
    kept = keeping(operator).keep(window)
    assert not kept.is_kept
    assert "doesn't set up a failsafe" in kept.explanation
    assert operator.windows.get(window.window_id).state is WindowState.OPEN


# On a server.


@pytest.fixture
def worker(organization: FakeOrganization) -> WindowWorker:
    return WindowWorker(organization, FakeDatabase(organization.clock))


def test_a_server_opens_an_approved_set_up_and_a_person_keeps_its_login(
    worker: WindowWorker, organization: FakeOrganization
) -> None:
    window_id = worker.request(FAILSAFE, keeps_login=True).window_id
    assert "It sets up the root login of a failsafe" in worker.notifier.notifications[-1].body
    worker.approve(window_id)
    opened = worker.activate(window_id)
    assert opened.outcome is OpenOutcome.OPEN
    complete(organization)
    keeper = FailsafeLoginKeeper(worker.act(signed_in("alice")), worker.process.progress)
    assert keeper.keep(opened.window).is_kept
    worker.run_for(7200)
    assert worker.state_of(window_id) is WindowState.KEPT
    assert organization.root_users[FAILSAFE].login_profile is not None


def test_a_server_deletes_what_no_one_keeps(worker: WindowWorker, organization: FakeOrganization) -> None:
    window_id = worker.request(FAILSAFE, seconds=600, keeps_login=True).window_id
    worker.approve(window_id)
    worker.activate(window_id)
    complete(organization)
    worker.run_for(605)
    assert worker.state_of(window_id) is WindowState.CLOSED_VERIFIED
    assert organization.root_users[FAILSAFE].is_empty


def test_where_aws_refuses_it_to_the_server_the_next_step_is_the_command(
    worker: WindowWorker, organization: FakeOrganization
) -> None:
    window_id = worker.request(FAILSAFE, keeps_login=True).window_id
    worker.approve(window_id)
    organization.fail("CreateLoginProfile", AwsAccessDeniedError("Denied."))
    opening = worker.activate(window_id)
    assert opening.outcome is OpenOutcome.CANCELLED
    assert opening.error is not None
    assert isinstance(opening.error.hint, Hint)
    assert opening.error.hint.code == "failsafe.set_up_by_command"


# Waiting.


def test_it_is_kept_as_soon_as_the_person_is_done(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    started = operator.clock.now()
    done = after(operator, 600, lambda: complete(organization))
    assert keeping(operator).wait_and_keep(operator.waiting, window, watch(operator, window), done).is_kept
    assert operator.clock.now() - started < timedelta(seconds=620)


def test_at_the_windows_end_it_is_looked_at_once_more_and_then_given_up(
    operator: Operator, window: RecoveryWindow
) -> None:
    kept = keeping(operator).wait_and_keep(operator.waiting, window, watch(operator, window), never)
    assert not kept.is_kept
    assert window.expires_at is not None
    assert operator.clock.now() >= window.expires_at


def test_a_stop_closes_even_what_is_complete(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    complete(organization)
    assert not keeping(operator).wait_and_keep(operator.waiting, window, watch(operator, window), lambda: True).is_kept
    assert operator.windows.get(window.window_id).state is WindowState.OPEN


def test_one_audit_session_serves_many_looks_and_each_has_its_intent(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    looking, before = watch(operator, window), organization.operations(FAILSAFE).count("AssumeRoot")
    for _ in range(int(SESSION_ENDS.total_seconds())):
        looking.seems_complete()
        operator.clock.advance(1)
    opened = organization.operations(FAILSAFE).count("AssumeRoot") - before
    assert opened == 2
    assert operator.progress.remarks.count(operator.progress.remarks[-1]) == 1


def test_a_look_that_fails_is_reported_once_and_is_no_completion(
    operator: Operator, organization: FakeOrganization, window: RecoveryWindow
) -> None:
    complete(organization)
    organization.features.discard(Feature.ROOT_CREDENTIALS_MANAGEMENT)
    looking = watch(operator, window)
    for _ in range(30):
        assert not looking.seems_complete()
        operator.clock.advance(1)
    assert len([one for one in operator.progress.remarks if "can't be read" in one]) == 1


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (DatabaseError("the connection ended"), Result.UNKNOWN),  # the row may have been written
        (WindowConflictError("it moved on"), Result.FAILED),
    ],
)
def test_a_row_that_cannot_be_changed_never_ends_the_intent_as_done(
    operator: Operator,
    organization: FakeOrganization,
    window: RecoveryWindow,
    error: RootkeeperError,
    result: Result,
) -> None:
    complete(organization)

    class Stubborn(FakeWindows):
        """The windows, of which no row can be changed."""

        def change(self, window: RecoveryWindow, expected: WindowState) -> None:
            raise error

    operator.windows = Stubborn(operator.database)
    stubborn = keeping(operator)
    assert not stubborn.keep(window).is_kept
    assert operator.database.outcomes_of(Action.WINDOW_KEEP) == [result]
