"""The event loop of the gateway: uvloop where it exists, which is everywhere but on Windows."""

from __future__ import annotations

import asyncio
import sys


def create_event_loop() -> asyncio.AbstractEventLoop:
    """A new loop that nobody runs yet."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # a tenth of a second of import, for audits alone

    return uvloop.new_event_loop()
