"""Opening a recovery window: what is recorded before the call, and what each answer of AWS makes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.aws.rules import CredentialsLifetime, Lifetime
from rootkeeper.errors import (
    AccountBusyError,
    AwsAccessDeniedError,
    AwsAlreadyExistsError,
    AwsCredentialsError,
    ClockWrongError,
    DatabaseError,
    LedgerUnavailableError,
    WindowConflictError,
)
from rootkeeper.ledger.rules import Action, Phase, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import LoginProfile
from rootkeeper.windows.credentials import CredentialsStatement
from rootkeeper.windows.rules import OpenOutcome, WindowState
from tests.fakes.clock import START, FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.operators import Operator
from tests.fakes.organization import FakeOrganization

ACCOUNT = AccountId("222233334444")


@pytest.fixture
def organization() -> FakeOrganization:
    fake = FakeOrganization(FakeClock())
    fake.add_account(ACCOUNT, "workload")
    return fake


@pytest.fixture
def operator(organization: FakeOrganization) -> Operator:
    return Operator(organization, FakeDatabase(organization.clock))


def has_password(organization: FakeOrganization) -> bool:
    return organization.root_users[ACCOUNT].login_profile is not None


def test_an_opened_window_is_open_until_its_end_and_unapproved(
    operator: Operator, organization: FakeOrganization
) -> None:
    opening = operator.open(ACCOUNT, 3600)

    assert opening.outcome is OpenOutcome.OPEN
    assert opening.exit_status == 0
    assert opening.window.state is WindowState.OPEN
    assert opening.window.expires_at == START + timedelta(hours=1)
    assert opening.window.opened_at == START
    assert not opening.window.is_approved
    assert operator.database.windows["w-1"] == opening.window
    assert has_password(organization)


def test_a_drill_is_marked_in_the_window_and_in_the_ledger(operator: Operator) -> None:
    opening = operator.opening.open(
        operator.planning.plan(operator.inventory(), operator.request(ACCOUNT)), is_drill=True
    )

    assert opening.window.is_drill
    request = next(entry for entry in operator.database.entries if entry.action is Action.WINDOW_REQUEST)
    assert request.parameters["is_drill"] is True


@pytest.mark.parametrize(
    ("statement", "recorded"),
    [
        (CredentialsStatement(outlive_window=True), "they outlive the window"),
        (CredentialsStatement(START + timedelta(hours=2)), "they end at 2026-"),
        (CredentialsStatement(), None),
    ],
)
def test_a_window_that_relies_on_a_statement_about_the_credentials_says_so_in_plan_and_ledger(
    operator: Operator, organization: FakeOrganization, statement: CredentialsStatement, recorded: str | None
) -> None:
    if recorded:
        organization.credentials_lifetime = CredentialsLifetime(Lifetime.UNKNOWN, doubt="they were pasted")
    request = replace(operator.request(ACCOUNT), credentials=statement)
    plan = operator.planning.plan(operator.inventory(), request)
    operator.opening.open(plan)

    entry = next(entry for entry in operator.database.entries if entry.action is Action.WINDOW_REQUEST)
    stated = entry.parameters.get("credentials_stated")
    if recorded is None:
        assert stated is None
    else:
        assert recorded in str(stated)
        assert any(recorded in remark for remark in plan.remarks)


def test_credentials_of_unknown_end_open_no_window(operator: Operator, organization: FakeOrganization) -> None:
    organization.credentials_lifetime = CredentialsLifetime(Lifetime.UNKNOWN, doubt="they were pasted")
    with pytest.raises(AwsCredentialsError, match="can't be read"):
        operator.planning.plan(operator.inventory(), operator.request(ACCOUNT))
    assert organization.calls == []


def test_reason_ticket_and_duration_are_in_the_ledger_before_any_session_that_can_create(operator: Operator) -> None:
    operator.open(ACCOUNT)

    request = next(entry for entry in operator.database.entries if entry.action is Action.WINDOW_REQUEST)
    creating = next(
        entry
        for entry in operator.database.entries
        if entry.parameters.get("task_policy") == "IAMCreateRootUserPassword"
    )
    assert request.parameters["reason"] == "billing"
    assert request.parameters["ticket"] == "T-1"
    assert request.parameters["duration_seconds"] == 3600
    assert request.parameters["is_approved"] is False
    assert request.sequence < creating.sequence


def test_the_window_owes_its_closing_before_the_call_leaves(operator: Operator, organization: FakeOrganization) -> None:
    seen: list[tuple[WindowState, bool]] = []

    def look(operation: str, _: AccountId | None) -> None:
        if operation == "CreateLoginProfile":
            window = operator.database.windows["w-1"]
            seen.append((window.state, window.expires_at is not None))

    organization.before_each_call(look)
    operator.open(ACCOUNT)

    assert seen == [(WindowState.OPENING, True)]


def test_the_identity_is_checked_before_the_password_is_created(
    operator: Operator, organization: FakeOrganization
) -> None:
    plan = operator.planning.plan(operator.inventory(), operator.request(ACCOUNT))
    before = len(organization.calls)
    operator.opening.open(plan)

    assert [operation for operation, _ in organization.calls[before:]] == [
        "GetCallerIdentity",
        "AssumeRoot",
        "GetCallerIdentity",
        "GetLoginProfile",
        "CreateLoginProfile",
        "GetLoginProfile",
    ]


def test_a_session_of_another_principal_creates_nothing_and_cancels_the_window(
    operator: Operator, organization: FakeOrganization
) -> None:
    plan = operator.planning.plan(operator.inventory(), operator.request(ACCOUNT))
    organization.wrong_identities.add(ACCOUNT)

    opening = operator.opening.open(plan)

    assert opening.outcome is OpenOutcome.CANCELLED
    assert operator.database.windows["w-1"].state is WindowState.CANCELLED
    assert organization.changing_calls == []
    assert opening.exit_status == 4


def test_a_refused_creation_cancels_the_window_with_aws_reason(
    operator: Operator, organization: FakeOrganization
) -> None:
    organization.fail("CreateLoginProfile", AwsAccessDeniedError("An SCP denies it."))

    opening = operator.open(ACCOUNT)

    assert opening.outcome is OpenOutcome.CANCELLED
    assert "An SCP denies it." in opening.explanation
    assert opening.exit_status == 3
    assert operator.database.windows["w-1"].state is WindowState.CANCELLED
    assert operator.database.outcomes_of(Action.LOGIN_PROFILE_CREATE) == [Result.FAILED]


def test_after_a_cut_connection_the_reread_shows_the_window_open_and_nothing_is_sent_twice(
    operator: Operator, organization: FakeOrganization
) -> None:
    organization.act_then_fail("CreateLoginProfile")

    opening = operator.open(ACCOUNT)

    assert opening.outcome is OpenOutcome.OPEN
    assert organization.operations().count("CreateLoginProfile") == 1
    assert operator.database.outcomes_of(Action.LOGIN_PROFILE_CREATE) == [Result.DONE]


def test_already_exists_with_a_fitting_create_date_is_ours(operator: Operator, organization: FakeOrganization) -> None:
    organization.act_then_fail("CreateLoginProfile", AwsAlreadyExistsError("It exists."))

    assert operator.open(ACCOUNT).outcome is OpenOutcome.OPEN


def test_a_profile_that_someone_made_meanwhile_is_left_alone_and_alerted(
    operator: Operator, organization: FakeOrganization
) -> None:
    plan = operator.planning.plan(operator.inventory(), operator.request(ACCOUNT))
    organization.root_users[ACCOUNT].login_profile = LoginProfile(START, None)

    opening = operator.opening.open(plan)

    assert opening.outcome is OpenOutcome.FOREIGN
    assert opening.exit_status == 4
    assert organization.changing_calls == []
    assert operator.database.windows["w-1"].state is WindowState.CANCELLED
    assert "Nothing was touched" in (operator.database.windows["w-1"].failure or "")
    assert any(remark.startswith("ALERT") for remark in operator.progress.remarks)


def test_an_older_profile_behind_already_exists_is_someone_elses(
    operator: Operator, organization: FakeOrganization
) -> None:
    def sneak(operation: str, _: AccountId | None) -> None:
        if operation == "CreateLoginProfile":
            organization.root_users[ACCOUNT].login_profile = LoginProfile(START - timedelta(days=1), None)

    organization.before_each_call(sneak)

    opening = operator.open(ACCOUNT)

    assert opening.outcome is OpenOutcome.FOREIGN
    assert operator.database.windows["w-1"].state is WindowState.CANCELLED
    assert operator.database.outcomes_of(Action.LOGIN_PROFILE_CREATE) == [Result.FAILED]
    assert has_password(organization)


def test_already_exists_without_a_profile_cancels(operator: Operator, organization: FakeOrganization) -> None:
    organization.fail("CreateLoginProfile", AwsAlreadyExistsError("It exists."))

    opening = operator.open(ACCOUNT)

    assert opening.outcome is OpenOutcome.CANCELLED
    assert opening.exit_status == 4


def test_a_creation_that_cannot_be_reread_leaves_a_window_that_owes_its_closing(
    operator: Operator, organization: FakeOrganization
) -> None:
    organization.fail("GetLoginProfile", at=2)

    opening = operator.open(ACCOUNT)

    assert opening.outcome is OpenOutcome.UNKNOWN
    assert opening.exit_status == 4
    assert operator.database.windows["w-1"].state is WindowState.OPENING
    assert operator.database.windows["w-1"].expires_at is not None
    assert operator.database.outcomes_of(Action.LOGIN_PROFILE_CREATE) == [Result.UNKNOWN]


def test_a_success_that_no_reread_shows_is_not_open(operator: Operator, organization: FakeOrganization) -> None:
    organization.lie("CreateLoginProfile")

    opening = operator.open(ACCOUNT)

    assert opening.outcome is OpenOutcome.UNKNOWN
    assert opening.exit_status == 4
    assert operator.database.windows["w-1"].state is WindowState.OPENING


def test_without_a_ledger_nothing_is_opened_and_no_window_stays(
    operator: Operator, organization: FakeOrganization
) -> None:
    plan = operator.planning.plan(operator.inventory(), operator.request(ACCOUNT))
    calls = len(organization.calls)
    operator.database.is_ledger_writable = False

    with pytest.raises(LedgerUnavailableError):
        operator.opening.open(plan)

    assert [operation for operation, _ in organization.calls[calls:]] == ["GetCallerIdentity"]
    assert operator.database.windows == {}


def test_a_ledger_that_fails_before_the_creation_cancels_the_window(
    operator: Operator, organization: FakeOrganization
) -> None:
    def fail(name: str) -> None:
        if name == "intent login_profile:create":
            raise DatabaseError("The disk is full.")

    operator.database.before_commit = fail

    with pytest.raises(LedgerUnavailableError):
        operator.open(ACCOUNT)

    assert organization.changing_calls == []
    assert operator.database.windows["w-1"].state is WindowState.CANCELLED


def test_a_ledger_that_fails_after_the_creation_leaves_the_window_owing(
    operator: Operator, organization: FakeOrganization
) -> None:
    def fail(name: str) -> None:
        if name == "outcome login_profile:create":
            raise DatabaseError("The disk is full.")

    operator.database.before_commit = fail

    opening = operator.open(ACCOUNT)

    assert opening.outcome is OpenOutcome.UNKNOWN
    assert operator.database.windows["w-1"].state is WindowState.OPENING
    assert has_password(organization)


def test_a_ledger_that_fails_once_the_window_is_open_does_not_end_the_waiting(operator: Operator) -> None:
    def fail(name: str) -> None:
        if name == "fact window:open":
            raise DatabaseError("The disk is full.")

    operator.database.before_commit = fail

    assert operator.open(ACCOUNT).outcome is OpenOutcome.OPEN


def test_a_busy_account_is_not_opened(operator: Operator, organization: FakeOrganization) -> None:
    other = Operator(organization, operator.database)

    with other.locks.hold(ACCOUNT, "deletion"), pytest.raises(AccountBusyError):
        operator.open(ACCOUNT)
    assert operator.database.windows == {}


def test_of_two_operators_with_the_same_plan_one_opens(operator: Operator, organization: FakeOrganization) -> None:
    other = Operator(organization, operator.database)
    plan = operator.planning.plan(operator.inventory(), operator.request(ACCOUNT))
    other.open(ACCOUNT)

    with pytest.raises(WindowConflictError):
        operator.opening.open(plan)
    assert organization.operations().count("CreateLoginProfile") == 1


def test_credentials_are_judged_again_when_the_window_opens(operator: Operator, organization: FakeOrganization) -> None:
    organization.credentials_lifetime = CredentialsLifetime(Lifetime.ENDING, START + timedelta(seconds=3700))
    plan = operator.planning.plan(operator.inventory(), operator.request(ACCOUNT))
    operator.clock.advance(120)

    with pytest.raises(AwsCredentialsError):
        operator.opening.open(plan)
    assert operator.database.windows == {}


def test_a_process_that_lost_its_lock_creates_nothing(operator: Operator, organization: FakeOrganization) -> None:
    def take_over(operation: str, _: AccountId | None) -> None:
        if operation == "AssumeRoot" and "w-1" in operator.database.windows:
            operator.database.locks[ACCOUNT] = ("another-owner", 99)

    organization.before_each_call(take_over)

    with pytest.raises(Exception, match="lost"):
        operator.open(ACCOUNT)
    assert organization.changing_calls == []


def test_every_intent_of_an_opening_has_one_outcome(operator: Operator) -> None:
    operator.open(ACCOUNT)

    intents = [entry for entry in operator.database.entries if entry.phase is Phase.INTENT]
    ended = [entry.intent_sequence for entry in operator.database.entries if entry.intent_sequence is not None]
    assert sorted(ended) == [entry.sequence for entry in intents]


@pytest.mark.parametrize("hours", [1, -1])
def test_while_the_clock_is_wrong_nothing_is_planned_or_opened(
    operator: Operator, organization: FakeOrganization, hours: int
) -> None:
    plan = operator.planning.plan(operator.inventory(), operator.request(ACCOUNT))
    calls = len(organization.calls)
    organization.clock_offset = timedelta(hours=hours)
    for act in (
        lambda: operator.planning.plan(operator.inventory(), operator.request(ACCOUNT)),
        lambda: operator.opening.open(plan),
    ):
        with pytest.raises(ClockWrongError):
            act()
    assert {operation for operation, _ in organization.calls[calls:]} == {"GetCallerIdentity"}
    assert operator.database.windows == {}
