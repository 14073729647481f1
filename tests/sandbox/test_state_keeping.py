"""What is kept: everything that calls change, for organizations of every size, in one line a call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rootkeeper_sandbox.clock import Clock
from rootkeeper_sandbox.control import answer_control
from rootkeeper_sandbox.exchange import HttpRequest
from rootkeeper_sandbox.instance import SandboxInstance
from rootkeeper_sandbox.scenarios.build import Origin
from rootkeeper_sandbox.services.registry import SERVICES
from rootkeeper_sandbox.state.organization import CREATION_TIME
from rootkeeper_sandbox.state_file import StateFileError, open_world
from tests.sandbox.findings import make_finding
from tests.sandbox.kept import close_kept, differences, keep, open_kept
from tests.sandbox.wire import Keys, Wire

MEMBER, LADEN, SECURITY, ROOT = "888899990000", "800090001000", "222233334444", "r-demo"
IAM = {"ServicePrincipal": "iam.amazonaws.com"}
DENY = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}'
BUCKET_POLICY = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject",'
    '"Resource":"arn:aws:s3:::a-bucket/*"}]}'
)
TAGS = [{"Key": "a", "Value": "b"}]
TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},'
    '"Action":"sts:AssumeRole"}]}'
)


def control(instance: SandboxInstance, method: str, path: str, body: Any = None) -> None:
    request = HttpRequest(method, f"/_sandbox/{path}", "", {}, json.dumps(body).encode(), "127.0.0.1")
    answered = answer_control(instance, request)
    assert answered.status == 200, answered.body


class Story:
    """Calls that change everything that can be changed, one after the other."""

    def __init__(self, instance: SandboxInstance, path: Path) -> None:
        self.instance = instance
        self.wire = Wire(instance)
        self.path = path
        self.reported: set[tuple[str, str]] = set()

    def call(self, service: str, operation: str, caller: str | Keys = "management-admin", **parameters: Any) -> Any:
        answered = self.wire.call(caller, service, operation, **parameters)
        assert answered.status in {200, 204}, answered.body
        assert differences(self.instance, self.path) == [], operation
        self.reported.add((service, operation))
        return answered.body

    def advance(self, seconds: float) -> None:
        """Move the clock as the control interface does, whose answers are kept by the application."""
        control(self.instance, "POST", "clock", {"advance_seconds": seconds})
        keep(self.instance)

    def organizations(self) -> None:
        def call(operation: str, **parameters: Any) -> Any:
            return self.call("organizations", operation, **parameters)

        call("EnableAWSServiceAccess", **IAM)
        call("RegisterDelegatedAdministrator", AccountId=SECURITY, **IAM)
        call("DeregisterDelegatedAdministrator", AccountId=SECURITY, **IAM)
        call("TagResource", ResourceId=MEMBER, Tags=[{"Key": "a", "Value": "b"}])
        call("TagResource", ResourceId=ROOT, Tags=[{"Key": "a", "Value": "b"}])
        call("UntagResource", ResourceId=MEMBER, TagKeys=["a"])
        unit = call("CreateOrganizationalUnit", ParentId=ROOT, Name="New")["OrganizationalUnit"]["Id"]
        call("UpdateOrganizationalUnit", OrganizationalUnitId=unit, Name="Newer")
        source = self.instance.world.organization.find_parent_id(MEMBER)
        call("MoveAccount", AccountId=MEMBER, SourceParentId=source, DestinationParentId=unit)
        call("MoveAccount", AccountId=MEMBER, SourceParentId=unit, DestinationParentId=source)
        self.policies(unit)
        call("DeleteOrganizationalUnit", OrganizationalUnitId=unit)
        call("CreateAccount", AccountName="New", Email="new@example.com")
        self.advance(CREATION_TIME.total_seconds())
        call("ListCreateAccountStatus")
        call("CloseAccount", AccountId="121234345656")
        self.advance(3600)
        call("DescribeAccount", AccountId="121234345656")
        self.invitations()
        call("DisableAWSServiceAccess", **IAM)

    def policies(self, unit: str) -> None:
        def call(operation: str, **parameters: Any) -> Any:
            return self.call("organizations", operation, **parameters)

        described = {"Name": "No S3", "Description": "", "Type": "SERVICE_CONTROL_POLICY", "Content": DENY}
        policy = call("CreatePolicy", **described)["Policy"]["PolicySummary"]["Id"]
        call("AttachPolicy", PolicyId=policy, TargetId=unit)
        call("AttachPolicy", PolicyId=policy, TargetId=MEMBER)
        call("UpdatePolicy", PolicyId=policy, Name="Not S3")
        call("DetachPolicy", PolicyId=policy, TargetId=unit)
        call("DetachPolicy", PolicyId=policy, TargetId=MEMBER)
        call("DeletePolicy", PolicyId=policy)
        call("EnablePolicyType", RootId=ROOT, PolicyType="RESOURCE_CONTROL_POLICY")
        call("DisablePolicyType", RootId=ROOT, PolicyType="RESOURCE_CONTROL_POLICY")

    def invitations(self) -> None:
        def call(operation: str, caller: str = "management-admin", **parameters: Any) -> Any:
            return self.call("organizations", operation, caller, **parameters)

        def invite() -> str:
            target = {"Id": "777788889999", "Type": "ACCOUNT"}
            return str(call("InviteAccountToOrganization", Target=target)["Handshake"]["Id"])

        call("LeaveOrganization", "member-admin")
        call("CancelHandshake", HandshakeId=invite())
        call("DeclineHandshake", "member-admin", HandshakeId=invite())
        call("AcceptHandshake", "member-admin", HandshakeId=invite())
        call("RemoveAccountFromOrganization", AccountId="777788889999")

    def identities(self) -> None:
        def call(operation: str, **parameters: Any) -> Any:
            return self.call("iam", operation, **parameters)

        administrator = {"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
        user, role = {"UserName": "robot"}, {"RoleName": "robots"}
        call("CreateUser", **user)
        call("PutUserPolicy", PolicyName="p", PolicyDocument=DENY, **user)
        call("AttachUserPolicy", **administrator, **user)
        key = call("CreateAccessKey", **user)["AccessKey"]
        call("UpdateAccessKey", AccessKeyId=key["AccessKeyId"], Status="Inactive", **user)
        call("CreateLoginProfile", Password="correct-horse", **user)
        call("DeleteLoginProfile", **user)
        call("DeleteAccessKey", AccessKeyId=key["AccessKeyId"], **user)
        call("DeleteUserPolicy", PolicyName="p", **user)
        call("DetachUserPolicy", **administrator, **user)
        call("DeleteUser", **user)
        call("CreateRole", AssumeRolePolicyDocument=TRUST, **role)
        call("PutRolePolicy", PolicyName="p", PolicyDocument=DENY, **role)
        call("AttachRolePolicy", **administrator, **role)
        call("TagRole", Tags=TAGS, **role)
        call("UntagRole", TagKeys=["a"], **role)
        call("UpdateRole", MaxSessionDuration=7200, **role)
        call("UpdateAssumeRolePolicy", PolicyDocument=TRUST, **role)
        self.call("sts", "AssumeRole", RoleArn="arn:aws:iam::111122223333:role/robots", RoleSessionName="r2")
        call("DeleteRolePolicy", PolicyName="p", **role)
        call("DetachRolePolicy", **administrator, **role)
        call("DeleteRole", **role)

    def root_users(self) -> None:
        self.call("organizations", "EnableAWSServiceAccess", **IAM)
        self.call("iam", "EnableOrganizationsRootCredentialsManagement")
        self.call("iam", "EnableOrganizationsRootSessions")
        self.call("iam", "DisableOrganizationsRootSessions")
        root = self.wire.open_root_session(LADEN, "IAMDeleteRootUserCredentials")
        assert differences(self.instance, self.path) == []
        for key in list(self.instance.world.account(LADEN).root_user.access_keys):
            self.call("iam", "DeleteAccessKey", root, AccessKeyId=key)
        for certificate in list(self.instance.world.account(LADEN).root_user.signing_certificates):
            self.call("iam", "DeleteSigningCertificate", root, CertificateId=certificate)
        self.call("iam", "DeleteLoginProfile", root)
        for device in list(self.instance.world.account(LADEN).root_user.mfa_devices):
            self.call("iam", "DeactivateMFADevice", root, SerialNumber=device)
        root = self.wire.open_root_session(LADEN, "IAMCreateRootUserPassword")
        self.call("iam", "CreateLoginProfile", root)
        self.call("iam", "DisableOrganizationsRootCredentialsManagement")

    def rules(self) -> None:
        def events(operation: str, **parameters: Any) -> Any:
            return self.call("events", operation, **parameters)

        arn = events("PutRule", Name="root", EventPattern="{}")["RuleArn"]
        events("TagResource", ResourceARN=arn, Tags=TAGS)
        events("UntagResource", ResourceARN=arn, TagKeys=["a"])
        events("DisableRule", Name="root")
        events("EnableRule", Name="root")
        events("PutTargets", Rule="root", Targets=[{"Id": "1", "Arn": "arn:aws:sqs:us-east-1:111122223333:a"}])
        events("RemoveTargets", Rule="root", Ids=["1"])
        events("DeleteRule", Name="root")

    def findings(self) -> None:
        def security_hub(operation: str, **parameters: Any) -> Any:
            return self.call("securityhub", operation, **parameters)

        security_hub("EnableSecurityHub")
        for updated_at in ("2026-10-01T12:00:00Z", "2026-11-01T12:00:00Z"):
            answer = security_hub("BatchImportFindings", Findings=[make_finding(UpdatedAt=updated_at)])
            assert answer["SuccessCount"] == 1
        security_hub("DisableSecurityHub")

    def resources(self) -> None:
        def s3(operation: str, **parameters: Any) -> Any:
            return self.call("s3", operation, Bucket="a-bucket", **parameters)

        def sqs(operation: str, **parameters: Any) -> Any:
            return self.call("sqs", operation, **parameters)

        s3("CreateBucket")
        s3("PutBucketVersioning", VersioningConfiguration={"Status": "Enabled"})
        s3("PutObject", Key="a/key", Body=b"\x00\xffbody")
        s3("PutBucketPolicy", Policy=BUCKET_POLICY)
        s3("DeleteBucketPolicy")
        s3("DeleteObject", Key="a/key")
        s3("PutBucketTagging", Tagging={"TagSet": TAGS})
        s3("DeleteBucketTagging")
        s3("PutPublicAccessBlock", PublicAccessBlockConfiguration={"BlockPublicAcls": True})
        s3("DeletePublicAccessBlock")
        rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
        s3("PutBucketEncryption", ServerSideEncryptionConfiguration={"Rules": rules})
        s3("DeleteBucketEncryption")
        queue = {"QueueUrl": sqs("CreateQueue", QueueName="a-queue")["QueueUrl"]}
        sqs("SendMessage", MessageBody="hello", **queue)
        received = sqs("ReceiveMessage", **queue)["Messages"][0]
        sqs("ChangeMessageVisibility", ReceiptHandle=received["ReceiptHandle"], VisibilityTimeout=60, **queue)
        sqs("DeleteMessage", ReceiptHandle=received["ReceiptHandle"], **queue)
        sqs("SetQueueAttributes", Attributes={"VisibilityTimeout": "7"}, **queue)
        sqs("TagQueue", Tags={"a": "b"}, **queue)
        sqs("UntagQueue", TagKeys=["a"], **queue)
        sqs("PurgeQueue", **queue)
        sqs("DeleteQueue", **queue)
        contact = {"AlternateContactType": "SECURITY", "Title": "CISO", "Name": "Ana", "PhoneNumber": "+1 555 0100"}
        self.call("account", "PutAlternateContact", EmailAddress="ana@example.com", **contact)
        self.call("account", "DeleteAlternateContact", AlternateContactType="SECURITY")
        self.call("organizations", "EnableAWSServiceAccess", ServicePrincipal="account.amazonaws.com")
        self.call("account", "StartPrimaryEmailUpdate", AccountId=MEMBER, PrimaryEmail="newer@example.com")


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    instance = open_kept(tmp_path / "state")
    yield Story(instance, tmp_path / "state")
    close_kept(instance)


@pytest.mark.long
def test_everything_that_calls_change_is_in_the_file_at_once(story: Story) -> None:
    story.identities()
    story.root_users()
    story.resources()
    story.rules()
    story.findings()
    story.organizations()
    mutating = {name for name, operation in SERVICES["organizations"].items() if operation.is_mutating}
    assert mutating - {"CreateOrganization"} <= {
        operation for service, operation in story.reported if service == "organizations"
    }


def test_an_organization_that_is_created_is_in_the_file_at_once(tmp_path: Path) -> None:
    instance = open_kept(tmp_path / "state", Origin(scenario="no-organization"))
    Story(instance, tmp_path / "state").call("organizations", "CreateOrganization")
    close_kept(instance)
    again = open_kept(tmp_path / "state")
    assert list(again.world.organization.accounts) == ["111122223333"]
    close_kept(again)


def test_what_the_control_interface_changes_is_kept_with_the_next_answer(story: Story) -> None:
    control(story.instance, "PUT", f"accounts/{MEMBER}/root-user", {"password": True, "access_keys": [{}]})
    control(story.instance, "POST", "clock", {"advance_seconds": 86_400})
    policy = {"name": "P", "type": "SERVICE_CONTROL_POLICY", "content": DENY, "targets": [MEMBER]}
    control(story.instance, "POST", "policies", policy)
    story.call("iam", "CreateUser", UserName="next")


def test_a_reset_begins_a_new_file(story: Story) -> None:
    story.call("iam", "CreateUser", UserName="forgotten")
    control(story.instance, "POST", "reset", {})
    story.call("iam", "CreateUser", UserName="remembered")
    close_kept(story.instance)
    again = open_kept(story.path)
    users = again.world.account("111122223333").identities.users
    assert ("forgotten" in users, "remembered" in users) == (False, True)
    close_kept(again)


def test_reading_writes_nothing(story: Story) -> None:
    before = story.path.read_bytes()
    story.call("organizations", "ListAccounts")
    story.call("iam", "GetAccountSummary")
    story.call("sts", "GetCallerIdentity")
    assert story.wire.call("observer", "iam", "ListUsers").status == 403
    assert story.path.read_bytes() == before


def test_a_session_is_kept_though_opening_it_changes_nothing_else(story: Story) -> None:
    story.call("organizations", "EnableAWSServiceAccess", **IAM)
    story.call("iam", "EnableOrganizationsRootCredentialsManagement")
    root = story.wire.open_root_session(MEMBER, "IAMAuditRootUserCredentials")
    close_kept(story.instance)
    again = open_kept(story.path)
    assert Wire(again).call(root, "iam", "GetAccountSummary").status == 200
    close_kept(again)


def test_a_restart_continues_exactly_where_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "state"
    instance = open_kept(path, Origin(scenario="merger"))
    story = Story(instance, path)
    story.call("iam", "CreateUser", UserName="first")
    instance.clock.advance(500)
    story.call("iam", "CreateUser", UserName="second")
    described, keys = instance.world.describe(), instance.world.principals()
    close_kept(instance)
    again = open_kept(path)
    assert (again.world.describe(), again.world.principals()) == (described, keys)
    assert 499 < (again.clock.now() - again.clock.machine_time()).total_seconds() <= 500
    before = path.read_bytes()
    assert Wire(again).call("management-admin", "iam", "GetUser", UserName="second").status == 200
    assert path.read_bytes() == before
    again.reset()
    assert again.world.organization_id == "o-examplemerge"
    close_kept(again)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Origin(scenario="merger"), "holds scenario 'demo' and not 'merger'"),
        (Origin(accounts=20), "holds accounts None and not 20"),
        (Origin(organizational_units=5), "holds organizational_units None and not 5"),
        (Origin(features="all"), "holds features 'none' and not 'all'"),
        (Origin(seed=2), "holds seed 1 and not 2"),
    ],
)
def test_another_scenario_than_the_files_is_refused(tmp_path: Path, asked: Origin, message: str) -> None:
    path = tmp_path / "state"
    close_kept(open_kept(path))
    before = path.read_bytes()
    with pytest.raises(StateFileError, match=message):
        open_kept(path, asked)
    assert path.read_bytes() == before
    close_kept(open_kept(path, Origin(scenario="demo", seed=1, features="none")))


def test_without_a_file_nothing_is_kept() -> None:
    _, world, keeper = open_world(Origin(), None, Clock())
    assert keeper is None
    assert type(world.organization.accounts) is dict


def test_only_one_sandbox_uses_a_file(tmp_path: Path) -> None:
    instance = open_kept(tmp_path / "state")
    with pytest.raises(StateFileError, match="is in use by another sandbox"):
        open_kept(tmp_path / "state")
    close_kept(instance)


def test_a_file_behind_a_link_stays_behind_it(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    close_kept(open_kept(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o600
