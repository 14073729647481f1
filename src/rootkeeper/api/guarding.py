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

from rootkeeper.api.callers import ApiCaller, find_caller
from rootkeeper.api.etags import tag_answer
from rootkeeper.api.hosts import parse_host_name
from rootkeeper.api.replays import HEADER, IdempotencyService
from rootkeeper.api.services import ServerServices
from rootkeeper.domain.access import Identity, Permission
from rootkeeper.domain.loopback import is_loopback
from rootkeeper.domain.sessions import SessionKind

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


def require_fresh(caller: ApiCaller, services: ServerServices) -> None:
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


def _get_services(request: Request) -> ServerServices:
    services: ServerServices = request.app.state.services
    return services


def _get_caller(request: Request) -> ApiCaller:
    caller: ApiCaller = request.state.caller
    return caller


def _get_identity(request: Request) -> Identity:
    identity: Identity = request.state.identity
    return identity


Served = Annotated[ServerServices, Depends(_get_services)]
"""A parameter of a route: the server."""
Identified = Annotated[Identity, Depends(_get_identity)]
"""A parameter of a route: who asks. Only where the route demands that somebody is signed in."""
Called = Annotated[ApiCaller, Depends(_get_caller)]
"""The same, with the sign-in by which it is known."""
