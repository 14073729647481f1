"""Member accounts as administrators change them: created, moved, closed, removed. Source: aws-facts E and F."""

from __future__ import annotations

from typing import Any

import pytest

from rootkeeper_sandbox.exchange import ServiceError
from rootkeeper_sandbox.state.organization import CLOSURE_TIME, CREATION_TIME
from tests.sandbox.calling import MANAGEMENT_ACCOUNT_ID, ORGANIZATION_ROOT_ID, SECURITY_ACCOUNT_ID, Stage

MEMBER = "888899990000"
DAY = 86_400
CREATION_SECONDS, CLOSURE_SECONDS = CREATION_TIME.total_seconds(), CLOSURE_TIME.total_seconds()


@pytest.fixture
def stage() -> Stage:
    return Stage()


def ask(stage: Stage, operation: str, **parameters: Any) -> dict[str, Any]:
    return stage.call("management-admin", "organizations", operation, **parameters)


def refusal(stage: Stage, operation: str, **parameters: Any) -> tuple[str, str | None]:
    with pytest.raises(ServiceError) as caught:
        ask(stage, operation, **parameters)
    assert caught.value.status == 400
    return caught.value.code, caught.value.fields.get("Reason")


def create(stage: Stage, name: str = "New", **parameters: Any) -> dict[str, Any]:
    """Ask for an account and wait until it is there."""
    email = f"{name.lower()}@example.com"
    asked = ask(stage, "CreateAccount", AccountName=name, Email=email, **parameters)["CreateAccountStatus"]
    stage.advance(CREATION_SECONDS)
    status: dict[str, Any] = ask(stage, "DescribeCreateAccountStatus", CreateAccountRequestId=asked["Id"])
    created: dict[str, Any] = status["CreateAccountStatus"]
    return created


def shown(stage: Stage, account_id: str) -> dict[str, Any]:
    accounts = stage.world.describe()["accounts"]
    found: dict[str, Any] = next(one for one in accounts if one["account_id"] == account_id)
    return found


def test_an_account_comes_to_be_some_time_after_it_was_asked_for(stage: Stage) -> None:
    asked = ask(stage, "CreateAccount", AccountName="New", Email="new@example.com")["CreateAccountStatus"]
    assert (asked["State"], "AccountId" in asked, "CompletedTimestamp" in asked) == ("IN_PROGRESS", False, False)
    assert ask(stage, "ListCreateAccountStatus", States=["IN_PROGRESS"])["CreateAccountStatuses"] == [asked]
    stage.advance(CREATION_SECONDS - 0.1)
    described = ask(stage, "DescribeCreateAccountStatus", CreateAccountRequestId=asked["Id"])
    assert described["CreateAccountStatus"] == asked
    stage.advance(0.1)
    done = ask(stage, "DescribeCreateAccountStatus", CreateAccountRequestId=asked["Id"])["CreateAccountStatus"]
    assert (done["State"], done["CompletedTimestamp"]) == ("SUCCEEDED", stage.now)
    account = ask(stage, "DescribeAccount", AccountId=done["AccountId"])["Account"]
    assert (account["Name"], account["Email"], account["State"]) == ("New", "new@example.com", "ACTIVE")
    assert (account["JoinedMethod"], account["JoinedTimestamp"]) == ("CREATED", stage.now)
    assert done["AccountId"] in {one["Id"] for one in children(stage, ORGANIZATION_ROOT_ID)}


