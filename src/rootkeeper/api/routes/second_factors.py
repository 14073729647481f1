"""One's own second factors: for people in a browser. Whoever has one must give it before another one is set up."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse
from starlette.requests import Request
from starlette.responses import Response

from rootkeeper.api.answers.sign_ins import BrowserSessionAnswer, FactorPage, PasskeyOptions, TotpSecretAnswer
from rootkeeper.api.browser_sessions import answer_session
from rootkeeper.api.callers import ApiCaller
from rootkeeper.api.guarding import AccessRequirement, Called, Identified, Served
from rootkeeper.api.origins import site_of
from rootkeeper.api.parameters import Body, Name, ShortText, show_one, show_page
from rootkeeper.api.qr_codes import render_qr_svg
from rootkeeper.api.route_tables import change, read, remove
from rootkeeper.domain.factors import Factor
from rootkeeper.domain.json_times import json_time
from rootkeeper.workflows.factors import FactorVerifier


class CodeBody(Body):
    """What a new authenticator app shows."""

    code: ShortText


class PasskeyBody(Body):
    """A new passkey."""

    passkey: dict[str, Any]
    """What the device answers, as the browser's ``toJSON()`` gives it."""
    name: ShortText | None = None


def list_factors(services: Served, identity: Identified) -> dict[str, Any]:
    """List one's own second factors."""
    found = services.factors.list_factors(identity.identity_id)
    return show_page("factors", [_show(one) for one in found], None)


def begin_totp(services: Served, caller: Called) -> dict[str, Any]:
    """Set an authenticator app up. What its codes are made from is shown this once."""
    session = caller.browser_session.session
    with services.act_as(session.identity.to_actor(), None) as acting:
        enrolment = acting.factor_service.begin_totp(session.identity)
    return show_one({"secret": enrolment.seed, "uri": enrolment.uri, "qr_svg": render_qr_svg(enrolment.uri)})


def confirm_totp(request: Request, services: Served, caller: Called, body: CodeBody) -> JSONResponse:
    """Let a new authenticator app count, by its first code."""
    session = caller.browser_session.session
    with services.act_as(session.identity.to_actor(), None) as acting:
        acting.factor_service.confirm_totp(session.identity, body.code)
    return _renew(request, caller)


def ask_new_passkey(request: Request, services: Served, caller: Called) -> JSONResponse:
    """Ask a device for a new passkey: the options that a browser takes."""
    session = caller.browser_session.session
    with services.act_as(session.identity.to_actor(), None) as acting:
        return JSONResponse(dict(acting.factor_service.ask_new_passkey(session, site_of(request))))


def add_passkey(request: Request, services: Served, caller: Called, body: PasskeyBody) -> JSONResponse:
    """Keep a new passkey."""
    session = caller.browser_session.session
    with services.act_as(session.identity.to_actor(), None) as acting:
        acting.factor_service.add_passkey(session, body.passkey, body.name, site_of(request))
    return _renew(request, caller)


def remove_factor(services: Served, caller: Called, factor_id: Name) -> Response:
    """Remove one of one's own second factors; the last one stays where the role needs one."""
    session = caller.browser_session.session
    with services.act_as(session.identity.to_actor(), None) as acting:
        acting.factor_service.remove(session.identity, factor_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _renew(request: Request, caller: ApiCaller) -> JSONResponse:
    """Setting one up was giving it."""
    proving: FactorVerifier = request.app.state.factor_proving
    return answer_session(request, proving.renew(caller.browser_session))


def _show(factor: Factor) -> dict[str, Any]:
    return {
        "factor_id": factor.factor_id,
        "kind": factor.kind.value,
        "name": factor.name,
        "created_at": json_time(factor.created_at),
        "last_used_at": json_time(factor.last_used_at),
    }


_MINE = AccessRequirement.SIGNING_IN

ROWS = (
    read("/me/factors", _MINE, list_factors, FactorPage),
    change("/me/factors/totp", _MINE, begin_totp, TotpSecretAnswer, needs_fresh_factor=True),
    change("/me/factors/totp/confirm", _MINE, confirm_totp, BrowserSessionAnswer, needs_fresh_factor=True),
    change("/me/factors/passkeys/options", _MINE, ask_new_passkey, PasskeyOptions, needs_fresh_factor=True),
    change("/me/factors/passkeys", _MINE, add_passkey, BrowserSessionAnswer, needs_fresh_factor=True),
    remove("/me/factors/{factor_id}", _MINE, remove_factor, None, HTTPStatus.NO_CONTENT, needs_fresh_factor=True),
)
