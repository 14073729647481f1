"""Getting into the console: passwords, authenticator apps, passkeys, tokens; and what each role sees there."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Request, expect

from rootkeeper.demo.story import PASSWORD
from rootkeeper_sandbox.clock import totp_code
from tests.browser.console_stage import CODE_LABEL, ConsolePerson, ConsoleStage, watch_posts

NEW_PASSWORD = "seven quiet lanterns"
FACTOR_PATH = "/api/v1/auth/factor"

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def administrator(console: ConsoleStage) -> Iterator[ConsolePerson]:
    person = console.enter("adam")
    person.sign_in("/settings?tab=users")
    yield person
    person.leave()


def invite(administrator: ConsolePerson, name: str, role: str) -> str:
    """By the settings; the link."""
    page = administrator.page
    administrator.open("/settings?tab=users")
    administrator.press("Invite user")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("E-mail address or name", exact=True).fill(name)
    dialog.get_by_role("button", name=re.compile("^Role")).click()
    page.get_by_role("option", name=re.compile(f"^{role}")).click()
    administrator.press("Make link", dialog)
    return take_link(administrator)


def take_link(administrator: ConsolePerson) -> str:
    """The link, which is shown once."""
    link = administrator.page.get_by_text(re.compile("/set-password#")).inner_text()
    administrator.press("I have copied the link")
    expect(administrator.page.get_by_text(link)).to_have_count(0)
    return link


def set_password(person: ConsolePerson, address: str, password: str = NEW_PASSWORD) -> None:
    """On the page of a link."""
    person.page.goto(address)
    expect(person.page).to_have_title("Set your password · Rootkeeper")
    person.fill("Password", password)
    person.fill("Password again", password)
    person.press("Set password and sign in")


def give_password(person: ConsolePerson, password: str = NEW_PASSWORD) -> None:
    person.fill("Name", person.name)
    person.fill("Password", password)
    person.press("Sign in")


def ask_for_code(console: ConsoleStage, name: str) -> tuple[ConsolePerson, Locator, list[Request]]:
    """A user who has given name and password; the field of the code; the requests that send a code from now on."""
    person = console.enter(name)
    person.open("/")
    give_password(person, PASSWORD)
    field = person.page.get_by_label(CODE_LABEL, exact=True)
    expect(field).to_be_focused()
    return person, field, watch_posts(person.page, FACTOR_PATH)


def expect_signed_in(person: ConsolePerson) -> None:
    expect(person.page.get_by_role("heading", level=1, name="Overview")).to_be_visible()


def test_a_pasted_code_signs_in_by_itself(console: ConsoleStage) -> None:
    person, field, sent = ask_for_code(console, "olga")
    code = console.next_code("olga")
    person.context.grant_permissions(["clipboard-read", "clipboard-write"])
    person.page.evaluate("(text) => navigator.clipboard.writeText(text)", f"{code[:3]} {code[3:]}")
    field.press("Control+v")
    expect_signed_in(person)
    assert len(sent) == 1
    person.leave()


def test_the_sixth_digit_sends_a_code_once_and_after_a_refusal_the_next_one(console: ConsoleStage) -> None:
    first, field, sent = ask_for_code(console, "amir")
    used = console.next_code("amir")
    first.page.keyboard.type(used[:5])
    expect(field).to_have_value(used[:5])
    assert sent == []
    first.page.keyboard.type(used[5])
    expect_signed_in(first)
    assert len(sent) == 1
    first.leave()
    second, field, sent = ask_for_code(console, "amir")
    second.page.keyboard.type(used)
    second.page.keyboard.press("Enter")
    expect(second.page.get_by_role("alert").filter(has_text="code")).to_be_visible()
    expect(field).to_have_value("")
    code = console.next_code("amir")
    second.page.keyboard.type(code)
    expect_signed_in(second)
    assert len(sent) == 2
    second.leave()


def test_a_code_that_was_not_received_is_sent_again_by_enter_or_the_button(console: ConsoleStage) -> None:
    person, field, sent = ask_for_code(console, "olga")
    code = console.next_code("olga")
    person.page.route(f"**{FACTOR_PATH}", lambda route: route.abort(), times=2)
    for keys in (code, "\n"):
        with person.page.expect_event("requestfailed"):
            person.page.keyboard.type(keys)
        person.sees("The server can't be reached.")
        expect(field).to_have_value(code)
    person.press("Sign in")
    expect_signed_in(person)
    assert len(sent) == 3
    person.leave()


def test_a_role_that_requires_a_second_factor_sets_it_up_at_the_first_sign_in(
    administrator: ConsolePerson, console: ConsoleStage
) -> None:
    link = invite(administrator, "nora", "operator")
    person = console.enter("nora")
    set_password(person, link)
    person.sees("Set up a second factor")
    person.press("Use authenticator app")
    code = person.page.get_by_role("img", name="QR code of the secret")
    expect(code).to_be_visible()
    width = code.evaluate("image => image.decode().then(() => image.naturalWidth)")
    assert width > 0, "the Content-Security-Policy lets it be shown"
    seed = person.page.get_by_text(re.compile("^[A-Z2-7]{32}$")).inner_text()
    person.fill("Current code of the app", totp_code(seed, int(time.time()) // 30))
    person.press("Confirm")
    expect_signed_in(person)
    person.leave()


def test_a_passkey_is_made_and_signs_in(administrator: ConsolePerson, console: ConsoleStage) -> None:
    link = invite(administrator, "paul", "approver")
    person = console.enter("paul")
    devices = person.context.new_cdp_session(person.page)
    devices.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
    }
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    named = console.server.url.replace("127.0.0.1", "localhost")
    person.own_urls.append(named)
    set_password(person, link.replace("127.0.0.1", "localhost"))
    person.press("Create passkey")
    expect(person.page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    person.context.clear_cookies()
    person.page.goto(named)
    give_password(person)
    person.press("Use passkey")
    expect(person.page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    person.leave()


def test_a_person_is_invited_changes_the_own_password_and_is_reset_by_a_link(
    administrator: ConsolePerson, console: ConsoleStage
) -> None:
    name, another = "zoe@example.com", "nine quiet lanterns"
    link = invite(administrator, name, "auditor")
    row = administrator.page.get_by_role("row").filter(has_text=name)
    expect(row).to_contain_text("Link ends in")
    administrator.evaluate()
    zoe = console.enter(name)
    zoe.page.goto(link)
    zoe.evaluate()
    expect(zoe.page.get_by_label("Name", exact=True)).to_have_value(name)
    set_password(zoe, link)
    expect_signed_in(zoe)
    assert "#" not in zoe.page.url
    second = console.enter(name)
    set_password(second, link, another)
    second.sees("This link isn't valid any more.")
    second.leave()

    zoe.page.get_by_role("button", name=name).first.click()
    zoe.page.get_by_role("menuitem", name="Change password").click()
    dialog = zoe.page.get_by_role("dialog")
    for current in ("not her password", NEW_PASSWORD):
        dialog.get_by_label("Current password", exact=True).fill(current)
        dialog.get_by_label("New password", exact=True).fill(another)
        dialog.get_by_label("New password again", exact=True).fill(another)
        zoe.press("Change password", dialog)
        zoe.sees("The current password is wrong." if current != NEW_PASSWORD else "Your password was changed.")
    zoe.evaluate()

    administrator.open("/settings?tab=users")
    expect(row).to_contain_text("Active")
    row.get_by_role("radio").click()
    administrator.press("Reset by link")
    administrator.press("End password and make link", administrator.page.get_by_role("dialog"))
    reset = take_link(administrator)
    zoe.open("/accounts")
    expect(zoe.page).to_have_title("Sign in · Rootkeeper")
    give_password(zoe, another)
    expect(zoe.page.get_by_role("alert").filter(has_text="password")).to_be_visible()
    set_password(zoe, reset)
    expect_signed_in(zoe)
    zoe.leave()


def test_a_wrong_password_is_reported_without_which_part_is_wrong(console: ConsoleStage) -> None:
    person = console.enter("vera")
    person.open("/")
    give_password(person, "not her password")
    alert = person.page.get_by_role("alert").filter(has_text=re.compile("password"))
    expect(alert).to_be_visible()
    known = alert.inner_text()
    person.fill("Name", "unknown-user")
    with person.page.expect_response("**/api/v1/auth/sign-in") as refused:
        person.press("Sign in")
    assert refused.value.status == 401
    expect(alert).to_have_text(known, use_inner_text=True)
    person.leave()


def test_an_api_token_is_kept_in_the_page_alone(administrator: ConsolePerson, console: ConsoleStage) -> None:
    administrator.open("/settings?tab=tokens")
    administrator.press("Create token")
    dialog = administrator.page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("pipeline")
    administrator.press("Create token", dialog)
    token = administrator.page.get_by_text(re.compile("^rk_")).inner_text()
    administrator.press("I have saved the token")
    administrator.sees("pipeline")
    person = console.enter("pipeline")
    person.open("/")
    person.press("Use an API token")
    person.fill("API token", token)
    person.press("Sign in with token")
    expect(person.page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    kept = person.page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
    assert token not in kept
    person.page.reload()
    expect(person.page).to_have_title("Sign in · Rootkeeper")
    person.leave()


def test_a_token_is_made_with_less_than_its_role(administrator: ConsolePerson) -> None:
    administrator.open("/settings?tab=tokens")
    administrator.press("Create token")
    page, dialog = administrator.page, administrator.page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("reader")
    dialog.get_by_role("button", name=re.compile("^Permissions")).click()
    for permission in ("accounts:read", "windows:approve"):
        page.get_by_role("option", name=permission, exact=True).click()
    page.keyboard.press("Escape")
    dialog.get_by_label("Organizational units (optional)", exact=True).fill("Root/Workloads")
    administrator.press("Create token", dialog)
    administrator.sees(re.compile("^A token of the role viewer with these limits can't have windows:approve"))
    dialog.get_by_role("button", name=re.compile("^Remove windows:approve|Deselect windows:approve")).click()
    administrator.evaluate()
    administrator.press("Create token", dialog)
    administrator.press("I have saved the token")
    row = page.get_by_role("row").filter(has_text="reader")
    expect(row).to_contain_text("Root/Workloads, accounts:read")


def test_before_the_sign_in_no_request_is_refused(console: ConsoleStage) -> None:
    person = console.enter("vera")
    refused: list[str] = []
    person.page.on("response", lambda one: refused.append(one.url) if one.status >= 400 else None)
    person.open("/")
    expect(person.page).to_have_title("Sign in · Rootkeeper")
    person.page.wait_for_load_state("networkidle")
    assert refused == []
    person.leave()


def test_a_viewer_sees_no_button_that_changes_anything_and_why_a_page_is_closed(console: ConsoleStage) -> None:
    person = console.enter("vera")
    person.sign_in("/settings")
    expect(person.page.get_by_role("tab").first).to_be_visible()
    expect(person.page.get_by_role("tab", name="Users")).to_have_count(0)
    person.open("/accounts")
    expect(person.page.get_by_role("heading", level=1, name="Accounts")).to_be_visible()
    assert person.page.get_by_role("button", name=re.compile("Run audit|Delete root|Allow password")).count() == 0
    person.open("/set-up")
    person.sees("Only an administrator can change the set-up.")
    person.leave()


def test_signing_out_ends_the_session_at_the_server(console: ConsoleStage) -> None:
    person = console.enter("aude")
    person.sign_in()
    cookies = person.context.cookies()
    assert all(cookie["httpOnly"] and cookie["sameSite"] == "Strict" for cookie in cookies)
    person.page.get_by_role("button", name="aude").first.click()
    person.page.get_by_role("menuitem", name="Sign out").click()
    expect(person.page).to_have_title("Sign in · Rootkeeper")
    person.context.add_cookies([dict(cookie) for cookie in cookies])  # type: ignore[misc]  # two TypedDicts of the same fields
    person.open("/")
    expect(person.page).to_have_title("Sign in · Rootkeeper")
    person.leave()


def test_an_unknown_address_within_the_console_says_so(console: ConsoleStage, administrator: ConsolePerson) -> None:
    administrator.open("/no-such-page")
    administrator.sees("This page doesn't exist.")


def test_errors_of_the_identity_provider_are_shown_in_fixed_texts(console: ConsoleStage) -> None:
    person = console.enter("vera")
    person.open("/?sign_in_problem=access.denied")
    person.sees("None of your groups has access to this server.")
    person.open("/?sign_in_problem=<b>Call+0900+now</b>")
    person.sees("Try again, or ask an administrator")
    assert person.page.get_by_text("0900").count() == 0
    person.leave()
