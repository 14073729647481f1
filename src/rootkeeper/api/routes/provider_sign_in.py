"""Signing in at the organization's own identity provider, and which ways to sign in there are.

Both ends of the way through the provider are opened by a browser itself: it is sent on by a redirect, and what goes
wrong is told on the sign-in page.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rootkeeper.api.answers.sign_ins import SignInMethodsAnswer
from rootkeeper.api.browser_sessions import get_client_origin
from rootkeeper.api.cookies import find_cookie, get_cookie_name, is_secure, set_cookie
from rootkeeper.api.guarding import AccessRequirement, Served
from rootkeeper.api.hosts import parse_host_name
from rootkeeper.api.parameters import show_one
from rootkeeper.api.route_tables import PREFIX, Row, read
from rootkeeper.api.services import ServerServices
from rootkeeper.domain.identity_names import SERVER_NAME
from rootkeeper.domain.identity_providers import START_LASTS
from rootkeeper.domain.ledger import Actor, ActorKind
from rootkeeper.domain.loopback import is_loopback
from rootkeeper.domain.sessions import Session, SessionKind
from rootkeeper.errors import InputError, NotFoundError, NotSignedInError, RootkeeperError
from rootkeeper.workflows.provider_sign_in import ProviderAnswer, ProviderSignInService

START, CALLBACK = "/auth/oidc/start", "/auth/oidc/callback"
PROBLEM_PARAMETER = "sign_in_problem"
"""By it the sign-in page learns the code of what went wrong, and no text that anybody else could have put there."""
_COOKIE = "rootkeeper-oidc"
_LONGEST = 4_096

_Short = Annotated[str, Query(max_length=_LONGEST)]
_Optional = Annotated[str | None, Query(max_length=_LONGEST)]


def list_methods(request: Request, services: Served) -> dict[str, Any]:
    """List the ways to sign in here."""
    oidc = services.provider_sign_in_service
    return show_one(
        {
            "password": True,
            "oidc": None if oidc is None else {"name": oidc.rules.name},
            "is_sandbox": services.endpoint.is_sandbox,
            "endpoint": services.endpoint.label,
            "has_cookie": find_cookie(request) is not None,
        }
    )


def start_sign_in(
    request: Request,
    services: Served,
    return_to: _Short = "/",
    confirm: Annotated[bool, Query(description="Prove the sign-in of this browser anew, as a factor does.")] = False,
) -> Response:
    """Send a browser to the identity provider."""
    try:
        signing_in = _get(services)
        confirms = _find_session(request, services) if confirm else None
        begun = signing_in.begin(return_to, _redirect_uri(request, services), get_client_origin(request), confirms)
    except RootkeeperError as error:
        return _send_back(request, error)
    response = RedirectResponse(begun.address, HTTPStatus.FOUND)
    response.set_cookie(
        get_cookie_name(request, _COOKIE),
        begun.secret,
        max_age=int(START_LASTS.total_seconds()),
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )
    return response


def finish_sign_in(
    request: Request, services: Served, state: _Short = "", code: _Optional = None, error: _Optional = None
) -> Response:
    """Take a browser back from the identity provider, and sign in whom that has proven."""
    try:
        signing_in = _get(services)
        answer = ProviderAnswer(request.cookies.get(get_cookie_name(request, _COOKIE)), state, code, error)
        with services.act_as(Actor(SERVER_NAME, ActorKind.SERVER), None) as acting:
            redirect_uri = _redirect_uri(request, services)
            finished = signing_in.finish(answer, redirect_uri, acting.identity_service, get_client_origin(request))
    except RootkeeperError as refusal:
        response = _send_back(request, refusal)
    else:
        response = RedirectResponse(finished.return_to, HTTPStatus.FOUND)
        set_cookie(request, response, finished.session.secret)
    response.delete_cookie(
        get_cookie_name(request, _COOKIE), path="/", secure=is_secure(request), httponly=True, samesite="lax"
    )
    return response


def _get(services: ServerServices) -> ProviderSignInService:
    """:raises NotFoundError: if the settings name no provider."""
    signing_in = services.provider_sign_in_service
    if signing_in is None:
        raise NotFoundError("This server has no identity provider.", hint="An administrator sets oidc.issuer.")
    return signing_in


def _find_session(request: Request, services: ServerServices) -> Session:
    """Another page can't have it: the cookie isn't sent from there."""
    secret = find_cookie(request)
    session = None if secret is None else services.sessions.find(secret, SessionKind.BROWSER)
    if session is None:
        raise NotSignedInError("Nobody is signed in, so there is nothing to confirm.", hint="Sign in.")
    return session


def _redirect_uri(request: Request, services: ServerServices) -> str:
    """Where the provider sends a browser back to; the provider knows it from before.

    :raises InputError: if the server is reached from elsewhere and doesn't know by which name.
    """
    public = services.settings.server.public_address
    if public is not None:
        return f"{public.origin}{PREFIX}{CALLBACK}"
    host = request.headers.get("host", "")
    if not is_loopback(parse_host_name(host)):
        raise InputError(
            "The server doesn't know its own address.",
            hint="An administrator sets server.public_url, such as https://…",
        )
    return f"{request.url.scheme}://{host}{PREFIX}{CALLBACK}"


def _send_back(request: Request, error: RootkeeperError) -> Response:
    """To the sign-in page, for a person in a browser.

    :raises RootkeeperError: that very error, for a program: it is answered as a problem.
    """
    if "text/html" not in request.headers.get("accept", ""):
        raise error
    return RedirectResponse(f"/?{PROBLEM_PARAMETER}={error.code}", HTTPStatus.FOUND)


ROWS = (
    read("/auth/methods", AccessRequirement.ANYBODY, list_methods, SignInMethodsAnswer),
    Row(
        "GET",
        PREFIX + START,
        AccessRequirement.ANYBODY,
        start_sign_in,
        HTTPStatus.FOUND,
        response_class=RedirectResponse,
    ),
    Row(
        "GET",
        PREFIX + CALLBACK,
        AccessRequirement.ANYBODY,
        finish_sign_in,
        HTTPStatus.FOUND,
        response_class=RedirectResponse,
    ),
)