def children(stage: Stage, parent_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(stage, "ListAccountsForParent", ParentId=parent_id)["Accounts"]
    return found


def test_without_the_feature_a_new_account_can_be_recovered_by_mail(stage: Stage) -> None:
    root_user = shown(stage, create(stage)["AccountId"])["root_user"]
    assert (root_user["recovery_allowed"], root_user["password"]) == (True, False)
    assert (root_user["access_keys"], root_user["mfa_devices"]) == ([], [])


def test_with_root_credentials_management_a_new_account_has_neither_credentials_nor_recovery(stage: Stage) -> None:
    stage.switch_on("RootCredentialsManagement")
    account_id = create(stage)["AccountId"]
    root_user = shown(stage, account_id)["root_user"]
    assert not any(root_user[kind] for kind in ("password", "recovery_allowed", "access_keys", "mfa_devices"))
    session = stage.root_session(account_id, "IAMAuditRootUserCredentials")
    summary = stage.call(session, "iam", "GetAccountSummary")["SummaryMap"]
    assert summary["AccountPasswordPresent"] == 0
    session = stage.root_session(account_id, "IAMCreateRootUserPassword")
    stage.call(session, "iam", "CreateLoginProfile")
    assert shown(stage, account_id)["root_user"]["recovery_allowed"]


def test_a_feature_that_comes_on_too_late_changes_nothing_for_accounts_asked_for_before(stage: Stage) -> None:
    asked = ask(stage, "CreateAccount", AccountName="Early", Email="early@example.com")["CreateAccountStatus"]
    stage.switch_on("RootCredentialsManagement")
    stage.advance(CREATION_SECONDS)
    done = ask(stage, "DescribeCreateAccountStatus", CreateAccountRequestId=asked["Id"])["CreateAccountStatus"]
    assert shown(stage, done["AccountId"])["root_user"]["recovery_allowed"]


@pytest.mark.parametrize(
    ("parameters", "role"), [({}, "OrganizationAccountAccessRole"), ({"RoleName": "Door"}, "Door")]
)
def test_the_management_account_gets_in_by_the_new_accounts_role(
    stage: Stage, parameters: dict[str, str], role: str
) -> None:
    account_id = create(stage, **parameters)["AccountId"]
    arn = f"arn:aws:iam::{account_id}:role/{role}"
    session = stage.call("management-admin", "sts", "AssumeRole", RoleArn=arn, RoleSessionName="first-visit")
    assert session["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{account_id}:assumed-role/{role}/first-visit"
    with pytest.raises(ServiceError, match="AccessDenied"):
        stage.call("member-admin", "sts", "AssumeRole", RoleArn=arn, RoleSessionName="intruder")


def test_tags_of_the_request_are_the_accounts(stage: Stage) -> None:
    account_id = create(stage, Tags=[{"Key": "team", "Value": "red"}])["AccountId"]
    assert shown(stage, account_id)["tags"] == {"team": "red"}
    system = {"AccountName": "X", "Email": "x@example.com", "Tags": [{"Key": "aws:x", "Value": ""}]}
    assert refusal(stage, "CreateAccount", **system) == ("InvalidInputException", "INVALID_SYSTEM_TAGS_PARAMETER")


@pytest.mark.parametrize("email", ["billing@example.net", "BILLING@example.net"])
def test_an_address_that_is_taken_fails_the_request_later(stage: Stage, email: str) -> None:
    before = len(stage.world.organization.accounts)
    asked = ask(stage, "CreateAccount", AccountName="Twin", Email=email)["CreateAccountStatus"]
    assert asked["State"] == "IN_PROGRESS"
    stage.advance(CREATION_SECONDS)
    failed = ask(stage, "ListCreateAccountStatus", States=["FAILED"])["CreateAccountStatuses"]
    assert [one["FailureReason"] for one in failed] == ["EMAIL_ALREADY_EXISTS"]
    assert "AccountId" not in failed[0]
    assert len(stage.world.organization.accounts) == before


def test_of_two_requests_with_one_address_the_later_fails(stage: Stage) -> None:
    for name in ("First", "Second"):
        ask(stage, "CreateAccount", AccountName=name, Email="same@example.com")
        stage.advance(1)
    stage.advance(CREATION_SECONDS)
    statuses = ask(stage, "ListCreateAccountStatus")["CreateAccountStatuses"]
    assert {one["AccountName"]: one["State"] for one in statuses} == {"First": "SUCCEEDED", "Second": "FAILED"}


def test_at_most_five_accounts_are_created_at_a_time(stage: Stage) -> None:
    for number in range(5):
        ask(stage, "CreateAccount", AccountName=f"New {number}", Email=f"new{number}@example.com")
    another = {"AccountName": "Sixth", "Email": "sixth@example.com"}
    code = ("ConstraintViolationException", "ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED")
    assert refusal(stage, "CreateAccount", **another) == code
    stage.advance(CREATION_SECONDS)
    assert ask(stage, "CreateAccount", **another)


def test_new_accounts_get_the_same_ids_on_every_start() -> None:
    ids = [[create(stage, name)["AccountId"] for name in ("One", "Two")] for stage in (Stage(), Stage())]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2


def test_a_request_that_was_never_made_is_not_found(stage: Stage) -> None:
    unknown = {"CreateAccountRequestId": "car-exampleunknown"}
    assert refusal(stage, "DescribeCreateAccountStatus", **unknown)[0] == "CreateAccountStatusNotFoundException"


def unit(stage: Stage, path: str) -> str:
    units = stage.world.describe()["organizational_units"]
    return str(next(one["ou_id"] for one in units if one["ou_path"] == path))


def test_an_account_moves_with_everything_and_comes_under_other_policies(stage: Stage) -> None:
    prod, regulated = unit(stage, "Root/Workloads/Prod"), unit(stage, "Root/Regulated")
    before = shown(stage, MEMBER)
    ask(stage, "MoveAccount", AccountId=MEMBER, SourceParentId=prod, DestinationParentId=regulated)
    assert shown(stage, MEMBER) == before | {"ou_path": "Root/Regulated"}
    assert MEMBER in {one["Id"] for one in children(stage, regulated)}
    assert MEMBER not in {one["Id"] for one in children(stage, prod)}
    names = [policy.name for level in stage.world.service_control_policies(MEMBER) for policy in level]
    assert "DenyRootUser" in names


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"AccountId": "123456789012"}, "AccountNotFoundException"),
        ({"SourceParentId": "ou-demo-exampleou"}, "SourceParentNotFoundException"),
        ({"DestinationParentId": "ou-demo-exampleou"}, "DestinationParentNotFoundException"),
        ({"SourceParentId": ORGANIZATION_ROOT_ID}, "AccountNotFoundException"),
        ({"DestinationParentId": "Root/Workloads/Prod"}, "DuplicateAccountException"),
    ],
)
def test_a_move_that_cannot_be_changes_nothing(stage: Stage, changes: dict[str, str], code: str) -> None:
    before = stage.world.describe()
    usual = {"AccountId": MEMBER, "SourceParentId": "Root/Workloads/Prod", "DestinationParentId": "Root/Sandboxes"}
    parameters = {
        name: unit(stage, value) if value.startswith("Root/") else value for name, value in (usual | changes).items()
    }
    assert refusal(stage, "MoveAccount", **parameters)[0] == code
    assert stage.world.describe() == before


