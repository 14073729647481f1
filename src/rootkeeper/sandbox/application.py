"""The ASGI application: reads whole requests, hands them to the control interface or the request path, writes answers.

Nothing here knows AWS. Bodies are bounded in size and time, so that no client can hang or fill the process.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Any

from rootkeeper.sandbox.codec.refusals import Refusal, RefusalError
from rootkeeper.sandbox.codec.unserved import UnservedCodec
from rootkeeper.sandbox.control import PREFIX, answer_control
from rootkeeper.sandbox.exchange import ServiceError
from rootkeeper.sandbox.http_messages import HttpRequest, HttpResponse
from rootkeeper.sandbox.instance import SandboxInstance
from rootkeeper.sandbox.people.routes import answer_person, is_for_people
from rootkeeper.sandbox.persistence.keeper import StateFileError
from rootkeeper.sandbox.pipeline import answer
from rootkeeper.sandbox.routing import read_signing_name

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

MAX_BODY_BYTES = 1 << 20
BODY_TIMEOUT_SECONDS = 30.0
ABORT_EXTENSION = "rootkeeper.abort"
"""The scope extension by which the server lets a connection be cut."""


_NO_REQUEST_ID = "00000000-0000-0000-0000-000000000000"
_logger = logging.getLogger(__name__)


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete."""


class Application:
    """The sandbox as an ASGI application."""

    def __init__(self, instance: SandboxInstance) -> None:
        self.instance = instance

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = _read_head(scope)
        try:
            request.body = await _read_body(receive)
        except ClientGoneError:
            return
        except RefusalError as refused:
            await self._send(send, _refuse(request, refused))
            return
        if request.raw_path.startswith(PREFIX):
            await self._send(send, await self._keep(request, answer_control(self.instance, request)))
            return
        try:
            if is_for_people(request):
                page = await answer_person(self.instance, request)
                response, cuts_connection = await self._keep(request, page), False
            else:
                response, cuts_connection = await answer(self.instance, request)
        except Exception:
            _logger.exception("a bug in the sandbox: %s %s", request.method, request.raw_path)
            response, cuts_connection = _confess(request), False
        if cuts_connection:
            await _cut(scope, receive)
        else:
            await self._send(send, response)

    async def _keep(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Answer what isn't an API call only once what it changed is kept; whatever isn't a GET may have."""
        try:
            waiting = self.instance.keeper.keep(is_mutating=request.method not in ("GET", "HEAD"))
            if waiting is not None:
                await waiting
        except StateFileError as error:
            return HttpResponse(500, "application/json", json.dumps({"error": str(error)}).encode("ascii"))
        return response

    async def _send(self, send: Send, response: HttpResponse) -> None:
        now = self.instance.clock.now()
        named = {
            "date": _format_date(int(now.timestamp())),
            "content-type": response.content_type,
            "content-length": str(len(response.body)),
            **response.headers,
        }
        headers = [(name.encode("ascii"), value.encode("utf-8", "surrogateescape")) for name, value in named.items()]
        await send({"type": "http.response.start", "status": int(response.status), "headers": headers})
        await send({"type": "http.response.body", "body": response.body})


def _read_head(scope: Mapping[str, Any]) -> HttpRequest:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("utf-8", "surrogateescape")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    client = scope.get("client")
    return HttpRequest(
        method=scope["method"],
        raw_path=scope["raw_path"].decode("ascii", "replace"),
        query_string=scope["query_string"].decode("utf-8", "surrogateescape"),
        headers=headers,
        body=b"",
        source_ip=client[0] if client else "",
        server=_spell_server(scope.get("server")),
    )


def _spell_server(address: tuple[str, int | None] | None) -> str:
    host, port = address or ("127.0.0.1", None)
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown


async def _read_body(receive: Receive) -> bytes:
    first = await receive()
    if not first.get("more_body") and first["type"] == "http.request":
        body: bytes = first["body"]
        return _bounded(body, len(body))
    try:
        async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
            return await _read_further(first, receive)
    except TimeoutError:
        raise RefusalError(Refusal.REQUEST_TIMEOUT, "The request body did not arrive in time.") from None


async def _read_further(message: Mapping[str, Any], receive: Receive) -> bytes:
    """Read to the body's end, keeping no more than is allowed, so that the refusal reaches clients that send first."""
    chunks, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunk: bytes = message["body"]
        size += len(chunk)
        if size <= MAX_BODY_BYTES:
            chunks.append(chunk)
        if not message.get("more_body"):
            return _bounded(b"".join(chunks), size)
        message = await receive()


def _bounded(body: bytes, size: int) -> bytes:
    if size > MAX_BODY_BYTES:
        raise RefusalError(Refusal.TOO_LARGE, f"The request body is larger than {MAX_BODY_BYTES} bytes.")
    return body


def _refuse(request: HttpRequest, refused: RefusalError) -> HttpResponse:
    codec = UnservedCodec(read_signing_name(request) or "this service", request)
    return codec.render_error(codec.word(refused), _NO_REQUEST_ID)


def _confess(request: HttpRequest) -> HttpResponse:
    error = ServiceError("InternalFailure", "The sandbox has a bug; its log says more.", 500)
    return UnservedCodec("this service", request).render_error(error, _NO_REQUEST_ID)


async def _cut(scope: Mapping[str, Any], receive: Receive) -> None:
    scope["extensions"][ABORT_EXTENSION]["abort"]()
    while (await receive())["type"] != "http.disconnect":
        pass


@lru_cache(maxsize=4)
def _format_date(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC), usegmt=True)
