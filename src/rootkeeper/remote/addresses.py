"""The address of a Rootkeeper server, as a person gives it, made plain."""

from __future__ import annotations

from urllib.parse import urlsplit

from rootkeeper.domain.loopback import is_loopback
from rootkeeper.errors import InputError

DEFAULT_PORT = 8700
_SCHEMES = ("http", "https")
_HINT = f"Write it as https://HOST[:PORT]; on this machine as http://127.0.0.1:{DEFAULT_PORT}."


def parse_server_url(text: str) -> str:
    """The address in one spelling: scheme, host and port in lower case, no slash at its end.

    Without TLS only a server on this machine is spoken to, since whoever reads the token on its way may do what its
    owner may.

    :raises InputError: if it is no address of a server, or holds a password.
    """
    parts = urlsplit(text.strip())
    try:
        port = parts.port
    except ValueError as error:
        raise InputError(f"The server's address {_shown(text)} has no such port.", hint=_HINT) from error
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.query or parts.fragment:
        raise InputError(f"{_shown(text)} is not the address of a server.", hint=_HINT)
    if parts.username is not None or parts.password is not None:
        raise InputError(
            "The server's address holds a name or a password.", hint="Leave it out, and use rootkeeper login."
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise InputError(
            f"Without TLS {parts.hostname} is not spoken to: the token could be read on its way.",
            hint="Use https://, or a tunnel to the server's machine: ssh -L 8700:127.0.0.1:8700 HOST",
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{f':{port}' if port is not None else ''}{parts.path.rstrip('/')}"


def _shown(text: str) -> str:
    """Without what may be a password."""
    return repr(text if "@" not in text else f"…@{text.rpartition('@')[2]}")
