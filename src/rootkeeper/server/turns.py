"""Turns of requests: no person, and no AWS that is slow to answer, takes the threads and the processor from others.

Each route has a load. A load has a pool of threads of its own, and a person has a share of each pool. A request that
asks AWS may wait for long, so beyond the share it is refused at once, and the client is asked to come again. All other
requests end soon, so they wait for their turn without a thread; a person with very many waiting requests is refused,
too. Requests without sign-in have pools of their own, and shares by address.

Also each request begins in a turn, by the address that it comes from, whatever it asks for: a file, an unknown address,
or a route with a token that isn't valid. Until it is known who sends it, and which route it is for, it takes the event
loop's thread, of which there is one. A request that waits for its turn takes nothing, and its connection can make room.

Python runs one thread at a time. So requests that compute for long run one at a time for each person.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi.encoders import jsonable_encoder
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rootkeeper.errors import ServerBusyError
from rootkeeper.server.connections import Connection
from rootkeeper.server.request_path import answer_error


class RouteLoad(StrEnum):
    """What a route takes most of."""

    AWS = "aws"
    """Waits for AWS or another server, and changes nothing in AWS."""
    AWS_CHANGE = "aws_change"
    """Changes something in AWS. Those who only read can't take its threads."""
    HEAVY = "heavy"
    """Can compute for more than 100 ms, at the limits of its parameters."""
    LIGHT = "light"
    """Everything else."""


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """How many requests of a load run at a time, and how many of a person may wait for their turn."""

    most: int
    most_of_person: int
    most_waiting: int


LIMITS: dict[RouteLoad, LoadLimits] = {
    RouteLoad.AWS: LoadLimits(24, 6, 0),
    RouteLoad.AWS_CHANGE: LoadLimits(24, 6, 0),
    RouteLoad.HEAVY: LoadLimits(3, 1, 100),
    RouteLoad.LIGHT: LoadLimits(24, 6, 200),
}

BEGINNING = LoadLimits(32, 8, 200)
"""Of the beginnings of requests, by address."""

IDENTIFICATION = LoadLimits(32, 16, 200)
"""Of readings of a token or sign-in, by address."""

BUSY_SECONDS = 5
"""The wait asked of refused clients."""

_REFUSAL_SECONDS = 1.0
"""How long the refusal of a beginning takes: clients that ask again at once would take the processor by refusals."""


Result = TypeVar("Result")


@dataclass(slots=True)
class _Share:
    """A person's share of a pool; used by the event loop's thread alone."""

    running: CapacityLimiter
    taken: int = 0
    """How many run or wait."""


@dataclass(slots=True)
class _Pool:
    """The threads of a load."""

    limits: LoadLimits
    running: CapacityLimiter
    threads: CapacityLimiter
    """Never waits: no more requests run at a time than it has threads."""
    shares: dict[str, _Share] = field(default_factory=dict)
    taken: int = 0
    """How many run or wait."""

    @classmethod
    def make(cls, limits: LoadLimits) -> _Pool:
        return cls(limits, CapacityLimiter(limits.most), CapacityLimiter(limits.most))

    async def run(self, person: str, work: Callable[[], Result], connection: Connection | None) -> Result:
        """Run ``work`` in its turn.

        :raises ServerBusyError: if there are too many requests.
        """
        with await self.enter(person, connection):
            return await run_sync(work, limiter=self.threads)

    async def enter(self, person: str, connection: Connection | None) -> ExitStack:
        """Wait for the turn, which ends when the returned stack is closed, by any task.

        :param connection: can make room while its request waits.
        :raises ServerBusyError: if there are too many requests.
        """
        limits = self.limits
        share = self.shares.setdefault(person, _Share(CapacityLimiter(limits.most_of_person)))
        is_full = limits.most_waiting == 0 and self.taken >= limits.most
        if is_full or share.taken >= limits.most_of_person + limits.most_waiting:
            self._forget(person)
            raise ServerBusyError(
                "The server answers as many requests of this kind as it can at a time.",
                hint=f"Wait {BUSY_SECONDS} seconds, then try again.",
                wait_seconds=BUSY_SECONDS,
            )
        share.taken += 1
        self.taken += 1
        with ExitStack() as turn, waiting_for_turn(connection):
            turn.callback(self._give_back, person)
            for limiter in (share.running, self.running):
                await limiter.acquire_on_behalf_of(turn)
                turn.callback(limiter.release_on_behalf_of, turn)
            return turn.pop_all()

    def _give_back(self, person: str) -> None:
        self.shares[person].taken -= 1
        self.taken -= 1
        self._forget(person)

    def _forget(self, person: str) -> None:
        if self.shares[person].taken == 0:
            del self.shares[person]


