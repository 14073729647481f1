"""A forgotten root password: when it can be recovered, by a link that works once, and what it leaves behind."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rootkeeper_sandbox.state.accounts import LoginProfile
from rootkeeper_sandbox.state.people import MAX_FAILURES
from tests.sandbox.visitor import (
    HOST,
    NEW_PASSWORD,
    SUSPENDED,
    WITH_PASSWORD,
    WITH_RECOVERY,
    WITHOUT_ANYTHING,
    ClientOrigin,
    open_instance,
)

NOT_ALLOWED = "Password recovery isn't allowed for this account."


@pytest.fixture
def client_origin() -> ClientOrigin:
    return ClientOrigin(open_instance())


def ask_for_link(client_origin: ClientOrigin, email: str) -> str:
    client_origin.get("/signin/forgot-password")
    return client_origin.fill("/signin/forgot-password", email=email).alert


@pytest.mark.parametrize("account_id", [WITH_RECOVERY, WITH_PASSWORD])
def test_the_link_of_the_mail_sets_a_password_that_signs_in(client_origin: ClientOrigin, account_id: str) -> None:
    page = client_origin.set_password(client_origin.recovery_link(account_id))
    assert page.path == "/signin?notice=password-set"
    assert client_origin.sign_in(account_id, NEW_PASSWORD).path == "/console/register-mfa"
    root_user = client_origin.account(account_id).root_user
    assert (root_user.has_password, root_user.is_recovery_allowed) == (True, False)


def test_the_password_is_kept_as_a_hash_only(client_origin: ClientOrigin) -> None:
    client_origin.set_password(client_origin.recovery_link(WITH_RECOVERY))
    profile = client_origin.account(WITH_RECOVERY).root_user.login_profile
    assert profile is not None
    assert profile.password is not None
    assert profile.password.known_text is None
    assert NEW_PASSWORD.encode() not in profile.password.digest
    assert NEW_PASSWORD not in repr(profile)
    assert client_origin.what_it_takes(WITH_RECOVERY)["password"] is None


def test_each_step_leaves_its_event(client_origin: ClientOrigin) -> None:
    client_origin.set_password(client_origin.recovery_link(WITH_RECOVERY))
    client_origin.sign_in(WITH_RECOVERY, NEW_PASSWORD)
    requested, completed, login = client_origin.events(WITH_RECOVERY)
    assert requested["eventName"] == "PasswordRecoveryRequested"
    assert requested["responseElements"] == {"PasswordRecoveryRequested": "Success"}
    assert completed["eventName"] == "PasswordRecoveryCompleted"
    assert completed["responseElements"] == {"PasswordRecoveryCompleted": "Success"}
    assert login["eventName"] == "ConsoleLogin"
    assert {event["userIdentity"]["type"] for event in (requested, completed, login)} == {"Root"}
    assert {event["awsRegion"] for event in (requested, completed)} == {"us-east-1"}


def test_an_account_without_a_login_profile_is_refused_and_gets_no_mail(client_origin: ClientOrigin) -> None:
    email = client_origin.account(WITHOUT_ANYTHING).email
    assert NOT_ALLOWED in ask_for_link(client_origin, email)
    assert client_origin.page.status == 403
    assert client_origin.instance.world.mailbox(email) == []
    (event,) = client_origin.events(WITHOUT_ANYTHING)
    assert event["responseElements"] == {"PasswordRecoveryRequested": "Failure"}


def test_an_unknown_address_is_refused_in_the_same_words(client_origin: ClientOrigin) -> None:
    refused = ask_for_link(client_origin, client_origin.account(WITHOUT_ANYTHING).email)
    assert ask_for_link(client_origin, "unknown@example.com") == refused
    assert client_origin.instance.world.mailbox("unknown@example.com") == []


def test_an_account_that_is_not_active_is_refused(client_origin: ClientOrigin) -> None:
    assert NOT_ALLOWED in ask_for_link(client_origin, client_origin.account(SUSPENDED).email)


def test_a_link_works_once(client_origin: ClientOrigin) -> None:
    link = client_origin.recovery_link(WITH_RECOVERY)
    client_origin.set_password(link)
    assert "expired or was used" in client_origin.get(link).alert


def test_a_used_link_makes_older_ones_useless(client_origin: ClientOrigin) -> None:
    first, second = client_origin.recovery_link(WITH_RECOVERY), client_origin.recovery_link(WITH_RECOVERY)
    assert first != second
    client_origin.set_password(second)
    assert client_origin.get(first).status == 403


def test_a_link_expires_by_the_sandboxs_clock(client_origin: ClientOrigin) -> None:
    link = client_origin.recovery_link(WITH_RECOVERY)
    client_origin.wait(timedelta(minutes=59))
    assert client_origin.get(link).status == 200
    client_origin.wait(timedelta(minutes=1))
    assert client_origin.get(link).status == 403


def test_a_form_that_was_open_when_its_link_expired_sets_nothing(client_origin: ClientOrigin) -> None:
    client_origin.get(client_origin.recovery_link(WITH_RECOVERY))
    client_origin.wait(timedelta(hours=1))
    assert client_origin.fill("/signin/reset-password", password=NEW_PASSWORD, repeated=NEW_PASSWORD).status == 403
    assert not client_origin.account(WITH_RECOVERY).root_user.has_password


def test_a_link_of_a_deleted_login_profile_is_useless_even_when_recovery_is_allowed_again(
    client_origin: ClientOrigin,
) -> None:
    link = client_origin.recovery_link(WITH_RECOVERY)
    client_origin.delete_login_profile(WITH_RECOVERY)
    assert client_origin.get(link).status == 403
    client_origin.account(WITH_RECOVERY).root_user.login_profile = LoginProfile(client_origin.instance.clock.now())
    assert client_origin.get(link).status == 403


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "../../console", "%00"])
def test_made_up_links_set_nothing(client_origin: ClientOrigin, token: str) -> None:
    assert client_origin.get(f"/signin/reset-password?token={token}").status == 403


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("Ab1-xyz", "8 to 128 characters"),
        ("Ab1-" + "x" * 125, "8 to 128 characters"),
        ("onlylowercase", "three kinds"),
        ("lowerUPPER", "three kinds"),
        ("AWS+Payments-Test@example.com", "must not be the account's name"),
    ],
)
def test_a_password_against_the_rules_is_refused_and_the_link_stays_good(
    client_origin: ClientOrigin, password: str, fault: str
) -> None:
    link = client_origin.recovery_link(WITH_RECOVERY)
    page = client_origin.set_password(link, password)
    assert page.status == 422
    assert fault in page.alert
    assert password not in page.html
    assert client_origin.set_password(link).path == "/signin?notice=password-set"


def test_two_passwords_that_differ_are_refused(client_origin: ClientOrigin) -> None:
    client_origin.get(client_origin.recovery_link(WITH_RECOVERY))
    page = client_origin.fill("/signin/reset-password", password=NEW_PASSWORD, repeated="Correct-Horse-8")
    assert page.alert == "The two passwords aren't the same."


def test_no_one_can_fill_a_mailbox_without_end(client_origin: ClientOrigin) -> None:
    email = client_origin.account(WITH_RECOVERY).email
    for _ in range(MAX_FAILURES):
        assert ask_for_link(client_origin, email) == ""
    assert "Too many mails" in ask_for_link(client_origin, email)
    assert client_origin.page.status == 429
    assert len(client_origin.instance.world.mailbox(email)) == MAX_FAILURES


@pytest.mark.parametrize("host", ["evil.example.com", "127.0.0.1:80@evil.example.com", "127.0.0.1.evil.example.com"])
def test_a_foreign_host_header_does_not_get_into_the_mail(client_origin: ClientOrigin, host: str) -> None:
    liar = ClientOrigin(client_origin.instance, host)
    email = client_origin.account(WITH_RECOVERY).email
    liar.get("/signin/forgot-password")
    liar.fill("/signin/forgot-password", email=email)
    (message,) = client_origin.instance.world.mailbox(email)
    assert "evil" not in str(message["body"])
    assert f"http://{HOST}/signin/reset-password?token=" in str(message["body"])


def test_the_links_token_is_kept_as_a_hash_only(client_origin: ClientOrigin) -> None:
    token = client_origin.recovery_link(WITH_RECOVERY).partition("token=")[2]
    assert len(token) == 43
    assert token not in repr(client_origin.instance.world.sign_ins)
