"""Failures: AWS refuses, a policy blocks, the server restarts, a session ends, two act on one account."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from rootkeeper.cli.demo_story import is_bare
from tests.browser import console_story as story
from tests.browser.console_deletion import begin_deletion, confirm_plan, plan_selected
from tests.browser.console_stage import ConsolePerson, ConsoleStage
from tests.functional.administration import Administration

BLOCKED, BLOCKED_NAME = "565678789090", "Medical Records"
DENYING_STATEMENT = "DenyRootUser"
OPENED, OPENED_NAME = "777788889999", "Shop Prod"
"""Without root user credentials, so that a window can be opened at once."""
BROWSER_CONNECTIONS = 6
"""So many Chromium opens to one server."""
LOOK_ELSEWHERE = """(isHidden) => {
  const state = isHidden ? "hidden" : "visible";
  Object.defineProperty(document, "hidden", { configurable: true, get: () => isHidden });
  Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
  window.dispatchEvent(new Event("visibilitychange"));
  document.dispatchEvent(new Event("visibilitychange"));
}"""
"""The tab, as if another were in front of it, or it again."""
REFUSAL = {"code": "AccessDenied", "status": 403, "message": "explicit deny in a permissions boundary"}

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def people(console: ConsoleStage) -> Iterator[dict[str, ConsolePerson]]:
    with console.enter_signed_in("adam", "olga", "amir") as entered:
        story.set_up(entered["adam"])
        story.audit(entered["olga"])
        yield entered


@pytest.fixture(autouse=True)
def no_faults(console: ConsoleStage) -> Iterator[None]:
    yield
    console.sandbox.clear_faults()


def test_what_aws_refuses_is_shown_as_failed_with_the_reason(
    people: dict[str, ConsolePerson], console: ConsoleStage
) -> None:
    operator = people["olga"]
    console.sandbox.faults(service="iam", operation="DeleteLoginProfile", account_id="100020003000", error=REFUSAL)
    story.choose_account(operator, "Warehouse Prod")
    plan_selected(operator)
    confirm_plan(operator)
    operator.sees("1 failed")
    operator.sees(re.compile("permissions boundary"))
    assert console.sandbox.root_user("100020003000")["password"]


def test_a_failed_closing_is_shown_with_what_to_do_until_it_succeeds(
    people: dict[str, ConsolePerson], console: ConsoleStage
) -> None:
    operator = people["olga"]
    path = story.request_window(operator, OPENED)
    story.approve(people["amir"], path)
    story.open_window(operator, path)
    console.sandbox.faults(service="iam", operation="DeleteLoginProfile", account_id=OPENED, error=REFUSAL)
    operator.press("Close window")
    operator.press("Close window", operator.page.get_by_role("dialog"))
    header = "The window couldn't be closed. Rootkeeper retries until it succeeds."
    expect(operator.page.get_by_text(header)).to_be_visible(timeout=story.JOB_MILLISECONDS)
    operator.sees(re.compile("the root user can possibly sign in"))
    operator.sees(re.compile("permissions boundary"))
    operator.judge_now()
    operator.open("/")
    for table in ("Waiting for you", "Open recovery windows"):
        row = operator.page.get_by_role("table", name=table).get_by_role("row").filter(has_text=OPENED_NAME)
        expect(row).to_contain_text("Closing failed")
    operator.judge_now()
    console.sandbox.clear_faults()
    operator.open(path)
    expect(operator.page.get_by_text("Closed, verified").first).to_be_visible(timeout=story.JOB_MILLISECONDS)
    expect(operator.page.get_by_text(header)).to_have_count(0)
    assert is_bare(console.sandbox.root_user(OPENED))


def test_a_password_that_returns_after_the_closing_is_shown_until_and_after_it_is_closed_again(
    people: dict[str, ConsolePerson], console: ConsoleStage
) -> None:
    operator = people["olga"]
    path = story.request_window(operator, OPENED)
    story.approve(people["amir"], path)
    story.open_window(operator, path)
    story.close_window(operator, path)
    Administration(console.sandbox).allow_recovery(OPENED)
    console.sandbox.faults(service="iam", operation="DeleteLoginProfile", account_id=OPENED, error=REFUSAL)
    story.audit(operator)
    operator.open(path)
    header = "Someone else reopened this window: root user credentials were found after it was closed."
    expect(operator.page.get_by_text(header)).to_be_visible(timeout=story.JOB_MILLISECONDS)
    operator.sees("Reopened by someone else")
    operator.sees("First closed")
    operator.judge_now()
    console.sandbox.clear_faults()
    expect(operator.page.get_by_text("Closed, verified").first).to_be_visible(timeout=story.JOB_MILLISECONDS)
    expect(operator.page.get_by_text(header)).to_be_visible()
    assert is_bare(console.sandbox.root_user(OPENED))


def stop_deletion(operator: ConsolePerson, console: ConsoleStage) -> None:
    """One of two accounts, that stops at the first and shows itself as interrupted."""
    story.choose_account(operator, story.ACCOUNT_NAME)
    operator.page.get_by_label("Select Warehouse Prod", exact=True).check()
    plan_selected(operator)
    operator.fill("First accounts", "1")
    console.sandbox.faults(service="iam", operation="DeleteLoginProfile", error=REFUSAL)
    begin_deletion(operator)
    stopped = operator.page.get_by_role("heading", name="Interrupted", exact=True)
    expect(stopped).to_be_visible(timeout=story.JOB_MILLISECONDS)
    console.sandbox.clear_faults()
    operator.open("/jobs?show=unfinished")
    operator.follow("Deletion")
    operator.sees("Interrupted")


def test_hidden_tabs_block_no_other_tab_and_catch_up_when_they_are_visible_again(
    people: dict[str, ConsolePerson], console: ConsoleStage
) -> None:
    operator = people["olga"]
    stop_deletion(operator, console)
    tabs = [operator.context.new_page() for _ in range(BROWSER_CONNECTIONS)]
    for tab in tabs:
        tab.goto(operator.page.url)
        expect(tab.get_by_text("Interrupted", exact=True).first).to_be_visible()
        tab.evaluate(LOOK_ELSEWHERE, True)
    operator.press("Cancel job")
    operator.press("Cancel job", operator.page.get_by_role("dialog"))
    operator.sees("Cancelled")
    tabs[0].evaluate(LOOK_ELSEWHERE, False)
    expect(tabs[0].get_by_text("Cancelled", exact=True).first).to_be_visible()
    for tab in tabs:
        tab.close()


def test_an_interrupted_job_continues_when_an_operator_resumes_it(
    people: dict[str, ConsolePerson], console: ConsoleStage
) -> None:
    operator = people["olga"]
    stop_deletion(operator, console)
    operator.judge_now()
    operator.press("Resume job")
    dialog = operator.page.get_by_role("dialog")
    dialog.get_by_role("checkbox", name="Also retry failed and unknown accounts").check(force=True)
    operator.press("Resume job", dialog)
    expect(operator.page.get_by_text("Done", exact=True).first).to_be_visible(timeout=story.JOB_MILLISECONDS)
    expect(operator.page.get_by_role("button", name="Resume job", exact=True)).to_have_count(0)
    assert all(is_bare(console.sandbox.root_user(account)) for account in (story.ACCOUNT, "100020003000"))


def test_a_blocking_policy_is_named_before_the_request(people: dict[str, ConsolePerson]) -> None:
    operator = people["olga"]
    operator.open(f"/windows/request?account={BLOCKED}")
    operator.fill("Reason", "An audit finding")
    operator.press("Check request")
    operator.sees(re.compile(DENYING_STATEMENT))
    expect(operator.page.get_by_role("button", name="Request window", exact=True)).to_be_disabled()


def test_a_restart_of_the_server_is_shown_and_its_job_continues(
    people: dict[str, ConsolePerson], console: ConsoleStage
) -> None:
    operator = people["olga"]
    console.sandbox.faults(service="iam", operation="GetAccountSummary", latency_ms=25_000)
    operator.open("/accounts")
    operator.press("Run audit")
    operator.sees("Audit by olga")
    console.kill_server()
    operator.sees(re.compile("The server can't be reached"))
    console.sandbox.clear_faults()
    console.server.start()
    expect(operator.page.get_by_text(re.compile("The server can't be reached"))).to_be_hidden(timeout=30_000)
    expect(operator.page.get_by_text(re.compile("^The audit is complete"))).to_be_visible(
        timeout=story.JOB_MILLISECONDS
    )


def test_a_user_who_was_signed_out_remotely_returns_to_the_same_page(
    people: dict[str, ConsolePerson], console: ConsoleStage
) -> None:
    viewer = console.enter("vera")
    viewer.sign_in("/jobs")
    people["adam"].end_sign_in("vera")
    viewer.page.get_by_role("link", name="Recovery windows", exact=True).first.click()
    viewer.sees("Your session has ended.")
    viewer.prove_identity()
    expect(viewer.page.get_by_role("heading", level=1, name="Recovery windows")).to_be_visible()
    viewer.leave()


def test_of_two_users_who_act_on_one_account_the_second_sees_the_conflict(people: dict[str, ConsolePerson]) -> None:
    operator, administrator, approver = people["olga"], people["adam"], people["amir"]
    path = story.request_window(operator, story.CLEAN)
    administrator.open(f"/windows/request?account={story.CLEAN}")
    administrator.fill("Reason", "The same, at the same time")
    administrator.press("Check request")
    administrator.sees(re.compile(f"{story.CLEAN} .*window", re.IGNORECASE))
    approver.open(path)
    approver.press("Approve request")
    approver.sees("Approve this window?")
    operator.open(path)
    operator.press("Cancel request")
    dialog = operator.page.get_by_role("dialog")
    operator.press("Cancel request", dialog)
    operator.sees("Cancelled")
    approver.press("Approve request", approver.page.get_by_role("dialog"))
    approver.sees(re.compile("CANCELLED|can't be approved|is over"))
