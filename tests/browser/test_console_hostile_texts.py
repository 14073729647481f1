"""P26 in the console: texts of accounts, units, addresses and reasons are shown as text and run nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser

from tests.browser import console_story as story
from tests.browser.console_pages import list_pages
from tests.browser.console_stage import ConsolePerson, ConsoleStage, open_console_stage

IMAGE = '"><img src=x onerror="window.hacked=1">'
SCRIPT = "<script>window.hacked=1</script>"
REASON = f"{IMAGE}{SCRIPT} [click](javascript:window.hacked=1) {{{{ 7 * 7 }}}}"
SCENARIO = {
    "scenario": 1,
    "name": "hostile",
    "organization": {
        "trusted_services": ["iam.amazonaws.com"],
        "features": ["RootCredentialsManagement", "RootSessions"],
    },
    "organizational_units": [{"path": IMAGE}, {"path": f"{IMAGE}/javascript:window.hacked=1"}],
    "accounts": [
        {"id": "111122223333", "name": SCRIPT, "email": "management@example.com", "management": True},
        {
            "id": "222233334444",
            "name": IMAGE,
            "email": '"onmouseover="window.hacked=1"@example.com',
            "ou": f"{IMAGE}/javascript:window.hacked=1",
            "tags": {"team": "onerror=window.hacked=1"},
        },
    ],
}

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def console(console_files: None, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleStage]:
    folder: Path = tmp_path_factory.mktemp("hostile")
    scenario = folder / "hostile.yaml"
    scenario.write_text(yaml.safe_dump(SCENARIO))
    with open_console_stage(chromium, folder, "--scenario", str(scenario)) as stage:
        yield stage


@pytest.fixture
def administrator(console: ConsoleStage) -> Iterator[ConsolePerson]:
    person = console.enter("adam")
    person.sign_in()
    yield person
    person.leave()


def ensure_harmless(person: ConsolePerson) -> None:
    page = person.page
    assert page.evaluate("window.hacked") is None, page.url
    assert page.locator("#console img[src=x]").count() == 0, page.url
    assert page.locator("a[href^='javascript:']").count() == 0, page.url


def test_hostile_texts_are_shown_and_run_nothing(administrator: ConsolePerson) -> None:
    story.audit(administrator)
    administrator.sees(IMAGE)
    administrator.page.get_by_text(IMAGE, exact=True).last.click()
    ensure_harmless(administrator)
    path = story.request_window(administrator, "222233334444", REASON, SCRIPT)
    administrator.sees(REASON)
    ensure_harmless(administrator)
    for one in (path, *list_pages()):
        administrator.open(one)
        administrator.page.wait_for_load_state("networkidle")
        ensure_harmless(administrator)
