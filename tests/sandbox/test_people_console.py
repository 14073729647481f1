"""The console of a root user: what it may do there, and what policies, throttling and faults make of it."""

from __future__ import annotations

import re

import pytest

from rootkeeper.sandbox.exchange import ServiceError
from rootkeeper.sandbox.faults import Fault, parse_fault
from rootkeeper.sandbox.state.policies import ADMINISTRATOR_ACCESS_ARN
from tests.sandbox.visitor import (
    FAILSAFE,
    NEW_PASSWORD,
    UNDER_DENY_ROOT,
    WITH_PASSWORD,
    WITH_VIRTUAL_MFA,
    Visitor,
    open_instance,
)
from tests.sandbox.wire import Keys, Wire

KEY = re.compile(r"export AWS_ACCESS_KEY_ID=(AKIA\w{16})\s+export AWS_SECRET_ACCESS_KEY=(\S{40})")
DENY_WITHOUT_MFA = {
    "name": "mfa-for-root",
    "type": "SERVICE_CONTROL_POLICY",
    "content": {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Deny",
            "Action": "iam:CreateAccessKey",
            "Resource": "*",
            "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
        },
    },
}


@pytest.fixture
def visitor() -> Visitor:
    return Visitor(open_instance())


def keys_on(visitor: Visitor) -> Keys:
    found = KEY.search(visitor.page.text)
    assert found, visitor.page.text
    return Keys(found[1], found[2])


def test_nobody_sees_it_without_signing_in(visitor: Visitor) -> None:
    for path in ("/console", "/console/register-mfa", "/console/register-mfa/codes?serial_number=x"):
        assert visitor.get(path).path == "/signin"


@pytest.mark.parametrize(
    "action",
    [
        "/console/access-keys",
        "/console/access-keys/delete",
        "/console/password",
        "/console/register-mfa",
        "/console/register-mfa/codes",
        "/console/users",
    ],
)
def test_nobody_does_anything_without_signing_in(visitor: Visitor, action: str) -> None:
    token = visitor.get("/signin").form("/signin").fields["form_token"]
    assert visitor.post(action, form_token=token).path == "/signin"


def test_it_shows_who_is_signed_in_and_what_there_is(visitor: Visitor) -> None:
    page = visitor.sign_in(WITH_VIRTUAL_MFA)
    assert f"arn:aws:iam::{WITH_VIRTUAL_MFA}:root" in page.text
    assert "with MFA" in page.text
    assert "Root user passwordpresent" in page.text
    assert "root-account-mfa-device" in page.text
    assert visitor.events(WITH_VIRTUAL_MFA, "GetAccountSummary", "ListAccessKeys", "ListMFADevices", "ListUsers")


def test_its_calls_are_recorded_as_the_root_users_own_without_assume_root(visitor: Visitor) -> None:
    visitor.sign_in(WITH_VIRTUAL_MFA)
    (event,) = visitor.events(WITH_VIRTUAL_MFA, "GetAccountSummary")
    identity = event["userIdentity"]
    assert identity["type"] == "Root"
    assert identity["sessionContext"]["attributes"]["mfaAuthenticated"] == "true"
    assert "assumedRoot" not in identity["sessionContext"]
    record = next(one for one in visitor.instance.requests.since(0) if one["operation"] == "GetAccountSummary")
    assert (record["principal_arn"], record["region"], record["status"], record["mutating"]) == (
        f"arn:aws:iam::{WITH_VIRTUAL_MFA}:root",
        "us-east-1",
        200,
        False,
    )


def test_a_root_key_is_created_works_and_is_deleted(visitor: Visitor) -> None:
    visitor.sign_in(WITH_PASSWORD)
    visitor.get("/console")
    visitor.fill("/console/access-keys")
    keys = keys_on(visitor)
    wire = Wire(visitor.instance)
    assert wire.call(keys, "sts", "GetCallerIdentity").body["Arn"] == f"arn:aws:iam::{WITH_PASSWORD}:root"
    page = visitor.fill("/console/access-keys/delete")
    assert "The access key is deleted" in page.text
    assert wire.call(keys, "sts", "GetCallerIdentity").code == "InvalidClientTokenId"
    assert visitor.event_names(WITH_PASSWORD).count("CreateAccessKey") == 1
    assert "SecretAccessKey" not in str(visitor.events(WITH_PASSWORD, "CreateAccessKey"))


def test_a_secret_is_shown_once(visitor: Visitor) -> None:
    visitor.sign_in(WITH_PASSWORD)
    visitor.get("/console")
    secret = keys_on_page(visitor)
    assert secret not in visitor.get("/console").html


def keys_on_page(visitor: Visitor) -> str:
    visitor.fill("/console/access-keys")
    return keys_on(visitor).secret_access_key


def test_a_third_key_is_refused_in_iams_words(visitor: Visitor) -> None:
    visitor.sign_in(WITH_PASSWORD)
    visitor.get("/console")
    for _ in range(2):
        visitor.fill("/console/access-keys")
    page = visitor.fill("/console/access-keys")
    assert page.status == 409
    assert "Cannot exceed quota for AccessKeysPerUser: 2" in page.alert


def test_a_policy_against_root_users_refuses_everything_in_aws_words(visitor: Visitor) -> None:
    page = visitor.sign_in(UNDER_DENY_ROOT)
    denied = (
        f"User: arn:aws:iam::{UNDER_DENY_ROOT}:root is not authorized to perform: iam:GetAccountSummary on resource: *"
    )
    assert denied + " with an explicit deny in a service control policy: arn:aws:organizations::" in page.text
    assert page.text.count("AccessDenied") == 4
    token = page.form("/signout").fields["form_token"]
    page = visitor.post("/console/users", form_token=token, user_name="break-glass", is_administrator="yes")
    assert page.status == 403
    assert "iam:CreateUser" in page.alert
    assert not visitor.account(UNDER_DENY_ROOT).identities.users
    (event,) = visitor.events(UNDER_DENY_ROOT, "CreateUser")
    assert event["errorCode"] == "AccessDenied"


