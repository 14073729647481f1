"""Credentials of root users and IAM users, and whose they are when no name is given. Source: aws-facts D."""

from __future__ import annotations

from typing import Any

import pytest

from rootkeeper_sandbox.exchange import Principal, PrincipalKind, ServiceError
from rootkeeper_sandbox.services.iam_credentials import OPERATIONS
from rootkeeper_sandbox.services.registry import SERVICES
from tests.sandbox.calling import START, Stage

CLEAN = "400050006000"
LADEN = "800090001000"
KEY_ID = "AKIAIOSFODNN7EXAMPLE"
CERTIFICATE_ID = "TA7SMP42TDN5Z26OBPJE7EXAMPLE"
MFA_ARN = f"arn:aws:iam::{CLEAN}:mfa/root-account-mfa-device"
ROLE_SESSION = Principal(
    PrincipalKind.ROLE_SESSION,
    f"arn:aws:sts::{CLEAN}:assumed-role/Auditor/ana",
    CLEAN,
    "AROAEXAMPLE:ana",
    "ASIAIOSFODNN7EXAMPLE",
    "Auditor",
)


@pytest.fixture
def stage() -> Stage:
    return Stage(features="all")


@pytest.fixture
def audit(stage: Stage) -> Principal:
    """A root session in the laden account."""
    return stage.root_session(LADEN, "IAMAuditRootUserCredentials")


@pytest.fixture
def clean_root(stage: Stage) -> Principal:
    """A root session in the clean account."""
    return stage.root_session(CLEAN, "IAMDeleteRootUserCredentials")


def refusal(stage: Stage, caller: str | Principal, operation: str, **parameters: Any) -> tuple[str, int, str]:
    with pytest.raises(ServiceError) as caught:
        stage.call(caller, "iam", operation, **parameters)
    return caught.value.code, caught.value.status, caught.value.message


def test_the_root_user_has_neither_name_nor_path(stage: Stage, clean_root: Principal) -> None:
    user = stage.call(clean_root, "iam", "GetUser")["User"]
    assert user.keys() == {"UserId", "Arn", "CreateDate"}
    assert (user["UserId"], user["Arn"]) == (CLEAN, f"arn:aws:iam::{CLEAN}:root")


def test_a_used_root_password_shows_its_last_use(stage: Stage, audit: Principal) -> None:
    assert stage.call(audit, "iam", "GetUser")["User"]["PasswordLastUsed"] < START


def test_nothing_in_a_laden_root_user_carries_a_user_name(stage: Stage, audit: Principal) -> None:
    answers = [
        stage.call(audit, "iam", operation)
        for operation in ("GetLoginProfile", "ListAccessKeys", "ListMFADevices", "ListSigningCertificates")
    ]
    assert "UserName" not in str(answers)
    assert [
        len(answer.get(name, []))
        for answer, name in zip(answers[1:], ("AccessKeyMetadata", "MFADevices", "Certificates"), strict=True)
    ] == [2, 1, 1]


def test_a_login_profile_is_allowed_found_and_deleted(stage: Stage) -> None:
    session = stage.root_session(CLEAN, "IAMCreateRootUserPassword")
    expected = {"LoginProfile": {"CreateDate": START, "PasswordResetRequired": False}}
    assert stage.call(session, "iam", "CreateLoginProfile") == expected
    assert stage.last_event["responseElements"] == {
        "loginProfile": {"createDate": "Oct 1, 2026, 12:00:00 PM", "passwordResetRequired": False}
    }
    assert stage.call(session, "iam", "GetLoginProfile") == expected
    assert stage.call(session, "iam", "DeleteLoginProfile") == {}
    assert refusal(stage, session, "GetLoginProfile")[0] == "NoSuchEntity"


def test_a_missing_login_profile_is_worded_as_observed(stage: Stage, clean_root: Principal) -> None:
    expected = ("NoSuchEntity", 404, "Login Profile for User null cannot be found.")
    assert refusal(stage, clean_root, "GetLoginProfile") == expected
    assert refusal(stage, clean_root, "DeleteLoginProfile") == expected


