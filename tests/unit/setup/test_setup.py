"""Reading and changing root access management's set-up."""

from __future__ import annotations

import pytest

from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsNotFoundError,
    AwsRejectedError,
    LedgerUnavailableError,
    TargetRefusedError,
    WindowConflictError,
)
from rootkeeper.ledger.rules import Action, Phase, Result
from rootkeeper.organization.accounts import AccountId, AccountState, Caller, Feature
from rootkeeper.setup.service import NO_FAILSAFE, CallerRole, SetupChange, StepOutcome
from rootkeeper.windows.rules import WindowState
from tests.fakes.clock import FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.operators import Operator
from tests.fakes.organization import MANAGEMENT, FakeOrganization

SECURITY = AccountId("222233334444")
WORKLOAD = AccountId("333344445555")
ALL_ON = frozenset(Feature)


@pytest.fixture
def organization() -> FakeOrganization:
    """As it is before anything was enabled."""
    fake = FakeOrganization(FakeClock())
    fake.add_account(SECURITY, "security")
    fake.add_account(WORKLOAD, "workload")
    fake.trusted_access = False
    fake.features = set()
    return fake


@pytest.fixture
def operator(organization: FakeOrganization) -> Operator:
    return Operator(organization, FakeDatabase(organization.clock))


def enable(operator: Operator, delegate: AccountId | None = None) -> SetupChange:
    return operator.setup_enabler.apply(operator.setup_enabler.plan(delegated_administrator=delegate))


def as_delegate(organization: FakeOrganization) -> None:
    organization.delegated_administrators = [SECURITY]
    organization.caller = Caller(SECURITY, f"arn:aws:iam::{SECURITY}:user/operator", "aws")


def operations(change: SetupChange) -> list[StepOutcome]:
    return [result.outcome for result in change.results]


def test_everything_that_is_missing_is_named_with_the_command_that_fixes_it(operator: Operator) -> None:
    report = operator.setup.read()

    assert report.caller_role is CallerRole.MANAGEMENT
    assert [render_hint(part.fix) for part in report.missing] == [
        "rootkeeper enable",
        "rootkeeper enable --delegated-administrator ID",
    ]
    assert not report.is_complete


def test_a_missing_feature_is_named_by_the_word_of_its_option(
    operator: Operator, organization: FakeOrganization
) -> None:
    organization.trusted_access = True
    organization.features = {Feature.ROOT_CREDENTIALS_MANAGEMENT}
    organization.delegated_administrators = [SECURITY]

    assert [render_hint(part.fix) for part in operator.setup.read().missing] == ["rootkeeper enable --feature sessions"]


def test_what_cannot_be_read_is_unknown_and_never_missing_or_complete(
    operator: Operator, organization: FakeOrganization
) -> None:
    enable(operator, SECURITY)
    organization.fail("ListOrganizationsFeatures")
    organization.fail("ListDelegatedAdministrators")

    report = operator.setup.read()

    assert report.missing == ()
    assert len(report.setup.unknown) == 2
    assert not report.is_complete


@pytest.mark.parametrize(
    ("caller", "delegates", "role"),
    [
        (MANAGEMENT, [], CallerRole.MANAGEMENT),
        (SECURITY, [SECURITY], CallerRole.DELEGATED_ADMINISTRATOR),
        (WORKLOAD, [SECURITY], CallerRole.MEMBER),
    ],
)
def test_the_callers_account_has_a_role(
    operator: Operator,
    organization: FakeOrganization,
    caller: AccountId,
    delegates: list[AccountId],
    role: CallerRole,
) -> None:
    organization.caller = Caller(caller, f"arn:aws:iam::{caller}:user/operator", "aws")
    organization.delegated_administrators = delegates

    assert operator.setup.read().caller_role is role


def test_enabling_goes_from_trusted_access_over_the_features_to_the_delegate(
    operator: Operator, organization: FakeOrganization
) -> None:
    change = enable(operator, SECURITY)

    assert [operation for operation, _ in organization.changing_calls] == [
        "EnableAWSServiceAccess",
        "EnableOrganizationsRootCredentialsManagement",
        "EnableOrganizationsRootSessions",
        "RegisterDelegatedAdministrator",
    ]
    assert change.is_proven
    assert change.setup.is_complete(Feature)
    assert change.closing_remarks == ()


def test_without_a_delegate_enabling_ends_with_what_is_still_missing(operator: Operator) -> None:
    assert enable(operator).closing_remarks == (NO_FAILSAFE,)


