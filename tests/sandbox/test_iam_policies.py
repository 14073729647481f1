"""What IAM answers about policies, tags and trust of users and roles: what tools that keep roles as code read."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest

from rootkeeper_sandbox.authorization.authorizer import find_denial
from rootkeeper_sandbox.exchange import ServiceError
from rootkeeper_sandbox.services.registry import SERVICES
from tests.sandbox.calling import Stage

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
POWER_USER = "arn:aws:iam::aws:policy/PowerUserAccess"
ALLOW_ALL = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}'
OTHER_TRUST = TRUST.replace('{"AWS":"*"}', '{"AWS":"111122223333"}')
TEAM = [{"Key": "team", "Value": "security"}]
ROLE_ARN = "arn:aws:iam::111122223333:role/auditor"


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    ask(stage, "CreateUser", UserName="ana")
    ask(stage, "CreateRole", RoleName="auditor", AssumeRolePolicyDocument=TRUST, Description="Reads")
    return stage


def ask(stage: Stage, operation: str, **parameters: Any) -> dict[str, Any]:
    return stage.call("management-admin", "iam", operation, **parameters)


def refusal(stage: Stage, operation: str, **parameters: Any) -> tuple[str, int]:
    with pytest.raises(ServiceError) as caught:
        ask(stage, operation, **parameters)
    return caught.value.code, caught.value.status


def test_tags_given_at_creation_are_in_the_answers_of_create_and_get(stage: Stage) -> None:
    role = ask(stage, "CreateRole", RoleName="tagged", AssumeRolePolicyDocument=TRUST, Tags=TEAM)["Role"]
    user = ask(stage, "CreateUser", UserName="tagged", Tags=TEAM)["User"]
    assert role["Tags"] == user["Tags"] == TEAM
    assert ask(stage, "GetRole", RoleName="tagged")["Role"]["Tags"] == TEAM
    assert ask(stage, "GetUser", UserName="tagged")["User"]["Tags"] == TEAM


def test_lists_and_identities_without_tags_show_none(stage: Stage) -> None:
    ask(stage, "TagRole", RoleName="auditor", Tags=TEAM)
    ask(stage, "TagUser", UserName="ana", Tags=TEAM)
    assert all("Tags" not in role for role in ask(stage, "ListRoles")["Roles"])
    assert all("Tags" not in user for user in ask(stage, "ListUsers")["Users"])
    ask(stage, "UntagRole", RoleName="auditor", TagKeys=["team", "unknown"])
    assert "Tags" not in ask(stage, "GetRole", RoleName="auditor")["Role"]


@pytest.mark.parametrize("kind", ["User", "Role"])
def test_tags_are_listed_in_pages_and_limited(stage: Stage, kind: str) -> None:
    named = {f"{kind}Name": "ana" if kind == "User" else "auditor"}
    ask(stage, f"Tag{kind}", **named, Tags=[{"Key": str(n), "Value": ""} for n in range(50)])
    assert refusal(stage, f"Tag{kind}", **named, Tags=TEAM) == ("LimitExceeded", 409)
    ask(stage, f"Tag{kind}", **named, Tags=[{"Key": "0", "Value": "again"}])
    page = ask(stage, f"List{kind}Tags", **named, MaxItems=49)
    assert page["Tags"][0] == {"Key": "0", "Value": "again"}
    rest = ask(stage, f"List{kind}Tags", **named, MaxItems=49, Marker=page["Marker"])
    assert (rest["Tags"], rest["IsTruncated"]) == ([{"Key": "49", "Value": ""}], False)


@pytest.mark.parametrize("kind", ["User", "Role"])
def test_an_inline_policy_is_given_encoded(stage: Stage, kind: str) -> None:
    named = {f"{kind}Name": "ana" if kind == "User" else "auditor"}
    ask(stage, f"Put{kind}Policy", **named, PolicyName="all", PolicyDocument=ALLOW_ALL)
    found = ask(stage, f"Get{kind}Policy", **named, PolicyName="all")
    assert found | {"PolicyDocument": ""} == named | {"PolicyName": "all", "PolicyDocument": ""}
    assert unquote(found["PolicyDocument"]) == ALLOW_ALL
    assert refusal(stage, f"Get{kind}Policy", **named, PolicyName="none") == ("NoSuchEntity", 404)


def test_inline_and_attached_policies_of_a_role_are_listed(stage: Stage) -> None:
    for name in ("b", "a"):
        ask(stage, "PutRolePolicy", RoleName="auditor", PolicyName=name, PolicyDocument=ALLOW_ALL)
    ask(stage, "AttachRolePolicy", RoleName="auditor", PolicyArn=POWER_USER)
    assert ask(stage, "ListRolePolicies", RoleName="auditor") == {"PolicyNames": ["a", "b"], "IsTruncated": False}
    attached = ask(stage, "ListAttachedRolePolicies", RoleName="auditor")["AttachedPolicies"]
    assert attached == [{"PolicyName": "PowerUserAccess", "PolicyArn": POWER_USER}]
    assert not ask(stage, "ListAttachedRolePolicies", RoleName="auditor", PathPrefix="/root-task/")["AttachedPolicies"]


def test_a_role_has_no_instance_profiles(stage: Stage) -> None:
    assert ask(stage, "ListInstanceProfilesForRole", RoleName="auditor")["InstanceProfiles"] == []


@pytest.mark.parametrize(
    "operation", ["ListRolePolicies", "ListAttachedRolePolicies", "ListInstanceProfilesForRole", "ListRoleTags"]
)
def test_a_role_that_is_not_there_is_not_found(stage: Stage, operation: str) -> None:
    assert refusal(stage, operation, RoleName="unknown") == ("NoSuchEntity", 404)


def test_a_role_is_changed_in_place(stage: Stage) -> None:
    ask(stage, "UpdateRole", RoleName="auditor", MaxSessionDuration=7200)
    ask(stage, "UpdateAssumeRolePolicy", RoleName="auditor", PolicyDocument=OTHER_TRUST)
    role = ask(stage, "GetRole", RoleName="auditor")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("Reads", 7200)
    assert unquote(role["AssumeRolePolicyDocument"]) == OTHER_TRUST
    assert refusal(stage, "UpdateAssumeRolePolicy", RoleName="auditor", PolicyDocument="{}") == (
        "MalformedPolicyDocument",
        400,
    )


def test_managed_policies_are_listed_with_the_number_of_their_holders(stage: Stage) -> None:
    ask(stage, "AttachRolePolicy", RoleName="auditor", PolicyArn=POWER_USER)
    counts = {one["Arn"]: one["AttachmentCount"] for one in ask(stage, "ListPolicies")["Policies"]}
    assert counts == {ADMINISTRATOR: 1, POWER_USER: 1, "arn:aws:iam::aws:policy/ReadOnlyAccess": 0}
    attached = [one["PolicyName"] for one in ask(stage, "ListPolicies", OnlyAttached=True)["Policies"]]
    assert attached == ["AdministratorAccess", "PowerUserAccess"]
    assert ask(stage, "GetPolicy", PolicyArn=POWER_USER)["Policy"]["AttachmentCount"] == 1


@pytest.mark.parametrize(
    "wanted", [{"Scope": "Local"}, {"PolicyUsageFilter": "PermissionsBoundary"}, {"PathPrefix": "/root-task/"}]
)
def test_filters_that_no_policy_passes_leave_none(stage: Stage, wanted: dict[str, str]) -> None:
    assert ask(stage, "ListPolicies", **wanted)["Policies"] == []


def test_a_policys_holders_are_listed_by_kind(stage: Stage) -> None:
    ask(stage, "AttachRolePolicy", RoleName="auditor", PolicyArn=ADMINISTRATOR)
    found = ask(stage, "ListEntitiesForPolicy", PolicyArn=ADMINISTRATOR)
    role_id = ask(stage, "GetRole", RoleName="auditor")["Role"]["RoleId"]
    assert [one["UserName"] for one in found["PolicyUsers"]] == ["management-admin"]
    assert (found["PolicyRoles"], found["PolicyGroups"]) == ([{"RoleName": "auditor", "RoleId": role_id}], [])
    roles = ask(stage, "ListEntitiesForPolicy", PolicyArn=ADMINISTRATOR, EntityFilter="Role")
    assert (len(roles["PolicyRoles"]), roles["PolicyUsers"]) == (1, [])
    boundary = ask(stage, "ListEntitiesForPolicy", PolicyArn=ADMINISTRATOR, PolicyUsageFilter="PermissionsBoundary")
    assert boundary["PolicyUsers"] == boundary["PolicyRoles"] == []
    assert refusal(stage, "ListEntitiesForPolicy", PolicyArn=f"{ADMINISTRATOR}2") == ("NoSuchEntity", 404)


@pytest.mark.parametrize(
    ("operation", "parameters", "resource"),
    [
        ("ListRolePolicies", {"RoleName": "auditor"}, ROLE_ARN),
        ("GetRolePolicy", {"RoleName": "auditor", "PolicyName": "all"}, ROLE_ARN),
        ("ListAttachedRolePolicies", {"RoleName": "auditor"}, ROLE_ARN),
        ("ListInstanceProfilesForRole", {"RoleName": "auditor"}, ROLE_ARN),
        ("UpdateRole", {"RoleName": "auditor"}, ROLE_ARN),
        ("UpdateAssumeRolePolicy", {"RoleName": "auditor", "PolicyDocument": TRUST}, ROLE_ARN),
        ("TagRole", {"RoleName": "auditor", "Tags": TEAM}, ROLE_ARN),
        ("ListUserTags", {"UserName": "ana"}, "arn:aws:iam::111122223333:user/ana"),
        ("ListEntitiesForPolicy", {"PolicyArn": POWER_USER}, POWER_USER),
        ("ListPolicies", {}, "*"),
    ],
)
def test_each_needs_its_own_permission(stage: Stage, operation: str, parameters: dict[str, Any], resource: str) -> None:
    key = ask(stage, "CreateAccessKey", UserName="ana")["AccessKey"]["AccessKeyId"]
    call = stage.make_call(stage.principal_of(key), "iam", operation, **parameters)
    served = SERVICES["iam"][operation]
    assert find_denial(call, served, f"iam:{operation}") is not None
    document = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": f"iam:{operation}", "Resource": resource},
    }
    ask(stage, "PutUserPolicy", UserName="ana", PolicyName="one", PolicyDocument=json.dumps(document))
    assert find_denial(call, served, f"iam:{operation}") is None
    assert served.action == f"iam:{operation}"
