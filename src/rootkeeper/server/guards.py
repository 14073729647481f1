"""Who may call which route.

The cookie that carries a browser's sign-in.

Scripts can't read it, other sites can't have it sent along, and behind TLS no server but this one can set it. It has no
end of its own: the server knows it, and a browser that is closed forgets it.
Source of the prefix: RFC 6265bis, section 4.1.3.2.

Which page a browser's request comes from.

A browser says so truly, and no script can change it: by ``Sec-Fetch-Site``, and by ``Origin`` where something is
changed. Another port of this host is another page too, though a cookie goes there as well.
Source: Fetch standard, section 3.2; Fetch Metadata Request Headers, section 2.3.

Who asks: by a bearer token, or by the cookie of a browser's sign-in.

A bearer token is an API token, or the sign-in of the command line. Whoever sends one is judged by it alone, cookie or
not. A cookie is sent by the browser whatever page it shows, so that a request with one must also come from this
server's own page, and whoever changes something by it must prove that the page has read what only it can read.

Answers to requests with an ``Idempotency-Key``: who sends the same request again gets the same answer.

They are kept in the database and for a day, so that another server of it gives the same answer. What must never be done
twice doesn't rest on this: an account has one window at a time, an approval counts once for each person, and a deletion
finds nothing to delete. What holds a secret, in the question or the answer, is never kept: whoever repeats that is told
that it was answered.

Who may call which route: the one mechanism, before anything of a request's body is read.

A route is made with what it demands, or isn't made at all. What it demands also stands in the OpenAPI document, under
``x-rootkeeper-access``, since that is where it is taken from.

How a browser's sign-in is told to it: what its page needs in the answer, its secret in the cookie.
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
from rootkeeper.access.records import StoredAnswer
from rootkeeper.access.rules import Identity, Permission, Session, SessionKind, needs_factor
from rootkeeper.access.service import AuthenticatedSession, ClientOrigin, is_csrf_token
from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.errors import DatabaseError, ForgedRequestError, InputError, JobConflictError, NotSignedInError
from rootkeeper.references import is_loopback
from rootkeeper.server.parameters import show_one
from rootkeeper.server.request_path import parse_host_name, tag_answer
from rootkeeper.values import json_time

COOKIE_NAME = "rootkeeper"
_LONGEST_SECRET = 512


def find_cookie(request: Request) -> str | None:
    """The secret that came along; of the other name than this connection's none is taken."""
    secret = request.cookies.get(get_cookie_name(request, COOKIE_NAME))
    return secret if secret and len(secret) <= _LONGEST_SECRET else None


def set_cookie(request: Request, response: Response, secret: str) -> None:
    """Let the browser send the secret along from now on."""
    response.set_cookie(
        get_cookie_name(request, COOKIE_NAME),
        secret,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )


def forget_cookie(request: Request, response: Response) -> None:
    """Let the browser forget it."""
    response.delete_cookie(
        get_cookie_name(request, COOKIE_NAME), path="/", secure=is_secure(request), httponly=True, samesite="strict"
    )


def is_secure(request: Request) -> bool:
    """Whether the browser speaks TLS, as far as the connection or a trusted proxy tells."""
    return request.url.scheme == "https"


def get_cookie_name(request: Request, name: str) -> str:
    """What a cookie is called by this connection."""
    return f"__Host-{name}" if is_secure(request) else name


