"""Files of built pages as a browser gets them: their media types, headers, tags and compression.

The console's pages and the help's are served in the same way. Only files that are listed at the start are read, by
their listed addresses: no path of a request becomes a path of this machine. Scripts and styles come only from this
server, and no other page can embed these pages.

Source: Content Security Policy Level 3; RFC 9110, sections 8.8 and 13.1.2; RFC 8246.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from rootkeeper.server.request_path import is_known, takes_gzip

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
_COMPRESSED_ALREADY = {".png", ".woff2"}
_LEAST_COMPRESSED_BYTES = 1024

_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_EACH_TIME = "no-cache"


@dataclass(frozen=True, slots=True)
class ServedFile:
    """One file, ready to send."""

    content: bytes
    compressed: bytes | None
    """With gzip; ``None`` if that saves nothing."""
    media_type: str
    digest: str
    caching: str


class ServedFiles:
    """The files below one folder, each read when it is asked for the first time; none if nothing was built.

    A file that was compressed when it was built, such as ``index.html.gz``, has the address of what is in it.
    """

    def __init__(self, folder: Path, hashed_folder: str | None = None) -> None:
        """:param hashed_folder: the address of a folder whose files have a hash of their content in the name."""
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
        is_worth_it = len(content) >= _LEAST_COMPRESSED_BYTES and suffix not in _COMPRESSED_ALREADY
        is_hashed = self._hashed_folder is not None and address.startswith(self._hashed_folder)
        return ServedFile(
            content,
            gzip.compress(content, mtime=0) if is_worth_it else None,
            _MEDIA_TYPES[suffix],
            hashlib.sha256(content).hexdigest()[:32],
            _FOR_EVER if is_hashed else _ASK_EACH_TIME,
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
