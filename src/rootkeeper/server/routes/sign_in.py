"""Routes of sign-in and sign-out: password, second factor, first administrator, identity provider.

The browser itself opens the two routes of the identity provider, so they answer with a redirect, and the sign-in page
shows an error.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, TypeAlias

from fastapi import Query
from fastapi.responses import JSONResponse
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from typing_extensions import TypedDict

from rootkeeper import __version__
from rootkeeper.access.factors import FactorVerifier
from rootkeeper.access.provider import ProviderAnswer, ProviderSignInService
from rootkeeper.access.records import IdentityRecord, MeAnswer, identity_to_record
from rootkeeper.access.rules import START_LASTS, ServerRole, Session, SessionKind, SessionNeed
from rootkeeper.access.service import AuthenticatedSession, CompletedSignIn, SignInService, make_session
from rootkeeper.aws.rules import SERVER_NAME
from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.demo.story import find_codes_url
from rootkeeper.errors import (
    FactorNeededError,
    InputError,
    NotFoundError,
    NotSignedInError,
    RootkeeperError,
    make_setting_hint,
)
from rootkeeper.ledger.rules import Actor, ActorKind
from rootkeeper.references import is_loopback
from rootkeeper.server.bodies import SIGN_IN_BYTES
from rootkeeper.server.documents import change, read
from rootkeeper.server.guards import (
    AccessRequirement,
    ApiCaller,
    Called,
    Served,
    answer_session,
    find_token,
    get_client_origin,
    require_csrf_token,
    require_own_page,
    show_factor_state,
    show_session,
    site_of,
)
from rootkeeper.server.parameters import Body, show_one
from rootkeeper.server.request_path import PREFIX, parse_host_name
from rootkeeper.server.sign_ins import (
    SignInThreads,
    find_cookie,
    find_device,
    forget_cookie,
    read_cookie,
    send_cookie,
    set_cookie,
)
from rootkeeper.server.turns import RouteLoad
from rootkeeper.shapes import Answer, Moment, ShortText, record
from rootkeeper.values import render_instant

PasskeyOptions: TypeAlias = dict[str, Any]
"""Options for a browser. Source: WebAuthn, ``parseCreationOptionsFromJSON`` and ``parseRequestOptionsFromJSON``."""


@record
class BearerTokenAnswer(Answer):
    """A sign-in by a bearer token."""

    token: str
    expires_at: Moment
    identity: IdentityRecord


@record
class BrowserSessionAnswer(Answer):
    """The facts that a page needs of its sign-in."""

    name: str
    role: ServerRole
    csrf_token: str
    """Goes along with each changing request, as the header X-CSRF-Token."""
    needs: SessionNeed | None
    """``null`` if the sign-in is finished."""


SignInAnswer: TypeAlias = BearerTokenAnswer | BrowserSessionAnswer
"""The second answer goes to a browser."""


@record
class IdentityProvider(TypedDict):
    """The organization's own."""

    name: str


@record
class SignInMethodsAnswer(Answer):
    """The ways to sign in."""

    password: bool
    oidc: IdentityProvider | None
    is_sandbox: bool
    endpoint: str
    codes_url: str | None
    """The sandbox's page with the demo's users and the codes of their authenticator apps; ``null`` if it's no demo."""
    has_cookie: bool
    """Whether the browser sent a sign-in cookie; it may have expired."""


CONSOLE_HEADER = "X-Rootkeeper-Console"
"""With this header a sign-in is a browser's. No page of another server can add it."""


class SignInBody(Body):
    """A user's name and password."""

    name: ShortText
    password: Annotated[str, StringConstraints(min_length=1, max_length=1_024)]
    totp: Annotated[str, StringConstraints(min_length=1, max_length=16)] | None = None
    """A code of an authenticator app, if a bearer token needs a second factor; a browser sends it later."""


async def sign_in(request: Request, services: Served, body: SignInBody) -> Any:
    """Sign in as a user, with a bearer token for 12 hours or, for the console, a cookie."""
    device_id = find_device(request, body.name)
    threads: SignInThreads = request.app.state.sign_in_threads
    work = _sign_in_by_browser if CONSOLE_HEADER in request.headers else _sign_in_by_token
    return await threads.run(partial(work, request, services, body, device_id), is_known=device_id is not None)


def _sign_in_by_token(
    request: Request, services: ServerRuntime, body: SignInBody, device_id: str | None
) -> dict[str, Any]:
    signing_in: SignInService = request.app.state.signing_in
    found = signing_in.sign_in(body.name, body.password, get_client_origin(request), device_id=device_id)
    try:
        proven = _prove(services, found, SessionKind.TOKEN)
        if proven.session.need is not SessionNeed.FACTOR:
            proven.session.require_finished()
        elif body.totp is None:  # a bearer token can be used at once, so it needs the second factor now
            raise FactorNeededError(
                f"The sign-in of {found.identity.name} needs a second factor.",
                hint="Send a code of the authenticator app, as totp. If you have only passkeys, sign in with a "
                "browser.",
            )
        else:
            proving: FactorVerifier = request.app.state.factor_proving
            proven = proving.verify_totp(proven, body.totp)
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


