"""Who asks: by a bearer token, or by the cookie of a browser's sign-in.

A bearer token is an API token, or the sign-in of the command line. Whoever sends one is judged by it alone, cookie or
not. A cookie is sent by the browser whatever page it shows, so that a request with one must also come from this
server's own page, and whoever changes something by it must prove that the page has read what only it can read.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.requests import Request

from rootkeeper.api.cookies import find_cookie
from rootkeeper.api.origins import SAFE_METHODS, require_own_page
from rootkeeper.api.services import ServerServices
from rootkeeper.domain.access import Identity
from rootkeeper.domain.sessions import Session, SessionKind
from rootkeeper.errors import ForgedRequestError, InputError, NotSignedInError
from rootkeeper.workflows.sessions import AuthenticatedSession, is_csrf_token

CSRF_HEADER = "X-CSRF-Token"
IDLE_HEADER = "X-Rootkeeper-Idle"
"""The console's page asks by itself, and nobody has touched it for a while."""
_LONGEST_TOKEN = 512


@dataclass(frozen=True, slots=True)
class ApiCaller:
    """Somebody who asks."""

    identity: Identity
    session: Session | None = None
    """``None`` for an API token."""
    secret: str | None = field(default=None, repr=False)
    """What proves the session."""

    @property
    def browser_session(self) -> AuthenticatedSession:
        """:raises InputError: if it isn't somebody in a browser."""
        if self.session is None or self.secret is None or self.session.kind is not SessionKind.BROWSER:
            raise InputError(
                "This is for people who are signed in to the console by a browser.", hint="Sign in there, and do it."
            )
        return AuthenticatedSession(self.session, self.secret)


def find_caller(request: Request, *, is_use: bool = True) -> ApiCaller:
    """Who asks, whatever the sign-in still lacks.

    :param is_use: ``False`` for what goes on without a person, such as a stream: it doesn't keep a sign-in from ending.
    :raises NotSignedInError: if nobody does, or what proves it isn't valid any more.
    :raises ForgedRequestError: if a cookie came with what some other page may have sent.
    """
    if "authorization" in request.headers:
        return _find_bearer(request)
    secret = find_cookie(request)
    if secret is None:
        raise NotSignedInError(
            "Nobody is signed in.", hint="Send the header Authorization: Bearer TOKEN. Tokens: rootkeeper token create."
        )
    require_own_page(request)
    is_use = is_use and IDLE_HEADER not in request.headers
    session = _services(request).sessions.find(secret, SessionKind.BROWSER, is_use=is_use)
    if session is None:
        raise NotSignedInError("The sign-in has ended.", hint="Sign in again.")
    if request.method not in SAFE_METHODS:
        require_csrf_token(request, secret)
    return ApiCaller(session.identity, session, secret)


def _find_bearer(request: Request) -> ApiCaller:
    token = find_token(request)
    if token is None:
        raise NotSignedInError(
            "Nobody is signed in.", hint="Send the header Authorization: Bearer TOKEN. Tokens: rootkeeper token create."
        )
    identity = _services(request).identities.find_by_token(token)
    if identity is not None:
        return ApiCaller(identity)
    session = _services(request).sessions.find(token, SessionKind.TOKEN)
    if session is None:
        raise NotSignedInError(
            "The token isn't valid: unknown, expired, revoked, or its user was disabled.",
            hint="Sign in again, or ask an administrator for a new token.",
        )
    return ApiCaller(session.identity, session, token)


def require_csrf_token(request: Request, secret: str) -> None:
    """:raises ForgedRequestError: if the token against forged requests is missing or isn't this sign-in's."""
    if not is_csrf_token(request.headers.get(CSRF_HEADER, ""), secret):
        raise ForgedRequestError(
            f"The header {CSRF_HEADER} is missing or isn't this sign-in's.",
            hint="Load the page again. GET /api/v1/auth/session tells the token.",
        )


def find_token(request: Request) -> str | None:
    """The bearer token that came along. Source: RFC 6750, section 2.1."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and 0 < len(token) <= _LONGEST_TOKEN else None


def _services(request: Request) -> ServerServices:
    services: ServerServices = request.app.state.services
    return services
