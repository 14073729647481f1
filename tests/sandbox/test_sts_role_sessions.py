"""AssumeRole: both sides must allow, and what the session carries."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from rootkeeper_sandbox.clock import step_of, totp_code
from rootkeeper_sandbox.exchange import Principal, PrincipalKind, ServiceError
from tests.sandbox.calling import START, Stage

MANAGEMENT = "111122223333"
MEMBER = "777788889999"
ROLE_ARN = f"arn:aws:iam::{MANAGEMENT}:role/audit/RootkeeperAudit"
ADMIN_ARN = f"arn:aws:iam::{MANAGEMENT}:user/management-admin"
OBSERVER_ARN = f"arn:aws:iam::{MANAGEMENT}:user/observer"


def trust(principal: str, *, action: str | list[str] = "sts:AssumeRole", **statement: Any) -> str:
    element = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action} | statement
    return json.dumps({"Version": "2012-10-17", "Statement": [element]})


def stage_with_role(trust_policy: str, **parameters: Any) -> Stage:
    stage = Stage(features="all")
    stage.call(
        "management-admin",
        "iam",
        "CreateRole",
        RoleName="RootkeeperAudit",
        Path="/audit/",
        AssumeRolePolicyDocument=trust_policy,
        **parameters,
    )
    return stage


def assume(stage: Stage, caller: str | Principal, role_arn: str = ROLE_ARN, **parameters: Any) -> dict[str, Any]:
    return stage.call(caller, "sts", "AssumeRole", RoleArn=role_arn, RoleSessionName="ana", **parameters)


def refusal(stage: Stage, caller: str | Principal, role_arn: str = ROLE_ARN, **parameters: Any) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        assume(stage, caller, role_arn, **parameters)
    return caught.value


def session_of(stage: Stage, answer: dict[str, Any]) -> Principal:
    return stage.principal_of(answer["Credentials"]["AccessKeyId"])


def test_a_role_session_is_named_after_role_and_session() -> None:
    stage = stage_with_role(trust(MANAGEMENT))
    answer = assume(stage, "management-admin")
    session = session_of(stage, answer)
    assert session.kind is PrincipalKind.ROLE_SESSION
    assert session.arn == f"arn:aws:sts::{MANAGEMENT}:assumed-role/RootkeeperAudit/ana"
    assert answer["AssumedRoleUser"] == {"AssumedRoleId": session.user_id, "Arn": session.arn}
    assert answer["Credentials"]["Expiration"] == START + timedelta(hours=1)
    assert session.role_arn == ROLE_ARN


def test_the_session_has_the_roles_permissions_and_no_others() -> None:
    stage = stage_with_role(trust(MANAGEMENT))
    session = session_of(stage, assume(stage, "management-admin"))
    assert stage.world.identity_policies(session) == ()
    document = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRoot","Resource":"*"}}'
    parameters = {"RoleName": "RootkeeperAudit", "PolicyName": "open", "PolicyDocument": document}
    stage.call("management-admin", "iam", "PutRolePolicy", **parameters)
    assert stage.world.identity_policies(session) == (document,)


def test_naming_the_account_needs_the_callers_own_permission_too() -> None:
    stage = stage_with_role(trust(MANAGEMENT))
    error = refusal(stage, "observer")
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert error.message == (
        f"User: {OBSERVER_ARN} is not authorized to perform: sts:AssumeRole on resource: {ROLE_ARN}"
    )


def test_naming_the_user_of_the_same_account_is_enough() -> None:
    stage = stage_with_role(trust(OBSERVER_ARN))
    assert session_of(stage, assume(stage, "observer")).identity_name == "RootkeeperAudit"


def test_an_own_deny_beats_a_trust_that_names_the_user() -> None:
    stage = stage_with_role(trust(OBSERVER_ARN))
    document = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"sts:*","Resource":"*"}}'
    parameters = {"UserName": "observer", "PolicyName": "no", "PolicyDocument": document}
    stage.call("management-admin", "iam", "PutUserPolicy", **parameters)
    assert refusal(stage, "observer").code == "AccessDenied"


def test_whom_the_trust_policy_does_not_name_is_refused() -> None:
    stage = stage_with_role(trust(OBSERVER_ARN))
    assert refusal(stage, "management-admin").code == "AccessDenied"


def test_across_accounts_both_sides_must_allow() -> None:
    stage = stage_with_role(trust(f"arn:aws:iam::{MEMBER}:root"))
    assert session_of(stage, assume(stage, "member-admin")).account_id == MANAGEMENT
    assert refusal(stage, "delegated-admin").code == "AccessDenied"


@pytest.mark.parametrize(
    "role_arn",
    [
        f"arn:aws:iam::{MANAGEMENT}:role/RootkeeperAudit",
        f"arn:aws:iam::{MANAGEMENT}:role/audit/Other",
        "arn:aws:iam::123456789012:role/audit/RootkeeperAudit",
        f"arn:aws:iam::{MANAGEMENT}:user/management-admin",
    ],
)
def test_a_role_that_does_not_exist_is_refused_like_a_forbidden_one(role_arn: str) -> None:
    stage = stage_with_role(trust(MANAGEMENT))
    error = refusal(stage, "management-admin", role_arn)
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert error.message.endswith(f"sts:AssumeRole on resource: {role_arn}")


def test_a_root_user_cannot_assume_a_role() -> None:
    stage = stage_with_role(trust(MANAGEMENT))
    error = refusal(stage, "management-root")
    assert (error.code, error.status, error.message) == (
        "AccessDenied",
        403,
        "Roles may not be assumed by root accounts.",
    )


def test_a_root_session_cannot_assume_a_role() -> None:
    stage = stage_with_role(trust("*"))
    session = stage.root_session(MEMBER, "IAMAuditRootUserCredentials")
    assert refusal(stage, session).code == "AccessDenied"


def test_the_external_id_must_be_the_one_that_the_trust_policy_asks_for() -> None:
    condition = {"StringEquals": {"sts:ExternalId": "example-id"}}
    stage = stage_with_role(trust(MANAGEMENT, Condition=condition))
    assert refusal(stage, "management-admin").code == "AccessDenied"
    assert refusal(stage, "management-admin", ExternalId="another").code == "AccessDenied"
    assert assume(stage, "management-admin", ExternalId="example-id")


def test_a_source_identity_needs_its_own_permission() -> None:
    stage = stage_with_role(trust(MANAGEMENT))
    error = refusal(stage, "management-admin", SourceIdentity="ana@example.com")
    assert "sts:SetSourceIdentity" in error.message


def test_a_source_identity_is_carried_into_chained_and_root_sessions_and_cannot_change() -> None:
    stage = stage_with_role(trust(MANAGEMENT, action=["sts:AssumeRole", "sts:SetSourceIdentity"]))
    stage.call(
        "management-admin",
        "iam",
        "AttachRolePolicy",
        RoleName="RootkeeperAudit",
        PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess",
    )
    answer = assume(stage, "management-admin", SourceIdentity="ana@example.com")
    assert answer["SourceIdentity"] == "ana@example.com"
    session = session_of(stage, answer)
    chained = session_of(stage, assume(stage, session))
    assert chained.source_identity == "ana@example.com"
    assert "sts:SetSourceIdentity" in refusal(stage, session, SourceIdentity="ben@example.com").message
    root = stage.call(
        chained,
        "sts",
        "AssumeRoot",
        TargetPrincipal=MEMBER,
        TaskPolicyArn={"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"},
    )
    assert root["SourceIdentity"] == "ana@example.com"


def test_a_session_lasts_no_longer_than_the_role_and_chaining_allow() -> None:
    stage = stage_with_role(trust(MANAGEMENT), MaxSessionDuration=7200)
    stage.call(
        "management-admin",
        "iam",
        "AttachRolePolicy",
        RoleName="RootkeeperAudit",
        PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess",
    )
    answer = assume(stage, "management-admin", DurationSeconds=7200)
    assert answer["Credentials"]["Expiration"] == START + timedelta(hours=2)
    assert "MaxSessionDuration" in refusal(stage, "management-admin", DurationSeconds=7201).message
    assert "role chaining" in refusal(stage, session_of(stage, answer), DurationSeconds=3601).message


def test_what_would_narrow_the_session_is_refused_rather_than_ignored() -> None:
    stage = stage_with_role(trust(MANAGEMENT))
    error = refusal(stage, "management-admin", Policy="{}")
    assert (error.code, error.status) == ("ValidationError", 400)
    assert "Policy" in error.message


def test_the_event_names_role_and_session() -> None:
    stage = stage_with_role(trust(MANAGEMENT))
    assume(stage, "management-admin")
    assert stage.last_event["resources"][0]["ARN"] == ROLE_ARN
    assert stage.last_event["responseElements"]["assumedRoleUser"]["arn"].endswith("RootkeeperAudit/ana")


def test_a_deleted_role_leaves_its_sessions_without_permissions() -> None:
    stage = stage_with_role(trust(MANAGEMENT))
    session = session_of(stage, assume(stage, "management-admin"))
    stage.call("management-admin", "iam", "DeleteRole", RoleName="RootkeeperAudit")
    assert stage.world.identity_policies(session) == ()


def test_the_administrators_own_arn_is_what_the_story_says() -> None:
    assert Stage().principal("management-admin").arn == ADMIN_ARN


MFA_ARN = f"arn:aws:iam::{MANAGEMENT}:mfa/management-admin"
NEEDS_MFA: dict[str, Any] = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}


def stage_with_mfa() -> tuple[Stage, str]:
    """A role that asks for MFA, and the seed of the user's device."""
    stage = stage_with_role(trust(ADMIN_ARN, **NEEDS_MFA))
    made = stage.call("management-admin", "iam", "CreateVirtualMFADevice", VirtualMFADeviceName="management-admin")
    seed: str = made["VirtualMFADevice"]["Base32StringSeed"].decode()
    step = step_of(stage.now)
    codes = {"AuthenticationCode1": totp_code(seed, step - 1), "AuthenticationCode2": totp_code(seed, step)}
    named = {"UserName": "management-admin", "SerialNumber": MFA_ARN}
    stage.call("management-admin", "iam", "EnableMFADevice", **named, **codes)
    return stage, seed


