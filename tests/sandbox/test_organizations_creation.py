"""An account outside any organization creates one."""

from __future__ import annotations

from typing import Any

import pytest

from rootkeeper_sandbox.authorization.authorizer import find_denial
from rootkeeper_sandbox.codec.errors import RefusalError
from rootkeeper_sandbox.exchange import ServiceError
from rootkeeper_sandbox.services.registry import SERVICES
from tests.sandbox.calling import MANAGEMENT_ACCOUNT_ID, Stage


@pytest.fixture
def stage() -> Stage:
    return Stage(scenario="no-organization")


def ask(stage: Stage, operation: str, **parameters: Any) -> dict[str, Any]:
    return stage.call("management-admin", "organizations", operation, **parameters)


def refusal(stage: Stage, service: str, operation: str, **parameters: Any) -> str:
    with pytest.raises(ServiceError) as caught:
        stage.call("management-admin", service, operation, **parameters)
    return caught.value.code


def test_before_that_there_is_none(stage: Stage) -> None:
    for operation in ("DescribeOrganization", "ListAccounts", "ListRoots"):
        assert refusal(stage, "organizations", operation) == "AWSOrganizationsNotInUseException"
    assert refusal(stage, "iam", "ListOrganizationsFeatures") == "OrganizationNotFoundException"
    assert stage.world.describe()["accounts"] == []


def test_the_callers_account_becomes_the_management_account(stage: Stage) -> None:
    created = ask(stage, "CreateOrganization")["Organization"]
    assert created == ask(stage, "DescribeOrganization")["Organization"]
    assert (created["MasterAccountId"], created["FeatureSet"]) == (MANAGEMENT_ACCOUNT_ID, "ALL")
    (account,) = ask(stage, "ListAccounts")["Accounts"]
    assert (account["Id"], account["JoinedMethod"]) == (MANAGEMENT_ACCOUNT_ID, "INVITED")
    (root,) = ask(stage, "ListRoots")["Roots"]
    assert root["PolicyTypes"] == []


def test_it_grows_and_gets_root_access_management(stage: Stage) -> None:
    ask(stage, "CreateOrganization", FeatureSet="ALL")
    ask(stage, "CreateAccount", AccountName="New", Email="new@example.com")
    stage.advance(10)
    assert len(ask(stage, "ListAccounts")["Accounts"]) == 2
    stage.switch_on("RootCredentialsManagement", "RootSessions")
    answer = stage.call("management-admin", "iam", "ListOrganizationsFeatures")
    assert sorted(answer["EnabledFeatures"]) == ["RootCredentialsManagement", "RootSessions"]


def test_one_for_consolidated_billing_has_no_root_access_management(stage: Stage) -> None:
    created = ask(stage, "CreateOrganization", FeatureSet="CONSOLIDATED_BILLING")["Organization"]
    assert created["FeatureSet"] == "CONSOLIDATED_BILLING"
    stage.switch_on()
    refused = refusal(stage, "iam", "EnableOrganizationsRootSessions")
    assert refused == "OrganizationNotInAllFeaturesModeException"


def test_an_account_is_in_one_organization_and_a_sandbox_has_one(stage: Stage) -> None:
    ask(stage, "CreateOrganization")
    assert refusal(stage, "organizations", "CreateOrganization") == "AlreadyInOrganizationException"
    merger = Stage(scenario="merger")
    with pytest.raises(RefusalError, match="keeps one organization"):
        merger.call("anycompany-data-admin", "organizations", "CreateOrganization")


def test_creating_one_needs_its_own_permission(stage: Stage) -> None:
    served = SERVICES["organizations"]["CreateOrganization"]
    call = stage.make_call("observer", "organizations", "CreateOrganization")
    assert find_denial(call, served, "organizations:CreateOrganization") is not None


def test_features_cannot_be_on_before_there_is_one() -> None:
    with pytest.raises(ValueError, match="features need an organization"):
        Stage(scenario="no-organization", features="all")
