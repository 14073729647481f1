"""Sandbox, server and console as ``rootkeeper demo`` starts them, and users of the console."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Locator,
    Page,
    Request,
    ViewportSize,
    expect,
)

from rootkeeper.access.rules import FACTOR_LASTS
from rootkeeper.cli.demo_processes import DemoServer
from rootkeeper.demo.story import DEMO_USERS, PASSWORD
from rootkeeper.values import render_time
from rootkeeper_sandbox.clock import totp_code
from tests.browser.pages import FAILED_LOAD
from tests.ports import reserved_port
from tests.sandbox_process import SandboxProcess

WAIT_MILLISECONDS = 30_000
WIDE: ViewportSize = {"width": 1440, "height": 900}
FACTOR_QUESTION = "Confirm your identity"
CODE_LABEL = "Code of your authenticator app"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
"""The groups of axe's rules that make up WCAG 2.1 AA."""
_STEP_SECONDS = 30
WAIT_FOR_ANIMATIONS = """
Promise.allSettled(
  document.getAnimations().filter((one) => one.effect.getComputedTiming().endTime < Infinity).map((one) => one.finished)
).then(() => null)
"""
"""An element that fades in doesn't have its final colours yet."""


@dataclass
class ConsoleStage:
    """What runs."""

    sandbox: SandboxProcess
    server: DemoServer
    chromium: Browser
    database: Path
    taken_steps: dict[str, int] = field(default_factory=dict)
    """Of each person's authenticator app, the newest step whose code was used."""

    def enter(self, name: str, **options: Any) -> ConsolePerson:
        """A user with a separate browser, at the sign-in page.

        :param options: those of a browser context.
        """
        context = self.chromium.new_context(**({"viewport": WIDE} | options))
        context.set_default_timeout(WAIT_MILLISECONDS)
        return ConsolePerson(self, name, context)

    @contextmanager
    def enter_signed_in(self, *names: str) -> Iterator[dict[str, ConsolePerson]]:
        """Signed-in users, each with a separate browser that is closed at the end."""
        people = {name: self.enter(name) for name in names}
        for person in people.values():
            person.sign_in()
        yield people
        for person in people.values():
            person.leave()

    def kill_server(self) -> None:
        """As kill -9 does."""
        process = self.server._process
        assert process is not None
        process.kill()
        process.wait()

    def age_factors(self) -> None:
        """Make every confirmation by second factor expire, so that sensitive actions ask for it again."""
        given_at = render_time(datetime.now(UTC) - 2 * FACTOR_LASTS)
        with closing(sqlite3.connect(self.database, timeout=WAIT_MILLISECONDS / 1_000)) as connection, connection:
            connection.execute("UPDATE sign_ins SET factor_at = ? WHERE factor_at IS NOT NULL", (given_at,))

    def next_code(self, name: str) -> str:
        """An unused code of that user. Waits for the next one if both valid codes were used."""
        secret = next(person.totp_secret for person in DEMO_USERS if person.name == name)
        assert secret is not None, f"{name} has no second factor"
        while True:
            step = max(int(time.time()) // _STEP_SECONDS, self.taken_steps.get(name, 0) + 1)
            if step <= int(time.time()) // _STEP_SECONDS + 1:
                self.taken_steps[name] = step
                return totp_code(secret, step)
            time.sleep(0.5)


@dataclass
class ConsolePerson:
    """A user of the console."""

    stage: ConsoleStage
    name: str
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    own_urls: list[str] = field(default_factory=list)
    """Where requests may go."""

    def __post_init__(self) -> None:
        self.own_urls += [self.stage.server.url, self.stage.sandbox.base_url, "data:", "blob:"]
        self.context.on("page", self._watch)
        self.page: Page = self.context.new_page()

    def _watch(self, page: Page) -> None:
        page.on("console", self._note_complaint)
        page.on("request", self._note_request)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._note_dialog)
        page.add_locator_handler(page.get_by_role("dialog", name=FACTOR_QUESTION), self._confirm_factor)

    def _note_complaint(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and FAILED_LOAD not in message.text:
            self.complaints.append(message.text)

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith(tuple(self.own_urls)):
            self.foreign.append(request.url)

    def _confirm_factor(self, dialog: Locator) -> None:
        """Answer the question for the second factor whenever it comes."""
        dialog.get_by_label(CODE_LABEL, exact=True).fill(self.stage.next_code(self.name))
        dialog.get_by_role("button", name="Confirm", exact=True).click()

    def _note_dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def leave(self) -> None:
        """Close the browser.

        :raises AssertionError: if a page logged a warning or error, or sent a request to another host.
        """
        self.context.close()
        assert self.complaints == []
        assert self.foreign == []

    # Actions on any page.

    def open(self, path: str) -> None:
        self.page.goto(self.stage.server.url + path)

    def sign_in(self, path: str = "/") -> None:
        """With password and, where the role takes one, a code."""
        self.open(path)
        self.prove_identity()

    def prove_identity(self) -> None:
        """The same, at the sign-in that is shown."""
        self.fill("Name", self.name)
        self.fill("Password", PASSWORD)
        self.press("Sign in")
        if any(person.name == self.name and person.totp_secret for person in DEMO_USERS):
            self.fill(CODE_LABEL, self.stage.next_code(self.name))
        expect(self.page.get_by_role("button", name=self.name).first).to_be_visible()

    def end_sign_in(self, name: str) -> None:
        """End the sign-ins of another user, as an administrator."""
        self.open("/settings?tab=sessions")
        buttons = self.page.get_by_role("button", name=re.compile(f"^End the sign-in of {name}"))
        buttons.first.click()
        expect(buttons).to_have_count(0)

    def fill(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)

    def press(self, name: str, within: Locator | None = None) -> None:
        (within or self.page).get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).first.click()

    def sees(self, text: str | re.Pattern[str]) -> None:
        """:raises AssertionError: if it doesn't come into sight."""
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=WAIT_MILLISECONDS)

    def evaluate(self) -> None:
        """Check the loaded page with axe (WCAG 2.1 AA).

        :raises AssertionError: if it finds something.
        """
        self.page.wait_for_load_state("networkidle")
        self.judge_now()

    def judge_now(self) -> None:
        """The same for a page that polls the server."""
        self.page.evaluate(WAIT_FOR_ANIMATIONS)
        found = Axe().run(self.page, options={"runOnly": RULES})
        assert found.violations_count == 0, f"{self.page.url}\n{found.generate_report()}"


def watch_posts(page: Page, end: str) -> list[Request]:
    """Changing requests of that address, in order, from now on."""
    found: list[Request] = []
    page.on("request", lambda one: found.append(one) if one.method == "POST" and one.url.endswith(end) else None)
    return found


@contextmanager
def open_console_stage(
    chromium: Browser, folder: Path, *sandbox_options: str, **server_settings: str
) -> Iterator[ConsoleStage]:
    """Start all of it on free ports; ended with the ``with`` block.

    :param server_settings: variables of the server's environment.
    """
    database = folder / "rootkeeper.db"
    with SandboxProcess.start(*(sandbox_options or ("--scenario", "demo"))) as sandbox, reserved_port() as port:
        settings = sandbox.environment() | {
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "ROOTKEEPER_LEASE_SECONDS": "60",
            "ROOTKEEPER_DATABASE_URL": f"sqlite:///{database}",
            **server_settings,
        }
        with DemoServer(port, settings, folder) as server:
            yield ConsoleStage(sandbox, server, chromium, database)
