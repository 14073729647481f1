"""Runs the real command line again and again in fresh processes, forked after the imports so that a run is cheap.

Reads orders from the socket on its stdin, each with four open files: the run's stdin, stdout and stderr, and a socket
that is told ``{"pid"}`` when it starts and ``{"status"}`` when it ends. Runs go on side by side.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Any

import sqlalchemy.event

import rootkeeper.cli.main
from tests.functional.preparation import prepare
from tests.functional.promises.process_limits import drop_root_powers, limit_file_size
from tests.functional.promises.stop_points import StopAfterIntent

FILES = 4
_LONGEST_ORDER = 200_000


@dataclass(frozen=True, slots=True)
class Order:
    """What to run, and how the process differs from any other."""

    argv: list[str]
    environment: dict[str, str]
    file_size_limit: int | None = None
    """No file can grow beyond so many bytes: a full disk."""
    is_powerless: bool = False
    """Whether file permissions bind it even as root."""
    stop_after_intent: str | None = None
    """It stops itself, as SIGSTOP does, once an intent of this action is on disk and before its call leaves."""


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    prepare()
    with socket.socket(fileno=os.dup(0)) as orders:
        while True:
            message, files, _, _ = socket.recv_fds(orders, _LONGEST_ORDER, FILES)
            if not message:
                return
            if os.fork() == 0:
                _supervise(Order(**json.loads(message)), files)
            for file in files:
                os.close(file)


def _supervise(order: Order, files: list[int]) -> None:
    """The parent of one run: tells how it starts and ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(files.pop())
        _run(order, files)
    with socket.socket(fileno=files.pop()) as report:
        for file in files:
            os.close(file)
        report.send(json.dumps({"pid": pid}).encode())
        _, wait_status = os.waitpid(pid, 0)
        report.send(json.dumps({"status": os.waitstatus_to_exitcode(wait_status)}).encode())
    os._exit(0)


def _run(order: Order, files: list[int]) -> None:
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - a file descriptor, for the whole run
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115 - as above
    os.environ.clear()
    os.environ.update(order.environment)
    sys.argv = ["rootkeeper", *order.argv]
    if order.stop_after_intent is not None:
        sqlalchemy.event.listen(sqlalchemy.Engine, "commit", StopAfterIntent(order.stop_after_intent))
    if order.file_size_limit is not None:
        limit_file_size(order.file_size_limit)
    if order.is_powerless:
        drop_root_powers()
    status: Any = 1
    try:
        status = rootkeeper.cli.main.main()
    except SystemExit as end:
        status = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 1)


if __name__ == "__main__":
    main()
