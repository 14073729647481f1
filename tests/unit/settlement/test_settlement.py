"""What a dead process left behind is settled by a re-read, and by nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from rootkeeper.errors import LedgerUnavailableError
from rootkeeper.ledger.rules import Action, Result
from rootkeeper.organization.accounts import AccountId, AccountState, Feature
from rootkeeper.organization.statuses import LoginProfile
from rootkeeper.settlement.service import SettlementReport
from rootkeeper.values import JsonValue
from rootkeeper.windows.rules import RecoveryWindow, WindowState
from tests.fakes.clock import START, FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.operators import Operator
from tests.fakes.organization import FakeOrganization
from tests.fakes.root_users import LONG_AGO, FakeRootUser, root_user_with_everything

ACCOUNT = AccountId("222233334444")
OTHER = AccountId("333344445555")
KEY = "AKIAIOSFODNN7EXAMPLE"
CERTIFICATE = "TA7SMP42TDN5Z26OBPJE7EXAMPLE"
DELETIONS: list[tuple[Action, dict[str, JsonValue]]] = [
    (Action.ACCESS_KEY_DELETE, {"access_key_id": KEY}),
    (Action.SIGNING_CERTIFICATE_DELETE, {"signing_certificate_id": CERTIFICATE}),
    (Action.LOGIN_PROFILE_DELETE, {}),
    (Action.MFA_DEVICE_DEACTIVATE, {"mfa_serial_number": "GAHT12345678"}),
]


@pytest.fixture
def organization() -> FakeOrganization:
    fake = FakeOrganization(FakeClock())
    fake.add_account(ACCOUNT, "workload")
    fake.add_account(OTHER, "other")
    return fake


def settle(operator: Operator) -> SettlementReport:
    return operator.settlement.settle()


def leave_window(operator: Operator, state: WindowState, opened_ago: int = 60) -> None:
    started = operator.clock.now() - timedelta(seconds=opened_ago)
    operator.database.windows["w-1"] = RecoveryWindow(
        window_id="w-1",
        organization_id="o-exampleorgid",
        account_id=ACCOUNT,
        state=state,
        reason="billing",
        ticket=None,
        requested_by="alice",
        requested_at=started,
        duration_seconds=3600,
        expires_at=None if state is WindowState.APPROVED else started + timedelta(hours=1),
    )


def test_with_nothing_left_behind_no_call_is_made(operator: Operator, organization: FakeOrganization) -> None:
    assert settle(operator).is_empty
    assert organization.calls == []


@pytest.mark.parametrize(("action", "parameters"), DELETIONS)
def test_a_deletion_whose_target_is_gone_was_done(
    operator: Operator, dead: Operator, action: Action, parameters: dict[str, JsonValue]
) -> None:
    dead.ledger.append_intent(action, account_id=ACCOUNT, parameters=parameters)

    (settled,) = settle(operator).intents

    assert settled.result is Result.DONE
    assert operator.database.outcomes_of(action) == [Result.DONE]
    assert operator.database.open_intents == []


@pytest.mark.parametrize(("action", "parameters"), DELETIONS)
def test_a_deletion_whose_target_is_still_there_was_not_done(
    operator: Operator,
    dead: Operator,
    organization: FakeOrganization,
    action: Action,
    parameters: dict[str, JsonValue],
) -> None:
    organization.root_users[ACCOUNT] = root_user_with_everything()
    dead.ledger.append_intent(action, account_id=ACCOUNT, parameters=parameters)

    (settled,) = settle(operator).intents

    assert settled.result is Result.FAILED
    assert not organization.root_users[ACCOUNT].is_empty


def test_another_key_than_the_intents_own_does_not_count(
    operator: Operator, dead: Operator, organization: FakeOrganization
) -> None:
    organization.root_users[ACCOUNT] = root_user_with_everything()
    dead.ledger.append_intent(
        Action.ACCESS_KEY_DELETE, account_id=ACCOUNT, parameters={"access_key_id": "AKIAEXAMPLEGONE00000"}
    )

    assert settle(operator).intents[0].result is Result.DONE


@pytest.mark.parametrize(("action", "parameters"), DELETIONS)
@pytest.mark.parametrize("operation", ["AssumeRoot", "GetCallerIdentity", "reads"])
def test_what_cannot_be_read_stays_open_and_is_named(
    operator: Operator,
    dead: Operator,
    organization: FakeOrganization,
    action: Action,
    parameters: dict[str, JsonValue],
    operation: str,
) -> None:
    if operation == "reads":
        organization.blocked_by[ACCOUNT] = "p-examplescp"
    else:
        organization.fail(operation, account_id=ACCOUNT)
    dead.ledger.append_intent(action, account_id=ACCOUNT, parameters=parameters)

    report = settle(operator)

    assert report.has_unknown
    assert report.intents[0].result is None
    assert "denied" in report.intents[0].explanation
    assert [entry.action for entry in operator.database.open_intents] == [action]


def test_one_session_serves_all_orphans_of_an_account(
    operator: Operator, dead: Operator, organization: FakeOrganization
) -> None:
    for action, parameters in DELETIONS:
        dead.ledger.append_intent(action, account_id=ACCOUNT, parameters=parameters)

    settle(operator)

    assert organization.sessions_opened == 1
    assert organization.changing_calls == []


def test_an_account_that_cannot_be_read_does_not_keep_others_from_being_settled(
    operator: Operator, dead: Operator, organization: FakeOrganization
) -> None:
    organization.change_state(ACCOUNT, AccountState.SUSPENDED)
    for account_id in (ACCOUNT, OTHER):
        dead.ledger.append_intent(Action.LOGIN_PROFILE_DELETE, account_id=account_id)

    results = {settled.account_id: settled.result for settled in settle(operator).intents}

    assert results == {ACCOUNT: None, OTHER: Result.DONE}
    assert "AssumeRoot" not in organization.operations(ACCOUNT)


def test_intents_of_a_live_process_are_never_touched(
    operator: Operator, organization: FakeOrganization, fake_database: FakeDatabase
) -> None:
    live = Operator(organization, fake_database)
    live.ledger.append_intent(Action.LOGIN_PROFILE_DELETE, account_id=ACCOUNT)

    assert settle(operator).is_empty
    assert organization.calls == []
    assert len(fake_database.open_intents) == 1


def test_a_busy_account_is_left_for_later(
    operator: Operator, dead: Operator, organization: FakeOrganization, fake_database: FakeDatabase
) -> None:
    dead.ledger.append_intent(Action.LOGIN_PROFILE_DELETE, account_id=ACCOUNT)
    live = Operator(organization, fake_database)

    with live.locks.hold(ACCOUNT, "deletion"):
        report = settle(operator)

    assert report.intents[0].result is None
    assert organization.operations(ACCOUNT) == []


def test_a_root_session_is_unknown_with_the_time_of_its_end(
    operator: Operator, dead: Operator, organization: FakeOrganization
) -> None:
    dead.ledger.append_intent(Action.ROOT_SESSION_OPEN, account_id=ACCOUNT)

    (settled,) = settle(operator).intents

    assert settled.result is Result.UNKNOWN
    assert (START + timedelta(minutes=25)).isoformat(timespec="seconds") in settled.explanation
    assert organization.sessions_opened == 0


def test_an_audit_is_failed_as_interrupted(operator: Operator, dead: Operator) -> None:
    dead.ledger.append_intent(Action.ACCOUNTS_AUDIT)

    (settled,) = settle(operator).intents

    assert settled.result is Result.FAILED
    assert "Interrupted" in settled.explanation


@pytest.mark.parametrize(
    ("action", "feature", "account_id", "result"),
    [
        (Action.TRUSTED_ACCESS_ENABLE, None, None, Result.DONE),
        (Action.TRUSTED_ACCESS_DISABLE, None, None, Result.FAILED),
        (Action.FEATURE_ENABLE, Feature.ROOT_SESSIONS, None, Result.DONE),
        (Action.FEATURE_DISABLE, Feature.ROOT_SESSIONS, None, Result.FAILED),
        (Action.DELEGATED_ADMINISTRATOR_REGISTER, None, OTHER, Result.FAILED),
        (Action.DELEGATED_ADMINISTRATOR_DEREGISTER, None, OTHER, Result.DONE),
    ],
)
def test_the_set_up_as_it_is_decides_what_came_of_its_changes(
    operator: Operator,
    dead: Operator,
    organization: FakeOrganization,
    action: Action,
    feature: Feature | None,
    account_id: AccountId | None,
    result: Result,
) -> None:
    parameters: dict[str, JsonValue] = {"feature": str(feature)} if feature else {}
    dead.ledger.append_intent(action, account_id=account_id, parameters=parameters)

    assert settle(operator).intents[0].result is result
    assert organization.sessions_opened == 0


def test_a_set_up_that_cannot_be_read_leaves_its_intent_open(
    operator: Operator, dead: Operator, organization: FakeOrganization
) -> None:
    organization.fail("ListOrganizationsFeatures")
    dead.ledger.append_intent(Action.FEATURE_ENABLE, parameters={"feature": "RootSessions"})

    assert settle(operator).intents[0].result is None
    assert len(operator.database.open_intents) == 1


def test_a_creation_that_acted_is_done_and_its_window_owes_the_closing(
    operator: Operator, dead: Operator, organization: FakeOrganization
) -> None:
    leave_window(operator, WindowState.OPENING, opened_ago=0)
    dead.ledger.append_intent(Action.LOGIN_PROFILE_CREATE, account_id=ACCOUNT, parameters={"window_id": "w-1"})
    organization.root_users[ACCOUNT].login_profile = LoginProfile(START, None)

    report = settle(operator)

    assert report.intents[0].result is Result.DONE
    assert report.windows[0].after.state is WindowState.OPEN
    assert report.windows[0].after.opened_at == START
    assert report.windows[0].after.expires_at == START + timedelta(hours=1)


def test_a_creation_that_did_not_act_is_failed_and_its_window_cancelled(operator: Operator, dead: Operator) -> None:
    leave_window(operator, WindowState.OPENING)
    dead.ledger.append_intent(Action.LOGIN_PROFILE_CREATE, account_id=ACCOUNT, parameters={"window_id": "w-1"})

    report = settle(operator)

    assert report.intents[0].result is Result.FAILED
    assert operator.database.windows["w-1"].state is WindowState.CANCELLED


@pytest.mark.parametrize("is_denied_first", [False, True])
def test_a_window_is_cancelled_only_after_the_pauses_of_one_reading_that_succeeded(
    is_denied_first: bool, operator: Operator, dead: Operator, organization: FakeOrganization
) -> None:
    """A call that was sent just before its process died may still act."""
    leave_window(operator, WindowState.OPENING)
    dead.ledger.append_intent(Action.LOGIN_PROFILE_CREATE, account_id=ACCOUNT, parameters={"window_id": "w-1"})
    if is_denied_first:
        organization.fail("GetLoginProfile", times=1)

    report = settle(operator)

    assert (report.intents[0].result is None) is is_denied_first
    assert operator.database.windows["w-1"].state is WindowState.CANCELLED
    assert organization.clock.slept == [1.0, 2.0]


@pytest.mark.parametrize("created_at", [LONG_AGO, START + timedelta(hours=5)])
def test_someone_elses_profile_is_never_taken_for_ours(
    operator: Operator, dead: Operator, organization: FakeOrganization, created_at: datetime
) -> None:
    leave_window(operator, WindowState.OPENING)
    dead.ledger.append_intent(Action.LOGIN_PROFILE_CREATE, account_id=ACCOUNT)
    profile = LoginProfile(created_at, None)
    organization.root_users[ACCOUNT] = FakeRootUser(login_profile=profile)

    report = settle(operator)

    assert report.intents[0].result is Result.FAILED
    assert operator.database.windows["w-1"].state is WindowState.CANCELLED
    assert any(remark.startswith("ALERT") for remark in operator.progress.remarks)
    assert organization.root_users[ACCOUNT].login_profile == profile


def test_a_window_that_cannot_be_read_stays_and_is_named_as_unknown(
    operator: Operator, organization: FakeOrganization
) -> None:
    leave_window(operator, WindowState.OPENING)
    organization.fail("GetLoginProfile")

    report = settle(operator)

    assert report.has_unknown
    assert not report.windows[0].is_settled
    assert "isn't known" in report.windows[0].explanation
    assert operator.database.windows["w-1"].state is WindowState.OPENING


def test_an_approval_that_its_process_did_not_use_lapses_without_a_call(
    operator: Operator, organization: FakeOrganization
) -> None:
    leave_window(operator, WindowState.APPROVED)

    settle(operator)

    assert operator.database.windows["w-1"].state is WindowState.LAPSED
    assert organization.calls == []


def test_a_window_in_the_hands_of_a_live_process_is_left_alone(
    operator: Operator, organization: FakeOrganization, fake_database: FakeDatabase
) -> None:
    leave_window(operator, WindowState.OPENING)
    live = Operator(organization, fake_database)

    with live.locks.hold(ACCOUNT, "recovery"):
        assert settle(operator).is_empty
    assert fake_database.windows["w-1"].state is WindowState.OPENING


@pytest.mark.parametrize(
    ("state", "result"), [(WindowState.CLOSED_VERIFIED, Result.DONE), (WindowState.CLOSING, Result.FAILED)]
)
def test_a_closing_is_done_if_its_window_was_verified(
    operator: Operator, dead: Operator, state: WindowState, result: Result
) -> None:
    leave_window(operator, state)
    dead.ledger.append_intent(Action.WINDOW_CLOSE, account_id=ACCOUNT, parameters={"window_id": "w-1"})

    assert settle(operator).intents[0].result is result


@pytest.mark.parametrize(("state", "result"), [(WindowState.KEPT, Result.DONE), (WindowState.OPEN, Result.FAILED)])
def test_a_keeping_is_done_if_its_window_is_kept(
    operator: Operator, dead: Operator, state: WindowState, result: Result
) -> None:
    leave_window(operator, state)
    dead.ledger.append_intent(Action.WINDOW_KEEP, account_id=ACCOUNT, parameters={"window_id": "w-1"})

    assert settle(operator).intents[0].result is result


def test_an_orphan_is_settled_once(operator: Operator, dead: Operator) -> None:
    dead.ledger.append_intent(Action.LOGIN_PROFILE_DELETE, account_id=ACCOUNT)

    assert len(settle(operator).intents) == 1
    assert settle(operator).is_empty


def test_what_the_settling_itself_did_is_in_the_ledger(operator: Operator, dead: Operator) -> None:
    dead.ledger.append_intent(Action.LOGIN_PROFILE_DELETE, account_id=ACCOUNT)

    settle(operator)

    sessions = [entry for entry in operator.database.entries if entry.action is Action.ROOT_SESSION_OPEN]
    assert sessions[0].parameters["task_policy"] == "IAMAuditRootUserCredentials"
    assert operator.database.outcomes_of(Action.ROOT_SESSION_OPEN) == [Result.DONE]


def test_without_a_ledger_nothing_is_settled_and_no_session_opened(
    operator: Operator, dead: Operator, organization: FakeOrganization
) -> None:
    dead.ledger.append_intent(Action.LOGIN_PROFILE_DELETE, account_id=ACCOUNT)
    operator.database.is_ledger_writable = False

    with pytest.raises(LedgerUnavailableError):
        settle(operator)
    assert organization.sessions_opened == 0
