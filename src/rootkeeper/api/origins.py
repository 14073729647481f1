"""Which page a browser's request comes from.

A browser says so truly, and no script can change it: by ``Sec-Fetch-Site``, and by ``Origin`` where something is
changed. Another port of this host is another page too, though a cookie goes there as well.
Source: Fetch standard, section 3.2; Fetch Metadata Request Headers, section 2.3.
"""

from __future__ import annotations

from starlette.requests import Request

from rootkeeper.api.hosts import parse_host_name
from rootkeeper.errors import ForgedRequestError, InputError
from rootkeeper.workflows.passkeys import RelyingParty

_OWN = frozenset({"same-origin", "none"})
"""``none``: a person has typed the address."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def require_own_page(request: Request) -> None:
    """:raises ForgedRequestError: if another page has sent it."""
    site = request.headers.get("sec-fetch-site")
    if (site is not None and site not in _OWN) or not _is_own(request, request.headers.get("origin")):
        raise ForgedRequestError(
            "The request comes from a page of another server.",
            hint="Open the console by the server's own address. A proxy before it must pass the Host header on.",
        )


def site_of(request: Request) -> RelyingParty:
    """The server as the browser sees it; to be asked after :func:`require_own_page`.

    :raises InputError: if the browser doesn't say.
    """
    origin = request.headers.get("origin")
    if origin is None:
        raise InputError("The request names no Origin, which passkeys need.", hint="Use the console in a browser.")
    return RelyingParty(parse_host_name(_place_in(origin)), origin)


def _is_own(request: Request, origin: str | None) -> bool:
    if origin is None:
        return True
    place = _place_in(origin).lower()
    is_weaker = request.url.scheme == "https" and not origin.startswith("https:")
    return bool(place) and place == request.headers.get("host", "").lower() and not is_weaker


def _place_in(origin: str) -> str:
    """Host and port; nothing of what is no web page, such as a file or an extension. Source: RFC 6454, section 6.2."""
    scheme, _, place = origin.partition("://")
    return place if scheme in {"http", "https"} else ""
