"""The pages about windows, jobs, the ledger, guardrails, locked resources and reports, each used for what it is for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser import console_story as story
from tests.browser.console_stage import ConsolePerson, ConsoleStage

LOCKED_BUCKET = "amzn-s3-demo-orders-invoices"
CLEAN, CLEAN_NAME, CLEAN_EMAIL = "777788889999", "Shop Prod", "aws+shop-prod@example.com"
"""An account without root user credentials, as a window takes it."""
BLOCKED, BLOCKED_NAME = "565678789090", "Medical Records"
GO_BACK_AT_ONCE = """() => {
  const push = history.pushState.bind(history);
  history.pushState = (...step) => {
    history.pushState = push;
    push(...step);
    addEventListener("popstate", () => { document.body.dataset.step = "gone back"; }, { once: true });
    history.back();
    const end = performance.now() + 500;
    while (performance.now() < end);
  };
}"""
"""Go back from the next history entry before it is rendered."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def people(console: ConsoleStage) -> Iterator[dict[str, ConsolePerson]]:
    """An organization that is set up and was audited twice."""
    with console.enter_signed_in("adam", "olga", "amir", "vera") as entered:
        story.set_up(entered["adam"])
        story.audit(entered["olga"])
        story.audit(entered["olga"])
        yield entered


def save(person: ConsolePerson, button: str, folder: Path) -> str:
    """What is downloaded by a button."""
    with person.page.expect_download(timeout=story.JOB_MILLISECONDS) as downloading:
        person.press(button)
    place = folder / downloading.value.suggested_filename
    downloading.value.save_as(place)
    return place.read_text()


# Recovery windows.


def test_a_request_is_checked_and_names_the_mailbox(people: dict[str, ConsolePerson]) -> None:
    operator = people["olga"]
    operator.open(f"/windows/request?account={CLEAN}")
    operator.fill("Reason", "A drill of the form")
    operator.press("Check request")
    operator.sees("The check passed.")
    operator.sees(CLEAN_EMAIL)
    operator.sees("1 person other than the requester must approve it before it can be opened.")
    operator.fill("Reason", "Changed after the check")
    expect(operator.page.get_by_role("button", name="Request window", exact=True)).to_be_disabled()


def test_a_request_is_denied_with_a_reason_that_all_users_see(people: dict[str, ConsolePerson]) -> None:
    operator, approver = people["olga"], people["amir"]
    path = story.request_window(operator, CLEAN)
    expect(operator.page.get_by_role("button", name="Approve request", exact=True)).to_have_count(0)
    approver.open(path)
    approver.press("Deny request")
    dialog = approver.page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Deny request", exact=True)).to_be_disabled()
    dialog.get_by_label("Reason").fill("Not on a Friday")
    approver.press("Deny request", dialog)
    operator.sees("Denied by amir: Not on a Friday")
    expect(operator.page.get_by_role("button", name="Cancel request", exact=True)).to_have_count(0)
    operator.open("/windows?show=over")
    operator.sees("Denied")


def test_a_requester_can_see_but_not_approve(people: dict[str, ConsolePerson]) -> None:
    administrator = people["adam"]
    path = story.request_window(administrator, CLEAN)
    expect(administrator.page.get_by_role("button", name=re.compile("^Approve"))).to_have_attribute(
        "aria-disabled", "true"
    )
    people["vera"].open(path)
    people["vera"].sees("Waiting for approval: 0 of 1. The window isn't open.")
    expect(people["vera"].page.get_by_role("button", name="Cancel request", exact=True)).to_have_count(0)
    administrator.press("Cancel request")
    administrator.press("Cancel request", administrator.page.get_by_role("dialog"))
    administrator.sees("Cancelled by adam.")