def test_an_existing_login_profile_is_worded_as_observed(stage: Stage) -> None:
    session = stage.root_session(LADEN, "IAMCreateRootUserPassword")
    expected = ("EntityAlreadyExists", 409, f"Login Profile for account {LADEN} already exists.")
    assert refusal(stage, session, "CreateLoginProfile") == expected


def test_a_root_session_must_not_send_a_password(stage: Stage) -> None:
    session = stage.root_session(CLEAN, "IAMCreateRootUserPassword")
    assert refusal(stage, session, "CreateLoginProfile", Password="correct horse")[:2] == ("ValidationError", 400)
    assert stage.world.account(CLEAN).root_user.login_profile is None


def test_anyone_else_must_send_one_that_is_long_enough(stage: Stage) -> None:
    code, status, message = refusal(stage, "member-admin", "CreateLoginProfile")
    assert (code, status) == ("ValidationError", 400)
    assert "Value null at 'password'" in message
    assert refusal(stage, "member-admin", "CreateLoginProfile", Password="short")[:2] == (
        "PasswordPolicyViolation",
        400,
    )


def test_the_summary_counts_a_login_profile_before_any_password_is_set(stage: Stage) -> None:
    audit = stage.root_session(CLEAN, "IAMAuditRootUserCredentials")
    assert stage.call(audit, "iam", "GetAccountSummary")["SummaryMap"]["AccountPasswordPresent"] == 0
    stage.call(stage.root_session(CLEAN, "IAMCreateRootUserPassword"), "iam", "CreateLoginProfile")
    assert stage.call(audit, "iam", "GetAccountSummary")["SummaryMap"]["AccountPasswordPresent"] == 1
    root_user = stage.world.account(CLEAN).root_user
    assert (root_user.has_password, root_user.is_recovery_allowed) == (False, True)


def test_the_summary_has_every_key_that_was_observed(stage: Stage, audit: Principal) -> None:
    summary = stage.call(audit, "iam", "GetAccountSummary")["SummaryMap"]
    root_keys = (
        "AccountAccessKeysPresent",
        "AccountMFAEnabled",
        "AccountPasswordPresent",
        "AccountSigningCertificatesPresent",
    )
    assert [summary[key] for key in root_keys] == [1, 1, 1, 1]
    assert len(summary) == 34
    assert (summary["UsersQuota"], summary["GlobalEndpointTokenVersion"]) == (5000, 1)


def test_the_management_accounts_own_summary_shows_its_root_user(stage: Stage) -> None:
    summary = stage.call("management-admin", "iam", "GetAccountSummary")["SummaryMap"]
    assert (summary["AccountMFAEnabled"], summary["Users"]) == (1, 2)


def test_everything_of_a_root_user_can_be_deleted_and_the_summary_is_empty(stage: Stage, audit: Principal) -> None:
    delete = stage.root_session(LADEN, "IAMDeleteRootUserCredentials")
    for key in stage.call(delete, "iam", "ListAccessKeys")["AccessKeyMetadata"]:
        stage.call(delete, "iam", "DeleteAccessKey", AccessKeyId=key["AccessKeyId"])
    for certificate in stage.call(delete, "iam", "ListSigningCertificates")["Certificates"]:
        stage.call(delete, "iam", "DeleteSigningCertificate", CertificateId=certificate["CertificateId"])
    stage.call(delete, "iam", "DeleteLoginProfile")
    for device in stage.call(delete, "iam", "ListMFADevices")["MFADevices"]:
        stage.call(delete, "iam", "DeactivateMFADevice", SerialNumber=device["SerialNumber"])
    summary = stage.call(audit, "iam", "GetAccountSummary")["SummaryMap"]
    assert [value for key, value in summary.items() if key.startswith("Account")] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("operation", "parameters", "message"),
    [
        ("DeleteAccessKey", {"AccessKeyId": KEY_ID}, f"The Access Key with id {KEY_ID} cannot be found."),
        (
            "DeleteSigningCertificate",
            {"CertificateId": CERTIFICATE_ID},
            f"The Certificate with id {CERTIFICATE_ID} cannot be found.",
        ),
        ("DeactivateMFADevice", {"SerialNumber": MFA_ARN}, "MFA Device invalid for user."),
    ],
)
def test_deleting_what_is_not_there_is_no_such_entity(
    stage: Stage, clean_root: Principal, operation: str, parameters: dict[str, str], message: str
) -> None:
    assert refusal(stage, clean_root, operation, **parameters) == ("NoSuchEntity", 404, message)