def test_a_policy_can_ask_whether_the_session_began_with_mfa(visitor: Visitor) -> None:
    world = visitor.instance.world
    world.create_policy(DENY_WITHOUT_MFA | {"targets": [WITH_PASSWORD, WITH_VIRTUAL_MFA]})
    visitor.sign_in(WITH_PASSWORD)
    visitor.get("/console")
    assert visitor.fill("/console/access-keys").status == 403
    guarded = Visitor(visitor.instance)
    guarded.sign_in(WITH_VIRTUAL_MFA)
    assert guarded.fill("/console/access-keys").status == 200


def test_the_failsafes_root_user_makes_a_user_that_can_open_root_sessions_and_cannot_itself(visitor: Visitor) -> None:
    wire = Wire(visitor.instance)
    delegate = {"AccountId": FAILSAFE, "ServicePrincipal": "iam.amazonaws.com"}
    assert wire.call("management-admin", "organizations", "RegisterDelegatedAdministrator", **delegate).status == 200
    visitor.sign_in(FAILSAFE)
    visitor.fill("/console/access-keys")
    task = {"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"}
    target = {"TargetPrincipal": WITH_PASSWORD, "TaskPolicyArn": task}
    assert wire.call(keys_on(visitor), "sts", "AssumeRoot", **target).code == "AccessDenied"
    page = visitor.fill("/console/users", user_name="break-glass")
    user = keys_on(visitor)
    assert wire.call(user, "sts", "AssumeRoot", **target).status == 200
    found = visitor.account(FAILSAFE).identities.users["break-glass"]
    assert list(found.permissions.managed_policies) == [ADMINISTRATOR_ACCESS_ARN]
    visitor.get(page.reader.links["Register an MFA device for this user"])
    assert visitor.register_mfa("break-glass").path == "/console?notice=mfa-registered"
    assert list(found.credentials.mfa_devices) == [f"arn:aws:iam::{FAILSAFE}:mfa/break-glass"]


@pytest.mark.parametrize(("name", "status"), [("", 400), ("a b", 400), ("<b>x</b>", 400), ("delegated-admin", 409)])
def test_names_that_iam_would_not_take_make_no_user(visitor: Visitor, name: str, status: int) -> None:
    visitor.sign_in(FAILSAFE)
    before = set(visitor.account(FAILSAFE).identities.users)
    assert visitor.fill("/console/users", user_name=name).status == status
    assert set(visitor.account(FAILSAFE).identities.users) == before


def test_the_password_is_changed_by_whoever_knows_it(visitor: Visitor) -> None:
    visitor.sign_in(WITH_PASSWORD)
    visitor.get("/console")
    old = visitor.what_it_takes(WITH_PASSWORD)["password"]
    assert "password is changed" in visitor.fill("/console/password", current=old, password=NEW_PASSWORD).text
    assert visitor.events(WITH_PASSWORD, "PasswordUpdated")[0]["responseElements"] == {"PasswordUpdated": "Success"}
    assert Visitor(visitor.instance).sign_in(WITH_PASSWORD, old).status == 403
    assert Visitor(visitor.instance).sign_in(WITH_PASSWORD, NEW_PASSWORD).path == "/console/register-mfa"


def test_a_wrong_current_password_or_a_weak_new_one_changes_nothing(visitor: Visitor) -> None:
    visitor.sign_in(WITH_PASSWORD)
    visitor.get("/console")
    old = visitor.what_it_takes(WITH_PASSWORD)["password"]
    assert visitor.fill("/console/password", current="Wrong-Password-1", password=NEW_PASSWORD).status == 403
    assert visitor.fill("/console/password", current=old, password="short").status == 422
    failed = [event["responseElements"] for event in visitor.events(WITH_PASSWORD, "PasswordUpdated")]
    assert failed == [{"PasswordUpdated": "Failure"}] * 2
    assert Visitor(visitor.instance).sign_in(WITH_PASSWORD, old).path == "/console/register-mfa"


def test_a_session_whose_password_is_gone_cannot_set_one(visitor: Visitor) -> None:
    visitor.sign_in(WITH_PASSWORD)
    token = visitor.get("/console").form("/console/password").fields["form_token"]
    old = visitor.what_it_takes(WITH_PASSWORD)["password"]
    visitor.delete_login_profile(WITH_PASSWORD)
    page = visitor.post("/console/password", form_token=token, current=old, password=NEW_PASSWORD)
    assert "no password any more" in page.alert
    assert visitor.account(WITH_PASSWORD).root_user.login_profile is None


def test_faults_reach_the_console_too(visitor: Visitor) -> None:
    error = {"code": "ServiceFailure", "status": 500, "message": "try later"}
    fault: Fault = parse_fault({"service": "iam", "operation": "CreateAccessKey", "error": error})
    visitor.instance.faults.add(fault)
    visitor.sign_in(WITH_PASSWORD)
    visitor.get("/console")
    page = visitor.fill("/console/access-keys")
    assert page.status == 500
    assert "ServiceFailure" in page.alert


def test_throttling_reaches_the_console_too(visitor: Visitor) -> None:
    class Full:
        def find_refusal(self, call: object) -> ServiceError:
            return ServiceError("Throttling", "Rate exceeded")

    visitor.sign_in(WITH_PASSWORD)
    visitor.instance.throttle = Full()
    page = visitor.get("/console")
    assert page.status == 200
    assert page.text.count("Rate exceeded") == 4
