"""The steps of the guided story, as users take them in the console and on the sandbox's pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.console_stage import ConsolePerson, open_console_stage
from tests.browser.pages import submit

ACCOUNT, ACCOUNT_NAME, EMAIL = "888899990000", "Orders Prod", "aws+orders-prod@example.com"
CLEAN, CLEAN_NAME = "400050006000", "Shop Test"
"""Without root user credentials, so that a window can be opened at once."""
FAILSAFE, FAILSAFE_EMAIL = "222233334444", "aws+security@example.com"
NEW_PASSWORD = "Correct-Horse-7"
WRONG = "Your authentication information is incorrect. Please try again."
JOB_MILLISECONDS = 60_000


# At the console.


def set_up(administrator: ConsolePerson, delegate: str = FAILSAFE) -> None:
    """Turn everything on by the wizard."""
    page = administrator.page
    administrator.open("/set-up")
    administrator.press("Next")
    administrator.press("Next")
    page.get_by_placeholder("Id or name").fill(delegate)
    page.keyboard.press("Escape")
    administrator.press("Next")
    administrator.press("Apply changes")
    expect(page.get_by_text("The set-up is complete.")).to_be_visible(timeout=JOB_MILLISECONDS)


def audit(operator: ConsolePerson) -> None:
    """Read everything."""
    operator.open("/accounts")
    operator.page.get_by_role("button", name="Run audit", exact=True).first.click()
    expect(operator.page.get_by_text(re.compile("^The audit is complete"))).to_be_visible(timeout=JOB_MILLISECONDS)


def try_to_audit(operator: ConsolePerson) -> None:
    """Without trusted access: the message names cause and next step, and no number of accounts that no one has read."""
    operator.open("/accounts")
    operator.page.get_by_role("button", name="Run audit", exact=True).first.click()
    failed = operator.page.get_by_role("group").filter(has_text="The audit failed.")
    expect(failed).to_contain_text("trusted access", ignore_case=True, timeout=JOB_MILLISECONDS)
    expect(failed).to_contain_text("On Overview, choose Change set-up.")
    expect(failed).not_to_contain_text("with root user credentials")


@contextmanager
def enter_audited(chromium: Browser, folder: Path, operator: str, *others: str) -> Iterator[dict[str, ConsolePerson]]:
    """Sign users in to the demo organization, with both features on and one audit done."""
    with (
        open_console_stage(chromium, folder, "--scenario", "demo", "--features", "all") as stage,
        stage.enter_signed_in(operator, *others) as people,
    ):
        audit(people[operator])
        yield people


def choose_account(operator: ConsolePerson, name: str = ACCOUNT_NAME) -> None:
    """Tick one account in the tree."""
    operator.open("/accounts")
    operator.page.get_by_label(f"Select {name}", exact=True).check()


def request_window(
    operator: ConsolePerson,
    account: str = ACCOUNT,
    reason: str = "Register as a seller",
    ticket: str = "OPS-1234",
    *,
    is_emergency: bool = False,
) -> str:
    """Ask for a window of the shortest length; its page's path."""
    page = operator.page
    operator.open(f"/windows/request?account={account}")
    operator.fill("Reason", reason)
    operator.fill("Ticket (optional)", ticket)
    page.get_by_role("button", name=re.compile("^Duration")).click()
    page.get_by_role("option", name="15 min").click()
    if is_emergency:
        page.get_by_role("checkbox", name="This is an emergency").check(force=True)
    operator.press("Check request")
    expect(page.get_by_text("The check passed.")).to_be_visible(timeout=JOB_MILLISECONDS)
    operator.press("Request window")
    page.wait_for_url(re.compile(r"/windows/w-"), timeout=JOB_MILLISECONDS)
    return page.url.removeprefix(operator.stage.server.url)


def approve(approver: ConsolePerson, path: str) -> None:
    """Approve the window of that page."""
    approver.open(path)
    approver.press("Approve request")
    approver.press("Approve request", approver.page.get_by_role("dialog"))
    approver.sees("Approved, not open")


def open_window(operator: ConsolePerson, path: str) -> None:
    """Activate what was approved."""
    operator.open(path)
    operator.press("Open window")
    operator.press("Open window", operator.page.get_by_role("dialog"))
    expect(operator.page.get_by_text("The window is open.").first).to_be_visible(timeout=JOB_MILLISECONDS)


def close_window(operator: ConsolePerson, path: str) -> None:
    """Close it before its end."""
    operator.open(path)
    operator.press("Close window")
    operator.press("Close window", operator.page.get_by_role("dialog"))
    expect(operator.page.get_by_text("Closed, verified").first).to_be_visible(timeout=JOB_MILLISECONDS)


def expect_done(person: ConsolePerson, steps: int) -> None:
    """Wait until the Overview shows so many steps as done."""
    person.open("/")
    heading = person.page.get_by_role("heading", name=re.compile(r"^Guided story")).first
    expect(heading).to_contain_text(f"({steps} of 12 done)")


# At the sandbox's pages, in a tab of their own.


def open_sandbox(person: ConsolePerson, path: str) -> Page:
    page = person.context.new_page()
    page.goto(person.stage.sandbox.base_url + path)
    return page


def is_refused(person: ConsolePerson, password: str, email: str = EMAIL) -> bool:
    """Whether both the password and a password recovery are refused."""
    page = try_to_sign_in(person, email, password)
    refused = page.get_by_role("alert").inner_text() == WRONG
    ask_for_mail(page, email)
    refused &= "Password recovery isn't allowed for this account." in page.get_by_role("alert").inner_text()
    page.close()
    return refused


def try_to_sign_in(person: ConsolePerson, email: str, password: str) -> Page:
    page = open_sandbox(person, "/signin")
    page.get_by_label("Root user e-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    submit(page, "Sign in")
    return page


def ask_for_mail(page: Page, email: str) -> None:
    page.goto(page.url.split("/signin")[0] + "/signin/forgot-password")
    page.get_by_label("Root user e-mail address").fill(email)
    submit(page, "Send mail")


def reset_password(person: ConsolePerson, email: str = EMAIL) -> None:
    """By the mail."""
    page = open_sandbox(person, "/signin")
    ask_for_mail(page, email)
    page.locator("main").get_by_role("link", name="Open this mailbox", exact=True).click()
    page.locator("main pre a").first.click()
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("Once more", exact=True).fill(NEW_PASSWORD)
    submit(page, "Set password")
    assert "The new password is set" in page.get_by_role("status").inner_text()
    page.close()


def switch_identity_center(person: ConsolePerson, button: str) -> None:
    page = open_sandbox(person, "/identity-center")
    submit(page, button)
    page.close()


def enter_by_failsafe(person: ConsolePerson) -> None:
    """With the password and the MFA code that were kept."""
    takes = person.stage.sandbox.control("GET", f"accounts/{FAILSAFE}/sign-in")
    page = try_to_sign_in(person, FAILSAFE_EMAIL, takes["password"])
    page.get_by_label("Code of six digits", exact=True).fill(takes["mfa_devices"][0]["code"])
    submit(page, "Sign in")
    assert page.url.endswith("/console")
    page.close()
