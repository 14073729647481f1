"""A person's browser on the console of a server of several organizations."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, expect

from tests.browser.console_stage import CODE_LABEL, RULES, WAIT_FOR_ANIMATIONS, WAIT_MILLISECONDS, WIDE
from tests.browser.pages import FAILED_LOAD
from tests.functional.api.browsers import PASSWORD
from tests.several_organizations import Person, Server

TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Visitor:
    """A person's own browser."""

    url: str
    person: Person
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """The addresses of all requests."""

    def __post_init__(self) -> None:
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda one: self._note(one.type, one.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._note_request)

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and FAILED_LOAD not in text:
            self.complaints.append(text)

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            self.asked.append(request.url)

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def sign_in(self, path: str) -> None:
        self.open(path)
        self.page.get_by_label("Name", exact=True).fill(self.person.name)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.press("Sign in")
        if self.person.app is not None:  # the code of now was used when the app was set up
            self.page.get_by_label(CODE_LABEL, exact=True).fill(self.person.app.at(int(time.time()) + 30))

    def press(self, name: str, within: Locator | None = None) -> None:
        (within or self.page).get_by_role("button", name=name, exact=True).click()

    def switcher(self) -> Locator:
        return self.page.locator("#top").get_by_role(
            "button", name=re.compile(r"^Organization .*switch|^All organizations")
        )

    def judge(self) -> None:
        """:raises AssertionError: if axe finds something, or the page is wider than its window."""
        self.page.evaluate(WAIT_FOR_ANIMATIONS)
        found = Axe().run(self.page, options={"runOnly": RULES})
        assert found.violations_count == 0, f"{self.page.url}\n{found.generate_report()}"
        assert self.page.evaluate(TOO_WIDE) <= 0, self.page.url


@contextmanager
def visit(
    chromium: Browser, server: Server, person: Person, path: str, *, signs_in: bool = False, **options: Any
) -> Iterator[Visitor]:
    """Open an address, with the sign-in that the person has.

    :param signs_in: sign in there instead.
    """
    context = chromium.new_context(**({"viewport": WIDE} | options))
    context.set_default_timeout(WAIT_MILLISECONDS)
    visitor = Visitor(f"http://localhost:{server.port}", person, context)
    if signs_in:
        visitor.sign_in(path)
    else:
        assert person.cookie is not None
        context.add_cookies([{"name": "rootkeeper", "value": person.cookie, "url": visitor.url}])
        visitor.open(path)
    expect(visitor.page.locator("#top")).to_be_visible()
    yield visitor
    context.close()
    assert visitor.complaints == []
    assert not [url for url in visitor.asked if not url.startswith(visitor.url)]


def run_audit(person: Person, name: str) -> None:
    started = person.send(name, "/audits", {"refresh": True})
    assert started.status == 202, started
    ends = time.monotonic() + WAIT_MILLISECONDS / 1_000
    while (job := person.of(name, f"/jobs/{started.json['job_id']}").json)["state"] not in ("done", "failed"):
        assert time.monotonic() < ends, job
        time.sleep(0.1)


def find_row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_label(label).click()
    page.get_by_role("option", name=option, exact=True).click()
