"""Every page by keyboard alone, on a small screen, and judged by axe."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Browser

from tests.browser.pages import Person
from tests.e2e.stage import Stage

EMAIL = "aws+orders-prod@example.com"
ACCOUNT = "888899990000"
RECOVERABLE = "aws+payments-test@example.com"

pytestmark = pytest.mark.long


@pytest.fixture(params=["light", "dark"])
def person(request: pytest.FixtureRequest, chromium: Browser, stage: Stage) -> Iterator[Person]:
    stage.process.reset()
    small = {"width": 360, "height": 640}
    context = chromium.new_context(bypass_csp=True, color_scheme=request.param, viewport=small)  # type: ignore[arg-type]  # a TypedDict
    yield Person(context, stage)
    context.close()


def judge(person: Person) -> None:
    """Let axe judge the page, and see that nothing is wider than the screen."""
    found = Axe().run(person.page)
    assert found.violations_count == 0, person.page.url + "\n" + found.generate_report()
    assert person.page.evaluate("document.documentElement.scrollWidth") <= 360, person.page.url


def test_pages_for_everyone(person: Person) -> None:
    for path in ("/", "/signin", "/signin/reset-password", "/mailbox", "/identity-center", "/signin/nothing"):
        person.open(path)
        judge(person)
    person.sign_in(EMAIL, "Wrong-Password-1")
    judge(person)
    person.ask_for_link("unknown@example.com")
    judge(person)
    person.ask_for_link(RECOVERABLE)
    judge(person)
    person.follow("Open this mailbox")
    judge(person)
    person.page.locator("main pre a").first.click()
    judge(person)
    person.type(New_password="short", Once_more="short")
    person.press("Set password")
    judge(person)


def test_pages_of_a_root_user(person: Person, stage: Stage) -> None:
    takes = stage.process.control("GET", f"accounts/{ACCOUNT}/sign-in")
    person.sign_in(EMAIL, takes["password"])
    judge(person)
    person.register_mfa()
    person.press("Create access key")
    judge(person)
    person.press("Sign out")
    person.sign_in(EMAIL, takes["password"])
    judge(person)


def test_the_seed_and_the_permission_sets(person: Person, stage: Stage) -> None:
    person.open("/identity-center")
    person.follow("Mary Major")
    judge(person)
    person.page.get_by_role("button", name="Get credentials").first.click()
    judge(person)
    person.sign_in(EMAIL, stage.process.control("GET", f"accounts/{ACCOUNT}/sign-in")["password"])
    person.press("Continue")
    assert person.page.get_by_role("img", name="QR code").is_visible()
    judge(person)


def test_signing_in_by_keyboard_alone(person: Person, stage: Stage) -> None:
    password = stage.process.control("GET", f"accounts/{ACCOUNT}/sign-in")["password"]
    person.open("/signin")
    keyboard = person.page.keyboard
    keyboard.press("Tab")
    assert person.page.evaluate("document.activeElement.textContent") == "Skip to content"
    keyboard.press("Enter")
    for text in (EMAIL, password):
        keyboard.press("Tab")
        keyboard.type(text)
    keyboard.press("Tab")
    assert person.page.evaluate("document.activeElement.textContent") == "Sign in"
    with person.page.expect_navigation():
        keyboard.press("Enter")
    assert person.path == "/console/register-mfa"


def test_a_refused_form_puts_the_cursor_where_the_fault_is(person: Person) -> None:
    person.sign_in(EMAIL, "Wrong-Password-1")
    person.page.wait_for_function("document.activeElement.id === 'email'")
    assert person.page.locator("#email").get_attribute("aria-invalid") == "true"
