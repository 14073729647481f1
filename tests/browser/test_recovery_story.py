"""The story of a root user, lived through in a browser: deleted, recovered, at work, deleted again.

Rootkeeper itself deletes and recovers; the browser runs no script.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.pages import Person
from tests.e2e.product import Rootkeeper, open_rootkeeper
from tests.e2e.stage import Stage

ACCOUNT, EMAIL = "888899990000", "aws+orders-prod@example.com"
FAILSAFE, FAILSAFE_EMAIL = "222233334444", "aws+security@example.com"
PASSWORD = "Correct-Horse-7"
WRONG = "Your authentication information is incorrect. Please try again."


@pytest.fixture
def person(chromium: Browser, stage: Stage) -> Iterator[Person]:
    stage.process.reset()
    context = chromium.new_context(java_script_enabled=False)
    client_origin = Person(context, stage)
    yield client_origin
    context.close()
    assert client_origin.complaints == []
    assert client_origin.foreign == []


@pytest.fixture
def rootkeeper(stage: Stage, tmp_path: Path) -> Rootkeeper:
    return open_rootkeeper(stage, tmp_path)


def run(rootkeeper: Rootkeeper, *arguments: str) -> None:
    finished = rootkeeper.run(*arguments)
    assert finished.exit_status == 0, finished.stdout + finished.stderr


def refused(person: Person, password: str) -> bool:
    """Whether both the password and a password recovery are refused."""
    person.sign_in(EMAIL, password)
    is_refused = person.alert() == WRONG
    person.ask_for_link(EMAIL)
    return is_refused and "Password recovery isn't allowed for this account." in person.alert()


@pytest.mark.long
def test_deleted_recovered_and_deleted_again(person: Person, rootkeeper: Rootkeeper, stage: Stage) -> None:
    known = stage.process.control("GET", f"accounts/{ACCOUNT}/sign-in")["password"]

    run(rootkeeper, "delete", ACCOUNT, "--yes")
    assert refused(person, known)

    run(rootkeeper, "recover", ACCOUNT, "--reason", "S3 lock-out", "--leave-open", "--yes")
    person.ask_for_link(EMAIL)
    person.follow("Open this mailbox")
    person.set_password(PASSWORD)
    assert "The new password is set" in person.page.get_by_role("status").inner_text()
    person.sign_in(EMAIL, known)
    assert person.alert() == WRONG
    person.sign_in(EMAIL, PASSWORD)
    assert person.path == "/console/register-mfa"
    person.register_mfa()
    assert person.path == "/console"
    assert "The MFA device is registered." in person.page.get_by_role("status").inner_text()

    run(rootkeeper, "windows", "close", ACCOUNT, "--yes")
    person.open("/console")
    assert person.path == "/console", "a live session outlasts its password"
    assert person.page.get_by_text("The root user has no password any more").is_visible()
    person.press("Sign out")
    assert refused(person, PASSWORD)

    names = [event["eventName"] for event in stage.process.events(ACCOUNT)]
    story = [
        "DeleteLoginProfile",
        "ConsoleLogin",
        "PasswordRecoveryRequested",
        "CreateLoginProfile",
        "PasswordRecoveryRequested",
        "PasswordRecoveryCompleted",
        "ConsoleLogin",
        "ConsoleLogin",
        "CreateVirtualMFADevice",
        "EnableMFADevice",
        "DeleteLoginProfile",
        "DeactivateMFADevice",
        "ConsoleLogin",
        "PasswordRecoveryRequested",
    ]
    assert [name for name in names if name in set(story)] == story


def test_the_failsafe_is_the_way_in_when_identity_center_is_down(
    person: Person, rootkeeper: Rootkeeper, stage: Stage
) -> None:
    run(rootkeeper, "enable", "--delegated-administrator", FAILSAFE, "--yes")
    stage.process.control("POST", "identity-center", {"status": "down"})
    person.open("/identity-center")
    assert "IAM Identity Center isn't available." in person.alert()

    takes = stage.process.control("GET", f"accounts/{FAILSAFE}/sign-in")
    person.sign_in(FAILSAFE_EMAIL, takes["password"])
    person.type(Code_of_six_digits=takes["mfa_devices"][1]["code"])
    person.press("Sign in")
    assert person.path == "/console"
    person.type(Name_of_a_new_user="break-glass")
    person.press("Create user with access key")
    shown = person.page.get_by_role("status").locator("pre").inner_text()
    keys = dict(line.removeprefix("export ").split("=", 1) for line in shown.splitlines())
    failsafe = Rootkeeper(stage.url, rootkeeper.folder, rootkeeper.keys, keys)
    finished = failsafe.run("audit", ACCOUNT, "-o", "json", "--fail-on", "none")
    assert finished.exit_status == 0, finished.stderr
    assert [account["status"] for account in finished.document["accounts"]] == ["present"]


def test_a_root_user_under_a_policy_against_root_users_signs_in_and_can_do_nothing(
    person: Person, stage: Stage
) -> None:
    takes = stage.process.control("GET", "accounts/565678789090/sign-in")
    person.sign_in(takes["email"], takes["password"])
    person.type(Code_of_six_digits=takes["mfa_devices"][0]["code"])
    person.press("Sign in")
    assert person.path == "/console"
    assert person.page.get_by_text("with an explicit deny in a service control policy").count() == 4
