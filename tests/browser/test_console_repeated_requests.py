"""What the console sends again: once the second factor was given, its secret renewed elsewhere, or an answer lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser import console_story as story
from tests.browser.console_stage import FACTOR_QUESTION, ConsolePerson, ConsoleStage, open_console_stage, watch_posts

KEY = "idempotency-key"
REQUESTED = "**/api/v1/windows"
ACTIVATED = "**/api/v1/windows/*/activate"
CANCELLED = "**/api/v1/windows/*/cancel"
ANOTHER = "777788889999"
"""Without root user credentials, too."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def console(console_files: None, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleStage]:
    folder = tmp_path_factory.mktemp("repeated")
    with open_console_stage(
        chromium, folder, "--scenario", "demo", "--features", "all", ROOTKEEPER_WINDOWS_APPROVALS="0"
    ) as stage:
        yield stage


@pytest.fixture(scope="module")
def people(console: ConsoleStage) -> Iterator[dict[str, ConsolePerson]]:
    """A server without approvals, so that one user can request and open."""
    with console.enter_signed_in("adam", "olga") as entered:
        story.audit(entered["olga"])
        yield entered


@pytest.fixture
def operator(people: dict[str, ConsolePerson]) -> ConsolePerson:
    return people["olga"]


def cancel_request(operator: ConsolePerson) -> None:
    operator.press("Cancel request")
    operator.press("Cancel request", operator.page.get_by_role("dialog"))
    operator.sees("Cancelled")


def test_what_waited_for_the_second_factor_is_sent_again_under_the_same_key(
    operator: ConsolePerson, console: ConsoleStage
) -> None:
    path = story.request_window(operator, story.CLEAN)
    sent = watch_posts(operator.page, "/activate")
    console.age_factors()
    story.open_window(operator, path)
    assert [answer.status for one in sent if (answer := one.response())] == [403, 200]
    assert len({one.headers[KEY] for one in sent}) == 1
    story.close_window(operator, path)


def test_a_change_whose_answer_got_lost_is_sent_once_more_and_done_once(operator: ConsolePerson) -> None:
    lost: list[str] = []

    def lose_first_answer(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.fetch().json()["window_id"])
            route.abort()

    operator.page.route(REQUESTED, lose_first_answer)
    sent = watch_posts(operator.page, "/windows")
    path = story.request_window(operator, ANOTHER)
    operator.page.unroute(REQUESTED)
    assert path == f"/windows/{lost[0]}", "the second answer is the first one's"
    assert len(sent) == 2
    assert len({one.headers[KEY] for one in sent}) == 1
    cancel_request(operator)


def test_a_tab_resends_its_request_after_another_tab_renewed_the_csrf_token(
    operator: ConsolePerson, console: ConsoleStage
) -> None:
    path = story.request_window(operator, ANOTHER)
    held: list[Route] = []
    other = operator.context.new_page()
    other.goto(f"{console.server.url}{path}")
    other.route(CANCELLED, lambda route: held.append(route), times=1)  # Playwright takes no built-in
    other.get_by_role("button", name="Cancel request", exact=True).click()
    with other.expect_request(CANCELLED):
        other.get_by_role("dialog").get_by_role("button", name="Cancel request", exact=True).click()
    console.age_factors()
    operator.open("/settings?tab=factors")
    with operator.page.expect_response("**/api/v1/auth/step-up") as renewed:
        operator.press("Add second factor")
        operator.press("Use authenticator app")
        expect(operator.page.get_by_role("img", name="QR code of the secret")).to_be_visible()
    assert renewed.value.ok
    sent = watch_posts(other, "/cancel")
    held[0].continue_()
    expect(other.get_by_text("Cancelled", exact=True).first).to_be_visible()
    assert len(sent) == 1, "what was refused for the old secret is sent again"
    assert sent[0].headers[KEY] == held[0].request.headers[KEY]
    other.close()


def test_a_sign_in_that_ends_while_it_asks_for_the_factor_does_nothing(
    people: dict[str, ConsolePerson], operator: ConsolePerson, console: ConsoleStage
) -> None:
    path = story.request_window(operator, story.CLEAN)
    console.age_factors()
    operator.press("Open window")
    with operator.page.expect_response(ACTIVATED) as refused:
        operator.press("Open window", operator.page.get_by_role("dialog"))
    assert refused.value.status == 403
    operator.page.remove_locator_handler(operator.page.get_by_role("dialog", name=FACTOR_QUESTION))
    expect(operator.page.get_by_role("dialog", name=FACTOR_QUESTION)).to_be_visible()
    people["adam"].end_sign_in("olga")
    operator.sees("Your session has ended.")
    operator.evaluate()
    operator.prove_identity()
    operator.sees("Approved, not open")
    assert operator.page.url.endswith(path)
    cancel_request(operator)
