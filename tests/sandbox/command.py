"""Runs ``python -m rootkeeper_sandbox`` in this process, for commands that end by themselves."""

from __future__ import annotations

import io
import subprocess
from contextlib import redirect_stderr, redirect_stdout

from rootkeeper_sandbox.__main__ import main


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    output, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(output), redirect_stderr(errors):
        try:
            status = main(arguments)
        except SystemExit as ended:
            status = int(ended.code or 0)
    return subprocess.CompletedProcess(arguments, status, output.getvalue(), errors.getvalue())
