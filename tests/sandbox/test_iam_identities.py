"""IAM users and roles that tools and tests set up as their own callers."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

import pytest

from rootkeeper_sandbox.exchange import PrincipalKind, ServiceError
from tests.sandbox.calling import Stage

ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"
ALLOW_ALL = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}'


@pytest.fixture
def stage() -> Stage:
    return Stage()


def ask(stage: Stage, operation: str, **parameters: Any) -> dict[str, Any]:
    return stage.call("management-admin", "iam", operation, **parameters)


def refusal(stage: Stage, operation: str, **parameters: Any) -> tuple[str, int]:
    with pytest.raises(ServiceError) as caught:
        ask(stage, operation, **parameters)
    return caught.value.code, caught.value.status


def test_a_new_user_with_a_key_can_call_but_may_do_nothing(stage: Stage) -> None:
    user = ask(stage, "CreateUser", UserName="ana", Path="/team/")["User"]
    key = ask(stage, "CreateAccessKey", UserName="ana")["AccessKey"]
    credential = stage.world.find_credential(key["AccessKeyId"])
    assert credential is not None
    assert credential.secret_access_key == key["SecretAccessKey"]
    assert credential.principal.kind is PrincipalKind.USER
    assert credential.principal.arn == user["Arn"] == "arn:aws:iam::111122223333:user/team/ana"
    assert stage.world.identity_policies(credential.principal) == ()


def test_policies_come_and_go(stage: Stage) -> None:
    ask(stage, "CreateUser", UserName="ana")
    key = ask(stage, "CreateAccessKey", UserName="ana")["AccessKey"]
    principal = stage.principal_of(key["AccessKeyId"])
    ask(stage, "PutUserPolicy", UserName="ana", PolicyName="all", PolicyDocument=ALLOW_ALL)
    ask(stage, "AttachUserPolicy", UserName="ana", PolicyArn=ADMINISTRATOR_ACCESS)
    assert len(stage.world.identity_policies(principal)) == 2
    ask(stage, "DeleteUserPolicy", UserName="ana", PolicyName="all")
    ask(stage, "DetachUserPolicy", UserName="ana", PolicyArn=ADMINISTRATOR_ACCESS)
    assert stage.world.identity_policies(principal) == ()


@pytest.mark.parametrize("document", ["", "{}", '{"Statement":[{"Effect":"Perhaps"}]}', ALLOW_ALL[:-1]])
def test_a_document_that_is_none_is_malformed(stage: Stage, document: str) -> None:
    parameters = {"UserName": "observer", "PolicyName": "bad", "PolicyDocument": document}
    assert refusal(stage, "PutUserPolicy", **parameters) == ("MalformedPolicyDocument", 400)
    assert (
        refusal(stage, "CreateRole", RoleName="bad", AssumeRolePolicyDocument=document)[0] == "MalformedPolicyDocument"
    )


@pytest.mark.parametrize("name", ["root-task/IAMAuditRootUserCredentials", "NoSuchPolicy"])
def test_policies_that_cannot_be_attached_are_refused(stage: Stage, name: str) -> None:
    parameters = {"UserName": "observer", "PolicyArn": f"arn:aws:iam::aws:policy/{name}"}
    assert refusal(stage, "AttachUserPolicy", **parameters) == ("NoSuchEntity", 404)


def test_a_third_access_key_is_refused(stage: Stage) -> None:
    ask(stage, "CreateAccessKey", UserName="observer")
    assert refusal(stage, "CreateAccessKey", UserName="observer") == ("LimitExceeded", 409)


def test_an_inactive_key_is_known_but_not_active(stage: Stage) -> None:
    key_id = stage.principal("observer").access_key_id
    ask(stage, "UpdateAccessKey", UserName="observer", AccessKeyId=key_id, Status="Inactive")
    credential = stage.world.find_credential(key_id)
    assert credential is not None
    assert not credential.is_active


def test_names_are_taken_once(stage: Stage) -> None:
    assert refusal(stage, "CreateUser", UserName="observer") == ("EntityAlreadyExists", 409)
    ask(stage, "CreateRole", RoleName="Audit", AssumeRolePolicyDocument=TRUST)
    assert refusal(stage, "CreateRole", RoleName="Audit", AssumeRolePolicyDocument=TRUST) == (
        "EntityAlreadyExists",
        409,
    )


def test_a_role_is_described_with_its_trust_policy_encoded(stage: Stage) -> None:
    ask(stage, "CreateRole", RoleName="Audit", AssumeRolePolicyDocument=quote(TRUST))
    role = ask(stage, "GetRole", RoleName="Audit")["Role"]
    assert unquote(role["AssumeRolePolicyDocument"]) == TRUST
    assert [one["RoleName"] for one in ask(stage, "ListRoles")["Roles"]] == ["Audit"]


def test_users_are_listed(stage: Stage) -> None:
    assert [user["UserName"] for user in ask(stage, "ListUsers")["Users"]] == ["management-admin", "observer"]


def test_only_bare_users_and_roles_can_be_deleted(stage: Stage) -> None:
    assert refusal(stage, "DeleteUser", UserName="observer") == ("DeleteConflict", 409)
    ask(stage, "CreateUser", UserName="ana")
    ask(stage, "DeleteUser", UserName="ana")
    assert refusal(stage, "DeleteUser", UserName="ana") == ("NoSuchEntity", 404)
    ask(stage, "CreateRole", RoleName="Audit", AssumeRolePolicyDocument=TRUST)
    ask(stage, "PutRolePolicy", RoleName="Audit", PolicyName="all", PolicyDocument=ALLOW_ALL)
    assert refusal(stage, "DeleteRole", RoleName="Audit") == ("DeleteConflict", 409)
    ask(stage, "DeleteRolePolicy", RoleName="Audit", PolicyName="all")
    ask(stage, "DeleteRole", RoleName="Audit")
    assert refusal(stage, "GetRole", RoleName="Audit") == ("NoSuchEntity", 404)
