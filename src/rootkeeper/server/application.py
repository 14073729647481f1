"""The API as an ASGI application.

A request passes: request id and log → turn of its address → host → the files of help and console → size and time of the
body → route → caller → permission → the route's function. An unknown address is answered before the caller is
identified.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute, Route

from rootkeeper import __version__
from rootkeeper.access.factors import FactorVerifier
from rootkeeper.access.service import SignInService
from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.organizations.front import FrontRuntime
from rootkeeper.server.accounts import AccountsCache, AuditComparisonCache, CompactListingCache, SetupCache
from rootkeeper.server.bodies import BodyLimit
from rootkeeper.server.documents import IDEMPOTENCY, DescriptionFile, Row, list_answers
from rootkeeper.server.front import ALL_METHODS, Front, OrganizationPaths, refuse_unnamed
from rootkeeper.server.guards import ACCESS_KEY, FRESH_FACTOR_KEY, AccessRequirement, GuardedRoute, IdempotencyService
from rootkeeper.server.job_streams import StreamCount
from rootkeeper.server.metrics import ServerMetrics
from rootkeeper.server.persons import FrontOnly
from rootkeeper.server.picture import PictureCache
from rootkeeper.server.report_work import ReportsInWork
from rootkeeper.server.request_path import ANSWERS, PREFIX, HostCheck, RequestMiddleware
from rootkeeper.server.routes import (
    accounts,
    audits,
    emergency_access,
    exceptions,
    factors,
    failsafe,
    identities,
    jobs,
    organizations,
    overview,
    passwords,
    reports,
    root_emails,
    service,
    setup,
    sign_in,
    windows,
)
from rootkeeper.server.served_files import CONSOLE_FOLDER, HELP_FOLDER, ConsoleFiles, HelpFiles
from rootkeeper.server.sign_ins import SignInThreads
from rootkeeper.server.turns import BeginningTurns, RouteTurns, take_turns
from rootkeeper.settings.reading import make_group_rules

ROWS: tuple[Row, ...] = (
    *service.ROWS,
    *sign_in.ROWS,
    *passwords.ROWS,
    *factors.ROWS,
    *accounts.LISTING_ROWS,
    *identities.VIEWS_ROWS,
    *overview.ROWS,
    *setup.ROWS,
    *accounts.ROWS,
    *audits.ROWS,
    *windows.ROWS,
    *jobs.ROWS,
    *exceptions.ROWS,
    *failsafe.ROWS,
    *emergency_access.ROWS,
    *root_emails.ROWS,
    *audits.LEDGER_ROWS,
    *reports.ROWS,
    *service.SETTINGS_ROWS,
    *setup.STORY_ROWS,
    *service.NOTIFICATIONS_ROWS,
    *setup.POLICIES_ROWS,
    *identities.ROWS,
    *organizations.ROWS,
)
"""All routes of the API, in the order of its description; of two that fit an address, the first answers."""

FRONT_ROWS: tuple[Row, ...] = (
    *service.ROWS,
    *sign_in.ROWS,
    *passwords.ROWS,
    *factors.ROWS,
    *identities.ROWS,
    *organizations.ROWS,
)
"""The routes of the front of several organizations; below ``/api/v1/organizations/NAME`` are those of an organization.
"""


def make_application(
    services: ServerRuntime,
    listening_host: str = "127.0.0.1",
    console_folder: Path = CONSOLE_FOLDER,
    help_folder: Path = HELP_FOLDER,
    front_secret: str | None = None,
) -> FastAPI:
    """Make the API of a server, with the console and the help.

    :param listening_host: the address on which the server listens; on a loopback address it answers only requests to
        loopback names and to its public name.
    :param console_folder: the folder of the built console.
    :param help_folder: the folder of the built documentation site.
    :param front_secret: of the front, whose requests alone an organization's process answers; ``None`` without a front.
    """
    front = Front(services) if isinstance(services, FrontRuntime) else None
    rows = ROWS if front is None else FRONT_ROWS
    application = FastAPI(
        title="Rootkeeper",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=dict(ANSWERS),
    )
    application.state.services = services
    application.state.rows = rows
    application.state.front = front
    application.state.is_behind_front = front_secret is not None
    application.state.group_rules = make_group_rules(services.settings) if front_secret is not None else None
    application.state.signing_in = SignInService(services.identities, services.clock, services.failure_counter)
    application.state.sign_in_threads = SignInThreads()
    application.state.factor_proving = FactorVerifier(
        services.factors, services.sessions, services.failure_counter, services.clock
    )
    application.state.turns = RouteTurns()
    application.state.description = DescriptionFile()
    application.state.replays = IdempotencyService(services.stored_answers)
    application.state.streams = StreamCount()
    application.state.account_pages = AccountsCache()
    application.state.metrics = ServerMetrics(services)
    application.state.compact_listings = CompactListingCache()
    application.state.reports_in_work = ReportsInWork()
    application.state.setup_readings = SetupCache()
    application.state.audit_comparisons = AuditComparisonCache()
    application.state.pictures = PictureCache()
    application.state.numbers = organizations.NumbersCache()
    application.router.routes.extend(list_routes(rows))
    if front is not None:
        application.router.routes.append(Route(f"{PREFIX}/{{rest:path}}", refuse_unnamed, methods=ALL_METHODS))
    public = services.settings.server.public_address
    application.add_middleware(BodyLimit, largest_bytes={row.path: row.largest_bytes for row in rows})
    if front is not None:
        application.add_middleware(OrganizationPaths, front=front)
    application.add_middleware(ConsoleFiles, folder=console_folder)
    application.add_middleware(HelpFiles, folder=help_folder)
    application.add_middleware(HostCheck, listening_host=listening_host, public_host=public.host if public else None)
    application.add_middleware(BeginningTurns, turns=application.state.turns)
    if front_secret is not None:
        application.add_middleware(FrontOnly, secret=front_secret)
    application.add_middleware(RequestMiddleware, count=application.state.metrics.count_request)
    return application


@cache
def list_routes(rows: tuple[Row, ...] = ROWS) -> tuple[BaseRoute, ...]:
    """The routes of the API. They hold nothing of a server, and are made once for all servers of a process."""
    router = APIRouter(redirect_slashes=False)
    for row in rows:
        needs_sign_in = row.demand is not AccessRequirement.ANYONE
        router.add_api_route(
            row.path,
            take_turns(row.endpoint, row.load, row.status),
            methods=[row.method],
            status_code=int(row.status),
            response_class=row.response_class,
            response_model=None,
            summary=(row.endpoint.__doc__ or "").partition("\n")[0],
            operation_id=row.operation_id,
            tags=[row.tag],
            responses=list_answers(row),
            openapi_extra={
                ACCESS_KEY: row.demand.value,
                FRESH_FACTOR_KEY: row.needs_fresh_factor,
                **({"parameters": [IDEMPOTENCY]} if needs_sign_in and row.method == "POST" else {}),
                "security": [{"bearer": []}, {"cookie": []}] if needs_sign_in else [],
            },
            route_class_override=GuardedRoute,
        )
    return tuple(router.routes)
