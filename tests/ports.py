"""Ports for processes that must know theirs before they start, or that come back to the one they had."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port of 127.0.0.1 that no process is given meanwhile that takes any free one.

    It is bound and not listened on: who tries to connect is refused, and a server that sets ``SO_REUSEADDR``, as ours
    do, can listen there.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        yield port