def test_a_closed_account_is_pending_for_a_while_and_then_closed(stage: Stage) -> None:
    stage.switch_on("RootCredentialsManagement")
    ask(stage, "CloseAccount", AccountId=MEMBER)
    account = ask(stage, "DescribeAccount", AccountId=MEMBER)["Account"]
    assert (account["State"], account["Status"]) == ("PENDING_CLOSURE", "PENDING_CLOSURE")
    assert refusal(stage, "CloseAccount", AccountId=MEMBER)[0] == "ConflictException"
    stage.advance(CLOSURE_SECONDS)
    account = ask(stage, "DescribeAccount", AccountId=MEMBER)["Account"]
    assert (account["State"], account["Status"]) == ("CLOSED", "SUSPENDED")
    assert refusal(stage, "CloseAccount", AccountId=MEMBER)[0] == "AccountAlreadyClosedException"
    with pytest.raises(ServiceError, match="AccessDenied"):
        stage.root_session(MEMBER, "IAMAuditRootUserCredentials")


def test_the_management_account_and_delegates_are_not_closed(stage: Stage) -> None:
    found = refusal(stage, "CloseAccount", AccountId=MANAGEMENT_ACCOUNT_ID)
    assert found == ("ConstraintViolationException", "CANNOT_CLOSE_MANAGEMENT_ACCOUNT")
    stage.switch_on()
    stage.delegate(SECURITY_ACCOUNT_ID)
    found = refusal(stage, "CloseAccount", AccountId=SECURITY_ACCOUNT_ID)
    assert found == ("ConstraintViolationException", "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG")
    assert refusal(stage, "CloseAccount", AccountId="123456789012")[0] == "AccountNotFoundException"


def active_members(stage: Stage) -> list[str]:
    accounts = stage.world.describe()["accounts"]
    return [one["account_id"] for one in accounts[1:] if one["state"] == "ACTIVE"]


def test_three_accounts_are_closed_at_a_time_and_a_quota_in_thirty_days() -> None:
    stage = Stage(accounts=400)
    members = iter(active_members(stage))
    for _ in range(3):
        ask(stage, "CloseAccount", AccountId=next(members))
    code = ("ConstraintViolationException", "CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED")
    assert refusal(stage, "CloseAccount", AccountId=next(members)) == code
    for _ in range(247):
        stage.advance(CLOSURE_SECONDS)
        ask(stage, "CloseAccount", AccountId=next(members))
    stage.advance(CLOSURE_SECONDS)
    last = next(members)
    code = ("ConstraintViolationException", "CLOSE_ACCOUNT_QUOTA_EXCEEDED")
    assert refusal(stage, "CloseAccount", AccountId=last) == code
    stage.advance(30 * DAY)
    ask(stage, "CloseAccount", AccountId=last)


