"""What a user does on the sandbox's pages, using only what the pages show."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

from rootkeeper_sandbox.clock import totp_code
from tests.e2e.stage import Stage

FAILED_LOAD = "Failed to load resource"
"""What browsers log of every answer from 400 on, which some of these pages are on purpose."""


def submit(page: Page, button: str) -> None:
    """Press a button of a form, and wait for the page that it leads to."""
    with page.expect_navigation():
        page.get_by_role("button", name=button, exact=True).click()


@dataclass
class Person:
    """A user with a separate browser window."""

    context: BrowserContext
    stage: Stage
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page: Page = self.context.new_page()
        self.page.on("console", self._note_complaint)
        self.page.on("request", self._note_request)

    def _note_complaint(self, message: ConsoleMessage) -> None:
        if FAILED_LOAD not in message.text:
            self.complaints.append(message.text)

    def _note_request(self, request: Request) -> None:
        if urlsplit(request.url).scheme != "data" and not request.url.startswith(self.stage.url):
            self.foreign.append(request.url)

    @property
    def path(self) -> str:
        parts = urlsplit(self.page.url)
        return parts.path

    def open(self, path: str) -> None:
        self.page.goto(self.stage.url + path)

    def press(self, button: str) -> None:
        submit(self.page, button)

    def follow(self, link: str) -> None:
        """Follow a link of the page itself, not of its head."""
        with self.page.expect_navigation():
            self.page.locator("main").get_by_role("link", name=link, exact=True).click()

    def type(self, **texts: str) -> None:
        """Type into fields, named by their labels with underscores."""
        for label, text in texts.items():
            self.page.get_by_label(label.replace("_", " "), exact=True).fill(text)

    def alert(self) -> str:
        return self.page.get_by_role("alert").inner_text()

    def sign_in(self, email: str, password: str) -> None:
        self.open("/signin")
        self.page.get_by_label("Root user e-mail address").fill(email)
        self.type(Password=password)
        self.press("Sign in")

    def ask_for_link(self, email: str) -> None:
        self.open("/signin")
        self.follow("Forgot password?")
        self.page.get_by_label("Root user e-mail address").fill(email)
        self.press("Send mail")

    def set_password(self, password: str) -> None:
        """Follow the newest mail's link and set a password."""
        with self.page.expect_navigation():
            self.page.locator("main pre a").first.click()
        self.type(New_password=password, Once_more=password)
        self.press("Set password")

    def register_mfa(self) -> str:
        """Register a device as an authenticator app would, and give its seed."""
        self.press("Continue")
        seed = self.page.locator("#secret").inner_text().replace(" ", "")
        step = int(time.time()) // 30
        self.type(First_code=totp_code(seed, step), The_code_after_it=totp_code(seed, step + 1))
        self.press("Register device")
        return seed
