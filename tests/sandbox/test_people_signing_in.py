"""Signing in as a root user: who gets in, who doesn't, and which events tell of it."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from rootkeeper.sandbox.state.sign_ins import MAX_FAILURES
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
    Visitor,
    open_instance,
)

WRONG = "Your authentication information is incorrect. Please try again."


@pytest.fixture
def visitor() -> Visitor:
    return Visitor(open_instance())


def test_the_right_password_signs_in_and_asks_for_mfa(visitor: Visitor) -> None:
    page = visitor.sign_in(WITH_PASSWORD)
    assert page.path == "/console/register-mfa"
    assert "It can be put off until" in page.text
    assert visitor.get("/console").status == 200
    assert visitor.account(WITH_PASSWORD).root_user.password_last_used_at is not None


def test_a_login_leaves_the_event_that_aws_leaves(visitor: Visitor) -> None:
    visitor.sign_in(WITH_PASSWORD)
    (event,) = visitor.events(WITH_PASSWORD, "ConsoleLogin")
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
    visitor: Visitor, account_id: str
) -> None:
    page = visitor.sign_in(account_id, "Wrong-Password-1")
    assert (page.status, page.alert) == (403, WRONG)
    (event,) = visitor.events(account_id, "ConsoleLogin")
    assert event["errorMessage"] == "Failed authentication"
    assert event["responseElements"] == {"ConsoleLogin": "Failure"}
    assert visitor.get("/console").path == "/signin"


def test_an_unknown_address_looks_like_a_wrong_password(visitor: Visitor) -> None:
    wrong = visitor.sign_in(WITH_PASSWORD, "Wrong-Password-1").html
    email = visitor.account(WITH_PASSWORD).email
    visitor.get("/signin")
    unknown = visitor.fill("/signin", email="nobody@example.com", password="Wrong-Password-1").html
    assert unknown.replace("nobody@example.com", email) == wrong


def test_no_failure_is_answered_before_the_time_that_all_take(visitor: Visitor) -> None:
    def measure(email: str) -> float:
        visitor.get("/signin")
        start = time.perf_counter()
        visitor.fill("/signin", email=email, password="Wrong-Password-1")
        return time.perf_counter() - start

    addresses = [visitor.account(one).email for one in (WITH_PASSWORD, WITHOUT_ANYTHING)] + ["nobody@example.com"]
    assert min(measure(address) for address in addresses for _ in range(4)) >= 0.12


@pytest.mark.parametrize("account_id", [WITH_VIRTUAL_MFA, WITH_HARDWARE_MFA, WITH_SECURITY_KEY, FAILSAFE])
def test_a_registered_device_must_give_a_code(visitor: Visitor, account_id: str) -> None:
    visitor.get("/signin")
    takes = visitor.what_it_takes(account_id)
    page = visitor.fill("/signin", email=takes["email"], password=takes["password"])
    assert page.path == "/signin/mfa"
    assert visitor.get("/console").path == "/signin"
    visitor.get("/signin/mfa")
    page = visitor.fill("/signin/mfa", code="12345")
    assert page.status == 403
    page = visitor.fill("/signin/mfa", code=visitor.code(account_id, -1))
    assert (page.path, page.status) == ("/console", 200)
    assert visitor.event_names(account_id)[:3] == ["CheckMfa", "ConsoleLogin", "ConsoleLogin"]
    failed, entered = visitor.events(account_id, "ConsoleLogin")
    assert failed["responseElements"] == {"ConsoleLogin": "Failure"}
    assert entered["additionalEventData"]["MFAUsed"] == "Yes"
    assert entered["additionalEventData"]["MFAIdentifier"] == takes["mfa_devices"][-1]["serial_number"]


def test_a_code_works_once(visitor: Visitor) -> None:
    code = visitor.code(WITH_VIRTUAL_MFA)
    visitor.get("/signin")
    takes = visitor.what_it_takes(WITH_VIRTUAL_MFA)
    visitor.fill("/signin", email=takes["email"], password=takes["password"])
    assert visitor.fill("/signin/mfa", code=code).path == "/console"
    visitor.get("/signin")
    takes = visitor.what_it_takes(WITH_VIRTUAL_MFA)
    visitor.fill("/signin", email=takes["email"], password=takes["password"])
    assert visitor.fill("/signin/mfa", code=code).status == 403
    assert visitor.fill("/signin/mfa", code=takes["mfa_devices"][0]["code"]).path == "/console"


def test_a_challenge_ends_after_some_wrong_codes(visitor: Visitor) -> None:
    visitor.get("/signin")
    takes = visitor.what_it_takes(WITH_VIRTUAL_MFA)
    visitor.fill("/signin", email=takes["email"], password=takes["password"])
    for _ in range(4):
        assert visitor.fill("/signin/mfa", code="1").status == 403
    assert visitor.fill("/signin/mfa", code="1").path == "/signin"
    token = visitor.page.form("/signin").fields["form_token"]
    assert visitor.post("/signin/mfa", form_token=token, code=visitor.code(WITH_VIRTUAL_MFA)).path == "/signin"


def test_a_challenge_ends_with_the_password_that_it_followed(visitor: Visitor) -> None:
    visitor.get("/signin")
    takes = visitor.what_it_takes(WITH_VIRTUAL_MFA)
    visitor.fill("/signin", email=takes["email"], password=takes["password"])
    visitor.delete_login_profile(WITH_VIRTUAL_MFA)
    assert visitor.fill("/signin/mfa", code=visitor.code(WITH_VIRTUAL_MFA)).path == "/signin"
    assert visitor.get("/console").path == "/signin"


def test_a_challenge_ends_after_five_minutes(visitor: Visitor) -> None:
    visitor.get("/signin")
    takes = visitor.what_it_takes(WITH_VIRTUAL_MFA)
    visitor.fill("/signin", email=takes["email"], password=takes["password"])
    visitor.wait(timedelta(minutes=5))
    assert visitor.fill("/signin/mfa", code=visitor.code(WITH_VIRTUAL_MFA)).path == "/signin"


def test_many_failures_hold_an_address_off_for_a_while_and_no_other(visitor: Visitor) -> None:
    for _ in range(MAX_FAILURES):
        assert visitor.sign_in(WITH_PASSWORD, "Wrong-Password-1").status == 403
    assert visitor.sign_in(WITH_PASSWORD).status == 429
    assert Visitor(visitor.instance).sign_in(WITH_VIRTUAL_MFA).path == "/console"
    visitor.wait(timedelta(minutes=15))
    assert visitor.sign_in(WITH_PASSWORD).path == "/console/register-mfa"


def test_an_account_that_is_not_active_lets_nobody_in(visitor: Visitor) -> None:
    page = visitor.sign_in(SUSPENDED)
    assert page.status == 403
    assert "SUSPENDED" in page.alert
    assert visitor.events(SUSPENDED, "ConsoleLogin")[0]["responseElements"] == {"ConsoleLogin": "Failure"}
    assert "SUSPENDED" not in visitor.sign_in(SUSPENDED, "Wrong-Password-1").alert


def test_deleting_the_login_profile_makes_the_password_useless_at_once_and_ends_no_session(visitor: Visitor) -> None:
    visitor.sign_in(WITH_PASSWORD)
    password = visitor.what_it_takes(WITH_PASSWORD)["password"]
    visitor.delete_login_profile(WITH_PASSWORD)
    assert Visitor(visitor.instance).sign_in(WITH_PASSWORD, password).alert == WRONG
    assert "Root user passwordnone" in visitor.get("/console").text


def test_a_session_ends_after_twelve_hours(visitor: Visitor) -> None:
    visitor.sign_in(WITH_PASSWORD)
    visitor.wait(timedelta(hours=12))
    assert visitor.get("/console").path == "/signin"


def test_signing_out_ends_the_session_even_for_whoever_kept_its_cookie(visitor: Visitor) -> None:
    visitor.sign_in(WITH_PASSWORD)
    kept = dict(visitor.cookies)
    visitor.get("/console")
    page = visitor.fill("/signout")
    assert "You have signed out" in page.text
    visitor.cookies = kept
    assert visitor.get("/console").path == "/signin"


def test_the_browser_gets_another_id_when_it_signs_in(visitor: Visitor) -> None:
    visitor.get("/signin")
    before = dict(visitor.cookies)
    visitor.sign_in(WITH_PASSWORD)
    assert visitor.cookies != before
    visitor.cookies = before
    assert visitor.get("/console").path == "/signin"
