"""Organizations: the tree in pages, trusted access, delegates, policies, tags, and who may ask. Source: aws-facts F."""

from __future__ import annotations

from typing import Any

import pytest

from rootkeeper_sandbox.exchange import Principal, PrincipalKind, ServiceError
from rootkeeper_sandbox.services.registry import SERVICES
from rootkeeper_sandbox.state.accounts import Account
from tests.sandbox.calling import (
    MANAGEMENT_ACCOUNT_ID,
    ORGANIZATION_ID,
    ORGANIZATION_ROOT_ID,
    SECURITY_ACCOUNT_ID,
    START,
    Stage,
)

OPERATIONS = SERVICES["organizations"]
MEMBER = "888899990000"
IAM = {"ServicePrincipal": "iam.amazonaws.com"}
CHANGES = {name for name, operation in OPERATIONS.items() if operation.is_mutating}
OF_ANY_ACCOUNT = {
    "AcceptHandshake",
    "CancelHandshake",
    "CreateOrganization",
    "DeclineHandshake",
    "DescribeHandshake",
    "ListHandshakesForAccount",
}
"""What accounts outside the organization call, too; the handshake decides who can, or the caller's own membership."""
OF_MEMBERS = {"DescribeEffectivePolicy", "DescribeOrganization", "LeaveOrganization"}
OF_WHAT_IS_NOT_THERE = {
    "DescribeEffectivePolicy": "EffectivePolicyNotFoundException",
    "DescribeResourcePolicy": "ResourcePolicyNotFoundException",
}
"""What readers can ask for, and the sandbox never has."""
PARAMETERS: dict[str, Any] = {
    "AccountId": MEMBER,
    "ChildId": MEMBER,
    "ChildType": "ACCOUNT",
    "HandshakeId": "h-exampleinvite",
    "RootId": ORGANIZATION_ROOT_ID,
    "Target": {"Id": MEMBER, "Type": "ACCOUNT"},
    "Filter": "SERVICE_CONTROL_POLICY",
    "ParentId": ORGANIZATION_ROOT_ID,
    "PolicyId": "p-FullAWSAccess",
    "ResourceId": MEMBER,
    "TagKeys": ["team"],
    "Tags": [{"Key": "team", "Value": "red"}],
    "TargetId": MEMBER,
} | IAM


@pytest.fixture
def stage() -> Stage:
    return Stage()


def ask(stage: Stage, operation: str, **parameters: Any) -> dict[str, Any]:
    return stage.call("management-admin", "organizations", operation, **parameters)


def refusal(
    stage: Stage, operation: str, caller: str | Principal = "management-admin", **parameters: Any
) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        stage.call(caller, "organizations", operation, **parameters)
    assert caught.value.status == 400
    return caught.value


def all_pages(stage: Stage, operation: str, name: str, **parameters: Any) -> list[list[dict[str, Any]]]:
    pages: list[list[dict[str, Any]]] = []
    token: dict[str, str] = {}
    while True:
        answer = ask(stage, operation, **parameters, **token)
        pages.append(answer[name])
        if "NextToken" not in answer:
            return pages
        token = {"NextToken": answer["NextToken"]}


def ou_id(stage: Stage, path: str) -> str:
    units = stage.world.describe()["organizational_units"]
    return str(next(unit["ou_id"] for unit in units if unit["ou_path"] == path))


def test_any_member_may_describe_the_organization(stage: Stage) -> None:
    organization = stage.call("member-admin", "organizations", "DescribeOrganization")["Organization"]
    assert organization["Id"] == ORGANIZATION_ID
    assert organization["FeatureSet"] == "ALL"
    assert organization["MasterAccountId"] == MANAGEMENT_ACCOUNT_ID
    assert organization["MasterAccountArn"].endswith(f"account/{ORGANIZATION_ID}/{MANAGEMENT_ACCOUNT_ID}")


def test_an_account_outside_the_organization_learns_that_it_is_outside(stage: Stage) -> None:
    stage.world.outsiders["123456789012"] = Account("123456789012", "Elsewhere", "elsewhere@example.com", START)
    arn = "arn:aws:iam::123456789012:root"
    outsider = Principal(PrincipalKind.ROOT_USER, arn, "123456789012", "123456789012", "AKIAIOSFODNN7EXAMPLE")
    for operation in sorted(OPERATIONS.keys() - OF_ANY_ACCOUNT):
        assert refusal(stage, operation, outsider, **PARAMETERS).code == "AWSOrganizationsNotInUseException", operation


