"""The five operations for the organization's features. Source: aws-facts A1 to A3."""

from __future__ import annotations

import pytest

from rootkeeper_sandbox.exchange import Principal, PrincipalKind, ServiceError
from rootkeeper_sandbox.state.accounts import Account
from tests.sandbox.calling import MANAGEMENT_ACCOUNT_ID, SECURITY_ACCOUNT_ID, START, Stage

CREDENTIALS = "RootCredentialsManagement"
SESSIONS = "RootSessions"
LIST = "ListOrganizationsFeatures"
ENABLE = tuple(f"EnableOrganizations{feature}" for feature in (CREDENTIALS, SESSIONS))
DISABLE = tuple(f"DisableOrganizations{feature}" for feature in (CREDENTIALS, SESSIONS))
TRUST = {"ServicePrincipal": "iam.amazonaws.com"}


@pytest.fixture
def stage() -> Stage:
    return Stage()


def refusal(stage: Stage, caller: str | Principal, operation: str) -> tuple[str, int, str]:
    with pytest.raises(ServiceError) as caught:
        stage.call(caller, "iam", operation)
    return caught.value.code, caught.value.status, caught.value.message


@pytest.mark.parametrize("operation", [LIST, *ENABLE, *DISABLE])
def test_without_trusted_access_all_five_are_refused(stage: Stage, operation: str) -> None:
    message = f"Trusted Access for IAM not enabled by organization of input account {MANAGEMENT_ACCOUNT_ID}."
    assert refusal(stage, "management-admin", operation) == ("ServiceAccessNotEnabledException", 400, message)


@pytest.mark.parametrize("operation", [LIST, *ENABLE, *DISABLE])
def test_an_ordinary_member_is_refused_all_five(stage: Stage, operation: str) -> None:
    stage.switch_on()
    message = "Input account 777788889999 is neither management account nor delegated admin."
    expected = ("AccountNotManagementOrDelegatedAdministratorException", 400, message)
    assert refusal(stage, "member-admin", operation) == expected


@pytest.mark.parametrize("operation", ENABLE)
def test_a_delegated_administrator_cannot_enable(stage: Stage, operation: str) -> None:
    stage.switch_on()
    stage.delegate(SECURITY_ACCOUNT_ID)
    message = (
        f"Caller account {SECURITY_ACCOUNT_ID} is not management account of the organization"
        " and cannot enable IAM features."
    )
    assert refusal(stage, "delegated-admin", operation) == ("CallerIsNotManagementAccountException", 400, message)


def test_a_delegated_administrator_can_list_and_disable(stage: Stage) -> None:
    stage.switch_on(CREDENTIALS, SESSIONS)
    stage.delegate(SECURITY_ACCOUNT_ID)
    assert stage.call("delegated-admin", "iam", LIST)["EnabledFeatures"] == [SESSIONS, CREDENTIALS]
    assert stage.call("delegated-admin", "iam", DISABLE[0])["EnabledFeatures"] == [SESSIONS]
    assert stage.call("delegated-admin", "iam", DISABLE[1])["EnabledFeatures"] == []


def test_the_features_are_independent_and_each_answer_is_the_whole_state(stage: Stage) -> None:
    stage.switch_on()
    organization_id = stage.world.organization_id
    assert stage.call("management-admin", "iam", LIST) == {"OrganizationId": organization_id, "EnabledFeatures": []}
    assert stage.call("management-admin", "iam", ENABLE[0])["EnabledFeatures"] == [CREDENTIALS]
    assert stage.call("management-admin", "iam", ENABLE[1])["EnabledFeatures"] == [SESSIONS, CREDENTIALS]
    assert stage.call("management-admin", "iam", DISABLE[0])["EnabledFeatures"] == [SESSIONS]


@pytest.mark.parametrize("operation", [*ENABLE, *DISABLE])
def test_a_second_time_gives_the_same_state(stage: Stage, operation: str) -> None:
    stage.switch_on(CREDENTIALS)
    first = stage.call("management-admin", "iam", operation)
    assert stage.call("management-admin", "iam", operation) == first


def test_the_features_survive_trusted_access_going_off_and_on(stage: Stage) -> None:
    stage.switch_on(SESSIONS)
    stage.call("management-admin", "organizations", "DisableAWSServiceAccess", **TRUST)
    assert refusal(stage, "management-admin", LIST)[0] == "ServiceAccessNotEnabledException"
    stage.call("management-admin", "organizations", "EnableAWSServiceAccess", **TRUST)
    assert stage.call("management-admin", "iam", LIST)["EnabledFeatures"] == [SESSIONS]


def test_no_feature_change_touches_a_root_credential(stage: Stage) -> None:
    before = stage.world.describe()["accounts"]
    stage.switch_on(CREDENTIALS, SESSIONS)
    for operation in DISABLE:
        stage.call("management-admin", "iam", operation)
    assert stage.world.describe()["accounts"] == before


def test_an_account_outside_any_organization_has_none(stage: Stage) -> None:
    stage.world.outsiders["123456789012"] = Account("123456789012", "Elsewhere", "elsewhere@example.com", START)
    arn = "arn:aws:iam::123456789012:root"
    outsider = Principal(PrincipalKind.ROOT_USER, arn, "123456789012", "123456789012", "AKIAIOSFODNN7EXAMPLE")
    assert refusal(stage, outsider, LIST)[:2] == ("OrganizationNotFoundException", 400)


@pytest.mark.parametrize("operation", [LIST, *ENABLE, *DISABLE])
def test_an_organization_for_billing_only_has_no_features(stage: Stage, operation: str) -> None:
    stage.switch_on()
    stage.world.organization.has_all_features = False
    expected = ("OrganizationNotInAllFeaturesModeException", 400)
    assert refusal(stage, "management-admin", operation)[:2] == expected
