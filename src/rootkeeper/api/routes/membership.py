"""Who somebody is here: signing in and out, and what a role permits."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from rootkeeper import __version__
from rootkeeper.api.guarding import Access, Identified, Served, find_token
from rootkeeper.api.parameters import Body, ShortText, show_one
from rootkeeper.api.route_tables import change, read
from rootkeeper.domain.access import PERMISSIONS
from rootkeeper.domain.identity_records import identity_to_record
from rootkeeper.domain.plan_files import render_instant
from rootkeeper.workflows.access import SigningIn


class SignInBody(Body):
    """A user's name and password."""

    name: ShortText
    password: Annotated[str, StringConstraints(min_length=1, max_length=1_024)]


def sign_in(request: Request, services: Served, body: SignInBody) -> dict[str, Any]:
    """Sign in as a user: a bearer token for 12 hours."""
    signing_in: SigningIn = request.app.state.signing_in
    address = request.client.host if request.client else "unknown"
    found = signing_in.sign_in(body.name, body.password, address)
    return show_one(
        {
            "token": found.token,
            "expires_at": render_instant(found.expires_at),
            "identity": identity_to_record(found.identity, services.clock.now()),
        }
    )


def sign_out(request: Request) -> Response:
    """End the sign-in whose token comes along; again without harm. An API token stays as it is."""
    signing_in: SigningIn = request.app.state.signing_in
    token = find_token(request)
    if token is not None:
        signing_in.sign_out(token)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def show_me(services: Served, identity: Identified) -> dict[str, Any]:
    """Say who is asking, what that permits, and of what organization the server is."""
    return show_one(
        {
            **identity_to_record(identity, services.clock.now()),
            "permissions": sorted(permission.value for permission in PERMISSIONS[identity.role]),
            "organization_id": services.organization_id,
            "endpoint": services.endpoint.label,
            "version": __version__,
        }
    )


ROWS = (
    change("/auth/sign-in", Access.ANYBODY, sign_in),
    change("/auth/sign-out", Access.ANYBODY, sign_out, HTTPStatus.NO_CONTENT),
    read("/me", Access.SIGNED_IN, show_me),
)
