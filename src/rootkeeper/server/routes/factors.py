"""Routes of the caller's own second factors, for browsers, and of sign-ins.

A user who has a second factor must give it before setting up another factor.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse
from starlette.requests import Request
from starlette.responses import Response

from rootkeeper.access import rules as access
from rootkeeper.access.factors import FactorVerifier
from rootkeeper.access.rules import Permission
from rootkeeper.server.documents import change, read, remove
from rootkeeper.server.guards import AccessRequirement, ApiCaller, Called, Identified, Served, answer_session, site_of
from rootkeeper.server.parameters import Body, Name, show_one, show_page
from rootkeeper.server.routes.sign_in import BrowserSessionAnswer, PasskeyOptions
from rootkeeper.shapes import (
    Answer,
    Count,
    JsonRecord,
    Moment,
    Page,
    ShortText,
    fill_record,
    filled_from,
    record,
    record_of,
)


@record
class SignedOutAnswer(Answer):
    """The number of a user's sign-ins that were ended."""

    name: str
    ended: Count


@record
class FactorsResetAnswer(Answer):
    """How many second factors of a user were taken away."""

    name: str
    removed: Count


@filled_from(name="identity.name")
@record_of(
    access.Session,
    only=(
        "session_id",
        "name",
        "address",
        "user_agent",
        "signed_in_at",
        "last_used_at",
        "expires_at",
        "is_current",
    ),
    renamed={"started_at": "signed_in_at"},
)
class SignIn(JsonRecord):
    """A sign-in of a browser."""

    session_id: str
    name: str
    address: str | None
    last_used_at: Moment | None
    is_current: bool
    """Whether this request belongs to it."""


@record
class SignInPage(Page):
    """Sign-ins of browsers."""

    sessions: list[SignIn]


@record_of(access.Factor, without=("identity_id",))
class Factor(JsonRecord):
    """A second factor."""


@record
class FactorPage(Page):
    """Second factors."""

    factors: list[Factor]


@record
class TotpSecretAnswer(Answer):
    """The seed from which a new authenticator app makes its codes, shown only once."""

    secret: str
    uri: str
    qr_svg: str


class CodeBody(Body):
    """The code that a new authenticator app shows."""

    code: ShortText


class PasskeyBody(Body):
    """A new passkey."""

    passkey: dict[str, Any]
    """The device's answer, from the browser's ``toJSON()``."""
    name: ShortText | None = None


def list_factors(services: Served, identity: Identified) -> dict[str, Any]:
    """List the caller's own second factors."""
    found = services.factors.list_factors(identity.identity_id)
    return show_page("factors", [fill_record(Factor, factor) for factor in found], None)


def begin_totp(services: Served, caller: Called) -> dict[str, Any]:
    """Begin to set up an authenticator app. Its secret is shown once."""
    import segno  # here, because few requests need it

    session = caller.browser_session.session
    with services.act_as(session.identity.to_actor(), None) as acting:
        enrolment = acting.factor_service.begin_totp(session.identity)
    # Without style and script; dark on white also in dark mode, so that a phone can read it.
    code: str = segno.make(enrolment.uri, micro=False).svg_inline(scale=4, dark="#000", light="#fff")
    svg = code.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return show_one({"secret": enrolment.seed, "uri": enrolment.uri, "qr_svg": svg})


def confirm_totp(request: Request, services: Served, caller: Called, body: CodeBody) -> JSONResponse:
    """Confirm a new authenticator app with its first code."""
    session = caller.browser_session.session
    with services.act_as(session.identity.to_actor(), None) as acting:
        acting.factor_service.confirm_totp(session.identity, body.code)
    return _renew(request, caller)


def ask_new_passkey(request: Request, services: Served, caller: Called) -> JSONResponse:
    """Return the browser's options for making a passkey."""
    session = caller.browser_session.session
    with services.act_as(session.identity.to_actor(), None) as acting:
        return JSONResponse(dict(acting.factor_service.ask_new_passkey(session, site_of(request))))


