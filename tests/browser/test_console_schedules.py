"""What the server does by itself at certain times, as the console shows it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from rootkeeper.access.rules import Identity, IdentityKind, Permission, ServerRole, TokenScope
from rootkeeper.values import render_time
from rootkeeper.worker.schedules import ScheduleStatus
from tests.browser.console_stage import WAIT_MILLISECONDS, ConsolePerson, ConsoleStage, open_console_stage
from tests.fakes.api_services import FakeServices
from tests.functional.api.serving import start_api

HALF_HOUR = timedelta(minutes=30)
PATH = "/settings?tab=schedules"
TOKEN = "rk_jobs"
RUN_MILLISECONDS = 60_000

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def keeping(console_files: None, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleStage]:
    """A server that audits at the new year, and checks the set-up every half hour."""
    settings = {
        "ROOTKEEPER_SCHEDULES_AUDITS": "0 6 1 JAN * Europe/Berlin",
        "ROOTKEEPER_SCHEDULES_DRIFT_CHECKS": "*/30 * * * * UTC",
    }
    with open_console_stage(chromium, tmp_path_factory.mktemp("schedules"), **settings) as stage:
        yield stage


def row(person: ConsolePerson, name: str) -> Locator:
    return person.page.get_by_role("table", name="Runs").get_by_role("row").filter(has_text=name)


def moments(of: Locator) -> list[datetime]:
    return [datetime.fromisoformat(one.get_attribute("datetime") or "") for one in of.locator("time").all()]


def miss_a_run(stage: ConsoleStage) -> None:
    """Let the check of the set-up have been due since the server began with it."""
    since = render_time(datetime.now(UTC) - HALF_HOUR)
    with closing(sqlite3.connect(stage.database, timeout=WAIT_MILLISECONDS / 1_000)) as connection, connection:
        changed = connection.execute(
            "UPDATE schedule_runs SET last_run_at = ?, claimed_at = ? WHERE schedule_id LIKE 'drift_checks-%'",
            (since, since),
        )
        assert changed.rowcount == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_schedules_are_shown_with_their_runs(keeping: ConsoleStage, scheme: str) -> None:
    viewer = keeping.enter("vera", color_scheme=scheme)
    viewer.sign_in(PATH)
    audit = row(viewer, "Audit of the whole organization")
    for text in ("0 6 1 JAN *", "Europe/Berlin", "Not yet"):
        expect(audit).to_contain_text(text)
    (next_run,) = moments(audit)
    assert (next_run.month, next_run.day, next_run.hour) == (1, 1, 5)
    viewer.judge_now()
    viewer.page.reload()
    expect(audit).to_be_visible()
    viewer.leave()


def test_a_run_is_shown_with_the_next_one_and_its_job_among_the_jobs(keeping: ConsoleStage) -> None:
    viewer = keeping.enter("vera")
    viewer.sign_in(PATH)
    check = row(viewer, "Set-up check")
    expect(check).to_contain_text("Every 30 minutes (UTC)")
    miss_a_run(keeping)
    expect(check.locator("time")).to_have_count(2, timeout=RUN_MILLISECONDS)
    last_run, next_run = moments(check)
    assert last_run.minute % 30 == 0
    assert next_run > last_run
    assert (next_run - last_run) % HALF_HOUR == timedelta(0)
    viewer.follow("Jobs")
    job = viewer.page.get_by_role("table", name="Jobs").get_by_role("row").filter(has_text="Set-up check")
    expect(job.first).to_contain_text("rootkeeper")
    viewer.leave()


class ServicesWithoutSchedules(FakeServices):
    """A server whose settings name none."""

    def list_schedules(self) -> tuple[ScheduleStatus, ...]:
        return ()


@contextmanager
def enter_with_token(services: FakeServices, chromium: Browser, *permissions: Permission) -> Iterator[Page]:
    """The page of schedules, as a token with these permissions sees it."""
    now, scope = services.clock.now(), TokenScope(frozenset(permissions))
    identity = Identity("t-1", IdentityKind.TOKEN, "jobs", ServerRole.VIEWER, "test", now, scope=scope)
    services.identities.add_token(identity, TOKEN)
    context = chromium.new_context()
    page = context.new_page()
    with start_api(services) as served:
        page.goto(f"http://127.0.0.1:{served.port}{PATH}")
        page.get_by_role("button", name="Use an API token").click()
        page.get_by_label("API token", exact=True).fill(TOKEN)
        page.get_by_role("button", name="Sign in with token").click()
        yield page
        context.close()


def test_without_schedules_it_says_where_they_are_made(console_files: None, chromium: Browser) -> None:
    permissions = (Permission.SETTINGS_READ, Permission.SCHEDULES_READ)
    with enter_with_token(ServicesWithoutSchedules(), chromium, *permissions) as page:
        empty = "No task has times. Set the times of a task below"
        expect(page.get_by_role("table", name="Runs")).to_contain_text(empty)


def test_schedules_arent_offered_without_the_permission(console_files: None, chromium: Browser) -> None:
    with enter_with_token(FakeServices(), chromium, Permission.JOBS_READ, Permission.SETUP_READ) as page:
        page.get_by_role("link", name="Jobs", exact=True).click()
        expect(page.get_by_role("table", name="Jobs")).to_be_visible()
        page.get_by_role("link", name="Settings", exact=True).click()
        expect(page.get_by_role("heading", name="Settings", exact=True)).to_be_visible()
        expect(page.get_by_role("tab", name="Schedules", exact=True)).to_have_count(0)
