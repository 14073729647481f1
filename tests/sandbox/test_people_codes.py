"""The pages that show what it takes to sign in: a demo's users and failsafe, and each root user."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from rootkeeper.demo.story import DEMO_USERS, list_codes
from rootkeeper_sandbox.clock import STEP_SECONDS, read_machine_time, step_of, totp_code
from rootkeeper_sandbox.control import answer_control
from rootkeeper_sandbox.exchange import HttpRequest
from rootkeeper_sandbox.people.layout import STYLE
from rootkeeper_sandbox.people.pages import answer_person
from tests.sandbox.visitor import (
    DEMO,
    FAILSAFE,
    HOST,
    WITH_PASSWORD,
    WITH_VIRTUAL_MFA,
    WITHOUT_ANYTHING,
    ClientOrigin,
    open_instance,
)

WRONG = "Your authentication information is incorrect. Please try again."
EXPLANATION = "has no password, so every password is refused."


@pytest.fixture
def demo() -> ClientOrigin:
    instance = open_instance()
    instance.demo = DEMO
    return ClientOrigin(instance)


@pytest.fixture
def other() -> ClientOrigin:
    """At a sandbox that isn't of a demo."""
    return ClientOrigin(open_instance())


def test_the_demos_users_are_shown_with_codes_that_work_and_the_time_left(demo: ClientOrigin) -> None:
    before = step_of(read_machine_time())
    page = demo.get("/codes")
    after = step_of(read_machine_time())
    codes = set(page.reader.codes)
    secret = DEMO.users[0].totp_secret or ""
    expected = [{totp_code(secret, step), totp_code(secret, step + 1)} for step in (before, after)]
    assert any(one <= codes for one in expected)
    assert all(user.name in page.text for user in DEMO.users)
    assert DEMO.password in codes
    left = page.response.headers["refresh"]
    assert 1 <= int(left) <= STEP_SECONDS
    assert f"left-{left}" in page.html
    assert f".left-{left}::after" in STYLE


def test_the_failsafe_is_on_the_same_page_with_password_and_code(demo: ClientOrigin) -> None:
    before = demo.what_it_takes(FAILSAFE)
    codes = set(demo.get("/codes").reader.codes)
    after = demo.what_it_takes(FAILSAFE)
    assert before["password"] in codes
    assert any({device["code"] for device in takes["mfa_devices"]} <= codes for takes in (before, after))


@pytest.mark.parametrize("account_id", [WITH_PASSWORD, WITH_VIRTUAL_MFA, WITHOUT_ANYTHING])
def test_each_root_user_has_a_page_that_says_how_to_sign_in(other: ClientOrigin, account_id: str) -> None:
    page = other.get(f"/root-users/{account_id}")
    takes = other.what_it_takes(account_id)
    assert takes["email"] in page.reader.codes
    assert (takes["password"] in page.reader.codes) if takes["password"] else ("no one can sign in" in page.text)
    assert page.html.count("MFA code") == len(takes["mfa_devices"])


@pytest.mark.parametrize("path", ["/codes", "/root-users/888899990000"])
def test_only_this_machine_sees_them(demo: ClientOrigin, path: str) -> None:
    assert demo.get(path).status == 200
    request = HttpRequest("GET", path, "", {"host": HOST}, b"", "192.0.2.7")
    assert asyncio.run(answer_person(demo.instance, request)).status == 404


def test_a_sandbox_without_a_demo_has_no_page_of_users(other: ClientOrigin) -> None:
    assert other.get("/codes").status == 404
    assert "/codes" not in other.get("/").html


def test_a_demo_explains_that_no_password_exists_beside_the_message(demo: ClientOrigin) -> None:
    page = demo.sign_in(WITHOUT_ANYTHING, "Wrong-Password-1")
    assert (page.status, page.alert) == (403, WRONG)
    assert EXPLANATION in page.text
    assert EXPLANATION not in demo.sign_in(WITH_PASSWORD, "Wrong-Password-1").text


def test_no_other_sandbox_explains_it(other: ClientOrigin) -> None:
    assert EXPLANATION not in other.sign_in(WITHOUT_ANYTHING, "Wrong-Password-1").text


USER = {"name": "olga", "role": "operator", "does": "deletes", "totp_secret": None}
GOOD: dict[str, Any] = {
    "console_url": "http://localhost:1",
    "password": "secret",
    "users": [USER],
    "failsafe_account_id": FAILSAFE,
}


def report(body: Any) -> tuple[int, Any]:
    instance = open_instance()
    request = HttpRequest("PUT", "/_sandbox/demo", "", {"host": HOST}, json.dumps(body).encode(), "127.0.0.1")
    answer = answer_control(instance, request)
    return answer.status, instance.demo


def test_a_demo_reports_its_users_and_its_failsafe() -> None:
    status, demo = report(GOOD)
    assert (status, demo.failsafe_account_id, demo.users[0].name) == (200, FAILSAFE, "olga")


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        GOOD | {"more": 1},
        GOOD | {"users": "olga"},
        GOOD | {"users": ["olga"]},
        GOOD | {"password": None},
        GOOD | {"users": [USER | {"name": 7}]},
        GOOD | {"console_url": "javascript:alert(1)"},
        GOOD | {"console_url": "http://console.example.com"},
        GOOD | {"failsafe_account_id": "999999999999"},
    ],
)
def test_a_report_of_another_shape_is_refused(body: Any) -> None:
    status, demo = report(body)
    assert status in (400, 404)
    assert demo is None


def test_the_page_shows_the_codes_that_the_command_prints() -> None:
    moment = read_machine_time().timestamp()
    printed = dict(list_codes(moment))
    assert printed == {
        user.name: totp_code(user.totp_secret, int(moment) // STEP_SECONDS) for user in DEMO_USERS if user.totp_secret
    }
