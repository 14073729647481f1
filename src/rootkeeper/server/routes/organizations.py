"""Routes of organizations: the numbers of the organization of a server, and of all organizations of a front."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from rootkeeper.access.rules import Permission
from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.organizations.rules import KnownOrganization, OrganizationRecord, OrganizationsDocument
from rootkeeper.organizations.service import count_numbers
from rootkeeper.server.documents import read
from rootkeeper.server.guards import AccessRequirement, Called, Served
from rootkeeper.server.parameters import show_one
from rootkeeper.server.turns import RouteLoad
from rootkeeper.shapes import JsonAnswer, fill_record


class OrganizationAnswer(OrganizationRecord, JsonAnswer):
    """An organization, with its numbers."""


def show_organization(services: Served) -> dict[str, Any]:
    """Show the server's organization, with its numbers as the database has them."""
    return show_one(fill_record(OrganizationRecord, _describe(services)))


async def list_organizations(request: Request, caller: Called) -> dict[str, Any]:
    """List the organizations of the server in which you have a role, each with its numbers."""
    front = request.app.state.front
    services: ServerRuntime = request.app.state.services
    known = [await run_in_threadpool(_describe, services)] if front is None else await front.list_known(caller)
    return show_one({"organizations": [fill_record(OrganizationRecord, one) for one in known]})


def _describe(services: ServerRuntime) -> KnownOrganization:
    organization, settings = services.settings.organization, services.settings
    with services.act_as_server(None) as acting:
        numbers = count_numbers(acting)
    is_audited = numbers.last_complete_audit_at is not None or numbers.accounts > 0
    return KnownOrganization(
        name=services.organization_id if organization is None else organization.name,
        organization_id=services.organization_id,
        profile=settings.aws.profile or None,
        database="",
        numbers=numbers,
        problem=None if is_audited else "It was never audited.",
        hint=None if is_audited else "Start an audit.",
    )


_LIST = read("/organizations", AccessRequirement.SIGNED_IN, list_organizations, OrganizationsDocument)

FRONT_ROWS = (_LIST,)
ROWS = (
    _LIST,
    read("/organization", Permission.ACCOUNTS_READ, show_organization, OrganizationAnswer, load=RouteLoad.HEAVY),
)
