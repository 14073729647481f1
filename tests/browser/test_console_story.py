"""The guided story in a browser, by administrator, operator and approver, with the sandbox.

After each step, the overview page shows which steps the state of the sandbox proves as done.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from rootkeeper.cli.demo_story import is_bare as has_nothing
from tests.browser import console_story as story
from tests.browser.console_deletion import delete_selected
from tests.browser.console_stage import ConsolePerson, ConsoleStage
from tests.sandbox_process import SandboxProcess

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def people(console: ConsoleStage) -> Iterator[dict[str, ConsolePerson]]:
    """The users of the story."""
    with console.enter_signed_in("adam", "olga", "amir") as entered:
        yield entered


@pytest.fixture
def sandbox(console: ConsoleStage) -> SandboxProcess:
    return console.sandbox


def is_bare(sandbox: SandboxProcess) -> bool:
    return has_nothing(sandbox.root_user(story.ACCOUNT))


def test_the_whole_story(people: dict[str, ConsolePerson], sandbox: SandboxProcess) -> None:
    administrator, operator, approver = people["adam"], people["olga"], people["amir"]
    known = sandbox.control("GET", f"accounts/{story.ACCOUNT}/sign-in")["password"]
    story.expect_done(operator, 0)
    counted = operator.page.get_by_text("Not present", exact=True)
    operator.sees("Root logins left to secure: unknown, no account was read")
    expect(counted).to_have_count(0)
    story.try_to_audit(operator)

    story.set_up(administrator)
    truth = sandbox.organization()
    assert len(truth["features"]) == 2
    assert story.FAILSAFE in str(truth["delegated_administrators"])
    story.expect_done(administrator, 1)
    operator.open("/emergency-access")
    operator.sees("Failsafes unknown, so there is no runbook yet. Run an audit on the Accounts page.")

    story.audit(operator)
    story.expect_done(operator, 2)
    expect(counted).to_be_visible()

    story.choose_account(operator)
    delete_selected(operator)
    assert is_bare(sandbox)
    story.expect_done(operator, 3)

    assert story.is_refused(operator, known)
    story.expect_done(operator, 4)

    path = story.request_window(operator)
    operator.sees("Waiting for approval: 0 of 1. The window isn't open.")
    expect(operator.page.get_by_role("button", name="Approve request", exact=True)).to_have_count(0)
    story.approve(approver, path)
    story.open_window(operator, path)
    assert sandbox.root_user(story.ACCOUNT)["recovery_allowed"]
    story.expect_done(operator, 5)

    story.reset_password(operator)
    story.try_to_sign_in(operator, story.EMAIL, story.NEW_PASSWORD).close()
    story.expect_done(operator, 7)

    story.close_window(operator, path)
    assert is_bare(sandbox)
    assert story.is_refused(operator, story.NEW_PASSWORD)
    story.expect_done(operator, 9)

    story.switch_identity_center(operator, "Switch it off")
    story.expect_done(operator, 10)
    story.enter_by_failsafe(operator)
    story.expect_done(operator, 11)
    story.switch_identity_center(operator, "Restore it")
    story.expect_done(operator, 12)
    operator.sees("You completed all steps.")
