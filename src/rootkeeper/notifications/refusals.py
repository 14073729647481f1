"""Why a target didn't take something, without anything of its URL."""

from __future__ import annotations


class DeliveryFailedError(Exception):
    """Half a sentence that goes on from the target's name; never holds a URL, a host or a token."""

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