def test_an_ordinary_member_may_do_nothing_else(stage: Stage) -> None:
    for operation in sorted(OPERATIONS.keys() - OF_MEMBERS - OF_ANY_ACCOUNT):
        error = refusal(stage, operation, "member-admin", **PARAMETERS)
        assert error.code == "AccessDeniedException", operation
        assert error.message == "You don't have permissions to access this resource."


@pytest.mark.parametrize("operation", sorted(OPERATIONS.keys() - OF_ANY_ACCOUNT - {"LeaveOrganization"}))
def test_a_delegate_of_any_service_reads_but_changes_nothing(stage: Stage, operation: str) -> None:
    account = {"ServicePrincipal": "account.amazonaws.com"}
    ask(stage, "EnableAWSServiceAccess", **account)
    ask(stage, "RegisterDelegatedAdministrator", AccountId=SECURITY_ACCOUNT_ID, **account)
    parameters = PARAMETERS | {"AccountId": SECURITY_ACCOUNT_ID}
    if operation == "DescribeOrganizationalUnit":
        parameters["OrganizationalUnitId"] = ou_id(stage, "Root/Security")
    if operation == "ListHandshakesForOrganization":
        del parameters["Filter"]
    if operation == "DescribeCreateAccountStatus":
        created = ask(stage, "CreateAccount", AccountName="New", Email="new@example.com")
        parameters["CreateAccountRequestId"] = created["CreateAccountStatus"]["Id"]
    if operation in CHANGES:
        assert refusal(stage, operation, "delegated-admin", **parameters).code == "AccessDeniedException"
    elif operation in OF_WHAT_IS_NOT_THERE:
        assert refusal(stage, operation, "delegated-admin", **parameters).code == OF_WHAT_IS_NOT_THERE[operation]
    else:
        assert stage.call("delegated-admin", "organizations", operation, **parameters)


def test_accounts_come_twenty_at_a_time_and_every_one_once(stage: Stage) -> None:
    pages = all_pages(stage, "ListAccounts", "Accounts")
    assert [len(page) for page in pages] == [20, 6]
    ids = [account["Id"] for page in pages for account in page]
    assert len(set(ids)) == 26
    assert set(ids) == {account["account_id"] for account in stage.world.describe()["accounts"]}


def test_smaller_pages_can_be_asked_for(stage: Stage) -> None:
    pages = all_pages(stage, "ListAccounts", "Accounts", MaxResults=7)
    assert [len(page) for page in pages] == [7, 7, 7, 5]


def test_an_account_shows_state_status_and_its_path(stage: Stage) -> None:
    account = ask(stage, "DescribeAccount", AccountId="200030004000")["Account"]
    path = "/".join(
        (
            ORGANIZATION_ID,
            ORGANIZATION_ROOT_ID,
            ou_id(stage, "Root/Workloads"),
            ou_id(stage, "Root/Workloads/Prod"),
            ou_id(stage, "Root/Workloads/Prod/EU"),
            "200030004000/",
        )
    )
    assert (account["State"], account["Status"], account["Paths"]) == ("ACTIVE", "ACTIVE", [path])
    assert account["JoinedMethod"] == "CREATED"
    assert account["JoinedTimestamp"] < START


@pytest.mark.parametrize(("account_id", "state"), [("676789890101", "SUSPENDED"), ("787890901212", "PENDING_CLOSURE")])
def test_accounts_that_are_not_active_say_so_in_both_words(stage: Stage, account_id: str, state: str) -> None:
    account = ask(stage, "DescribeAccount", AccountId=account_id)["Account"]
    assert (account["State"], account["Status"]) == (state, state)


def test_a_token_fits_its_own_listing_only(stage: Stage) -> None:
    token = ask(stage, "ListAccounts")["NextToken"]
    below_root = ask(stage, "ListOrganizationalUnitsForParent", ParentId=ORGANIZATION_ROOT_ID, MaxResults=2)[
        "NextToken"
    ]
    listing = {"ParentId": ou_id(stage, "Root/Workloads")}
    for operation, parameters in (
        ("ListAccounts", {"NextToken": ""}),
        ("ListAccounts", {"NextToken": "nonsense"}),
        ("ListAccounts", {"NextToken": token[:-4] + "AAA="}),
        ("ListAccounts", {"NextToken": below_root}),
        ("ListOrganizationalUnitsForParent", listing | {"NextToken": below_root}),
        ("ListAccountsForParent", listing | {"NextToken": token}),
    ):
        error = refusal(stage, operation, **parameters)
        assert (error.code, error.fields["Reason"]) == ("InvalidInputException", "INVALID_NEXT_TOKEN")


