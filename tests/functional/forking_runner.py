"""Runs command lines in fresh processes, forked after the imports: as a user would run them, at a fifth of the cost.

Reads one JSON object a line, ``{"argv", "environment", "stdout", "stderr"}``, and answers each with ``{"status"}``.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from rootkeeper.cli import main as command_line
from tests.functional.preparation import prepare


def run(order: dict[str, Any]) -> int:
    """In the child: become the process that the order describes."""
    for name, number in (("stdout", 1), ("stderr", 2)):
        os.dup2(os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["rootkeeper", *order["argv"]]
    try:
        return command_line.main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1


def serve() -> None:
    prepare()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            status = run(json.loads(line))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        _, ended = os.waitpid(pid, 0)
        sys.stdout.write(json.dumps({"status": os.waitstatus_to_exitcode(ended)}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