def test_a_role_that_asks_for_mfa_is_assumed_with_a_code_and_not_without() -> None:
    stage, seed = stage_with_mfa()
    assert refusal(stage, "management-admin").code == "AccessDenied"
    code = totp_code(seed, step_of(stage.now) + 1)
    session = session_of(stage, assume(stage, "management-admin", SerialNumber=MFA_ARN, TokenCode=code))
    assert session.kind is PrincipalKind.ROLE_SESSION
    assert session.has_mfa is False
    again = refusal(stage, "management-admin", SerialNumber=MFA_ARN, TokenCode=code)
    assert "invalid MFA one time pass code" in again.message


@pytest.mark.parametrize("serial_number", [f"{MFA_ARN}-2", "GAHT12345678"])
def test_a_device_that_is_not_the_callers_validates_nothing(serial_number: str) -> None:
    stage, seed = stage_with_mfa()
    code = totp_code(seed, step_of(stage.now) + 1)
    error = refusal(stage, "management-admin", SerialNumber=serial_number, TokenCode=code)
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert "unable to validate MFA code" in error.message


def test_another_users_device_validates_nothing() -> None:
    stage, seed = stage_with_mfa()
    code = totp_code(seed, step_of(stage.now) + 1)
    assert refusal(stage, "observer", SerialNumber=MFA_ARN, TokenCode=code).code == "AccessDenied"