def test_a_key_of_another_account_cannot_be_deleted(stage: Stage, clean_root: Principal) -> None:
    key_id = next(iter(stage.world.account(LADEN).root_user.access_keys))
    assert refusal(stage, clean_root, "DeleteAccessKey", AccessKeyId=key_id)[0] == "NoSuchEntity"
    assert key_id in stage.world.account(LADEN).root_user.access_keys


def test_a_deleted_key_no_longer_proves_an_identity(stage: Stage) -> None:
    delete = stage.root_session(LADEN, "IAMDeleteRootUserCredentials")
    key_id = next(iter(stage.world.account(LADEN).root_user.access_keys))
    assert stage.principal_of(key_id).kind is PrincipalKind.ROOT_USER
    stage.call(delete, "iam", "DeleteAccessKey", AccessKeyId=key_id)
    assert stage.world.find_credential(key_id) is None


def test_the_last_use_of_a_key_is_reported_or_not_available(stage: Stage) -> None:
    used = stage.root_session("999900001111", "IAMAuditRootUserCredentials")
    unused = stage.root_session("600070008000", "IAMAuditRootUserCredentials")
    for session, is_used in ((used, True), (unused, False)):
        key_id = stage.call(session, "iam", "ListAccessKeys")["AccessKeyMetadata"][0]["AccessKeyId"]
        answer = stage.call(session, "iam", "GetAccessKeyLastUsed", AccessKeyId=key_id)
        assert "UserName" not in answer
        assert ("LastUsedDate" in answer["AccessKeyLastUsed"]) is is_used
        assert answer["AccessKeyLastUsed"]["ServiceName"] == ("s3" if is_used else "N/A")
        assert answer["AccessKeyLastUsed"]["Region"] == ("us-east-1" if is_used else "N/A")


def test_the_last_use_of_a_foreign_key_is_denied(stage: Stage, clean_root: Principal) -> None:
    key_id = next(iter(stage.world.account(LADEN).root_user.access_keys))
    assert refusal(stage, clean_root, "GetAccessKeyLastUsed", AccessKeyId=key_id)[:2] == ("AccessDenied", 403)


def test_the_last_use_of_a_users_key_is_authorized_on_the_user(stage: Stage) -> None:
    session = stage.root_session("777788889999", "IAMAuditRootUserCredentials")
    key_id = stage.principal("member-admin").access_key_id
    call = stage.make_call(session, "iam", "GetAccessKeyLastUsed", AccessKeyId=key_id)
    assert OPERATIONS["GetAccessKeyLastUsed"].resource(call) == "arn:aws:iam::777788889999:user/member-admin"


def test_the_same_calls_signed_by_the_operator_hit_the_operators_own_credentials(stage: Stage) -> None:
    operator = stage.principal("management-admin")
    keys = stage.call("management-admin", "iam", "ListAccessKeys")["AccessKeyMetadata"]
    assert [(key["UserName"], key["AccessKeyId"]) for key in keys] == [("management-admin", operator.access_key_id)]
    stage.call(operator, "iam", "DeleteAccessKey", AccessKeyId=operator.access_key_id)
    assert stage.world.find_credential(operator.access_key_id) is None
    assert "management-admin" not in [one["name"] for one in stage.world.principals()]


def test_a_user_described_by_itself_has_a_name(stage: Stage) -> None:
    user = stage.call("member-admin", "iam", "GetUser")["User"]
    assert (user["UserName"], user["Path"], user["UserId"][:4]) == ("member-admin", "/", "AIDA")


