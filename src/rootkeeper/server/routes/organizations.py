"""Routes of the organizations of a server: each with its numbers, and adding and removing them.

A server of several organizations adds and removes them for its own administrators. Whose organization the credentials
of an AWS profile are of, AWS says; no credentials pass the API.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi.encoders import jsonable_encoder
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rootkeeper.access.rules import Identity, Permission
from rootkeeper.aws.clients import list_profiles
from rootkeeper.composition.serving import ActorUseCases, ServerRuntime
from rootkeeper.errors import NotFoundError
from rootkeeper.ledger.store import LedgerFilter
from rootkeeper.organizations.front import FrontRuntime
from rootkeeper.organizations.rules import (
    KnownOrganization,
    KnownOrganizationRecord,
    OrganizationNumbers,
    OrganizationsDocument,
)
from rootkeeper.organizations.service import OrganizationCandidate, count_numbers
from rootkeeper.server.accounts import LONGEST_SECONDS
from rootkeeper.server.documents import change, read, remove
from rootkeeper.server.guards import AccessRequirement, Called, Identified, Served
from rootkeeper.server.parameters import Body, Name, show_example, show_one
from rootkeeper.server.turns import RouteLoad, RouteTurns
from rootkeeper.setup.service import CallerRole, MissingPart
from rootkeeper.shapes import (
    AccountNumber,
    Answer,
    JsonAnswer,
    JsonRecord,
    OrganizationId,
    ShortText,
    fill_record,
    filled_from,
    record,
    record_of,
)


@dataclass(frozen=True, slots=True)
class _CountedNumbers:
    """The last numbers, what they were counted from, and when."""

    numbers: OrganizationNumbers
    counted_from: Hashable
    counted_at: float


class NumbersCache:
    """Keeps the numbers while neither accounts, windows, audits nor the ledger change, for a minute at most: counting
    them judges controls over a month. Thread-safe.
    """

    def __init__(self) -> None:
        self._last: _CountedNumbers | None = None
        self._guard = threading.Lock()

    def take(self, services: ServerRuntime, acting: ActorUseCases) -> OrganizationNumbers:
        """:raises DatabaseError: if the database can't be read."""
        with self._guard:
            now, last = services.clock.monotonic(), self._last
            counted_from = (
                acting.inventory_store.find_revisions(),
                acting.history.list_audits(limit=1),
                tuple(entry.entry_hash for entry in services.ledger_reader.list_latest(LedgerFilter(), limit=1)),
            )
            if last is None or last.counted_from != counted_from or now - last.counted_at > LONGEST_SECONDS:
                self._last = last = _CountedNumbers(count_numbers(acting), counted_from, now)
            return last.numbers


async def list_organizations(request: Request, caller: Called) -> Response:
    """List the organizations of the server in which you have a role, each with its numbers."""
    front = request.app.state.front
    if front is not None:
        return _answer(await front.list_known(caller))
    turns: RouteTurns = request.app.state.turns
    return await turns.run(
        RouteLoad.HEAVY,
        caller.identity.identity_id,
        lambda: _answer([_describe(request.app.state.services, request.app.state.numbers, caller.identity)]),
        is_known=True,
        connection=getattr(request.state, "connection", None),
    )


def _answer(known: list[KnownOrganization]) -> Response:
    page = show_one({"organizations": [fill_record(KnownOrganizationRecord, one) for one in known]})
    return JSONResponse(jsonable_encoder(page))


def _describe(services: ServerRuntime, cache: NumbersCache, identity: Identity) -> KnownOrganization:
    organization = services.settings.organization
    with services.act_as(identity.to_actor(), None) as acting:
        numbers = cache.take(services, acting)
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


@record
class ProfilesAnswer(Answer):
    """The AWS profiles on the server's machine."""

    profiles: list[str]


@record_of(MissingPart)
class MissingSetupPart(JsonRecord):
    """A missing part of the set-up, and how to add it."""

    fix: str


