"""The route of the organizations of a server, each with its numbers."""

from __future__ import annotations

from fastapi.encoders import jsonable_encoder
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rootkeeper.access.rules import Identity
from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.organizations.rules import KnownOrganization, KnownOrganizationRecord, OrganizationsDocument
from rootkeeper.organizations.service import count_numbers
from rootkeeper.server.documents import read
from rootkeeper.server.guards import AccessRequirement, Called
from rootkeeper.server.parameters import show_one
from rootkeeper.server.turns import RouteLoad, RouteTurns
from rootkeeper.shapes import fill_record


async def list_organizations(request: Request, caller: Called) -> Response:
    """List the organizations of the server in which you have a role, each with its numbers."""
    front = request.app.state.front
    if front is not None:
        return _answer(await front.list_known(caller))
    turns: RouteTurns = request.app.state.turns
    return await turns.run(
        RouteLoad.HEAVY,
        caller.identity.identity_id,
        lambda: _answer([_describe(request.app.state.services, caller.identity)]),
        is_known=True,
        connection=getattr(request.state, "connection", None),
    )


def _answer(known: list[KnownOrganization]) -> Response:
    page = show_one({"organizations": [fill_record(KnownOrganizationRecord, one) for one in known]})
    return JSONResponse(jsonable_encoder(page))


def _describe(services: ServerRuntime, identity: Identity) -> KnownOrganization:
    organization = services.settings.organization
    with services.act_as(identity.to_actor(), None) as acting:
        numbers = count_numbers(acting)
    is_audited = numbers.last_complete_audit_at is not None or numbers.accounts > 0
    return KnownOrganization(
        name=services.organization_id if organization is None else organization.name,
        organization_id=services.organization_id,
        profile=None,
        database="",
        numbers=numbers,
        problem=None if is_audited else "It was never audited.",
        hint=None if is_audited else "Start an audit.",
    )


ROWS = (read("/overview/organizations", AccessRequirement.SIGNED_IN, list_organizations, OrganizationsDocument),)
