"""A person at a browser without a browser: reads pages, fills forms in, keeps cookies; no sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from rootkeeper_sandbox.clock import Clock, totp_code
from rootkeeper_sandbox.demo import DemoSignIns, DemoUser
from rootkeeper_sandbox.exchange import HttpRequest, HttpResponse
from rootkeeper_sandbox.instance import SandboxInstance, start_instance
from rootkeeper_sandbox.people.codes import describe_sign_in
from rootkeeper_sandbox.people.pages import answer_person
from rootkeeper_sandbox.scenarios.build import build_world
from rootkeeper_sandbox.services.registry import SERVICES
from rootkeeper_sandbox.state.accounts import Account

HOST = "127.0.0.1:4599"
NEW_PASSWORD = "Correct-Horse-7"
WITH_PASSWORD = "888899990000"
"""Orders Prod: a password, no MFA."""
WITH_VIRTUAL_MFA = "555566667777"
WITH_HARDWARE_MFA = "300040005000"
WITH_SECURITY_KEY = "343456567878"
WITH_RECOVERY = "500060007000"
WITHOUT_ANYTHING = "444455556666"
FAILSAFE = "222233334444"
UNDER_DENY_ROOT = "565678789090"
SUSPENDED = "676789890101"


DEMO = DemoSignIns(
    "http://localhost:8700",
    "correct horse",
    (
        DemoUser("olga", "operator", "deletes", "OLGAOLGAOLGAOLGAOLGAOLGAOLGAOLGA"),
        DemoUser("vera", "viewer", "reads", None),
    ),
    FAILSAFE,
)


def open_instance(features: str = "all") -> SandboxInstance:
    """A sandbox of the demo organization in this process."""
    clock = Clock()
    return start_instance(partial(build_world, clock=clock.now, features=features), SERVICES, clock)


@dataclass
class Form:
    """One form of a page."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    button: str = ""


