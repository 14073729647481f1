"""The cookies of browsers: a sign-in's secret, and the proof that a user has signed in from a device before.

Scripts can't read them, and with TLS only this server can set them.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from rootkeeper.access.devices import DEVICE_LASTS, KnownDevices, name_cookie

COOKIE_NAME = "rootkeeper"
_LONGEST_SECRET = 512


def find_cookie(request: Request) -> str | None:
    """Return the cookie's secret; only the cookie name of this kind of connection counts."""
    secret = request.cookies.get(get_cookie_name(request, COOKIE_NAME))
    return secret if secret and len(secret) <= _LONGEST_SECRET else None


def set_cookie(request: Request, response: Response, secret: str) -> None:
    response.set_cookie(
        get_cookie_name(request, COOKIE_NAME),
        secret,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )


def forget_cookie(request: Request, response: Response) -> None:
    response.delete_cookie(
        get_cookie_name(request, COOKIE_NAME), path="/", secure=is_secure(request), httponly=True, samesite="strict"
    )


def is_secure(request: Request) -> bool:
    """Whether the browser uses TLS, according to the connection or a trusted proxy."""
    return request.url.scheme == "https"


def get_cookie_name(request: Request, name: str) -> str:
    return f"__Host-{name}" if is_secure(request) else name


def find_device(request: Request, name: str) -> str | None:
    """Return the id of the device, if the user has signed in from it before."""
    devices: KnownDevices = request.app.state.services.known_devices
    return devices.recognize(name, request.cookies.get(get_cookie_name(request, name_cookie(name))))


def set_device_cookie(request: Request, response: Response, name: str) -> None:
    """Make the device known for this user, or known for longer."""
    devices: KnownDevices = request.app.state.services.known_devices
    response.set_cookie(
        get_cookie_name(request, name_cookie(name)),
        devices.make_cookie(name, find_device(request, name)),
        max_age=int(DEVICE_LASTS.total_seconds()),
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )
