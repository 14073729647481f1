"""The person at a root mailbox, at the pages of a sandbox that runs in a process of its own."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from urllib.parse import urlencode, urljoin

from rootkeeper_sandbox.clock import totp_code
from tests.sandbox.visitor import NEW_PASSWORD, PageReader
from tests.sandbox_process import SandboxProcess

_EXPORT = re.compile(r"export (AWS_\w+)=([^\s<]+)")
_STEP_SECONDS = 30


@dataclass
class RootPerson:
    """A person who reads an account's root mailbox, has a browser, and an app that makes codes."""

    sandbox: SandboxProcess
    account_id: str
    password: str = NEW_PASSWORD
    seeds: list[str] = field(default_factory=list)
    html: str = ""
    _opener: urllib.request.OpenerDirector = field(
        default_factory=lambda: urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
        )
    )

    @property
    def email(self) -> str:
        return str(self.sandbox.control("GET", f"accounts/{self.account_id}/sign-in")["email"])

    def open(self, path: str, fields: dict[str, str] | None = None) -> PageReader:
        data = urlencode(fields).encode() if fields is not None else None
        url = urljoin(f"{self.sandbox.base_url}/", path)
        request = urllib.request.Request(url, data, {"Accept": "text/html"})  # noqa: S310 - http only
        try:
            answered = self._opener.open(request, timeout=20)
        except urllib.error.HTTPError as error:
            answered = error
        with answered:
            self.html = answered.read().decode()
        return PageReader(self.html)

    def fill(self, action: str, **fields: str) -> PageReader:
        form = next(form for form in PageReader(self.html).forms if form.action == action)
        return self.open(action, form.fields | fields)

    def reset_password(self) -> None:
        """Forgot password, the mail, and a password of one's own."""
        self.open("/signin/forgot-password")
        page = self.fill("/signin/forgot-password", email=self.email)
        page = self.open(page.links["Open this mailbox"])
        self.open(next(link for link in page.links.values() if "reset-password" in link))
        self.fill("/signin/reset-password", password=self.password, repeated=self.password)

    def sign_in(self) -> None:
        """With the password, and with a code where one is asked for."""
        takes = self.sandbox.control("GET", f"accounts/{self.account_id}/sign-in")
        self.open("/signin")
        page = self.fill("/signin", email=takes["email"], password=takes["password"] or self.password)
        if any(form.action == "/signin/mfa" for form in page.forms):
            self.fill("/signin/mfa", code=takes["mfa_devices"][0]["code"])

    def register_mfa(self) -> None:
        """A virtual device, by its seed and two codes."""
        self.open("/console/register-mfa")
        page = self.fill("/console/register-mfa")
        seed = next(text for text in page.codes if "otpauth" not in text).replace(" ", "")
        self.seeds.append(seed)
        first, second = two_codes(seed)
        self.fill("/console/register-mfa/codes", first=first, second=second)

    def complete(self) -> None:
        """Everything that a failsafe's set-up waits for."""
        self.reset_password()
        self.sign_in()
        self.register_mfa()

    def open_cloud_shell(self) -> dict[str, str]:
        """What a shell is set up with, as the root user."""
        self.open("/console")
        self.fill("/console/cloudshell")
        return dict(_EXPORT.findall(self.html))


def two_codes(seed: str) -> tuple[str, str]:
    """This half minute's code and the next one."""
    step = int(time.time()) // _STEP_SECONDS
    return totp_code(seed, step), totp_code(seed, step + 1)


def code_in(seed: str, steps: int) -> str:
    """The code of so many half minutes from now."""
    return totp_code(seed, int(time.time()) // _STEP_SECONDS + steps)
