"""Decides who may call a route, before the request's body is read, and repeats answers to repeated requests.

Each route states its demand in the OpenAPI document, under ``x-rootkeeper-access``; the guard reads it from there.

A caller has a bearer token (an API token, or a sign-in of the command line) or the cookie of a browser's sign-in; with
a token the cookie is ignored. A browser sends the cookie for every page, so such a request must also come from this
server's own page (``Sec-Fetch-Site`` and ``Origin``, which no script can change), and a change also needs a token that
only that page can read. Scripts can't read the cookie, and with TLS only this server can set it.

A request with an ``Idempotency-Key`` that is sent again gets the same answer, for a day, from all servers on the
database. Answers with secrets are never kept. Safety doesn't depend on this: an account has a single window at a time,
an approval counts once for each person, and a repeated deletion finds nothing to delete.

Source: RFC 6265bis, section 4.1.3.2; Fetch standard, section 3.2; Fetch Metadata Request Headers, section 2.3.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

from fastapi import Depends
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from rootkeeper.access.counts import StoredAnswers
from rootkeeper.access.factors import RelyingParty
from rootkeeper.access.records import FactorState, StoredAnswer
from rootkeeper.access.rules import (
    Identity,
    Permission,
    Session,
    SessionKind,
    needs_factor,
)
from rootkeeper.access.service import AuthenticatedSession, ClientOrigin, is_csrf_token
from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.errors import (
    DatabaseError,
    ForgedRequestError,
    Hint,
    InputError,
    JobConflictError,
    NotSignedInError,
    ServerBusyError,
)
from rootkeeper.references import is_loopback
from rootkeeper.server.connections import Connection
from rootkeeper.server.parameters import show_one
from rootkeeper.server.persons import find_session
from rootkeeper.server.request_path import answer_error, parse_host_name, tag_answer
from rootkeeper.server.sign_ins import find_cookie, set_cookie, set_device_cookie
from rootkeeper.server.turns import BUSY_SECONDS, RouteTurns
from rootkeeper.shapes import fill_record

_OWN = frozenset({"same-origin", "none"})
"""``none``: a person typed the address."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def require_own_page(request: Request) -> None:
    """:raises ForgedRequestError: if a page of another server sent it."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    is_own = site is None or site in _OWN
    if origin is not None:
        place = _place_in(origin).lower()
        is_weaker = request.url.scheme == "https" and not origin.startswith("https:")
        is_own = is_own and bool(place) and place == request.headers.get("host", "").lower() and not is_weaker
    if not is_own:
        raise ForgedRequestError(
            "The request comes from a page of another server.",
            hint="Open the console at the server's own address. A proxy in front of it must pass on the Host header.",
        )


def site_of(request: Request) -> RelyingParty:
    """Return the server as the browser sees it; call :func:`require_own_page` before.

    :raises InputError: if the request has no ``Origin``.
    """
    origin = request.headers.get("origin")
    if origin is None:
        raise InputError("The request has no Origin, which passkeys need.", hint="Use the console in a browser.")
    return RelyingParty(parse_host_name(_place_in(origin)), origin)


def _place_in(origin: str) -> str:
    """Return host and port; empty for a file or a browser's extension. Source: RFC 6454, section 6.2."""
    scheme, _, place = origin.partition("://")
    return place if scheme in {"http", "https"} else ""


CSRF_HEADER = "X-CSRF-Token"

IDLE_HEADER = "X-Rootkeeper-Idle"
"""The console sends it when no person has used the page for a while."""

_LONGEST_TOKEN = 512


@dataclass(frozen=True, slots=True)
class ApiCaller:
    """The identity that sent a request, and its sign-in."""

    identity: Identity
    session: Session | None = None
    """``None`` for an API token."""
    secret: str | None = field(default=None, repr=False)
    """Proves the session."""

    @property
    def browser_session(self) -> AuthenticatedSession:
        """:raises InputError: if the caller isn't signed in with a browser."""
        if self.session is None or self.secret is None or self.session.kind is not SessionKind.BROWSER:
            raise InputError(
                "This needs a sign-in to the console with a browser.", hint="Sign in to the console, and do it there."
            )
        return AuthenticatedSession(self.session, self.secret)


