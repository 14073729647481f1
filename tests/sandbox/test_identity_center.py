"""IAM Identity Center and its identity store: who holds which permission set where, and what if it is down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.calling import Stage
from tests.sandbox.serving import MANAGEMENT, MEMBER, SECURITY, Served, full_refusal, refusal, serving


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as made:
        yield made


@pytest.fixture(scope="module")
def sso(served: Served) -> Any:
    return served.client("sso-admin", "management-admin")


@pytest.fixture(scope="module")
def store(served: Served) -> Any:
    return served.client("identitystore", "management-admin")


@pytest.fixture(scope="module")
def instance(sso: Any) -> dict[str, Any]:
    found: list[dict[str, Any]] = sso.list_instances()["Instances"]
    assert len(found) == 1
    return found[0]


def permission_sets(sso: Any, instance: dict[str, Any]) -> dict[str, str]:
    pages = sso.get_paginator("list_permission_sets").paginate(
        InstanceArn=instance["InstanceArn"], PaginationConfig={"PageSize": 2}
    )
    arns = [arn for page in pages for arn in page["PermissionSets"]]
    described = {arn: {"InstanceArn": instance["InstanceArn"], "PermissionSetArn": arn} for arn in arns}
    return {sso.describe_permission_set(**named)["PermissionSet"]["Name"]: arn for arn, named in described.items()}


def test_it_can_be_found_out_who_could_open_root_sessions(sso: Any, store: Any, instance: dict[str, Any]) -> None:
    """A caller's steps: permission sets, what they allow, who holds them where, and who is in the groups."""
    people: dict[tuple[str, str], set[str]] = {}
    for name, arn in permission_sets(sso, instance).items():
        named = {"InstanceArn": instance["InstanceArn"], "PermissionSetArn": arn}
        inline = sso.get_inline_policy_for_permission_set(**named)["InlinePolicy"]
        managed = sso.list_managed_policies_in_permission_set(**named)["AttachedManagedPolicies"]
        may_assume_root = "sts:AssumeRoot" in inline or any(one["Name"] == "AdministratorAccess" for one in managed)
        for account_id in (MANAGEMENT, SECURITY) if may_assume_root else ():
            for row in sso.list_account_assignments(AccountId=account_id, **named)["AccountAssignments"]:
                people.setdefault((name, account_id), set()).update(members_of(store, instance, row))
    assert people == {
        ("AdministratorAccess", MANAGEMENT): {"ana.silva", "mary.major"},
        ("AdministratorAccess", SECURITY): {"mary.major", "paulo.santos"},
        ("RootAccessAudit", SECURITY): {"nikki.wolf"},
        ("RootAccessTasks", SECURITY): {"mary.major", "paulo.santos"},
        ("RootAccessTasks", MANAGEMENT): {"shirley.rodriguez"},
    }


def members_of(store: Any, instance: dict[str, Any], row: dict[str, str]) -> set[str]:
    store_id = {"IdentityStoreId": instance["IdentityStoreId"]}
    ids = [row["PrincipalId"]]
    if row["PrincipalType"] == "GROUP":
        found = store.list_group_memberships(GroupId=row["PrincipalId"], **store_id)["GroupMemberships"]
        ids = [one["MemberId"]["UserId"] for one in found]
    return {store.describe_user(UserId=user_id, **store_id)["UserName"] for user_id in ids}


def test_permission_sets_tell_what_they_refer_to(sso: Any, instance: dict[str, Any]) -> None:
    arns = permission_sets(sso, instance)
    operator = {"InstanceArn": instance["InstanceArn"], "PermissionSetArn": arns["WorkloadOperator"]}
    references = sso.list_customer_managed_policy_references_in_permission_set(**operator)
    assert references["CustomerManagedPolicyReferences"] == [{"Name": "WorkloadOperatorExtras", "Path": "/"}]
    boundary = sso.get_permissions_boundary_for_permission_set(**operator)["PermissionsBoundary"]
    assert boundary == {"ManagedPolicyArn": "arn:aws:iam::aws:policy/PowerUserAccess"}
    assert sso.get_inline_policy_for_permission_set(**operator)["InlinePolicy"] == ""
    tasks = {"InstanceArn": instance["InstanceArn"], "PermissionSetArn": arns["RootAccessTasks"]}
    assert json.loads(sso.get_inline_policy_for_permission_set(**tasks)["InlinePolicy"])["Statement"]
    assert refusal(sso.get_permissions_boundary_for_permission_set, **tasks) == ("ResourceNotFoundException", 400)
    accounts = sso.list_accounts_for_provisioned_permission_set(**tasks)["AccountIds"]
    assert sorted(accounts) == [MANAGEMENT, SECURITY]
    provisioned = sso.list_permission_sets_provisioned_to_account(InstanceArn=instance["InstanceArn"], AccountId=MEMBER)
    assert provisioned["PermissionSets"] == [arns["AdministratorAccess"]]


