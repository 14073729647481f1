"""How a browser's sign-in is told to it: what its page needs in the answer, its secret in the cookie."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse
from starlette.requests import Request

from rootkeeper.api.cookies import set_cookie
from rootkeeper.api.parameters import show_one
from rootkeeper.domain.json_times import json_time
from rootkeeper.domain.sessions import Session, needs_factor
from rootkeeper.workflows.sessions import AuthenticatedSession, ClientOrigin


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
