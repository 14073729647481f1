"""The cookie that carries a browser's sign-in.

Scripts can't read it, other sites can't have it sent along, and behind TLS no server but this one can set it. It has no
end of its own: the server knows it, and a browser that is closed forgets it.
Source of the prefix: RFC 6265bis, section 4.1.3.2.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

COOKIE_NAME = "rootkeeper"
_LONGEST_SECRET = 512


def find_cookie(request: Request) -> str | None:
    """The secret that came along; of the other name than this connection's none is taken."""
    secret = request.cookies.get(get_cookie_name(request, COOKIE_NAME))
    return secret if secret and len(secret) <= _LONGEST_SECRET else None


def set_cookie(request: Request, response: Response, secret: str) -> None:
    """Let the browser send the secret along from now on."""
    response.set_cookie(
        get_cookie_name(request, COOKIE_NAME),
        secret,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )


def forget_cookie(request: Request, response: Response) -> None:
    """Let the browser forget it."""
    response.delete_cookie(
        get_cookie_name(request, COOKIE_NAME), path="/", secure=is_secure(request), httponly=True, samesite="strict"
    )


def is_secure(request: Request) -> bool:
    """Whether the browser speaks TLS, as far as the connection or a trusted proxy tells."""
    return request.url.scheme == "https"


def get_cookie_name(request: Request, name: str) -> str:
    """What a cookie is called by this connection."""
    return f"__Host-{name}" if is_secure(request) else name