def find_caller(request: Request, *, is_use: bool = True) -> ApiCaller:
    """Identify the caller, also if its sign-in isn't finished.

    :param is_use: ``False`` for a request without a person, such as a stream; it doesn't prolong a sign-in.
    :raises NotSignedInError: if there is no sign-in or token, or it isn't valid any more.
    :raises ForgedRequestError: if the request has a cookie and may come from another page.
    :raises StrangerError: if the front of several organizations names a person without a role in this one.
    """
    services, has_bearer = _get_services(request), "authorization" in request.headers
    of_front = find_session(request)
    if of_front is not None:
        return ApiCaller(of_front.identity, of_front)
    secret = find_token(request) if has_bearer else find_cookie(request)
    if secret is None:
        raise NotSignedInError(
            "The request isn't signed in.",
            hint="Sign in, or send an API token in the header Authorization: Bearer TOKEN.",
        )
    if has_bearer:
        identity = services.identities.find_by_token(secret)
        if identity is not None:
            return ApiCaller(identity)
        session = services.sessions.find(secret, SessionKind.TOKEN)
        if session is None and request.app.state.front is not None:
            raise NotSignedInError(
                "The server doesn't know the token. An API token is of one of its organizations.",
                hint=Hint("Use it at /api/v1/organizations/NAME/…, or sign in.", "organization.token"),
            )
        if session is None:
            raise NotSignedInError(
                "The token isn't valid: it is unknown, expired or revoked, or its user is disabled.",
                hint="Sign in again, or ask an administrator for a new token.",
            )
        return ApiCaller(session.identity, session, secret)
    require_own_page(request)
    is_use = is_use and IDLE_HEADER not in request.headers
    session = services.sessions.find(secret, SessionKind.BROWSER, is_use=is_use)
    if session is None:
        raise NotSignedInError("The sign-in has ended.", hint="Sign in again.")
    if request.method not in SAFE_METHODS:
        require_csrf_token(request, secret)
    return ApiCaller(session.identity, session, secret)


def require_csrf_token(request: Request, secret: str) -> None:
    """:raises ForgedRequestError: if the token against forged requests is missing or belongs to another sign-in."""
    if not is_csrf_token(request.headers.get(CSRF_HEADER, ""), secret):
        raise ForgedRequestError(
            f"The header {CSRF_HEADER} is missing or belongs to another sign-in.",
            hint="Load the page again. GET /api/v1/auth/session returns the token.",
        )


def find_token(request: Request) -> str | None:
    """Source: RFC 6750, section 2.1."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and 0 < len(token) <= _LONGEST_TOKEN else None


HEADER = "Idempotency-Key"
LONGEST_KEPT_BYTES = 256 * 1024

SECRET_PARTS = frozenset({"auth", "identities", "me", "one-time-passwords", "sessions", "tokens", "users"})
"""First parts of API paths with requests or answers that may contain a password, a token or a factor's secret."""

