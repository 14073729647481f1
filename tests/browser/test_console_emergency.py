"""The pages about exceptions, root e-mails and emergency access, each used for what it is for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Route, expect
from pypdfium2 import PdfDocument

from tests.browser import console_story as story
from tests.browser.console_stage import WIDE, ConsolePerson, open_console_stage
from tests.browser.tutorial import Tutorial
from tests.functional.administration import Administration
from tests.root_person import RootPerson

FAILSAFE, FAILSAFE_NAME = "222233334444", "Security"
WEB, WEB_NAME = "800090001000", "AnyCompany Web"
LI_EMAIL = "li.juan@example.com"
KEPT = "Root logins that are kept"
OPENERS = "Principals that can open root sessions"
A4_PIXELS = 680
"""The width between the margins of 15 mm, at 96 pixels an inch."""
HYPHEN_AT_LINE_END = "\x02"
"""As PDFium reads it."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


EMAIL_RULES = {"ROOTKEEPER_EMAILS_ALLOWED_DOMAINS": "example.com", "ROOTKEEPER_EMAILS_GROUPS": "aws@example.com"}


@pytest.fixture(scope="module")
def people(
    console_files: None, chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, ConsolePerson]]:
    """An organization that is set up and was audited, with rules for addresses."""
    with (
        open_console_stage(chromium, tmp_path_factory.mktemp("emergency"), **EMAIL_RULES) as console,
        console.enter_signed_in("adam", "olga", "amir", "vera") as entered,
    ):
        Administration(console.sandbox).trust_account_management()
        story.set_up(entered["adam"])
        story.audit(entered["olga"])
        yield entered


def row(person: ConsolePerson, table: str, text: str) -> Locator:
    return person.page.get_by_role("table", name=table, exact=True).get_by_role("row").filter(has_text=text)


def dialog(person: ConsolePerson) -> Locator:
    return person.page.get_by_role("dialog")


def choose(person: ConsolePerson, account_name: str, item: str) -> None:
    """An item of the account's menu on Root e-mails."""
    person.press(f"Actions for {account_name}")
    person.page.get_by_role("menuitem", name=item, exact=True).click()


def choose_day(person: ConsolePerson, days: int) -> None:
    day = datetime.now(UTC) + timedelta(days=days)
    dialog(person).get_by_placeholder("YYYY/MM/DD").fill(f"{day:%Y/%m/%d}")


def test_an_exception_is_added_extended_and_removed(people: dict[str, ConsolePerson]) -> None:
    olga = people["olga"]
    olga.open("/exceptions")
    expect(olga.page).to_have_title(re.compile("Exceptions"))
    olga.sees("No exceptions. Add one for an account whose root user must stay for a time.")
    olga.press("Add exception")
    field = dialog(olga).get_by_label("Account", exact=True)
    expect(field).to_be_focused()
    field.fill(WEB)
    olga.page.get_by_role("option").filter(has_text=WEB).first.click()
    olga.fill("Reason", "Its vendor signs in as root until March.")
    choose_day(olga, 10)
    olga.press("Add exception", within=dialog(olga))
    kept = row(olga, "Exceptions", WEB_NAME)
    expect(kept).to_contain_text("In force")
    olga.press(f"Extend the exception for {WEB_NAME}")
    expect(dialog(olga).get_by_label("Reason")).to_have_value("Its vendor signs in as root until March.")
    olga.fill("Reason", "The move takes until April.")
    choose_day(olga, 40)
    olga.press("Extend exception", within=dialog(olga))
    expect(kept).to_contain_text("The move takes until April.")
    olga.evaluate()
    people["vera"].open("/exceptions")
    expect(row(people["vera"], "Exceptions", WEB_NAME)).to_be_visible()
    expect(people["vera"].page.get_by_role("button", name=re.compile("exception"))).to_have_count(0)
    olga.press(f"Remove the exception for {WEB_NAME}")
    olga.press("Remove exception", within=dialog(olga))
    olga.sees("No exceptions. Add one")


