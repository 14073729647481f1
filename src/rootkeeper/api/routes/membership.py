"""Who somebody is here: signing in and out, and what a role permits."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi.responses import JSONResponse
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from rootkeeper import __version__
from rootkeeper.api.answers.sign_ins import MeAnswer, SignInAnswer
from rootkeeper.api.browser_sessions import answer_session, get_client_origin, show_factor_state
from rootkeeper.api.callers import find_token, require_csrf_token
from rootkeeper.api.cookies import find_cookie, forget_cookie
from rootkeeper.api.guarding import AccessRequirement, Called, Served
from rootkeeper.api.origins import require_own_page
from rootkeeper.api.parameters import Body, ShortText, show_one
from rootkeeper.api.route_tables import change, read
from rootkeeper.api.services import ServerServices
from rootkeeper.domain.identity_records import identity_to_record
from rootkeeper.domain.plan_files import render_instant
from rootkeeper.domain.sessions import SessionKind, SessionNeed
from rootkeeper.errors import FactorNeededError, NotSignedInError, RootkeeperError
from rootkeeper.workflows.access import CompletedSignIn, SignInService
from rootkeeper.workflows.factors import FactorVerifier
from rootkeeper.workflows.sessions import AuthenticatedSession

CONSOLE_HEADER = "X-Rootkeeper-Console"
"""With it a sign-in is a browser's. No page of another server can add it."""


class SignInBody(Body):
    """A user's name and password."""

    name: ShortText
    password: Annotated[str, StringConstraints(min_length=1, max_length=1_024)]
    totp: Annotated[str, StringConstraints(min_length=1, max_length=16)] | None = None
    """A code of an authenticator app, where a bearer token needs a second factor; a browser gives its own later."""


def sign_in(request: Request, services: Served, body: SignInBody) -> Any:
    """Sign in as a user: a bearer token for 12 hours or, for the console, a cookie."""
    if CONSOLE_HEADER in request.headers:
        return _sign_in_by_browser(request, services, body)
    signing_in: SignInService = request.app.state.signing_in
    found = signing_in.sign_in(body.name, body.password, get_client_origin(request))
    try:
        proven = _finish(request, services, found, body.totp)
    except RootkeeperError:
        services.sessions.end(found.token)
        raise
    return show_one(
        {
            "token": proven.secret,
            "expires_at": render_instant(found.expires_at),
            "identity": identity_to_record(found.identity, services.clock.now()),
        }
    )


def _finish(
    request: Request, services: ServerServices, found: CompletedSignIn, totp: str | None
) -> AuthenticatedSession:
    """A bearer token acts at once: what it needs is asked for now."""
    proven = _prove(services, found, SessionKind.TOKEN)
    if proven.session.need is not SessionNeed.FACTOR:
        proven.session.require_finished()
        return proven
    if totp is None:
        raise FactorNeededError(
            f"{found.identity.name} has a second factor.",
            hint="Send a code of the authenticator app along, as totp. With passkeys alone, sign in by a browser.",
        )
    proving: FactorVerifier = request.app.state.factor_proving
    return proving.verify_totp(proven, totp)


def _sign_in_by_browser(request: Request, services: ServerServices, body: SignInBody) -> JSONResponse:
    """Always a new secret: whatever a browser sent before is worth nothing afterwards."""
    require_own_page(request)
    signing_in: SignInService = request.app.state.signing_in
    found = signing_in.sign_in(body.name, body.password, get_client_origin(request), SessionKind.BROWSER)
    before = find_cookie(request)
    if before is not None:
        services.sessions.end(before)
    return answer_session(request, _prove(services, found, SessionKind.BROWSER))


def _prove(services: ServerServices, found: CompletedSignIn, kind: SessionKind) -> AuthenticatedSession:
    session = services.sessions.find(found.token, kind)
    if session is None:
        raise NotSignedInError("The sign-in has ended.", hint="Sign in again.")
    return AuthenticatedSession(session, found.token)


def sign_out(request: Request, services: Served) -> Response:
    """End the sign-in whose token or cookie comes along; again without harm. An API token stays as it is."""
    response = Response(status_code=HTTPStatus.NO_CONTENT)
    token = find_token(request)
    secret = find_cookie(request)
    if token is not None:
        services.sessions.end(token)
    elif secret is not None:
        require_own_page(request)
        if services.sessions.find(secret, SessionKind.BROWSER) is not None:
            require_csrf_token(request, secret)
            services.sessions.end(secret)
        forget_cookie(request, response)
    return response


def show_me(services: Served, caller: Called) -> dict[str, Any]:
    """Say who is asking, what that permits, and of what organization the server is."""
    identity, endpoint = caller.identity, services.endpoint
    return show_one(
        {
            **identity_to_record(identity, services.clock.now()),
            "permissions": sorted(permission.value for permission in identity.permissions),
            "organization_id": services.organization_id,
            "endpoint": endpoint.label,
            "is_sandbox": endpoint.is_sandbox,
            "people_url": endpoint.people_url,
            "factor": show_factor_state(caller.session),
            "version": __version__,
        }
    )


ROWS = (
    change("/auth/sign-in", AccessRequirement.ANYBODY, sign_in, SignInAnswer),
    change("/auth/sign-out", AccessRequirement.ANYBODY, sign_out, None, HTTPStatus.NO_CONTENT),
    read("/me", AccessRequirement.SIGNING_IN, show_me, MeAnswer),
)
