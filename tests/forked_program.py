"""Runs the product and the sandbox again and again in fresh processes, forked after the imports so that each is cheap.

Reads orders from the socket on its stdin, each with four open files: the run's stdin, stdout and stderr, and a socket
that gets ``{"pid"}`` when it starts and ``{"status"}`` when it ends. Runs may overlap.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy.event

from tests.functional.promises.process_limits import drop_root_powers, limit_file_size
from tests.functional.promises.stop_points import StopAfterIntent
from tests.preparation import prepare

FILES = 4
PRODUCT = "rootkeeper.cli.main"
SANDBOX = "rootkeeper_sandbox.__main__"
_LONGEST_ORDER = 200_000
_DIES_WITH_PARENT = 1
"""Source: Linux, prctl(2), PR_SET_PDEATHSIG."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to run, and how the process differs from any other."""

    argv: list[str]
    environment: dict[str, str]
    module: str = PRODUCT
    """Its ``main`` is called, with ``argv`` in ``sys.argv``."""
    folder: str | None = None
    """Its working folder; by default that of the tests."""
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
    """Be the parent of one run, and report its start and its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGKILL)
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
    os.setsid()
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - a file descriptor, for the whole run
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115 - as above
    os.environ.clear()
    os.environ.update(order.environment)
    time.tzset()
    tempfile.tempdir = None  # the preparation has looked it up; TMPDIR may be another now
    if order.folder is not None:
        os.chdir(order.folder)
    sys.argv = [order.module.partition(".")[0], *order.argv]
    if order.stop_after_intent is not None:
        sqlalchemy.event.listen(sqlalchemy.Engine, "commit", StopAfterIntent(order.stop_after_intent))
    if order.file_size_limit is not None:
        limit_file_size(order.file_size_limit)
    if order.is_powerless:
        drop_root_powers()
    status: Any = 1
    try:
        status = importlib.import_module(order.module).main()
    except SystemExit as end:
        status = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 1)


if __name__ == "__main__":
    main()
