"""The ASGI application: reads whole requests, hands them to the control interface or the request path, writes answers.

Nothing here knows AWS. Bodies are bounded in size and time, so that no client can hang or fill the process.
"""

from __future__ import annotations

import asyncio
import contextlib
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
from rootkeeper.sandbox.pipeline import answer
from rootkeeper.sandbox.routing import read_signing_name
from rootkeeper.sandbox.state_file import StateFileError

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

MAX_BODY_BYTES = 1 << 20
BODY_TIMEOUT_SECONDS = 30.0
LINGER_SECONDS = 2.0
ABORT_EXTENSION = "rootkeeper.abort"
"""The scope extension by which the server lets a connection be cut."""


_NO_REQUEST_ID = "00000000-0000-0000-0000-000000000000"
_logger = logging.getLogger(__name__)


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete."""


class Application:
    """The sandbox as an ASGI application."""

    def __init__(self, instance: SandboxInstance, *, body_timeout_seconds: float = BODY_TIMEOUT_SECONDS) -> None:
        self.instance = instance
        self.body_timeout_seconds = body_timeout_seconds

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = _read_head(scope)
        try:
            _check_announced_length(request.headers)
            request.body = await _read_body(receive, self.body_timeout_seconds)
        except ClientGoneError:
            return
        except RefusalError as refused:
            await self._send_and_close(send, receive, _refuse(request, refused))
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
            response, cuts_connection = _answer_bug(request), False
        if cuts_connection:
            await _cut(scope, receive)
        else:
            await self._send(send, response)

    async def _keep(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Answer what isn't an API call only once what it changed is kept; whatever isn't a GET may have."""
        try:
            waiting = self.instance.keep(is_mutating=request.method not in ("GET", "HEAD"))
            if waiting is not None:
                await waiting
        except StateFileError as error:
            return HttpResponse(500, "application/json", json.dumps({"error": str(error)}).encode("ascii"))
        return response

    async def _send_and_close(self, send: Send, receive: Receive, response: HttpResponse) -> None:
        """Answer before the request is over, and let go of what still comes of it.

        A connection that is closed with something unread is reset, and a client that sends first and reads then would
        never see the answer; so what comes within a short time is taken and dropped.
        """
        response.headers["connection"] = "close"
        await self._send_head(send, response)
        await send({"type": "http.response.body", "body": response.body, "more_body": True})
        with contextlib.suppress(TimeoutError, ClientGoneError):
            async with asyncio.timeout(LINGER_SECONDS):
                while (await _receive_part(receive)).get("more_body"):
                    pass
        await send({"type": "http.response.body", "body": b""})

    async def _send(self, send: Send, response: HttpResponse) -> None:
        await self._send_head(send, response)
        await send({"type": "http.response.body", "body": response.body})

    async def _send_head(self, send: Send, response: HttpResponse) -> None:
        now = self.instance.clock.now()
        named = {
            "date": _format_date(int(now.timestamp())),
            "content-type": response.content_type,
            "content-length": str(len(response.body)),
            **response.headers,
        }
        headers = [(name.encode("ascii"), value.encode("utf-8", "surrogateescape")) for name, value in named.items()]
        await send({"type": "http.response.start", "status": int(response.status), "headers": headers})


def _read_head(scope: Mapping[str, Any]) -> HttpRequest:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = str(raw_name, "latin-1"), str(raw_value, "utf-8", "surrogateescape")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    client = scope.get("client")
    return HttpRequest(
        method=scope["method"],
        raw_path=scope["raw_path"].decode("ascii", "replace"),
        query_string=scope["query_string"].decode("utf-8", "surrogateescape"),
        headers=headers,
        body=b"",
        source_ip=client[0] if client else "",
        server=_render_server(scope.get("server")),
    )


def _render_server(address: tuple[str, int | None] | None) -> str:
    host, port = address or ("127.0.0.1", None)
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown


def _check_announced_length(headers: Mapping[str, str]) -> None:
    """Refuse what announces to be too large before any of it is read; the server has checked that it is a number."""
    announced = headers.get("content-length", "0")
    if len(announced) > len(str(MAX_BODY_BYTES)) or int(announced) > MAX_BODY_BYTES:
        raise _too_large()


async def _read_body(receive: Receive, timeout_seconds: float) -> bytes:
    first = await _receive_part(receive)
    if not first.get("more_body"):
        body: bytes = first["body"]
        return body
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _read_further(first, receive)
    except TimeoutError:
        raise RefusalError(Refusal.REQUEST_TIMEOUT, "The request body did not arrive in time.") from None


async def _read_further(message: Mapping[str, Any], receive: Receive) -> bytes:
    """Read to the body's end, or until it is more than is allowed, which only a chunked body can come to be."""
    chunks: list[bytes] = [message["body"]]
    size = len(message["body"])
    while message.get("more_body"):
        if size > MAX_BODY_BYTES:
            raise _too_large()
        message = await _receive_part(receive)
        chunks.append(message["body"])
        size += len(message["body"])
    if size > MAX_BODY_BYTES:
        raise _too_large()
    return b"".join(chunks)


async def _receive_part(receive: Receive) -> Mapping[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    return message


def _too_large() -> RefusalError:
    return RefusalError(Refusal.TOO_LARGE, f"The request body is larger than {MAX_BODY_BYTES} bytes.")


def _refuse(request: HttpRequest, refused: RefusalError) -> HttpResponse:
    codec = UnservedCodec(read_signing_name(request) or "this service", request)
    return codec.render_error(codec.make_error(refused), _NO_REQUEST_ID)


def _answer_bug(request: HttpRequest) -> HttpResponse:
    error = ServiceError("InternalFailure", "The sandbox has a bug; its log says more.", 500)
    return UnservedCodec("this service", request).render_error(error, _NO_REQUEST_ID)


async def _cut(scope: Mapping[str, Any], receive: Receive) -> None:
    scope["extensions"][ABORT_EXTENSION]["abort"]()
    while (await receive())["type"] != "http.disconnect":
        pass


@lru_cache(maxsize=4)
def _format_date(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC), usegmt=True)