def test_a_failsafe_is_checked_attested_and_its_drill_recorded(people: dict[str, ConsolePerson]) -> None:
    olga, amir = people["olga"], people["amir"]
    olga.open("/failsafe")
    expect(olga.page).to_have_url(re.compile("/emergency-access$"))
    olga.sees("The failsafe isn't in order.")
    olga.sees(f"No drill of {FAILSAFE} is recorded.")
    own = row(olga, KEPT, FAILSAFE_NAME)
    for text in ("Failsafe", "Unknown: not checked", "Not confirmed", "Due now"):
        expect(own).to_contain_text(text)
    olga.press("Check now")
    drill = row(olga, "Checks of the failsafe", f"No drill of {FAILSAFE}")
    expect(drill).to_be_visible(timeout=story.JOB_MILLISECONDS)
    expect(drill).to_contain_text("choose Record drill on Emergency access")
    olga.press(f"Record a drill in {FAILSAFE_NAME}")
    expect(dialog(olga).get_by_label("Held by")).to_be_focused()
    olga.press("Record drill", within=dialog(olga))
    expect(own).to_contain_text("Pass")
    expect(own).to_contain_text("self-asserted by olga")
    expect(row(olga, "Drills", "Passed")).to_contain_text("olga")
    amir.open("/emergency-access")
    amir.press(f"Attest {FAILSAFE_NAME}")
    amir.fill("Reason", "Its devices are in two safes.")
    choose_day(amir, 90)
    amir.press("Attest", within=dialog(amir))
    expect(row(amir, KEPT, FAILSAFE_NAME)).to_contain_text("Kept on purpose")
    expect(amir.page.get_by_role("button", name=re.compile("Record a drill|Check now"))).to_have_count(0)
    olga.evaluate()
    amir.evaluate()


def test_what_is_unknown_about_the_access_says_who_can_read_it(people: dict[str, ConsolePerson]) -> None:
    olga = people["olga"]
    olga.open("/break-glass")
    expect(olga.page).to_have_url(re.compile("/emergency-access$"))
    olga.press("Check now")
    unread = row(olga, "Checks of the access", f"needs an identity of account {FAILSAFE}")
    expect(unread.first).to_contain_text("Unknown", timeout=story.JOB_MILLISECONDS)
    expect(row(olga, OPENERS, "Permission set").first).to_be_visible()
    expect(row(olga, "Ways in without Identity Center", "root user")).to_be_visible()
    olga.evaluate()


def test_the_printed_page_has_every_column_and_starts_with_the_verdict_and_the_logins(
    people: dict[str, ConsolePerson],
) -> None:
    olga = people["olga"]
    page = olga.page
    olga.open("/emergency-access")
    olga.press("Check now")
    for table in (OPENERS, "Checks of the failsafe", "Checks of the access"):
        expect(page.get_by_role("table", name=table)).to_be_visible(timeout=story.JOB_MILLISECONDS)
    expect(page.get_by_role("table", name=KEPT)).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile("^Runbook"))).to_be_visible()
    page.emulate_media(media="print")
    page.set_viewport_size({"width": A4_PIXELS, "height": 1000})
    expect(page.get_by_role("columnheader", name="Actions")).to_have_count(0)
    cut = page.evaluate(
        """(width) => [...document.querySelectorAll(".print-page :is(th, td, pre, li)")]
            .filter((part) => part.checkVisibility() && part.getBoundingClientRect().right > width + 1)
            .map((part) => part.textContent)""",
        A4_PIXELS,
    )
    breaks = page.evaluate(
        """() => [...document.querySelectorAll(".print-section")].map((part) => getComputedStyle(part).breakBefore)"""
    )
    buttons = page.locator(".print-page button:visible").count()
    page.emulate_media(media="null")  # as the user's window has it
    page.set_viewport_size(WIDE)
    headings = page.get_by_role("columnheader").all_inner_texts()
    printed = read_words(page.pdf(format="A4"))
    assert cut == []
    assert [text for text in headings if text != "Actions" and "".join(text.split()) not in printed] == []
    assert breaks[:2] == ["auto", "page"]
    assert buttons == 0


def read_words(printed: bytes) -> str:
    """The text of all pages without spaces: a word that leaves the paper isn't in it."""
    texts = (page.get_textpage().get_text_bounded() for page in PdfDocument(printed))
    return "".join("".join(text.replace(HYPHEN_AT_LINE_END, "-").split()) for text in texts)


def test_root_emails_are_filtered_exported_and_attested(people: dict[str, ConsolePerson], tmp_path: Path) -> None:
    amir = people["amir"]
    amir.open("/root-emails?verdict=fail")
    amir.fill("Address, account id or name", "li.juan")
    listed = row(amir, "Root e-mail addresses", LI_EMAIL)
    expect(listed).to_contain_text(re.compile("no group known", re.IGNORECASE))
    expect(amir.page.get_by_role("table", name="Root e-mail addresses").get_by_role("row")).to_have_count(2)
    amir.press("Export")
    with amir.page.expect_download() as downloading:
        amir.page.get_by_role("menuitem", name="JSON").click()
    downloading.value.save_as(tmp_path / "emails.json")
    exported = json.loads((tmp_path / "emails.json").read_text())
    assert [one["email"] for one in exported["accounts"]] == [LI_EMAIL]
    choose(amir, "Sandbox Li", "Attest")
    expect(dialog(amir)).to_contain_text(f"Attest that a group reads {LI_EMAIL}")
    expect(dialog(amir).get_by_label("Attested by", exact=True)).to_be_focused()
    choose_day(amir, 30)
    amir.press("Attest", within=dialog(amir))
    amir.page.get_by_role("button", name=re.compile("Verdict")).click()
    amir.page.get_by_role("option", name=re.compile("^Any")).click()
    expect(listed).to_contain_text("attested by amir until")
    expect(listed).not_to_contain_text(re.compile("no group known", re.IGNORECASE))
    amir.evaluate()
    amir.open("/ledger")
    entries = amir.page.get_by_role("treegrid", name="Entries of the ledger", exact=True)
    expect(entries.get_by_role("row").filter(has_text="Email: attest")).to_contain_text("amir")


