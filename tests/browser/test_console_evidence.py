"""The pages about windows, jobs, the ledger, guardrails, locked resources and reports, each used for what it is for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
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
    addEventListener("popstate", () => { document.body.dataset.step = "taken back"; }, { once: true });
    history.back();
    const end = performance.now() + 500;
    while (performance.now() < end);
  };
}"""
"""The next step of the page's history is taken back before anything of it is drawn."""

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]


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


def test_a_request_is_checked_and_tells_whose_mailbox_is_needed(people: dict[str, ConsolePerson]) -> None:
    operator = people["olga"]
    operator.open(f"/windows/request?account={CLEAN}")
    operator.fill("Reason", "A drill of the form")
    operator.press("Check")
    operator.sees("Nothing stands in its way.")
    operator.sees(CLEAN_EMAIL)
    operator.sees("1 person beside the requester must approve it before it can be opened.")
    operator.fill("Reason", "Changed after the check")
    expect(operator.page.get_by_role("button", name="Request the window", exact=True)).to_be_disabled()


def test_a_request_is_denied_with_a_reason_that_everybody_sees(people: dict[str, ConsolePerson]) -> None:
    operator, approver = people["olga"], people["amir"]
    path = story.request_window(operator, CLEAN)
    expect(operator.page.get_by_role("button", name="Approve", exact=True)).to_have_count(0)
    approver.open(path)
    approver.press("Deny")
    dialog = approver.page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Deny", exact=True)).to_be_disabled()
    dialog.get_by_label("Reason").fill("Not on a Friday")
    approver.press("Deny", dialog)
    operator.sees("Denied by amir: Not on a Friday")
    expect(operator.page.get_by_role("button", name="Take back", exact=True)).to_have_count(0)
    operator.open("/windows?show=over")
    operator.sees("Denied")


def test_whoever_requests_can_see_but_not_approve(people: dict[str, ConsolePerson]) -> None:
    administrator = people["adam"]
    path = story.request_window(administrator, CLEAN)
    expect(administrator.page.get_by_role("button", name=re.compile("^Approve"))).to_have_attribute(
        "aria-disabled", "true"
    )
    people["vera"].open(path)
    people["vera"].sees("Waits for approval: 0 of 1. Nothing is open.")
    expect(people["vera"].page.get_by_role("button", name="Take back", exact=True)).to_have_count(0)
    administrator.press("Take back")
    administrator.press("Take back", administrator.page.get_by_role("dialog"))
    administrator.sees("Cancelled by adam.")


def test_an_open_window_counts_down_says_what_to_do_is_prolonged_and_proven(
    people: dict[str, ConsolePerson], tmp_path: Path
) -> None:
    operator, approver = people["olga"], people["amir"]
    path = story.request_window(operator, CLEAN)
    story.approve(approver, path)
    story.open_window(operator, path)
    operator.sees(re.compile(r"^14 min \d\d s$"))
    operator.sees("Open the sandbox's Forgot password page")
    operator.sees("It is not watched.")
    approver.open(path)
    approver.press("Prolong")
    approver.press("Consent", approver.page.get_by_role("dialog"))
    approver.sees("It is prolonged by 1 hour.")
    story.close_window(operator, path)
    report = json.loads(save(operator, "JSON", tmp_path))
    assert [step["what"] for step in report["steps"]][:3] == ["window:request", "window:approve", "window:activate"]
    assert report["people"]["approved_by"] == ["amir"]


# Jobs.


def test_jobs_are_listed_and_one_is_shown_with_how_far_it_came(people: dict[str, ConsolePerson]) -> None:
    viewer = people["vera"]
    viewer.open("/jobs")
    viewer.follow("Audit")
    viewer.sees("Done")
    viewer.sees("26 of 26")
    viewer.follow("Show the accounts")
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
    operator.press("Audit now")
    operator.sees("Audit by olga")
    operator.open("/jobs")
    operator.follow("Audit")
    operator.press("Cancel job")
    operator.press("End the job", operator.page.get_by_role("dialog"))
    operator.sees("Cancelled")
    expect(operator.page.get_by_role("button", name="Cancel job", exact=True)).to_have_count(0)
    console.sandbox.clear_faults()


# The ledger.


def test_the_ledger_is_verified_in_the_server_and_shows_its_verdict(people: dict[str, ConsolePerson]) -> None:
    administrator = people["adam"]
    administrator.open("/ledger")
    administrator.press("Verify now")
    expect(administrator.page.get_by_text("The ledger is intact.")).to_be_visible(timeout=story.JOB_MILLISECONDS)
    administrator.sees("Hash of the last entry")
    people["vera"].open("/ledger")
    people["vera"].sees("The ledger is intact.")
    expect(people["vera"].page.get_by_role("button", name="Verify now")).to_have_count(0)


def test_entries_of_one_account_are_found_and_shown_in_full(people: dict[str, ConsolePerson]) -> None:
    viewer = people["vera"]
    viewer.open(f"/ledger?account={story.FAILSAFE}")
    table = viewer.page.get_by_role("table", name="Entries of the ledger")
    registering = table.get_by_text("Delegated administrator: register").first
    expect(registering).to_be_visible()
    texts = table.locator("tbody tr").all_inner_texts()
    assert len(texts) == sum(story.FAILSAFE in text for text in texts) > 0
    registering.click()
    viewer.sees("Hash of the entry before")
    viewer.sees("adam, signed in")


