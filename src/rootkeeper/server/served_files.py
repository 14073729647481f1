"""Serves the built pages of the console and, below ``/help``, the pages of the help.

Only files that are listed at the start are read, by their listed addresses: no path of a request becomes a path of this
machine. Scripts and styles come only from this server, and no other page can embed these pages.

The help is the documentation site, as it was built from ``docs/``. Like the console's files it is the same for every
organization and contains no data of any, so it needs no sign-in.

Source: Content Security Policy Level 3; RFC 9110, sections 8.8 and 13.1.2; RFC 8246.
"""

from __future__ import annotations

import gzip
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import ClassVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rootkeeper.server.request_path import CONSOLE_ROUTE, HELP_ROUTE, is_known, set_route_name, takes_gzip

CONSOLE_FOLDER = Path(__file__).parents[1] / "console"
HELP_FOLDER = Path(__file__).parents[1] / "help"
"""The folders of the built console and site; each is missing if it wasn't built."""

INDEX = "/index.html"
_HELP = "/help"

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
"""Of every page and file; ``data:`` images are the QR codes of second factors, and icons in the help's styles."""

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

_COMPRESSED = ".gz"
_LEAST_COMPRESSED_BYTES = 1024


@dataclass(frozen=True, slots=True)
class ServedFile:
    """A file, ready to send."""

    content: bytes
    compressed: bytes | None
    """With gzip; ``None`` if that saves nothing."""
    media_type: str
    digest: str
    caching: str


def read_file(path: Path, suffix: str, *, is_hashed: bool) -> ServedFile:
    """:param is_hashed: whether the file's name has a hash of its content.
    :raises OSError: if it was removed after the start.
    """
    kept = path.read_bytes()
    content = gzip.decompress(kept) if path.suffix == _COMPRESSED else kept
    caching = "public, max-age=31536000, immutable" if is_hashed else "no-cache"
    return make_file(content, suffix, caching)


def make_file(content: bytes, suffix: str, caching: str = "no-cache") -> ServedFile:
    """Compress content and make its tag."""
    is_worth_it = len(content) >= _LEAST_COMPRESSED_BYTES and suffix not in {".png", ".woff2"}
    return ServedFile(
        content,
        gzip.compress(content, mtime=0) if is_worth_it else None,
        _MEDIA_TYPES[suffix],
        hashlib.sha256(content).hexdigest()[:32],
        caching,
    )


def render_file(file: ServedFile, scope: Scope) -> Response:
    """Return the file, compressed if the client accepts it, or 304 if the client has it already."""
    request = Request(scope)
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


def render_page(text: str, scope: Scope, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return a page that the server itself writes."""
    headers = {**HEADERS, "Cache-Control": "no-store", "Content-Length": str(len(text.encode()))}
    content = "" if scope["method"] == "HEAD" else text
    return Response(content, status, headers=headers, media_type="text/html; charset=utf-8")


_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body>
{body}
</body>
</html>
"""

MISSING_CONSOLE = _PAGE.format(
    title="Rootkeeper",
    body="""<h1>Rootkeeper runs without its console</h1>
<p>This installation doesn't contain the console's files. In a checkout, build them with <code>make console</code>, then
start the server again. A wheel contains them.</p>
<p>You can use the API (<a href="/api/openapi.json">its description</a>) and the command line.</p>""",
)

MISSING_HELP = _PAGE.format(
    title="Rootkeeper help",
    body="""<h1>Rootkeeper runs without its help</h1>
<p>This installation doesn't contain the documentation site. In a checkout, build it with <code>make docs</code>, then
start the server again. A wheel contains it.</p>
<p>The same pages are in the folder <code>docs</code> of the sources. <a href="/">The console</a></p>""",
)

NO_SUCH_HELP = _PAGE.format(
    title="Rootkeeper help",
    body="""<h1>The help has no such page</h1>
<p>The address may be of another version of Rootkeeper. <a href="/help/">The start page of the help</a></p>""",
)


class _Pages(ABC):
    """Answers requests for the built pages of a folder, and passes on all others.

    Each file is read when it is asked for the first time. A file that was compressed when it was built, such as
    ``index.html.gz``, has the address of its content.
    """

    hashed_folder: ClassVar[str | None] = None
    """The address of a folder of files with a hash of their content in the name."""

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self._app = app
        files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        addresses = {f"/{name.removesuffix(_COMPRESSED)}": path for name, path in files.items()}
        self._paths = {
            address: path for address, path in addresses.items() if PurePosixPath(address).suffix in _MEDIA_TYPES
        }
        self._read: dict[str, ServedFile] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_read = scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}
        answer = await self._answer(scope) if is_read else None
        await (answer or self._app)(scope, receive, send)

    @abstractmethod
    async def _answer(self, scope: Scope) -> Response | None:
        """Return ``None`` for an address that isn't of these pages."""

    async def _find(self, address: str, scope: Scope) -> Response | None:
        """Return the file of an address; ``None`` if there is none, or if it was removed after the start."""
        if address not in self._paths:
            return None
        if address not in self._read:
            is_hashed = self.hashed_folder is not None and address.startswith(self.hashed_folder)
            path, suffix = self._paths[address], PurePosixPath(address).suffix
            try:
                self._read[address] = await run_in_threadpool(read_file, path, suffix, is_hashed=is_hashed)
            except OSError:
                return None
        return render_file(self._read[address], scope)


class HelpFiles(_Pages):
    """The help."""

    async def _answer(self, scope: Scope) -> Response | None:
        path: str = scope["path"]
        if path != _HELP and not path.startswith(f"{_HELP}/"):
            return None
        set_route_name(scope, HELP_ROUTE)
        if INDEX not in self._paths:
            return render_page(MISSING_HELP, scope, HTTPStatus.NOT_FOUND)
        if path == _HELP:  # its pages name each other relative to the folder
            return RedirectResponse(f"{_HELP}/", HTTPStatus.PERMANENT_REDIRECT, headers=dict(HEADERS))
        address = path.removeprefix(_HELP)
        found = await self._find(INDEX if address == "/" else address, scope)
        return found or render_page(NO_SUCH_HELP, scope, HTTPStatus.NOT_FOUND)


_NOT_OF_CONSOLE = ("/api", "/healthz", "/readyz", "/metrics")


class ConsoleFiles(_Pages):
    """The console. Addresses of its pages are answered with its index, which decides which page to show."""

    hashed_folder = "/assets/"

    async def _answer(self, scope: Scope) -> Response | None:
        path: str = scope["path"]
        if any(path == prefix or path.startswith(f"{prefix}/") for prefix in _NOT_OF_CONSOLE):
            return None
        # Any address can be a page's, except in the folder of files, and a file's name has a dot.
        is_page = "." not in path.rpartition("/")[2] and not path.startswith(self.hashed_folder)
        found = await self._find(path if path in self._paths or not is_page else INDEX, scope)
        if found is None and path != "/":
            return None
        set_route_name(scope, CONSOLE_ROUTE)
        return found or render_page(MISSING_CONSOLE, scope)
