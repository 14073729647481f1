"""Window policy, schedules, notifications and shipped policies, as an administrator changes and reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.console_stage import ConsolePerson, ConsoleStage, open_console_stage

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

REASON = "No recovery took longer."


@pytest.fixture(scope="module")
def running(console_files: None, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleStage]:
    """A server whose settings limit windows to a day, audit at the new year and name one target."""
    settings = {
        "ROOTKEEPER_WINDOWS_LONGEST": "24h",
        "ROOTKEEPER_SCHEDULES_AUDITS": "0 6 1 JAN * Europe/Berlin",
        "ROOTKEEPER_NOTIFICATIONS_TARGETS": "oncall critical env:ONCALL_URL",
    }
    with open_console_stage(chromium, tmp_path_factory.mktemp("settings"), **settings) as stage:
        yield stage


def row(person: ConsolePerson, table: str, name: str) -> Locator:
    return person.page.get_by_role("table", name=table, exact=True).get_by_role("row").filter(has_text=name)


def change(person: ConsolePerson, table: str, name: str, label: str, value: str) -> Locator:
    """Fill in the dialog of a setting, and send it."""
    row(person, table, name).get_by_role("radio").check(force=True)
    person.press("Change setting")
    dialog = person.page.get_by_role("dialog", name=f"Change setting: {name}")
    expect(dialog.get_by_label(label, exact=True)).to_be_focused()
    dialog.get_by_label(label, exact=True).fill(value)
    dialog.get_by_label("Reason", exact=True).fill(REASON)
    person.press("Change setting", dialog)
    return dialog


def test_a_stricter_policy_holds_at_once_and_a_looser_one_is_refused(running: ConsoleStage) -> None:
    adam = running.enter("adam")
    adam.sign_in("/window-policy")
    longest = row(adam, "Limits", "Longest window")
    expect(longest).to_contain_text("Environment variable ROOTKEEPER_WINDOWS_LONGEST")
    adam.evaluate()
    refused = change(adam, "Limits", "Longest window", "Longest window", "25h")
    expect(refused.get_by_role("alert")).to_contain_text("it must be from 10s to 1d")
    refused.get_by_label("Longest window", exact=True).fill("2h")
    adam.press("Change setting", refused)
    expect(longest).to_contain_text("Console")
    expect(longest).to_contain_text(REASON)
    adam.open("/ledger?action=setting:change")
    entries = adam.page.get_by_role("treegrid", name="Entries of the ledger", exact=True)
    expect(entries.get_by_role("row").filter(has_text="Setting: change")).to_contain_text("adam")
    adam.leave()
    olga = running.enter("olga")
    olga.sign_in("/windows/request")
    olga.page.get_by_label("Duration", exact=False).first.click()
    expect(olga.page.get_by_role("option", name="2 hours")).to_be_visible()
    expect(olga.page.get_by_role("option", name="4 hours")).to_have_count(0)
    olga.leave()


def test_times_are_set_where_the_server_names_none(running: ConsoleStage) -> None:
    adam = running.enter("adam")
    adam.sign_in("/schedules")
    row(adam, "Times", "Audit of the whole organization").get_by_role("radio").check(force=True)
    expect(adam.page.get_by_role("button", name="Change setting")).to_be_disabled()
    change(adam, "Times", "Set-up check", "Times", "0 7 * * * Europe/Berlin")
    expect(row(adam, "Times", "Set-up check")).to_contain_text("0 7 * * * Europe/Berlin")
    expect(row(adam, "Runs", "Set-up check")).to_contain_text("Europe/Berlin")
    adam.evaluate()
    adam.leave()


def test_a_viewer_changes_nothing_and_copies_policies(running: ConsoleStage, tmp_path: Path) -> None:
    vera = running.enter("vera")
    vera.sign_in("/window-policy")
    expect(row(vera, "Limits", "Approvals needed")).to_be_visible()
    expect(vera.page.get_by_role("button", name="Change setting")).to_have_count(0)
    vera.follow("Notifications")
    expect(row(vera, "Targets", "oncall")).to_contain_text("env:ONCALL_URL")
    expect(vera.page.get_by_role("button", name="Test target")).to_have_count(0)
    vera.evaluate()
    vera.open("/policies?file=rootkeeper-audit-permissions.json")
    vera.sees("organizations:ListAccounts")
    vera.evaluate()
    with vera.page.expect_download() as downloading:
        vera.press("Download policy")
    saved = tmp_path / downloading.value.suggested_filename
    downloading.value.save_as(saved)
    assert saved.name == "rootkeeper-audit-permissions.json"
    assert json.loads(saved.read_text())["Version"] == "2012-10-17"
    vera.leave()
