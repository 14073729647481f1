"""The error tables of aws-facts A1, B4, D and F and the matrix A4, over real HTTP, and what isn't refused beside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rootkeeper_sandbox.state.accounts import derive_secret_access_key
from tests.sandbox.clients import TASK_POLICIES, TRUST, Caller, callers, root_session_parameters
from tests.sandbox_process import SandboxProcess

MANAGEMENT = "111122223333"
SECURITY = "222233334444"
MEMBER = "888899990000"
CLEAN = "400050006000"
LADEN = "800090001000"
REGULATED = "565678789090"
AUDIT, DELETE, CREATE = "IAMAuditRootUserCredentials", "IAMDeleteRootUserCredentials", "IAMCreateRootUserPassword"
IAM_TASKS = (AUDIT, DELETE, CREATE)
UNLOCK_TASKS = ("S3UnlockBucketPolicy", "SQSUnlockQueuePolicy")
ENABLE_CREDENTIALS = "EnableOrganizationsRootCredentialsManagement"
ENABLE_SESSIONS = "EnableOrganizationsRootSessions"
DISABLE = ("DisableOrganizationsRootCredentialsManagement", "DisableOrganizationsRootSessions")
FEATURE_OPERATIONS = ("ListOrganizationsFeatures", ENABLE_CREDENTIALS, ENABLE_SESSIONS, *DISABLE)


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxProcess]:
    with SandboxProcess.start() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: SandboxProcess) -> SandboxProcess:
    running.reset()
    return running


@pytest.fixture
def who(sandbox: SandboxProcess) -> dict[str, Caller]:
    return callers(sandbox)


def switch_on(who: dict[str, Caller], *operations: str) -> Caller:
    """Turn trusted access on, then features, and give the one who did."""
    administrator = who["management-admin"]
    administrator.call("organizations", "EnableAWSServiceAccess", **TRUST)
    for operation in operations:
        administrator.call("iam", operation)
    return administrator


def delegate(administrator: Caller) -> None:
    administrator.call("organizations", "RegisterDelegatedAdministrator", AccountId=SECURITY, **TRUST)


@pytest.mark.parametrize("operation", FEATURE_OPERATIONS)
def test_a1_permission_comes_before_trust_and_trust_before_the_callers_place(
    who: dict[str, Caller], operation: str
) -> None:
    message = (
        f"User: arn:aws:iam::{MANAGEMENT}:user/observer is not authorized to perform: iam:{operation} on resource: *"
        f" because no identity-based policy allows the iam:{operation} action"
    )
    assert who["observer"].refusal("iam", operation) == ("AccessDenied", 403, message)
    assert who["management-admin"].refusal("iam", operation) == (
        "ServiceAccessNotEnabledException",
        400,
        f"Trusted Access for IAM not enabled by organization of input account {MANAGEMENT}.",
    )
    switch_on(who)
    assert who["member-admin"].refusal("iam", operation) == (
        "AccountNotManagementOrDelegatedAdministratorException",
        400,
        "Input account 777788889999 is neither management account nor delegated admin.",
    )
    assert who["management-admin"].call("iam", operation)["OrganizationId"] == "o-exampleorgid"


@pytest.mark.parametrize("operation", [ENABLE_CREDENTIALS, ENABLE_SESSIONS])
def test_a1_a_delegate_cannot_enable(who: dict[str, Caller], operation: str) -> None:
    delegate(switch_on(who))
    assert who["delegated-admin"].refusal("iam", operation) == (
        "CallerIsNotManagementAccountException",
        400,
        f"Caller account {SECURITY} is not management account of the organization and cannot enable IAM features.",
    )


def test_a1_an_explicit_deny_is_named(who: dict[str, Caller]) -> None:
    document = json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iam:ListOrg*", "Resource": "*"}}
    )
    parameters = {"UserName": "observer", "PolicyName": "no", "PolicyDocument": document}
    who["management-admin"].call("iam", "PutUserPolicy", **parameters)
    _, status, message = who["observer"].refusal("iam", "ListOrganizationsFeatures")
    assert (status, message.endswith("with an explicit deny in an identity-based policy")) == (403, True)


def test_a2_a_delegate_lists_and_disables_and_answers_are_the_whole_state(who: dict[str, Caller]) -> None:
    delegate(switch_on(who, ENABLE_CREDENTIALS, ENABLE_SESSIONS))
    delegated = who["delegated-admin"]
    both = {"RootSessions", "RootCredentialsManagement"}
    assert set(delegated.call("iam", "ListOrganizationsFeatures")["EnabledFeatures"]) == both
    assert delegated.call("iam", DISABLE[0])["EnabledFeatures"] == ["RootSessions"]
    assert delegated.call("iam", DISABLE[0])["EnabledFeatures"] == ["RootSessions"]


def test_a3_trust_off_and_on_keeps_the_features_and_waits_for_the_delegate(who: dict[str, Caller]) -> None:
    administrator = switch_on(who, ENABLE_SESSIONS)
    delegate(administrator)
    assert administrator.refusal("organizations", "DisableAWSServiceAccess", **TRUST) == (
        "ConstraintViolationException",
        400,
        "You have delegated administrator/s for this service. De-register them in order to disable service access.",
    )
    administrator.call("organizations", "DeregisterDelegatedAdministrator", AccountId=SECURITY, **TRUST)
    administrator.call("organizations", "DisableAWSServiceAccess", **TRUST)
    assert administrator.refusal("iam", "ListOrganizationsFeatures")[0] == "ServiceAccessNotEnabledException"
    administrator.call("organizations", "EnableAWSServiceAccess", **TRUST)
    assert administrator.call("iam", "ListOrganizationsFeatures")["EnabledFeatures"] == ["RootSessions"]


@pytest.mark.parametrize(
    ("enabled", "allowed", "message"),
    [
        (
            (ENABLE_CREDENTIALS,),
            IAM_TASKS,
            "Root sessions feature is not enabled for your AWS Organization.",
        ),
        (
            (ENABLE_SESSIONS,),
            UNLOCK_TASKS,
            "Root credentials management feature is not enabled for your AWS Organization.",
        ),
        ((ENABLE_CREDENTIALS, ENABLE_SESSIONS), IAM_TASKS + UNLOCK_TASKS, ""),
    ],
)
def test_a4_each_task_needs_its_feature(
    who: dict[str, Caller], enabled: tuple[str, ...], allowed: tuple[str, ...], message: str
) -> None:
    administrator = switch_on(who, *enabled)
    for task in IAM_TASKS + UNLOCK_TASKS:
        if task in allowed:
            session = administrator.assume_root(MEMBER, task)
            assert session.call("sts", "GetCallerIdentity")["Arn"] == f"arn:aws:iam::{MEMBER}:root"
        else:
            parameters = root_session_parameters(MEMBER, task)
            assert administrator.refusal("sts", "AssumeRoot", **parameters) == ("AccessDenied", 403, message)


def test_a4_with_credentials_management_alone_recovery_works_end_to_end(who: dict[str, Caller]) -> None:
    administrator = switch_on(who, ENABLE_CREDENTIALS)
    create = administrator.assume_root(CLEAN, CREATE)
    assert create.call("iam", "CreateLoginProfile")["LoginProfile"].keys() == {"CreateDate", "PasswordResetRequired"}
    assert create.call("iam", "GetLoginProfile")["LoginProfile"]["PasswordResetRequired"] is False
    administrator.assume_root(CLEAN, DELETE).call("iam", "DeleteLoginProfile")
    assert create.refusal("iam", "GetLoginProfile")[0] == "NoSuchEntity"


ONE_ERROR = "1 validation error detected:"
AT_MOST = "Member must have value less than or equal to"
VALIDATION = [
    (
        {"TargetPrincipal": f"arn:aws:iam::{MEMBER}:user/ana"},
        "Request must contain a valid target principal",
    ),
    (
        {"TaskPolicyArn": {"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}},
        "Request must contain valid AWS managed task policy ARN",
    ),
    (
        {"TaskPolicyArn": {}},
        f"{ONE_ERROR} Value null at 'taskPolicyArn' failed to satisfy constraint: Member must not be null",
    ),
    (
        {"DurationSeconds": 901},
        f"{ONE_ERROR} Value '901' at 'durationSeconds' failed to satisfy constraint: {AT_MOST} 900",
    ),
]


@pytest.mark.parametrize(("changes", "message"), VALIDATION)
@pytest.mark.parametrize("name", ["management-admin", "observer", "member-admin"])
def test_b4_parameters_are_checked_before_any_permission(
    who: dict[str, Caller], name: str, changes: dict[str, Any], message: str
) -> None:
    parameters = root_session_parameters(MEMBER, AUDIT) | changes
    assert who[name].refusal("sts", "AssumeRoot", **parameters) == ("ValidationError", 400, message)


def denied(caller: str, target: str) -> tuple[str, int, str]:
    message = f"User: {caller} is not authorized to perform: sts:AssumeRoot on resource: arn:aws:iam::{target}:root"
    return "AccessDenied", 403, message


def test_b4_a_caller_without_permission_is_denied_in_one_text_without_a_reason(who: dict[str, Caller]) -> None:
    administrator = switch_on(who, ENABLE_CREDENTIALS, ENABLE_SESSIONS)
    parameters = root_session_parameters(MEMBER, AUDIT)
    for name, arn in (
        ("observer", f"arn:aws:iam::{MANAGEMENT}:user/observer"),
        ("member-admin", "arn:aws:iam::777788889999:user/member-admin"),
        ("delegated-admin", f"arn:aws:iam::{SECURITY}:user/delegated-admin"),
        ("management-root", f"arn:aws:iam::{MANAGEMENT}:root"),
    ):
        assert who[name].refusal("sts", "AssumeRoot", **parameters) == denied(arn, MEMBER)
    arn = f"arn:aws:iam::{MANAGEMENT}:user/management-admin"
    for target in (MANAGEMENT, "123456789012", "676789890101"):
        parameters = root_session_parameters(target, AUDIT)
        assert administrator.refusal("sts", "AssumeRoot", **parameters) == denied(arn, target)
    delegate(administrator)
    assert who["delegated-admin"].assume_root(MEMBER, AUDIT).call("iam", "GetAccountSummary")


def test_b4_an_explicit_deny_is_worded_the_same(who: dict[str, Caller]) -> None:
    administrator = switch_on(who, ENABLE_CREDENTIALS)
    deny = {"Effect": "Deny", "Action": "sts:AssumeRoot", "Resource": f"arn:aws:iam::{MEMBER}:root"}
    document = json.dumps({"Version": "2012-10-17", "Statement": deny})
    parameters = {"UserName": "management-admin", "PolicyName": "no", "PolicyDocument": document}
    administrator.call("iam", "PutUserPolicy", **parameters)
    arn = f"arn:aws:iam::{MANAGEMENT}:user/management-admin"
    parameters = root_session_parameters(MEMBER, AUDIT)
    assert administrator.refusal("sts", "AssumeRoot", **parameters) == denied(arn, MEMBER)
    assert administrator.assume_root(CLEAN, AUDIT).call("iam", "GetAccountSummary")


def test_b4_trust_off_is_reported_after_permission(who: dict[str, Caller]) -> None:
    administrator = switch_on(who, ENABLE_CREDENTIALS, ENABLE_SESSIONS)
    administrator.call("organizations", "DisableAWSServiceAccess", **TRUST)
    for task in IAM_TASKS + UNLOCK_TASKS:
        parameters = root_session_parameters(MEMBER, task)
        message = "Service not enabled for AWS Organizations."
        assert administrator.refusal("sts", "AssumeRoot", **parameters) == ("AccessDenied", 403, message)


def test_b4_the_global_endpoint_does_not_know_the_operation(who: dict[str, Caller]) -> None:
    administrator = switch_on(who, ENABLE_CREDENTIALS)
    parameters = root_session_parameters(MEMBER, AUDIT)
    refused = administrator.refusal("sts", "AssumeRoot", "aws-global", **parameters)
    assert refused == ("InvalidAction", 400, "Unknown Operation")
    assert administrator.call("sts", "GetCallerIdentity", "aws-global")["Account"] == MANAGEMENT
    assert administrator.call("sts", "AssumeRoot", "eu-central-1", **parameters)


def test_b6_a_policy_can_tell_tasks_apart(who: dict[str, Caller]) -> None:
    administrator = switch_on(who, ENABLE_CREDENTIALS)
    allow = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoot",
        "Resource": "arn:aws:iam::*:root",
        "Condition": {"ArnEquals": {"sts:TaskPolicyArn": [TASK_POLICIES + AUDIT]}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    parameters = {"UserName": "observer", "PolicyName": "audit", "PolicyDocument": document}
    administrator.call("iam", "PutUserPolicy", **parameters)
    observer = who["observer"]
    assert observer.assume_root(MEMBER, AUDIT).call("iam", "GetAccountSummary")
    arn = f"arn:aws:iam::{MANAGEMENT}:user/observer"
    for task in (DELETE, CREATE):
        parameters = root_session_parameters(MEMBER, task)
        assert observer.refusal("sts", "AssumeRoot", **parameters) == denied(arn, MEMBER)


OUT_OF_TASK = [
    (AUDIT, "DeleteLoginProfile", {}),
    (AUDIT, "CreateLoginProfile", {}),
    (AUDIT, "DeleteAccessKey", {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}),
    (DELETE, "GetAccountSummary", {}),
    (DELETE, "CreateLoginProfile", {}),
    (DELETE, "DeleteVirtualMFADevice", {"SerialNumber": f"arn:aws:iam::{LADEN}:mfa/root-account-mfa-device"}),
    (CREATE, "GetAccountSummary", {}),
    (CREATE, "DeleteLoginProfile", {}),
    (CREATE, "GetUser", {}),
    (AUDIT, "ListAccessKeys", {"UserName": "ana"}),
    (DELETE, "DeleteLoginProfile", {"UserName": "ana"}),
    (AUDIT, "ListUsers", {}),
    ("S3UnlockBucketPolicy", "GetUser", {}),
    ("SQSUnlockQueuePolicy", "GetAccountSummary", {}),
]


@pytest.mark.parametrize(("task", "operation", "parameters"), OUT_OF_TASK)
def test_d_what_is_not_the_sessions_task_is_denied_and_changes_nothing(
    sandbox: SandboxProcess, who: dict[str, Caller], task: str, operation: str, parameters: dict[str, str]
) -> None:
    session = switch_on(who, ENABLE_CREDENTIALS, ENABLE_SESSIONS).assume_root(LADEN, task)
    before = sandbox.root_user(LADEN)
    code, status, message = session.refusal("iam", operation, **parameters)
    assert (code, status) == ("AccessDenied", 403)
    assert message.startswith(f"User: arn:aws:iam::{LADEN}:root is not authorized to perform: iam:{operation}")
    assert "explicit deny" in message
    assert sandbox.root_user(LADEN) == before


def test_d_everything_is_deleted_and_read_back_as_absent(sandbox: SandboxProcess, who: dict[str, Caller]) -> None:
    administrator = switch_on(who, ENABLE_CREDENTIALS)
    audit, delete = administrator.assume_root(LADEN, AUDIT), administrator.assume_root(LADEN, DELETE)
    summary = audit.call("iam", "GetAccountSummary")["SummaryMap"]
    assert summary["AccountPasswordPresent"] == summary["AccountSigningCertificatesPresent"] == 1
    user = audit.call("iam", "GetUser")["User"]
    assert user.keys() == {"UserId", "Arn", "CreateDate", "PasswordLastUsed"}
    for key in delete.call("iam", "ListAccessKeys")["AccessKeyMetadata"]:
        assert key.keys() == {"AccessKeyId", "Status", "CreateDate"}
        used = delete.call("iam", "GetAccessKeyLastUsed", AccessKeyId=key["AccessKeyId"])
        assert used["AccessKeyLastUsed"].keys() == {"LastUsedDate", "ServiceName", "Region"}
        delete.call("iam", "DeleteAccessKey", AccessKeyId=key["AccessKeyId"])
    for certificate in delete.call("iam", "ListSigningCertificates")["Certificates"]:
        assert certificate.keys() == {"CertificateId", "CertificateBody", "Status", "UploadDate"}
        delete.call("iam", "DeleteSigningCertificate", CertificateId=certificate["CertificateId"])
    delete.call("iam", "DeleteLoginProfile")
    for device in delete.call("iam", "ListMFADevices")["MFADevices"]:
        assert device.keys() == {"SerialNumber", "EnableDate"}
        delete.call("iam", "DeactivateMFADevice", SerialNumber=device["SerialNumber"])
    summary = audit.call("iam", "GetAccountSummary")["SummaryMap"]
    assert [value for key, value in summary.items() if key.startswith("Account")] == [0, 0, 0, 0]
    assert delete.call("iam", "ListAccessKeys") == {"AccessKeyMetadata": [], "IsTruncated": False}
    root_user = sandbox.root_user(LADEN)
    assert not any(root_user[kind] for kind in ("password", "access_keys", "signing_certificates", "mfa_devices"))


MISSING = [
    ("GetLoginProfile", {}, 404, "NoSuchEntity", "Login Profile for User null cannot be found."),
    ("DeleteLoginProfile", {}, 404, "NoSuchEntity", "Login Profile for User null cannot be found."),
    ("DeleteAccessKey", {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}, 404, "NoSuchEntity", ""),
    ("DeactivateMFADevice", {"SerialNumber": "GAHT12345678"}, 404, "NoSuchEntity", ""),
    ("DeleteSigningCertificate", {"CertificateId": "TA7SMP42TDN5Z26OBPJE7EXAMPLE"}, 404, "NoSuchEntity", ""),
]


@pytest.mark.parametrize(("operation", "parameters", "status", "code", "message"), MISSING)
def test_d_what_is_not_there_is_no_such_entity(
    who: dict[str, Caller], operation: str, parameters: dict[str, str], status: int, code: str, message: str
) -> None:
    session = switch_on(who, ENABLE_CREDENTIALS).assume_root(CLEAN, DELETE)
    found = session.refusal("iam", operation, **parameters)
    assert found[:2] == (code, status)
    assert message in found[2]


def test_d_an_existing_login_profile_is_worded_as_observed(who: dict[str, Caller]) -> None:
    session = switch_on(who, ENABLE_CREDENTIALS).assume_root(LADEN, CREATE)
    expected = ("EntityAlreadyExists", 409, f"Login Profile for account {LADEN} already exists.")
    assert session.refusal("iam", "CreateLoginProfile") == expected


def test_d_the_same_calls_signed_by_the_operator_hit_the_operators_own_key(who: dict[str, Caller]) -> None:
    operator = who["management-admin"]
    keys = operator.call("iam", "ListAccessKeys")["AccessKeyMetadata"]
    assert [(key["UserName"], key["AccessKeyId"]) for key in keys] == [("management-admin", operator.access_key_id)]
    operator.call("iam", "DeleteAccessKey", AccessKeyId=operator.access_key_id)
    assert operator.refusal("sts", "GetCallerIdentity")[:2] == ("InvalidClientTokenId", 403)


def test_h_an_scp_that_does_not_exempt_root_sessions_blocks_them_but_not_assume_root(who: dict[str, Caller]) -> None:
    session = switch_on(who, ENABLE_CREDENTIALS).assume_root(REGULATED, AUDIT)
    assert session.call("sts", "GetCallerIdentity")["Arn"] == f"arn:aws:iam::{REGULATED}:root"
    code, status, message = session.refusal("iam", "GetAccountSummary")
    assert (code, status) == ("AccessDenied", 403)
    assert "with an explicit deny in a service control policy" in message


def test_h_with_the_exemption_root_sessions_work_and_root_keys_do_not(
    sandbox: SandboxProcess, who: dict[str, Caller]
) -> None:
    deny = {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {
            "ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::*:root"]},
            "Null": {"aws:AssumedRoot": "true"},
        },
    }
    policy = {
        "name": "DenyLongTermRoot",
        "type": "SERVICE_CONTROL_POLICY",
        "content": {"Version": "2012-10-17", "Statement": [deny]},
        "targets": [LADEN],
    }
    sandbox.create_policy(policy)
    assert switch_on(who, ENABLE_CREDENTIALS).assume_root(LADEN, AUDIT).call("iam", "GetAccountSummary")
    key_id = sandbox.root_user(LADEN)["access_keys"][0]["access_key_id"]
    long_term = Caller(sandbox.base_url, key_id, derive_secret_access_key(key_id, "demo"))
    assert long_term.call("sts", "GetCallerIdentity")["Arn"] == f"arn:aws:iam::{LADEN}:root"
    assert "service control policy" in long_term.refusal("iam", "GetAccountSummary")[2]


def test_a_role_session_works_over_the_wire_and_carries_its_source_identity(who: dict[str, Caller]) -> None:
    administrator = switch_on(who, ENABLE_CREDENTIALS)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": MANAGEMENT},
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = administrator.call("iam", "CreateRole", RoleName="Audit", AssumeRolePolicyDocument=document)["Role"]
    session = administrator.assume_role(role["Arn"], SourceIdentity="ana@example.com")
    assert session.call("sts", "GetCallerIdentity")["Arn"].endswith("assumed-role/Audit/tests")
    assert session.refusal("iam", "GetAccountSummary")[0] == "AccessDenied"
    allow = {"Effect": "Allow", "Action": "sts:AssumeRoot", "Resource": "*"}
    parameters = {"PolicyName": "open", "PolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": [allow]})}
    administrator.call("iam", "PutRolePolicy", RoleName="Audit", **parameters)
    answer = session.call("sts", "AssumeRoot", **root_session_parameters(MEMBER, AUDIT))
    assert answer["SourceIdentity"] == "ana@example.com"
    assert session.refusal("iam", "GetUser")[2] == "Must specify userName when calling with non-User credentials"


def test_b9_events_show_the_session_in_both_accounts(sandbox: SandboxProcess, who: dict[str, Caller]) -> None:
    administrator = switch_on(who, ENABLE_CREDENTIALS)
    session = administrator.assume_root(CLEAN, CREATE)
    session.call("iam", "CreateLoginProfile")
    opened = next(event for event in sandbox.events(MANAGEMENT) if event["eventName"] == "AssumeRoot")
    assert opened["requestParameters"] == {
        "targetPrincipal": CLEAN,
        "taskPolicyArn": {"arn": TASK_POLICIES + CREATE},
    }
    assert opened["resources"][0]["accountId"] == CLEAN
    assert opened["responseElements"]["credentials"]["accessKeyId"] == session.access_key_id
    used = next(event for event in sandbox.events(CLEAN) if event["eventName"] == "CreateLoginProfile")
    assert used["userIdentity"]["accessKeyId"] == session.access_key_id
    assert used["userIdentity"]["sessionContext"]["assumedRoot"] == "true"
    assert used["responseElements"]["loginProfile"]["passwordResetRequired"] is False


def test_expired_root_sessions_are_refused_by_the_sandboxs_clock(
    sandbox: SandboxProcess, who: dict[str, Caller]
) -> None:
    session = switch_on(who, ENABLE_CREDENTIALS).assume_root(MEMBER, AUDIT)
    sandbox.clock(870)
    assert session.call("iam", "GetAccountSummary")
    sandbox.clock(31)
    assert session.refusal("iam", "GetAccountSummary")[0] == "ExpiredToken"


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"MaxResults": 0}, "MIN_VALUE_EXCEEDED"),
        ({"MaxResults": 21}, "MAX_VALUE_EXCEEDED"),
        ({"NextToken": ""}, "INVALID_NEXT_TOKEN"),
        ({"NextToken": "nonsense"}, "INVALID_NEXT_TOKEN"),
    ],
)
def test_f_bounds_and_tokens_are_checked(who: dict[str, Caller], parameters: dict[str, Any], reason: str) -> None:
    client = who["management-admin"].client("organizations")
    with pytest.raises(ClientError) as caught:
        client.list_accounts(**parameters)
    response: dict[str, Any] = {**caught.value.response}
    assert response["Error"]["Code"] == "InvalidInputException"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["Reason"] == reason


def test_f_paginators_find_every_account_once(who: dict[str, Caller]) -> None:
    client = who["management-admin"].client("organizations")
    pages = list(client.get_paginator("list_accounts").paginate())
    assert [len(page["Accounts"]) for page in pages] == [20, 6]
    assert len({account["Id"] for page in pages for account in page["Accounts"]}) == 26


def test_f_members_and_strangers_to_a_permission_are_refused_with_400(who: dict[str, Caller]) -> None:
    code, status, message = who["member-admin"].refusal("organizations", "ListAccounts")
    assert (code, status) == ("AccessDeniedException", 400)
    assert message == "You don't have permissions to access this resource."
    code, status, message = who["observer"].refusal("organizations", "ListAccounts")
    assert (code, status) == ("AccessDeniedException", 400)
    assert "no identity-based policy allows the organizations:ListAccounts action" in message
