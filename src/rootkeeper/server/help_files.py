"""Serves the help: the documentation site, as it was built from ``docs/``, below ``/help``.

It is the same for every organization and contains no data of any, so it needs no sign-in, as the console's files don't.
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rootkeeper.server.request_path import HELP_ROUTE, set_route_name
from rootkeeper.server.served_files import HEADERS, ServedFiles, render_file, render_page

HELP_FOLDER = Path(__file__).parents[1] / "help"
"""The folder of the built site; it is missing if the site wasn't built."""

PLACE = "/help"
INDEX = "/index.html"

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Rootkeeper help</title></head>
<body>
{body}
</body>
</html>
"""

MISSING_SITE = _PAGE.format(
    body="""<h1>Rootkeeper runs without its help</h1>
<p>This installation doesn't contain the documentation site. In a checkout, build it with <code>make docs</code>, then
start the server again. A wheel contains it.</p>
<p>The same pages are in the folder <code>docs</code> of the sources. <a href="/">The console</a></p>"""
)

NO_SUCH_PAGE = _PAGE.format(
    body="""<h1>The help has no such page</h1>
<p>The address may be of another version of Rootkeeper. <a href="/help/">The start page of the help</a></p>"""
)


class HelpFiles:
    """Answers requests for the help, and passes on all others."""

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        """:param folder: that of the built site."""
        self._app = app
        self._files = ServedFiles(folder)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._answer(scope) if scope["type"] == "http" else None
        await (answer or self._app)(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response | None:
        path: str = scope["path"]
        is_ours = path == PLACE or path.startswith(f"{PLACE}/")
        if scope["method"] not in {"GET", "HEAD"} or not is_ours:
            return None
        set_route_name(scope, HELP_ROUTE)
        if INDEX not in self._files:
            return render_page(MISSING_SITE, scope, HTTPStatus.NOT_FOUND)
        if path == PLACE:  # its pages name each other relative to the folder
            return RedirectResponse(f"{PLACE}/", HTTPStatus.PERMANENT_REDIRECT, headers=dict(HEADERS))
        address = path.removeprefix(PLACE)
        file = await self._files.find(INDEX if address == "/" else address)
        return render_file(file, scope) if file else render_page(NO_SUCH_PAGE, scope, HTTPStatus.NOT_FOUND)