def test_a_removed_account_is_alone_with_its_root_user_and_without_policies(stage: Stage) -> None:
    root_user = shown(stage, MEMBER)["root_user"]
    created_at = stage.world.account(MEMBER).created_at
    ask(stage, "AttachPolicy", PolicyId=deny_root_id(stage), TargetId=MEMBER)
    ask(stage, "RemoveAccountFromOrganization", AccountId=MEMBER)
    assert refusal(stage, "DescribeAccount", AccountId=MEMBER)[0] == "AccountNotFoundException"
    assert not stage.world.is_in_organization(MEMBER)
    account = stage.world.account(MEMBER)
    assert (account.tags, account.created_at, account.root_user.has_password) == ({}, created_at, root_user["password"])
    assert stage.world.service_control_policies(MEMBER) == ()
    targets = ask(stage, "ListTargetsForPolicy", PolicyId=deny_root_id(stage))["Targets"]
    assert MEMBER not in {one["TargetId"] for one in targets}


def deny_root_id(stage: Stage) -> str:
    return str(next(one["policy_id"] for one in stage.world.describe()["policies"] if one["name"] == "DenyRootUser"))


def test_a_new_account_must_stay_for_four_days(stage: Stage) -> None:
    account_id = create(stage)["AccountId"]
    found = refusal(stage, "RemoveAccountFromOrganization", AccountId=account_id)
    assert found == ("ConstraintViolationException", "WAIT_PERIOD_ACTIVE")
    stage.advance(4 * DAY)
    ask(stage, "RemoveAccountFromOrganization", AccountId=account_id)


def test_the_management_account_and_delegates_stay(stage: Stage) -> None:
    remove = "RemoveAccountFromOrganization"
    assert refusal(stage, remove, AccountId=MANAGEMENT_ACCOUNT_ID)[0] == "MasterCannotLeaveOrganizationException"
    stage.switch_on()
    stage.delegate(SECURITY_ACCOUNT_ID)
    found = refusal(stage, remove, AccountId=SECURITY_ACCOUNT_ID)
    assert found == ("ConstraintViolationException", "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG")
    assert refusal(stage, remove, AccountId="123456789012")[0] == "AccountNotFoundException"


def test_a_member_may_leave_by_itself_but_not_the_management_account(stage: Stage) -> None:
    assert refusal(stage, "LeaveOrganization")[0] == "MasterCannotLeaveOrganizationException"
    stage.call("member-admin", "organizations", "LeaveOrganization")
    with pytest.raises(ServiceError, match="AWSOrganizationsNotInUseException"):
        stage.call("member-admin", "organizations", "DescribeOrganization")


def page(stage: Stage, token: str | None = None) -> tuple[list[str], str | None]:
    answer = ask(stage, "ListAccounts", MaxResults=5, **({"NextToken": token} if token else {}))
    return [account["Id"] for account in answer["Accounts"]], answer.get("NextToken")


def remaining_pages(stage: Stage, token: str | None) -> list[str]:
    ids: list[str] = []
    while token:
        found, token = page(stage, token)
        ids += found
    return ids


def test_an_account_that_leaves_in_the_midst_of_a_listing_takes_no_other_out_of_it(stage: Stage) -> None:
    before, _ = page(stage)
    whole = before + remaining_pages(stage, page(stage)[1])
    first, token = page(stage)
    left = [first[2], whole[8]]
    for account_id in left:
        ask(stage, "RemoveAccountFromOrganization", AccountId=account_id)
    assert remaining_pages(stage, token) == [one for one in whole[5:] if one not in left]
    assert [*page(stage)[0], *remaining_pages(stage, page(stage)[1])] == [one for one in whole if one not in left]


def test_who_joins_or_moves_in_the_midst_of_a_listing_is_in_it_once(stage: Stage) -> None:
    first, token = page(stage)
    source = stage.world.organization.find_parent_id(MEMBER)
    parents = {"SourceParentId": source, "DestinationParentId": ORGANIZATION_ROOT_ID}
    ask(stage, "MoveAccount", AccountId=MEMBER, **parents)
    joined = create(stage)["AccountId"]
    ids = [*first, *remaining_pages(stage, token)]
    assert len(ids) == len(set(ids)) == len(stage.world.organization.accounts)
    assert {MEMBER, joined} <= set(ids)
