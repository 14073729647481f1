"""Runs the product and the sandbox again and again in fresh processes, forked after the imports so that each is cheap.

Reads orders from the socket on its stdin, each with four open files: the run's stdin, stdout and stderr, and a socket
that gets ``{"pid"}`` when it starts and ``{"status"}`` when it ends. Runs may overlap.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import argon2.profiles
import sqlalchemy.event

from rootkeeper.access import store as access_store
from tests.functional.promises.process_limits import drop_root_powers, limit_file_size, limit_open_files
from tests.functional.promises.stop_points import StopAfterIntent
from tests.preparation import prepare

FILES = 4
PRODUCT = "rootkeeper.cli.entry"
SANDBOX = "rootkeeper_sandbox.__main__"
_LONGEST_ORDER = 200_000
_MOST_FILES = 1024
"""No file that this process opens has a higher number."""
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
    open_file_limit: int | None = None
    """It can have no more files and connections open at a time."""
    is_powerless: bool = False
    """Whether file permissions bind it even as root."""
    has_slow_passwords: bool = False
    """Whether a look at a password costs what it costs in real use."""
    stop_after_intent: str | None = None
    """It stops itself, as SIGSTOP does, once an intent of this action is on disk and before its call leaves."""


def main() -> None:
    prepare()
    ended, noticed = socket.socketpair()
    noticed.setblocking(False)
    signal.set_wakeup_fd(noticed.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    reports: dict[int, socket.socket] = {}
    with socket.socket(fileno=os.dup(0)) as orders:
        while True:
            ready, _, _ = select.select([orders, ended], [], [])
            if ended in ready:
                ended.recv(_LONGEST_ORDER)
                _report_ends(reports)
            if orders in ready:
                message, files, _, _ = socket.recv_fds(orders, _LONGEST_ORDER, FILES)
                if not message:
                    return
                pid, report = _start(Order(**json.loads(message)), files)
                report.send(json.dumps({"pid": pid}).encode())
                reports[pid] = report


def _start(order: Order, files: list[int]) -> tuple[int, socket.socket]:
    """Fork one run; its process, and where its start and its end are reported."""
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGKILL)
        os.close(files.pop())
        _run(order, files)
    report = socket.socket(fileno=files.pop())
    for file in files:
        os.close(file)
    return pid, report


def _report_ends(reports: dict[int, socket.socket]) -> None:
    for pid in list(reports):
        ended, wait_status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with reports.pop(pid) as report, suppress(OSError):  # a run may outlive the test that started it
                report.send(json.dumps({"status": os.waitstatus_to_exitcode(wait_status)}).encode())


def _run(order: Order, files: list[int]) -> None:
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(len(files), _MOST_FILES)
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
    if order.has_slow_passwords:
        access_store.PASSWORD_COST = argon2.profiles.RFC_9106_LOW_MEMORY
    if order.file_size_limit is not None:
        limit_file_size(order.file_size_limit)
    if order.open_file_limit is not None:
        limit_open_files(order.open_file_limit)
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
