"""Serves the built pages of the console and, below ``/help``, the pages of the help; and renders QR codes.

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


class ServedFiles:
    """The files below a folder, each read when it is asked for the first time; none if nothing was built.

    A file that was compressed when it was built, such as ``index.html.gz``, has the address of its content.
    """

    def __init__(self, folder: Path, hashed_folder: str | None = None) -> None:
        """:param hashed_folder: the address of a folder of files with a hash of their content in the name."""
        files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        addresses = {f"/{name.removesuffix(_COMPRESSED)}": path for name, path in files.items()}
        self._paths = {
            address: path for address, path in addresses.items() if PurePosixPath(address).suffix in _MEDIA_TYPES
        }
        self._hashed_folder = hashed_folder
        self._read: dict[str, ServedFile] = {}

    def __contains__(self, address: str) -> bool:
        return address in self._paths

    async def find(self, address: str) -> ServedFile | None:
        """Return the file of an address, unless there is none, or it was removed after the start."""
        if address not in self._paths:
            return None
        if address not in self._read:
            try:
                self._read[address] = await run_in_threadpool(self._prepare, address)
            except OSError:
                return None
        return self._read[address]

    def _prepare(self, address: str) -> ServedFile:
        path, suffix = self._paths[address], PurePosixPath(address).suffix
        kept = path.read_bytes()
        content = gzip.decompress(kept) if path.suffix == _COMPRESSED else kept
        is_compressed = suffix in {".png", ".woff2"}
        is_worth_it = len(content) >= _LEAST_COMPRESSED_BYTES and not is_compressed
        is_hashed = self._hashed_folder is not None and address.startswith(self._hashed_folder)
        return ServedFile(
            content,
            gzip.compress(content, mtime=0) if is_worth_it else None,
            _MEDIA_TYPES[suffix],
            hashlib.sha256(content).hexdigest()[:32],
            "public, max-age=31536000, immutable" if is_hashed else "no-cache",
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
    """Answers requests for built pages, and passes on all others."""

    def __init__(self, app: ASGIApp, folder: Path, hashed_folder: str | None = None) -> None:
        """:param folder: the folder of the built pages."""
        self._app = app
        self._files = ServedFiles(folder, hashed_folder)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_read = scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}
        answer = await self._answer(scope) if is_read else None
        await (answer or self._app)(scope, receive, send)

    @abstractmethod
    async def _answer(self, scope: Scope) -> Response | None:
        """Return ``None`` for an address that isn't of these pages."""


class HelpFiles(_Pages):
    """The help."""

    async def _answer(self, scope: Scope) -> Response | None:
        path: str = scope["path"]
        if path != _HELP and not path.startswith(f"{_HELP}/"):
            return None
        set_route_name(scope, HELP_ROUTE)
        if INDEX not in self._files:
            return render_page(MISSING_HELP, scope, HTTPStatus.NOT_FOUND)
        if path == _HELP:  # its pages name each other relative to the folder
            return RedirectResponse(f"{_HELP}/", HTTPStatus.PERMANENT_REDIRECT, headers=dict(HEADERS))
        address = path.removeprefix(_HELP)
        file = await self._files.find(INDEX if address == "/" else address)
        return render_file(file, scope) if file else render_page(NO_SUCH_HELP, scope, HTTPStatus.NOT_FOUND)


_HASHED_FOLDER = "/assets/"
_NOT_OF_CONSOLE = ("/api", "/healthz", "/readyz", "/metrics")


class ConsoleFiles(_Pages):
    """The console. Addresses of its pages are answered with its index, which decides which page to show."""

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        super().__init__(app, folder, _HASHED_FOLDER)

    async def _answer(self, scope: Scope) -> Response | None:
        path: str = scope["path"]
        if any(path == prefix or path.startswith(f"{prefix}/") for prefix in _NOT_OF_CONSOLE):
            return None
        # Any address can be a page's, except in the folder of files, and a file's name has a dot.
        is_page = "." not in path.rpartition("/")[2] and not path.startswith(_HASHED_FOLDER)
        file = await self._files.find(path if path in self._files or not is_page else INDEX)
        if file is None and path != "/":
            return None
        set_route_name(scope, CONSOLE_ROUTE)
        return render_file(file, scope) if file is not None else render_page(MISSING_CONSOLE, scope)


def render_qr_svg(text: str) -> str:
    """Render an SVG image without style and script, dark on white also in dark mode, so that a phone can read it."""
    import segno  # here, because few requests need it

    code: str = segno.make(text, micro=False).svg_inline(scale=4, dark="#000", light="#fff")
    return code.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
