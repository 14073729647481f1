"""Serves the console's files, and renders QR codes for it.

Addresses of the console's pages are answered with its index, which decides what to show.
"""

from __future__ import annotations

from pathlib import Path

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rootkeeper.server.request_path import CONSOLE_ROUTE, set_route_name
from rootkeeper.server.served_files import ServedFile, ServedFiles, render_file, render_page

CONSOLE_FOLDER = Path(__file__).parents[1] / "console"
"""The folder of the built console; it is missing if the console wasn't built."""

INDEX = "/index.html"

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

_HASHED_FOLDER = "/assets/"
_NOT_OURS = ("/api", "/healthz", "/readyz", "/metrics")


class ConsoleFiles:
    """Answers requests for the console, and passes on all others."""

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        """:param folder: that of the built console."""
        self._app = app
        self._files = ServedFiles(folder, _HASHED_FOLDER)

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
        return render_file(file, scope) if file is not None else render_page(MISSING_PAGE, scope)

    async def _find(self, path: str) -> ServedFile | None:
        # Any address can be that of a page, except in the folder of files, and a file's name has a dot.
        is_page = "." not in path.rpartition("/")[2] and not path.startswith(_HASHED_FOLDER)
        return await self._files.find(path if path in self._files or not is_page else INDEX)


_PIXELS_PER_DOT = 4


def render_qr_svg(text: str) -> str:
    """Render an SVG image without style and script, dark on white also in dark mode, so that a phone can read it."""
    import segno  # here, because few requests need it

    code: str = segno.make(text, micro=False).svg_inline(scale=_PIXELS_PER_DOT, dark="#000", light="#fff")
    return code.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
