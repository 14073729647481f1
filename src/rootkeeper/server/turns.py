"""Turns of requests: no person, and no AWS that is slow to answer, takes the threads and the processor from others.

Each route has a load. A load has a pool of threads of its own, and a person has a share of each pool. A request that
asks AWS may wait for long, so beyond the share it is refused at once, and the client is asked to come again. All other
requests end soon, so they wait for their turn without a thread; a person with very many waiting requests is refused,
too. Requests without sign-in have pools of their own, and shares by address.

Python runs one thread at a time. So requests that compute for long run one at a time for each person.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import Any

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi.encoders import jsonable_encoder
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rootkeeper.errors import ServerBusyError


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

BUSY_SECONDS = 5
"""The wait asked of refused clients."""


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
    threads: CapacityLimiter
    shares: dict[str, _Share] = field(default_factory=dict)
    taken: int = 0
    """How many run or wait."""

    async def run(self, person: str, work: Callable[[], Response]) -> Response:
        """Run ``work`` in its turn.

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
        try:
            async with share.running:
                return await run_sync(work, limiter=self.threads)
        finally:
            share.taken -= 1
            self.taken -= 1
            self._forget(person)

    def _forget(self, person: str) -> None:
        if self.shares[person].taken == 0:
            del self.shares[person]


class RouteTurns:
    """The pools of a server: one of each load for people with sign-in, and one for requests without."""

    def __init__(self) -> None:
        self._pools: dict[tuple[RouteLoad, bool], _Pool] = {}

    async def run(self, load: RouteLoad, person: str, work: Callable[[], Response], *, is_known: bool) -> Response:
        """:raises ServerBusyError: if there are too many requests."""
        if (load, is_known) not in self._pools:
            limits = LIMITS[load]
            self._pools[load, is_known] = _Pool(limits, CapacityLimiter(limits.most))
        return await self._pools[load, is_known].run(person, work)


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
        address = request.client.host if request.client else ""
        turns: RouteTurns = request.app.state.turns
        return await turns.run(
            load,
            address if identity is None else identity.identity_id,
            partial(_answer, endpoint, values, status),
            is_known=identity is not None,
        )

    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # inspect reads it
    run.__name__, run.__doc__, run.__module__ = endpoint.__name__, endpoint.__doc__, endpoint.__module__
    return run


def _answer(endpoint: Callable[..., Any], values: dict[str, Any], status: HTTPStatus) -> Response:
    answer = endpoint(**values)
    return answer if isinstance(answer, Response) else JSONResponse(jsonable_encoder(answer), int(status))