def test_selected_root_emails_are_attested_at_once_and_each_refusal_names_its_address(
    people: dict[str, ConsolePerson],
) -> None:
    amir, refused = people["amir"], "john.doe@example.net"
    amir.open("/root-emails")
    amir.sees("Page 1 of 2")
    amir.press("Next page")
    amir.sees("Page 2 of 2")
    amir.open("/root-emails?q=example.net")
    selecting = amir.page.get_by_role("checkbox", name="Select all addresses of this page that lack a group")
    selecting.check()
    amir.press("Attest selected (3)")
    for email in (refused, "billing@example.net", "webmaster@example.net"):
        expect(dialog(amir).get_by_role("list", name="Addresses")).to_contain_text(email)
    choose_day(amir, 30)
    sent: list[str] = []

    def refuse_once(route: Route) -> None:
        body = str(route.request.post_data)
        sent.append(body)
        if refused in body and len(sent) <= 3:
            route.fulfill(status=503, json={"detail": "The ledger is busy."}, content_type="application/problem+json")
        else:
            route.continue_()

    amir.page.route("**/root-emails/attestations", refuse_once)
    amir.press("Attest", within=dialog(amir))
    amir.sees("Attested: 2 addresses.")
    expect(dialog(amir).get_by_role("alert")).to_contain_text(f"{refused}: The ledger is busy.")
    expect(dialog(amir).get_by_role("alert")).not_to_contain_text("webmaster")
    amir.judge_now()
    amir.press("Attest", within=dialog(amir))
    amir.sees(f"Attested: {refused}.")
    expect(dialog(amir)).to_have_count(0)
    amir.page.unroute("**/root-emails/attestations")
    assert [refused in body for body in sent].count(True) == len(sent) - 2 == 2
    for email in (refused, "billing@example.net", "webmaster@example.net"):
        expect(row(amir, "Root e-mail addresses", email)).to_contain_text("A group, attested by amir")
    expect(amir.page.get_by_role("button", name="Attest selected", exact=True)).to_be_disabled()
    amir.evaluate()


def test_a_root_email_is_approved_by_one_person_and_changed_by_another(people: dict[str, ConsolePerson]) -> None:
    olga, amir, sandbox = people["olga"], people["amir"], people["olga"].stage.sandbox
    old, new = str(sandbox.accounts()[story.CLEAN]["email"]), "aws+shop-test-new@example.com"
    guide = Tutorial("docs/guides/root-emails.md", "1. An approver chooses", "The dialog can be closed after step 2")
    olga.page.set_viewport_size({"width": 390, "height": 844})
    olga.open(f"/root-emails?q={story.CLEAN}")
    expect(olga.page.get_by_role("button", name=f"Actions for {story.CLEAN_NAME}")).to_be_in_viewport(ratio=1)
    olga.page.set_viewport_size(WIDE)
    choose(olga, story.CLEAN_NAME, "Change address")
    expect(dialog(olga).get_by_label("New address", exact=True)).to_be_focused()
    olga.fill("New address", new)
    olga.fill("Reason", "One address for each account.")
    olga.press("Check change")
    expect(dialog(olga)).to_contain_text("has 0 approvals that count; it needs 1")
    expect(dialog(olga)).to_contain_text("Ask another person to choose Approve a new address for")
    amir.open(f"/root-emails?q={story.CLEAN}")
    amir.press(f"Actions for {story.CLEAN_NAME}")
    expect(amir.page.get_by_role("menuitem", name="Change address")).to_have_count(0)
    guide.follow(
        "An approver chooses *Approve a new address* in the account's menu on *Root e-mails*, and enters the new "
        "address and a reason."
    )
    amir.page.get_by_role("menuitem", name="Approve a new address").click()
    amir.fill("New address", new)
    amir.fill("Reason", "CHG-12")
    amir.press("Approve change", within=dialog(amir))
    amir.sees(f"Approved: {story.CLEAN_NAME} may get the address {new}.")
    amir.evaluate()
    guide.follow(
        "An operator chooses *Change address* in the same menu, enters the same address and a reason, and checks"
    )
    olga.press("Check change")
    for text in ("Approved by amir.", old, new, "SANDBOX"):
        expect(dialog(olga)).to_contain_text(text)
    assert sandbox.mailbox(new) == []
    guide.follow("Then *Send one-time password* makes AWS send it to the new address.")
    olga.press("Send one-time password")
    field = dialog(olga).get_by_label("One-time password", exact=True)
    expect(field).to_be_focused()
    (mail,) = sandbox.mailbox(new)
    (otp,) = re.findall(r"Verification code: (\w+)", str(mail["body"]))
    field.fill("ZZZZZZ" if otp != "ZZZZZZ" else "YYYYYY")
    olga.press("Change address")
    expect(dialog(olga)).to_contain_text("Use the code in the newest e-mail")
    assert sandbox.accounts()[story.CLEAN]["email"] == old
    olga.judge_now()
    unclear = {"code": "InternalServerException", "status": 500, "message": "Unexpected."}
    sandbox.faults(operation="StartPrimaryEmailUpdate", times=1, error=unclear)
    olga.press("Send another one-time password")
    expect(dialog(olga)).to_contain_text("A re-read shows that nothing was started")
    expect(dialog(olga)).not_to_contain_text("Only the newest one is valid.")
    assert len(sandbox.mailbox(new)) == 1
    olga.press("Send another one-time password")
    expect(dialog(olga)).to_contain_text(f"AWS sent a one-time password to {new}. Only the newest one is valid.")
    newest = str(sandbox.mailbox(new)[-1]["body"])
    (otp,) = re.findall(r"Verification code: (\w+)", newest)
    guide.follow("The operator enters the one-time password. A re-read proves the new address.")
    guide.finish()
    field.fill(otp)
    olga.press("Change address")
    olga.sees(f"A re-read shows that the root e-mail address of {story.CLEAN} is {new}.")
    assert sandbox.accounts()[story.CLEAN]["email"] == new
    people["vera"].open(f"/root-emails?q={story.CLEAN}")
    expect(row(people["vera"], "Root e-mail addresses", story.CLEAN_NAME)).to_be_visible()
    expect(people["vera"].page.get_by_role("button", name=re.compile("^Actions for"))).to_have_count(0)