def test_a_token_of_another_sandbox_is_refused(stage: Stage) -> None:
    token = ask(stage, "ListAccounts")["NextToken"]
    assert refusal(Stage(), "ListAccounts", NextToken=token).fields["Reason"] == "INVALID_NEXT_TOKEN"


def test_a_long_listing_below_a_parent_has_an_empty_page_and_loses_no_account() -> None:
    stage = Stage(accounts=200, seed=3)
    world = stage.world
    parent, expected = max(
        ((parent, world.organization.account_ids_below(parent)) for parent in world.organization.organizational_units),
        key=lambda found: len(found[1]),
    )
    pages = all_pages(stage, "ListAccountsForParent", "Accounts", ParentId=parent, MaxResults=5)
    assert pages[1] == []
    assert [account["Id"] for page in pages for account in page] == expected


def test_the_whole_tree_can_be_walked(stage: Stage) -> None:
    (root,) = ask(stage, "ListRoots")["Roots"]
    assert root["PolicyTypes"] == [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}]
    waiting, accounts, paths = [root["Id"]], [], []
    while waiting:
        parent = waiting.pop()
        units = ask(stage, "ListOrganizationalUnitsForParent", ParentId=parent)["OrganizationalUnits"]
        children = ask(stage, "ListChildren", ParentId=parent, ChildType="ORGANIZATIONAL_UNIT")["Children"]
        assert [unit["Id"] for unit in units] == [child["Id"] for child in children]
        accounts += ask(stage, "ListAccountsForParent", ParentId=parent)["Accounts"]
        paths += [unit["Path"] for unit in units]
        waiting += [unit["Id"] for unit in units]
    assert len(accounts) == 26
    assert len(paths) == 10
    assert all(path.startswith(f"{ORGANIZATION_ID}/{ORGANIZATION_ROOT_ID}/ou-") for path in paths)


def test_children_are_direct_ones_only(stage: Stage) -> None:
    children = ask(stage, "ListChildren", ParentId=ORGANIZATION_ROOT_ID, ChildType="ACCOUNT")["Children"]
    assert children == [{"Id": MANAGEMENT_ACCOUNT_ID, "Type": "ACCOUNT"}]


def test_parents_lead_up_to_the_root(stage: Stage) -> None:
    unit = ask(stage, "ListParents", ChildId=MEMBER)["Parents"][0]
    assert unit == {"Id": ou_id(stage, "Root/Workloads/Prod"), "Type": "ORGANIZATIONAL_UNIT"}
    above = ask(stage, "ListParents", ChildId=unit["Id"])["Parents"][0]
    assert ask(stage, "ListParents", ChildId=above["Id"])["Parents"] == [{"Id": ORGANIZATION_ROOT_ID, "Type": "ROOT"}]


def test_a_unit_can_be_described(stage: Stage) -> None:
    unit_id = ou_id(stage, "Root/Workloads/Test")
    unit = ask(stage, "DescribeOrganizationalUnit", OrganizationalUnitId=unit_id)["OrganizationalUnit"]
    assert (unit["Name"], unit["Path"].split("/")[-2]) == ("Test", unit_id)


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("DescribeAccount", {"AccountId": "123456789012"}, "AccountNotFoundException"),
        (
            "DescribeOrganizationalUnit",
            {"OrganizationalUnitId": "ou-demo-00000000"},
            "OrganizationalUnitNotFoundException",
        ),
        ("ListAccountsForParent", {"ParentId": "ou-demo-00000000"}, "ParentNotFoundException"),
        ("ListChildren", {"ParentId": "r-none", "ChildType": "ACCOUNT"}, "ParentNotFoundException"),
        ("ListOrganizationalUnitsForParent", {"ParentId": MEMBER}, "ParentNotFoundException"),
        ("ListParents", {"ChildId": ORGANIZATION_ROOT_ID}, "ChildNotFoundException"),
        ("DescribePolicy", {"PolicyId": "p-00000000"}, "PolicyNotFoundException"),
        ("ListTargetsForPolicy", {"PolicyId": "p-00000000"}, "PolicyNotFoundException"),
        (
            "ListPoliciesForTarget",
            {"TargetId": "123456789012", "Filter": "SERVICE_CONTROL_POLICY"},
            "TargetNotFoundException",
        ),
        ("ListTagsForResource", {"ResourceId": "123456789012"}, "TargetNotFoundException"),
        ("RegisterDelegatedAdministrator", {"AccountId": "123456789012"} | IAM, "AccountNotFoundException"),
        ("DeregisterDelegatedAdministrator", {"AccountId": MEMBER} | IAM, "AccountNotRegisteredException"),
        ("ListDelegatedServicesForAccount", {"AccountId": MEMBER}, "AccountNotRegisteredException"),
    ],
)
def test_what_is_not_there_is_named_as_aws_names_it(
    stage: Stage, operation: str, parameters: dict[str, str], code: str
) -> None:
    assert refusal(stage, operation, **parameters).code == code


