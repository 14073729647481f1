"""How long a body may take to come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from rootkeeper.server.request_path import BodyLimit

SCOPE = {"type": "http", "path": "/api/v1/windows", "headers": []}


async def read_all(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that reads a body, and then waits for the client to leave."""
    while (await receive()).get("more_body", False):
        pass
    await receive()


def pieces_of(*pieces: Message, pause: float) -> Receive:
    """The first one is there at once, the others after a pause each."""
    waiting: Iterator[tuple[int, Message]] = iter(enumerate(pieces))

    async def receive() -> Message:
        number, message = next(waiting)
        await asyncio.sleep(pause if number else 0)
        return message

    return receive


async def send_nothing(message: Message) -> None:
    raise NotImplementedError


def piece(more_body: bool = True) -> Message:
    return {"type": "http.request", "body": b"x", "more_body": more_body}


def test_a_body_that_comes_drop_by_drop_isnt_waited_for() -> None:
    receive = pieces_of(*[piece()] * 100, pause=0.02)
    with pytest.raises(HTTPException) as caught:
        asyncio.run(BodyLimit(read_all, seconds=0.1)(dict(SCOPE), receive, send_nothing))
    assert caught.value.status_code == 408


def test_after_the_body_a_client_may_stay_as_long_as_it_likes() -> None:
    receive = pieces_of(piece(more_body=False), {"type": "http.disconnect"}, pause=1.5)
    asyncio.run(BodyLimit(read_all, seconds=1)(dict(SCOPE), receive, send_nothing))


def test_what_is_announced_as_too_large_isnt_read_at_all() -> None:
    scope = {**SCOPE, "headers": [(b"content-length", b"11")]}
    with pytest.raises(HTTPException) as caught:
        asyncio.run(BodyLimit(read_all, largest_bytes=10)(scope, pieces_of(pause=0), send_nothing))
    assert caught.value.status_code == 413
