"""The console of a root user: what it may do there, and what policies, throttling and faults make of it."""

from __future__ import annotations

import re

import pytest

from rootkeeper_sandbox.exchange import ServiceError
from rootkeeper_sandbox.faults import Fault, parse_fault
from rootkeeper_sandbox.throttling import AwsThrottle
from tests.sandbox.visitor import (
    FAILSAFE,
    NEW_PASSWORD,
    UNDER_DENY_ROOT,
    WITH_PASSWORD,
    WITH_VIRTUAL_MFA,
    ClientOrigin,
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
def client_origin() -> ClientOrigin:
    return ClientOrigin(open_instance())


def keys_on(client_origin: ClientOrigin) -> Keys:
    found = KEY.search(client_origin.page.text)
    assert found, client_origin.page.text
    return Keys(found[1], found[2])


def test_no_one_sees_it_without_signing_in(client_origin: ClientOrigin) -> None:
    for path in ("/console", "/console/register-mfa", "/console/register-mfa/codes?serial_number=x"):
        assert client_origin.get(path).path == "/signin"


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
def test_no_one_does_anything_without_signing_in(client_origin: ClientOrigin, action: str) -> None:
    token = client_origin.get("/signin").form("/signin").fields["form_token"]
    assert client_origin.post(action, form_token=token).path == "/signin"


def test_it_shows_who_is_signed_in_and_what_there_is(client_origin: ClientOrigin) -> None:
    page = client_origin.sign_in(WITH_VIRTUAL_MFA)
    assert f"arn:aws:iam::{WITH_VIRTUAL_MFA}:root" in page.text
    assert "with MFA" in page.text
    assert "Root user passwordpresent" in page.text
    assert "root-account-mfa-device" in page.text
    assert client_origin.events(WITH_VIRTUAL_MFA, "GetAccountSummary", "ListAccessKeys", "ListMFADevices", "ListUsers")


def test_its_calls_are_recorded_as_the_root_users_own_without_assume_root(client_origin: ClientOrigin) -> None:
    client_origin.sign_in(WITH_VIRTUAL_MFA)
    (event,) = client_origin.events(WITH_VIRTUAL_MFA, "GetAccountSummary")
    identity = event["userIdentity"]
    assert identity["type"] == "Root"
    assert identity["sessionContext"]["attributes"]["mfaAuthenticated"] == "true"
    assert "assumedRoot" not in identity["sessionContext"]
    record = next(one for one in client_origin.instance.requests.since(0) if one["operation"] == "GetAccountSummary")
    assert (record["principal_arn"], record["region"], record["status"], record["mutating"]) == (
        f"arn:aws:iam::{WITH_VIRTUAL_MFA}:root",
        "us-east-1",
        200,
        False,
    )


def test_a_root_key_is_created_works_and_is_deleted(client_origin: ClientOrigin) -> None:
    client_origin.sign_in(WITH_PASSWORD)
    client_origin.get("/console")
    client_origin.fill("/console/access-keys")
    keys = keys_on(client_origin)
    wire = Wire(client_origin.instance)
    assert wire.call(keys, "sts", "GetCallerIdentity").body["Arn"] == f"arn:aws:iam::{WITH_PASSWORD}:root"
    page = client_origin.fill("/console/access-keys/delete")
    assert "The access key is deleted" in page.text
    assert wire.call(keys, "sts", "GetCallerIdentity").code == "InvalidClientTokenId"
    assert client_origin.event_names(WITH_PASSWORD).count("CreateAccessKey") == 1
    assert "SecretAccessKey" not in str(client_origin.events(WITH_PASSWORD, "CreateAccessKey"))


def test_a_secret_is_shown_once(client_origin: ClientOrigin) -> None:
    client_origin.sign_in(WITH_PASSWORD)
    client_origin.get("/console")
    secret = keys_on_page(client_origin)
    assert secret not in client_origin.get("/console").html


def keys_on_page(client_origin: ClientOrigin) -> str:
    client_origin.fill("/console/access-keys")
    return keys_on(client_origin).secret_access_key


def test_a_third_key_is_refused_in_iams_words(client_origin: ClientOrigin) -> None:
    client_origin.sign_in(WITH_PASSWORD)
    client_origin.get("/console")
    for _ in range(2):
        client_origin.fill("/console/access-keys")
    page = client_origin.fill("/console/access-keys")
    assert page.status == 409
    assert "Cannot exceed quota for AccessKeysPerUser: 2" in page.alert


def test_a_policy_against_root_users_refuses_everything_in_aws_words(client_origin: ClientOrigin) -> None:
    page = client_origin.sign_in(UNDER_DENY_ROOT)
    denied = (
        f"User: arn:aws:iam::{UNDER_DENY_ROOT}:root is not authorized to perform: iam:GetAccountSummary on resource: *"
    )
    assert denied + " with an explicit deny in a service control policy: arn:aws:organizations::" in page.text
    assert page.text.count("AccessDenied") == 4
    token = page.form("/signout").fields["form_token"]
    page = client_origin.post("/console/users", form_token=token, user_name="break-glass", is_administrator="yes")
    assert page.status == 403
    assert "iam:CreateUser" in page.alert
    assert not client_origin.account(UNDER_DENY_ROOT).identities.users
    (event,) = client_origin.events(UNDER_DENY_ROOT, "CreateUser")
    assert event["errorCode"] == "AccessDenied"


def test_a_policy_can_ask_whether_the_session_began_with_mfa(client_origin: ClientOrigin) -> None:
    world = client_origin.instance.world
    world.create_policy(DENY_WITHOUT_MFA | {"targets": [WITH_PASSWORD, WITH_VIRTUAL_MFA]})
    client_origin.sign_in(WITH_PASSWORD)
    client_origin.get("/console")
    assert client_origin.fill("/console/access-keys").status == 403
    guarded = ClientOrigin(client_origin.instance)
    guarded.sign_in(WITH_VIRTUAL_MFA)
    assert guarded.fill("/console/access-keys").status == 200


def test_the_failsafes_root_user_makes_a_user_that_can_open_root_sessions_and_cannot_itself(
    client_origin: ClientOrigin,
) -> None:
    wire = Wire(client_origin.instance)
    delegate = {"AccountId": FAILSAFE, "ServicePrincipal": "iam.amazonaws.com"}
    assert wire.call("management-admin", "organizations", "RegisterDelegatedAdministrator", **delegate).status == 200
    client_origin.sign_in(FAILSAFE)
    client_origin.fill("/console/access-keys")
    task = {"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"}
    target = {"TargetPrincipal": WITH_PASSWORD, "TaskPolicyArn": task}
    assert wire.call(keys_on(client_origin), "sts", "AssumeRoot", **target).code == "AccessDenied"
    page = client_origin.fill("/console/users", user_name="break-glass")
    user = keys_on(client_origin)
    assert wire.call(user, "sts", "AssumeRoot", **target).status == 200
    found = client_origin.account(FAILSAFE).identities.users["break-glass"]
    assert list(found.permissions.managed_policies) == ["arn:aws:iam::aws:policy/AdministratorAccess"]
    client_origin.get(page.reader.links["Register an MFA device for this user"])
    assert client_origin.register_mfa("break-glass").path == "/console?notice=mfa-registered"
    assert list(found.credentials.mfa_devices) == [f"arn:aws:iam::{FAILSAFE}:mfa/break-glass"]


@pytest.mark.parametrize(("name", "status"), [("", 400), ("a b", 400), ("<b>x</b>", 400), ("delegated-admin", 409)])
def test_names_that_iam_would_not_take_make_no_user(client_origin: ClientOrigin, name: str, status: int) -> None:
    client_origin.sign_in(FAILSAFE)
    before = set(client_origin.account(FAILSAFE).identities.users)
    assert client_origin.fill("/console/users", user_name=name).status == status
    assert set(client_origin.account(FAILSAFE).identities.users) == before


def test_the_password_is_changed_by_a_user_who_knows_it(client_origin: ClientOrigin) -> None:
    client_origin.sign_in(WITH_PASSWORD)
    client_origin.get("/console")
    old = client_origin.what_it_takes(WITH_PASSWORD)["password"]
    assert "password is changed" in client_origin.fill("/console/password", current=old, password=NEW_PASSWORD).text
    assert client_origin.events(WITH_PASSWORD, "PasswordUpdated")[0]["responseElements"] == {
        "PasswordUpdated": "Success"
    }
    assert ClientOrigin(client_origin.instance).sign_in(WITH_PASSWORD, old).status == 403
    assert ClientOrigin(client_origin.instance).sign_in(WITH_PASSWORD, NEW_PASSWORD).path == "/console/register-mfa"


def test_a_wrong_current_password_or_a_weak_new_one_changes_nothing(client_origin: ClientOrigin) -> None:
    client_origin.sign_in(WITH_PASSWORD)
    client_origin.get("/console")
    old = client_origin.what_it_takes(WITH_PASSWORD)["password"]
    assert client_origin.fill("/console/password", current="Wrong-Password-1", password=NEW_PASSWORD).status == 403
    assert client_origin.fill("/console/password", current=old, password="short").status == 422
    failed = [event["responseElements"] for event in client_origin.events(WITH_PASSWORD, "PasswordUpdated")]
    assert failed == [{"PasswordUpdated": "Failure"}] * 2
    assert ClientOrigin(client_origin.instance).sign_in(WITH_PASSWORD, old).path == "/console/register-mfa"


def test_a_session_whose_password_is_gone_cannot_set_one(client_origin: ClientOrigin) -> None:
    client_origin.sign_in(WITH_PASSWORD)
    token = client_origin.get("/console").form("/console/password").fields["form_token"]
    old = client_origin.what_it_takes(WITH_PASSWORD)["password"]
    client_origin.delete_login_profile(WITH_PASSWORD)
    page = client_origin.post("/console/password", form_token=token, current=old, password=NEW_PASSWORD)
    assert "no password any more" in page.alert
    assert client_origin.account(WITH_PASSWORD).root_user.login_profile is None


def test_faults_reach_the_console_too(client_origin: ClientOrigin) -> None:
    error = {"code": "ServiceFailure", "status": 500, "message": "try later"}
    fault: Fault = parse_fault({"service": "iam", "operation": "CreateAccessKey", "error": error})
    client_origin.instance.faults.add(fault)
    client_origin.sign_in(WITH_PASSWORD)
    client_origin.get("/console")
    page = client_origin.fill("/console/access-keys")
    assert page.status == 500
    assert "ServiceFailure" in page.alert


def test_throttling_reaches_the_console_too(client_origin: ClientOrigin) -> None:
    class Full(AwsThrottle):
        def find_refusal(self, call: object) -> ServiceError:
            return ServiceError("Throttling", "Rate exceeded")

    client_origin.sign_in(WITH_PASSWORD)
    client_origin.instance.throttle = Full()
    page = client_origin.get("/console")
    assert page.status == 200
    assert page.text.count("Rate exceeded") == 4
