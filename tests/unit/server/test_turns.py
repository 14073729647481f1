"""Turns of requests: each person has a share, and requests that would wait for AWS are refused at once."""

from __future__ import annotations

import ast
import inspect
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from rootkeeper.errors import ServerBusyError
from rootkeeper.server.application import ROWS
from rootkeeper.server.connections import Connection
from rootkeeper.server.turns import (
    BEGINNING,
    BUSY_SECONDS,
    IDENTIFICATION,
    LIMITS,
    BeginningTurns,
    RouteLoad,
    RouteTurns,
)

SECONDS = 30.0
REFUSED_SECONDS = 5.0
FLOODER = "203.0.113.1"


class Crowd:
    """People whose requests run until they may end."""

    def __init__(self) -> None:
        self.turns = RouteTurns()
        self.may_end = threading.Event()
        self.running = 0
        self.most_running = 0
        self.refused: list[int | None] = []
        self._guard = threading.Lock()

    def work(self) -> Response:
        with self._guard:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        assert self.may_end.wait(SECONDS)
        with self._guard:
            self.running -= 1
        return Response()

    async def send(self, load: RouteLoad, person: str, is_known: bool = True) -> None:
        try:
            await self.turns.run(load, person, self.work, is_known=is_known)
        except ServerBusyError as error:
            self.refused.append(error.wait_seconds)

    async def wait(self, holds: Callable[[], bool]) -> None:
        with anyio.fail_after(SECONDS):
            while not holds():  # noqa: ASYNC110 - a thread's work is awaited
                await anyio.sleep(0.01)

    async def answer(self, load: RouteLoad, person: str, is_known: bool = True) -> None:
        """A request that needs a thread for a moment gets one, whatever the others wait for."""
        with anyio.fail_after(SECONDS):
            await self.turns.run(load, person, Response, is_known=is_known)


@pytest.mark.parametrize("load", [RouteLoad.AWS, RouteLoad.AWS_CHANGE])
def test_p32_who_waits_for_aws_has_a_share_and_whatever_exceeds_it_is_refused_at_once(load: RouteLoad) -> None:
    crowd, limits = Crowd(), LIMITS[load]

    async def attack() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(41):
                group.start_soon(crowd.send, load, "vera")
            await crowd.wait(lambda: len(crowd.refused) == 41 - limits.most_of_person)
            await crowd.wait(lambda: crowd.running == limits.most_of_person)
            await crowd.answer(load, "olga")
            for number in range(limits.most):
                group.start_soon(crowd.send, load, f"person {number}")
            await crowd.wait(lambda: len(crowd.refused) == 41)
            await crowd.wait(lambda: crowd.running == limits.most)
            for other in set(RouteLoad) - {load}:
                await crowd.answer(other, "vera")
            await crowd.answer(load, "127.0.0.1", is_known=False)
            crowd.may_end.set()

    anyio.run(attack)
    assert set(crowd.refused) == {BUSY_SECONDS}
    assert crowd.most_running == limits.most


@pytest.mark.parametrize("load", [RouteLoad.HEAVY, RouteLoad.LIGHT])
def test_p32_many_requests_of_a_person_wait_for_each_other_and_delay_no_one_else(load: RouteLoad) -> None:
    crowd, limits = Crowd(), LIMITS[load]

    async def attack() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(limits.most_of_person + limits.most_waiting + 3):
                group.start_soon(crowd.send, load, "vera")
            await crowd.wait(lambda: len(crowd.refused) == 3)
            await crowd.wait(lambda: crowd.running == limits.most_of_person)
            await crowd.answer(load, "olga")
            crowd.may_end.set()

    anyio.run(attack)
    assert crowd.most_running == limits.most_of_person


def test_a_request_that_fails_or_leaves_gives_its_turn_back() -> None:
    crowd = Crowd()

    def fail() -> Response:
        raise ZeroDivisionError

    async def leave_and_fail() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(crowd.send, RouteLoad.HEAVY, "vera")
            await crowd.wait(lambda: crowd.running == 1)
            with anyio.move_on_after(0.05):
                await crowd.send(RouteLoad.HEAVY, "vera")
            crowd.may_end.set()
        for _ in range(10):
            with pytest.raises(ZeroDivisionError):
                await crowd.turns.run(RouteLoad.AWS, "vera", fail, is_known=True)
        await crowd.answer(RouteLoad.HEAVY, "vera")

    anyio.run(leave_and_fail)


