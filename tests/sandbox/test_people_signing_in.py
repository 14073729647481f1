"""Signing in as a root user: who gets in, who doesn't, and which events tell of it."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from rootkeeper_sandbox.state.people import MAX_FAILURES
from tests.sandbox.visitor import (
    FAILSAFE,
    HOST,
    SUSPENDED,
    WITH_HARDWARE_MFA,
    WITH_PASSWORD,
    WITH_RECOVERY,
    WITH_SECURITY_KEY,
    WITH_VIRTUAL_MFA,
    WITHOUT_ANYTHING,
    ClientOrigin,
    open_instance,
)

WRONG = "Your authentication information is incorrect. Please try again."


@pytest.fixture
def client_origin() -> ClientOrigin:
    return ClientOrigin(open_instance())


def test_the_right_password_signs_in_and_asks_for_mfa(client_origin: ClientOrigin) -> None:
    page = client_origin.sign_in(WITH_PASSWORD)
    assert page.path == "/console/register-mfa"
    assert "It can be put off until" in page.text
    assert client_origin.get("/console").status == 200
    assert client_origin.account(WITH_PASSWORD).root_user.password_last_used_at is not None


def test_a_login_leaves_the_event_that_aws_leaves(client_origin: ClientOrigin) -> None:
    client_origin.sign_in(WITH_PASSWORD)
    (event,) = client_origin.events(WITH_PASSWORD, "ConsoleLogin")
    assert event["userIdentity"] == {
        "type": "Root",
        "principalId": WITH_PASSWORD,
        "arn": f"arn:aws:iam::{WITH_PASSWORD}:root",
        "accountId": WITH_PASSWORD,
        "accessKeyId": "",
    }
    assert event["eventSource"] == "signin.amazonaws.com"
    assert event["eventType"] == "AwsConsoleSignIn"
    assert event["awsRegion"] == "us-east-1"
    assert event["requestParameters"] is None
    assert event["responseElements"] == {"ConsoleLogin": "Success"}
    assert event["additionalEventData"] == {
        "LoginTo": f"http://{HOST}/console",
        "MobileVersion": "No",
        "MFAUsed": "No",
    }
    assert event["recipientAccountId"] == WITH_PASSWORD
    assert "errorMessage" not in event


@pytest.mark.parametrize("account_id", [WITH_PASSWORD, WITH_RECOVERY, WITHOUT_ANYTHING])
def test_a_wrong_password_and_one_that_does_not_exist_look_alike_and_leave_an_event(
    client_origin: ClientOrigin, account_id: str
) -> None:
    page = client_origin.sign_in(account_id, "Wrong-Password-1")
    assert (page.status, page.alert) == (403, WRONG)
    (event,) = client_origin.events(account_id, "ConsoleLogin")
    assert event["errorMessage"] == "Failed authentication"
    assert event["responseElements"] == {"ConsoleLogin": "Failure"}
    assert client_origin.get("/console").path == "/signin"


def test_an_unknown_address_looks_like_a_wrong_password(client_origin: ClientOrigin) -> None:
    wrong = client_origin.sign_in(WITH_PASSWORD, "Wrong-Password-1").html
    email = client_origin.account(WITH_PASSWORD).email
    client_origin.get("/signin")
    unknown = client_origin.fill("/signin", email="unknown@example.com", password="Wrong-Password-1").html
    assert unknown.replace("unknown@example.com", email) == wrong


def test_no_failure_is_answered_before_the_time_that_all_take(client_origin: ClientOrigin) -> None:
    def measure(email: str) -> float:
        client_origin.get("/signin")
        start = time.perf_counter()
        client_origin.fill("/signin", email=email, password="Wrong-Password-1")
        return time.perf_counter() - start

    addresses = [client_origin.account(one).email for one in (WITH_PASSWORD, WITHOUT_ANYTHING)] + [
        "unknown@example.com"
    ]
    assert min(measure(address) for address in addresses for _ in range(4)) >= 0.12


@pytest.mark.parametrize("account_id", [WITH_VIRTUAL_MFA, WITH_HARDWARE_MFA, WITH_SECURITY_KEY, FAILSAFE])
def test_a_registered_device_must_give_a_code(client_origin: ClientOrigin, account_id: str) -> None:
    client_origin.get("/signin")
    takes = client_origin.what_it_takes(account_id)
    page = client_origin.fill("/signin", email=takes["email"], password=takes["password"])
    assert page.path == "/signin/mfa"
    assert client_origin.get("/console").path == "/signin"
    client_origin.get("/signin/mfa")
    page = client_origin.fill("/signin/mfa", code="12345")
    assert page.status == 403
    page = client_origin.fill("/signin/mfa", code=client_origin.code(account_id, -1))
    assert (page.path, page.status) == ("/console", 200)
    assert client_origin.event_names(account_id)[:3] == ["CheckMfa", "ConsoleLogin", "ConsoleLogin"]
    failed, entered = client_origin.events(account_id, "ConsoleLogin")
    assert failed["responseElements"] == {"ConsoleLogin": "Failure"}
    assert entered["additionalEventData"]["MFAUsed"] == "Yes"
    assert entered["additionalEventData"]["MFAIdentifier"] == takes["mfa_devices"][-1]["serial_number"]


def test_a_code_works_once(client_origin: ClientOrigin) -> None:
    code = client_origin.code(WITH_VIRTUAL_MFA)
    client_origin.get("/signin")
    takes = client_origin.what_it_takes(WITH_VIRTUAL_MFA)
    client_origin.fill("/signin", email=takes["email"], password=takes["password"])
    assert client_origin.fill("/signin/mfa", code=code).path == "/console"
    client_origin.get("/signin")
    takes = client_origin.what_it_takes(WITH_VIRTUAL_MFA)
    client_origin.fill("/signin", email=takes["email"], password=takes["password"])
    assert client_origin.fill("/signin/mfa", code=code).status == 403
    assert client_origin.fill("/signin/mfa", code=takes["mfa_devices"][0]["code"]).path == "/console"


def test_a_challenge_ends_after_some_wrong_codes(client_origin: ClientOrigin) -> None:
    client_origin.get("/signin")
    takes = client_origin.what_it_takes(WITH_VIRTUAL_MFA)
    client_origin.fill("/signin", email=takes["email"], password=takes["password"])
    for _ in range(4):
        assert client_origin.fill("/signin/mfa", code="1").status == 403
    assert client_origin.fill("/signin/mfa", code="1").path == "/signin"
    token = client_origin.page.form("/signin").fields["form_token"]
    assert (
        client_origin.post("/signin/mfa", form_token=token, code=client_origin.code(WITH_VIRTUAL_MFA)).path == "/signin"
    )


def test_a_challenge_ends_with_the_password_that_it_followed(client_origin: ClientOrigin) -> None:
    client_origin.get("/signin")
    takes = client_origin.what_it_takes(WITH_VIRTUAL_MFA)
    client_origin.fill("/signin", email=takes["email"], password=takes["password"])
    client_origin.delete_login_profile(WITH_VIRTUAL_MFA)
    assert client_origin.fill("/signin/mfa", code=client_origin.code(WITH_VIRTUAL_MFA)).path == "/signin"
    assert client_origin.get("/console").path == "/signin"


def test_a_challenge_ends_after_five_minutes(client_origin: ClientOrigin) -> None:
    client_origin.get("/signin")
    takes = client_origin.what_it_takes(WITH_VIRTUAL_MFA)
    client_origin.fill("/signin", email=takes["email"], password=takes["password"])
    client_origin.wait(timedelta(minutes=5))
    assert client_origin.fill("/signin/mfa", code=client_origin.code(WITH_VIRTUAL_MFA)).path == "/signin"


def test_many_failures_hold_an_address_off_for_a_while_and_no_other(client_origin: ClientOrigin) -> None:
    for _ in range(MAX_FAILURES):
        assert client_origin.sign_in(WITH_PASSWORD, "Wrong-Password-1").status == 403
    assert client_origin.sign_in(WITH_PASSWORD).status == 429
    assert ClientOrigin(client_origin.instance).sign_in(WITH_VIRTUAL_MFA).path == "/console"
    client_origin.wait(timedelta(minutes=15))
    assert client_origin.sign_in(WITH_PASSWORD).path == "/console/register-mfa"


def test_an_account_that_is_not_active_lets_no_one_in(client_origin: ClientOrigin) -> None:
    page = client_origin.sign_in(SUSPENDED)
    assert page.status == 403
    assert "SUSPENDED" in page.alert
    assert client_origin.events(SUSPENDED, "ConsoleLogin")[0]["responseElements"] == {"ConsoleLogin": "Failure"}
    assert "SUSPENDED" not in client_origin.sign_in(SUSPENDED, "Wrong-Password-1").alert


def test_deleting_the_login_profile_makes_the_password_useless_at_once_and_ends_no_session(
    client_origin: ClientOrigin,
) -> None:
    client_origin.sign_in(WITH_PASSWORD)
    password = client_origin.what_it_takes(WITH_PASSWORD)["password"]
    client_origin.delete_login_profile(WITH_PASSWORD)
    assert ClientOrigin(client_origin.instance).sign_in(WITH_PASSWORD, password).alert == WRONG
    assert "Root user passwordnone" in client_origin.get("/console").text


def test_a_session_ends_after_twelve_hours(client_origin: ClientOrigin) -> None:
    client_origin.sign_in(WITH_PASSWORD)
    client_origin.wait(timedelta(hours=12))
    assert client_origin.get("/console").path == "/signin"


def test_signing_out_ends_the_session_even_for_a_client_that_kept_its_cookie(client_origin: ClientOrigin) -> None:
    client_origin.sign_in(WITH_PASSWORD)
    kept = dict(client_origin.cookies)
    client_origin.get("/console")
    page = client_origin.fill("/signout")
    assert "You have signed out" in page.text
    client_origin.cookies = kept
    assert client_origin.get("/console").path == "/signin"


def test_the_browser_gets_another_id_when_it_signs_in(client_origin: ClientOrigin) -> None:
    client_origin.get("/signin")
    before = dict(client_origin.cookies)
    client_origin.sign_in(WITH_PASSWORD)
    assert client_origin.cookies != before
    client_origin.cookies = before
    assert client_origin.get("/console").path == "/signin"