def add_passkey(request: Request, services: Served, caller: Called, body: PasskeyBody) -> JSONResponse:
    """Add a new passkey."""
    session = caller.browser_session.session
    with services.act_as(session.identity.to_actor(), None) as acting:
        acting.factor_service.add_passkey(session, body.passkey, body.name, site_of(request))
    return _renew(request, caller)


def remove_factor(services: Served, caller: Called, factor_id: Name) -> Response:
    """Remove a second factor of the caller; not the last factor if the role needs a factor."""
    session = caller.browser_session.session
    with services.act_as(session.identity.to_actor(), None) as acting:
        acting.factor_service.remove(session.identity, factor_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _renew(request: Request, caller: ApiCaller) -> JSONResponse:
    """Setting up a factor counts as giving it."""
    proving: FactorVerifier = request.app.state.factor_proving
    return answer_session(request, proving.renew(caller.browser_session))


def list_sessions(services: Served, caller: Called) -> dict[str, Any]:
    """List sign-ins of browsers: the caller's own, or all for an administrator of identities."""
    identity = caller.identity
    mine = None if identity.may(Permission.IDENTITIES_MANAGE) else identity.identity_id
    own_id = None if caller.session is None else caller.session.session_id
    found = services.sessions.list_sessions(mine)
    records = [fill_record(SignIn, session, is_current=session.session_id == own_id) for session in found]
    return show_page("sessions", records, None)


def end_session(services: Served, identity: Identified, session_id: Name) -> Response:
    """End a sign-in: the caller's own, or any for an administrator of identities."""
    with services.act_as(identity.to_actor(), None) as acting:
        if identity.may(Permission.IDENTITIES_MANAGE):
            acting.session_ender.end_any(session_id)
        else:
            acting.session_ender.end_own(session_id, identity)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def sign_out_user(services: Served, identity: Identified, name: Name) -> dict[str, Any]:
    """End all sign-ins of a user, those of the command line too."""
    with services.act_as(identity.to_actor(), None) as acting:
        return show_one({"name": name, "ended": acting.session_ender.sign_out(name)})


def reset_factors(services: Served, identity: Identified, name: Name) -> dict[str, Any]:
    """Remove all second factors of a user who has lost them, and end the user's sign-ins."""
    identity.require_grantable(services.identities.get(name).permissions)
    with services.act_as(identity.to_actor(), None) as acting:
        return show_one({"name": name, "removed": acting.factor_service.reset(name)})


_MINE = AccessRequirement.SIGNING_IN

_MANAGE = Permission.IDENTITIES_MANAGE

ROWS = (
    read("/me/factors", _MINE, list_factors, FactorPage),
    change("/me/factors/totp", _MINE, begin_totp, TotpSecretAnswer, needs_fresh_factor=True),
    change("/me/factors/totp/confirm", _MINE, confirm_totp, BrowserSessionAnswer, needs_fresh_factor=True),
    change("/me/factors/passkeys/options", _MINE, ask_new_passkey, PasskeyOptions, needs_fresh_factor=True),
    change("/me/factors/passkeys", _MINE, add_passkey, BrowserSessionAnswer, needs_fresh_factor=True),
    remove("/me/factors/{factor_id}", _MINE, remove_factor, None, HTTPStatus.NO_CONTENT, needs_fresh_factor=True),
    read("/sessions", AccessRequirement.SIGNED_IN, list_sessions, SignInPage),
    remove("/sessions/{session_id}", AccessRequirement.SIGNED_IN, end_session, None, HTTPStatus.NO_CONTENT),
    change("/identities/{name}/sign-out", _MANAGE, sign_out_user, SignedOutAnswer, needs_fresh_factor=True),
    change("/identities/{name}/reset-factors", _MANAGE, reset_factors, FactorsResetAnswer, needs_fresh_factor=True),
)