@filled_from(
    organization_id="setup.organization.organization_id",
    management_account_id="setup.organization.management_account_id",
    partition="setup.organization.partition",
    caller_arn="setup.caller.arn",
    caller_role="setup.caller_role",
    missing="setup.missing",
    unknown="setup.setup.unknown",
)
@record
class CandidateAnswer(JsonAnswer):
    """The organization of an AWS profile's credentials, as AWS describes it."""

    name: str
    organization_id: OrganizationId
    management_account_id: AccountNumber
    partition: str
    caller_arn: str
    """The AWS principal of the credentials."""
    caller_role: CallerRole
    missing: list[MissingSetupPart]
    """The missing parts of the set-up. They can be added later, when the server serves the organization."""
    unknown: list[str]
    """A sentence for each part of the set-up that couldn't be read."""


@record
class RemovedOrganizationAnswer(JsonAnswer):
    """An organization that the server doesn't serve any more."""

    name: str
    organization_id: OrganizationId
    database: str
    """Where its data stays, without a password."""


class OrganizationBody(Body):
    """An organization, by the AWS profile whose credentials are of it."""

    model_config = show_example({"name": "shop", "profile": "shop-management", "region": "us-east-1"})

    name: Annotated[ShortText, Field(description="Lower-case letters, digits and hyphens, such as ``shop``.")]
    profile: Annotated[
        ShortText | None, Field(description="On the server's machine; ``null``: what the AWS CLI there would use.")
    ] = None
    region: Annotated[ShortText | None, Field(description="``null``: the Region of the profile.")] = None
    api_share: Annotated[
        int | None,
        Field(
            ge=1, le=100, description="The percentage of AWS's request rates; ``null``: that of the server's settings."
        ),
    ] = None


def list_profile_names(services: Served) -> dict[str, Any]:
    """List the AWS profiles on the server's machine, without their credentials."""
    _require_front(services)
    return show_one({"profiles": list_profiles()})


def check_candidate(services: Served, body: OrganizationBody) -> dict[str, Any]:
    """Check whose organization the credentials of a profile are of, and how it is set up. Changes nothing."""
    return show_one(fill_record(CandidateAnswer, _prepare(_require_front(services), body)))


def add_organization(services: Served, identity: Identified, body: OrganizationBody) -> dict[str, Any]:
    """Check an organization, add it to the settings of the server, and serve it.

    Each of your server's administrators becomes administrator of an organization that has none yet.
    """
    front = _require_front(services)
    candidate = _prepare(front, body)
    with front.act_as(identity.to_actor(), None) as acting:
        front.administer(acting).add(candidate)
    return show_one(fill_record(CandidateAnswer, candidate))


def remove_organization(services: Served, identity: Identified, name: Name) -> dict[str, Any]:
    """Serve an organization no more. Its database, ledger and evidence stay on the server's machine.

    It is refused while a recovery window of the organization must still be closed.
    """
    front = _require_front(services)
    with front.act_as(identity.to_actor(), None) as acting:
        removed = front.administer(acting).remove(name)
    return show_one(fill_record(RemovedOrganizationAnswer, removed))


def _prepare(front: FrontRuntime, body: OrganizationBody) -> OrganizationCandidate:
    return front.organizations.prepare(body.name, body.profile, body.region, body.api_share)


def _require_front(services: ServerRuntime) -> FrontRuntime:
    """:raises NotFoundError: on a server of one organization."""
    if not isinstance(services, FrontRuntime):
        raise NotFoundError(
            "This server serves one organization.",
            hint="On the server's machine, add a second organization to the settings file, and restart the server.",
        )
    return services


_MANAGE = Permission.SETTINGS_CHANGE

ROWS = (
    read("/overview/organizations", AccessRequirement.SIGNED_IN, list_organizations, OrganizationsDocument),
    read("/organizations/profiles", _MANAGE, list_profile_names, ProfilesAnswer),
    change("/organizations/check", _MANAGE, check_candidate, CandidateAnswer, load=RouteLoad.AWS),
    change(
        "/organizations",
        _MANAGE,
        add_organization,
        CandidateAnswer,
        HTTPStatus.CREATED,
        needs_fresh_factor=True,
        load=RouteLoad.AWS,
    ),
    remove(
        "/organizations/{name}",
        _MANAGE,
        remove_organization,
        RemovedOrganizationAnswer,
        needs_fresh_factor=True,
        load=RouteLoad.AWS,
    ),
)