_OWN = frozenset({"same-origin", "none"})
"""``none``: a person has typed the address."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def require_own_page(request: Request) -> None:
    """:raises ForgedRequestError: if another page has sent it."""
    site = request.headers.get("sec-fetch-site")
    if (site is not None and site not in _OWN) or not _is_own(request, request.headers.get("origin")):
        raise ForgedRequestError(
            "The request comes from a page of another server.",
            hint="Open the console by the server's own address. A proxy before it must pass the Host header on.",
        )


def site_of(request: Request) -> RelyingParty:
    """The server as the browser sees it; to be asked after :func:`require_own_page`.

    :raises InputError: if the browser doesn't say.
    """
    origin = request.headers.get("origin")
    if origin is None:
        raise InputError("The request names no Origin, which passkeys need.", hint="Use the console in a browser.")
    return RelyingParty(parse_host_name(_place_in(origin)), origin)


def _is_own(request: Request, origin: str | None) -> bool:
    if origin is None:
        return True
    place = _place_in(origin).lower()
    is_weaker = request.url.scheme == "https" and not origin.startswith("https:")
    return bool(place) and place == request.headers.get("host", "").lower() and not is_weaker


def _place_in(origin: str) -> str:
    """Host and port; nothing of what is no web page, such as a file or an extension. Source: RFC 6454, section 6.2."""
    scheme, _, place = origin.partition("://")
    return place if scheme in {"http", "https"} else ""


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


def _services(request: Request) -> ServerRuntime:
    services: ServerRuntime = request.app.state.services
    return services


HEADER = "Idempotency-Key"
LONGEST_KEPT_BYTES = 256 * 1024

SECRET_PARTS = frozenset({"auth", "identities", "me", "sessions", "tokens", "users"})
"""First parts of paths below the API's, whose requests or answers may hold a password, a token or a factor's secret."""

_LONGEST_KEY = 200
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """One request that came with a key."""

    key: str
    """With whom it is of."""
    has_secret: bool
    response: Response | None = field(default=None, repr=False)
    """What it was answered, if it was."""


class IdempotencyService:
    """The answers of all servers of one database."""

    def __init__(self, answers: StoredAnswers) -> None:
        self._answers = answers

    def begin(self, request: Request, body: bytes, identity: Identity) -> IdempotentRequest | None:
        """The request's place among the others, with its answer if it was answered; ``None`` if it has no key.

        :raises InputError: if the key is too long, or was used for another request.
        :raises JobConflictError: if the first request of this key is still being answered, or its answer isn't kept.
        :raises DatabaseError: if the database can't be written.
        """
        text = request.headers.get(HEADER.lower())
        if text is None or request.method != "POST":
            return None
        if not 0 < len(text) <= _LONGEST_KEY:
            raise InputError(f"{HEADER} has {len(text)} characters.", hint=f"1 to {_LONGEST_KEY} are taken.")
        key, has_secret = f"{identity.identity_id} {text}", _has_secret(request.url.path)
        answer = self._answers.claim(key, _fingerprint(request, b"" if has_secret else body))
        return IdempotentRequest(key, has_secret, None if answer is None else _to_response(answer))

    def end(self, replay: IdempotentRequest, response: Response | None) -> None:
        """The request's answer; without one, such as after an error, it is done anew when it comes again.

        Never raises: whoever asked gets his answer though it can't be kept.
        """
        try:
            if response is None:
                self._answers.release(replay.key)
            else:
                self._answers.keep(replay.key, _to_answer(response, has_secret=replay.has_secret))
        except DatabaseError as error:
            _log.warning("The answer to a request with a key can't be kept: %s", error.message)


def _has_secret(path: str) -> bool:
    """By what follows ``/api/v1``."""
    return not SECRET_PARTS.isdisjoint(path.strip("/").split("/")[2:3])


def _fingerprint(request: Request, body: bytes) -> str:
    """Of method, path and body: another request under the same key is a mistake. No body that may hold a secret."""
    content = b"\0".join((request.method.encode(), request.url.path.encode(), body))
    return hashlib.sha256(content).hexdigest()


def _to_answer(response: Response, *, has_secret: bool) -> StoredAnswer:
    """What isn't text, such as a stream, isn't kept."""
    content = getattr(response, "body", None)
    is_kept = not has_secret and isinstance(content, bytes) and len(content) <= LONGEST_KEPT_BYTES
    body = bytes(content).decode() if is_kept and content is not None else None
    return StoredAnswer(response.status_code, response.headers.get("content-type"), body)


def _to_response(answer: StoredAnswer) -> Response:
    """:raises JobConflictError: if the answer isn't kept."""
    if answer.body is None:
        raise JobConflictError(
            "The same request was answered before, and that answer isn't kept.",
            hint="Look at what came of it. A token that got lost is revoked and made again, under another key.",
        )
    headers = {} if answer.media_type is None else {"Content-Type": answer.media_type}
    return Response(answer.body, answer.status, headers)


ACCESS_KEY = "x-rootkeeper-access"

FRESH_FACTOR_KEY = "x-rootkeeper-fresh-factor"
"""Whether a browser's sign-in needs a second factor that was given just now."""

_SAID_BY_PROXIES = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


