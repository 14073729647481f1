"""How the process of a server or worker begins and ends, and its log.

How a server's log looks: one JSON object a line on stderr, for whatever collects them. No secret gets into one.

How the process of a server or worker begins and ends: a signal is heeded from its first moment on.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rootkeeper.cli.failures import blank_secrets, describe_traceback
from rootkeeper.cli.outputs import ExitStatus
from rootkeeper.cli.terminal import StopRequests
from rootkeeper.evidence.windows import json_text
from rootkeeper.organization.threads import WorkerThreads

if TYPE_CHECKING:
    from rootkeeper.cli.terminal import Terminal
    from rootkeeper.composition.serving import ServerRuntime


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


_LOOK_SECONDS = 0.05


def run_process(runtime: ServerRuntime, work: Callable[[StopRequests], None]) -> int:
    """Start the runtime, do ``work`` until it returns, and end in an orderly way.

    :param work: returns soon after it was asked to stop.
    :raises RootkeeperError: if it can't be started.
    """
    log_to_stderr()
    with StopRequests() as stops:
        try:
            if _starts(runtime, stops):
                work(stops)
        finally:
            is_orderly = runtime.stop()
    return _leave(is_orderly=is_orderly)


def announce_ready(terminal: Terminal, runtime: ServerRuntime, what: str) -> None:
    """The line that says that it works, and before it for a new server how anybody gets in.

    The link alone goes to stdout: whoever keeps the log keeps no secret with it.
    """
    link = None if runtime.url is None else runtime.offer_first_administration()
    if link is not None:
        terminal.remark("There is no administrator yet. Become it within 24 hours by this link, which works once:")
        terminal.write(f"{link}\n")
        terminal.finish()
    terminal.remark(f"Rootkeeper {what}: organization {runtime.organization_id}, {runtime.endpoint.label}.")


def _starts(runtime: ServerRuntime, stops: StopRequests) -> bool:
    """In a thread, since AWS may let one wait for long; ``False`` if it was asked to stop meanwhile."""
    starting: WorkerThreads[None] = WorkerThreads(1, "rootkeeper-start")
    starting.begin(runtime.start)
    starting.close()
    while not stops.asked_once():
        if starting.take_done(_LOOK_SECONDS):
            return True
    return False


def _leave(*, is_orderly: bool) -> int:
    """End the process at once if a thread would keep it: what is under way is taken up again later."""
    others = [one for one in threading.enumerate() if one is not threading.main_thread() and not one.daemon]
    if is_orderly and not others:
        return ExitStatus.GOOD
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(ExitStatus.GOOD)
