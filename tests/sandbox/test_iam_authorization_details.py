"""What identity policies say in an account, and the documents of AWS managed policies."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest

from rootkeeper_sandbox.exchange import ServiceError
from tests.sandbox.calling import Stage

ALLOW_ALL = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}'
POWER_USER = "arn:aws:iam::aws:policy/PowerUserAccess"


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    ask(stage, "CreateUser", UserName="ana", Tags=[{"Key": "team", "Value": "security"}])
    ask(stage, "PutUserPolicy", UserName="ana", PolicyName="all", PolicyDocument=ALLOW_ALL)
    ask(stage, "CreateRole", RoleName="auditor", AssumeRolePolicyDocument=TRUST)
    ask(stage, "AttachRolePolicy", RoleName="auditor", PolicyArn=POWER_USER)
    return stage


def ask(stage: Stage, operation: str, **parameters: Any) -> dict[str, Any]:
    return stage.call("management-admin", "iam", operation, **parameters)


def test_users_are_listed_with_their_policies_and_tags(stage: Stage) -> None:
    details = ask(stage, "GetAccountAuthorizationDetails")
    ana = next(user for user in details["UserDetailList"] if user["UserName"] == "ana")
    assert unquote(ana["UserPolicyList"][0]["PolicyDocument"]) == ALLOW_ALL
    assert ana["Tags"] == [{"Key": "team", "Value": "security"}]
    admin = next(user for user in details["UserDetailList"] if user["UserName"] == "management-admin")
    assert [one["PolicyName"] for one in admin["AttachedManagedPolicies"]] == ["AdministratorAccess"]
    assert details["GroupDetailList"] == []


def test_roles_are_listed_with_whom_they_trust(stage: Stage) -> None:
    details = ask(stage, "GetAccountAuthorizationDetails", Filter=["Role"])
    (role,) = details["RoleDetailList"]
    assert unquote(role["AssumeRolePolicyDocument"]) == TRUST
    assert details["UserDetailList"] == details["Policies"] == []


def test_attached_managed_policies_are_listed_with_their_documents(stage: Stage) -> None:
    details = ask(stage, "GetAccountAuthorizationDetails", Filter=["AWSManagedPolicy"])
    assert {one["PolicyName"] for one in details["Policies"]} == {"AdministratorAccess", "PowerUserAccess"}
    version = details["Policies"][0]["PolicyVersionList"][0]
    assert version["IsDefaultVersion"] is True
    assert json.loads(unquote(version["Document"]))["Version"] == "2012-10-17"


def test_the_listing_comes_in_pages_of_all_kinds_together(stage: Stage) -> None:
    whole = ask(stage, "GetAccountAuthorizationDetails")
    found: dict[str, list[Any]] = {"UserDetailList": [], "RoleDetailList": [], "Policies": []}
    marker: dict[str, str] = {}
    while True:
        page = ask(stage, "GetAccountAuthorizationDetails", MaxItems=2, **marker)
        for member, listed in found.items():
            listed.extend(page[member])
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    assert found == {member: whole[member] for member in found}


def test_the_document_of_an_aws_managed_policy_can_be_read_whether_or_not_it_is_attached(stage: Stage) -> None:
    arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    version_id = ask(stage, "GetPolicy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
    version = ask(stage, "GetPolicyVersion", PolicyArn=arn, VersionId=version_id)["PolicyVersion"]
    assert "iam:Get*" in unquote(version["Document"])


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("GetPolicy", {"PolicyArn": "arn:aws:iam::aws:policy/NoSuchPolicy"}),
        ("GetPolicy", {"PolicyArn": "arn:aws:iam::111122223333:policy/ReadOnlyAccess"}),
        ("GetPolicyVersion", {"PolicyArn": POWER_USER, "VersionId": "v2"}),
    ],
)
def test_a_policy_that_is_not_known_is_not_found(stage: Stage, operation: str, parameters: dict[str, str]) -> None:
    with pytest.raises(ServiceError) as caught:
        ask(stage, operation, **parameters)
    assert (caught.value.code, caught.value.status) == ("NoSuchEntity", 404)
