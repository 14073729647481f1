"""The server's part in sign-ins: the cookies of browsers, and threads for checking passwords.

A cookie has a sign-in's secret, or proves that a user has signed in from a device before. Scripts can't read them, and
with TLS only this server can set them.

A check of a password takes a core and 64 MB of memory for a moment, on purpose, and anyone can ask for a check. So only
a few run at a time, a few more wait for their turn without using a thread, and all others are refused at once. Known
devices have a turn of their own, so that a flood from elsewhere doesn't keep them out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeAlias, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response

from rootkeeper.access.factor_store import DEVICE_LASTS, KnownDevices, name_cookie
from rootkeeper.errors import TooManyAttemptsError

COOKIE_NAME = "rootkeeper"
_LONGEST_SECRET = 512

SameSite: TypeAlias = Literal["strict", "lax"]
"""``lax``: also sent when a page of another server leads here, as an identity provider's does."""


def find_cookie(request: Request) -> str | None:
    """Return the secret of a sign-in."""
    secret = read_cookie(request, COOKIE_NAME)
    return secret if secret and len(secret) <= _LONGEST_SECRET else None


def set_cookie(request: Request, response: Response, secret: str) -> None:
    send_cookie(request, response, COOKIE_NAME, secret)


def find_device(request: Request, name: str) -> str | None:
    """Return the id of the device, if the user has signed in from it before."""
    devices: KnownDevices = request.app.state.services.known_devices
    return devices.recognize(name, read_cookie(request, name_cookie(name)))


def set_device_cookie(request: Request, response: Response, name: str) -> None:
    """Make the device known for this user, or known for longer."""
    devices: KnownDevices = request.app.state.services.known_devices
    value = devices.make_cookie(name, find_device(request, name))
    send_cookie(request, response, name_cookie(name), value, lasts=DEVICE_LASTS)


def read_cookie(request: Request, name: str) -> str | None:
    """Return the value of a cookie. With TLS only the name counts that no other server and no plain HTTP can set."""
    return request.cookies.get(_make_cookie_name(request, name))


def send_cookie(
    request: Request,
    response: Response,
    name: str,
    value: str,
    *,
    lasts: timedelta | None = None,
    samesite: SameSite = "strict",
) -> None:
    """Set a cookie; without ``lasts`` it ends with the browser."""
    response.set_cookie(
        _make_cookie_name(request, name),
        value,
        max_age=None if lasts is None else int(lasts.total_seconds()),
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite=samesite,
    )


def forget_cookie(request: Request, response: Response, name: str = COOKIE_NAME, samesite: SameSite = "strict") -> None:
    response.delete_cookie(
        _make_cookie_name(request, name), path="/", secure=_is_secure(request), httponly=True, samesite=samesite
    )


def _is_secure(request: Request) -> bool:
    """Whether the browser uses TLS, according to the connection or a trusted proxy."""
    return request.url.scheme == "https"


def _make_cookie_name(request: Request, name: str) -> str:
    return f"__Host-{name}" if _is_secure(request) else name


MOST_WAITING = 16
"""For each of the two turns."""

WAIT_SECONDS = 5
"""The wait asked of refused clients; by then the queue is empty."""

_Result = TypeVar("_Result")


class SignInThreads:
    """A thread for known devices, and a thread for all others."""

    def __init__(self) -> None:
        self._known = _Turns()
        self._strangers = _Turns()

    async def run(self, check: Callable[[], _Result], *, is_known: bool) -> _Result:
        """Run ``check`` in its turn.

        :raises TooManyAttemptsError: if too many wait already.
        """
        turns = self._known if is_known else self._strangers
        if turns.taken > MOST_WAITING:
            raise TooManyAttemptsError(
                "Too many people sign in at once.",
                hint=f"Wait {WAIT_SECONDS} seconds, then try again.",
                wait_seconds=WAIT_SECONDS,
            )
        turns.taken += 1
        try:
            return await run_sync(check, limiter=turns.limiter)
        finally:
            turns.taken -= 1


@dataclass(slots=True)
class _Turns:
    """Used by the event loop's thread alone."""

    limiter: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(1))
    taken: int = 0
    """How many run or wait."""
