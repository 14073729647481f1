"""One request of a person's browser: who it is, what the form says, and how to answer."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

from rootkeeper.sandbox.http_messages import HttpRequest, HttpResponse
from rootkeeper.sandbox.instance import SandboxInstance
from rootkeeper.sandbox.people.layout import render_page
from rootkeeper.sandbox.people.markup import Child
from rootkeeper.sandbox.state import Account, World
from rootkeeper.sandbox.state.sign_ins import SESSION_LIFETIME, SignInSession, SignInStore, digest

_MAX_FIELDS = 50
_BROWSER_ID = re.compile(r"[A-Za-z0-9_-]{43}")
_OWN_NAME = re.compile(r"(?:127(?:\.\d{1,3}){3}|localhost|\[::1\])(?::\d{1,5})?")
"""Names of this machine, which may be trusted from a Host header: a link to them leads nobody elsewhere."""


@dataclass
class RedirectedError(Exception):
    """This page isn't for this visitor now; another one is."""

    target: str
    """One of our own paths."""


@dataclass(slots=True)
class PageRequest:
    """One request, with what it proves and carries."""

    instance: SandboxInstance
    request: HttpRequest
    path: str
    query: Mapping[str, str]
    fields: Mapping[str, str]
    browser_id: str
    """Random, from the cookie; what signed-in sessions and form tokens hang on."""
    is_new_browser: bool

    @property
    def world(self) -> World:
        return self.instance.world

    @property
    def now(self) -> datetime:
        return self.instance.clock.now()

    @property
    def sign_ins(self) -> SignInStore:
        return self.world.sign_ins

    @property
    def authority(self) -> str:
        return find_authority(self.request)

    @property
    def form_token(self) -> str:
        """Give the token of this browser's forms, which no other site can know."""
        return hmac.digest(self.world.page_token_key, f"form\x1f{self.browser_id}".encode(), "sha256").hex()

    @property
    def has_form_token(self) -> bool:
        sent = self.fields.get("form_token", "").encode("utf-8", "surrogatepass")
        return hmac.compare_digest(sent, self.form_token.encode())

    @property
    def session(self) -> SignInSession | None:
        return self.sign_ins.find_session(digest("session", self.browser_id), self.now)

    @property
    def account(self) -> Account | None:
        """The account whose root user is signed in."""
        session = self.session
        return self.world.find_account(session.account_id) if session else None

    def require_account(self) -> tuple[SignInSession, Account]:
        """Get the session of the root user who is signed in, and the account.

        :raises RedirectedError: to the sign-in page, if nobody is.
        """
        session, account = self.session, self.account
        if session is None or account is None:
            raise RedirectedError("/signin")
        return session, account

    def text(self, name: str) -> str:
        return self.fields.get(name, "")

    def renew_browser(self) -> None:
        """Give the browser another id, so that nobody who knew the old one shares what follows."""
        self.browser_id = secrets.token_urlsafe(32)
        self.is_new_browser = True

    def page(self, title: str, *content: Child, status: int = 200) -> HttpResponse:
        account = self.account
        place = f"{account.name} ({account.account_id})" if account else self.world.organization_id
        return render_page(
            title, *content, place=place, path=self.path, is_signed_in=account is not None, status=status
        )


def begin_page_request(instance: SandboxInstance, request: HttpRequest, path: str) -> PageRequest:
    """Read the cookie, the query string and the form."""
    name = _cookie_name(request)
    found = _read_cookie(request.headers.get("cookie", ""), name)
    return PageRequest(
        instance=instance,
        request=request,
        path=path,
        query=_read_pairs(request.query_string),
        fields=_read_pairs(request.body.decode("utf-8", "replace")) if request.method == "POST" else {},
        browser_id=found or secrets.token_urlsafe(32),
        is_new_browser=found is None,
    )


def end_page_request(page_request: PageRequest, response: HttpResponse) -> HttpResponse:
    """Hand the browser its id, if it has none yet or another one."""
    if page_request.is_new_browser:
        lifetime = int(SESSION_LIFETIME.total_seconds())
        response.headers["set-cookie"] = (
            f"{_cookie_name(page_request.request)}={page_request.browser_id}; Path=/; Max-Age={lifetime}; HttpOnly; SameSite=Strict"
        )
    return response


def find_authority(request: HttpRequest) -> str:
    """Find where links in mails lead: to where the request came in, whatever else a Host header says."""
    host = request.headers.get("host", "")
    return host if _OWN_NAME.fullmatch(host) else request.server


def _cookie_name(request: HttpRequest) -> str:
    """Name the cookie by the port: browsers share cookies between all ports of a machine."""
    return f"rootkeeper-sandbox-{find_authority(request).rpartition(':')[2]}"


def _read_cookie(header: str, wanted: str) -> str | None:
    for pair in header.split(";"):
        name, _, value = pair.strip().partition("=")
        if name == wanted and _BROWSER_ID.fullmatch(value):
            return value
    return None


def _read_pairs(text: str) -> dict[str, str]:
    """Read a form or query string as text that can be written again; too many fields are none of ours."""
    readable = text.encode("utf-8", "replace").decode()
    try:
        return dict(parse_qsl(readable, keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="replace"))
    except ValueError:
        return {}
