"""Activating a window: checked once more, opened once, by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.aws.rules import CredentialsLifetime, Lifetime
from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import (
    AccountBusyError,
    ApprovalRefusedError,
    AwsAccessDeniedError,
    AwsCredentialsError,
    InputError,
    LedgerUnavailableError,
    TargetRefusedError,
    WindowConflictError,
)
from rootkeeper.ledger.rules import Action, Actor, ActorKind
from rootkeeper.notifications.rules import NotificationEvent, Severity
from rootkeeper.organization.accounts import AccountId, AccountState
from rootkeeper.organization.statuses import LoginProfile
from rootkeeper.windows.approvals import WindowPolicy
from rootkeeper.windows.rules import OpenOutcome, WindowState
from tests.fakes.clock import START, FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.organization import FakeOrganization
from tests.fakes.policies import DENY_ROOT
from tests.fakes.root_users import LONG_AGO
from tests.fakes.window_workers import WindowWorker

ACCOUNT = AccountId("222233334444")


@pytest.fixture
def organization() -> FakeOrganization:
    fake = FakeOrganization(FakeClock())
    fake.add_account(ACCOUNT, "workload")
    return fake


@pytest.fixture
def worker(organization: FakeOrganization) -> WindowWorker:
    made = WindowWorker(organization, FakeDatabase(organization.clock), watched_by="file:/events")
    made.request(ACCOUNT)
    return made


def has_password(worker: WindowWorker) -> bool:
    return worker.organization.root_users[ACCOUNT].login_profile is not None


def test_an_approved_window_is_opened_and_reported(worker: WindowWorker) -> None:
    worker.approve("w-1")

    opening = worker.activate("w-1", "dave")

    assert opening.outcome is OpenOutcome.OPEN
    assert has_password(worker)
    window = worker.database.windows["w-1"]
    assert window == opening.window
    assert (window.state, window.activated_by, window.watched_by) == (WindowState.OPEN, "dave", "file:/events")
    assert window.expires_at == START + timedelta(hours=1)
    reported = worker.notifier.notifications[-1]
    assert reported.event is NotificationEvent.WINDOW_OPENED
    assert "dave" in reported.body
    assert "The root user's events are watched." in reported.body


def test_the_account_names_its_window_too(worker: WindowWorker) -> None:
    worker.approve("w-1")

    assert worker.activate(ACCOUNT).window.window_id == "w-1"


def test_the_ledger_has_the_activation_before_the_window_is_opening(worker: WindowWorker) -> None:
    worker.approve("w-1")
    names: list[str] = []
    worker.database.before_commit = names.append

    worker.activate("w-1")

    assert names.index("fact window:activate") < names.index("window updated")


def test_without_a_ledger_nothing_is_opened_and_the_approval_stays(worker: WindowWorker) -> None:
    worker.approve("w-1")
    worker.database.is_ledger_writable = False

    with pytest.raises(LedgerUnavailableError):
        worker.activate("w-1")
    assert not has_password(worker)
    worker.database.is_ledger_writable = True
    assert worker.activate("w-1").outcome is OpenOutcome.OPEN


def test_p10_what_is_not_approved_opens_nothing(worker: WindowWorker) -> None:
    with pytest.raises(WindowConflictError, match="REQUESTED"):
        worker.activate("w-1")
    assert worker.organization.changing_calls == []


def test_p10_an_approval_that_lapsed_opens_nothing(worker: WindowWorker) -> None:
    worker.approve("w-1")
    worker.clock.advance(8 * 3600)

    with pytest.raises(ApprovalRefusedError, match="lapsed"):
        worker.activate("w-1")
    assert worker.organization.changing_calls == []


def test_p10_an_approval_that_lapses_during_the_check_opens_nothing(worker: WindowWorker) -> None:
    worker.approve("w-1")
    worker.clock.advance(8 * 3600 - 2)
    worker.organization.before_each_call(lambda _, __: worker.clock.advance(1))

    with pytest.raises(ApprovalRefusedError, match="lapsed"):
        worker.activate("w-1")
    assert worker.organization.changing_calls == []


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_p29_a_window_of_a_person_who_was_disabled_since_opens_nothing(worker: WindowWorker, name: str) -> None:
    worker.approve("w-1", "bob")
    identity = worker.database.identities[name]
    worker.database.identities[name] = replace(identity, disabled_at=worker.clock.now())

    with pytest.raises(ApprovalRefusedError, match=f"The user {name} was disabled"):
        worker.activate("w-1", "dave")
    assert not has_password(worker)
    assert worker.state_of("w-1") is WindowState.APPROVED


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_p29_a_person_who_is_disabled_during_the_checks_opens_nothing(worker: WindowWorker, name: str) -> None:
    worker.approve("w-1", "bob")
    identity = worker.database.identities[name]

    def disable(written: str) -> None:
        if written == "fact window:activate":
            worker.database.identities[name] = replace(identity, disabled_at=worker.clock.now())

    worker.database.before_commit = disable
    with pytest.raises(ApprovalRefusedError, match="was disabled"):
        worker.activate("w-1", "dave")
    assert not has_password(worker)


def test_p10_an_approval_opens_once(worker: WindowWorker) -> None:
    worker.approve("w-1")
    worker.activate("w-1")
    worker.close("w-1")

    with pytest.raises(WindowConflictError, match="CLOSED_VERIFIED"):
        worker.activate("w-1")
    assert [name for name, _ in worker.organization.calls].count("CreateLoginProfile") == 1


def test_p27_of_two_who_activate_at_once_one_opens(organization: FakeOrganization, worker: WindowWorker) -> None:
    worker.approve("w-1")
    other = WindowWorker(organization, worker.database)
    seen: list[Exception] = []

    def overtake(operation: str, _: AccountId | None) -> None:
        if operation == "CreateLoginProfile":
            with pytest.raises((AccountBusyError, WindowConflictError)) as caught:
                other.activate("w-1", "eve")
            seen.append(caught.value)

    organization.before_each_call(overtake)
    assert worker.activate("w-1").outcome is OpenOutcome.OPEN
    assert len(seen) == 1
    assert worker.database.windows["w-1"].activated_by == "alice"


@pytest.mark.parametrize("kind", [ActorKind.SELF_ASSERTED, ActorKind.SERVER])
def test_a_user_whom_no_server_knows_activates_nothing(worker: WindowWorker, kind: ActorKind) -> None:
    worker.approve("w-1")

    with pytest.raises(InputError, match="isn't authenticated"):
        worker.activating(Actor("eve", kind)).activate("w-1")


def test_everything_is_checked_once_more(worker: WindowWorker) -> None:
    worker.approve("w-1")
    organization = worker.organization

    organization.change_state(ACCOUNT, AccountState.SUSPENDED)
    with pytest.raises(TargetRefusedError, match="SUSPENDED"):
        worker.activate("w-1")
    organization.change_state(ACCOUNT, AccountState.ACTIVE)

    organization.root_users[ACCOUNT].login_profile = LoginProfile(LONG_AGO, None)
    with pytest.raises(TargetRefusedError, match="password already"):
        worker.activate("w-1")
    organization.root_users[ACCOUNT].login_profile = None

    soon = worker.clock.now() + timedelta(minutes=30)
    organization.credentials_lifetime = CredentialsLifetime(Lifetime.ENDING, soon)
    with pytest.raises(AwsCredentialsError) as caught:
        worker.activate("w-1")
    assert (render_hint(caught.value.hint) or "").startswith("Give the server AWS credentials")
    organization.credentials_lifetime = CredentialsLifetime(Lifetime.RENEWED)

    worker.process.policies.attach("p-denyroot", DENY_ROOT, ACCOUNT)
    with pytest.raises(AwsAccessDeniedError, match="p-denyroot"):
        worker.activate("w-1")

    assert organization.changing_calls == []
    assert worker.state_of("w-1") is WindowState.APPROVED


def test_an_account_that_left_meanwhile_is_refused(worker: WindowWorker) -> None:
    worker.approve("w-1")
    del worker.organization.accounts[ACCOUNT]

    with pytest.raises(TargetRefusedError, match=ACCOUNT):
        worker.activate("w-1")


@pytest.mark.parametrize(
    ("operation", "outcome", "severity"),
    [
        ("refused", OpenOutcome.CANCELLED, Severity.WARNING),
        ("foreign", OpenOutcome.FOREIGN, Severity.CRITICAL),
        ("lost", OpenOutcome.UNKNOWN, Severity.CRITICAL),
    ],
)
def test_an_opening_that_fails_is_reported_by_how_bad_it_is(
    worker: WindowWorker, operation: str, outcome: OpenOutcome, severity: Severity
) -> None:
    worker.approve("w-1")
    organization = worker.organization
    if operation == "refused":
        organization.fail("CreateLoginProfile", AwsAccessDeniedError("An SCP denies it.", hint="Fix it."))
    elif operation == "lost":
        organization.lie("CreateLoginProfile")
    else:

        def slip_in(name: str, _: AccountId | None) -> None:
            if name == "AssumeRoot" and organization.calls[-1][0] != "GetAccountSummary":
                return
            if name == "GetLoginProfile":
                organization.root_users[ACCOUNT].login_profile = LoginProfile(LONG_AGO, None)

        organization.before_each_call(slip_in)

    opening = worker.activate("w-1")

    assert opening.outcome is outcome
    reported = worker.notifier.notifications[-1]
    assert (reported.event, reported.severity) == (NotificationEvent.WINDOW_OPEN_FAILED, severity)


def test_a_window_without_approvals_owed_is_recorded_unapproved(organization: FakeOrganization) -> None:
    worker = WindowWorker(organization, FakeDatabase(organization.clock), WindowPolicy(approvals=0))
    worker.request(ACCOUNT)

    window = worker.activate("w-1").window

    assert window.state is WindowState.OPEN
    assert not window.is_approved
    assert "isn't watched" in worker.notifier.notifications[-1].body
    assert worker.database.outcomes_of(Action.WINDOW_APPROVE) == []
