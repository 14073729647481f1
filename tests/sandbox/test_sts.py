"""STS: identities, root sessions and the order in which AssumeRoot refuses. Source: aws-facts B and A4."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper_sandbox.exchange import PrincipalKind, ServiceError
from rootkeeper_sandbox.services.registry import SERVICES
from rootkeeper_sandbox.services.sts import TASK_FEATURES, deny
from tests.sandbox.calling import MANAGEMENT_ACCOUNT_ID, SECURITY_ACCOUNT_ID, START, TASK_POLICIES, Stage

MEMBER = "888899990000"
SUSPENDED = "676789890101"
IAM_TASKS = ("IAMAuditRootUserCredentials", "IAMDeleteRootUserCredentials", "IAMCreateRootUserPassword")
UNLOCK_TASKS = ("S3UnlockBucketPolicy", "SQSUnlockQueuePolicy")
CREDENTIALS_OFF = "Root credentials management feature is not enabled for your AWS Organization."
SESSIONS_OFF = "Root sessions feature is not enabled for your AWS Organization."


@pytest.fixture
def stage() -> Stage:
    return Stage(features="all")


def refusal(stage: Stage, caller: str = "management-admin", **parameters: object) -> ServiceError:
    sent = {"TargetPrincipal": MEMBER, "TaskPolicyArn": {"arn": TASK_POLICIES + IAM_TASKS[0]}} | parameters
    with pytest.raises(ServiceError) as caught:
        stage.call(caller, "sts", "AssumeRoot", **sent)
    return caught.value


def denied_text(caller_arn: str, target: str) -> str:
    return f"User: {caller_arn} is not authorized to perform: sts:AssumeRoot on resource: arn:aws:iam::{target}:root"


@pytest.mark.parametrize(
    ("name", "arn"),
    [
        ("management-admin", f"arn:aws:iam::{MANAGEMENT_ACCOUNT_ID}:user/management-admin"),
        ("delegated-admin", f"arn:aws:iam::{SECURITY_ACCOUNT_ID}:user/delegated-admin"),
        ("management-root", f"arn:aws:iam::{MANAGEMENT_ACCOUNT_ID}:root"),
    ],
)
def test_every_user_is_shown_who_they_are(stage: Stage, name: str, arn: str) -> None:
    assert stage.call(name, "sts", "GetCallerIdentity")["Arn"] == arn


def test_a_root_session_is_the_members_root_user(stage: Stage) -> None:
    session = stage.root_session(MEMBER, "IAMAuditRootUserCredentials")
    answer = stage.call(session, "sts", "GetCallerIdentity")
    assert answer == {"UserId": MEMBER, "Account": MEMBER, "Arn": f"arn:aws:iam::{MEMBER}:root"}


def test_a_root_session_lasts_900_seconds_unless_a_shorter_time_is_asked_for(stage: Stage) -> None:
    parameters = {"TargetPrincipal": MEMBER, "TaskPolicyArn": {"arn": TASK_POLICIES + "S3UnlockBucketPolicy"}}
    default = stage.call("management-admin", "sts", "AssumeRoot", **parameters)
    short = stage.call("management-admin", "sts", "AssumeRoot", DurationSeconds=60, **parameters)
    assert default["Credentials"]["Expiration"] == START + timedelta(seconds=900)
    assert short["Credentials"]["Expiration"] == START + timedelta(seconds=60)
    assert re.fullmatch(r"ASIA[A-Z2-7]{16}", default["Credentials"]["AccessKeyId"])
    assert default["Credentials"]["SessionToken"] != short["Credentials"]["SessionToken"]


def test_a_session_of_0_seconds_has_expired_when_it_is_issued(stage: Stage) -> None:
    parameters = {"TargetPrincipal": MEMBER, "TaskPolicyArn": {"arn": TASK_POLICIES + IAM_TASKS[0]}}
    answer = stage.call("management-admin", "sts", "AssumeRoot", DurationSeconds=0, **parameters)
    assert answer["Credentials"]["Expiration"] == START


def test_the_root_session_carries_its_task_and_the_callers_source_identity(stage: Stage) -> None:
    caller = replace(stage.principal("management-admin"), source_identity="ana@example.com")
    parameters = {"TargetPrincipal": MEMBER, "TaskPolicyArn": {"arn": TASK_POLICIES + IAM_TASKS[0]}}
    answer = stage.call(caller, "sts", "AssumeRoot", **parameters)
    session = stage.principal_of(answer["Credentials"]["AccessKeyId"])
    assert answer["SourceIdentity"] == session.source_identity == "ana@example.com"
    assert session.kind is PrincipalKind.ROOT_SESSION
    assert session.task_policy_arn == TASK_POLICIES + IAM_TASKS[0]


def test_without_a_source_identity_none_is_answered(stage: Stage) -> None:
    parameters = {"TargetPrincipal": MEMBER, "TaskPolicyArn": {"arn": TASK_POLICIES + IAM_TASKS[0]}}
    assert "SourceIdentity" not in stage.call("management-admin", "sts", "AssumeRoot", **parameters)


def test_the_target_may_be_named_by_its_root_arn(stage: Stage) -> None:
    parameters = {
        "TargetPrincipal": f"arn:aws:iam::{MEMBER}:root",
        "TaskPolicyArn": {"arn": TASK_POLICIES + IAM_TASKS[0]},
    }
    answer = stage.call("management-admin", "sts", "AssumeRoot", **parameters)
    assert stage.principal_of(answer["Credentials"]["AccessKeyId"]).account_id == MEMBER


@pytest.mark.parametrize(
    "target",
    [
        f"arn:aws:iam::{MEMBER}:user/ana",
        f"arn:aws:iam::{MEMBER}",
        f"arn:aws-cn:iam::{MEMBER}:root",
        f"{MEMBER}:root",
        "8888999900001",
        "not-an-account",
        "٨٨٨٨٩٩٩٩٠٠٠٠",
        f"{MEMBER}\n",
    ],
)
def test_a_target_that_is_no_root_user_is_refused(stage: Stage, target: str) -> None:
    error = refusal(stage, TargetPrincipal=target)
    assert (error.code, error.status) == ("ValidationError", 400)
    assert error.message == "Request must contain a valid target principal"


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "arn:aws:iam::aws:policy/IAMAuditRootUserCredentials",
        TASK_POLICIES + "IAMAuditRootUserCredential",
        f"arn:aws:iam::{MEMBER}:policy/root-task/IAMAuditRootUserCredentials",
        "arn:aws-us-gov:iam::aws:policy/root-task/IAMAuditRootUserCredentials",
    ],
)
def test_a_policy_that_is_no_task_policy_is_refused(stage: Stage, arn: str) -> None:
    error = refusal(stage, TaskPolicyArn={"arn": arn})
    assert (error.code, error.status) == ("ValidationError", 400)
    assert error.message == "Request must contain valid AWS managed task policy ARN"


@pytest.mark.parametrize("task", TASK_FEATURES)
def test_the_management_account_is_refused_as_a_target(stage: Stage, task: str) -> None:
    error = refusal(stage, TargetPrincipal=MANAGEMENT_ACCOUNT_ID, TaskPolicyArn={"arn": TASK_POLICIES + task})
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert error.message == denied_text(stage.principal("management-admin").arn, MANAGEMENT_ACCOUNT_ID)


@pytest.mark.parametrize("caller", ["member-admin", "management-root", "delegated-admin"])
def test_who_administers_nothing_is_refused_as_a_caller(stage: Stage, caller: str) -> None:
    error = refusal(stage, caller)
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert error.message == denied_text(stage.principal(caller).arn, MEMBER)


def test_a_root_session_cannot_open_another(stage: Stage) -> None:
    stage.delegate(SECURITY_ACCOUNT_ID)
    session = stage.root_session(SECURITY_ACCOUNT_ID, "IAMAuditRootUserCredentials")
    parameters = {"TargetPrincipal": MEMBER, "TaskPolicyArn": {"arn": TASK_POLICIES + IAM_TASKS[0]}}
    with pytest.raises(ServiceError) as caught:
        stage.call(session, "sts", "AssumeRoot", **parameters)
    assert caught.value.code == "AccessDenied"


def test_a_delegated_administrator_may_open_root_sessions(stage: Stage) -> None:
    stage.delegate(SECURITY_ACCOUNT_ID)
    session = stage.root_session(MEMBER, "IAMAuditRootUserCredentials", caller="delegated-admin")
    assert session.account_id == MEMBER


def test_a_delegate_of_another_service_may_not(stage: Stage) -> None:
    service = {"ServicePrincipal": "account.amazonaws.com"}
    stage.call("management-admin", "organizations", "EnableAWSServiceAccess", **service)
    parameters = {"AccountId": SECURITY_ACCOUNT_ID} | service
    stage.call("management-admin", "organizations", "RegisterDelegatedAdministrator", **parameters)
    assert refusal(stage, "delegated-admin").message == denied_text(stage.principal("delegated-admin").arn, MEMBER)


@pytest.mark.parametrize("target", ["123456789012", SUSPENDED, "787890901212"])
def test_accounts_outside_the_organization_or_not_active_are_refused(stage: Stage, target: str) -> None:
    error = refusal(stage, TargetPrincipal=target)
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert error.message == denied_text(stage.principal("management-admin").arn, target)


@pytest.mark.parametrize(
    ("features", "denied", "message"),
    [
        ("credentials", UNLOCK_TASKS, SESSIONS_OFF),
        ("sessions", IAM_TASKS, CREDENTIALS_OFF),
        ("all", (), ""),
    ],
)
@pytest.mark.parametrize("task", IAM_TASKS + UNLOCK_TASKS)
def test_each_task_needs_its_feature(features: str, denied: tuple[str, ...], message: str, task: str) -> None:
    stage = Stage(features=features)
    if task not in denied:
        assert stage.root_session(MEMBER, task).task_policy_arn == TASK_POLICIES + task
        return
    error = refusal(stage, TaskPolicyArn={"arn": TASK_POLICIES + task})
    assert (error.code, error.status, error.message) == ("AccessDenied", 403, message)


@pytest.mark.parametrize("task", IAM_TASKS + UNLOCK_TASKS)
def test_with_trusted_access_off_no_task_works_regardless_of_the_features(task: str) -> None:
    stage = Stage(features="all")
    service = {"ServicePrincipal": "iam.amazonaws.com"}
    stage.call("management-admin", "organizations", "DisableAWSServiceAccess", **service)
    error = refusal(stage, TaskPolicyArn={"arn": TASK_POLICIES + task})
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert error.message == "Service not enabled for AWS Organizations."


def test_issued_sessions_outlive_features_trust_and_delegate(stage: Stage) -> None:
    stage.delegate(SECURITY_ACCOUNT_ID)
    session = stage.root_session(MEMBER, "IAMAuditRootUserCredentials", caller="delegated-admin")
    stage.call("management-admin", "iam", "DisableOrganizationsRootCredentialsManagement")
    parameters = {"AccountId": SECURITY_ACCOUNT_ID, "ServicePrincipal": "iam.amazonaws.com"}
    stage.call("management-admin", "organizations", "DeregisterDelegatedAdministrator", **parameters)
    stage.call("management-admin", "organizations", "DisableAWSServiceAccess", ServicePrincipal="iam.amazonaws.com")
    assert stage.call(session, "iam", "GetAccountSummary")["SummaryMap"]["AccountPasswordPresent"] == 1


def test_the_place_in_the_organization_is_checked_before_trust_and_features() -> None:
    stage = Stage()
    assert refusal(stage, "member-admin").message == denied_text(stage.principal("member-admin").arn, MEMBER)
    assert refusal(stage, TargetPrincipal=MANAGEMENT_ACCOUNT_ID).message.startswith("User: ")
    assert refusal(stage).message == "Service not enabled for AWS Organizations."


def test_the_feature_is_checked_before_the_state_of_the_target() -> None:
    stage = Stage(features="sessions")
    assert refusal(stage, TargetPrincipal=SUSPENDED).message == CREDENTIALS_OFF


def test_the_event_names_the_target_and_shows_no_secret(stage: Stage) -> None:
    parameters = {"TargetPrincipal": MEMBER, "TaskPolicyArn": {"arn": TASK_POLICIES + IAM_TASKS[0]}}
    answer = stage.call("management-admin", "sts", "AssumeRoot", **parameters)
    issued = answer["Credentials"]
    assert stage.last_event["resources"][0]["accountId"] == MEMBER
    assert stage.last_event["responseElements"] == {
        "credentials": {
            "accessKeyId": issued["AccessKeyId"],
            "sessionToken": issued["SessionToken"],
            "expiration": "Oct 1, 2026, 12:15:00 PM",
        }
    }
    assert issued["SecretAccessKey"] not in str(stage.last_event)


def test_the_request_is_recorded_under_the_target_and_authorized_on_its_root_user(stage: Stage) -> None:
    served = SERVICES["sts"]["AssumeRoot"]
    arn = f"arn:aws:iam::{MEMBER}:root"
    parameters = {"TargetPrincipal": arn, "TaskPolicyArn": {"arn": TASK_POLICIES + IAM_TASKS[0]}}
    call = stage.make_call("observer", "sts", "AssumeRoot", **parameters)
    assert served.target_account is not None
    assert served.condition_keys is not None
    assert served.target_account(call) == MEMBER
    assert served.resource(call) == arn
    assert served.condition_keys(call) == {"sts:TaskPolicyArn": TASK_POLICIES + IAM_TASKS[0]}
    assert served.denial is not None
    assert served.denial(call) == deny(call)
    assert not served.is_mutating


def test_an_access_key_shows_its_account_even_when_it_is_deleted(stage: Stage) -> None:
    key_id = stage.principal("member-admin").access_key_id
    stage.call("member-admin", "iam", "DeleteAccessKey", AccessKeyId=key_id)
    assert stage.call("observer", "sts", "GetAccessKeyInfo", AccessKeyId=key_id) == {"Account": "777788889999"}


def test_a_text_that_is_no_access_key_has_no_account(stage: Stage) -> None:
    with pytest.raises(ServiceError, match="ValidationError"):
        stage.call("observer", "sts", "GetAccessKeyInfo", AccessKeyId="AKIA0000000000000001")
