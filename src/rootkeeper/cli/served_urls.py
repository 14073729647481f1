"""Where a server on this machine is reached."""

from __future__ import annotations

import errno
import socket


def render_url(host: str, port: int, *, is_tls: bool = False) -> str:
    """On this machine by its name, since browsers make no passkeys for a bare address.

    With TLS the address stays: for which names the certificate is good isn't known here.
    """
    if host == "127.0.0.1" and not is_tls and not _is_taken_by_ipv6(port):
        host = "localhost"
    scheme = "https" if is_tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _is_taken_by_ipv6(port: int) -> bool:
    """Whether the name ``localhost`` may lead to another program: browsers try ``::1`` too.

    Source: RFC 6761, section 6.3.
    """
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", port))
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False
