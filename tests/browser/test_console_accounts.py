"""The page of accounts: what the tree shows, how accounts are found and selected, what a deletion asks for."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser import console_story as story
from tests.browser.console_deletion import DELETE, PLAN_IS_SHOWN, plan_selected
from tests.browser.console_stage import WIDE, ConsolePerson
from tests.sandbox_process import SandboxProcess

ORGANIZATION_ID = "o-exampleorgid"

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def people(
    console_files: None, chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, ConsolePerson]]:
    """An operator and a viewer of the demo organization, with both features on and one audit done."""
    with story.enter_audited(chromium, tmp_path_factory.mktemp("accounts"), "olga", "vera") as people:
        yield people


@pytest.fixture
def sandbox(people: dict[str, ConsolePerson]) -> SandboxProcess:
    return people["olga"].stage.sandbox


@pytest.fixture
def operator(people: dict[str, ConsolePerson]) -> ConsolePerson:
    """On the accounts page, with nothing selected."""
    person = people["olga"]
    person.open("/accounts")
    person.sees("26 accounts")
    return person


def row(person: ConsolePerson, name: str) -> Locator:
    return person.page.get_by_role("row").filter(has=person.page.get_by_text(name, exact=True))


def box(person: ConsolePerson, name: str) -> Locator:
    return person.page.get_by_role("checkbox", name=f"Select {name}", exact=True)


def add_token(person: ConsolePerson, name: str, *values: str) -> None:
    """Filter by one property with some of its values."""
    box = person.page.get_by_role("combobox", name="Filter", exact=True)
    box.click()
    person.page.get_by_role("option", name=name, exact=True).click()
    operators = person.page.get_by_role("option", name=re.compile("Equals|Does not equal"))
    first_value = person.page.get_by_role("option", name=values[0], exact=True)
    expect(operators.nth(1).or_(first_value)).to_be_visible()
    if operators.nth(1).is_visible():
        operators.first.click()
    for value in values:
        person.page.get_by_role("option", name=value, exact=True).click()
    person.page.get_by_role("button", name="Apply", exact=True).click()


def test_a_unit_rolls_up_what_is_below_it_and_is_chosen_as_a_whole(operator: ConsolePerson) -> None:
    expect(row(operator, "Workloads")).to_contain_text("6 present")
    expect(row(operator, "Workloads")).to_contain_text("3 not present")
    box(operator, "all in Workloads").check()
    operator.sees("26 accounts, 9 selected")
    box(operator, "Shop Test").uncheck()
    operator.sees("26 accounts, 8 selected")
    expect(box(operator, "all in Workloads")).to_be_checked(indeterminate=True)
    expect(box(operator, "all in Prod")).to_be_checked()


def test_what_isnt_known_is_unknown_with_its_reason(operator: ConsolePerson) -> None:
    expect(row(operator, "Medical Records")).to_contain_text("Unknown: blocked by a policy")
    expect(row(operator, "Old Website")).to_contain_text("Not applicable: not active")
    row(operator, "Medical Records").click()
    operator.sees("The root user credentials of this account aren't known.")


def test_accounts_are_found_by_text_status_and_unit(operator: ConsolePerson) -> None:
    operator.page.get_by_label("Find", exact=True).fill("payments")
    operator.sees("2 of 26 accounts match")
    expect(row(operator, "Payments Test")).to_be_visible()
    expect(row(operator, "Orders Prod")).to_have_count(0)
    operator.page.get_by_label("Find", exact=True).fill("nothing like it")
    operator.sees("No accounts match.")
    operator.press("Clear filter")
    operator.sees("26 accounts")
    operator.page.get_by_label("Find", exact=True).fill("anycompany")
    operator.sees("3 of 26 accounts match")
    box(operator, "all in AnyCompany").check()
    operator.sees("3 of 26 accounts match, 3 selected")


def test_a_filter_is_in_the_url_so_that_a_link_shows_the_same_and_back_goes_back(
    operator: ConsolePerson,
) -> None:
    page = operator.page
    page.get_by_label("Find", exact=True).press_sequentially("pay", delay=20)
    expect(page).to_have_url(re.compile(r"/accounts\?q=pay$"))
    page.get_by_label("Find", exact=True).press_sequentially("ments", delay=20)
    expect(page).to_have_url(re.compile(r"/accounts\?q=payments$"))
    add_token(operator, "Organizational unit", "Root / Workloads / Test")
    operator.sees("1 of 26 accounts match")
    expect(page).to_have_url(re.compile(r"\?q=payments&unit=ou-[a-z0-9-]+$"))
    link = page.url
    page.go_back()
    operator.sees("2 of 26 accounts match")
    expect(page.get_by_label("Find", exact=True)).to_have_value("payments")
    page.go_back()
    operator.sees("26 accounts")
    expect(page.get_by_label("Find", exact=True)).to_have_value("")
    page.goto(link)
    operator.sees("1 of 26 accounts match")
    page.get_by_role("navigation").get_by_role("link", name="Accounts", exact=True).first.click()
    operator.sees("26 accounts")


def names(person: ConsolePerson) -> Locator:
    """Of the accounts that are shown, from top to bottom."""
    return person.page.locator("[role=row][aria-rowindex] .tree__text:not(.tree__text--unit)")


def test_a_filter_on_ages_offers_to_read_the_accounts_that_it_leaves_out(operator: ConsolePerson) -> None:
    operator.press("Views")
    operator.page.get_by_role("menuitem", name="Access keys used in the last 30 days", exact=True).click()
    operator.sees(re.compile("read without ages and last use: [1-9]"))
    operator.press("Run detailed audit")
    expect(operator.page.get_by_text("The audit is complete")).to_be_visible(timeout=story.JOB_MILLISECONDS)
    operator.sees("1 of 26 accounts match")
    expect(operator.page.get_by_text("read without ages and last use")).to_have_count(0)


def test_a_detailed_audit_from_the_console_shows_which_access_keys_are_in_use(people: dict[str, ConsolePerson]) -> None:
    operator = people["olga"]
    operator.open("/accounts")
    operator.press("More audits")
    operator.page.get_by_role("menuitem", name=re.compile("^Run detailed audit")).click()
    done = operator.page.get_by_text("The audit is complete. Some accounts couldn't be read.")
    expect(done).to_be_visible(timeout=story.JOB_MILLISECONDS)
    operator.press("Views")
    operator.page.get_by_role("menuitem", name="Access keys used in the last 30 days", exact=True).click()
    operator.sees("1 of 26 accounts match")
    expect(names(operator)).to_have_text(["Search Prod"])
    story.audit(operator)
    expect(row(operator, "Search Prod")).to_contain_text("access key, ")
    row(operator, "Search Prod").click()
    operator.sees(re.compile("Ages and last use are of"))


def test_a_list_is_sorted_by_any_column_and_unknown_comes_last(operator: ConsolePerson) -> None:
    operator.page.get_by_role("button", name="List", exact=True).click()
    expect(names(operator)).to_have_count(26)
    shown = names(operator).all_inner_texts()
    expect(names(operator)).to_have_text([*sorted(shown, key=str.lower)])
    operator.press("Account id")
    operator.press("Account id")
    expect(operator.page).to_have_url(re.compile(r"list=-account_id$"))
    header = operator.page.get_by_role("columnheader", name="Account id")
    expect(header).to_have_attribute("aria-sort", "descending")
    expect(names(operator).first).to_have_text("Search Prod")
    operator.page.set_viewport_size({"width": 1600, "height": 900})  # for the last column
    operator.press("Last read")
    expect(operator.page.get_by_role("row").last).to_contain_text("never")
    operator.page.set_viewport_size(WIDE)


def test_a_saved_view_is_the_users_own_and_comes_back(
    people: dict[str, ConsolePerson], operator: ConsolePerson
) -> None:
    add_token(operator, "MFA missing", "Yes")
    count = operator.page.get_by_text(re.compile("of 26 accounts match")).inner_text()
    operator.press("Views")
    operator.page.get_by_role("menuitem", name="Save this view", exact=True).click()
    dialog = operator.page.get_by_role("dialog")
    name = dialog.get_by_label("Name", exact=True)
    expect(name).to_be_focused()
    name.fill("passwords alone")
    operator.press("Save view", dialog)
    expect(dialog).to_be_hidden()
    operator.open("/accounts")
    operator.press("Views")
    operator.page.get_by_role("menuitem", name="passwords alone", exact=True).click()
    operator.sees(count)
    viewer = people["vera"]
    viewer.open("/accounts")
    viewer.press("Views")
    expect(viewer.page.get_by_role("menuitem", name="Save this view", exact=True)).to_be_visible()
    expect(viewer.page.get_by_role("menuitem", name="passwords alone", exact=True)).to_have_count(0)


def test_what_is_shown_is_exported(operator: ConsolePerson, tmp_path: Path) -> None:
    operator.page.get_by_label("Find", exact=True).fill("r&d")
    operator.sees("1 of 26 accounts match")
    for kind in ("CSV", "JSON"):
        operator.press("Export shown accounts")
        with operator.page.expect_download() as downloading:
            operator.page.get_by_role("menuitem", name=kind, exact=True).click()
        downloading.value.save_as(tmp_path / kind)
    (row_of_csv,) = csv.DictReader(io.StringIO((tmp_path / "CSV").read_text("utf-8")))
    (record,) = json.loads((tmp_path / "JSON").read_text("utf-8"))["accounts"]
    assert (row_of_csv["name"], record["name"]) == ("R&D <Prototype>", "R&D <Prototype>")
    assert (row_of_csv["status"], record["password"], record["access_keys"]) == ("present", True, False)


def test_escape_closes_the_panel_and_the_focus_returns_to_the_tree(operator: ConsolePerson) -> None:
    row(operator, "Orders Prod").click()
    panel = operator.page.get_by_role("tab", name="Details", exact=True)
    expect(panel).to_be_visible()
    operator.page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(row(operator, "Orders Prod")).to_be_focused()


def test_beside_the_panel_the_status_is_below_the_name_and_the_row_stays_in_sight(operator: ConsolePerson) -> None:
    page, chosen = operator.page, row(operator, "Warehouse Prod")
    headers = page.get_by_role("treegrid").get_by_role("columnheader")
    page.set_viewport_size({"width": 1280, "height": 860})
    expect(headers).to_have_text(["Name", "Root user credentials", "Credentials found", "Last used"])
    chosen.click()
    expect(headers).to_have_text(["Name", "Root user credentials"])
    expect(chosen.get_by_text("Present", exact=True)).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    expect(headers).to_have_count(4)
    expect(chosen.get_by_text("Present", exact=True)).to_be_in_viewport(ratio=1)
    page.set_viewport_size(WIDE)


def test_each_count_of_the_overview_leads_to_exactly_its_accounts(operator: ConsolePerson) -> None:
    for text in (r"\d known$", "^Present: ", "^Not present: ", r"\d unknown$"):
        operator.open("/")
        found = operator.page.get_by_role("link", name=re.compile(text))
        number = re.sub(r"\D", "", found.inner_text())
        found.click()
        operator.sees(f"{number} of 26 accounts match")
    operator.open("/")
    operator.sees(re.compile(r"25 members \+ management account = 26 accounts"))


def test_space_selects_and_lets_go_again_of_an_account_and_of_a_whole_unit(operator: ConsolePerson) -> None:
    keyboard = operator.page.keyboard
    for name, count in (("Shop Test", 1), ("Workloads", 9)):
        row(operator, name).focus()
        keyboard.press("Space")
        operator.sees(f"26 accounts, {count} selected")
        expect(row(operator, name)).to_have_attribute("aria-selected", "true")
        keyboard.press("Space")
        expect(operator.page.get_by_text("26 accounts", exact=True)).to_be_visible()
        expect(row(operator, name)).to_have_attribute("aria-selected", "false")


def test_the_tree_is_worked_by_the_keyboard_alone(operator: ConsolePerson) -> None:
    keyboard = operator.page.keyboard
    row(operator, "Root").focus()
    keyboard.press("ArrowDown")
    first = operator.page.locator("[role=row]:focus")
    expect(first).to_have_attribute("aria-expanded", "true")
    rows = operator.page.get_by_role("row")
    before = rows.count()
    keyboard.press("ArrowLeft")
    expect(first).to_have_attribute("aria-expanded", "false")
    expect(rows).not_to_have_count(before)
    assert rows.count() < before
    keyboard.press("ArrowRight")
    keyboard.press("ArrowRight")
    keyboard.press("Space")
    operator.sees("26 accounts, 1 selected")
    keyboard.press("Enter")
    expect(operator.page.get_by_role("tab", name="Details", exact=True)).to_be_visible()
    keyboard.press("Home")
    expect(operator.page.locator("[role=row]:focus")).to_contain_text("Root")


def test_columns_are_chosen_and_kept_in_the_browser(operator: ConsolePerson) -> None:
    header = operator.page.get_by_role("columnheader", name="Root e-mail", exact=True)
    expect(header).to_have_count(0)
    operator.press("Columns")
    operator.page.get_by_role("dialog").get_by_label("Root e-mail", exact=True).check(force=True)
    operator.press("Confirm")
    expect(header).to_be_visible()
    operator.page.reload()
    expect(header).to_be_visible()
    expect(row(operator, "Orders Prod")).to_contain_text("aws+orders-prod@example.com")


def test_the_panel_shows_details_history_guardrails_and_ledger(operator: ConsolePerson) -> None:
    row(operator, "Orders Prod").click()
    operator.sees("Root/Workloads/Prod")
    for tab, words in (("History", "status: present"), ("Ledger", "has no entries for this account")):
        operator.page.get_by_role("tab", name=tab, exact=True).click()
        operator.sees(re.compile(words))
        if tab == "History":
            picture = operator.page.get_by_role("img", name=re.compile(r"^Time line of the account\. Audits: \d+, "))
            expect(picture.locator("rect.timeline__shape--present")).not_to_have_count(0)
    operator.page.get_by_role("tab", name="Guardrails", exact=True).click()
    operator.press("Run preflight")
    expect(operator.page.get_by_text("Allowed: all tasks").first).to_be_visible(timeout=story.JOB_MILLISECONDS)


def test_a_deletion_of_many_accounts_is_confirmed_by_the_organizations_id(operator: ConsolePerson) -> None:
    box(operator, "all in Root").check()
    plan_selected(operator)
    operator.sees(re.compile(r"\d+ to delete · \d+ skipped · 2 held back"))
    operator.page.get_by_role("tab", name="Held back (2)").click()
    expect(operator.page.get_by_role("table", name="Accounts used recently")).to_contain_text("Search Prod")
    operator.page.get_by_role("tab", name=re.compile("^Skipped")).click()
    skipped = operator.page.get_by_role("table", name="Skipped accounts")
    for reason in ("Management account", "Unknown", "Not active"):
        expect(skipped).to_contain_text(reason)
    operator.page.get_by_role("button", name=re.compile("^Reason")).click()
    operator.page.get_by_role("option", name="Unknown (2)", exact=True).click()
    expect(skipped.locator("tbody tr")).to_have_count(2)
    operator.press(DELETE)
    dialog = operator.page.get_by_role("dialog")
    button = dialog.get_by_role("button", name="Delete credentials", exact=True)
    dialog.get_by_role("checkbox").check()
    expect(button).to_be_disabled()
    dialog.get_by_label("Enter the organization id", exact=True).fill("o-anotherorgid")
    expect(button).to_be_disabled()
    dialog.get_by_label("Enter the organization id", exact=True).fill(ORGANIZATION_ID)
    expect(button).to_be_enabled()
    dialog.get_by_role("checkbox").uncheck()
    expect(button).to_be_disabled()
    operator.press("Cancel", dialog)


def test_what_was_used_lately_is_planned_only_with_a_reason(operator: ConsolePerson) -> None:
    box(operator, "Search Prod").check()
    operator.press(DELETE)
    operator.press("Create plan")
    expect(operator.page.get_by_text("There is nothing to delete.")).to_be_visible(timeout=story.JOB_MILLISECONDS)
    operator.page.get_by_role("checkbox", name="Allow for Search Prod").check(force=True)
    again = operator.page.get_by_role("button", name="Plan again with selected accounts", exact=True)
    expect(again).to_be_disabled()
    operator.fill("Reason", "The crawler has a role of its own since May")
    again.click()
    expect(operator.page.get_by_text(PLAN_IS_SHOWN)).to_be_visible(timeout=story.JOB_MILLISECONDS)
    operator.sees("The crawler has a role of its own since May")


def test_an_exception_is_seen_in_the_tree_and_left_out_of_plans(operator: ConsolePerson) -> None:
    row(operator, "Backup").click()
    operator.press("Add exception")
    dialog = operator.page.get_by_role("dialog")
    dialog.get_by_label("Reason", exact=True).fill("Restores need it until the move")
    dialog.get_by_role("textbox", name="Valid through").fill("2099/12/31")
    operator.press("Add exception", dialog)
    expect(row(operator, "Backup")).to_contain_text("Exception")
    operator.sees("Owner: olga. Reason: Restores need it until the move")
    box(operator, "Backup").check()
    operator.page.get_by_role("button", name=DELETE, exact=True).first.click()
    operator.sees("Accounts excluded from the plan: 1")
    operator.sees(re.compile("Exception of olga: Restores need it until the move"))
    expect(operator.page.get_by_role("button", name="Create plan", exact=True)).to_be_disabled()
    operator.press("Cancel")
    row(operator, "Backup").click()
    operator.press("Remove exception")
    operator.press("Remove exception", operator.page.get_by_role("dialog"))
    expect(row(operator, "Backup")).not_to_contain_text("Exception")


def test_a_review_is_still_there_after_the_page_was_loaded_again(operator: ConsolePerson) -> None:
    box(operator, "Network").check()
    plan_selected(operator)
    operator.page.reload()
    operator.sees(PLAN_IS_SHOWN)
    expect(operator.page.get_by_role("button", name=DELETE, exact=True)).to_be_enabled()


def test_a_viewer_sees_everything_and_is_offered_nothing_to_do(people: dict[str, ConsolePerson]) -> None:
    viewer = people["vera"]
    viewer.open("/accounts")
    expect(row(viewer, "Orders Prod")).to_contain_text("Present")
    for name in ("Run audit", DELETE, "Allow password recovery"):
        expect(viewer.page.get_by_role("button", name=name, exact=True)).to_have_count(0)
    viewer.open("/accounts/delete")
    viewer.sees("The role viewer can't delete root user credentials.")


def test_the_page_is_as_accessible_in_the_dark(operator: ConsolePerson) -> None:
    row(operator, "Orders Prod").click()
    operator.evaluate()
    operator.press("Dark mode")
    operator.evaluate()
    operator.press("Light mode")


def test_an_account_that_the_last_audit_could_not_read_keeps_its_reading_and_is_counted(
    operator: ConsolePerson, sandbox: SandboxProcess
) -> None:
    refusal = {"code": "AccessDenied", "status": 403, "message": "not authorized to perform: sts:AssumeRoot"}
    for account_id in ("888899990000", "777788889999"):
        sandbox.faults(operation="AssumeRoot", account_id=account_id, error=refusal)
    story.audit(operator)
    operator.sees("4 couldn't be read. Accounts that were read earlier show their last reading.")
    sandbox.clear_faults()
    expect(row(operator, "Orders Prod")).to_contain_text("Present, not read now")
    expect(row(operator, "Shop Prod")).to_contain_text("Not present, not read now")
    row(operator, "Orders Prod").click()
    operator.sees("The last attempt to read this account failed. Its last reading is shown.")
    operator.sees(re.compile("by arn:aws:.*sts:AssumeRoot"))
    operator.evaluate()
    operator.open("/")
    operator.sees(re.compile(r"1[45]\sknown"))
    operator.follow("4 unread")
    operator.sees("4 of 26 accounts match")
    for name in ("Orders Prod", "Shop Prod", "Payroll", "Medical Records"):
        expect(row(operator, name)).to_be_visible()
    story.audit(operator)
    expect(row(operator, "Orders Prod")).not_to_contain_text("not read now")