def test_trusted_access_switches_on_and_off_and_twice_is_no_error(stage: Stage) -> None:
    for _ in range(2):
        assert ask(stage, "EnableAWSServiceAccess", **IAM) == {}
    assert ask(stage, "ListAWSServiceAccessForOrganization")["EnabledServicePrincipals"] == [
        {"ServicePrincipal": "iam.amazonaws.com", "DateEnabled": START}
    ]
    for _ in range(2):
        assert ask(stage, "DisableAWSServiceAccess", **IAM) == {}
    assert ask(stage, "ListAWSServiceAccessForOrganization")["EnabledServicePrincipals"] == []


def test_trusted_access_stays_while_a_delegate_is_registered(stage: Stage) -> None:
    stage.switch_on()
    stage.delegate(SECURITY_ACCOUNT_ID)
    error = refusal(stage, "DisableAWSServiceAccess", **IAM)
    assert error.code == "ConstraintViolationException"
    assert error.fields["Reason"] == "DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE"
    assert error.message == (
        "You have delegated administrator/s for this service. De-register them in order to disable service access."
    )
    ask(stage, "DeregisterDelegatedAdministrator", AccountId=SECURITY_ACCOUNT_ID, **IAM)
    assert ask(stage, "DisableAWSServiceAccess", **IAM) == {}


@pytest.mark.parametrize("operation", ["EnableAWSServiceAccess", "DisableAWSServiceAccess"])
def test_an_unknown_service_is_refused(stage: Stage, operation: str) -> None:
    error = refusal(stage, operation, ServicePrincipal="root.example.com")
    assert (error.code, error.fields["Reason"]) == ("InvalidInputException", "UNRECOGNIZED_SERVICE_PRINCIPAL")


@pytest.mark.parametrize(
    ("account_id", "reason"),
    [
        (MANAGEMENT_ACCOUNT_ID, "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR"),
        ("676789890101", "CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR"),
        (SECURITY_ACCOUNT_ID, "SERVICE_ACCESS_NOT_ENABLED"),
    ],
)
def test_some_accounts_cannot_become_delegates(stage: Stage, account_id: str, reason: str) -> None:
    error = refusal(stage, "RegisterDelegatedAdministrator", AccountId=account_id, **IAM)
    assert (error.code, error.fields["Reason"]) == ("ConstraintViolationException", reason)


def test_a_delegate_is_registered_once_listed_and_deregistered(stage: Stage) -> None:
    stage.switch_on()
    stage.delegate(SECURITY_ACCOUNT_ID)
    again = refusal(stage, "RegisterDelegatedAdministrator", AccountId=SECURITY_ACCOUNT_ID, **IAM)
    assert again.code == "AccountAlreadyRegisteredException"
    for parameters in ({}, IAM):
        (delegate,) = ask(stage, "ListDelegatedAdministrators", **parameters)["DelegatedAdministrators"]
        assert (delegate["Id"], delegate["DelegationEnabledDate"]) == (SECURITY_ACCOUNT_ID, START)
        assert {"Arn", "Email", "Name", "Status", "State", "JoinedMethod", "JoinedTimestamp"} < delegate.keys()
    assert ask(stage, "ListDelegatedServicesForAccount", AccountId=SECURITY_ACCOUNT_ID)["DelegatedServices"] == [
        {"ServicePrincipal": "iam.amazonaws.com", "DelegationEnabledDate": START}
    ]
    other = ask(stage, "ListDelegatedAdministrators", ServicePrincipal="sso.amazonaws.com")
    assert other["DelegatedAdministrators"] == []
    ask(stage, "DeregisterDelegatedAdministrator", AccountId=SECURITY_ACCOUNT_ID, **IAM)
    assert ask(stage, "ListDelegatedAdministrators")["DelegatedAdministrators"] == []


