"""Programs of others from the Python package registry, each in a virtual environment of its own.

An environment is made by the first test that needs it, from the pinned versions in ``tools/``, and kept in the
checkout. The lists are complete, so nothing is resolved. They are no dependency of the project and not in its lock.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
from pathlib import Path

import pytest

_HERE = Path(__file__).resolve().parent
_REPOSITORY = _HERE.parent.parent
_HOME = Path.home()
"""The home folder of the person who runs the tests, with pip's settings. Read here: later, tests have another one."""
_INSTALL_SECONDS = 1800
_NO_REGISTRY = re.compile(r"Retrying \(Retry|Could not fetch URL|ConnectionError|ProxyError|Read timed out|SSLError")


def find_programs(tool: str) -> Path:
    """Give the folder of a tool's programs, after installing it where it is missing, or skip the test and say why."""
    folder, wanted = _REPOSITORY / f".venv-{tool}", _HERE / "tools" / f"{tool}.txt"
    mark = folder / ".installed"
    with (_REPOSITORY / f".venv-{tool}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not mark.exists() or mark.read_text() != wanted.read_text():
            _install(tool, folder, wanted)
            mark.write_text(wanted.read_text())
    return folder / "bin"


def _install(tool: str, folder: Path, wanted: Path) -> None:
    # The oldest Python, because such programs support new versions late.
    python = subprocess.check_output([_REPOSITORY / "scripts" / "find-python", "oldest"], text=True).strip()
    subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True)
    finished = subprocess.run(
        [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "--requirement", str(wanted)],
        env=os.environ | {"HOME": str(_HOME), "PIP_RETRIES": "1"},
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
    )
    if finished.returncode and _NO_REGISTRY.search(finished.stderr):
        pytest.skip(f"The Python package registry can't be reached: {tool} can't be tried")
    assert finished.returncode == 0, finished.stderr
