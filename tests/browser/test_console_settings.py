"""Schedules, notifications, window policy, domains and retention, as an administrator changes and reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.console_stage import ConsolePerson, ConsoleStage, open_console_stage
from tests.fakes.notification_servers import Receiver

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

REASON = "No recovery took longer."
SECRET = "a-secret-of-the-webhook"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """A webhook of a target."""
    with Receiver.start() as started:
        yield started


@pytest.fixture(scope="module")
def running(
    console_files: None, chromium: Browser, tmp_path_factory: pytest.TempPathFactory, receiver: Receiver
) -> Iterator[ConsoleStage]:
    """A server whose settings limit windows to a day, and audit at the new year; targets can be added."""
    settings = {
        "ROOTKEEPER_WINDOWS_LONGEST": "24h",
        "ROOTKEEPER_SCHEDULES_AUDITS": "0 6 1 JAN * Europe/Berlin",
        "ROOTKEEPER_NOTIFICATIONS_ALLOWED_HOSTS": f"127.0.0.1:{receiver.port}",
        "ONCALL_URL": f"webhook+http://{SECRET}@127.0.0.1:{receiver.port}/oncall",
        "INSIDE_URL": f"webhook+https://{SECRET}@127.0.0.2:{receiver.port}/inside",
    }
    with open_console_stage(chromium, tmp_path_factory.mktemp("settings"), **settings) as stage:
        yield stage


@pytest.fixture(scope="module")
def fixed(console_files: None, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleStage]:
    """A server whose settings name targets, people and domains."""
    settings = {
        "ROOTKEEPER_NOTIFICATIONS_TARGETS": "oncall critical env:ONCALL_URL",
        "ROOTKEEPER_WINDOWS_APPROVERS": "ben",
        "ROOTKEEPER_EMAILS_ALLOWED_DOMAINS": "example.com",
    }
    with open_console_stage(chromium, tmp_path_factory.mktemp("fixed"), **settings) as stage:
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
    adam.sign_in("/settings?tab=windows")
    longest = row(adam, "Limits and people", "Longest window")
    expect(longest).to_contain_text("Environment variable ROOTKEEPER_WINDOWS_LONGEST")
    adam.evaluate()
    refused = change(adam, "Limits and people", "Longest window", "Longest window", "25h")
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


def choose(dialog: Locator, label: str, option: str) -> None:
    dialog.get_by_label(label, exact=False).first.click()
    dialog.page.get_by_role("option", name=option, exact=True).click()


def test_times_are_set_in_words_where_the_server_names_none(running: ConsoleStage) -> None:
    adam = running.enter("adam")
    adam.sign_in("/settings?tab=schedules")
    row(adam, "Times", "Audit of the whole organization").get_by_role("radio").check(force=True)
    expect(adam.page.get_by_role("button", name="Change setting")).to_be_disabled()
    expect(row(adam, "Times", "Detailed audit")).to_contain_text("Every Sunday at 04:00 (UTC)")
    expect(row(adam, "Times", "Detailed audit")).to_contain_text("Default")
    row(adam, "Times", "Set-up check").get_by_role("radio").check(force=True)
    adam.press("Change setting")
    dialog = adam.page.get_by_role("dialog", name="Change setting: Set-up check")
    choose(dialog, "How often", "Every week")
    choose(dialog, "Day of the week", "Friday")
    dialog.get_by_label("Time", exact=True).fill("07:30")
    dialog.get_by_label("Reason", exact=True).fill(REASON)
    adam.evaluate()
    adam.press("Change setting", dialog)
    expect(dialog).to_have_count(0)
    for table in ("Times", "Runs"):
        expect(row(adam, table, "Set-up check")).to_contain_text("Every Friday at 07:30")
    row(adam, "Times", "Reminder of due drills").get_by_role("radio").check(force=True)
    adam.press("Change setting")
    dialog = adam.page.get_by_role("dialog", name="Change setting: Reminder of due drills")
    choose(dialog, "How often", "Cron expressions (advanced)")
    dialog.get_by_label("Cron expressions", exact=True).fill("0 9 1 */3 * Europe/Berlin")
    dialog.get_by_label("Reason", exact=True).fill(REASON)
    adam.press("Change setting", dialog)
    expect(row(adam, "Runs", "Reminder of due drills")).to_contain_text("0 9 1 */3 * Europe/Berlin")
    adam.evaluate()
    adam.leave()


def add_target(person: ConsolePerson, name: str, variable: str) -> None:
    person.press("Add target")
    dialog = person.page.get_by_role("dialog", name="Add target")
    expect(dialog.get_by_label("Name", exact=True)).to_be_focused()
    dialog.get_by_label("Name", exact=True).fill(name)
    dialog.get_by_label("Name of the variable", exact=True).fill(variable)
    dialog.get_by_label("Reason", exact=True).fill("People on call have to know.")
    person.press("Add target", dialog)
    expect(dialog).to_have_count(0)
    expect(row(person, "Targets", name)).to_contain_text(f"Environment variable {variable}")


def send_test(person: ConsolePerson, name: str) -> None:
    row(person, "Targets", name).get_by_role("radio").check(force=True)
    person.press("Send test message")


def test_a_target_is_added_and_tested_without_a_restart(running: ConsoleStage, receiver: Receiver) -> None:
    adam = running.enter("adam")
    adam.sign_in("/settings?tab=notifications")
    adam.press("Add target")
    dialog = adam.page.get_by_role("dialog", name="Add target")
    dialog.get_by_label("Name of the variable", exact=True).fill(f"https://{SECRET}@hooks.example.com")
    adam.sees("This is a URL.")
    expect(dialog.get_by_role("button", name="Add target")).to_be_disabled()
    adam.evaluate()
    adam.press("Cancel", dialog)
    add_target(adam, "oncall", "ONCALL_URL")
    send_test(adam, "oncall")
    adam.sees("Sent: oncall accepted the test message.")
    assert [one.path for one in receiver.received] == ["/oncall"]
    add_target(adam, "inside", "INSIDE_URL")
    send_test(adam, "inside")
    adam.sees("its address isn't public, and its host isn't allowed")
    add_target(adam, "nowhere", "NO_SUCH_URL")
    send_test(adam, "nowhere")
    adam.sees("the variable NO_SUCH_URL isn't set")
    for name in ("inside", "nowhere"):
        row(adam, "Targets", name).get_by_role("radio").check(force=True)
        adam.press("Remove target")
        dialog = adam.page.get_by_role("dialog", name=f"Remove target {name}")
        dialog.get_by_label("Reason", exact=True).fill("It was a trial.")
        adam.press("Remove target", dialog)
        expect(row(adam, "Targets", name)).to_have_count(0)
    adam.evaluate()
    adam.open("/ledger?action=setting:change")
    entries = adam.page.get_by_role("treegrid", name="Entries of the ledger", exact=True)
    expect(entries.get_by_role("row").filter(has_text="Setting: change").first).to_contain_text("adam")
    assert SECRET not in running.database.read_bytes().decode("latin-1")
    adam.leave()


def test_people_domains_and_retention_are_changed(running: ConsoleStage) -> None:
    adam = running.enter("adam")
    adam.sign_in("/settings?tab=windows")
    change(adam, "Limits and people", "People who may approve", "People who may approve", "ben\nadam in Root/Workloads")
    people = row(adam, "Limits and people", "People who may approve")
    expect(people).to_contain_text("adam in Root/Workloads")
    expect(people).to_contain_text("Console")
    expect(row(adam, "Limits and people", "People who may request")).to_contain_text("Everyone whose role permits it")
    adam.evaluate()
    adam.open("/settings?tab=emails")
    change(adam, "E-mail domains", "Domains of the organization", "Domains of the organization", "*.example.com")
    expect(row(adam, "E-mail domains", "Domains of the organization")).to_contain_text("*.example.com")
    adam.open("/settings?tab=retention")
    refused = change(adam, "Retention", "Audits are kept for", "Audits are kept for", "30d")
    expect(refused.get_by_role("alert")).to_contain_text("it must be from 400d to 3650d")
    refused.get_by_label("Audits are kept for", exact=True).fill("800d")
    adam.press("Change setting", refused)
    expect(row(adam, "Retention", "Audits are kept for")).to_contain_text("800 days")
    adam.evaluate()
    adam.leave()


def test_what_the_server_names_is_shown_and_cant_be_changed(fixed: ConsoleStage) -> None:
    adam = fixed.enter("adam")
    adam.sign_in("/settings?tab=notifications")
    adam.sees("ROOTKEEPER_NOTIFICATIONS_TARGETS. Change them there")
    row(adam, "Targets", "oncall").get_by_role("radio").check(force=True)
    for name in ("Add target", "Change target", "Remove target"):
        expect(adam.page.get_by_role("button", name=name)).to_be_disabled()
    for tab, table, name, value in (
        ("windows", "Limits and people", "People who may approve", "ben"),
        ("emails", "E-mail domains", "Domains of the organization", "example.com"),
    ):
        adam.open(f"/settings?tab={tab}")
        shown = row(adam, table, name)
        expect(shown).to_contain_text(value)
        expect(shown).to_contain_text("Environment variable ROOTKEEPER_")
        shown.get_by_role("radio").check(force=True)
        expect(adam.page.get_by_role("button", name="Change setting")).to_be_disabled()
    adam.leave()


def test_a_viewer_changes_nothing_and_copies_policies(fixed: ConsoleStage, tmp_path: Path) -> None:
    vera = fixed.enter("vera")
    vera.sign_in("/settings?tab=windows")
    expect(row(vera, "Limits and people", "Approvals needed")).to_be_visible()
    expect(vera.page.get_by_role("button", name="Change setting")).to_have_count(0)
    vera.follow("Notifications")
    expect(row(vera, "Targets", "oncall")).to_contain_text("Environment variable ONCALL_URL")
    for name in ("Send test message", "Add target"):
        expect(vera.page.get_by_role("button", name=name)).to_have_count(0)
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
