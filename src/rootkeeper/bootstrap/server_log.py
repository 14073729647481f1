"""What a server tells whoever runs it: through the standard logging, each line with an event and the ids it is about.

How a line looks is the command's business. No secret is handed in here: messages of our errors hold none, and of an
error that nobody foresaw only the type is told beside its blanked traceback.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from rootkeeper.errors import RootkeeperError

LOGGER_NAME = "rootkeeper.server"


@dataclass(frozen=True, slots=True)
class ServerLog:
    """Writes lines; safe in many threads."""

    def info(self, event: str, text: str, **ids: str | None) -> None:
        """Something that should be as it is."""
        _write(logging.INFO, event, text, ids)

    def warning(self, event: str, text: str, **ids: str | None) -> None:
        """Something that somebody should look at."""
        _write(logging.WARNING, event, text, ids)

    def error(self, event: str, text: str, **ids: str | None) -> None:
        """Something that somebody must look at."""
        _write(logging.ERROR, event, text, ids)

    def failure(self, event: str, what: str, error: BaseException) -> None:
        """An error: a deliberate one with its own words, any other with its traceback."""
        if isinstance(error, RootkeeperError):
            self.error(event, f"{what}: {error.message}", code=error.code, hint=error.hint)
        else:
            logging.getLogger(LOGGER_NAME).error(
                "%s: an unexpected %s", what, type(error).__name__, exc_info=error, extra={"event": event, "ids": {}}
            )


@dataclass(frozen=True, slots=True)
class LogProgress:
    """Progress that nobody watches: only its remarks are told; implements the port Progress."""

    write_text: Callable[[str], None]

    def start(self, label: str, total: int | None) -> None:
        """Nothing."""

    def set_total(self, total: int) -> None:
        """Nothing."""

    def advance(self, *, present: int = 0, unknown: int = 0) -> None:
        """Nothing."""

    def remark(self, text: str) -> None:
        self.write_text(text)

    def finish(self) -> None:
        """Nothing."""


def _write(level: int, event: str, text: str, ids: dict[str, str | None]) -> None:
    known = {name: value for name, value in ids.items() if value is not None}
    logging.getLogger(LOGGER_NAME).log(level, "%s", text, extra={"event": event, "ids": known})