def test_an_open_window_counts_down_shows_the_next_steps_is_extended_and_proven(
    people: dict[str, ConsolePerson], tmp_path: Path
) -> None:
    operator, approver = people["olga"], people["amir"]
    path = story.request_window(operator, CLEAN)
    story.approve(approver, path)
    story.open_window(operator, path)
    operator.sees(re.compile(r"^14 min \d\d s$"))
    operator.sees("Open the Forgot password page of the sandbox")
    operator.sees("This window isn't watched.")
    approver.open(path)
    approver.press("Extend window")
    approver.press("Approve extension", approver.page.get_by_role("dialog"))
    approver.sees("The window was extended by 1 hour.")
    story.close_window(operator, path)
    report = json.loads(save(operator, "JSON", tmp_path))
    assert [step["what"] for step in report["steps"]][:3] == ["window:request", "window:approve", "window:activate"]
    assert report["people"]["approved_by"] == ["amir"]
    operator.open(f"/ledger?of={path.rpartition('/')[2]}")
    rows = operator.page.get_by_role("treegrid", name="Entries of the ledger").locator("tbody tr")
    closing = rows.filter(has_text=re.compile(r"Window: close \(\d+ steps\)"))
    expect(closing).to_have_count(1)
    expect(rows.filter(has_text="Login profile: delete")).to_have_count(0)
    closing.get_by_role("button", name=re.compile("^Show the steps of")).click()
    expect(rows.filter(has_text="Login profile: delete")).to_have_count(1)


# Jobs.


def test_jobs_are_listed_and_one_is_shown_with_how_far_it_came(people: dict[str, ConsolePerson]) -> None:
    viewer = people["vera"]
    viewer.open("/jobs")
    viewer.follow("Audit")
    viewer.sees("Done")
    viewer.sees("26 of 26")
    viewer.follow("Show accounts")
    viewer.page.wait_for_url(re.compile("/accounts$"))
    viewer.page.go_back()
    viewer.sees("26 of 26")
    expect(viewer.page.get_by_role("button", name="Cancel job", exact=True)).to_have_count(0)


def test_a_job_that_runs_is_cancelled(people: dict[str, ConsolePerson], console: ConsoleStage) -> None:
    operator = people["olga"]
    error = {"code": "Throttling", "status": 400, "message": "Rate exceeded"}
    console.sandbox.faults(service="sts", operation="AssumeRoot", error=error)
    console.sandbox.faults(service="sts", operation="AssumeRoot", latency_ms=5_000)  # and each is tried eight times
    operator.open("/accounts")
    operator.press("Run audit")
    operator.sees("Audit by olga")
    operator.open("/jobs")
    operator.follow("Audit")
    operator.press("Cancel job")
    operator.press("Cancel job", operator.page.get_by_role("dialog"))
    operator.sees("Cancelled")
    expect(operator.page.get_by_role("button", name="Cancel job", exact=True)).to_have_count(0)
    console.sandbox.clear_faults()


# The ledger.


def test_the_ledger_is_verified_in_the_server_and_shows_its_verdict(people: dict[str, ConsolePerson]) -> None:
    administrator = people["adam"]
    administrator.open("/ledger")
    administrator.press("Verify ledger")
    expect(administrator.page.get_by_text("The ledger is intact.")).to_be_visible(timeout=story.JOB_MILLISECONDS)
    administrator.sees("Hash of the last entry")
    people["vera"].open("/ledger")
    people["vera"].sees("The ledger is intact.")
    expect(people["vera"].page.get_by_role("button", name="Verify ledger")).to_have_count(0)


def test_entries_of_one_account_are_found_and_shown_in_full(people: dict[str, ConsolePerson]) -> None:
    viewer = people["vera"]
    viewer.open(f"/ledger?account={story.FAILSAFE}")
    table = viewer.page.get_by_role("treegrid", name="Entries of the ledger")
    registering = table.get_by_text("Delegated administrator: register").first
    expect(registering).to_be_visible()
    texts = table.locator("tbody tr").all_inner_texts()
    assert len(texts) == sum(story.FAILSAFE in text for text in texts) > 0
    registering.click()
    viewer.sees("Hash of the previous entry")
    viewer.sees("adam, signed in")