def test_enabling_twice_calls_nothing_the_second_time_and_says_what_was_on(
    operator: Operator, organization: FakeOrganization
) -> None:
    enable(operator, SECURITY)
    before = len(organization.changing_calls)

    plan = operator.setup_enabler.plan(delegated_administrator=SECURITY)
    operator.setup_enabler.apply(plan)

    assert plan.steps == ()
    assert len(plan.unneeded) == 4
    assert len(organization.changing_calls) == before


def test_only_what_is_missing_is_called(operator: Operator, organization: FakeOrganization) -> None:
    organization.trusted_access = True
    organization.features = {Feature.ROOT_SESSIONS}

    enable(operator)

    assert [operation for operation, _ in organization.changing_calls] == [
        "EnableOrganizationsRootCredentialsManagement"
    ]


def test_features_that_aws_kept_while_trust_was_off_are_not_enabled_again(
    operator: Operator, organization: FakeOrganization
) -> None:
    organization.features = set(Feature)

    change = enable(operator)

    assert [operation for operation, _ in organization.changing_calls] == ["EnableAWSServiceAccess"]
    assert operations(change) == [StepOutcome.CHANGED, StepOutcome.UNNEEDED, StepOutcome.UNNEEDED]


def test_a_plan_changes_nothing(operator: Operator, organization: FakeOrganization) -> None:
    operator.setup_enabler.plan(delegated_administrator=SECURITY)

    assert organization.changing_calls == []
    assert operator.database.entries == []


def test_a_delegated_administrator_is_refused_to_enable_before_any_call(
    operator: Operator, organization: FakeOrganization
) -> None:
    as_delegate(organization)

    with pytest.raises(AwsAccessDeniedError, match="management account") as caught:
        operator.setup_enabler.plan()

    assert caught.value.exit_status == 3
    assert MANAGEMENT in (caught.value.hint or "")
    assert organization.changing_calls == []


@pytest.mark.parametrize(
    ("delegate", "said"),
    [(MANAGEMENT, "management account"), (AccountId("999988887777"), "isn't an account"), (WORKLOAD, "SUSPENDED")],
)
def test_a_delegate_that_cannot_be_one_is_refused_before_any_call(
    operator: Operator, organization: FakeOrganization, delegate: AccountId, said: str
) -> None:
    organization.change_state(WORKLOAD, AccountState.SUSPENDED)

    with pytest.raises(TargetRefusedError, match=said):
        operator.setup_enabler.plan(delegated_administrator=delegate)

    assert organization.changing_calls == []


def test_an_organization_with_consolidated_billing_only_is_refused(
    operator: Operator, organization: FakeOrganization
) -> None:
    organization.organization = type(organization.organization)("o-exampleorgid", MANAGEMENT, False, "aws")

    with pytest.raises(AwsRejectedError, match="consolidated billing"):
        operator.setup_enabler.plan()


def test_each_step_has_its_intent_before_and_its_outcome_after_the_call(operator: Operator) -> None:
    enable(operator)

    phases = [(entry.action, entry.phase) for entry in operator.database.entries]
    assert phases[:2] == [
        (Action.TRUSTED_ACCESS_ENABLE, Phase.INTENT),
        (Action.TRUSTED_ACCESS_ENABLE, Phase.OUTCOME),
    ]
    assert operator.database.open_intents == []
    assert operator.database.outcomes_of(Action.FEATURE_ENABLE) == [Result.DONE, Result.DONE]


def test_a_lie_of_aws_is_reported_as_failed_and_stops_the_rest(
    operator: Operator, organization: FakeOrganization
) -> None:
    organization.lie("EnableAWSServiceAccess")

    change = enable(operator, SECURITY)

    assert operations(change) == [
        StepOutcome.FAILED,
        StepOutcome.SKIPPED,
        StepOutcome.SKIPPED,
        StepOutcome.SKIPPED,
    ]
    assert not change.is_proven
    assert operator.database.outcomes_of(Action.TRUSTED_ACCESS_ENABLE) == [Result.FAILED]


def test_after_an_unclear_answer_the_reread_decides_and_nothing_is_sent_twice(
    operator: Operator, organization: FakeOrganization
) -> None:
    organization.act_then_fail("EnableOrganizationsRootSessions")

    change = enable(operator)

    assert change.is_proven
    assert organization.operations().count("EnableOrganizationsRootSessions") == 1


def test_what_cannot_be_reread_is_unknown_and_not_done(operator: Operator, organization: FakeOrganization) -> None:
    plan = operator.setup_enabler.plan()
    organization.fail("ListAWSServiceAccessForOrganization")
    organization.fail("ListOrganizationsFeatures")

    change = operator.setup_enabler.apply(plan)

    assert operations(change)[0] is StepOutcome.UNKNOWN
    assert operator.database.outcomes_of(Action.TRUSTED_ACCESS_ENABLE) == [Result.UNKNOWN]


