"""Serves the console's files, and renders QR codes for it.

Only files that are listed at the start are read, by their listed addresses: no path of a request becomes a path of this
machine. Addresses of the console's pages are answered with its index, which decides what to show. Scripts and styles
come only from this server, and no other page can embed the console.

Source: Content Security Policy Level 3; RFC 9110, sections 8.8 and 13.1.2; RFC 8246.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rootkeeper.server.request_path import CONSOLE_ROUTE, is_known, set_route_name, takes_gzip

CONSOLE_FOLDER = Path(__file__).parents[1] / "console"
"""The folder of the built console; it is missing if the console wasn't built."""

INDEX = "/index.html"

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": (
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=(), "
        "publickey-credentials-create=(self), publickey-credentials-get=(self)"
    ),
    "Referrer-Policy": "same-origin",
}
"""Of every file of the console; ``data:`` images are the QR codes of second factors."""

MISSING_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Rootkeeper</title></head>
<body>
<h1>Rootkeeper runs without its console</h1>
<p>This installation doesn't contain the console's files. In a checkout, build them with <code>make console</code>, then
start the server again. A wheel contains them.</p>
<p>You can use the API (<a href="/api/openapi.json">its description</a>) and the command line.</p>
</body>
</html>
"""

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".md": "text/plain; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
"""A file of any other kind isn't served."""

_COMPRESSED_ALREADY = {".png", ".woff2"}
_LEAST_COMPRESSED_BYTES = 1024

_HASHED_FOLDER = "/assets/"
"""Names of files there contain a hash of the content."""

_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_EACH_TIME = "no-cache"
_NOT_OURS = ("/api", "/healthz", "/readyz", "/metrics")


@dataclass(frozen=True, slots=True)
class ConsoleFile:
    """One file, ready to send."""

    content: bytes
    compressed: bytes | None
    """With gzip; ``None`` if that saves nothing."""
    media_type: str
    digest: str
    caching: str


def list_files(folder: Path) -> dict[str, Path]:
    """List the files below ``folder`` by address; none if the console wasn't built."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix in _MEDIA_TYPES)
    return {f"/{path.relative_to(folder).as_posix()}": path for path in found}


def read_file(address: str, path: Path) -> ConsoleFile:
    """:raises OSError: if the file doesn't exist any more."""
    content = path.read_bytes()
    is_worth_it = len(content) >= _LEAST_COMPRESSED_BYTES and path.suffix not in _COMPRESSED_ALREADY
    return ConsoleFile(
        content,
        gzip.compress(content, mtime=0) if is_worth_it else None,
        _MEDIA_TYPES[path.suffix],
        hashlib.sha256(content).hexdigest()[:32],
        _FOR_EVER if address.startswith(_HASHED_FOLDER) else _ASK_EACH_TIME,
    )


def render_answer(file: ConsoleFile, request: Request) -> Response:
    """Return the file, compressed if the client accepts it, or 304 if the client has it already."""
    compressed = file.compressed if takes_gzip(request.headers.get("accept-encoding", "")) else None
    tag = f'"{file.digest}{"-gzip" if compressed else ""}"'
    headers = {**HEADERS, "Cache-Control": file.caching, "ETag": tag, "Vary": "Accept-Encoding"}
    if is_known(request.headers.get("if-none-match"), tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if compressed:
        headers["Content-Encoding"] = "gzip"
    content = compressed or file.content
    headers["Content-Length"] = str(len(content))
    return Response(b"" if request.method == "HEAD" else content, headers=headers, media_type=file.media_type)


class ConsoleFiles:
    """Answers requests for the console, and passes on all others."""

    def __init__(self, app: ASGIApp, files: Mapping[str, Path]) -> None:
        """:param files: by address."""
        self._app = app
        self._paths = files
        self._read: dict[str, ConsoleFile] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._answer(scope) if scope["type"] == "http" else None
        await (answer or self._app)(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response | None:
        path: str = scope["path"]
        is_of_others = any(path == one or path.startswith(f"{one}/") for one in _NOT_OURS)
        if scope["method"] not in {"GET", "HEAD"} or is_of_others:
            return None
        file = await self._find(path)
        if file is None and path != "/":
            return None
        set_route_name(scope, CONSOLE_ROUTE)
        if file is not None:
            return render_answer(file, Request(scope))
        headers = {**HEADERS, "Cache-Control": "no-store", "Content-Length": str(len(MISSING_PAGE.encode()))}
        content = "" if scope["method"] == "HEAD" else MISSING_PAGE
        return Response(content, headers=headers, media_type="text/html; charset=utf-8")

    async def _find(self, path: str) -> ConsoleFile | None:
        # Any address can be that of a page, except in the folder of files, and a file's name has a dot.
        is_page = "." not in path.rpartition("/")[2] and not path.startswith(_HASHED_FOLDER)
        address = path if path in self._paths else INDEX if is_page else None
        if address is None or address not in self._paths:
            return None
        if address not in self._read:
            try:
                self._read[address] = await run_in_threadpool(read_file, address, self._paths[address])
            except OSError:
                return None
        return self._read[address]


_PIXELS_PER_DOT = 4


def render_qr_svg(text: str) -> str:
    """Render an SVG image without style and script, dark on white also in dark mode, so that a phone can read it."""
    import segno  # here, because few requests need it

    code: str = segno.make(text, micro=False).svg_inline(scale=_PIXELS_PER_DOT, dark="#000", light="#fff")
    return code.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
