"""The console before and at the sign-in, judged by axe (WCAG 2.1 AA) and used by keyboard alone; times in UTC."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from rootkeeper.demo.story import PASSWORD
from tests.browser.console_stage import ConsoleStage

SHORT = re.compile(r"^\d{1,2} [A-Z][a-z]{2} \d\d:\d\d$")
"""A time of this year in a table."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


def test_all_times_are_turned_over_to_utc_by_the_keyboard(console: ConsoleStage) -> None:
    person = console.enter("vera", timezone_id="Asia/Tokyo")
    person.sign_in("/ledger")
    times = person.page.get_by_role("treegrid", name="Entries of the ledger").locator("time")
    expect(times.first).to_have_text(SHORT)
    expect(times.first).to_have_attribute("title", re.compile(r"GMT\+9 \(.* UTC\)$"))
    person.page.get_by_role("button", name="Show UTC times", exact=True).focus()
    person.page.keyboard.press("Enter")
    expect(times.first).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$"))
    person.open("/settings?tab=sessions")
    signed_in, last_used = (person.page.get_by_role("table", name="Sign-ins").locator("time").nth(n) for n in (0, 1))
    expect(signed_in).to_contain_text("UTC")
    expect(last_used).to_contain_text("UTC")
    person.evaluate()
    person.press("Show local times")
    expect(signed_in).to_have_text(SHORT)
    expect(signed_in).to_have_attribute("title", re.compile(r"GMT\+9 \(.* UTC\)$"))
    expect(last_used).to_have_text("just now")
    person.leave()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_axe_finds_nothing_at_the_sign_in(console: ConsoleStage, scheme: str, width: int) -> None:
    person = console.enter("olga", color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True)
    person.open("/")
    expect(person.page.get_by_role("heading", level=1)).to_be_visible()
    person.evaluate()
    person.fill("Name", "olga")
    person.fill("Password", "not the password")
    person.press("Sign in")
    expect(person.page.get_by_role("alert").filter(has_text="password")).to_be_visible()
    person.evaluate()
    person.open("/first-administrator#nothing")
    expect(person.page.get_by_role("heading", level=1)).to_be_visible()
    person.evaluate()
    person.open("/set-password#nothing")
    expect(person.page.get_by_role("heading", level=1)).to_be_visible()
    person.evaluate()
    person.leave()


def test_signing_in_and_getting_to_the_page_by_keyboard_alone(console: ConsoleStage) -> None:
    person = console.enter("vera")
    person.open("/")
    expect(person.page.get_by_label("Name", exact=True)).to_be_focused()
    keyboard = person.page.keyboard
    keyboard.type("vera")
    keyboard.press("Tab")
    keyboard.type(PASSWORD)
    keyboard.press("Enter")
    expect(person.page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    keyboard.press("Tab")
    expect(person.page.get_by_role("link", name="Skip to content")).to_be_focused()
    keyboard.press("Enter")
    expect(person.page.locator("#content")).to_be_focused()
    person.leave()
