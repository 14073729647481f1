"""IAM users and roles from GetAccountAuthorizationDetails, the credentials of users, and the root
user's last use.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.identities import AccountIdentities, AwsIdentities, PolicySource, RootUse, UserAccess
from rootkeeper.errors import AwsAccessDeniedError, AwsRejectedError, AwsUnreachableError
from rootkeeper.organization.accounts import AccountId
from tests.fakes.aws_server import FakeAwsServer, Reply, answer_xml, error_xml
from tests.fakes.clock import FakeClock

ACCOUNT = AccountId("222233334444")
HERE = f"arn:aws:iam::{ACCOUNT}:"
DOCUMENT = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRoot", "Resource": "*"}]}'
OTHER = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}'
CUSTOMER_MANAGED = f"{HERE}policy/root-tasks"
OF_AWS = "arn:aws:iam::aws:policy/AdministratorAccess"
_HEADER = (
    "user,arn,user_creation_time,password_enabled,password_last_used,mfa_active,access_key_1_last_used_date,"
    "access_key_2_last_used_date"
)


def inline(name: str, document: str = DOCUMENT) -> str:
    return f"<member><PolicyName>{name}</PolicyName><PolicyDocument>{quote(document)}</PolicyDocument></member>"


def attached(*arns: str) -> str:
    members = "".join(f"<member><PolicyName>x</PolicyName><PolicyArn>{arn}</PolicyArn></member>" for arn in arns)
    return f"<AttachedManagedPolicies>{members}</AttachedManagedPolicies>"


def user(name: str = "ana", members: str = "") -> str:
    return f"<member><UserName>{name}</UserName><Arn>{HERE}user/{name}</Arn>{members}</member>"


def role(name: str = "opener", members: str = "") -> str:
    trust = f"<AssumeRolePolicyDocument>{quote(OTHER)}</AssumeRolePolicyDocument>"
    return f"<member><RoleName>{name}</RoleName><Arn>{HERE}role/{name}</Arn>{trust}{members}</member>"


def managed(arn: str = CUSTOMER_MANAGED) -> str:
    """A policy of two versions, of which the older is in force."""
    versions = "".join(
        f"<member><VersionId>{number}</VersionId><Document>{quote(text)}</Document>"
        f"<IsDefaultVersion>{is_default}</IsDefaultVersion></member>"
        for number, text, is_default in (("v2", OTHER, "false"), ("v1", DOCUMENT, "true"))
    )
    name = arn.rpartition("/")[2]
    return (
        f"<member><Arn>{arn}</Arn><PolicyName>{name}</PolicyName><PolicyVersionList>{versions}</PolicyVersionList>"
        "</member>"
    )


def details(users: str = "", roles: str = "", groups: str = "", policies: str = "", marker: str = "") -> Reply:
    more = f"<IsTruncated>true</IsTruncated><Marker>{marker}</Marker>" if marker else "<IsTruncated>false</IsTruncated>"
    return answer_xml(
        "GetAccountAuthorizationDetails",
        f"{more}<UserDetailList>{users}</UserDetailList><RoleDetailList>{roles}</RoleDetailList>"
        f"<GroupDetailList>{groups}</GroupDetailList><Policies>{policies}</Policies>",
    )


def read(clients: AwsClients, aws_server: FakeAwsServer, *replies: Reply) -> AccountIdentities:
    aws_server.answer("GetAccountAuthorizationDetails", *replies)
    return AwsIdentities(clients).read_identities(ACCOUNT)


def texts_of(policies: tuple[PolicySource, ...]) -> dict[str, str | None]:
    return {policy.name: policy.text for policy in policies}


def test_a_user_is_under_its_inline_its_attached_and_its_groups_policies(
    clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    members = (
        f"<UserPolicyList>{inline('own')}</UserPolicyList><GroupList><member>security</member></GroupList>"
        f"{attached(CUSTOMER_MANAGED)}<Tags><member><Key>team</Key><Value>security</Value></member></Tags>"
    )
    group = (
        f"<member><GroupName>security</GroupName><Arn>{HERE}group/security</Arn>"
        f"<GroupPolicyList>{inline('of the group', OTHER)}</GroupPolicyList>{attached(CUSTOMER_MANAGED)}</member>"
    )
    found = read(clients, aws_server, details(user(members=members), groups=group, policies=managed()))
    (ana,) = found.users
    assert (found.account_id, ana.user_name, ana.arn) == (ACCOUNT, "ana", f"{HERE}user/ana")
    assert [policy.name for policy in ana.policies] == ["own", "root-tasks", "of the group", "root-tasks"]
    assert texts_of(ana.policies) == {"own": DOCUMENT, "root-tasks": DOCUMENT, "of the group": OTHER}
    assert (ana.boundary, ana.tags) == (None, {"team": "security"})
    assert aws_server.operations == ["GetAccountAuthorizationDetails"]


def test_a_role_has_a_trust_policy_and_may_have_a_boundary(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    boundary = (
        f"<PermissionsBoundary><PermissionsBoundaryArn>{CUSTOMER_MANAGED}</PermissionsBoundaryArn>"
        "</PermissionsBoundary>"
    )
    members = f"<RolePolicyList>{inline('own')}</RolePolicyList>{boundary}"
    (root_session_caller,) = read(clients, aws_server, details(roles=role(members=members), policies=managed())).roles
    assert root_session_caller.trust_policy.text == OTHER
    assert texts_of(root_session_caller.policies) == {"own": DOCUMENT}
    assert root_session_caller.boundary == PolicySource(CUSTOMER_MANAGED, "root-tasks", DOCUMENT)


def test_an_attached_policy_that_is_not_in_the_answer_is_asked_for(
    clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("GetPolicy", answer_xml("GetPolicy", "<Policy><DefaultVersionId>v1</DefaultVersionId></Policy>"))
    aws_server.answer("GetPolicyVersion", error_xml("AccessDenied", 403))
    (ana,) = read(clients, aws_server, details(user(members=attached(OF_AWS)))).users
    assert texts_of(ana.policies) == {"AdministratorAccess": None}
    assert aws_server.operations == ["GetAccountAuthorizationDetails", "GetPolicy", "GetPolicyVersion"]


def test_a_group_that_is_not_listed_leaves_a_policy_without_a_text(
    clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    members = "<GroupList><member>security</member></GroupList>"
    (ana,) = read(clients, aws_server, details(user(members=members))).users
    assert texts_of(ana.policies) == {"group security": None}


def test_pages_are_read_to_the_end_and_put_together(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    first = details(user("ana", attached(CUSTOMER_MANAGED)), marker="next")
    found = read(clients, aws_server, first, details(user("li"), role(), policies=managed()))
    assert [one.user_name for one in found.users] == ["ana", "li"]
    assert [one.role_name for one in found.roles] == ["opener"]
    assert texts_of(found.users[0].policies) == {"root-tasks": DOCUMENT}
    assert "Marker=next" in aws_server.received[1].parameters


@pytest.mark.parametrize(
    "reply",
    [
        details(user(), marker="again"),
        answer_xml("GetAccountAuthorizationDetails", "<IsTruncated>true</IsTruncated>"),
        answer_xml("GetAccountAuthorizationDetails", "<UserDetailList/>"),
        details("<member><UserName>ana</UserName></member>"),
    ],
    ids=["the same page again", "cut off", "no word of an end", "a user without an ARN"],
)
def test_an_answer_that_is_not_whole_is_none(clients: AwsClients, aws_server: FakeAwsServer, reply: Reply) -> None:
    with pytest.raises(AwsUnreachableError):
        read(clients, aws_server, reply)


def test_a_refusal_is_raised(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    with pytest.raises(AwsAccessDeniedError):
        read(clients, aws_server, error_xml("AccessDenied", 403))


PROFILE = answer_xml(
    "GetLoginProfile",
    "<LoginProfile><UserName>ana</UserName><CreateDate>2026-01-01T00:00:00Z</CreateDate></LoginProfile>",
)
NO_PROFILE = error_xml("NoSuchEntity", 404)


def access(clients: AwsClients, aws_server: FakeAwsServer, profile: Reply, keys: str, devices: str) -> UserAccess:
    aws_server.answer("GetLoginProfile", profile)
    aws_server.answer(
        "ListAccessKeys",
        answer_xml("ListAccessKeys", f"<AccessKeyMetadata>{keys}</AccessKeyMetadata><IsTruncated>false</IsTruncated>"),
    )
    aws_server.answer(
        "ListMFADevices",
        answer_xml("ListMFADevices", f"<MFADevices>{devices}</MFADevices><IsTruncated>false</IsTruncated>"),
    )
    return AwsIdentities(clients).read_user_access("ana")


def test_the_credentials_of_a_user_are_listed_and_keys_that_are_off_do_not_count(
    clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    keys = (
        "<member><AccessKeyId>AKIAIOSFODNN7EXAMPLE</AccessKeyId><Status>Active</Status></member>"
        "<member><AccessKeyId>AKIAI44QH8DHBEXAMPLE</AccessKeyId><Status>Inactive</Status></member>"
    )
    devices = f"<member><SerialNumber>{HERE}mfa/ana</SerialNumber></member>"
    assert access(clients, aws_server, PROFILE, keys, devices) == UserAccess(
        True, ("AKIAIOSFODNN7EXAMPLE",), (f"{HERE}mfa/ana",)
    )
    assert all("UserName=ana" in request.parameters for request in aws_server.received)


def test_a_user_with_nothing_has_nothing(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    assert access(clients, aws_server, NO_PROFILE, "", "") == UserAccess(False, (), ())


def test_a_login_profile_that_may_not_be_read_is_not_taken_for_none(
    clients: AwsClients, aws_server: FakeAwsServer
) -> None:
    with pytest.raises(AwsAccessDeniedError):
        access(clients, aws_server, error_xml("AccessDenied", 403), "", "")


def report(*lines: str) -> Reply:
    content = base64.b64encode("\n".join((_HEADER, *lines)).encode()).decode()
    return answer_xml(
        "GetCredentialReport",
        f"<Content>{content}</Content><ReportFormat>text/csv</ReportFormat>"
        "<GeneratedTime>2026-11-25T10:00:00Z</GeneratedTime>",
    )


def root_line(password: str, *keys: str) -> str:
    first, second = (*keys, "N/A", "N/A")[:2]
    return f"<root_account>,{HERE}root,2020-01-01T00:00:00+00:00,not_supported,{password},true,{first},{second}"


GENERATED = datetime(2026, 11, 25, 10, tzinfo=UTC)
SPRING, SUMMER = datetime(2026, 4, 1, 8, tzinfo=UTC), datetime(2026, 7, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "use"),
    [
        (root_line("2026-04-01T08:00:00+00:00"), RootUse(GENERATED, SPRING, None)),
        (root_line("no_information"), RootUse(GENERATED, None, None)),
        (
            root_line("N/A", "2026-04-01T08:00:00Z", "2026-07-01T08:00:00+00:00"),
            RootUse(GENERATED, None, SUMMER),
        ),
    ],
)
def test_the_root_users_line_is_read_and_words_are_no_moments(
    clients: AwsClients, aws_server: FakeAwsServer, line: str, use: RootUse
) -> None:
    aws_server.answer("GetCredentialReport", report("ana,arn,x,true,2026-11-01T00:00:00Z,true,N/A,N/A", line))
    assert AwsIdentities(clients).read_root_use() == use
    assert aws_server.operations == ["GetCredentialReport"]


@pytest.mark.parametrize("code", ["ReportNotPresent", "ReportExpired"])
def test_a_report_is_made_only_where_there_is_none_and_waited_for(
    clients: AwsClients, aws_server: FakeAwsServer, clock: FakeClock, code: str
) -> None:
    started = clock.now()
    gone, making = error_xml(code, 410), error_xml("ReportInProgress", 404)
    aws_server.answer("GetCredentialReport", gone, making, making, report(root_line("no_information")))
    aws_server.answer("GenerateCredentialReport", answer_xml("GenerateCredentialReport", "<State>STARTED</State>"))
    assert AwsIdentities(clients).read_root_use().last_used_at is None
    assert aws_server.operations.count("GenerateCredentialReport") == 1
    assert (clock.now() - started).total_seconds() == 4


def test_a_report_that_is_never_done_is_an_error(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    aws_server.answer("GetCredentialReport", error_xml("ReportNotPresent", 410), error_xml("ReportInProgress", 404))
    aws_server.answer("GenerateCredentialReport", answer_xml("GenerateCredentialReport", "<State>STARTED</State>"))
    with pytest.raises(AwsRejectedError):
        AwsIdentities(clients).read_root_use()


def test_a_report_without_the_root_user_is_none(clients: AwsClients, aws_server: FakeAwsServer) -> None:
    aws_server.answer("GetCredentialReport", report("ana,arn,x,true,N/A,true,N/A,N/A"))
    with pytest.raises(AwsUnreachableError, match="no line for the root user"):
        AwsIdentities(clients).read_root_use()