def test_p32_the_requests_of_an_address_begin_in_turns_and_those_beyond_them_are_refused() -> None:
    turns = RouteTurns()
    most = BEGINNING.most_of_person + BEGINNING.most_waiting
    waiting = [Connection(FLOODER, lambda: None, None) for _ in range(most)]
    begun: list[ExitStack] = []

    async def begin(connection: Connection) -> None:
        begun.append(await turns.begin(FLOODER, connection))

    async def flood() -> None:
        async with anyio.create_task_group() as group:
            for connection in waiting:
                group.start_soon(begin, connection)
            with anyio.fail_after(SECONDS):
                while len(begun) < BEGINNING.most_of_person:
                    await checkpoint()
                with pytest.raises(ServerBusyError) as refused, anyio.fail_after(REFUSED_SECONDS):
                    await turns.begin(FLOODER)
                (await turns.begin("203.0.113.2")).close()
            assert refused.value.wait_seconds == BUSY_SECONDS
            assert sum(one.turn_since is not None for one in waiting) == BEGINNING.most_waiting
            for _ in waiting:
                while not begun:
                    await checkpoint()
                begun.pop().close()
            (await turns.begin(FLOODER)).close()

    anyio.run(flood)
    assert all(one.turn_since is None for one in waiting)


def make_request(address: str) -> Request:
    return Request({"type": "http", "client": (address, 1), "headers": [], "state": {"beginning": ExitStack()}})


def test_p32_tokens_are_read_in_turns_by_address() -> None:
    crowd, most = Crowd(), IDENTIFICATION.most_of_person

    async def attack() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(most + 5):
                group.start_soon(crowd.turns.identify, make_request(FLOODER), lambda _: crowd.work())
            await crowd.wait(lambda: crowd.running == most)
            with anyio.fail_after(SECONDS):
                await crowd.turns.identify(make_request("203.0.113.2"), lambda _: None)
            crowd.may_end.set()

    anyio.run(attack)
    assert crowd.most_running == most


@pytest.mark.parametrize("ends_by", ["receive", "send"])
def test_a_beginning_ends_before_a_body_is_awaited_and_when_the_answer_begins(ends_by: str) -> None:
    turns, states = RouteTurns(), []

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["beginning"].callback(lambda: states.append("ended"))
        states.append("begun")
        await (receive() if ends_by == "receive" else send({"type": "http.response.start"}))
        states.append("continued")

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        pass

    scope = {"type": "http", "client": (FLOODER, 1), "headers": []}
    anyio.run(BeginningTurns(answer, turns), scope, receive, send)
    assert states == ["begun", "ended", "continued"]


READS_AT_MOST_ONCE_AT_A_TIME = {"show_overview"}
"""Their cache lets one thread ask AWS, and gives the others its last reading."""


def names_in(function: Callable[..., Any], seen: set[str]) -> set[str]:
    """The names in the source of a function, and of the functions of its module that it uses."""
    seen.add(function.__name__)
    tree = ast.parse(inspect.getsource(function))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    own = vars(inspect.getmodule(function))
    for name in names - seen:
        used = own.get(name)
        if inspect.isfunction(used) and used.__module__ == function.__module__:
            names |= names_in(used, seen)
    return names


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.operation_id)
def test_p32_a_route_that_asks_aws_takes_the_threads_for_that(row: Any) -> None:
    asks_aws = "AwsWork" in names_in(row.endpoint, set())
    if asks_aws:
        assert row.load in {RouteLoad.AWS, RouteLoad.AWS_CHANGE}
    else:
        assert row.load is not RouteLoad.AWS_CHANGE


def test_the_reading_of_the_overview_is_the_only_other_one() -> None:
    takes_cache = {row.endpoint.__name__ for row in ROWS if "SetupCache" in names_in(row.endpoint, set())}
    assert takes_cache - {"change_setup"} == READS_AT_MOST_ONCE_AT_A_TIME


def test_p32_all_but_health_streams_passwords_and_the_apis_description_take_turns() -> None:
    without = {row.path for row in ROWS if inspect.iscoroutinefunction(row.endpoint)}
    passwords = {"/api/v1/auth/sign-in", "/api/v1/auth/password-link", "/api/v1/me/password"}
    # The description is bytes in memory, so it takes only the turn in which each request begins. The organizations take
    # a turn by themselves, except at the front, which asks their processes.
    organizations = "/api/v1/overview/organizations"
    assert without == {"/healthz", "/api/openapi.json", "/api/v1/jobs/{job_id}/events", organizations, *passwords}
