"""Requesting a window on a server: who may, what is checked first, and what people are sent."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rootkeeper.approvals.rules import NameRule
from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import (
    AwsAccessDeniedError,
    InputError,
    LedgerUnavailableError,
    PermissionDeniedError,
    TargetRefusedError,
    WindowConflictError,
)
from rootkeeper.ledger.rules import Action, Actor, ActorKind
from rootkeeper.notifications.rules import NotificationEvent, Severity
from rootkeeper.organization.accounts import AccountId, AccountState
from rootkeeper.windows.approvals import WindowPolicy
from rootkeeper.windows.rules import WindowState
from tests.fakes.clock import START, FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.organization import FakeOrganization
from tests.fakes.policies import DENY_ROOT
from tests.fakes.window_workers import WindowWorker

ACCOUNT = AccountId("222233334444")


@pytest.fixture
def organization() -> FakeOrganization:
    fake = FakeOrganization(FakeClock())
    fake.add_account(ACCOUNT, "workload")
    return fake


def make_worker(organization: FakeOrganization, policy: WindowPolicy | None = None) -> WindowWorker:
    return WindowWorker(organization, FakeDatabase(organization.clock), policy)


def test_a_request_waits_for_its_approvals_and_lapses(organization: FakeOrganization) -> None:
    worker = make_worker(organization, WindowPolicy(approvals=2, approval_valid=timedelta(hours=1)))

    window = worker.request(ACCOUNT)

    assert window.state is WindowState.REQUESTED
    assert (window.requested_by, window.requested_by_kind) == ("alice", ActorKind.SIGNED_IN)
    assert window.approvals_needed == 2
    assert window.lapses_at == START + timedelta(hours=1)
    assert worker.database.windows[window.window_id] == window
    assert organization.changing_calls == []


def test_where_no_approval_is_owed_the_request_is_approved_at_once_and_recorded_unapproved(
    organization: FakeOrganization,
) -> None:
    window = make_worker(organization, WindowPolicy(approvals=0)).request(ACCOUNT)

    assert window.state is WindowState.APPROVED
    assert not window.is_approved
    assert window.lapses_at is not None


def test_the_ledger_has_the_request_before_the_window_is_there(organization: FakeOrganization) -> None:
    worker = make_worker(organization)
    names: list[str] = []
    worker.database.before_commit = names.append

    worker.request(ACCOUNT)

    assert names.index("fact window:request") < names.index("window added")


def test_without_a_ledger_nothing_is_requested(organization: FakeOrganization) -> None:
    worker = make_worker(organization)
    worker.database.is_ledger_writable = False

    with pytest.raises(LedgerUnavailableError):
        worker.request(ACCOUNT)
    assert worker.database.windows == {}


def test_people_are_notified_who_asks_for_what_and_what_to_do(organization: FakeOrganization) -> None:
    worker = make_worker(organization)

    window = worker.request(ACCOUNT)

    (reported,) = worker.notifier.notifications
    assert reported.event is NotificationEvent.WINDOW_REQUESTED
    assert reported.account_id == ACCOUNT
    assert reported.window_id == window.window_id
    assert reported.endpoint == "SANDBOX 127.0.0.1:4599"
    assert "alice" in reported.body
    assert "It needs 1 approval." in reported.body


def test_a_drill_is_marked_and_reported_as_one(organization: FakeOrganization) -> None:
    worker = make_worker(organization)

    assert worker.request(ACCOUNT, is_drill=True).is_drill
    assert worker.notifier.notifications[0].title.startswith("Drill: ")


@pytest.mark.parametrize("kind", [ActorKind.SELF_ASSERTED, ActorKind.SERVER])
def test_an_actor_who_is_only_asserted_requests_nothing(organization: FakeOrganization, kind: ActorKind) -> None:
    worker = make_worker(organization)
    requesting = worker.requesting(Actor("eve", kind))

    with pytest.raises(InputError, match="isn't authenticated"):
        requesting.request(worker.process.inventory(), worker.process.request(ACCOUNT))
    assert organization.calls == []


def test_the_policy_says_who_may_request_for_which_unit(organization: FakeOrganization) -> None:
    organization.add_unit("ou-exam-prod0000", "Prod")
    prod = organization.add_account("333344445555", "shop", ou_id="ou-exam-prod0000")
    policy = WindowPolicy(requesters=(NameRule("alice", "Prod"), NameRule("carol")))
    worker = make_worker(organization, policy)

    with pytest.raises(PermissionDeniedError, match="alice may not request"):
        worker.request(ACCOUNT, "alice")
    assert worker.request(prod, "alice").account_id == prod
    assert worker.request(ACCOUNT, "Carol").account_id == ACCOUNT


def test_a_duration_over_the_policys_limit_is_refused_before_anything_is_asked(organization: FakeOrganization) -> None:
    worker = make_worker(organization, WindowPolicy(longest=timedelta(hours=1)))

    with pytest.raises(InputError, match="1h"):
        worker.request(ACCOUNT, seconds=3601)
    assert organization.calls == []
    assert worker.database.entries == []


def test_a_policy_that_blocks_the_recovery_is_found_before_approval_is_asked(organization: FakeOrganization) -> None:
    worker = make_worker(organization)
    worker.process.policies.attach("p-denyroot", DENY_ROOT, ACCOUNT)

    with pytest.raises(AwsAccessDeniedError, match="p-denyroot"):
        worker.request(ACCOUNT)
    assert worker.database.windows == {}
    assert worker.notifier.notifications == []


def test_an_account_that_is_not_active_is_refused(organization: FakeOrganization) -> None:
    organization.change_state(ACCOUNT, AccountState.SUSPENDED)

    with pytest.raises(TargetRefusedError, match="SUSPENDED"):
        make_worker(organization).request(ACCOUNT)


def test_a_second_request_for_an_account_is_refused_with_the_way_out(organization: FakeOrganization) -> None:
    worker = make_worker(organization)
    worker.request(ACCOUNT)

    with pytest.raises(WindowConflictError, match="REQUESTED") as caught:
        worker.request(ACCOUNT, "carol")
    assert caught.value.hint
    assert "windows cancel w-1" in (render_hint(caught.value.hint) or "")


def test_the_plan_says_how_many_must_approve(organization: FakeOrganization) -> None:
    worker = make_worker(organization, WindowPolicy(approvals=2, emergency=True))
    requesting = worker.requesting(Actor("alice", ActorKind.TOKEN))
    request = worker.process.request(ACCOUNT)

    assert "2 people" in requesting.plan(worker.process.inventory(), request).remarks[0]
    urgent = requesting.plan(worker.process.inventory(), request, is_emergency=True)
    assert "unapproved" in urgent.remarks[0]
    assert worker.database.windows == {}


# Emergencies.


def test_an_emergency_is_approved_at_once_reviewed_within_a_day_and_loudest(organization: FakeOrganization) -> None:
    worker = make_worker(organization, WindowPolicy(approvals=2, emergency=True))

    window = worker.request(ACCOUNT, is_emergency=True)

    assert window.state is WindowState.APPROVED
    assert window.is_emergency
    assert window.review_due_at == START + timedelta(hours=24)
    assert window.approvals_needed == 2
    (reported,) = worker.notifier.notifications
    assert (reported.event, reported.severity) == (NotificationEvent.WINDOW_EMERGENCY, Severity.CRITICAL)
    assert "review it within 24 hours" in reported.body
    assert worker.database.outcomes_of(Action.WINDOW_REQUEST)


def test_the_emergency_path_is_off_by_default(organization: FakeOrganization) -> None:
    with pytest.raises(PermissionDeniedError, match="emergency"):
        make_worker(organization).request(ACCOUNT, is_emergency=True)
    assert organization.calls == []