def test_a_failsafe_s_root_login_is_set_up_by_a_window_and_kept_by_a_person(people: dict[str, ConsolePerson]) -> None:
    olga, amir, sandbox = people["olga"], people["amir"], people["olga"].stage.sandbox
    sandbox.put_root_user(FAILSAFE, {})
    held: list[Route] = []
    olga.page.route("**/api/v1/failsafes", lambda route: held.append(route))
    olga.open("/emergency-access")
    setting_up = olga.page.get_by_role("button", name="Set up root login", exact=True)
    expect(setting_up).to_be_disabled()  # the dialog couldn't name the failsafe yet
    for route in held:
        route.continue_()
    olga.page.unroute("**/api/v1/failsafes")
    setting_up.click()
    account = dialog(olga).get_by_label("Account", exact=True)
    expect(account).to_have_value(FAILSAFE)
    account.fill(WEB)
    olga.page.get_by_role("option").filter(has_text=WEB).first.click()
    olga.fill("Reason", "The failsafe needs a root login.")
    olga.press("Check set-up", within=dialog(olga))
    expect(dialog(olga)).to_contain_text(f"{WEB} ({WEB_NAME}) isn't a delegated administrator")
    account.fill(FAILSAFE)
    olga.page.get_by_role("option").filter(has_text=FAILSAFE).first.click()
    olga.press("Check set-up", within=dialog(olga))
    expect(dialog(olga)).to_contain_text("The check passed.")
    olga.judge_now()
    assert not sandbox.root_user(FAILSAFE)["recovery_allowed"]
    olga.press("Request set-up", within=dialog(olga))
    expect(olga.page).to_have_url(re.compile("/windows/w-"))
    path = urlsplit(olga.page.url).path
    amir.open(path)
    amir.sees("If the login is complete, a person can keep it.")
    story.approve(amir, path)
    story.open_window(olga, path)
    assert sandbox.root_user(FAILSAFE)["recovery_allowed"]

    olga.press("Keep login")
    olga.press("Keep login", within=dialog(olga))
    expect(dialog(olga)).to_contain_text("The login isn't complete")
    olga.press("Cancel", within=dialog(olga))
    olga.open("/emergency-access")
    olga.sees("A root login is being set up. It is deleted unless someone keeps it.")
    RootPerson(sandbox, FAILSAFE).complete()
    olga.open(path)
    olga.press("Keep login")
    olga.press("Keep login", within=dialog(olga))
    olga.sees(f"Kept: a re-read shows that the root login of {FAILSAFE} was used")
    assert sandbox.root_user(FAILSAFE)["password"]
    olga.open("/emergency-access")
    expect(olga.page.get_by_text("A root login is being set up.")).to_have_count(0)