def test_ledger_filters_are_in_the_url_and_outlive_a_verification(
    people: dict[str, ConsolePerson],
) -> None:
    administrator = people["adam"]
    page = administrator.page
    table = page.get_by_role("treegrid", name="Entries of the ledger")
    administrator.open("/ledger?by=adam&action=delegated_administrator:register")
    expect(table.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_label("By", exact=True)).to_have_value("adam")
    administrator.press("Verify ledger")
    expect(page).to_have_url(re.compile(r"by=adam&action=delegated_administrator%3Aregister&verification="))
    administrator.sees("The ledger is intact.")  # the result moves the filters below it
    expect(table.locator("tbody tr")).to_have_count(1)
    page.get_by_label("By", exact=True).fill("unknown-user")
    page.keyboard.press("Enter")
    administrator.sees("No entries match the filters.")
    expect(page).to_have_url(re.compile(r"verification=[^&]+&by=unknown-user&action="))
    administrator.press("Clear filters")
    expect(page).to_have_url(re.compile(r"/ledger\?verification=[^&]+$"))
    newest = table.locator("tbody tr").filter(has_text="Job: request").first.locator("td").last
    number = newest.inner_text()
    administrator.press("Verify ledger")
    expect(newest).not_to_have_text(number)
    page.go_back()
    expect(page.get_by_label("By", exact=True)).to_have_value("unknown-user")


def test_back_at_the_very_moment_of_a_change_shows_what_the_address_says(people: dict[str, ConsolePerson]) -> None:
    administrator = people["adam"]
    page = administrator.page
    administrator.open("/ledger?by=unknown-user")
    administrator.sees("No entries match the filters.")
    page.evaluate(GO_BACK_AT_ONCE)
    administrator.press("Clear filters")
    expect(page.locator("body")).to_have_attribute("data-step", "gone back")
    expect(page).to_have_url(re.compile(r"/ledger\?by=unknown-user$"))
    expect(page.get_by_label("By", exact=True)).to_have_value("unknown-user")
    administrator.sees("No entries match the filters.")


# Guardrails.


def test_a_preflight_names_the_policy_that_blocks_and_the_change_that_fixes_it(
    people: dict[str, ConsolePerson],
) -> None:
    operator = people["olga"]
    operator.open("/guardrails")
    operator.press("Run preflight")
    operator.press("Run preflight", operator.page.get_by_role("dialog"))
    name = operator.page.get_by_text(f"{BLOCKED_NAME} ({BLOCKED})")
    expect(name.first).to_be_visible(timeout=story.JOB_MILLISECONDS)
    name.first.click()
    operator.sees(re.compile("Blocked: Audit"))
    operator.sees(re.compile("aws:AssumedRoot"))
    # An intended denial has a word of its own and no fix: the only one is for root sessions.
    operator.sees(re.compile("^Denied: Signed-in root"))
    expect(operator.page.get_by_label("Policy change", exact=True)).to_have_count(1)
    people["vera"].open("/guardrails")
    people["vera"].sees(f"{BLOCKED_NAME} ({BLOCKED})")
    table = people["vera"].page.get_by_role("table", name="Accounts and tasks")
    expect(table.locator("tbody tr").nth(0)).to_contain_text("Blocked")
    expect(table.locator("tbody tr").last).not_to_contain_text("Blocked")
    people["vera"].page.set_viewport_size({"width": 390, "height": 844})
    expect(table.locator("tbody tr").nth(0)).to_contain_text("Denied: Signed-in root")
    assert table.evaluate("(table) => table.scrollWidth <= table.parentElement.clientWidth")
    people["vera"].page.set_viewport_size({"width": 1440, "height": 900})
    expect(people["vera"].page.get_by_role("button", name="Run preflight")).to_have_count(0)


# Unlock.