def test_p04_a_delegate_that_aws_calls_absent_is_unknown_without_a_reread(
    operator: Operator, organization: FakeOrganization
) -> None:
    enable(operator, SECURITY)
    operator.setup_disabler.apply(operator.setup_disabler.plan())
    plan = operator.setup_disabler.plan(trusted_access=True)
    absent = AwsNotFoundError("It isn't registered.", aws_code="AccountNotRegisteredException")
    organization.fail("DeregisterDelegatedAdministrator", absent)
    organization.fail("ListDelegatedAdministrators", at=2)

    change = operator.setup_disabler.apply(plan)

    assert operations(change) == [StepOutcome.UNKNOWN, StepOutcome.SKIPPED]
    assert operator.database.outcomes_of(Action.DELEGATED_ADMINISTRATOR_DEREGISTER) == [Result.UNKNOWN]


def test_a_refused_step_names_aws_reason(operator: Operator, organization: FakeOrganization) -> None:
    organization.fail("EnableAWSServiceAccess", AwsAccessDeniedError("You may not.", hint="Ask."))

    change = enable(operator)

    assert operations(change)[0] is StepOutcome.FAILED
    assert "You may not." in change.results[0].explanation


def test_no_call_leaves_when_the_ledger_cannot_be_written(operator: Operator, organization: FakeOrganization) -> None:
    operator.database.is_ledger_writable = False

    with pytest.raises(LedgerUnavailableError):
        enable(operator, SECURITY)

    assert organization.changing_calls == []


def test_disabling_takes_both_features_off_and_leaves_trust_and_delegate(
    operator: Operator, organization: FakeOrganization
) -> None:
    enable(operator, SECURITY)

    change = operator.setup_disabler.apply(operator.setup_disabler.plan())

    assert change.is_proven
    assert organization.features == set()
    assert organization.trusted_access
    assert organization.delegated_administrators == [SECURITY]
    assert any("stay deleted" in remark for remark in change.closing_remarks)


def test_disabling_trusted_access_deregisters_the_delegate_as_a_step_of_the_plan(
    operator: Operator, organization: FakeOrganization
) -> None:
    enable(operator, SECURITY)

    plan = operator.setup_disabler.plan(trusted_access=True)
    change = operator.setup_disabler.apply(plan)

    assert [step.action for step in plan.steps] == [
        Action.FEATURE_DISABLE,
        Action.FEATURE_DISABLE,
        Action.DELEGATED_ADMINISTRATOR_DEREGISTER,
        Action.TRUSTED_ACCESS_DISABLE,
    ]
    assert change.is_proven
    assert not organization.trusted_access
    assert any("keeps the features' flags" in remark for remark in change.closing_remarks)


def test_one_feature_alone_can_be_disabled(operator: Operator, organization: FakeOrganization) -> None:
    enable(operator)

    operator.setup_disabler.apply(operator.setup_disabler.plan(frozenset({Feature.ROOT_SESSIONS})))

    assert organization.features == {Feature.ROOT_CREDENTIALS_MANAGEMENT}


def test_a_delegated_administrator_may_disable_features_but_not_trusted_access(
    operator: Operator, organization: FakeOrganization
) -> None:
    enable(operator, SECURITY)
    as_delegate(organization)

    with pytest.raises(AwsAccessDeniedError):
        operator.setup_disabler.plan(trusted_access=True)
    operator.setup_disabler.apply(operator.setup_disabler.plan())

    assert organization.features == set()


def test_an_ordinary_member_may_disable_nothing(operator: Operator, organization: FakeOrganization) -> None:
    enable(operator, SECURITY)
    organization.caller = Caller(WORKLOAD, f"arn:aws:iam::{WORKLOAD}:user/operator", "aws")

    with pytest.raises(AwsAccessDeniedError):
        operator.setup_disabler.plan()


def test_disabling_is_refused_while_a_window_owes_its_closing(
    operator: Operator, organization: FakeOrganization
) -> None:
    enable(operator, SECURITY)
    plan = operator.setup_disabler.plan()
    assert operator.open(WORKLOAD).window.state is WindowState.OPEN

    with pytest.raises(WindowConflictError, match="w-1"):
        operator.setup_disabler.plan()
    with pytest.raises(WindowConflictError, match="w-1"):
        operator.setup_disabler.apply(plan)
    assert organization.features == set(Feature)


def test_with_trusted_access_off_there_is_nothing_to_disable(operator: Operator) -> None:
    plan = operator.setup_disabler.plan(trusted_access=True)

    assert plan.steps == ()
    assert plan.unneeded
