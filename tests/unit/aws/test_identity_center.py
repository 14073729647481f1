"""Permission sets of Identity Center: their policies, their boundary, and their holders."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.identities import AwsIdentityCenter, Holder, HolderKind, PermissionSet, PolicySource
from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import AwsAccessDeniedError, AwsNotFoundError, AwsUnreachableError
from rootkeeper.organization.accounts import AccountId
from tests.fakes.aws_server import FakeAwsServer, answer_xml, error_json, error_xml

ACCOUNT, MANAGEMENT = AccountId("222233334444"), AccountId("111122223333")
INSTANCE = "arn:aws:sso:::instance/ssoins-1234567890abcdef"
SET = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1111111111111111"
OF_AWS = "arn:aws:iam::aws:policy/AdministratorAccess"
DOCUMENT = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'


def describe_instance(arn: str, owner_id: str) -> dict[str, str]:
    return {"InstanceArn": arn, "IdentityStoreId": "d-1234567890", "OwnerAccountId": owner_id}


@pytest.fixture
def aws(operator_clients: AwsClients, aws_server: FakeAwsServer) -> FakeAwsServer:
    """One permission set without policies and holders; tests replace the answers that they are about."""
    answers: dict[str, object] = {
        "ListInstances": {"Instances": [describe_instance(INSTANCE, MANAGEMENT)]},
        "ListPermissionSetsProvisionedToAccount": {"PermissionSets": [SET]},
        "DescribePermissionSet": {"PermissionSet": {"Name": "RootTasks", "PermissionSetArn": SET}},
        "GetInlinePolicyForPermissionSet": {"InlinePolicy": ""},
        "ListManagedPoliciesInPermissionSet": {"AttachedManagedPolicies": []},
        "ListCustomerManagedPolicyReferencesInPermissionSet": {"CustomerManagedPolicyReferences": []},
        "ListAccountAssignments": {"AccountAssignments": []},
    }
    for operation, body in answers.items():
        aws_server.answer_json(operation, json.dumps(body))
    aws_server.answer("GetPermissionsBoundaryForPermissionSet", error_json("ResourceNotFoundException"))
    aws_server.answer("GetPolicy", answer_xml("GetPolicy", "<Policy><DefaultVersionId>v1</DefaultVersionId></Policy>"))
    version = f"<PolicyVersion><Document>{quote(DOCUMENT)}</Document></PolicyVersion>"
    aws_server.answer("GetPolicyVersion", answer_xml("GetPolicyVersion", version))
    return aws_server


def read(clients: AwsClients) -> PermissionSet:
    (found,) = AwsIdentityCenter(clients).list_permission_sets(ACCOUNT, MANAGEMENT)
    return found


def assign(aws: FakeAwsServer, *principals: tuple[str, str]) -> None:
    assignments = [{"PrincipalType": kind, "PrincipalId": principal_id} for kind, principal_id in principals]
    aws.answer_json("ListAccountAssignments", json.dumps({"AccountAssignments": assignments}))


def test_a_set_without_anything_is_reported_as_such(clients: AwsClients, aws: FakeAwsServer) -> None:
    assert read(clients) == PermissionSet(ACCOUNT, SET, "RootTasks", (), None, ())
    asked = next(one for one in aws.received if one.operation == "ListPermissionSetsProvisionedToAccount")
    assert json.loads(asked.parameters) == {"InstanceArn": INSTANCE, "AccountId": ACCOUNT}


def test_inline_and_managed_policies_have_texts_and_customer_managed_ones_have_none(
    clients: AwsClients, aws: FakeAwsServer
) -> None:
    aws.answer_json("GetInlinePolicyForPermissionSet", json.dumps({"InlinePolicy": DOCUMENT}))
    aws.answer_json("ListManagedPoliciesInPermissionSet", json.dumps({"AttachedManagedPolicies": [{"Arn": OF_AWS}]}))
    aws.answer_json(
        "ListCustomerManagedPolicyReferencesInPermissionSet",
        json.dumps({"CustomerManagedPolicyReferences": [{"Name": "Extras", "Path": "/"}]}),
    )
    assert read(clients).policies == (
        PolicySource(f"{SET}#inline", "inline policy", DOCUMENT),
        PolicySource(OF_AWS, "AdministratorAccess", DOCUMENT),
        PolicySource("customer managed policy Extras", "Extras", None),
    )


def test_a_managed_policy_that_may_not_be_read_has_no_text(clients: AwsClients, aws: FakeAwsServer) -> None:
    aws.answer_json("ListManagedPoliciesInPermissionSet", json.dumps({"AttachedManagedPolicies": [{"Arn": OF_AWS}]}))
    aws.answer("GetPolicy", error_xml("AccessDenied", 403))
    assert read(clients).policies == (PolicySource(OF_AWS, "AdministratorAccess", None),)


@pytest.mark.parametrize(
    ("boundary", "expected"),
    [
        ({"ManagedPolicyArn": OF_AWS}, PolicySource(OF_AWS, "AdministratorAccess", DOCUMENT)),
        (
            {"CustomerManagedPolicyReference": {"Name": "Cap", "Path": "/"}},
            PolicySource("customer managed policy Cap", "Cap", None),
        ),
    ],
)
def test_a_boundary_is_read_or_named(
    clients: AwsClients, aws: FakeAwsServer, boundary: dict[str, object], expected: PolicySource
) -> None:
    aws.answer_json("GetPermissionsBoundaryForPermissionSet", json.dumps({"PermissionsBoundary": boundary}))
    assert read(clients).boundary == expected


def test_a_boundary_that_may_not_be_read_is_not_taken_for_none(clients: AwsClients, aws: FakeAwsServer) -> None:
    aws.answer("GetPermissionsBoundaryForPermissionSet", error_json("AccessDeniedException"))
    with pytest.raises(AwsAccessDeniedError):
        read(clients)


def test_holders_have_names_and_groups_have_members(clients: AwsClients, aws: FakeAwsServer) -> None:
    assign(aws, ("GROUP", "g-1"), ("USER", "u-1"))
    aws.answer_json("DescribeGroup", json.dumps({"DisplayName": "Security"}))
    members = [{"MemberId": {"UserId": "u-2"}}, {"MemberId": {"UserId": "u-3"}}]
    aws.answer_json(
        "ListGroupMemberships",
        json.dumps({"GroupMemberships": members[:1], "NextToken": "next"}),
        json.dumps({"GroupMemberships": members[1:]}),
    )
    aws.answer_json(
        "DescribeUser", *(json.dumps({"UserName": name}) for name in ("paulo.santos", "mary.major", "shirley"))
    )
    assert read(clients).holders == (
        Holder(HolderKind.GROUP, "Security", ("mary.major", "paulo.santos")),
        Holder(HolderKind.USER, "shirley"),
    )


def test_a_holder_of_several_sets_is_asked_for_once(clients: AwsClients, aws: FakeAwsServer) -> None:
    aws.answer_json("ListPermissionSetsProvisionedToAccount", json.dumps({"PermissionSets": [SET, f"{SET[:-1]}2"]}))
    assign(aws, ("USER", "u-1"))
    aws.answer_json("DescribeUser", json.dumps({"UserName": "shirley"}))
    assert len(AwsIdentityCenter(clients).list_permission_sets(ACCOUNT, MANAGEMENT)) == 2
    assert aws.operations.count("DescribeUser") == 1


def test_a_group_whose_members_may_not_be_read_is_reported_as_such(clients: AwsClients, aws: FakeAwsServer) -> None:
    assign(aws, ("GROUP", "g-1"))
    aws.answer_json("DescribeGroup", json.dumps({"DisplayName": "Security"}))
    aws.answer("ListGroupMemberships", error_json("AccessDeniedException"))
    assert read(clients).holders == (Holder(HolderKind.GROUP, "Security", None),)


def test_a_group_that_may_not_be_read_at_all_keeps_its_id(clients: AwsClients, aws: FakeAwsServer) -> None:
    assign(aws, ("GROUP", "g-1"), ("USER", "u-1"))
    for operation in ("DescribeGroup", "ListGroupMemberships"):
        aws.answer(operation, error_json("AccessDeniedException"))
    aws.answer("DescribeUser", error_json("ResourceNotFoundException"))
    assert read(clients).holders == (Holder(HolderKind.GROUP, "group g-1", None), Holder(HolderKind.USER, "u-1"))


def test_an_accounts_own_instance_is_not_taken_for_the_organizations(clients: AwsClients, aws: FakeAwsServer) -> None:
    own = describe_instance("arn:aws:sso:::instance/ssoins-0000000000000000", ACCOUNT)
    aws.answer_json("ListInstances", json.dumps({"Instances": [own, describe_instance(INSTANCE, MANAGEMENT)]}))
    assert read(clients).name == "RootTasks"
    asked = next(one for one in aws.received if one.operation == "ListPermissionSetsProvisionedToAccount")
    assert json.loads(asked.parameters)["InstanceArn"] == INSTANCE


@pytest.mark.parametrize("instances", [[], [describe_instance(INSTANCE, ACCOUNT)]], ids=["none", "the account's own"])
def test_no_instance_in_the_region_is_an_error_that_says_what_to_do(
    clients: AwsClients, aws: FakeAwsServer, instances: list[dict[str, str]]
) -> None:
    aws.answer_json("ListInstances", json.dumps({"Instances": instances}))
    with pytest.raises(AwsNotFoundError) as raised:
        read(clients)
    assert "--region" in (render_hint(raised.value.hint) or "")


@pytest.mark.parametrize(
    "operation", ["ListInstances", "ListPermissionSetsProvisionedToAccount", "DescribePermissionSet"]
)
def test_a_refusal_is_raised(clients: AwsClients, aws: FakeAwsServer, operation: str) -> None:
    aws.answer(operation, error_json("AccessDeniedException"))
    with pytest.raises(AwsAccessDeniedError):
        read(clients)


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("ListInstances", "{}"),
        ("ListInstances", '{"Instances": [{"InstanceArn": "arn", "OwnerAccountId": "111122223333"}]}'),
        ("ListPermissionSetsProvisionedToAccount", "{}"),
        ("DescribePermissionSet", '{"PermissionSet": {}}'),
        ("ListAccountAssignments", '{"AccountAssignments": [{"PrincipalType": "USER"}]}'),
    ],
)
def test_an_answer_that_is_not_whole_is_none(
    clients: AwsClients, aws: FakeAwsServer, operation: str, body: str
) -> None:
    aws.answer_json(operation, body)
    with pytest.raises(AwsUnreachableError):
        read(clients)
