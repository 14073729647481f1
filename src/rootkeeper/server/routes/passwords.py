"""Routes with which a person sets the own password: by a single-use link, or with the old password.

No route takes a password for another person. A link's secret stays behind the # of its address, so that no server or
proxy logs it.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi.responses import JSONResponse
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from rootkeeper.access.links import find_link_name
from rootkeeper.access.rules import SessionKind
from rootkeeper.access.service import AuthenticatedSession, SignInService, make_session
from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.errors import NotSignedInError
from rootkeeper.server.bodies import SIGN_IN_BYTES
from rootkeeper.server.documents import change
from rootkeeper.server.guards import (
    AccessRequirement,
    ApiCaller,
    Called,
    Served,
    answer_session,
    get_client_origin,
    require_own_page,
)
from rootkeeper.server.parameters import Body
from rootkeeper.server.routes.sign_in import BrowserSessionAnswer
from rootkeeper.server.sign_ins import SignInThreads, find_cookie, find_device


class PasswordLinkBody(Body):
    """A link, and the password that its owner chooses."""

    link_token: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    password: Annotated[str, StringConstraints(max_length=1_024)]


class OwnPasswordBody(Body):
    """The caller's old and new password."""

    password: Annotated[str, StringConstraints(min_length=1, max_length=1_024)]
    new_password: Annotated[str, StringConstraints(max_length=1_024)]


async def use_link(request: Request, services: Served, body: PasswordLinkBody) -> JSONResponse:
    """Set a password with the single-use link of an invitation or a reset, and sign in. The second factor follows."""
    require_own_page(request)
    device_id = find_device(request, find_link_name(body.link_token))
    threads: SignInThreads = request.app.state.sign_in_threads
    work = partial(_use_link, request, services, body, device_id)
    return await threads.run(work, is_known=device_id is not None)


def _use_link(request: Request, services: ServerRuntime, body: PasswordLinkBody, device_id: str | None) -> JSONResponse:
    """Always make a new secret, and end the sign-in of the browser's old secret."""
    signing_in: SignInService = request.app.state.signing_in
    client_origin = get_client_origin(request)
    owner = signing_in.find_link_owner(body.link_token, client_origin, device_id)
    with services.act_as(owner.to_actor(), None) as acting:
        acting.identity_service.use_link(owner, body.link_token, body.password)
    before = find_cookie(request)
    if before is not None:
        services.sessions.end(before)
    new = make_session(SessionKind.BROWSER, client_origin, services.clock)
    session = services.sessions.begin(owner.identity_id, new)
    if session is None:
        raise NotSignedInError("The user was just disabled.", hint="Ask an administrator.")
    return answer_session(request, AuthenticatedSession(session, new.secret))


async def change_own_password(request: Request, services: Served, caller: Called, body: OwnPasswordBody) -> Response:
    """Change the caller's own password; the old password is asked, and the caller's other sign-ins end."""
    device_id = find_device(request, caller.browser_session.session.identity.name)
    threads: SignInThreads = request.app.state.sign_in_threads
    work = partial(_change_own_password, request, services, caller, body, device_id)
    return await threads.run(work, is_known=device_id is not None)


def _change_own_password(
    request: Request, services: ServerRuntime, caller: ApiCaller, body: OwnPasswordBody, device_id: str | None
) -> Response:
    session = caller.browser_session.session
    signing_in: SignInService = request.app.state.signing_in
    with services.act_as(session.identity.to_actor(), None) as acting:
        signing_in.change_password(
            acting.identity_service,
            session,
            body.password,
            body.new_password,
            get_client_origin(request),
            device_id,
        )
    return Response(status_code=HTTPStatus.NO_CONTENT)


ROWS = (
    change(
        "/auth/password-link",
        AccessRequirement.ANYONE,
        use_link,
        BrowserSessionAnswer,
        largest_bytes=SIGN_IN_BYTES,
    ),
    change(
        "/me/password",
        AccessRequirement.SIGNED_IN,
        change_own_password,
        None,
        HTTPStatus.NO_CONTENT,
        needs_fresh_factor=True,
        largest_bytes=SIGN_IN_BYTES,
    ),
)