def _sign_in_by_browser(
    request: Request, services: ServerRuntime, body: SignInBody, device_id: str | None
) -> JSONResponse:
    """Always make a new secret, and end the sign-in of the browser's old secret."""
    require_own_page(request)
    signing_in: SignInService = request.app.state.signing_in
    found = signing_in.sign_in(body.name, body.password, get_client_origin(request), SessionKind.BROWSER, device_id)
    before = find_cookie(request)
    if before is not None:
        services.sessions.end(before)
    return answer_session(request, _prove(services, found, SessionKind.BROWSER))


def _prove(services: ServerRuntime, found: CompletedSignIn, kind: SessionKind) -> AuthenticatedSession:
    session = services.sessions.find(found.token, kind)
    if session is None:
        raise NotSignedInError("The sign-in has ended.", hint="Sign in again.")
    return AuthenticatedSession(session, found.token)


def sign_out(request: Request, services: Served) -> Response:
    """End the sign-in of the request's token or cookie; harmless when repeated. API tokens stay valid."""
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


def show_me(request: Request, services: Served, caller: Called) -> dict[str, Any]:
    """Show the caller, the caller's permissions, and the server's organization."""
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
            "serves_organizations": request.app.state.front is not None,
        }
    )


class FactorBody(Body):
    """A second factor, in either of two forms."""

    totp: Annotated[str, StringConstraints(min_length=1, max_length=16)] | None = None
    """A code of an authenticator app."""
    passkey: dict[str, Any] | None = None
    """A passkey's answer, from the browser's ``toJSON()``."""


class FirstAdministratorBody(Body):
    """The first administrator."""

    link_token: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    name: ShortText
    password: Annotated[str, StringConstraints(max_length=1_024)]


def read_session(caller: Called) -> dict[str, Any]:
    """Show a browser's own sign-in, the step that it still needs, and its token against forged requests."""
    return show_session(caller.browser_session)


def submit_factor(request: Request, caller: Called, body: FactorBody) -> JSONResponse:
    """Finish a sign-in with its second factor."""
    return _give(request, caller, body)


def step_up(request: Request, caller: Called, body: FactorBody) -> JSONResponse:
    """Give the second factor again before an important change; it stays fresh for five minutes."""
    return _give(request, caller, body)


def _give(request: Request, caller: ApiCaller, body: FactorBody) -> JSONResponse:
    proven = caller.browser_session
    proving: FactorVerifier = request.app.state.factor_proving
    if body.totp is not None and body.passkey is None:
        device_id = find_device(request, proven.session.identity.name)
        return answer_session(request, proving.verify_totp(proven, body.totp, device_id))
    if body.passkey is not None and body.totp is None:
        return answer_session(request, proving.verify_passkey(proven, body.passkey, site_of(request)))
    raise InputError("The request needs either a code or a passkey.", hint="Give totp or passkey.")


def ask_passkey(request: Request, caller: Called) -> JSONResponse:
    """Return the browser's options for asking the user's passkeys."""
    proven = caller.browser_session
    proving: FactorVerifier = request.app.state.factor_proving
    return JSONResponse(dict(proving.ask_passkey(proven.session, site_of(request))))


def become_first_administrator(request: Request, services: Served, body: FirstAdministratorBody) -> JSONResponse:
    """Become the first administrator, with the link that the server showed at its start."""
    require_own_page(request)
    with services.act_as(Actor(SERVER_NAME, ActorKind.SERVER), None) as acting:
        identity = acting.identity_service.add_first_administrator(
            services.first_administrators, body.link_token, body.name, body.password
        )
    services.first_administrator_file.remove()
    new = make_session(SessionKind.BROWSER, get_client_origin(request), services.clock)
    session = services.sessions.begin(identity.identity_id, new)
    if session is None:
        raise NotSignedInError("The administrator can't sign in any more.", hint="Ask another administrator.")
    return answer_session(request, AuthenticatedSession(session, new.secret))


START, CALLBACK = "/auth/oidc/start", "/auth/oidc/callback"

PROBLEM_PARAMETER = "sign_in_problem"
"""Passes an error's code to the sign-in page; no text, because anyone could put a text there."""

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
            "codes_url": find_codes_url(services.endpoint) if services.has_story else None,
            "has_cookie": find_cookie(request) is not None,
        }
    )


def start_sign_in(
    request: Request,
    services: Served,
    return_to: _Short = "/",
    confirm: Annotated[
        bool, Query(description="Confirm this browser's sign-in again, as a second factor does.")
    ] = False,
) -> Response:
    """Send a browser to the identity provider."""
    try:
        signing_in = _get(services)
        confirms = _find_session(request, services) if confirm else None
        begun = signing_in.begin(return_to, _redirect_uri(request, services), get_client_origin(request), confirms)
    except RootkeeperError as error:
        return _send_back(request, error)
    response = RedirectResponse(begun.address, HTTPStatus.FOUND)
    send_cookie(request, response, _COOKIE, begun.secret, lasts=START_LASTS, samesite="lax")
    return response


