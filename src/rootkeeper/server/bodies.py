"""Limits of requests' bodies: their size by route, their time, and how much JSON they contain.

Anyone can send a body to a route without sign-in, and reading JSON takes memory and time for each key. So bodies are
counted while they arrive, and a body that exceeds a limit is refused before it is complete. An unread body isn't
awaited.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from types import MappingProxyType

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SIGN_IN_BYTES = 16 * 1024
"""Of sign-ins, second factors and passkeys."""

USUAL_BYTES = 64 * 1024

SELECTION_BYTES = 512 * 1024
"""With room for the ids of 10,000 accounts."""

PLAN_BYTES = 2 * 1024 * 1024
"""With room for a deletion plan of as many accounts."""

BODY_SECONDS = 30.0
DEEPEST_JSON = 32
MOST_JSON_ITEMS = 40_000
"""Commas and colons outside of texts: a list of 10,000 accounts has as many commas."""


class BodyLimit:
    """Limits the size, the time and the JSON of a body while it is read."""

    def __init__(
        self, app: ASGIApp, largest_bytes: Mapping[str, int] = MappingProxyType({}), seconds: float = BODY_SECONDS
    ) -> None:
        """:param largest_bytes: by path; other paths have the usual limit."""
        self._app = app
        self._largest_bytes = largest_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, self._limit(scope, receive) if scope["type"] == "http" else receive, send)

    def _limit(self, scope: Scope, receive: Receive) -> Receive:
        announced = Headers(scope=scope).get("content-length", "")
        largest_bytes = self._largest_bytes.get(scope["path"], USUAL_BYTES)
        too_large = HTTPException(413, f"The request's body is larger than {largest_bytes} bytes.")
        received_bytes, ends_at, is_whole, count = 0, 0.0, False, JsonCount()

        async def receive_next() -> Message:
            """Return the next piece; after the last, wait without a limit for the client to leave, as a stream does."""
            nonlocal received_bytes, ends_at, is_whole
            if is_whole:
                return await receive()
            if announced.isdecimal() and int(announced) > largest_bytes:
                raise too_large
            ends_at = ends_at or asyncio.get_running_loop().time() + self._seconds
            try:
                async with asyncio.timeout_at(ends_at):
                    message = await receive()
            except TimeoutError as error:
                raise HTTPException(408, "The request's body took too long.") from error
            if message["type"] == "http.request":
                piece = message.get("body", b"")
                received_bytes += len(piece)
                is_whole = not message.get("more_body", False)
                if received_bytes > largest_bytes:
                    raise too_large
                count.add(piece)
            return message

        return receive_next


_SIGN = re.compile(rb"[\[\]{}\",:]")
_TEXT = re.compile(rb"(?:[^\"\\]++|\\.)*+", re.DOTALL)
"""The rest of a text: to its quote, or to a backslash whose second character is in the next piece."""


class JsonCount:
    """Counts the items and the depth of JSON that arrives in pieces. It doesn't check that the JSON is valid."""

    def __init__(self) -> None:
        self._items = 0
        self._depth = 0
        self._is_in_text = False
        self._is_escaped = False

    def add(self, piece: bytes) -> None:
        """:raises HTTPException: if there are too many items, or if it is too deep."""
        place = 0
        while place < len(piece):
            if self._is_escaped:
                self._is_escaped, place = False, place + 1
            elif self._is_in_text:
                match = _TEXT.match(piece, place)
                place = match.end() if match else place
                if place < len(piece):
                    self._is_in_text, self._is_escaped = piece[place] == _BACKSLASH, piece[place] == _BACKSLASH
                    place += 1
            else:
                found = _SIGN.search(piece, place)
                if found is None:
                    return
                self._take(found[0])
                place = found.end()

    def _take(self, sign: bytes) -> None:
        if sign == b'"':
            self._is_in_text = True
        elif sign in b",:":
            self._items += 1
            if self._items > MOST_JSON_ITEMS:
                raise HTTPException(413, f"The request's body has more than {MOST_JSON_ITEMS} keys and items.")
        elif sign in b"[{":
            self._depth += 1
            if self._depth > DEEPEST_JSON:
                raise HTTPException(413, f"The request's body has more than {DEEPEST_JSON} levels of JSON.")
        else:
            self._depth -= 1


_BACKSLASH = ord("\\")