class AccessRequirement(StrEnum):
    """Demands that aren't permissions."""

    ANYBODY = "anybody"
    """Without sign-in."""
    ON_THIS_MACHINE = "on_this_machine"
    """Without sign-in from this machine itself; from elsewhere whoever is signed in."""
    SIGNED_IN = "signed_in"
    """Whatever the role."""
    SIGNING_IN = "signing_in"
    """The same, and also whoever still owes a second factor."""


Demand: TypeAlias = AccessRequirement | Permission
Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]


class GuardedRoute(APIRoute):
    """A route that finds out who asks, and whether they may, before it does anything."""

    def get_route_handler(self) -> Handler:
        """:raises ValueError: if the route doesn't say what it demands."""
        demand = demand_of(self)
        needs_fresh_factor = bool((self.openapi_extra or {}).get(FRESH_FACTOR_KEY))
        handle = super().get_route_handler()

        async def guard(request: Request) -> Response:
            if demand is AccessRequirement.ANYBODY or (
                demand is AccessRequirement.ON_THIS_MACHINE and comes_from_here(request)
            ):
                return await handle(request)
            caller = await run_in_threadpool(find_caller, request)
            request.state.caller, request.state.identity = caller, caller.identity
            require_permission(caller, demand)
            if needs_fresh_factor:
                require_fresh(caller, _get_services(request))
            return tag_answer(request, await _answer_once(request, caller.identity, handle))

        return guard


async def _answer_once(request: Request, identity: Identity, handle: Handler) -> Response:
    """Answer, or give the answer again that a request of the same key got."""
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
    """What a route demands.

    :raises ValueError: if it doesn't say.
    """
    text = (route.openapi_extra or {}).get(ACCESS_KEY)
    if text in set(AccessRequirement):
        return AccessRequirement(text)
    if text in set(Permission):
        return Permission(text)
    raise ValueError(f"The route {route.path} doesn't say who may call it.")


def require_permission(caller: ApiCaller, demand: Demand) -> None:
    """:raises SignInUnfinishedError: if a second factor is still owed.
    :raises PermissionDeniedError: if the role doesn't permit it.
    """
    if caller.session is not None and demand is not AccessRequirement.SIGNING_IN:
        caller.session.require_finished()
    if isinstance(demand, Permission):
        caller.identity.require_permission(demand)


def require_fresh(caller: ApiCaller, services: ServerRuntime) -> None:
    """:raises FactorNeededError: if somebody in a browser gave the second factor too long ago."""
    if caller.session is not None and caller.session.kind is SessionKind.BROWSER:
        caller.session.require_fresh(services.clock.now())


def comes_from_here(request: Request) -> bool:
    """Whether this machine itself asks, and for itself: a proxy on it asks for others.

    A proxy that doesn't say that it is one hands the name on by which it was asked.
    """
    is_local = request.client is not None and is_loopback(request.client.host)
    is_called_local = is_loopback(parse_host_name(request.headers.get("host", "")))
    return is_local and is_called_local and not any(name in request.headers for name in _SAID_BY_PROXIES)


def identify(request: Request, *, is_use: bool = True) -> Identity:
    """Whose token or cookie came along, of those who owe no second factor.

    :param is_use: ``False`` for what goes on without a person.
    :raises NotSignedInError: if none did, it isn't valid any more, or the sign-in isn't finished.
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
"""A parameter of a route: who asks. Only where the route demands that somebody is signed in."""

Called = Annotated[ApiCaller, Depends(_get_caller)]
"""The same, with the sign-in by which it is known."""


def get_client_origin(request: Request) -> ClientOrigin:
    """Where a request comes from."""
    return ClientOrigin(request.client.host if request.client else None, request.headers.get("user-agent"))


def show_session(proven: AuthenticatedSession) -> dict[str, Any]:
    """What a page needs to know of its sign-in."""
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
    """The same, with the cookie of a secret that is new."""
    response = JSONResponse(show_session(proven))
    set_cookie(request, response, proven.secret)
    return response


def show_factor_state(session: Session | None) -> dict[str, Any]:
    """What a sign-in is asked for in the way of second factors; nothing of an API token."""
    if session is None:
        return {"required": False, "enrolled": [], "fresh_until": None}
    return {
        "required": needs_factor(session.identity.role),
        "enrolled": sorted(kind.value for kind in session.enrolled),
        "fresh_until": json_time(session.fresh_until),
    }