def test_policies_are_listed_where_they_are_attached_and_not_where_they_are_inherited(stage: Stage) -> None:
    scp = {"Filter": "SERVICE_CONTROL_POLICY"}
    names = [policy["Name"] for policy in ask(stage, "ListPolicies", **scp)["Policies"]]
    assert names == ["FullAWSAccess", "DenyRootUser"]
    regulated = ou_id(stage, "Root/Regulated")
    on_unit = ask(stage, "ListPoliciesForTarget", TargetId=regulated, **scp)["Policies"]
    assert [policy["Name"] for policy in on_unit] == names
    on_account = ask(stage, "ListPoliciesForTarget", TargetId="454567678989", **scp)["Policies"]
    assert [policy["Name"] for policy in on_account] == ["FullAWSAccess"]
    denied_id = on_unit[1]["Id"]
    assert ask(stage, "ListTargetsForPolicy", PolicyId=denied_id)["Targets"] == [
        {
            "TargetId": regulated,
            "Arn": f"arn:aws:organizations::{MANAGEMENT_ACCOUNT_ID}:ou/{ORGANIZATION_ID}/{regulated}",
            "Name": "Regulated",
            "Type": "ORGANIZATIONAL_UNIT",
        }
    ]
    described = ask(stage, "DescribePolicy", PolicyId=denied_id)["Policy"]
    assert described["PolicySummary"] == on_unit[1]
    assert "aws:PrincipalArn" in described["Content"]


def test_the_aws_managed_policy_is_on_everything(stage: Stage) -> None:
    pages = all_pages(stage, "ListTargetsForPolicy", "Targets", PolicyId="p-FullAWSAccess")
    targets = [target for page in pages for target in page]
    kinds = [target["Type"] for target in targets]
    assert [kinds.count(kind) for kind in ("ROOT", "ORGANIZATIONAL_UNIT", "ACCOUNT")] == [1, 10, 26]


def test_other_policy_types_have_no_policies(stage: Stage) -> None:
    for policy_type in ("RESOURCE_CONTROL_POLICY", "TAG_POLICY"):
        assert ask(stage, "ListPolicies", Filter=policy_type)["Policies"] == []
        assert ask(stage, "ListPoliciesForTarget", TargetId=MEMBER, Filter=policy_type)["Policies"] == []


@pytest.mark.parametrize("resource_id", [MEMBER, ORGANIZATION_ROOT_ID, "p-FullAWSAccess"])
def test_tags_are_added_changed_and_taken(stage: Stage, resource_id: str) -> None:
    for value in ("one", "two"):
        ask(stage, "TagResource", ResourceId=resource_id, Tags=[{"Key": "wave", "Value": value}])
    assert {"Key": "wave", "Value": "two"} in ask(stage, "ListTagsForResource", ResourceId=resource_id)["Tags"]
    ask(stage, "UntagResource", ResourceId=resource_id, TagKeys=["wave", "never-there"])
    keys = [tag["Key"] for tag in ask(stage, "ListTagsForResource", ResourceId=resource_id)["Tags"]]
    assert "wave" not in keys


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ([("aws:team", "red")], "INVALID_SYSTEM_TAGS_PARAMETER"),
        ([("wave", "1"), ("wave", "2")], "DUPLICATE_TAG_KEY"),
        ([(f"key-{number}", "") for number in range(51)], "MAX_TAG_LIMIT_EXCEEDED"),
    ],
)
def test_bad_tags_are_refused_and_change_nothing(stage: Stage, tags: list[tuple[str, str]], reason: str) -> None:
    before = dict(stage.world.tags(MEMBER))
    parameters: dict[str, Any] = {"ResourceId": MEMBER, "Tags": [{"Key": key, "Value": value} for key, value in tags]}
    assert refusal(stage, "TagResource", **parameters).fields["Reason"] == reason
    assert stage.world.tags(MEMBER) == before


def test_changes_are_marked_as_such() -> None:
    assert {name for name, operation in OPERATIONS.items() if operation.is_mutating} == set(CHANGES)


def test_every_operation_names_a_resource_that_a_policy_can_match(stage: Stage) -> None:
    unit = {"OrganizationalUnitId": ou_id(stage, "Root/Security")}
    for name, operation in OPERATIONS.items():
        call = stage.make_call("management-admin", "organizations", name, **PARAMETERS, **unit)
        resource = operation.resource(call)
        assert resource == "*" or resource.startswith("arn:aws:organizations::"), name
