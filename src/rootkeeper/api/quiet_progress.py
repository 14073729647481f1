"""Progress of what is answered within one request: nobody watches it."""

from __future__ import annotations

import logging

from rootkeeper.api.exchanges import LOGGER_NAME


class QuietProgress:
    """Logs remarks and nothing else; implements the port Progress."""

    def start(self, label: str, total: int | None) -> None:
        """Nothing."""

    def set_total(self, total: int) -> None:
        """Nothing."""

    def advance(self, *, present: int = 0, unknown: int = 0) -> None:
        """Nothing."""

    def remark(self, text: str) -> None:
        logging.getLogger(LOGGER_NAME).info("%s", text, extra={"event": "api:remark", "ids": {}})

    def finish(self) -> None:
        """Nothing."""