def test_a_locked_bucket_is_found_corrected_and_its_policy_restored(
    people: dict[str, ConsolePerson], tmp_path: Path
) -> None:
    operator = people["olga"]
    operator.open("/unlock")
    operator.fill("Account", story.ACCOUNT)
    operator.page.keyboard.press("Escape")
    operator.press("List policies")
    show = operator.page.get_by_role("button", name=f"Show the policy of {LOCKED_BUCKET}")
    expect(show).to_be_visible(timeout=story.JOB_MILLISECONDS)
    show.click()
    operator.sees("Corrected policy")
    save(operator, "Download policy", tmp_path)
    (saved,) = tmp_path.iterdir()
    operator.press("Correct policy")
    operator.press("Correct policy", operator.page.get_by_role("dialog"))
    operator.sees("The policy was changed, confirmed by a re-read.")
    operator.press("Show current policy")
    operator.sees(re.compile(f"^Policy of {LOCKED_BUCKET}"))
    operator.press("Restore policy")
    dialog = operator.page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(saved)
    operator.press("Restore policy", dialog)
    operator.sees("The policy was changed, confirmed by a re-read.")
    operator.sees(re.compile("Locks out all but some"))


def test_the_unlock_page_is_refused_without_its_permission(people: dict[str, ConsolePerson]) -> None:
    people["vera"].open("/unlock")
    people["vera"].sees("The role viewer doesn't have access to this page.")


# Controls.


def test_a_control_is_followed_to_its_accounts_and_attested(people: dict[str, ConsolePerson]) -> None:
    approver = people["amir"]
    approver.open("/controls")
    controls = approver.page.get_by_role("table", name="Controls")
    controls.get_by_role("link", name=re.compile("^2.4 ")).click()
    accounts = approver.page.get_by_role("table", name="Accounts")
    expect(accounts.get_by_text("The root user has an access key.").first).to_be_visible()
    approver.open("/controls")
    controls.get_by_role("link", name=re.compile("^5.3 ")).click()
    approver.sees("A person must judge this control")
    approver.press("Attest")
    dialog = approver.page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("The alarm pages the security team")
    dialog.get_by_role("textbox", name="Valid through").fill(f"{datetime.now(UTC) + timedelta(days=30):%Y/%m/%d}")
    approver.press("Attest", dialog)
    approver.sees("Pass (attested)")
    approver.sees("amir (signed in)")


def test_controls_are_refused_without_their_permission(people: dict[str, ConsolePerson]) -> None:
    people["vera"].open("/controls")
    people["vera"].sees("The role viewer doesn't have access to this page.")


# Reports.


def choose_format(person: ConsolePerson, title: str) -> None:
    person.page.get_by_role("button", name=re.compile("^Format")).click()
    person.page.get_by_role("option", name=re.compile(f"^(Selected .+ )?{title} ")).click()


@pytest.mark.parametrize(
    ("form", "begins"),
    [
        ("HTML", "<!doctype html>"),
        ("JSON", "{"),
        ("CSV", "organization_id,endpoint,"),
        ("Markdown", "# "),
        ("Findings as CSV", "finding_id,source,"),
    ],
)
def test_evidence_is_downloaded(people: dict[str, ConsolePerson], tmp_path: Path, form: str, begins: str) -> None:
    approver = people["amir"]
    approver.open("/reports")
    choose_format(approver, form)
    document = save(approver, "Download report", tmp_path)
    assert document.lower().lstrip("\ufeff").startswith(begins)
    assert story.ACCOUNT in document


def test_an_audits_findings_are_downloaded_and_two_audits_are_compared(
    people: dict[str, ConsolePerson], tmp_path: Path
) -> None:
    viewer: Any = people["vera"]
    viewer.open("/reports")
    expect(viewer.page.get_by_role("tab", name="Evidence")).to_have_count(0)
    boxes = viewer.page.get_by_role("table", name="Audits").get_by_role("checkbox", name=re.compile("^Audit of"))
    boxes.nth(0).check(force=True)
    viewer.sees("Select a second audit to compare.")
    choose_format(viewer, "Findings as JSON Lines")
    findings = [json.loads(line) for line in save(viewer, "Download findings", tmp_path).splitlines()]
    assert {"pass", "fail"} <= {finding["verdict"] for finding in findings}
    boxes.nth(1).check(force=True)
    viewer.sees("Changes between audits")
    viewer.sees(re.compile(r"\d+ changed, 0 joined, 0 left"))