_LONGEST_KEY = 200
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A request with a key."""

    key: str
    """The identity and the key."""
    has_secret: bool
    response: Response | None = field(default=None, repr=False)
    """The answer, if it exists already."""


class IdempotencyService:
    """Repeats answers of all servers on the same database."""

    def __init__(self, answers: StoredAnswers) -> None:
        self._answers = answers

    def begin(self, request: Request, body: bytes, identity: Identity) -> IdempotentRequest | None:
        """Claim a request, or find its answer; ``None`` if it has no key.

        :raises InputError: if the key is too long, or was used for another request.
        :raises JobConflictError: if the first request of this key is in progress, or its answer isn't kept.
        :raises DatabaseError: if the database can't be written.
        """
        text = request.headers.get(HEADER.lower())
        if text is None or request.method != "POST":
            return None
        if not 0 < len(text) <= _LONGEST_KEY:
            raise InputError(f"{HEADER} has {len(text)} characters.", hint=f"Use 1 to {_LONGEST_KEY} characters.")
        key = f"{identity.identity_id} {text}"
        first_part = request.url.path.strip("/").split("/")[2:3]  # after /api/v1
        has_secret = not SECRET_PARTS.isdisjoint(first_part)
        # The part that a repeat has in common with the first request.
        content = b"\0".join((request.method.encode(), request.url.path.encode(), b"" if has_secret else body))
        answer = self._answers.claim(key, hashlib.sha256(content).hexdigest())
        if answer is None:
            return IdempotentRequest(key, has_secret)
        if answer.body is None:
            raise JobConflictError(
                "The same request was answered before, and the answer isn't kept.",
                hint="Check its result. Revoke a lost token, and create another one with another key.",
            )
        headers = {} if answer.media_type is None else {"Content-Type": answer.media_type}
        return IdempotentRequest(key, has_secret, Response(answer.body, answer.status, headers))

    def end(self, replay: IdempotentRequest, response: Response | None) -> None:
        """Keep the answer; without an answer, such as after an error, a repeat is performed again.

        Never raises: the client gets the answer even if it can't be kept.
        """
        try:
            if response is None:
                self._answers.release(replay.key)
                return
            content = getattr(response, "body", None)  # a stream has none
            is_kept = not replay.has_secret and isinstance(content, bytes) and len(content) <= LONGEST_KEPT_BYTES
            body = bytes(content).decode() if is_kept and content is not None else None
            media_type = response.headers.get("content-type")
            self._answers.keep(replay.key, StoredAnswer(response.status_code, media_type, body))
        except DatabaseError as error:
            _log.warning("The answer to a request with a key can't be kept: %s", error.message)


ACCESS_KEY = "x-rootkeeper-access"

FRESH_FACTOR_KEY = "x-rootkeeper-fresh-factor"
"""Whether a browser's sign-in needs a fresh second factor."""

_SAID_BY_PROXIES = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


class AccessRequirement(StrEnum):
    """Demands that aren't permissions."""

    ANYONE = "anyone"
    """Without sign-in."""
    ON_THIS_MACHINE = "on_this_machine"
    """Without sign-in from this machine if ``server.metrics_without_token`` allows it; otherwise with any role."""
    SIGNED_IN = "signed_in"
    """With any role."""
    SIGNING_IN = "signing_in"
    """With any role, also before the second factor is given."""


Demand: TypeAlias = AccessRequirement | Permission
Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]


class GuardedRoute(APIRoute):
    """A route that identifies the caller and checks the permission before it does anything."""

    def get_route_handler(self) -> Handler:
        """:raises ValueError: if the route has no demand."""
        demand = demand_of(self)
        needs_fresh_factor = bool((self.openapi_extra or {}).get(FRESH_FACTOR_KEY))
        handle = super().get_route_handler()

        async def guard(request: Request) -> Response:
            if demand is AccessRequirement.ANYONE or (
                demand is AccessRequirement.ON_THIS_MACHINE
                and _get_services(request).settings.server.metrics_without_token
                and comes_from_here(request)
            ):
                return await handle(request)
            turns: RouteTurns = request.app.state.turns
            caller = await turns.identify(request, find_caller)
            request.state.caller, request.state.identity = caller, caller.identity
            if not claim_connection(request, caller.identity):
                return await refuse_connection(request, caller.identity)
            require_permission(caller, demand)
            if needs_fresh_factor:
                require_fresh(caller, _get_services(request))
            return tag_answer(request, await _answer_once(request, caller.identity, handle))

        return guard


def claim_connection(request: Request, identity: Identity) -> bool:
    """``False`` if the identity has its share of the server's connections already."""
    connection: Connection | None = getattr(request.state, "connection", None)
    return connection is None or connection.claim(identity.identity_id)


async def refuse_connection(request: Request, identity: Identity) -> Response:
    """Answer that the identity has its share, and end the connection: others may need its place."""
    error = ServerBusyError(
        f"{identity.name} has as many requests in progress as one user or token can have.",
        hint=f"Wait {BUSY_SECONDS} seconds, then try again.",
        wait_seconds=BUSY_SECONDS,
    )
    problem = await answer_error(request, error)
    problem.headers["Connection"] = "close"
    return problem