@contextmanager
def waiting_for_turn(connection: Connection | None) -> Iterator[None]:
    """Note that the request of a connection waits for its turn."""
    if connection is None:
        yield
        return
    connection.turn_since = asyncio.get_running_loop().time()
    try:
        yield
    finally:
        connection.turn_since = None


class RouteTurns:
    """The pools of a server: one of each load for people with sign-in, one for requests without, and one for the
    beginnings of requests.
    """

    def __init__(self) -> None:
        self._pools: dict[tuple[RouteLoad, bool], _Pool] = {}
        self._beginnings: _Pool | None = None
        self._identifications: _Pool | None = None

    async def run(
        self,
        load: RouteLoad,
        person: str,
        work: Callable[[], Response],
        *,
        is_known: bool,
        connection: Connection | None = None,
    ) -> Response:
        """:raises ServerBusyError: if there are too many requests."""
        if (load, is_known) not in self._pools:
            self._pools[load, is_known] = _Pool.make(LIMITS[load])
        return await self._pools[load, is_known].run(person, work, connection)

    async def begin(self, address: str, connection: Connection | None = None) -> ExitStack:
        """Wait for the turn of an address; it ends when the returned stack is closed.

        :raises ServerBusyError: if there are too many requests.
        """
        self._beginnings = self._beginnings or _Pool.make(BEGINNING)
        return await self._beginnings.enter(address, connection)

    async def identify(self, request: Request, find_caller: Callable[[Request], Result]) -> Result:
        """Find the caller of a request, in a turn of its address.

        :raises ServerBusyError: if there are too many requests.
        """
        self._identifications = self._identifications or _Pool.make(IDENTIFICATION)
        _end_beginning(request)
        connection: Connection | None = getattr(request.state, "connection", None)
        return await self._identifications.run(_address_of(request), partial(find_caller, request), connection)


class BeginningTurns:
    """Begins the requests of each address in turns.

    The turn ends when the request's body is waited for, when the request waits for another turn, or when its answer
    begins. So it never waits for a database or for a client, and the health of a server can always be asked.
    """

    def __init__(self, app: ASGIApp, turns: RouteTurns) -> None:
        self._app = app
        self._turns = turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        connection: Connection | None = state.get("connection")
        try:
            turn = await self._turns.begin(_address_of(Request(scope)), connection)
        except ServerBusyError as error:
            with waiting_for_turn(connection):
                await asyncio.sleep(_REFUSAL_SECONDS)
            problem = await answer_error(Request(scope), error)
            await problem(scope, receive, send)
            return

        async def receive_next() -> Message:
            turn.close()
            return await receive()

        async def send_next(message: Message) -> None:
            turn.close()
            await send(message)

        state["beginning"] = turn
        with turn:
            await self._app(scope, receive_next, send_next)


def take_turns(endpoint: Callable[..., Any], load: RouteLoad, status: HTTPStatus) -> Callable[..., Any]:
    """Make the function of a route run in its turn; its answer is also encoded there.

    :param endpoint: a function that isn't a coroutine; others take no thread.
    """
    if inspect.iscoroutinefunction(endpoint):
        return endpoint

    # FastAPI reads the parameters of a route from its function, and fills in a single request.
    signature = inspect.signature(endpoint, eval_str=True)
    parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in signature.parameters.values()]
    takes_request = any(one.annotation is Request for one in parameters)
    name = next((one.name for one in parameters if one.annotation is Request), "request")
    if not takes_request:
        parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=Request))

    async def run(**values: Any) -> Response:
        request: Request = values[name] if takes_request else values.pop(name)
        identity = getattr(request.state, "identity", None)
        turns: RouteTurns = request.app.state.turns
        _end_beginning(request)
        return await turns.run(
            load,
            _address_of(request) if identity is None else identity.identity_id,
            partial(_answer, endpoint, values, status),
            is_known=identity is not None,
            connection=getattr(request.state, "connection", None),
        )

    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # inspect reads it
    run.__name__, run.__doc__, run.__module__ = endpoint.__name__, endpoint.__doc__, endpoint.__module__
    return run


def _end_beginning(request: Request) -> None:
    beginning: ExitStack = request.state.beginning
    beginning.close()


def _address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def _answer(endpoint: Callable[..., Any], values: dict[str, Any], status: HTTPStatus) -> Response:
    answer = endpoint(**values)
    return answer if isinstance(answer, Response) else JSONResponse(jsonable_encoder(answer), int(status))
