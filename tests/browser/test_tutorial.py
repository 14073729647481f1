"""The tutorial of two people: each step is done in the console as it is written, with its accounts and labels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.console_stage import FACTOR_QUESTION, ConsolePerson, ConsoleStage
from tests.browser.console_story import JOB_MILLISECONDS
from tests.browser.pages import submit
from tests.browser.tutorial import Tutorial

pytestmark = pytest.mark.timeout(900)

SHOP_TEST, SHOP_TEST_EMAIL = "400050006000", "aws+shop-test@example.com"
SECURITY, ORDERS_PROD = "222233334444", "888899990000"
OWN_PASSWORD = "Correct-Horse-7"


@pytest.fixture
def windows(console: ConsoleStage) -> Iterator[tuple[ConsolePerson, ConsolePerson]]:
    """Two browser windows, one of them private, at the sign-in page."""
    first, private = console.enter("adam"), console.enter("amir")
    for window in (first, private):
        window.open("/")
    yield first, private
    first.leave()
    private.leave()


def choose_page(person: ConsolePerson, name: str) -> None:
    person.page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()


def sign_out_and_in_as(person: ConsolePerson, name: str) -> None:
    """In the same browser window."""
    person.page.get_by_role("button", name=person.name).first.click()
    person.page.get_by_role("menuitem", name="Sign out", exact=True).click()
    person.name = name
    person.prove_identity()


def enter_account(person: ConsolePerson, account_id: str) -> None:
    person.page.get_by_role("combobox", name="Account", exact=True).fill(account_id)
    person.page.keyboard.press("Escape")


def confirm(person: ConsolePerson, button: str) -> None:
    """Press a button, and the same in the question."""
    person.press(button)
    person.press(button, person.page.get_by_role("dialog"))


def test_the_tutorial_of_two_people_is_followed_to_its_end(
    windows: tuple[ConsolePerson, ConsolePerson], console: ConsoleStage
) -> None:
    first, amir = windows
    tutorial = Tutorial("docs/tutorials/two-people.md", "## 1. Start the demo", "## Next")

    tutorial.follow("On the sign-in page, *Show users, password and codes* opens a page of the sandbox")
    expect(first.page.get_by_role("link", name=re.compile("^Show users, password and codes"))).to_have_attribute(
        "href", re.compile("/codes$")
    )

    enable(tutorial, first)
    assert len(console.sandbox.organization()["features"]) == 2
    audit(tutorial, first)
    request(tutorial, first)
    assert not console.sandbox.root_user(SHOP_TEST)["recovery_allowed"]
    approve(tutorial, amir)
    use(tutorial, first, console)
    close(tutorial, first, console)

    tutorial.follow("*Ledger* shows every privileged call with the person who caused it.")
    choose_page(first, "Ledger")
    entries = first.page.get_by_role("treegrid", name="Entries of the ledger")
    for name in ("adam", "olga"):
        expect(entries.get_by_text(name).first).to_be_visible()
    tutorial.follow("*Verify ledger* recomputes the chain: *The ledger is intact.*")
    first.press("Verify ledger")
    expect(first.page.get_by_text("The ledger is intact.")).to_be_visible(timeout=JOB_MILLISECONDS)
    tutorial.finish()


def enable(tutorial: Tutorial, person: ConsolePerson) -> None:
    tutorial.follow("Sign in as `adam`, the administrator.")
    person.prove_identity()
    tutorial.follow("The *Overview* shows a story.")
    expect(person.page.get_by_role("heading", name="Overview", exact=True)).to_be_visible()
    tutorial.follow("Choose *Open page*, and *Next* two times.")
    person.page.get_by_role("link", name=re.compile("^Open page")).click()
    person.press("Next")
    person.press("Next")
    tutorial.follow(f"In *Account*, enter `{SECURITY}`, the account *Security*, and choose *Next*.")
    enter_account(person, SECURITY)
    person.press("Next")
    tutorial.follow("*Review* shows the changes. Choose *Apply changes*, and wait for *The set-up is complete.*")
    expect(person.page.get_by_role("heading", name="Review")).to_be_visible()
    person.press("Apply changes")
    expect(person.page.get_by_text("The set-up is complete.")).to_be_visible(timeout=JOB_MILLISECONDS)


def audit(tutorial: Tutorial, person: ConsolePerson) -> None:
    tutorial.follow("Choose your name at the top right, then *Sign out*. Sign in as `olga`,")
    sign_out_and_in_as(person, "olga")
    tutorial.follow("choose *Accounts* and *Run audit*, and wait until the audit is complete.")
    choose_page(person, "Accounts")
    person.page.get_by_role("button", name="Run audit", exact=True).first.click()
    expect(person.page.get_by_text(re.compile("^The audit is complete"))).to_be_visible(timeout=JOB_MILLISECONDS)
    tutorial.follow("Two accounts stay unknown: a policy blocks root sessions in them.")
    person.sees(re.compile(r"\b2 unknown"))


def request(tutorial: Tutorial, person: ConsolePerson) -> None:
    tutorial.follow("As `olga`, choose *Recovery windows*, then *Request window*:")
    choose_page(person, "Recovery windows")
    person.page.get_by_role("link", name="Request window", exact=True).click()
    tutorial.follow(f"In *Account*, enter `{SHOP_TEST}`, the account *Shop Test*.")
    enter_account(person, SHOP_TEST)
    person.sees(re.compile("^Shop Test, in Root/"))
    tutorial.follow(f"for `{ORDERS_PROD}`, the form says so and offers a window that governs this login.")
    enter_account(person, ORDERS_PROD)
    person.sees("The account has a root password already. The window governs this login.")
    enter_account(person, SHOP_TEST)
    tutorial.follow('Enter a *Reason*, such as "Register as a seller", and choose 15 minutes as the *Duration*.')
    person.fill("Reason", "Register as a seller")
    person.page.get_by_role("button", name=re.compile("^Duration")).click()
    person.page.get_by_role("option", name="15 min").click()
    tutorial.follow("*Check request* looks for policies in the way.")
    person.press("Check request")
    tutorial.follow("After *The check passed.*, *Request window* sends the request.")
    expect(person.page.get_by_text("The check passed.")).to_be_visible(timeout=JOB_MILLISECONDS)
    person.press("Request window")
    tutorial.follow("The page says *Waiting for approval*.")
    person.sees("Waiting for approval: 0 of 1.")
    tutorial.follow("Olga can't approve her own request.")
    expect(person.page.get_by_role("button", name="Approve request", exact=True)).to_have_count(0)


def approve(tutorial: Tutorial, approver: ConsolePerson) -> None:
    tutorial.follow("In the private window, sign in as `amir`, choose *Recovery windows*, and then *Shop Test*.")
    approver.prove_identity()
    choose_page(approver, "Recovery windows")
    approver.page.get_by_role("link", name=re.compile("^Shop Test")).click()
    tutorial.follow("He sees who asks, for which account, why and for how long.")
    for shown in ("olga", SHOP_TEST, "Register as a seller", "15 min"):
        approver.sees(shown)
    tutorial.follow("*For the decision* shows the account's credentials, the check of the request,")
    expect(approver.page.get_by_role("heading", name="For the decision", exact=True)).to_be_visible()
    tutorial.follow("He chooses *Approve request*, and confirms with the same button in the question.")
    confirm(approver, "Approve request")
    expect(approver.page.get_by_role("dialog", name=FACTOR_QUESTION)).to_have_count(0)
    approver.sees("Approved, not open")


def use(tutorial: Tutorial, person: ConsolePerson, console: ConsoleStage) -> None:
    tutorial.follow("Back as `olga`, choose *Open window*, and confirm with the same button.")
    confirm(person, "Open window")
    tutorial.follow("The page shows the time left, and *Next steps* for the person who signs in as root user.")
    expect(person.page.get_by_role("heading", name="Next steps")).to_be_visible(timeout=JOB_MILLISECONDS)
    person.sees("Time left")
    assert console.sandbox.root_user(SHOP_TEST)["recovery_allowed"]
    tutorial.follow("Follow *Open the Forgot password page of the sandbox*.")
    with person.context.expect_page() as opened:
        person.page.get_by_role("link", name=re.compile("^Open the Forgot password page of the sandbox")).click()
    page = opened.value
    tutorial.follow(f"Enter `{SHOP_TEST_EMAIL}`, choose *Send mail*, then *Open this mailbox*.")
    page.get_by_label("Root user e-mail address").fill(SHOP_TEST_EMAIL)
    submit(page, "Send mail")
    follow_link(page, "Open this mailbox")
    tutorial.follow("Follow the link in the mail, enter a password of your own two times, and choose *Set password*.")
    page.locator("main pre a").first.click()
    page.get_by_label("New password", exact=True).fill(OWN_PASSWORD)
    page.get_by_label("Once more", exact=True).fill(OWN_PASSWORD)
    submit(page, "Set password")
    tutorial.follow("Enter the address and your password, choose *Sign in*, and *Skip for now* for the MFA device.")
    page.get_by_label("Root user e-mail address").fill(SHOP_TEST_EMAIL)
    page.get_by_label("Password", exact=True).fill(OWN_PASSWORD)
    submit(page, "Sign in")
    follow_link(page, "Skip for now")
    tutorial.follow("You are the root user.")
    expect(page.get_by_text(f"arn:aws:iam::{SHOP_TEST}:root").first).to_be_visible()
    page.close()


def follow_link(page: Page, name: str) -> None:
    with page.expect_navigation():
        page.locator("main").get_by_role("link", name=name, exact=True).click()


def close(tutorial: Tutorial, person: ConsolePerson, console: ConsoleStage) -> None:
    assert console.sandbox.root_user(SHOP_TEST)["password"]
    tutorial.follow("Back in the console, choose *Close window*, and confirm with the same button;")
    confirm(person, "Close window")
    tutorial.follow("The window is *Closed, verified*.")
    expect(person.page.get_by_text("Closed, verified").first).to_be_visible(timeout=JOB_MILLISECONDS)
    assert not console.sandbox.root_user(SHOP_TEST)["password"]


def test_a_tutorial_with_a_step_that_no_test_does_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A\n\nChoose *Next*,\nthen *Apply changes*. Wait.\n\n# B\n")
    tutorial = Tutorial(str(page), "# A", "# B")
    with pytest.raises(AssertionError, match="the test leaves this out"):
        tutorial.follow("then *Apply changes*.")
    tutorial.follow("Choose *Next*, then")
    with pytest.raises(AssertionError, match="not in the page"):
        tutorial.follow("Choose *Next*")
    with pytest.raises(AssertionError, match="the test leaves this out"):
        tutorial.finish()
    tutorial.follow("*Apply changes*.")
    tutorial.finish()
