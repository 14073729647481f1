"""Decisions about windows: what counts, that the ledger has it first, and what a crash between the two leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from rootkeeper.approvals.rules import NameRule
from rootkeeper.aws.rules import CredentialsLifetime, Lifetime
from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import (
    ApprovalRefusedError,
    AwsCredentialsError,
    DatabaseError,
    InputError,
    LedgerUnavailableError,
    PermissionDeniedError,
    WindowConflictError,
)
from rootkeeper.ledger.rules import Action, Actor, ActorKind, Phase, Result
from rootkeeper.notifications.rules import NotificationEvent
from rootkeeper.organization.accounts import AccountId
from rootkeeper.windows.approvals import ApprovalTerms, WindowPolicy
from rootkeeper.windows.rules import RecoveryWindow, WindowState
from tests.fakes.clock import FakeClock
from tests.fakes.databases import FakeDatabase, Killed
from tests.fakes.organization import FakeOrganization
from tests.fakes.window_workers import WindowWorker, signed_in

ACCOUNT = AccountId("222233334444")


@pytest.fixture
def organization() -> FakeOrganization:
    fake = FakeOrganization(FakeClock())
    fake.add_account(ACCOUNT, "workload")
    return fake


@pytest.fixture
def worker(organization: FakeOrganization) -> WindowWorker:
    return WindowWorker(organization, FakeDatabase(organization.clock))


def events(worker: WindowWorker) -> list[NotificationEvent]:
    return [one.event for one in worker.notifier.notifications]


def test_an_approval_counts_once_the_ledger_has_it(worker: WindowWorker) -> None:
    worker.request(ACCOUNT)
    names: list[str] = []
    worker.database.before_commit = names.append

    window = worker.approve("w-1")

    assert window.state is WindowState.APPROVED
    assert names == ["intent window:approve", "window updated", "outcome window:approve"]
    assert worker.database.outcomes_of(Action.WINDOW_APPROVE) == [Result.DONE]
    assert events(worker)[-1] is NotificationEvent.WINDOW_APPROVED


def test_without_a_ledger_no_approval_counts(worker: WindowWorker) -> None:
    worker.request(ACCOUNT)
    worker.database.is_ledger_writable = False

    with pytest.raises(LedgerUnavailableError):
        worker.approve("w-1")
    assert worker.database.windows["w-1"].approvals == ()


def test_an_approval_whose_outcome_cannot_be_written_counts_and_is_settled_later(worker: WindowWorker) -> None:
    worker.request(ACCOUNT)

    def fill_the_disk(name: str) -> None:
        if name == "outcome window:approve":
            raise DatabaseError("The disk is full.")

    worker.database.before_commit = fill_the_disk
    assert worker.approve("w-1").state is WindowState.APPROVED

    worker.database.before_commit = None
    worker.die()
    later = WindowWorker(worker.organization, worker.database)
    later.tick()
    assert worker.database.outcomes_of(Action.WINDOW_APPROVE) == [Result.DONE]


@pytest.mark.parametrize(
    ("point", "approvals", "result"), [("window updated", 0, Result.FAILED), ("outcome window:approve", 1, Result.DONE)]
)
def test_p03_an_approval_that_a_crash_cut_short_is_settled_by_what_the_window_shows(
    worker: WindowWorker, point: str, approvals: int, result: Result
) -> None:
    worker.request(ACCOUNT)

    def die(name: str) -> None:
        if name == point:
            raise Killed

    worker.database.before_commit = die
    with pytest.raises(Killed):
        worker.approve("w-1")
    worker.database.before_commit = None
    worker.die()

    WindowWorker(worker.organization, worker.database).tick()

    assert len(worker.database.windows["w-1"].approvals) == approvals
    assert worker.database.outcomes_of(Action.WINDOW_APPROVE) == [result]
    assert worker.database.open_intents == []


def test_a_decision_that_is_refused_from_the_start_leaves_no_entry(worker: WindowWorker) -> None:
    worker.request(ACCOUNT)
    before = len(worker.database.entries)

    with pytest.raises(ApprovalRefusedError):
        worker.approve("w-1", "alice")
    assert len(worker.database.entries) == before
    assert events(worker) == [NotificationEvent.WINDOW_REQUESTED]


def test_p10_of_two_approvals_by_one_person_at_once_one_counts(
    organization: FakeOrganization, worker: WindowWorker
) -> None:
    other = WindowWorker(organization, worker.database, WindowPolicy(approvals=2))
    other.request(ACCOUNT)

    def overtake(name: str) -> None:
        if name == "window updated":
            worker.database.before_commit = None
            other.approve("w-1", "Bob")

    worker.database.before_commit = overtake
    with pytest.raises(ApprovalRefusedError, match="already"):
        worker.approve("w-1", "bob")

    assert worker.database.windows["w-1"].approved_by == ("Bob",)
    assert sorted(str(one) for one in worker.database.outcomes_of(Action.WINDOW_APPROVE)) == ["done", "failed"]


def test_p10_what_an_approver_believes_to_approve_must_be_the_window(worker: WindowWorker) -> None:
    worker.request(ACCOUNT)
    deciding = worker.deciding(signed_in("bob"))

    with pytest.raises(ApprovalRefusedError, match="999988887777"):
        deciding.approve("w-1", ApprovalTerms(AccountId("999988887777")))
    with pytest.raises(ApprovalRefusedError, match="not 2h"):
        deciding.approve("w-1", ApprovalTerms(duration_seconds=7200))
    assert deciding.approve("w-1", ApprovalTerms(ACCOUNT, 3600)).state is WindowState.APPROVED


@pytest.mark.parametrize("kind", [ActorKind.SELF_ASSERTED, ActorKind.SERVER])
def test_p10_a_user_whom_no_server_knows_decides_nothing(worker: WindowWorker, kind: ActorKind) -> None:
    worker.request(ACCOUNT)
    deciding = worker.deciding(Actor("eve", kind))

    decisions: list[Callable[[], RecoveryWindow]] = [
        lambda: deciding.approve("w-1"),
        lambda: deciding.deny("w-1", "no"),
        lambda: deciding.cancel("w-1"),
        lambda: deciding.extend("w-1", 60),
        lambda: deciding.review("w-1"),
    ]
    for decide in decisions:
        with pytest.raises(InputError, match="isn't authenticated"):
            decide()


def test_the_policy_says_who_approves_for_which_unit(organization: FakeOrganization) -> None:
    policy = WindowPolicy(approvals=1, approvers=(NameRule("bob", "Sandbox"), NameRule("carol")))
    worker = WindowWorker(organization, FakeDatabase(organization.clock), policy)
    worker.request(ACCOUNT)

    with pytest.raises(PermissionDeniedError, match="bob may not approve"):
        worker.approve("w-1", "bob")
    with pytest.raises(PermissionDeniedError):
        worker.deciding(signed_in("bob")).deny("w-1", "no")
    assert worker.approve("w-1", "carol").state is WindowState.APPROVED


def test_an_account_that_is_not_listed_any_more_is_approved_only_by_those_named_for_all(
    organization: FakeOrganization,
) -> None:
    policy = WindowPolicy(approvals=1, approvers=(NameRule("bob", "Root"), NameRule("carol")))
    worker = WindowWorker(organization, FakeDatabase(organization.clock), policy)
    worker.request(ACCOUNT)
    del organization.accounts[ACCOUNT]

    with pytest.raises(PermissionDeniedError):
        worker.approve("w-1", "bob")
    assert worker.approve("w-1", "carol").state is WindowState.APPROVED


def test_a_denied_window_is_over_and_its_account_free(worker: WindowWorker) -> None:
    worker.request(ACCOUNT)

    window = worker.deciding(signed_in("bob")).deny("w-1", "not without a ticket")

    assert window.state is WindowState.DENIED
    assert "not without a ticket" in worker.notifier.notifications[-1].body
    assert worker.request(ACCOUNT).window_id == "w-2"


def test_a_request_is_taken_back(worker: WindowWorker) -> None:
    worker.request(ACCOUNT)

    assert worker.deciding(signed_in("alice")).cancel("w-1").state is WindowState.CANCELLED
    assert events(worker)[-1] is NotificationEvent.WINDOW_CANCELLED


def test_an_open_window_can_be_neither_denied_nor_cancelled(worker: WindowWorker) -> None:
    worker.open(ACCOUNT)

    with pytest.raises(WindowConflictError, match="OPEN"):
        worker.deciding(signed_in("bob")).deny("w-1", "too late")
    with pytest.raises(WindowConflictError, match="OPEN"):
        worker.deciding(signed_in("alice")).cancel("w-1")


def test_an_extension_moves_the_end_and_is_reported(worker: WindowWorker) -> None:
    before = worker.open(ACCOUNT)

    window = worker.deciding(signed_in("bob")).extend("w-1", 600)

    assert window.expires_at is not None
    assert before.expires_at is not None
    assert window.expires_at - before.expires_at == timedelta(minutes=10)
    assert worker.database.outcomes_of(Action.WINDOW_EXTEND) == [Result.DONE]
    assert "Extended by 10m by bob" in worker.notifier.notifications[-1].body
    worker.run_for(4190, step=10)
    assert worker.state_of("w-1") is WindowState.OPEN
    worker.run_for(10)
    assert worker.state_of("w-1") is WindowState.CLOSED_VERIFIED


def test_an_extension_beyond_the_servers_credentials_is_refused(worker: WindowWorker) -> None:
    worker.open(ACCOUNT)
    soon = worker.clock.now() + timedelta(hours=2)
    worker.organization.credentials_lifetime = CredentialsLifetime(Lifetime.ENDING, soon)

    with pytest.raises(AwsCredentialsError, match="Nothing was changed") as caught:
        worker.deciding(signed_in("bob")).extend("w-1", 3600)
    assert (render_hint(caught.value.hint) or "").startswith("Give the server AWS credentials")
    assert worker.database.outcomes_of(Action.WINDOW_EXTEND) == []


def test_an_extension_over_the_policys_limit_is_refused(organization: FakeOrganization) -> None:
    policy = WindowPolicy(approvals=1, longest=timedelta(hours=2))
    worker = WindowWorker(organization, FakeDatabase(organization.clock), policy)
    worker.open(ACCOUNT)

    with pytest.raises(InputError, match="2h"):
        worker.deciding(signed_in("bob")).extend("w-1", 3601)


def test_an_emergency_is_reviewed_by_a_second_person(organization: FakeOrganization) -> None:
    policy = WindowPolicy(approvals=1, emergency=True)
    worker = WindowWorker(organization, FakeDatabase(organization.clock), policy)
    worker.request(ACCOUNT, is_emergency=True)
    worker.activate("w-1")

    with pytest.raises(ApprovalRefusedError):
        worker.deciding(signed_in("alice")).review("w-1")
    assert worker.deciding(signed_in("bob")).review("w-1").reviewed_by == "bob"
    assert worker.database.outcomes_of(Action.WINDOW_REVIEW) == [Result.DONE]


def test_a_window_that_is_not_there_is_an_input_error(worker: WindowWorker) -> None:
    with pytest.raises(InputError, match="w-9"):
        worker.approve("w-9")


def test_no_decision_asks_aws_for_anything(worker: WindowWorker) -> None:
    worker.request(ACCOUNT)
    before = len(worker.organization.calls)

    worker.approve("w-1")
    worker.deciding(signed_in("alice")).cancel("w-1")

    assert len(worker.organization.calls) == before
    assert all(entry.phase is not Phase.INTENT or entry.account_id for entry in worker.database.entries)
