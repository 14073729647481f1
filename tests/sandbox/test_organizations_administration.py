"""An administrator's day over real HTTP: units, accounts, policies and invitations, by a real client."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.sandbox.clients import Caller, callers
from tests.sandbox_process import SandboxProcess

MANAGEMENT, SHOP, OUTSIDER = "111122223333", "333344445555", "888899990000"
DENY_ROOT = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Sid": "DenyRoot",
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}},
        },
    }
)


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxProcess]:
    with SandboxProcess.start("--scenario", "merger") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: SandboxProcess) -> SandboxProcess:
    running.reset()
    return running


@pytest.fixture
def who(sandbox: SandboxProcess) -> dict[str, Caller]:
    return callers(sandbox)


def root_id(administrator: Caller) -> str:
    return str(administrator.call("organizations", "ListRoots")["Roots"][0]["Id"])


def create_account(sandbox: SandboxProcess, administrator: Caller) -> str:
    asked = administrator.call("organizations", "CreateAccount", AccountName="New", Email="new@example.com")
    request = {"CreateAccountRequestId": asked["CreateAccountStatus"]["Id"]}
    assert asked["CreateAccountStatus"]["State"] == "IN_PROGRESS"
    sandbox.clock(60)
    status = administrator.call("organizations", "DescribeCreateAccountStatus", **request)["CreateAccountStatus"]
    assert status["State"] == "SUCCEEDED"
    return str(status["AccountId"])


def test_a_new_account_is_born_clean_moved_guarded_and_closed(sandbox: SandboxProcess, who: dict[str, Caller]) -> None:
    administrator = who["management-admin"]
    account_id = create_account(sandbox, administrator)
    assert sandbox.root_user(account_id)["recovery_allowed"] is False
    session = administrator.assume_root(account_id, "IAMAuditRootUserCredentials")
    assert session.call("iam", "GetAccountSummary")["SummaryMap"]["AccountPasswordPresent"] == 0
    unit = administrator.call(
        "organizations", "CreateOrganizationalUnit", ParentId=root_id(administrator), Name="Guarded"
    )["OrganizationalUnit"]["Id"]
    place = {"SourceParentId": root_id(administrator), "DestinationParentId": unit}
    administrator.call("organizations", "MoveAccount", AccountId=account_id, **place)
    assert sandbox.accounts()[account_id]["ou_path"] == "Root/Guarded"
    policy = {"Name": "Deny", "Type": "SERVICE_CONTROL_POLICY", "Content": DENY_ROOT, "Description": ""}
    made = administrator.call("organizations", "CreatePolicy", **policy)["Policy"]["PolicySummary"]
    administrator.call("organizations", "AttachPolicy", PolicyId=made["Id"], TargetId=unit)
    code, status, message = session.refusal("iam", "GetAccountSummary")
    assert (code, status) == ("AccessDenied", 403)
    assert message.endswith(f"with an explicit deny in a service control policy: {made['Arn']}")
    administrator.call("organizations", "DetachPolicy", PolicyId=made["Id"], TargetId=unit)
    session.call("iam", "GetAccountSummary")
    administrator.call("organizations", "CloseAccount", AccountId=account_id)
    assert sandbox.accounts()[account_id]["state"] == "PENDING_CLOSURE"
    sandbox.clock(300)
    assert sandbox.accounts()[account_id]["state"] == "CLOSED"


def test_before_the_feature_a_new_account_can_be_recovered(sandbox: SandboxProcess, who: dict[str, Caller]) -> None:
    administrator = who["management-admin"]
    administrator.call("iam", "DisableOrganizationsRootCredentialsManagement")
    account_id = create_account(sandbox, administrator)
    assert sandbox.root_user(account_id)["recovery_allowed"] is True


def test_the_management_account_works_in_the_new_account_by_its_role(
    sandbox: SandboxProcess, who: dict[str, Caller]
) -> None:
    account_id = create_account(sandbox, who["management-admin"])
    inside = who["management-admin"].assume_role(f"arn:aws:iam::{account_id}:role/OrganizationAccountAccessRole")
    assert inside.call("sts", "GetCallerIdentity")["Account"] == account_id
    assert inside.call("iam", "GetAccountSummary")["SummaryMap"]["Roles"] == 1


def test_an_invited_account_brings_its_root_keys_along(sandbox: SandboxProcess, who: dict[str, Caller]) -> None:
    administrator, outsider = who["management-admin"], who["anycompany-data-admin"]
    code, status, _ = outsider.refusal("organizations", "DescribeOrganization")
    assert (code, status) == ("AWSOrganizationsNotInUseException", 400)
    target = {"Id": OUTSIDER, "Type": "ACCOUNT"}
    invited = administrator.call("organizations", "InviteAccountToOrganization", Target=target)["Handshake"]
    assert len(sandbox.mailbox("data@example.net")) == 1
    found = outsider.call("organizations", "ListHandshakesForAccount")["Handshakes"]
    assert [one["Id"] for one in found] == [invited["Id"]]
    outsider.call("organizations", "AcceptHandshake", HandshakeId=invited["Id"])
    assert len(sandbox.root_user(OUTSIDER)["access_keys"]) == 1
    session = administrator.assume_root(OUTSIDER, "IAMDeleteRootUserCredentials")
    for key in session.call("iam", "ListAccessKeys")["AccessKeyMetadata"]:
        session.call("iam", "DeleteAccessKey", AccessKeyId=key["AccessKeyId"])
    assert sandbox.root_user(OUTSIDER)["access_keys"] == []


def test_what_changes_the_organization_is_shown_as_changing(sandbox: SandboxProcess, who: dict[str, Caller]) -> None:
    since = sandbox.last_request()
    administrator = who["management-admin"]
    administrator.call("organizations", "CreateOrganizationalUnit", ParentId=root_id(administrator), Name="New")
    administrator.call("organizations", "ListCreateAccountStatus")
    found = [(request["operation"], request["mutating"]) for request in sandbox.requests(since)]
    assert found == [
        ("ListRoots", False),
        ("CreateOrganizationalUnit", True),
        ("ListCreateAccountStatus", False),
    ]
    names = [event["eventName"] for event in sandbox.events(MANAGEMENT)]
    assert "CreateOrganizationalUnit" in names


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("CreateAccount", {"AccountName": "New", "Email": "not-an-address"}),
        ("CreateAccount", {"AccountName": "x" * 51, "Email": "new@example.com"}),
        ("CreatePolicy", {"Name": "P", "Type": "SERVICE_CONTROL_POLICY", "Content": "", "Description": ""}),
        ("CreatePolicy", {"Name": "P", "Type": "PARKING_POLICY", "Content": "{}", "Description": ""}),
        ("MoveAccount", {"AccountId": SHOP, "SourceParentId": "x", "DestinationParentId": "y"}),
        ("InviteAccountToOrganization", {"Target": {"Id": OUTSIDER}}),
        ("CloseAccount", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_parameters_outside_the_model_are_invalid_input(
    sandbox: SandboxProcess, who: dict[str, Caller], operation: str, parameters: dict[str, object]
) -> None:
    before = sandbox.organization()
    code, status, _ = who["management-admin"].refusal("organizations", operation, **parameters)  # type: ignore[arg-type]  # wrong on purpose
    assert (code, status) == ("InvalidInputException", 400)
    assert sandbox.organization() == before


def test_a_service_control_policy_can_forbid_leaving(sandbox: SandboxProcess, who: dict[str, Caller]) -> None:
    statement = {"Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"}
    content = {"Version": "2012-10-17", "Statement": [statement]}
    policy = {"name": "Stay", "type": "SERVICE_CONTROL_POLICY", "content": content}
    sandbox.create_policy(policy | {"targets": [root_id(who["management-admin"])]})
    code, status, message = who["member-admin"].refusal("organizations", "LeaveOrganization")
    assert (code, status) == ("AccessDeniedException", 400)
    assert "with an explicit deny in a service control policy" in message
