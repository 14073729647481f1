"""How a server's log looks: one JSON object a line on stderr, for whatever collects them. No secret gets into one."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any

from rootkeeper.cli.failures import blank_secrets, describe_traceback
from rootkeeper.cli.rendering.text import json_text

_LOUD_ONLY = ("alembic", "apprise", "botocore", "dbos", "httpx", "sqlalchemy", "urllib3", "uvicorn")
"""Libraries of which only warnings are of interest."""


class JsonLines(logging.Formatter):
    """``time``, ``level``, ``event`` and ``message``, and the ids that the line is about."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": getattr(record, "event", record.name),
            "message": blank_secrets(record.getMessage()),
            **getattr(record, "ids", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["traceback"] = describe_traceback(record.exc_info[1])
        return json_text(line)


def log_to_stderr() -> None:
    """Let the whole process log so."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in _LOUD_ONLY:
        logging.getLogger(name).setLevel(logging.WARNING)
