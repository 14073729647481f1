"""How long a body may take to come, how large it may be, and how much JSON it may contain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from rootkeeper.server.bodies import DEEPEST_JSON, MOST_JSON_ITEMS, SIGN_IN_BYTES, USUAL_BYTES, BodyLimit, JsonCount

PATH = "/api/v1/windows"
SCOPE = {"type": "http", "path": PATH, "headers": []}


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
        asyncio.run(BodyLimit(read_all, {PATH: 10})(scope, pieces_of(pause=0), send_nothing))
    assert caught.value.status_code == 413


@pytest.mark.parametrize("largest", [SIGN_IN_BYTES, USUAL_BYTES])
def test_p32_each_route_has_its_own_limit(largest: int) -> None:
    limit = BodyLimit(read_all, {PATH: largest} if largest != USUAL_BYTES else {})
    for size in (largest, largest + 1):
        receive = pieces_of({"type": "http.request", "body": b" " * size}, {"type": "http.disconnect"}, pause=0)
        if size == largest:
            asyncio.run(limit(dict(SCOPE), receive, send_nothing))
        else:
            with pytest.raises(HTTPException, match=f"larger than {largest} bytes"):
                asyncio.run(limit(dict(SCOPE), receive, send_nothing))


@pytest.mark.parametrize("piece_bytes", [1, 7, 100_000_000])
@pytest.mark.parametrize(
    ("body", "is_taken"),
    [
        (b"[" * DEEPEST_JSON, True),
        (b"[" * (DEEPEST_JSON + 1), False),
        (b'{"a":' * (DEEPEST_JSON + 1), False),
        (b"[],{}," * 100, True),
        (b"[" + b"1," * MOST_JSON_ITEMS + b"1]", True),
        (b"[" + b"1," * (MOST_JSON_ITEMS + 1) + b"1]", False),
        (b'{"' + b"," * (MOST_JSON_ITEMS + 1) + b'":"\\"' + b"[" * 100 + b'"}', True),
        (b'{"a":"\\\\","b":' + b"[" * DEEPEST_JSON, False),
    ],
)
def test_p32_json_is_counted_while_it_arrives(body: bytes, is_taken: bool, piece_bytes: int) -> None:
    pieces = [body[start : start + piece_bytes] for start in range(0, len(body), piece_bytes)]
    if is_taken:
        count_json(pieces)
    else:
        with pytest.raises(HTTPException) as caught:
            count_json(pieces)
        assert caught.value.status_code == 413


def count_json(pieces: list[bytes]) -> None:
    count = JsonCount()
    for one in pieces:
        count.add(one)
