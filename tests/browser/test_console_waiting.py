"""What the console shows while a user waits, and where the focus is when the wait is over."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser import console_story as story
from tests.browser.console_deletion import begin_deletion, plan_selected
from tests.browser.console_stage import ConsolePerson

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

UNREACHABLE = {"code": "ServiceUnavailable", "status": 503, "message": "Service Unavailable"}


@pytest.fixture(scope="module")
def people(
    console_files: None, chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, ConsolePerson]]:
    """An operator and an approver of the demo organization, with both features on and one audit done."""
    with story.enter_audited(chromium, tmp_path_factory.mktemp("waiting"), "olga", "amir") as people:
        yield people


@pytest.fixture
def operator(people: dict[str, ConsolePerson]) -> ConsolePerson:
    return people["olga"]


def test_the_result_of_an_audit_comes_with_its_list_which_is_read_once(operator: ConsolePerson) -> None:
    page, held = operator.page, list[Route]()

    def hold(route: Route) -> None:
        if route.request.headers.get("cache-control") == "no-cache":
            held.append(route)
        else:
            route.continue_()

    operator.open("/accounts")
    operator.sees("26 accounts")
    page.route("**/api/v1/accounts/compact", hold)
    operator.press("Run audit")
    operator.sees(re.compile("Updating the list: 26 of 26"))
    expect(page.get_by_text(re.compile("^The audit is complete"))).to_have_count(0)
    operator.sees("26 accounts")
    (route,) = held
    route.continue_()
    operator.sees(re.compile("^The audit is complete"))
    assert len(held) == 1
    page.unroute("**/api/v1/accounts/compact")
    operator.judge_now()


def test_an_interrupted_audit_is_resumed_where_it_is_shown(operator: ConsolePerson) -> None:
    page, sandbox = operator.page, operator.stage.sandbox
    operator.open("/accounts")
    sandbox.faults(service="organizations", operation="ListAccounts", error=UNREACHABLE)
    operator.press("Run audit")
    expect(page.get_by_text("The audit was interrupted.")).to_be_visible(timeout=2 * story.JOB_MILLISECONDS)
    operator.sees(re.compile("The server resumes it automatically at"))
    operator.judge_now()
    sandbox.clear_faults()
    operator.press("Resume audit")
    expect(page.get_by_text(re.compile("^The audit is complete"))).to_be_visible(timeout=story.JOB_MILLISECONDS)
    operator.follow("Show the job")
    operator.sees("Accounts processed")


@pytest.mark.parametrize(
    ("code", "title"),
    [
        ("aws.credentials", "Unknown: AWS refused the server's credentials"),
        ("aws.access_denied", "Unknown: AWS denied access"),
        ("aws.unreachable", "Unknown: AWS couldn't be reached"),
    ],
)
def test_an_unknown_set_up_is_titled_by_its_cause(operator: ConsolePerson, code: str, title: str) -> None:
    def refuse(route: Route) -> None:
        found = route.fetch().json()
        problem = {"code": code, "detail": "This is the detail.", "hint": None}
        route.fulfill(body=json.dumps(found | {"setup": None, "setup_problem": problem, "missing": []}))

    operator.page.route("**/api/v1/overview", refuse)
    operator.open("/")
    operator.sees("This is the detail.")
    expect(operator.page.get_by_text(title, exact=True)).to_be_visible()
    operator.page.unroute("**/api/v1/overview")


def test_a_dialog_that_cancels_a_request_has_no_second_cancel(operator: ConsolePerson) -> None:
    path = story.request_window(operator, story.CLEAN)
    operator.open(path)
    operator.press("Cancel request")
    dialog = operator.page.get_by_role("dialog")
    names = dialog.get_by_role("button", name=re.compile("request|cancel", re.IGNORECASE))
    expect(names).to_have_text(["Keep request", "Cancel request"])
    operator.press("Cancel request", dialog)
    operator.sees("Cancelled")


def test_a_dialog_that_begins_with_a_choice_gives_it_the_focus(people: dict[str, ConsolePerson]) -> None:
    operator = people["olga"]
    path = story.request_window(operator, story.CLEAN)
    story.approve(people["amir"], path)
    story.open_window(operator, path)
    approver = people["amir"]
    approver.open(path)
    approver.press("Extend window")
    dialog = approver.page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name=re.compile("^Extend by"))).to_be_focused()
    approver.press("Cancel", dialog)
    story.close_window(operator, path)


def test_the_download_of_a_report_says_what_it_does(operator: ConsolePerson) -> None:
    page, held = operator.page, list[Route]()
    page.route("**/api/v1/reports?*", lambda route: held.append(route))
    work = {"schema_version": 1, "step": "rendering", "written_bytes": 1_234_567}
    page.route("**/api/v1/reports/current", lambda route: route.fulfill(json=work))
    operator.open("/reports")
    with page.expect_download() as saved:
        operator.press("Download report")
        operator.sees("Writing the report: 1.2 MB")
        held[0].continue_()
    operator.sees(re.compile(rf"Downloaded: {re.escape(saved.value.suggested_filename)}, [\d.]+ KB"))
    page.unroute("**/api/v1/reports/current")
    page.unroute("**/api/v1/reports?*")
    operator.judge_now()


def test_the_focus_is_on_the_plan_and_then_on_the_deletion(operator: ConsolePerson) -> None:
    page = operator.page
    story.choose_account(operator)
    plan_selected(operator)
    expect(page.get_by_role("heading", name=re.compile("^1 to delete"))).to_be_focused()
    begin_deletion(operator)
    finished = page.get_by_role("heading", name="Deleted and verified", exact=True)
    expect(finished).to_be_focused(timeout=story.JOB_MILLISECONDS)
