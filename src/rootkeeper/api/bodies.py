"""How large a request's body may be, and how long it may take to come."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rootkeeper.api.route_tables import PREFIX

LARGEST_BODY_BYTES = 2 * 1024 * 1024
BODY_SECONDS = 30.0
LARGEST_PLAN_BYTES = 64 * 1024 * 1024
"""An account takes 1.6 kB of a plan, or 0.3 kB where nothing is to be deleted: so much for 50,000 accounts."""
PLAN_SECONDS = 120.0
PLAN_PATHS = frozenset({f"{PREFIX}/deletions"})
"""Where a plan is sent to. Who sends it is known, and may delete, before any of it is read."""


class BodyLimit:
    """Counts a body while it is read; what nobody reads is never waited for."""

    def __init__(self, app: ASGIApp, largest_bytes: int = LARGEST_BODY_BYTES, seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._usual = (largest_bytes, seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            limits = (LARGEST_PLAN_BYTES, PLAN_SECONDS) if scope["path"] in PLAN_PATHS else self._usual
            receive = _Body(scope, receive, *limits).receive
        await self._app(scope, receive, send)


class _Body:
    """One request's body, as far as it was read."""

    def __init__(self, scope: Scope, receive: Receive, largest_bytes: int, seconds: float) -> None:
        self._receive = receive
        self._largest_bytes = largest_bytes
        self._seconds = seconds
        self._announced = Headers(scope=scope).get("content-length", "")
        self._bytes = 0
        self._ends_at: float | None = None
        self._is_whole = False

    async def receive(self) -> Message:
        """The next piece; after the last one the client's leaving, for which a stream waits as long as it likes."""
        if self._is_whole:
            return await self._receive()
        if self._announced.isdecimal() and int(self._announced) > self._largest_bytes:
            raise self._too_large()
        if self._ends_at is None:
            self._ends_at = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._ends_at):
                message = await self._receive()
        except TimeoutError as error:
            raise HTTPException(408, "The request's body took too long.") from error
        self._count(message)
        return message

    def _count(self, message: Message) -> None:
        if message["type"] != "http.request":
            return
        self._bytes += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._bytes > self._largest_bytes:
            raise self._too_large()

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"The request's body is larger than {self._largest_bytes} bytes.")
