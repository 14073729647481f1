"""The route of the organizations of a server, each with its numbers."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.organizations.rules import KnownOrganization, OrganizationRecord, OrganizationsDocument
from rootkeeper.organizations.service import count_numbers
from rootkeeper.server.documents import read
from rootkeeper.server.guards import AccessRequirement, Called
from rootkeeper.server.parameters import show_one
from rootkeeper.shapes import fill_record


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


ROWS = (read("/overview/organizations", AccessRequirement.SIGNED_IN, list_organizations, OrganizationsDocument),)
