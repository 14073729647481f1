"""moto's IAM on the sandbox's server: uvicorn, uvloop and httptools, and one call after the other.

moto's own server is a threaded development server; here only what moto does itself is measured. It verifies no
signature and judges no policy, which it doesn't by default.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import uvicorn
from moto.core.request import Request
from moto.iam.responses import IamResponse

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


async def answer(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """An ASGI application."""
    body = (await receive())["body"]
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    request = Request.from_primitives(scope["method"], f"https://iam.amazonaws.com{scope['path']}", headers, body)
    status, answered, text = IamResponse.dispatch(request)
    content = text.encode() if isinstance(text, str) else text
    sent = [(name.lower().encode(), str(value).encode()) for name, value in answered.items()]
    sent.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": content})


class _Server(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        sys.stdout.write(f"READY http://127.0.0.1:{port}\n")
        sys.stdout.flush()


def main() -> None:
    config = uvicorn.Config(
        answer, port=0, loop="uvloop", http="httptools", lifespan="off", log_level="critical", access_log=False
    )
    asyncio.set_event_loop(None)
    _Server(config).run()


if __name__ == "__main__":
    main()
