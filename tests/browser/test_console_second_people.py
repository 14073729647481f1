"""Actions that require a second user: extending a window, and reviewing an emergency."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import console_story as story
from tests.browser.console_stage import ConsolePerson, open_console_stage

URGENT = "777788889999"
"""An account without root user credentials, as a window takes it."""
REVIEW_REQUIRED = "This window was opened in an emergency. A second person must review it."

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def people(
    console_files: None, chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, ConsolePerson]]:
    """A server that requires two approvals and allows emergencies."""
    settings = {"ROOTKEEPER_WINDOWS_APPROVALS": "2", "ROOTKEEPER_WINDOWS_EMERGENCY": "true"}
    with (
        open_console_stage(
            chromium, tmp_path_factory.mktemp("second"), "--scenario", "demo", "--features", "all", **settings
        ) as stage,
        stage.enter_signed_in("adam", "olga", "amir") as entered,
    ):
        story.audit(entered["olga"])
        yield entered


def extend(approver: ConsolePerson, path: str) -> None:
    approver.open(path)
    approver.press("Extend window")
    approver.press("Approve extension", approver.page.get_by_role("dialog"))


def test_a_window_is_extended_once_a_second_user_approves_the_same_duration(
    people: dict[str, ConsolePerson],
) -> None:
    operator, approver, administrator = people["olga"], people["amir"], people["adam"]
    path = story.request_window(operator, story.CLEAN)
    approver.open(path)
    approver.press("Approve request")
    approver.press("Approve request", approver.page.get_by_role("dialog"))
    approver.sees("Waiting for approval: 1 of 2. The window isn't open.")
    story.approve(administrator, path)
    story.open_window(operator, path)
    extend(approver, path)
    approver.sees("Your approval was recorded.")
    operator.sees("Extension by 1 hour")
    expect(operator.page.get_by_text("15 min", exact=True)).to_be_visible()
    extend(administrator, path)
    administrator.sees("The window was extended by 1 hour.")
    operator.sees("1 h 15 min")
    approvals = operator.page.get_by_role("table", name="Approvals").get_by_role("row").filter(has_text="Extension")
    expect(approvals).to_have_count(2)
    operator.judge_now()
    story.close_window(operator, path)


def test_what_was_opened_in_an_emergency_is_reviewed_by_another_user(people: dict[str, ConsolePerson]) -> None:
    operator, approver = people["olga"], people["amir"]
    path = story.request_window(operator, URGENT, "No one else is awake", is_emergency=True)
    operator.sees("Ready to be opened. The window isn't open yet.")
    story.open_window(operator, path)
    operator.sees(REVIEW_REQUIRED)
    operator.judge_now()
    story.close_window(operator, path)
    expect(operator.page.get_by_role("button", name="Confirm review", exact=True)).to_have_count(0)
    approver.open("/windows?show=over")
    approver.sees("Review required")
    approver.open(path)
    approver.press("Confirm review")
    approver.press("Confirm review", approver.page.get_by_role("dialog"))
    review = approver.page.get_by_role("row").filter(has_text="Window: review")
    expect(review).to_contain_text("amir")
    expect(approver.page.get_by_text(REVIEW_REQUIRED)).to_have_count(0)
    expect(approver.page.get_by_text("Emergency", exact=True)).to_be_visible()
