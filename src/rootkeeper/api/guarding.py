"""Who may call which route: the one mechanism, before anything of a request's body is read.

A route is made with what it demands, or isn't made at all. What it demands also stands in the OpenAPI document, under
``x-rootkeeper-access``, since that is where it is taken from.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

from fastapi import Depends
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from rootkeeper.api.replays import HEADER, Replays
from rootkeeper.api.services import ServerServices
from rootkeeper.domain.access import Identity, Permission
from rootkeeper.errors import NotSignedInError

ACCESS_KEY = "x-rootkeeper-access"
_LONGEST_TOKEN = 512


class Access(StrEnum):
    """Demands that aren't permissions."""

    ANYBODY = "anybody"
    """Without sign-in."""
    SIGNED_IN = "signed_in"
    """Whatever the role."""


Demand: TypeAlias = Access | Permission
Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]


class GuardedRoute(APIRoute):
    """A route that finds out who asks, and whether they may, before it does anything."""

    def get_route_handler(self) -> Handler:
        """:raises ValueError: if the route doesn't say what it demands."""
        demand = demand_of(self)
        handle = super().get_route_handler()

        async def guard(request: Request) -> Response:
            if demand is Access.ANYBODY:
                return await handle(request)
            identity = await run_in_threadpool(identify, request)
            request.state.identity = identity
            if isinstance(demand, Permission):
                identity.ensure_may(demand)
            return await _answer_once(request, identity, handle)

        return guard


async def _answer_once(request: Request, identity: Identity, handle: Handler) -> Response:
    """Answer, or give the answer again that a request of the same key got."""
    replays: Replays = request.app.state.replays
    if HEADER not in request.headers:
        return await handle(request)
    replay = replays.begin(request, await request.body(), identity)
    if replay is None:
        return await handle(request)
    if replay.response is not None:
        return replay.response
    response: Response | None = None
    try:
        response = await handle(request)
    finally:
        replays.end(replay, response)
    return response


def demand_of(route: APIRoute) -> Demand:
    """What a route demands.

    :raises ValueError: if it doesn't say.
    """
    text = (route.openapi_extra or {}).get(ACCESS_KEY)
    if text in set(Access):
        return Access(text)
    if text in set(Permission):
        return Permission(text)
    raise ValueError(f"The route {route.path} doesn't say who may call it.")


def identify(request: Request) -> Identity:
    """Whose token came along.

    :raises NotSignedInError: if none did, or it isn't valid any more.
    """
    token = find_token(request)
    if token is None:
        raise NotSignedInError(
            "Nobody is signed in.", hint="Send the header Authorization: Bearer TOKEN. Tokens: rootkeeper token create."
        )
    services: ServerServices = request.app.state.services
    identity = services.identities.find_by_token(token)
    if identity is None:
        raise NotSignedInError(
            "The token isn't valid: unknown, expired, revoked, or its user was disabled.",
            hint="Sign in again, or ask an administrator for a new token.",
        )
    return identity


def find_token(request: Request) -> str | None:
    """The bearer token that came along. Source: RFC 6750, section 2.1."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and 0 < len(token) <= _LONGEST_TOKEN else None


def _get_services(request: Request) -> ServerServices:
    services: ServerServices = request.app.state.services
    return services


def _get_identity(request: Request) -> Identity:
    identity: Identity = request.state.identity
    return identity


Served = Annotated[ServerServices, Depends(_get_services)]
"""A parameter of a route: the server."""
Identified = Annotated[Identity, Depends(_get_identity)]
"""A parameter of a route: who asks. Only where the route demands that somebody is signed in."""