def test_what_is_looked_for_in_the_ledger_stands_in_the_address_and_outlives_a_verification(
    people: dict[str, ConsolePerson],
) -> None:
    administrator = people["adam"]
    page = administrator.page
    table = page.get_by_role("table", name="Entries of the ledger")
    administrator.open("/ledger?by=adam&action=delegated_administrator:register")
    expect(table.locator("tbody tr")).to_have_count(2)
    expect(page.get_by_label("By", exact=True)).to_have_value("adam")
    administrator.press("Verify now")
    expect(page).to_have_url(re.compile(r"by=adam&action=delegated_administrator%3Aregister&verification="))
    expect(table.locator("tbody tr")).to_have_count(2)
    page.get_by_label("By", exact=True).fill("nobody")
    page.keyboard.press("Enter")
    administrator.sees("No entry fits these filters.")
    expect(page).to_have_url(re.compile(r"verification=[^&]+&by=nobody&action="))
    administrator.press("Clear")
    expect(page).to_have_url(re.compile(r"/ledger\?verification=[^&]+$"))
    first = table.locator("tbody tr").first
    expect(first).to_contain_text("Job: request")
    newest = first.locator("th").inner_text()
    administrator.press("Verify now")
    expect(first.locator("th")).not_to_have_text(newest)
    expect(first).to_contain_text("Job: request")
    page.go_back()
    expect(page.get_by_label("By", exact=True)).to_have_value("nobody")


def test_back_at_the_very_moment_of_a_change_shows_what_the_address_says(people: dict[str, ConsolePerson]) -> None:
    administrator = people["adam"]
    page = administrator.page
    administrator.open("/ledger?by=nobody")
    administrator.sees("No entry fits these filters.")
    page.evaluate(GO_BACK_AT_ONCE)
    administrator.press("Clear")
    expect(page.locator("body")).to_have_attribute("data-step", "taken back")
    expect(page).to_have_url(re.compile(r"/ledger\?by=nobody$"))
    expect(page.get_by_label("By", exact=True)).to_have_value("nobody")
    administrator.sees("No entry fits these filters.")


# Guardrails.


def test_a_preflight_names_the_policy_that_blocks_and_the_change_that_mends_it(
    people: dict[str, ConsolePerson],
) -> None:
    operator = people["olga"]
    operator.open("/guardrails")
    operator.press("Run preflight")
    operator.press("Run", operator.page.get_by_role("dialog"))
    name = operator.page.get_by_text(f"{BLOCKED_NAME} ({BLOCKED})")
    expect(name.first).to_be_visible(timeout=story.JOB_MILLISECONDS)
    name.first.click()
    operator.sees(re.compile("Blocked: Audit"))
    operator.sees(re.compile("aws:AssumedRoot"))
    people["vera"].open("/guardrails")
    people["vera"].sees(f"{BLOCKED_NAME} ({BLOCKED})")
    expect(people["vera"].page.get_by_role("button", name="Run preflight")).to_have_count(0)


# Unlock.


def test_a_locked_bucket_is_found_corrected_and_its_policy_put_back(
    people: dict[str, ConsolePerson], tmp_path: Path
) -> None:
    operator = people["olga"]
    operator.open("/unlock")
    operator.fill("Account", story.ACCOUNT)
    operator.page.keyboard.press("Escape")
    operator.press("Look")
    show = operator.page.get_by_role("button", name=f"Show the policy of {LOCKED_BUCKET}")
    expect(show).to_be_visible(timeout=story.JOB_MILLISECONDS)
    show.click()
    operator.sees("Without what locks")
    save(operator, "Download", tmp_path)
    (saved,) = tmp_path.iterdir()
    operator.press("Correct")
    operator.press("Correct the policy", operator.page.get_by_role("dialog"))
    operator.sees("Done, as a re-read shows.")
    operator.press("Show the policy of now")
    operator.sees(re.compile(f"^Policy of {LOCKED_BUCKET}"))
    operator.press("Put a saved copy back")
    dialog = operator.page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(saved)
    operator.press("Put a saved copy back", dialog)
    operator.sees("Done, as a re-read shows.")
    operator.sees(re.compile("Locks out all but some"))


def test_whoever_may_not_unlock_is_told_so(people: dict[str, ConsolePerson]) -> None:
    people["vera"].open("/unlock")
    people["vera"].sees("The role viewer doesn't permit this page.")


# Reports.


@pytest.mark.parametrize(
    ("form", "begins"),
    [("HTML", "<!doctype html>"), ("JSON", "{"), ("CSV", "organization_id,endpoint,"), ("Markdown", "# ")],
)
def test_evidence_is_downloaded(people: dict[str, ConsolePerson], tmp_path: Path, form: str, begins: str) -> None:
    approver = people["amir"]
    approver.open("/reports")
    approver.page.get_by_role("radio", name=re.compile(f"^{form}")).check(force=True)
    document = save(approver, "Make and download", tmp_path)
    assert document.lower().lstrip("\ufeff").startswith(begins)
    assert story.ACCOUNT in document


def test_two_audits_are_compared(people: dict[str, ConsolePerson]) -> None:
    viewer: Any = people["vera"]
    viewer.open("/reports")
    expect(viewer.page.get_by_role("tab", name="Evidence")).to_have_count(0)
    boxes = viewer.page.get_by_role("table", name="Audits").get_by_role("checkbox", name=re.compile("^Audit of"))
    boxes.nth(0).check(force=True)
    viewer.sees("Choose one more audit to compare it with.")
    boxes.nth(1).check(force=True)
    viewer.sees("What changed")
    viewer.sees(re.compile(r"\d+ changed, 0 joined, 0 left"))
