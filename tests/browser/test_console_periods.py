"""The period of controls, ledger and reports: chosen once for each page, in UTC days, and part of the address."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser import console_story as story
from tests.browser.console_stage import ConsolePerson, ConsoleStage, open_console_stage

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

SEND_REPORT = """async () => {
  const headers = {"X-Rootkeeper-Console": "1", "Content-Type": "application/json"};
  const session = await (await fetch("/api/v1/auth/session", {headers})).json();
  const sent = {...headers, "X-CSRF-Token": session.csrf_token, "Idempotency-Key": crypto.randomUUID()};
  const answer = await fetch("/api/v1/report-deliveries", {method: "POST", headers: sent, body: "{}"});
  return answer.status;
}"""
"""No page sends reports: schedules and the command line do."""


@pytest.fixture(scope="module")
def console(console_files: None, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleStage]:
    """The demo with a place for reports."""
    folder = tmp_path_factory.mktemp("demo")
    with open_console_stage(chromium, folder, ROOTKEEPER_DELIVERY_TARGETS=f"file:{folder}/reports/ json") as stage:
        (folder / "reports").mkdir()
        yield stage


@pytest.fixture(scope="module")
def people(console: ConsoleStage) -> Iterator[dict[str, ConsolePerson]]:
    """An organization that is set up and was audited. No report was sent yet."""
    with console.enter_signed_in("adam", "olga", "amir", "vera") as entered:
        story.set_up(entered["adam"])
        story.audit(entered["olga"])
        yield entered


def choose_period(person: ConsolePerson, name: str) -> None:
    person.page.get_by_role("button", name=re.compile("^Period")).click()
    person.page.get_by_role("option", name=re.compile(f"^(Selected )?{name}")).click()


def find_last_month(today: date) -> tuple[date, date]:
    last = today.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


def rows_of_ledger(person: ConsolePerson) -> Locator:
    return person.page.get_by_role("treegrid", name="Entries of the ledger").locator("tbody tr")


def copy_audit(console: ConsoleStage, day: date, *, is_complete: bool = True) -> None:
    """Keep a copy of the newest audit, as if it had ended on that day."""
    with closing(sqlite3.connect(console.database, timeout=30)) as database, database:
        database.row_factory = sqlite3.Row
        newest = dict(database.execute("SELECT * FROM audits ORDER BY ended_at DESC").fetchone())
        at = f"{day}{newest['ended_at'][10:]}"
        copied = {**newest, "audit_id": f"copy-{day}", "started_at": at, "ended_at": at, "is_complete": is_complete}
        statement = f"INSERT INTO audits ({', '.join(copied)}) VALUES ({', '.join('?' * len(copied))})"  # noqa: S608 - its own columns
        database.execute(statement, list(copied.values()))


def test_since_the_last_report_is_not_offered_before_there_is_a_report(people: dict[str, ConsolePerson]) -> None:
    for name, path in (("vera", "/ledger"), ("amir", "/controls"), ("amir", "/reports")):
        page = people[name].page
        people[name].open(path)
        page.get_by_role("button", name=re.compile("^Period")).click()
        option = page.get_by_role("option", name=re.compile("^Since the last report"))
        expect(option).to_contain_text("No report was sent yet.")
        expect(option).to_have_attribute("aria-disabled", "true")
        page.keyboard.press("Escape")
    people["vera"].open("/ledger?period=since-report")
    people["vera"].sees("No report was sent yet.")


def test_the_ledger_is_filtered_by_a_period_of_utc_days(people: dict[str, ConsolePerson]) -> None:
    viewer = people["vera"]
    viewer.open("/ledger?by=adam")
    expect(rows_of_ledger(viewer).first).to_be_visible()
    choose_period(viewer, "Last month")
    first, last = find_last_month(datetime.now(UTC).date())
    viewer.sees(f"{first} to {last}, days in UTC.")
    viewer.sees("No entries match the filters.")
    expect(viewer.page).to_have_url(re.compile(r"/ledger\?by=adam&period=last-month$"))
    viewer.page.reload()
    viewer.sees("No entries match the filters.")
    choose_period(viewer, "Dates")
    expect(viewer.page).to_have_url(re.compile(rf"/ledger\?by=adam&from={first}&to={last}$"))
    today = datetime.now(UTC).date()
    viewer.page.get_by_role("textbox", name="To (inclusive)").fill(f"{today:%Y/%m/%d}")
    expect(rows_of_ledger(viewer).first).to_contain_text("adam")
    viewer.page.get_by_role("textbox", name="From").fill(f"{today + timedelta(days=1):%Y/%m/%d}")
    viewer.sees("The end date is before the start date.")
    viewer.sees("Choose a valid period.")
    expect(rows_of_ledger(viewer)).to_have_count(0)
    viewer.press("Clear filters")
    expect(viewer.page).to_have_url(re.compile(r"/ledger$"))
    expect(rows_of_ledger(viewer).first).to_be_visible()


def test_controls_are_judged_over_the_period_and_lead_to_a_control_of_the_same(
    people: dict[str, ConsolePerson],
) -> None:
    approver = people["amir"]
    approver.open("/controls?framework=soc-2")
    choose_period(approver, "Last quarter")
    expect(approver.page).to_have_url(re.compile(r"/controls\?framework=soc-2&period=last-quarter$"))
    approver.sees(re.compile(r"as of .*(Mar 31|Jun 30|Sep 30|Dec 31)"))
    controls = approver.page.get_by_role("table", name="Controls")
    controls.get_by_role("link", name=re.compile("^CC6.1 ")).click()
    expect(approver.page).to_have_url(re.compile(r"control=CC6.1&period=last-quarter$"))
    approver.sees(re.compile(r"(Mar 31|Jun 30|Sep 30|Dec 31)"))
    choose_period(approver, "Last 90 days")
    expect(approver.page).to_have_url(re.compile(r"control=CC6.1$"))


def test_a_report_has_the_chosen_period_and_tabs_keep_it(people: dict[str, ConsolePerson], tmp_path: Path) -> None:
    approver = people["amir"]
    page = approver.page
    approver.open("/reports")
    choose_period(approver, "Last month")
    page.get_by_role("tab", name="Audits and changes").click()
    expect(page).to_have_url(re.compile(r"/reports\?period=last-month&tab=audits$"))
    page.get_by_role("tab", name="Evidence").click()
    page.get_by_role("button", name=re.compile("^Format")).click()
    page.get_by_role("option", name=re.compile("^(Selected )?JSON ")).click()
    with page.expect_download(timeout=story.JOB_MILLISECONDS) as downloading:
        approver.press("Download report")
    first, last = find_last_month(datetime.now(UTC).date())
    assert downloading.value.suggested_filename == f"rootkeeper-{first:%Y%m%d}-{last:%Y%m%d}.json"
    downloading.value.save_as(tmp_path / "report.json")
    period = json.loads((tmp_path / "report.json").read_text())["period"]
    assert (period["from"], period["to"]) == (f"{first}T00:00:00Z", f"{last}T23:59:59Z")
    approver.open(f"/reports?from={last}&to={first}")
    approver.sees("The end date is before the start date.")
    expect(page.get_by_role("button", name="Download report")).to_be_disabled()


def test_a_calendar_shows_days_with_and_without_an_audit_of_all_accounts(
    people: dict[str, ConsolePerson], console: ConsoleStage
) -> None:
    approver, today = people["amir"], datetime.now(UTC).date()
    first, last = today - timedelta(days=20), today + timedelta(days=3)
    audited = {today} | {first + timedelta(days=number) for number in range(20) if number not in (5, 6, 7, 12)}
    for day in audited - {today}:
        copy_audit(console, day)
    copy_audit(console, first + timedelta(days=12), is_complete=False)
    approver.open(f"/reports?from={first}&to={last}")
    cells = approver.page.locator("td[data-state]")
    expect(approver.page.locator("td[data-state=audited]")).to_have_count(len(audited))
    shown = {str(cell.get_attribute("title"))[:10]: cell.get_attribute("data-state") for cell in cells.all()}
    for day in (first + timedelta(days=number) for number in range(24)):
        state = "audited" if day in audited else "future" if day > today else "gap"
        assert shown[day.isoformat()] == state, day
    approver.sees(f"{len(audited)} of 21")
    approver.sees("3 days")
    approver.sees("Intact")
    approver.evaluate()


def test_a_control_shows_its_trend_over_the_weeks_of_the_period(people: dict[str, ConsolePerson]) -> None:
    approver = people["amir"]
    page = approver.page
    today = datetime.now(UTC).date()
    approver.open(f"/controls/control?framework=cis-7.0&control=2.4&from={today - timedelta(days=27)}&to={today}")
    approver.sees("Accounts behind the verdict")
    page.get_by_role("button", name="Trend", exact=True).click()
    rows = page.get_by_role("table", name="Trend of the control").locator("tbody tr")
    expect(rows).to_have_count(4, timeout=story.JOB_MILLISECONDS)
    expect(rows.first).to_contain_text("Fail")
    expect(rows.nth(1)).to_contain_text("Unknown")
    approver.evaluate()
    rows.nth(1).get_by_role("link").click()
    begin, end = today - timedelta(days=34), today - timedelta(days=7)
    expect(page).to_have_url(re.compile(rf"control=2.4&from={begin}&to={end}$"))
    approver.sees(f"{end:%b} {end.day}, {end.year}")


def test_a_control_has_nothing_to_compare_before_a_report_was_sent(people: dict[str, ConsolePerson]) -> None:
    people["amir"].open("/controls/control?framework=cis-7.0&control=2.4")
    people["amir"].sees("No report was sent yet.")


def test_the_period_since_a_sent_report_begins_when_it_was_sent(people: dict[str, ConsolePerson]) -> None:
    operator, viewer = people["olga"], people["vera"]
    operator.open("/")
    assert operator.page.evaluate(SEND_REPORT) == 202
    viewer.open("/ledger?action=report:send&result=done")
    expect(rows_of_ledger(viewer)).to_have_count(1, timeout=story.JOB_MILLISECONDS)
    viewer.open("/ledger?action=delegated_administrator:register")
    expect(rows_of_ledger(viewer)).to_have_count(1)
    choose_period(viewer, "Since the last report")
    viewer.sees("No entries match the filters.")
    viewer.open("/ledger?period=since-report")
    expect(rows_of_ledger(viewer).filter(has_text="Report: send")).to_have_count(1)
    for path in ("/controls?period=since-report", "/reports?period=since-report"):
        people["amir"].open(path)
        people["amir"].sees(f"{datetime.now(UTC):%Y-%m-%d} to {datetime.now(UTC):%Y-%m-%d}, days in UTC.")
        people["amir"].evaluate()


def test_a_control_shows_what_changed_since_the_last_report(
    people: dict[str, ConsolePerson], console: ConsoleStage
) -> None:
    """After the report was sent, one account's access key goes, and an audit reads that."""
    approver = people["amir"]
    page = approver.page
    approver.open("/controls/control?framework=cis-7.0&control=2.4")
    accounts = page.get_by_role("table", name="Accounts", exact=True)
    failing = accounts.locator("tbody tr").filter(has_text="The root user has an access key.")
    account_id = re.search(r"\d{12}", failing.last.inner_text())
    assert account_id is not None
    console.sandbox.put_root_user(account_id[0], {})
    story.audit(people["olga"])
    page.reload()
    page.get_by_role("button", name="Changes since the last report", exact=True).click()
    approver.sees("Verdict at the report")
    rows = page.get_by_role("table", name="Accounts that changed since the last report").locator("tbody tr")
    changed = rows.filter(has_text=account_id[0])
    expect(changed).to_have_count(1)
    expect(changed).to_contain_text("Fail")
    expect(changed).to_contain_text("Nothing to look at")
    approver.evaluate()
