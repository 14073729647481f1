"""What is checked before a recovery window is opened, and that nothing is changed by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.aws.rules import CredentialsLifetime, Lifetime
from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsCredentialsError,
    InputError,
    LedgerUnavailableError,
    TargetRefusedError,
    WindowConflictError,
)
from rootkeeper.exceptions.rules import DeletionException
from rootkeeper.organization.accounts import Account, AccountId, AccountState, Caller, Feature
from rootkeeper.organization.statuses import LoginProfile
from rootkeeper.windows.rules import WindowState
from tests.fakes.clock import START, FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.operators import Operator
from tests.fakes.organization import MANAGEMENT, FakeOrganization
from tests.fakes.root_users import FakeRootUser, root_user_with_everything

ACCOUNT = AccountId("222233334444")
FAILSAFE = AccountId("333344445555")


@pytest.fixture
def organization() -> FakeOrganization:
    fake = FakeOrganization(FakeClock())
    fake.add_account(ACCOUNT, "workload")
    fake.add_account(FAILSAFE, "security")
    fake.delegated_administrators = [FAILSAFE]
    return fake


@pytest.fixture
def operator(organization: FakeOrganization) -> Operator:
    return Operator(organization, FakeDatabase(organization.clock))


def check(operator: Operator, account_id: AccountId = ACCOUNT, seconds: int = 3600, reason: str = "billing") -> None:
    operator.planning.plan(operator.inventory(), operator.request(account_id, seconds, reason))


def test_a_plan_opens_an_audit_session_alone_and_changes_nothing(
    operator: Operator, organization: FakeOrganization
) -> None:
    check(operator)

    assert organization.changing_calls == []
    assert organization.operations(ACCOUNT) == ["AssumeRoot", "GetCallerIdentity", "GetAccountSummary"]
    assert operator.database.windows == {}
    assert operator.database.open_intents == []


@pytest.mark.parametrize("seconds", [0, 9, 30 * 86400])
def test_a_duration_out_of_range_is_refused_before_any_call(
    operator: Operator, organization: FakeOrganization, seconds: int
) -> None:
    with pytest.raises(InputError):
        check(operator, seconds=seconds)
    assert organization.calls == []


def test_an_empty_reason_is_refused_before_any_call(operator: Operator, organization: FakeOrganization) -> None:
    with pytest.raises(InputError, match="reason"):
        check(operator, reason="  ")
    assert organization.calls == []


def test_the_management_account_is_refused_before_any_call(operator: Operator, organization: FakeOrganization) -> None:
    with pytest.raises(TargetRefusedError, match="management account"):
        check(operator, MANAGEMENT)
    assert organization.calls == []


@pytest.mark.parametrize("state", sorted(set(AccountState) - {AccountState.ACTIVE}))
def test_an_account_that_is_not_active_is_refused_before_any_call(
    operator: Operator, organization: FakeOrganization, state: AccountState
) -> None:
    organization.change_state(ACCOUNT, state)

    with pytest.raises(TargetRefusedError, match=state):
        check(operator)
    assert organization.calls == []


def test_an_account_outside_the_organization_is_refused_before_any_call(
    operator: Operator, organization: FakeOrganization
) -> None:
    stranger: Account = replace(organization.accounts[ACCOUNT], account_id=AccountId("999988887777"))

    with pytest.raises(TargetRefusedError, match="isn't an account"):
        operator.planning.plan(operator.inventory(), replace(operator.request(ACCOUNT), account=stranger))
    assert organization.calls == []


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
def test_another_partition_is_refused(operator: Operator, organization: FakeOrganization, partition: str) -> None:
    organization.organization = replace(organization.organization, partition=partition)

    with pytest.raises(TargetRefusedError, match=partition):
        check(operator)


def test_in_govcloud_a_window_isnt_applicable_with_the_reason(
    operator: Operator, organization: FakeOrganization
) -> None:
    organization.organization = replace(organization.organization, partition="aws-us-gov")
    with pytest.raises(TargetRefusedError, match=r"isn't applicable .*aws-us-gov.* have no console sign-in"):
        check(operator)
    assert "AssumeRoot" not in organization.operations()


def test_a_window_that_is_not_over_blocks_another(operator: Operator) -> None:
    operator.open(ACCOUNT)

    with pytest.raises(WindowConflictError, match="w-1") as caught:
        check(operator)
    assert "windows close" in (render_hint(caught.value.hint) or "")


@pytest.mark.parametrize(("seconds_left", "refused"), [(3600, True), (3659, True), (3660, False)])
def test_credentials_that_end_before_the_closing_are_refused_with_a_hint(
    operator: Operator, organization: FakeOrganization, seconds_left: int, refused: bool
) -> None:
    organization.credentials_lifetime = CredentialsLifetime(Lifetime.ENDING, START + timedelta(seconds=seconds_left))

    if not refused:
        check(operator)
        return
    with pytest.raises(AwsCredentialsError) as caught:
        check(operator)
    assert "--for" in (render_hint(caught.value.hint) or "")
    assert organization.operations(ACCOUNT) == []


@pytest.mark.parametrize("trusted_access", [True, False])
def test_a_feature_that_is_off_is_refused_before_any_session(
    operator: Operator, organization: FakeOrganization, trusted_access: bool
) -> None:
    organization.trusted_access = trusted_access
    organization.features = {Feature.ROOT_SESSIONS}

    with pytest.raises(AwsAccessDeniedError, match="is off") as caught:
        check(operator)
    assert render_hint(caught.value.hint) == "Turn it on: rootkeeper enable"
    assert organization.operations(ACCOUNT) == []


def test_the_sessions_feature_is_not_needed_for_a_recovery(operator: Operator, organization: FakeOrganization) -> None:
    organization.features = {Feature.ROOT_CREDENTIALS_MANAGEMENT}

    check(operator)


def test_a_caller_in_an_ordinary_member_is_refused(operator: Operator, organization: FakeOrganization) -> None:
    organization.caller = Caller(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/operator", "aws")

    with pytest.raises(AwsAccessDeniedError, match="neither"):
        check(operator)
    assert organization.operations(ACCOUNT) == []


def test_an_account_with_a_password_has_nothing_to_open(operator: Operator, organization: FakeOrganization) -> None:
    organization.root_users[ACCOUNT] = FakeRootUser(login_profile=LoginProfile(START, None))

    with pytest.raises(TargetRefusedError, match="already"):
        check(operator)
    assert organization.changing_calls == []


@pytest.mark.parametrize("root_user", [FakeRootUser(), root_user_with_everything()], ids=["empty", "with its login"])
def test_a_failsafe_is_refused_before_any_session_and_its_set_up_is_named(
    operator: Operator, organization: FakeOrganization, root_user: FakeRootUser
) -> None:
    organization.root_users[FAILSAFE] = root_user
    with pytest.raises(TargetRefusedError, match="is a failsafe") as caught:
        check(operator, FAILSAFE)
    assert render_hint(caught.value.hint) == f"Set up its root login: rootkeeper failsafe set-up {FAILSAFE}."
    assert organization.operations(FAILSAFE) == []


def test_the_set_up_of_a_failsafe_is_no_recovery_that_is_refused(operator: Operator) -> None:
    operator.planning.plan(operator.inventory(), replace(operator.request(FAILSAFE), keeps_login=True))


def test_that_the_failsafe_is_not_known_is_remarked(operator: Operator, organization: FakeOrganization) -> None:
    organization.fail("ListDelegatedAdministrators")
    plan = operator.planning.plan(operator.inventory(), operator.request(ACCOUNT))
    assert any("if the account is a failsafe" in remark for remark in plan.remarks)


def test_keys_and_devices_that_closing_would_take_along_are_named(
    operator: Operator, organization: FakeOrganization
) -> None:
    everything = root_user_with_everything()
    everything.login_profile = None
    organization.root_users[ACCOUNT] = everything

    plan = operator.planning.plan(operator.inventory(), operator.request(ACCOUNT))

    assert any("access keys, signing certificates, MFA devices" in remark for remark in plan.remarks)


def test_credentials_excepted_from_deletion_are_not_given_to_a_closing(
    operator: Operator, organization: FakeOrganization
) -> None:
    everything = root_user_with_everything()
    everything.login_profile = None
    organization.root_users[ACCOUNT] = everything
    operator.exceptions.add(
        DeletionException(ACCOUNT, "storage team", "MFA delete", START + timedelta(days=1), "alice", START)
    )

    with pytest.raises(TargetRefusedError, match="excepted"):
        check(operator)


def test_a_blocked_account_is_refused_with_the_reason_of_aws(
    operator: Operator, organization: FakeOrganization
) -> None:
    organization.blocked_by[ACCOUNT] = "p-examplescp"

    with pytest.raises(AwsAccessDeniedError) as caught:
        check(operator)
    assert caught.value.policy_id == "p-examplescp"
    assert operator.database.open_intents == []


def test_without_a_ledger_no_session_is_opened(operator: Operator, organization: FakeOrganization) -> None:
    operator.database.is_ledger_writable = False

    with pytest.raises(LedgerUnavailableError):
        check(operator)
    assert organization.operations(ACCOUNT) == []


def test_a_window_that_is_over_is_no_obstacle(operator: Operator) -> None:
    opened = operator.open(ACCOUNT).window
    assert operator.close(opened).window.state is WindowState.CLOSED_VERIFIED

    check(operator)
