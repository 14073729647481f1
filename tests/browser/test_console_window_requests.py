"""Requests for windows in the console: a window for an account with a login, and what approvers are shown."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser import console_story as story
from tests.browser.console_stage import ConsolePerson, open_console_stage

TICKET = "https://tickets.example.com/browse/OPS-77"
NO_LINK = "javascript:alert(1)//https://tickets.example.com"

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def people(
    console_files: None, chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, ConsolePerson]]:
    """An organization that is set up and whose accounts weren't read yet."""
    with (
        open_console_stage(chromium, tmp_path_factory.mktemp("requests")) as console,
        console.enter_signed_in("adam", "olga", "amir", "vera") as entered,
    ):
        story.set_up(entered["adam"])
        yield entered


def dialog(person: ConsolePerson) -> Locator:
    return person.page.get_by_role("dialog")


def test_an_existing_login_is_governed_from_the_request_to_its_deletion(people: dict[str, ConsolePerson]) -> None:
    olga, amir, sandbox = people["olga"], people["amir"], people["olga"].stage.sandbox
    login = sandbox.root_user(story.ACCOUNT)["password"]
    assert login

    # Before an audit, only the check finds the login. The form stays filled, and a click goes on.
    olga.open(f"/windows/request?account={story.ACCOUNT}")
    olga.fill("Reason", "Register as a seller")
    olga.press("Check request")
    olga.sees(re.compile("has a root password already, or recovery is allowed"))
    olga.press("Govern the existing login")
    olga.sees("The account has a root password already. The window governs this login.")

    # After an audit, the choice of the account is enough.
    story.audit(olga)
    olga.open(f"/windows/request?account={story.CLEAN}")
    expect(olga.page.get_by_text(re.compile("^The account has a root password already"))).to_have_count(0)
    olga.page.get_by_label("Account", exact=True).fill(story.ACCOUNT)
    olga.page.keyboard.press("Escape")
    olga.sees("The account has a root password already. The window governs this login.")
    expect(olga.page.get_by_role("button", name="Delete root user credentials", exact=True)).to_be_visible()
    olga.evaluate()
    olga.fill("Reason", "Register as a seller")
    olga.press("Check request")
    olga.sees("The check passed.")
    olga.press("Request window")
    olga.page.wait_for_url(re.compile(r"/windows/w-"))
    path = olga.page.url.removeprefix(olga.stage.server.url)

    amir.open(path)
    amir.press("Approve request")
    expect(dialog(amir)).to_contain_text("Govern the existing root login")
    amir.press("Approve request", dialog(amir))
    amir.sees("Approved, not open")
    since = sandbox.last_request()
    story.open_window(olga, path)
    olga.sees("The window governs the existing root login until it closes.")
    assert [name for name, _ in sandbox.operations(since, mutating=True) if name != "AssumeRoot"] == []
    assert sandbox.root_user(story.ACCOUNT)["password"] == login
    story.close_window(olga, path)
    assert not sandbox.root_user(story.ACCOUNT)["password"]


def test_an_approver_sees_what_to_judge_and_moves_on_to_the_next_request(people: dict[str, ConsolePerson]) -> None:
    olga, amir, vera = people["olga"], people["amir"], people["vera"]
    first = story.request_window(olga, story.CLEAN, "Change the tax settings", TICKET)
    second = story.request_window(olga, story.ACCOUNT, "Register again", NO_LINK)

    amir.open(first)
    facts = amir.page.get_by_role("main")
    expect(facts.get_by_role("heading", name="For the decision", exact=True)).to_be_visible()
    for text in ("No policy blocks the window or the work.", "The account had no root user credentials.", "adam"):
        expect(facts).to_contain_text(text)
    expect(facts.get_by_role("link", name=re.compile("OPS-77"))).to_have_attribute("href", TICKET)
    amir.evaluate()
    amir.press("Approve request")
    for text in (
        story.CLEAN_NAME,
        "Root/",
        "Owner",
        "Root user credentials now",
        "Check of the request",
        "Earlier windows of the account",
        "Earlier windows of olga in other accounts",
        story.ACCOUNT_NAME,
        "Who else can approve",
        "Anyone who reads the root user's mailbox can set a password",
    ):
        expect(dialog(amir)).to_contain_text(text)
    expect(dialog(amir).get_by_role("link", name=re.compile("OPS-77"))).to_be_visible()
    amir.judge_now()
    amir.press("Approve request", dialog(amir))

    amir.page.wait_for_url(re.compile(re.escape(second)))
    amir.sees(f"{story.CLEAN_NAME}: Approved, not open.")
    amir.sees(f"Recovery window for {story.ACCOUNT_NAME}")
    expect(facts).to_contain_text(NO_LINK)
    expect(amir.page.locator("a[href^='javascript:']")).to_have_count(0)
    expect(facts.get_by_role("link", name=re.compile("tickets.example.com"))).to_have_count(0)
    amir.press("Deny request")
    amir.fill("Reason", "There was a window today.")
    amir.press("Deny request", dialog(amir))
    amir.sees(re.compile("^Denied by amir"))
    assert amir.page.url.endswith(second), "nothing else waits"

    third = story.request_window(olga, story.ACCOUNT, "Register at last", "OPS-78")
    vera.open(third)
    vera.sees("Shown to people who request or approve")
    expect(vera.page.get_by_role("main")).not_to_contain_text("adam")
