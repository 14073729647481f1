"""Asks the server of this machine whether it runs: the health check of a container, which needs no other program.

It is a program of its own, ``python -m rootkeeper.server.health [URL]``, and not a command, because a container asks
every few seconds: it imports nothing else of Rootkeeper. It ends with 0 if the server answers, and with 1 otherwise.
"""

from __future__ import annotations

import http.client
import ssl
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

_URL = "http://127.0.0.1:8700/healthz"
_SECONDS = 4.0


def check_health(url: str) -> str | None:
    """Return the fault; ``None`` if the server answers with status 200.

    A certificate isn't checked, because it has the server's public name and not this machine's address.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = (
        http.client.HTTPSConnection(host, parts.port, timeout=_SECONDS, context=context)
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=_SECONDS)
    )
    try:
        connection.request("GET", parts.path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{url} doesn't answer: {error}."
    finally:
        connection.close()
    return None if status == http.HTTPStatus.OK else f"{url} answers with status {status}."


def main(arguments: Sequence[str]) -> int:
    """Check, and print the fault."""
    trouble = check_health(arguments[0] if arguments else _URL)
    if trouble is not None:
        sys.stderr.write(f"{trouble}\n")
    return 0 if trouble is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
