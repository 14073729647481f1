"""The small IAM listings that tools ask for first: what they answer, and who may ask."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.wire import Wire, open_instance

ADMIN = "management-admin"
EMPTY = {
    "ListAccountAliases": {"AccountAliases": [], "IsTruncated": False},
    "ListGroups": {"Groups": [], "IsTruncated": False},
    "ListSAMLProviders": {"SAMLProviderList": []},
    "ListServerCertificates": {"ServerCertificateMetadataList": [], "IsTruncated": False},
    "ListServiceSpecificCredentials": {"ServiceSpecificCredentials": [], "IsTruncated": False},
}
OF_USERS = ("ListGroupsForUser", "ListUserPolicies", "ListAttachedUserPolicies", "ListServiceSpecificCredentials")
OF_ACCOUNTS = ("GetAccountPasswordPolicy", *EMPTY)
AUDIT = "IAMAuditRootUserCredentials"


@pytest.fixture(scope="module")
def wire() -> Wire:
    return Wire(open_instance())


def read(wire: Wire, operation: str, **parameters: Any) -> dict[str, Any]:
    answered = wire.call(ADMIN, "iam", operation, **parameters)
    assert answered.status == 200, answered.body
    return {name: value for name, value in answered.body.items() if name != "ResponseMetadata"}


@pytest.mark.parametrize("operation", EMPTY)
def test_there_is_nothing_to_list(wire: Wire, operation: str) -> None:
    assert read(wire, operation) == EMPTY[operation]


def test_no_account_has_a_password_policy(wire: Wire) -> None:
    answered = wire.call(ADMIN, "iam", "GetAccountPasswordPolicy")
    assert (answered.status, answered.code) == (404, "NoSuchEntity")
    assert answered.message == "The Password Policy with domain name 111122223333 cannot be found."


def test_a_users_groups_and_policies_are_listed(wire: Wire) -> None:
    assert read(wire, "ListGroupsForUser", UserName="observer") == {"Groups": [], "IsTruncated": False}
    document = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
    for name in ("two", "one"):
        read(wire, "PutUserPolicy", UserName="observer", PolicyName=name, PolicyDocument=document)
    first = read(wire, "ListUserPolicies", UserName="observer", MaxItems=1)
    assert (first["PolicyNames"], first["IsTruncated"]) == (["one"], True)
    rest = read(wire, "ListUserPolicies", UserName="observer", MaxItems=1, Marker=first["Marker"])
    assert rest == {"PolicyNames": ["two"], "IsTruncated": False}
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    attached = [{"PolicyName": "AdministratorAccess", "PolicyArn": arn}]
    assert read(wire, "ListAttachedUserPolicies", UserName=ADMIN)["AttachedPolicies"] == attached
    assert read(wire, "ListAttachedUserPolicies", UserName=ADMIN, PathPrefix="/own/")["AttachedPolicies"] == []
    for name in ("one", "two"):
        read(wire, "DeleteUserPolicy", UserName="observer", PolicyName=name)


@pytest.mark.parametrize("operation", OF_USERS)
def test_a_user_must_exist_and_the_caller_must_be_allowed(wire: Wire, operation: str) -> None:
    answered = wire.call(ADMIN, "iam", operation, UserName="nemo")
    assert (answered.status, answered.code) == (404, "NoSuchEntity")
    refused = wire.call("observer", "iam", operation, UserName=ADMIN)
    assert (refused.status, refused.code) == (403, "AccessDenied")
    on = f"iam:{operation} on resource: arn:aws:iam::111122223333:user/{ADMIN} because"
    assert on in refused.message


@pytest.mark.parametrize("operation", OF_ACCOUNTS)
def test_the_accounts_own_need_a_permission_too(wire: Wire, operation: str) -> None:
    answered = wire.call("observer", "iam", operation)
    assert (answered.status, answered.code) == (403, "AccessDenied")
    assert f"not authorized to perform: iam:{operation} on resource: " in answered.message


@pytest.mark.parametrize("operation", OF_ACCOUNTS)
def test_no_task_of_a_root_session_covers_them(wire: Wire, operation: str) -> None:
    answered = wire.call(wire.open_root_session("555566667777", AUDIT), "iam", operation)
    assert (answered.status, answered.code) == (403, "AccessDenied")


def test_all_users_and_one_user_exclude_each_other(wire: Wire) -> None:
    operation = "ListServiceSpecificCredentials"
    assert read(wire, operation, AllUsers=True) == EMPTY[operation]
    answered = wire.call(ADMIN, "iam", operation, AllUsers=True, UserName="observer")
    assert (answered.status, answered.code) == (400, "ValidationError")
