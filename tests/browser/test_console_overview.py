"""The Overview as the picture of the morning: order, numbers, trend, and the way to a plan."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from rootkeeper.values import render_time
from tests.browser import console_story as story
from tests.browser.console_deletion import PLAN_IS_SHOWN
from tests.browser.console_pages import ApiSession
from tests.browser.console_stage import WIDE, ConsolePerson, ConsoleStage, open_console_stage
from tests.browser.page_tour import measure_texts

EARLIER_DAYS = 3

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def operator(
    console_files: None, chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ConsolePerson]:
    """An operator on the Overview of an organization that was audited in detail; a window is open, and one waits."""
    folder = tmp_path_factory.mktemp("overview")
    with (
        open_console_stage(chromium, folder, "--scenario", "demo", "--features", "all") as stage,
        stage.enter_signed_in("olga", "amir") as people,
    ):
        session, approver = ApiSession(people["olga"]), ApiSession(people["amir"])
        session.run("/audits", {"details": True})
        window_id = session.request_window(story.CLEAN)
        approver.ask("POST", f"/windows/{window_id}/approve", {})
        session.ask("POST", f"/windows/{window_id}/activate")
        keep_earlier_audit(stage)
        yield people["olga"]


def keep_earlier_audit(stage: ConsoleStage) -> None:
    """Copy the audit to an earlier day, on which 20 root logins and as many unknown as unread accounts were left."""
    ended_at = render_time(datetime.now(UTC) - timedelta(days=EARLIER_DAYS))
    with closing(sqlite3.connect(stage.database, timeout=30)) as connection, connection:
        connection.row_factory = sqlite3.Row
        row = dict(connection.execute("SELECT * FROM audits").fetchone())
        row |= {"audit_id": "j-earlier", "started_at": ended_at, "ended_at": ended_at}
        row |= {"left_known": 20, "left_unknown": 4, "left_unread": 4}
        places = ", ".join("?" * len(row))
        statement = f"INSERT INTO audits ({', '.join(row)}) VALUES ({places})"  # noqa: S608 - the names of its columns
        connection.execute(statement, tuple(row.values()))


@pytest.fixture
def picture(operator: ConsolePerson) -> Any:
    operator.open("/")
    expect(heading(operator, "Credentials and their ages")).to_be_visible()
    return ApiSession(operator).ask("GET", "/overview/accounts")


def heading(person: ConsolePerson, name: str) -> Locator:
    return person.page.get_by_role("heading", level=2, name=re.compile(f"^{name}"))


def test_what_waits_and_what_is_open_come_first_with_a_countdown(operator: ConsolePerson, picture: Any) -> None:
    names = [name.split("\n")[0] for name in operator.page.get_by_role("heading", level=2).all_inner_texts()]
    expected = [
        "Waiting for you",
        "Open recovery windows",
        "Guided story",
        "Root logins left to secure",
        "Set-up",
        "Organizational units",
        "Safe to delete now",
        "Credentials and their ages",
        "Audits and ledger",
    ]
    found = [re.sub(r" *\(.*", "", name) for name in names]
    assert [name for name in found if name in expected] == expected
    table = operator.page.get_by_role("table", name="Open recovery windows")
    row = table.get_by_role("row").filter(has_text=story.CLEAN_NAME)
    expect(row).to_contain_text(re.compile(r"\d+ min \d\d s"))
    before = row.inner_text()
    expect(row).not_to_have_text(before, use_inner_text=True)


def test_each_number_leads_to_exactly_its_accounts(operator: ConsolePerson, picture: Any) -> None:
    page, total = operator.page, picture["summary"]["accounts"]
    links = page.locator("main a[href^='/accounts?']").evaluate_all(
        "(links) => links.filter((link) => link.closest('[aria-hidden]') === null && /[0-9]/.test(link.innerText))"
        ".map((link) => [link.getAttribute('href'), Number(link.innerText.match(/[0-9]+/)[0])])"
    )
    by_address = dict(links)
    statuses = {name: by_address[f"/accounts?status={name}"] for name in picture["summary"] if name != "accounts"}
    assert statuses == {name: picture["summary"][name] for name in statuses}
    assert sum(statuses.values()) == total == 26
    left = {word: by_address[f"/accounts?left={word}"] for word in ("known", "unknown", "unread")}
    assert left == {word: picture["root_logins_left_to_secure"][word] for word in left}
    assert left["unknown"] == statuses["unknown"]
    unit = max(picture["units"], key=lambda one: one["summary"]["present"])
    in_unit = f"/accounts?directly={unit['ou_id']}"
    assert by_address[f"{in_unit}&status=present"] == unit["summary"]["present"]
    checked = [address for address in by_address if "directly" not in address or address.startswith(in_unit)]
    for address in checked:
        operator.open(address)
        operator.sees(f"{by_address[address]} of {total} accounts match")


def test_a_part_of_a_bar_leads_to_its_accounts(operator: ConsolePerson, picture: Any) -> None:
    operator.page.locator("a.bar__part[title^='Not present: ']").first.click()
    expect(operator.page).to_have_url(re.compile(r"/accounts\?status=not_present$"))
    operator.sees(f"{picture['summary']['not_present']} of 26 accounts match")


def test_the_trend_hides_no_number_behind_an_equal_one_and_ends_with_the_headline(
    operator: ConsolePerson, picture: Any
) -> None:
    left = picture["root_logins_left_to_secure"]
    shown = operator.page.get_by_role("img", name=re.compile("^Trend of root logins left to secure"))
    expect(shown).to_have_accessible_name(re.compile(r"20 known, 4 unknown\. "))
    expect(shown).to_have_accessible_name(re.compile(f"Now: {left['known']} known, {left['unknown']} unknown"))
    expect(shown).to_have_accessible_name(re.compile("Recovery windows opened: 1"))
    expect(shown.locator("circle.trend__window")).to_have_count(1)
    # The day of the earlier audit is the first: the days before have no data.
    steps = shown.locator("g:has(> .trend__known)")
    expect(steps).to_have_count(2)
    known, unknown = steps.first.locator("rect").all()
    assert float(unknown.get_attribute("height") or 0) > 0
    top = float(unknown.get_attribute("y") or 0) + float(unknown.get_attribute("height") or 0)
    assert abs(top - float(known.get_attribute("y") or 0)) < 0.01
    operator.page.get_by_role("button", name="Show as table").click()
    rows = operator.page.get_by_role("table", name="Days with an audit, a deletion or an opened window").locator(
        "tbody tr"
    )
    expect(rows).to_have_count(2)
    expect(rows.last.locator("td, th")).to_have_text([re.compile(r"\d{4}-\d\d-\d\d"), "20", "4", "4", "0", "0"])
    assert measure_texts(operator.page) == []


def test_audits_and_the_verified_ledger_have_their_age(operator: ConsolePerson, picture: Any) -> None:
    main = operator.page.get_by_role("main")
    expect(main.get_by_text("Under 1 day", exact=True)).to_be_visible()
    expect(main.get_by_text("Intact", exact=True)).to_be_visible(timeout=story.JOB_MILLISECONDS)
    expect(main.get_by_role("link", name=re.compile(r"^Up to entry \d"))).to_be_visible()


def test_one_button_plans_the_deletion_of_all_that_is_safe(operator: ConsolePerson, picture: Any) -> None:
    safe = picture["deletion"]["safe"]
    assert safe > 0
    operator.press(f"Plan deletion in {safe} accounts")
    expect(operator.page.get_by_text(PLAN_IS_SHOWN)).to_be_visible(timeout=story.JOB_MILLISECONDS)
    operator.sees(re.compile(rf"^{safe} to delete"))
    # No account of them is held back, or skipped.
    operator.sees(re.compile("0 skipped · 0 held back"))


OVERFLOWING = """[...document.querySelectorAll("main table")]
  .filter((one) => one.scrollWidth > one.parentElement.clientWidth)
  .map((one) => one.getAttribute("aria-label"))
"""


@pytest.mark.parametrize("width", [1440, 1280, 768, 390])
def test_the_picture_fits_and_has_no_finding_of_axe(operator: ConsolePerson, picture: Any, width: int) -> None:
    page = operator.page
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        operator.judge_now()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # On a phone only the page itself is checked.
    assert width == 390 or page.evaluate(OVERFLOWING) == []
    page.set_viewport_size(WIDE)