def finish_sign_in(
    request: Request, services: Served, state: _Short = "", code: _Optional = None, error: _Optional = None
) -> Response:
    """Receive the browser from the identity provider, and sign in the person that it proves."""
    try:
        signing_in = _get(services)
        answer = ProviderAnswer(read_cookie(request, _COOKIE), state, code, error)
        with services.act_as(Actor(SERVER_NAME, ActorKind.SERVER), None) as acting:
            redirect_uri = _redirect_uri(request, services)
            finished = signing_in.finish(answer, redirect_uri, acting.identity_service, get_client_origin(request))
    except RootkeeperError as refusal:
        response = _send_back(request, refusal)
    else:
        response = RedirectResponse(finished.return_to, HTTPStatus.FOUND)
        set_cookie(request, response, finished.session.secret)
    forget_cookie(request, response, _COOKIE, samesite="lax")
    return response


def _get(services: ServerRuntime) -> ProviderSignInService:
    """:raises NotFoundError: if the settings name no provider."""
    signing_in = services.provider_sign_in_service
    if signing_in is None:
        raise NotFoundError(
            "This server has no identity provider.",
            hint=make_setting_hint("An operator of the server can add a provider to its settings.", "oidc.issuer"),
        )
    return signing_in


def _find_session(request: Request, services: ServerRuntime) -> Session:
    """Find the browser's sign-in; its cookie isn't sent from other pages."""
    secret = find_cookie(request)
    session = None if secret is None else services.sessions.find(secret, SessionKind.BROWSER)
    if session is None:
        raise NotSignedInError("There is no sign-in to confirm.", hint="Sign in.")
    return session


def _redirect_uri(request: Request, services: ServerRuntime) -> str:
    """Return the address to which the provider sends the browser back; the provider must have it registered.

    :raises InputError: if the server is reached from another machine and has no public address.
    """
    public = services.settings.server.public_address
    if public is not None:
        return f"{public.origin}{PREFIX}{CALLBACK}"
    host = request.headers.get("host", "")
    if not is_loopback(parse_host_name(host)):
        raise InputError(
            "The server doesn't know its own address.",
            hint=make_setting_hint(
                "An operator of the server must add its public address to the settings, such as https://…",
                "server.public_url",
            ),
        )
    return f"{request.url.scheme}://{host}{PREFIX}{CALLBACK}"


def _send_back(request: Request, error: RootkeeperError) -> Response:
    """Redirect a browser to the sign-in page with the error's code.

    :raises RootkeeperError: the error itself, if the client isn't a browser; it is answered as a problem.
    """
    if "text/html" not in request.headers.get("accept", ""):
        raise error
    return RedirectResponse(f"/?{PROBLEM_PARAMETER}={error.code}", HTTPStatus.FOUND)


ROWS = (
    change("/auth/sign-in", AccessRequirement.ANYONE, sign_in, SignInAnswer, largest_bytes=SIGN_IN_BYTES),
    change(
        "/auth/sign-out", AccessRequirement.ANYONE, sign_out, None, HTTPStatus.NO_CONTENT, largest_bytes=SIGN_IN_BYTES
    ),
    read("/me", AccessRequirement.SIGNING_IN, show_me, MeAnswer),
    read("/auth/session", AccessRequirement.SIGNING_IN, read_session, BrowserSessionAnswer),
    change(
        "/auth/factor", AccessRequirement.SIGNING_IN, submit_factor, BrowserSessionAnswer, largest_bytes=SIGN_IN_BYTES
    ),
    change("/auth/step-up", AccessRequirement.SIGNING_IN, step_up, BrowserSessionAnswer, largest_bytes=SIGN_IN_BYTES),
    change(
        "/auth/passkey-options", AccessRequirement.SIGNING_IN, ask_passkey, PasskeyOptions, largest_bytes=SIGN_IN_BYTES
    ),
    change(
        "/auth/first-administrator",
        AccessRequirement.ANYONE,
        become_first_administrator,
        BrowserSessionAnswer,
        largest_bytes=SIGN_IN_BYTES,
    ),
    read("/auth/methods", AccessRequirement.ANYONE, list_methods, SignInMethodsAnswer),
    read(
        START,
        AccessRequirement.ANYONE,
        start_sign_in,
        None,
        HTTPStatus.FOUND,
        response_class=RedirectResponse,
        load=RouteLoad.AWS,
    ),
    read(
        CALLBACK,
        AccessRequirement.ANYONE,
        finish_sign_in,
        None,
        HTTPStatus.FOUND,
        response_class=RedirectResponse,
        load=RouteLoad.AWS,
    ),
)
