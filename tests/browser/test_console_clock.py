"""What counts down does so by the server's clock, also if the clock of the browser is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser import console_story as story
from tests.browser.console_stage import ConsolePerson, ConsoleStage

WRONG_BY = timedelta(minutes=5)
TOLERANCE = timedelta(minutes=1)
"""A busy machine draws the seconds late. A browser that went by its own clock would be wrong by more."""
SHIFT = """
{
  const Right = Date;
  const now = () => Right.now() + %d;
  window.Date = class extends Right {
    constructor(...given) {
      if (given.length === 0) super(now());
      else super(...given);
    }
    static now() {
      return now();
    }
  };
}
"""
LEFT = re.compile(r"^(\d+) min (\d\d) s$")

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def open_window(console: ConsoleStage) -> Iterator[str]:
    """The path of a window that is open for a quarter of an hour."""
    with console.enter_signed_in("adam", "olga", "amir") as people:
        story.set_up(people["adam"])
        story.audit(people["olga"])
        path = story.request_window(people["olga"], story.CLEAN)
        story.approve(people["amir"], path)
        story.open_window(people["olga"], path)
        yield path
        story.close_window(people["olga"], path)


def enter_with_wrong_clock(console: ConsoleStage, wrong_by: timedelta) -> ConsolePerson:
    person = console.enter("vera")
    person.context.add_init_script(SHIFT % (wrong_by / timedelta(milliseconds=1)))
    return person


def read_time_left(person: ConsolePerson) -> timedelta:
    shown = person.page.get_by_text(LEFT).first
    expect(shown).to_be_visible()
    found = LEFT.match(shown.inner_text())
    assert found is not None
    return timedelta(minutes=int(found[1]), seconds=int(found[2]))


@pytest.mark.parametrize("wrong_by", [WRONG_BY, -WRONG_BY], ids=["ahead", "behind"])
def test_the_time_left_of_a_window_is_right_in_a_browser_whose_clock_is_wrong(
    console: ConsoleStage, open_window: str, wrong_by: timedelta
) -> None:
    viewer = enter_with_wrong_clock(console, wrong_by)
    viewer.sign_in(open_window)
    left = read_time_left(viewer)
    end = viewer.page.get_by_text(re.compile("^Closes at ")).locator("time").get_attribute("datetime")
    assert abs(datetime.fromisoformat(end or "") - datetime.now(UTC) - left) < TOLERANCE
    wrong = viewer.page.evaluate("new Date().toISOString()")
    assert abs(datetime.fromisoformat(wrong) - datetime.now(UTC) - wrong_by) < TOLERANCE
    viewer.leave()


def test_how_long_ago_something_was_is_right_in_a_browser_whose_clock_is_wrong(console: ConsoleStage) -> None:
    for wrong_by in (WRONG_BY, -WRONG_BY):
        viewer = enter_with_wrong_clock(console, wrong_by)
        viewer.sign_in("/settings?tab=sessions")
        own = viewer.page.get_by_role("table", name="Sign-ins").get_by_role("row").filter(has_text="Current sign-in")
        expect(own.locator("time").nth(1)).to_have_text(re.compile("^(just now|1 minute ago)$"))
        viewer.leave()
