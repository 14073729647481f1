"""Who is signed in by a browser, and the end of that: one's own sign-ins, and everybody's for administrators."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from rootkeeper.api.answers.identities import FactorsResetAnswer, SignedOutAnswer
from rootkeeper.api.answers.sign_ins import SignInPage
from rootkeeper.api.guarding import AccessRequirement, Called, Identified, Served
from rootkeeper.api.parameters import Name, show_one, show_page
from rootkeeper.api.route_tables import change, read, remove
from rootkeeper.domain.access import Permission
from rootkeeper.domain.json_times import json_time
from rootkeeper.domain.sessions import Session


def list_sessions(services: Served, caller: Called) -> dict[str, Any]:
    """List sign-ins of browsers: one's own, or everybody's for whoever may manage identities."""
    identity = caller.identity
    mine = None if identity.may(Permission.IDENTITIES_MANAGE) else identity.identity_id
    own_id = None if caller.session is None else caller.session.session_id
    found = services.sessions.list_sessions(mine)
    return show_page("sessions", [_show(one, own_id) for one in found], None)


def end_session(services: Served, identity: Identified, session_id: Name) -> Response:
    """End a sign-in: one's own, or anybody's for whoever may manage identities."""
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
    """Take all second factors of a user away, for whoever has lost them; sign-ins end."""
    identity.require_grantable(services.identities.get(name).permissions)
    with services.act_as(identity.to_actor(), None) as acting:
        return show_one({"name": name, "removed": acting.factor_service.reset(name)})


def _show(session: Session, own_id: str | None) -> dict[str, Any]:
    return {
        "session_id": session.session_id,
        "name": session.identity.name,
        "address": session.address,
        "user_agent": session.user_agent,
        "signed_in_at": json_time(session.started_at),
        "last_used_at": json_time(session.last_used_at),
        "expires_at": json_time(session.expires_at),
        "is_current": session.session_id == own_id,
    }


_MANAGE = Permission.IDENTITIES_MANAGE

ROWS = (
    read("/sessions", AccessRequirement.SIGNED_IN, list_sessions, SignInPage),
    remove("/sessions/{session_id}", AccessRequirement.SIGNED_IN, end_session, None, HTTPStatus.NO_CONTENT),
    change("/identities/{name}/sign-out", _MANAGE, sign_out_user, SignedOutAnswer, needs_fresh_factor=True),
    change("/identities/{name}/reset-factors", _MANAGE, reset_factors, FactorsResetAnswer, needs_fresh_factor=True),
)
