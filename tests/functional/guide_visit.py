"""A reader of a guide at the sandbox's pages, which need no script: run in the machine's own network.

``python -m tests.functional.guide_visit sign-in EMAIL PASSWORD`` or ``… recover EMAIL PASSWORD``. Prints what the last
page says.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

from tests.functional.guide_machine import SANDBOX_URL
from tests.sandbox.visitor import PageReader


class Visit:
    """A browser window."""

    def __init__(self) -> None:
        cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)
        self.page = PageReader("")

    def open(self, path: str, data: bytes | None = None) -> None:
        request = urllib.request.Request(urllib.parse.urljoin(SANDBOX_URL, path), data, {"Origin": SANDBOX_URL})  # noqa: S310 - the sandbox
        try:
            with self._opener.open(request, timeout=20) as answer:
                self.page = PageReader(answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                self.page = PageReader(error.read().decode())

    def fill(self, button: str, **fields: str) -> None:
        """Fill in the form with that button, and press it."""
        form = next(form for form in self.page.forms if form.button == button)
        self.open(form.action, urllib.parse.urlencode(form.fields | fields).encode())

    def follow(self, link: str) -> None:
        self.open(self.page.links[link])

    @property
    def text(self) -> str:
        return " ".join("".join(self.page.texts).split())


def sign_in(visit: Visit, email: str, password: str) -> None:
    visit.open("/signin")
    visit.fill("Sign in", email=email, password=password)


def recover(visit: Visit, email: str, password: str) -> None:
    """Ask for a mail, follow its link, set a password, and sign in with it."""
    visit.open("/signin/forgot-password")
    visit.fill("Send mail", email=email)
    visit.open("/mailbox")
    visit.follow(email)
    visit.open(next(link for link in visit.page.links.values() if "reset-password" in link))
    visit.fill("Set password", password=password, repeated=password)
    sign_in(visit, email, password)


def main(action: str, email: str, password: str) -> None:
    visit = Visit()
    {"sign-in": sign_in, "recover": recover}[action](visit, email, password)
    print(visit.text)  # noqa: T201 - a program's own output


if __name__ == "__main__":
    main(*sys.argv[1:])
