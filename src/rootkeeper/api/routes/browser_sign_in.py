"""The further steps of a browser's sign-in: its second factor, and the first administrator's link."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi.responses import JSONResponse
from pydantic import StringConstraints
from starlette.requests import Request

from rootkeeper.api.answers.sign_ins import BrowserSessionAnswer, PasskeyOptions
from rootkeeper.api.browser_sessions import answer_session, get_client_origin, show_session
from rootkeeper.api.callers import ApiCaller
from rootkeeper.api.guarding import AccessRequirement, Called, Served
from rootkeeper.api.origins import require_own_page, site_of
from rootkeeper.api.parameters import Body, ShortText
from rootkeeper.api.route_tables import change, read
from rootkeeper.domain.identity_names import SERVER_NAME
from rootkeeper.domain.ledger import Actor, ActorKind
from rootkeeper.domain.sessions import SessionKind
from rootkeeper.errors import InputError, NotSignedInError
from rootkeeper.workflows.factors import FactorVerifier
from rootkeeper.workflows.sessions import AuthenticatedSession, make_session


class FactorBody(Body):
    """One of the two."""

    totp: Annotated[str, StringConstraints(min_length=1, max_length=16)] | None = None
    """A code of an authenticator app."""
    passkey: dict[str, Any] | None = None
    """What a passkey answers, as the browser's ``toJSON()`` gives it."""


class FirstAdministratorBody(Body):
    """Who becomes it."""

    link_token: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    name: ShortText
    password: Annotated[str, StringConstraints(max_length=1_024)]


def read_session(caller: Called) -> dict[str, Any]:
    """Show a browser's own sign-in, what it still needs, and its token against forged requests."""
    return show_session(caller.browser_session)


def submit_factor(request: Request, caller: Called, body: FactorBody) -> JSONResponse:
    """Finish a sign-in by its second factor."""
    return _give(request, caller, body)


def step_up(request: Request, caller: Called, body: FactorBody) -> JSONResponse:
    """Give the second factor again, before something weighty; it then holds for five minutes."""
    return _give(request, caller, body)


def _give(request: Request, caller: ApiCaller, body: FactorBody) -> JSONResponse:
    proven = caller.browser_session
    proving: FactorVerifier = request.app.state.factor_proving
    if body.totp is not None and body.passkey is None:
        return answer_session(request, proving.verify_totp(proven, body.totp))
    if body.passkey is not None and body.totp is None:
        return answer_session(request, proving.verify_passkey(proven, body.passkey, site_of(request)))
    raise InputError("Neither one code nor one passkey came.", hint="Give totp or passkey.")


def ask_passkey(request: Request, caller: Called) -> JSONResponse:
    """Ask one of the user's passkeys: the options that a browser takes."""
    proven = caller.browser_session
    proving: FactorVerifier = request.app.state.factor_proving
    return JSONResponse(dict(proving.ask_passkey(proven.session, site_of(request))))


def become_first_administrator(request: Request, services: Served, body: FirstAdministratorBody) -> JSONResponse:
    """Become the first administrator, by the link that the server has printed."""
    require_own_page(request)
    with services.act_as(Actor(SERVER_NAME, ActorKind.SERVER), None) as acting:
        identity = acting.identity_service.add_first_administrator(
            services.first_administrators, body.link_token, body.name, body.password
        )
    new = make_session(SessionKind.BROWSER, get_client_origin(request), services.clock)
    session = services.sessions.begin(identity.identity_id, new)
    if session is None:
        raise NotSignedInError("The administrator can't sign in any more.", hint="Ask another administrator.")
    return answer_session(request, AuthenticatedSession(session, new.secret))


ROWS = (
    read("/auth/session", AccessRequirement.SIGNING_IN, read_session, BrowserSessionAnswer),
    change("/auth/factor", AccessRequirement.SIGNING_IN, submit_factor, BrowserSessionAnswer),
    change("/auth/step-up", AccessRequirement.SIGNING_IN, step_up, BrowserSessionAnswer),
    change("/auth/passkey-options", AccessRequirement.SIGNING_IN, ask_passkey, PasskeyOptions),
    change("/auth/first-administrator", AccessRequirement.ANYBODY, become_first_administrator, BrowserSessionAnswer),
)