async def _answer_once(request: Request, identity: Identity, handle: Handler) -> Response:
    """Answer, or repeat the answer to a request of the same key."""
    replays: IdempotencyService = request.app.state.replays
    if HEADER not in request.headers:
        return await handle(request)
    replay = await run_in_threadpool(replays.begin, request, await request.body(), identity)
    if replay is None:
        return await handle(request)
    if replay.response is not None:
        return replay.response
    response: Response | None = None
    try:
        response = await handle(request)
    finally:
        await run_in_threadpool(replays.end, replay, response)
    return response


def demand_of(route: APIRoute) -> Demand:
    """:raises ValueError: if the route has no demand."""
    text = (route.openapi_extra or {}).get(ACCESS_KEY)
    if text in set(AccessRequirement):
        return AccessRequirement(text)
    if text in set(Permission):
        return Permission(text)
    raise ValueError(f"The route {route.path} doesn't say who may call it.")


def require_permission(caller: ApiCaller, demand: Demand) -> None:
    """:raises SignInUnfinishedError: if the sign-in lacks its second factor.
    :raises PermissionDeniedError: if the role doesn't permit it.
    """
    if caller.session is not None and demand is not AccessRequirement.SIGNING_IN:
        caller.session.require_finished()
    if isinstance(demand, Permission):
        caller.identity.require_permission(demand)


def require_fresh(caller: ApiCaller, services: ServerRuntime) -> None:
    """:raises FactorNeededError: if a browser's sign-in has no fresh second factor."""
    if caller.session is not None and caller.session.kind is SessionKind.BROWSER:
        caller.session.require_fresh(services.clock.now())


def comes_from_here(request: Request) -> bool:
    """Whether this machine sent the request, and not a proxy on it for others.

    A proxy that adds no header and replaces the host name can't be recognized, so this decides about nothing secret.
    """
    is_local = request.client is not None and is_loopback(request.client.host)
    is_called_local = is_loopback(parse_host_name(request.headers.get("host", "")))
    return is_local and is_called_local and not any(name in request.headers for name in _SAID_BY_PROXIES)


def identify(request: Request, *, is_use: bool = True) -> Identity:
    """Identify a caller with a finished sign-in.

    :param is_use: ``False`` for a request without a person.
    :raises NotSignedInError: if there is no valid token or sign-in, or the sign-in isn't finished.
    """
    caller = find_caller(request, is_use=is_use)
    require_permission(caller, AccessRequirement.SIGNED_IN)
    return caller.identity


def _get_services(request: Request) -> ServerRuntime:
    services: ServerRuntime = request.app.state.services
    return services


def _get_caller(request: Request) -> ApiCaller:
    caller: ApiCaller = request.state.caller
    return caller


def _get_identity(request: Request) -> Identity:
    identity: Identity = request.state.identity
    return identity


Served = Annotated[ServerRuntime, Depends(_get_services)]
"""A parameter of a route: the server."""

Identified = Annotated[Identity, Depends(_get_identity)]
"""A parameter of a route: the caller's identity. Only for routes that demand a sign-in."""

Called = Annotated[ApiCaller, Depends(_get_caller)]
"""A parameter of a route: the caller's identity and sign-in."""


def get_client_origin(request: Request) -> ClientOrigin:
    return ClientOrigin(request.client.host if request.client else None, request.headers.get("user-agent"))


def show_session(proven: AuthenticatedSession) -> dict[str, Any]:
    """Return the facts that a page needs of its sign-in."""
    session = proven.session
    return show_one(
        {
            "name": session.identity.name,
            "role": session.identity.role.value,
            "csrf_token": proven.csrf_token,
            "needs": None if session.need is None else session.need.value,
        }
    )


def answer_session(request: Request, proven: AuthenticatedSession) -> JSONResponse:
    """Answer with the sign-in, and set the cookie of its new secret; a finished sign-in makes its device known."""
    response = JSONResponse(show_session(proven))
    set_cookie(request, response, proven.secret)
    if proven.session.need is None:
        set_device_cookie(request, response, proven.session.identity.name)
    return response


def show_factor_state(session: Session | None) -> dict[str, Any]:
    """Return the sign-in's state of second factors; an API token needs none."""
    if session is None:
        return {"required": False, "enrolled": [], "fresh_until": None}
    return fill_record(FactorState, session, required=needs_factor(session.identity.role))
