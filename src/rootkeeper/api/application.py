"""The API as one ASGI application: what a request passes on its way to its route.

request id and log → host → size and time of its body → route → who asks → whether they may → the route's own work. An
unknown address is answered before anybody is asked who they are.
"""

from __future__ import annotations

from fastapi import FastAPI

from rootkeeper import __version__
from rootkeeper.api.account_pages import AccountPages
from rootkeeper.api.bodies import BodyLimit
from rootkeeper.api.documents import OPEN_PROBLEMS, PROBLEMS
from rootkeeper.api.exchanges import Exchanges
from rootkeeper.api.guarding import ACCESS_KEY, Access, GuardedRoute
from rootkeeper.api.hosts import HostCheck
from rootkeeper.api.job_events import StreamCount
from rootkeeper.api.problems import ANSWERS
from rootkeeper.api.replays import Replays
from rootkeeper.api.route_tables import Row
from rootkeeper.api.routes import ROWS
from rootkeeper.api.services import ServerServices
from rootkeeper.workflows.access import SigningIn


def make_application(services: ServerServices, listening_host: str = "127.0.0.1") -> FastAPI:
    """The API of one server.

    :param listening_host: where it listens; on a loopback address only requests to loopback names are answered.
    """
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
    application.state.signing_in = SigningIn(services.identities, services.clock)
    application.state.replays = Replays(services.clock)
    application.state.streams = StreamCount()
    application.state.account_pages = AccountPages()
    for row in ROWS:
        _add(application, row)
    application.add_middleware(BodyLimit)
    application.add_middleware(HostCheck, listening_host=listening_host)
    application.add_middleware(Exchanges)
    return application


def _add(application: FastAPI, row: Row) -> None:
    needs_sign_in = row.demand is not Access.ANYBODY
    application.router.add_api_route(
        row.path,
        row.endpoint,
        methods=[row.method],
        status_code=int(row.status),
        response_model=None,
        summary=(row.endpoint.__doc__ or "").partition("\n")[0],
        operation_id=f"{row.method.lower()}_{row.endpoint.__name__}",
        tags=[row.tag],
        responses=PROBLEMS if needs_sign_in else OPEN_PROBLEMS,
        openapi_extra={ACCESS_KEY: row.demand.value, "security": [{"bearer": []}] if needs_sign_in else []},
        route_class_override=GuardedRoute,
    )
