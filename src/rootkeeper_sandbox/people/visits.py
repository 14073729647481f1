"""A request of a browser: its id, the fields of its form, and the root user's session that it belongs to."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from rootkeeper_sandbox.exchange import Credential, HttpRequest, HttpResponse, Principal, PrincipalKind
from rootkeeper_sandbox.instance import SandboxInstance
from rootkeeper_sandbox.people.events import SignInEvent, SignInStep
from rootkeeper_sandbox.people.layout import render_page
from rootkeeper_sandbox.state.accounts import Account
from rootkeeper_sandbox.state.people import SESSION_LIFETIME, SignInSession, SignInStore, digest, find_entry
from rootkeeper_sandbox.state.world import World

_MAX_FIELDS = 50
_BROWSER_ID = re.compile(r"[A-Za-z0-9_-]{43}")
_OWN_NAME = re.compile(r"(?:127(?:\.\d{1,3}){3}|localhost|\[::1\])(?::\d{1,5})?")
"""Names of this machine, which may be trusted from a Host header: a link to them doesn't lead elsewhere."""


@dataclass
class RedirectedError(Exception):
    """This page isn't for this visitor now; another page is."""

    target: str
    """A path of our own."""


@dataclass(slots=True)
class PageRequest:
    """A browser's request, with the fields of its form and the browser's id."""

    instance: SandboxInstance
    request: HttpRequest
    path: str
    query: Mapping[str, str]
    fields: Mapping[str, str]
    browser_id: str
    """Random, from the cookie; signed-in sessions and form tokens depend on it."""
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
        return find_entry(self.sign_ins.sessions, digest("session", self.browser_id), self.now)

    @property
    def account(self) -> Account | None:
        """The account whose root user is signed in."""
        session = self.session
        return self.world.find_account(session.account_id) if session else None

    def require_account(self) -> tuple[SignInSession, Account]:
        """Get the session of the root user who is signed in, and the account.

        :raises RedirectedError: to the sign-in page, if no one is signed in.
        """
        session, account = self.session, self.account
        if session is None or account is None:
            raise RedirectedError("/signin")
        return session, account

    def text(self, name: str) -> str:
        return self.fields.get(name, "")

    def renew_browser(self) -> None:
        """Give the browser another id, so that the old id, if known to others, is worthless."""
        self.browser_id = secrets.token_urlsafe(32)
        self.is_new_browser = True

    def page(self, template: str, title: str, status: int = 200, **values: Any) -> HttpResponse:
        account = self.account
        return render_page(
            template,
            status,
            title=title,
            place=f"{account.name} ({account.account_id})" if account else self.world.organization_id,
            path=self.path,
            is_signed_in=account is not None,
            is_demo=self.instance.demo is not None,
            form_token=self.form_token,
            **values,
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
    """Hand the browser its id, if it has none yet or another id."""
    if page_request.is_new_browser:
        lifetime = int(SESSION_LIFETIME.total_seconds())
        response.headers["set-cookie"] = (
            f"{_cookie_name(page_request.request)}={page_request.browser_id}; Path=/; Max-Age={lifetime}; "
            "HttpOnly; SameSite=Strict"
        )
    return response


def find_authority(request: HttpRequest) -> str:
    """Find where links in mails lead: to where the request came in, unless the Host header names this machine."""
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


MINIMUM_CHARACTERS, MAXIMUM_CHARACTERS = 8, 128
_SYMBOLS = frozenset("!@#$%^&*()<>[]{}|_+-=")
_LEAST_KINDS = 3

PASSWORD_HINT = (
    f"{MINIMUM_CHARACTERS} to {MAXIMUM_CHARACTERS} characters, of at least three kinds: upper case, lower case,"
    " numbers, symbols. Not the account's name or e-mail address."
)


def find_password_fault(text: str, account: Account) -> str | None:
    """Find the fault of a root user's new password.

    Source: IAM User Guide, "Change the password for the AWS account root user".
    """
    if not MINIMUM_CHARACTERS <= len(text) <= MAXIMUM_CHARACTERS:
        return f"The password must have {MINIMUM_CHARACTERS} to {MAXIMUM_CHARACTERS} characters."
    tests = (str.isupper, str.islower, str.isdigit, _SYMBOLS.__contains__)
    if sum(any(map(test, text)) for test in tests) < _LEAST_KINDS:
        return "The password must have characters of three kinds: upper case, lower case, numbers, symbols."
    if text.lower() in (account.name.lower(), account.email.lower()):
        return "The password must not be the account's name or e-mail address."
    return None


def make_principal(page_request: PageRequest, session: SignInSession) -> Principal:
    """Make the principal of a console session: the long-term root user, by temporary credentials."""
    return Principal(
        kind=PrincipalKind.ROOT_USER,
        arn=page_request.world.root_user_arn(session.account_id),
        account_id=session.account_id,
        user_id=session.account_id,
        access_key_id=session.access_key_id,
        session_issued_at=session.began_at,
        has_mfa=session.has_mfa,
    )


def record_step(
    page_request: PageRequest, step: SignInStep, account_id: str, *, is_success: bool = True, **additional: str
) -> None:
    """Leave the event of a step of signing in."""
    event = SignInEvent(
        step=step,
        account_id=account_id,
        root_user_arn=page_request.world.root_user_arn(account_id),
        occurred_at=page_request.now,
        source_ip=page_request.request.source_ip,
        user_agent=page_request.request.headers.get("user-agent", ""),
        is_success=is_success,
        additional=additional or None,
    )
    page_request.instance.trail.append(event)


def record_login(
    page_request: PageRequest, account_id: str, *, is_success: bool, mfa_serial_number: str | None = None
) -> None:
    """Leave the event ConsoleLogin."""
    device = {"MFAIdentifier": mfa_serial_number} if mfa_serial_number and is_success else {}
    record_step(
        page_request,
        SignInStep.CONSOLE_LOGIN,
        account_id,
        is_success=is_success,
        LoginTo=f"http://{page_request.authority}/console",
        MobileVersion="No",
        MFAUsed="Yes" if mfa_serial_number else "No",
        **device,
    )


_LIFETIME = timedelta(hours=1)


def issue_to_root_user(page_request: PageRequest, session: SignInSession) -> Credential:
    """Issue the credentials of AWS CloudShell: the signed-in root user's, for an hour, with its MFA if it has any."""
    principal, now = make_principal(page_request, session), page_request.now
    return page_request.world.sessions.issue(principal, now, min(now + _LIFETIME, session.expires_at))


def render_exports(page_request: PageRequest, credential: Credential) -> str:
    """Write the lines that a shell takes."""
    values = {
        "AWS_ENDPOINT_URL": f"http://{page_request.authority}",
        "AWS_REGION": page_request.world.identity_center.region,
        "AWS_ACCESS_KEY_ID": credential.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credential.secret_access_key,
        "AWS_SESSION_TOKEN": credential.session_token,
    }
    return "\n".join(f"export {name}={value}" for name, value in values.items())
