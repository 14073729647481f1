"""What each role does in the console every morning: in a counted number of clicks, and by keyboard alone.

Clicks are counted by the page itself, from the sign-in form on. The Enter key submits name and password, and the sixth
digit the code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from rootkeeper.cli.demo_story import is_bare
from rootkeeper.demo.story import PASSWORD
from tests.browser import console_story as story
from tests.browser.console_deletion import DELETE, PLAN_IS_SHOWN
from tests.browser.console_pages import ApiSession
from tests.browser.console_stage import CODE_LABEL, FACTOR_QUESTION, ConsolePerson, ConsoleStage, open_console_stage

COUNT_CLICKS = """
addEventListener("click", (event) => {
  // A key that presses a button makes a click without a pointer.
  if (event.isTrusted && event.detail > 0) localStorage.setItem("clicks", Number(localStorage.getItem("clicks")) + 1);
}, { capture: true });
"""
FORGOTTEN = (story.CLEAN, "777788889999")
"""Accounts without root user credentials whose passwords are to be recovered."""
EXCEPTIONS = "**/api/v1/exceptions?*"
FOCUS = """() => {
  const focused = document.activeElement;
  if (!focused || focused === document.body) return null;
  const box = focused.getBoundingClientRect();
  const middle = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  const rings = [focused, ...focused.querySelectorAll("*"), focused.parentElement, focused.parentElement?.parentElement]
    .filter(Boolean)
    .flatMap((one) => [getComputedStyle(one), getComputedStyle(one, "::before"), getComputedStyle(one, "::after")]);
  return {
    text: focused.getAttribute("aria-label") ?? focused.innerText?.trim() ?? "",
    isInSight: box.bottom > 0 && box.top < innerHeight && middle !== null,
    isMarked: rings.some((one) => one.outlineStyle !== "none" && one.outlineWidth !== "0px")
      || rings.some((one) => one.boxShadow !== "none")
      || focused.matches("input[type=checkbox], input[type=radio]"),
  };
}"""
MOST_TABS = 80

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def audited(console_files: None, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleStage]:
    """An organization that was audited in detail, and in which requests wait for approval."""
    folder = tmp_path_factory.mktemp("mornings")
    with open_console_stage(chromium, folder, "--scenario", "demo", "--features", "all") as stage:
        with stage.enter_signed_in("olga") as entered:
            operator = ApiSession(entered["olga"])
            operator.run("/audits", {"details": True})
            for account in FORGOTTEN:
                operator.request_window(account)
        yield stage


@contextmanager
def enter(console: ConsoleStage, name: str) -> Iterator[ConsolePerson]:
    """A user who has typed name, password and code at the sign-in form, and not clicked anything yet."""
    person = console.enter(name)
    person.context.add_init_script(COUNT_CLICKS)
    person.open("/")
    keyboard = person.page.keyboard
    expect(person.page.get_by_label("Name", exact=True)).to_be_focused()
    keyboard.type(name)
    keyboard.press("Tab")
    keyboard.type(PASSWORD)
    keyboard.press("Enter")
    if name in ("olga", "amir", "adam"):
        expect(person.page.get_by_label(CODE_LABEL, exact=True)).to_be_focused()
        keyboard.type(console.next_code(name))
    expect(person.page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    yield person
    person.leave()


def count_clicks(person: ConsolePerson) -> int:
    return int(person.page.evaluate("localStorage.getItem('clicks') ?? 0"))


def find_review(approver: ConsolePerson, account: str) -> Locator:
    """What leads from the Overview to the request for an account."""
    return approver.page.get_by_role("link", name=f"Review: Approve a request, account {account}", exact=True)


# Counted clicks.


def test_the_clicks_are_counted(audited: ConsoleStage) -> None:
    with enter(audited, "vera") as person:
        assert count_clicks(person) == 0
        person.follow("Accounts")
        person.page.keyboard.press("Enter")
        assert count_clicks(person) == 1


def test_a_phone_shows_what_waits_with_its_button(audited: ConsoleStage) -> None:
    with enter(audited, "amir") as approver:
        approver.page.set_viewport_size({"width": 390, "height": 844})
        table = approver.page.get_by_role("table", name="Waiting for you")
        expect(table.get_by_role("columnheader")).to_have_text(["Task"])
        expect(find_review(approver, FORGOTTEN[0])).to_be_visible()
        assert table.evaluate("(table) => table.scrollWidth <= table.parentElement.clientWidth")


def test_it_is_unknown_what_waits_while_the_exceptions_cannot_be_read(audited: ConsoleStage) -> None:
    pressed: list[bool] = []

    def answer(route: Route) -> None:
        """Only the request of the button succeeds, not those that the page repeats by itself."""
        if pressed:
            route.continue_()
        else:
            route.fulfill(status=500)

    with enter(audited, "vera") as viewer:
        viewer.page.expose_function("notePress", lambda: pressed.append(True))
        viewer.page.route(EXCEPTIONS, answer)
        viewer.open("/")
        retry = viewer.page.get_by_role("button", name="Try again", exact=True)
        expect(retry).to_be_visible()
        expect(viewer.page.get_by_text("Nothing waits for you.")).to_have_count(0)
        retry.evaluate("(button) => button.addEventListener('click', () => window.notePress(), { capture: true })")
        retry.click()
        viewer.sees("Nothing waits for you.")


def test_an_approver_approves_in_four_clicks(audited: ConsoleStage) -> None:
    with enter(audited, "amir") as approver:
        find_review(approver, FORGOTTEN[0]).click()
        approver.press("Approve request")
        approver.press("Approve request", approver.page.get_by_role("dialog"))
        approver.sees("Approved, not open")
        assert count_clicks(approver) <= 4


def test_an_operator_finds_the_access_keys_in_use_in_four_clicks(audited: ConsoleStage) -> None:
    with enter(audited, "olga") as operator:
        operator.page.get_by_role("navigation").get_by_role("link", name="Accounts", exact=True).first.click()
        operator.press("Views")
        operator.page.get_by_role("menuitem", name="Access keys used in the last 30 days", exact=True).click()
        operator.sees("1 of 26 accounts match")
        names = operator.page.locator("[role=row][aria-rowindex] .tree__text:not(.tree__text--unit)")
        expect(names).to_have_text(["Search Prod"])
        assert count_clicks(operator) <= 4


def test_an_auditor_downloads_evidence_in_five_clicks(audited: ConsoleStage, tmp_path: Path) -> None:
    with enter(audited, "aude") as auditor:
        auditor.page.get_by_role("navigation").get_by_role("link", name="Reports", exact=True).first.click()
        auditor.page.get_by_role("button", name=re.compile("^Format")).click()
        auditor.page.get_by_role("option", name=re.compile("^(Selected .+ )?JSON ")).click()
        with auditor.page.expect_download(timeout=story.JOB_MILLISECONDS) as downloading:
            auditor.press("Download report")
        downloading.value.save_as(tmp_path / "evidence.json")
        assert count_clicks(auditor) <= 5
    assert story.ACCOUNT in json.dumps(json.loads((tmp_path / "evidence.json").read_text()))


# The keyboard alone.


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus, and see the focus at each step.

    :raises AssertionError: if a focus isn't visible, or Tab doesn't lead there.
    """
    expect(target).to_be_visible(timeout=story.JOB_MILLISECONDS)
    for _ in range(MOST_TABS):
        if target.evaluate("(one) => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUS)
        assert focused is None or (focused["isInSight"] and focused["isMarked"]), focused
    raise AssertionError(f"{MOST_TABS} times Tab doesn't lead to {target}")


def button(page: Page | Locator, name: str | re.Pattern[str]) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def test_a_deletion_by_keyboard_alone(audited: ConsoleStage) -> None:
    with enter(audited, "olga") as operator:
        page, keyboard = operator.page, operator.page.keyboard
        tab_to(page, page.get_by_role("navigation").get_by_role("link", name="Accounts", exact=True).first)
        keyboard.press("Enter")
        row = page.get_by_role("row").filter(has=page.get_by_text(story.ACCOUNT_NAME, exact=True))
        tab_to(page, page.get_by_role("row").filter(has=page.get_by_text("Root", exact=True)))
        for _ in range(40):
            if row.evaluate("(one) => one === document.activeElement"):
                break
            keyboard.press("ArrowDown")
        expect(row).to_be_focused()
        keyboard.press("Space")
        operator.sees("26 accounts, 1 selected")
        keyboard.press("Home")
        while not button(page, DELETE).first.evaluate("(one) => one === document.activeElement"):
            keyboard.press("Shift+Tab")
        keyboard.press("Enter")
        tab_to(page, button(page, "Create plan"))
        keyboard.press("Enter")
        expect(page.get_by_text(PLAN_IS_SHOWN)).to_be_visible(timeout=story.JOB_MILLISECONDS)
        expect(page.get_by_role("heading", name=re.compile("^1 to delete"))).to_be_focused()
        tab_to(page, button(page, DELETE))
        audited.age_factors()
        keyboard.press("Enter")
        dialog = page.get_by_role("dialog").filter(has=button(page, "Delete credentials"))
        page.remove_locator_handler(page.get_by_role("dialog", name=FACTOR_QUESTION))
        tab_to(page, button(dialog, "Delete credentials"))
        keyboard.press("Enter")
        confirm_factor(operator)
        finished = page.get_by_role("heading", name="Deleted and verified", exact=True)
        expect(finished).to_be_focused(timeout=story.JOB_MILLISECONDS)
        result = page.get_by_role("table", name="Results by account").get_by_role("row").filter(has_text=story.ACCOUNT)
        expect(result).to_contain_text("Deleted")
        tab_to(page, button(page, "Show accounts"))
        keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1, name="Accounts", exact=True)).to_be_visible()
        expect(row).to_contain_text("Not present")
        assert count_clicks(operator) == 0
    assert is_bare(audited.sandbox.root_user(story.ACCOUNT))


def confirm_factor(person: ConsolePerson) -> None:
    """The question for the second factor has the focus in its field."""
    question = person.page.get_by_role("dialog", name=FACTOR_QUESTION)
    expect(question.get_by_label(CODE_LABEL, exact=True)).to_be_focused()
    person.page.keyboard.type(person.stage.next_code(person.name))
    person.page.keyboard.press("Enter")
    expect(question).to_have_count(0)


def test_an_approval_by_keyboard_alone(audited: ConsoleStage) -> None:
    with enter(audited, "amir") as approver:
        page, keyboard = approver.page, approver.page.keyboard
        page.remove_locator_handler(page.get_by_role("dialog", name=FACTOR_QUESTION))
        tab_to(page, find_review(approver, FORGOTTEN[1]))
        keyboard.press("Enter")
        tab_to(page, button(page, "Approve request"))
        audited.age_factors()
        keyboard.press("Enter")
        tab_to(page, button(page.get_by_role("dialog"), "Approve request"))
        keyboard.press("Enter")
        confirm_factor(approver)
        approver.sees("Approved, not open")
        assert count_clicks(approver) == 0