def test_a_users_assignments_come_with_those_of_their_groups(
    served: Served, sso: Any, store: Any, instance: dict[str, Any]
) -> None:
    store_id = {"IdentityStoreId": instance["IdentityStoreId"]}
    filters = [{"AttributePath": "UserName", "AttributeValue": "mary.major"}]
    mary = store.list_users(Filters=filters, **store_id)["Users"][0]
    assert mary["Emails"][0]["Value"] == "mary.major@example.com"
    whose = {"InstanceArn": instance["InstanceArn"], "PrincipalId": mary["UserId"], "PrincipalType": "USER"}
    held = sso.list_account_assignments_for_principal(**whose)["AccountAssignments"]
    assert sorted(row["AccountId"] for row in held) == [MANAGEMENT, SECURITY, SECURITY]
    assert {row["PrincipalType"] for row in held} == {"GROUP"}
    groups = store.list_group_memberships_for_member(MemberId={"UserId": mary["UserId"]}, **store_id)
    names = {
        store.describe_group(GroupId=one["GroupId"], **store_id)["DisplayName"] for one in groups["GroupMemberships"]
    }
    assert names == {"Platform Administrators", "Security"}
    assert names < {group["DisplayName"] for group in store.list_groups(**store_id)["Groups"]}
    assert refusal(store.list_users, Filters=[{"AttributePath": "Age", "AttributeValue": "1"}], **store_id)[1] == 400


def test_only_administrators_of_identity_center_are_answered(served: Served, instance: dict[str, Any]) -> None:
    member = served.client("sso-admin", "member-admin")
    assert refusal(member.list_instances) == ("AccessDeniedException", 400)
    observer = full_refusal(served.client("sso-admin", "observer").list_instances)
    assert observer[2].endswith("because no identity-based policy allows the sso:ListInstances action")
    delegate = served.client("sso-admin", "delegated-admin")
    assert refusal(delegate.list_instances) == ("AccessDeniedException", 400)
    organizations = served.client("organizations", "management-admin")
    organizations.enable_aws_service_access(ServicePrincipal="sso.amazonaws.com")
    organizations.register_delegated_administrator(AccountId=SECURITY, ServicePrincipal="sso.amazonaws.com")
    assert delegate.list_instances()["Instances"][0]["InstanceArn"] == instance["InstanceArn"]


def test_it_lives_in_its_home_region(served: Served, instance: dict[str, Any]) -> None:
    elsewhere = served.client("sso-admin", "management-admin", "eu-west-1")
    assert elsewhere.list_instances()["Instances"] == []
    named = {"InstanceArn": instance["InstanceArn"]}
    assert refusal(elsewhere.list_permission_sets, **named) == ("ResourceNotFoundException", 400)


def test_when_it_is_down_every_call_says_so() -> None:
    stage = Stage()
    stage.world.identity_center.is_down = True
    for service, operation, parameters in (
        ("sso-admin", "ListInstances", {}),
        ("identitystore", "ListUsers", {"IdentityStoreId": stage.world.identity_center.identity_store_id}),
    ):
        with pytest.raises(Exception, match="IAM Identity Center is down in this sandbox") as caught:
            stage.call("management-admin", service, operation, **parameters)
        assert getattr(caught.value, "status", 0) == 400
    stage.world.identity_center.is_down = False
    assert stage.call("management-admin", "sso-admin", "ListInstances")["Instances"]
