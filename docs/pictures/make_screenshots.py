"""Make the pictures of the console from a demo in Chromium.

Sandbox, server and console are started as ``rootkeeper demo`` starts them, and the story is played as far as each
picture needs. Run it by ``python -m docs.pictures.make_screenshots``. Times and ids differ from run to run.
"""

from __future__ import annotations

import re
import tempfile
from http import HTTPStatus
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import console_story as story
from tests.browser.conftest import FLAGS, find_chromium
from tests.browser.console_build import ensure_console
from tests.browser.console_deletion import confirm_plan, plan_selected
from tests.browser.console_stage import ConsolePerson, ConsoleStage, open_console_stage
from tests.browser.several_organizations_visit import find_row, run_audit, visit
from tests.several_organizations import several_organizations, several_sandboxes

PICTURES = Path(__file__).resolve().parent
SIZE = {"width": 1280, "height": 860}


def main() -> None:
    ensure_console()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        chromium = playwright.chromium.launch(executable_path=find_chromium(playwright), args=list(FLAGS))
        with open_console_stage(chromium, Path(folder)) as stage:
            play(stage)
        several = Path(folder) / "several"
        several.mkdir()
        show_several(chromium, several)
        chromium.close()


def play(stage: ConsoleStage) -> None:
    """The story, with a picture where there is something to see."""
    administrator, operator, approver = (enter(stage, name) for name in ("adam", "olga", "amir"))
    story.set_up(administrator)
    story.audit(operator)
    take(operator, "/", "overview")
    story.choose_account(operator, "Warehouse Prod")
    operator.page.get_by_label("Select all in AnyCompany", exact=True).check()
    save(operator.page, "accounts")
    plan_selected(operator)
    save(operator.page, "delete")
    confirm_plan(operator)
    operator.sees("Deleted and verified")
    save(operator.page, "deleted")
    path = story.request_window(operator, "100020003000")
    take(approver, path, "approval")
    story.approve(approver, path)
    story.open_window(operator, path)
    take(operator, path, "window")
    take(operator, "/ledger", "ledger")
    story.close_window(operator, path)
    take_dark(stage, "overview-dark")


def show_several(chromium: Browser, folder: Path) -> None:
    """A server of three organizations."""
    names = ("shop", "bank", "mill")
    with (
        several_sandboxes(*names, accounts=26) as sandboxes,
        several_organizations(sandboxes, folder) as server,
    ):
        server.wait_organizations()
        ada = server.become_administrator()
        for name in names:
            assert ada.of(name, "/me").status == HTTPStatus.OK
            run_audit(ada, name)
        with visit(chromium, server, ada, "/organizations", viewport=SIZE, reduced_motion="reduce") as visitor:
            for name in names:
                expect(find_row(visitor.page, name)).to_be_visible()
            save(visitor.page, "organizations")


def enter(stage: ConsoleStage, name: str, **options: str) -> ConsolePerson:
    person = stage.enter(name, viewport=SIZE, reduced_motion="reduce", **options)
    person.sign_in()
    return person


def take_dark(stage: ConsoleStage, name: str) -> None:
    take(enter(stage, "aude", color_scheme="dark"), "/", name)


def take(person: ConsolePerson, path: str, name: str) -> None:
    """Open a page and take its picture."""
    person.open(path)
    save(person.page, name)


def save(page: Page, name: str) -> None:
    """The page as it is in sight."""
    page.wait_for_load_state("networkidle")
    expect(page.get_by_text(re.compile("^Loading "))).to_have_count(0)
    page.screenshot(path=PICTURES / f"console-{name}.png", animations="disabled")
    print(f"docs/pictures/console-{name}.png")


if __name__ == "__main__":
    main()