class PageReader(HTMLParser):
    """Finds what a person finds on a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.alerts: list[str] = []
        self.texts: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.codes: list[str] = []
        self._open: list[str] = []
        self._link: str | None = None
        self.feed(text)

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.elements.append((name, found))
        if name == "form":
            self.forms.append(Form(found.get("action") or "", found.get("method") or "get"))
        elif name == "input" and self.forms and found.get("name"):
            if found.get("type") != "checkbox" or "checked" in found:
                self.forms[-1].fields[found["name"] or ""] = found.get("value") or ""
        elif name == "a":
            self._link = found.get("href")
        if name not in {"br", "hr", "input", "link", "meta"}:
            self._open.append("alert" if "alert" in (found.get("class") or "") else name)

    def handle_endtag(self, name: str) -> None:
        self._open.pop()

    def handle_data(self, text: str) -> None:
        if "style" in self._open:
            return
        self.texts.append(text)
        if "alert" in self._open:
            self.alerts.append(text)
        if self._open and self._open[-1] == "code":
            self.codes.append(text)
        if self._open and self._open[-1] == "button" and self.forms:
            self.forms[-1].button = text
        if self._link is not None and "a" in self._open:
            self.links[text] = self._link


@dataclass
class Page:
    """One answer, as the person sees it."""

    path: str
    response: HttpResponse

    @property
    def status(self) -> int:
        return int(self.response.status)

    @property
    def html(self) -> str:
        return self.response.body.decode()

    @property
    def reader(self) -> PageReader:
        return PageReader(self.html)

    @property
    def text(self) -> str:
        return " ".join("".join(self.reader.texts).split())

    @property
    def alert(self) -> str:
        return " ".join(self.reader.alerts)

    def form(self, action: str) -> Form:
        return next(form for form in self.reader.forms if form.action == action)


class ClientOrigin:
    """A person with a browser of their own."""

    def __init__(self, instance: SandboxInstance, host: str = HOST) -> None:
        self.instance = instance
        self.host = host
        self.cookies: dict[str, str] = {}
        self.page = Page("", HttpResponse(0, "", b""))

    # Going to places.

    def get(self, path: str, **headers: str) -> Page:
        return self.request("GET", path, headers=headers)

    def fill(self, action: str, **fields: str) -> Page:
        """Fill in the form of the present page that goes to ``action``, and send it."""
        form = self.page.form(action)
        assert form.method == "post"
        return self.post(action, **(form.fields | fields))

    def post(self, action: str, headers: dict[str, str] | None = None, /, **fields: str) -> Page:
        sent = {"content-type": "application/x-www-form-urlencoded", "origin": f"http://{self.host}"}
        return self.request("POST", action, urlencode(fields), sent | (headers or {}))

    def request(self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> Page:
        """Send a request and follow where it is sent on to."""
        response = self.send(method, path, body, headers)
        location = response.headers.get("location")
        if response.status == 303 and location:
            return self.request("GET", urljoin(f"http://{self.host}{path}", location).partition(self.host)[2])
        self.page = Page(path, response)
        return self.page

    def send(self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> HttpResponse:
        parts = urlsplit(path)
        sent = {"host": self.host, "accept": "text/html", "user-agent": "tests"} | (headers or {})
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        request = HttpRequest(method, parts.path, parts.query, sent, body.encode(), "127.0.0.1", server=HOST)
        response = asyncio.run(answer_person(self.instance, request))
        cookie = response.headers.get("set-cookie")
        if cookie:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return response

    # Doing what people do.

    def sign_in(self, account_id: str, password: str | None = None) -> Page:
        """Give address and password, by default the right one, and a code where one is asked for."""
        account = self.account(account_id)
        self.get("/signin")
        right = str(self.what_it_takes(account_id)["password"])
        page = self.fill("/signin", email=account.email, password=password or right)
        return self.fill("/signin/mfa", code=self.code(account_id)) if page.path == "/signin/mfa" else page

    def register_mfa(self, user: str = "") -> Page:
        """Register a device for the root user, or for an IAM user."""
        self.get(f"/console/register-mfa?user={user}")
        page = self.fill("/console/register-mfa")
        seed = next(text for text in page.reader.codes if "otpauth" not in text).replace(" ", "")
        step = int(time.time()) // 30
        return self.fill("/console/register-mfa/codes", first=totp_code(seed, step), second=totp_code(seed, step + 1))

    def recovery_link(self, account_id: str) -> str:
        """Ask for a link and read it in the mailbox."""
        self.get("/signin/forgot-password")
        page = self.fill("/signin/forgot-password", email=self.account(account_id).email)
        assert page.status == 200, page.alert
        page = self.get(page.reader.links["Open this mailbox"])
        return next(path for path in page.reader.links.values() if "reset-password" in path)

    def set_password(self, link: str, password: str = NEW_PASSWORD) -> Page:
        self.get(link)
        return self.fill("/signin/reset-password", password=password, repeated=password)

    # Looking behind the pages.

    def account(self, account_id: str) -> Account:
        return self.instance.world.account(account_id)

    def what_it_takes(self, account_id: str) -> dict[str, Any]:
        return describe_sign_in(self.instance.world, self.account(account_id))

    def code(self, account_id: str, device: int = 0) -> str:
        return str(self.what_it_takes(account_id)["mfa_devices"][device]["code"])

    def delete_login_profile(self, account_id: str) -> None:
        self.account(account_id).root_user.login_profile = None

    def events(self, account_id: str, *names: str) -> list[dict[str, Any]]:
        found = self.instance.trail.of_account(account_id)
        return [event for event in found if not names or event["eventName"] in names]

    def event_names(self, account_id: str) -> list[str]:
        return [event["eventName"] for event in self.events(account_id)]

    def wait(self, span: timedelta) -> None:
        self.instance.clock.advance(span.total_seconds())


def inputs(page: Page) -> Iterator[dict[str, str | None]]:
    """Give the inputs of a page that a person fills in."""
    for name, attributes in page.reader.elements:
        if name == "input" and attributes.get("type") != "hidden" and "hidden" not in attributes:
            yield attributes
