"""What takes a second person: prolonging a window, and looking afterwards at what was opened in an emergency."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import console_story as story
from tests.browser.console_stage import ConsolePerson, open_console_stage

URGENT = "777788889999"
"""An account without root user credentials, as a window takes it."""
OWED = "It was opened in an emergency. A second person has to review it."

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def people(
    console_files: None, chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, ConsolePerson]]:
    """At a server where two must consent, and emergencies may be."""
    settings = {"ROOTKEEPER_WINDOWS_APPROVALS": "2", "ROOTKEEPER_WINDOWS_EMERGENCY": "true"}
    with (
        open_console_stage(
            chromium, tmp_path_factory.mktemp("second"), "--scenario", "demo", "--features", "all", **settings
        ) as stage,
        stage.enter_signed_in("adam", "olga", "amir") as entered,
    ):
        story.audit(entered["olga"])
        yield entered


def prolong(approver: ConsolePerson, path: str) -> None:
    approver.open(path)
    approver.press("Prolong")
    approver.press("Consent", approver.page.get_by_role("dialog"))


def test_a_window_is_prolonged_once_a_second_person_consents_to_the_same_length(
    people: dict[str, ConsolePerson],
) -> None:
    operator, approver, administrator = people["olga"], people["amir"], people["adam"]
    path = story.request_window(operator, story.CLEAN)
    approver.open(path)
    approver.press("Approve")
    approver.press("Approve", approver.page.get_by_role("dialog"))
    approver.sees("Waits for approval: 1 of 2. Nothing is open.")
    story.approve(administrator, path)
    story.open_window(operator, path)
    prolong(approver, path)
    approver.sees("Your consent is recorded.")
    operator.sees("Prolonging by 1 hour")
    expect(operator.page.get_by_text("15 min", exact=True)).to_be_visible()
    prolong(administrator, path)
    administrator.sees("It is prolonged by 1 hour.")
    operator.sees("1 h 15 min")
    approvals = operator.page.get_by_role("table", name="Approvals").get_by_role("row").filter(has_text="Prolonging")
    expect(approvals).to_have_count(2)
    operator.judge_as_it_stands()
    story.close_window(operator, path)


def test_what_was_opened_in_an_emergency_is_reviewed_by_somebody_else(people: dict[str, ConsolePerson]) -> None:
    operator, approver = people["olga"], people["amir"]
    path = story.request_window(operator, URGENT, "Nobody else is awake", is_emergency=True)
    operator.sees("Ready to be opened. Nothing is open yet.")
    story.open_window(operator, path)
    operator.sees(OWED)
    operator.judge_as_it_stands()
    story.close_window(operator, path)
    expect(operator.page.get_by_role("button", name="Confirm the review", exact=True)).to_have_count(0)
    approver.open("/windows?show=over")
    approver.sees("Review owed")
    approver.open(path)
    approver.press("Confirm the review")
    approver.press("Confirm", approver.page.get_by_role("dialog"))
    review = approver.page.get_by_role("row").filter(has_text="Window: review")
    expect(review).to_contain_text("amir")
    expect(approver.page.get_by_text(OWED)).to_have_count(0)
    expect(approver.page.get_by_text("Emergency", exact=True)).to_be_visible()