def test_a_root_user_with_a_key_of_its_own_acts_on_itself(stage: Stage) -> None:
    user = stage.call("management-root", "iam", "GetUser")["User"]
    assert (user["UserId"], "UserName" in user) == ("111122223333", False)


def test_the_users_messages_carry_the_users_name(stage: Stage) -> None:
    assert (
        refusal(stage, "member-admin", "GetLoginProfile")[2] == "Login Profile for User member-admin cannot be found."
    )
    stage.call("member-admin", "iam", "CreateLoginProfile", Password="correct horse battery")
    assert refusal(stage, "member-admin", "CreateLoginProfile", Password="correct horse battery")[2] == (
        "Login Profile for user member-admin already exists."
    )


@pytest.mark.parametrize(
    "operation", ["GetUser", "ListAccessKeys", "ListMFADevices", "ListSigningCertificates", "GetLoginProfile"]
)
def test_a_role_session_must_name_the_user(stage: Stage, operation: str) -> None:
    message = "Must specify userName when calling with non-User credentials"
    assert refusal(stage, ROLE_SESSION, operation) == ("ValidationError", 400, message)


def test_an_unknown_user_is_no_such_entity(stage: Stage) -> None:
    assert refusal(stage, "member-admin", "ListAccessKeys", UserName="unknown") == (
        "NoSuchEntity",
        404,
        "The user with name unknown cannot be found.",
    )


@pytest.mark.parametrize(
    "operation",
    sorted(
        OPERATIONS.keys()
        - {"CreateVirtualMFADevice", "DeleteVirtualMFADevice", "GetAccessKeyLastUsed", "ListVirtualMFADevices"}
    ),
)
def test_a_root_session_is_authorized_on_the_root_user_or_on_the_user_it_names(
    stage: Stage, audit: Principal, operation: str
) -> None:
    resource = SERVICES["iam"][operation].resource
    assert resource(stage.make_call(audit, "iam", operation)) == f"arn:aws:iam::{LADEN}:root"
    named = stage.make_call(audit, "iam", operation, UserName="ana")
    assert resource(named) == f"arn:aws:iam::{LADEN}:user/ana"


def test_a_virtual_device_is_deleted_only_after_it_was_deactivated(stage: Stage) -> None:
    session = stage.root_session("555566667777", "IAMDeleteRootUserCredentials")
    serial = next(iter(stage.world.account("555566667777").root_user.mfa_devices))
    assert refusal(stage, session, "DeleteVirtualMFADevice", SerialNumber=serial)[:2] == ("DeleteConflict", 409)
    stage.call(session, "iam", "DeactivateMFADevice", SerialNumber=serial)
    stage.call(session, "iam", "DeleteVirtualMFADevice", SerialNumber=serial)
    assert refusal(stage, session, "DeleteVirtualMFADevice", SerialNumber=serial)[:2] == ("NoSuchEntity", 404)


def test_a_long_listing_comes_in_pages_whose_markers_fit_only_there(stage: Stage) -> None:
    keys = [{"access_key_id": f"AKIAEXAMPLE{number:09}"} for number in range(5)]
    stage.world.put_root_user(CLEAN, {"access_keys": keys})
    session = stage.root_session(CLEAN, "IAMAuditRootUserCredentials")
    found: list[str] = []
    marker: dict[str, Any] = {}
    for _ in range(3):
        page = stage.call(session, "iam", "ListAccessKeys", MaxItems=2, **marker)
        found += [key["AccessKeyId"] for key in page["AccessKeyMetadata"]]
        marker = {"Marker": page.get("Marker")}
    assert found == [key["access_key_id"] for key in keys]
    assert (page["IsTruncated"], marker) == (False, {"Marker": None})
    first = stage.call(session, "iam", "ListAccessKeys", MaxItems=2)["Marker"]
    assert refusal(stage, session, "ListMFADevices", Marker=first)[:2] == ("ValidationError", 400)
    assert refusal(stage, session, "ListAccessKeys", Marker="nonsense")[:2] == ("ValidationError", 400)
