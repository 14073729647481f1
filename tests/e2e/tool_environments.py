"""Programs of others from the package registries of Python and npm, each in an environment of its own.

An environment is made by the first test that needs it, from the pinned versions in ``tools/``, and kept in the
checkout. The lists are complete, so nothing is resolved. They are no dependency of the project and not in its lock.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_HERE = Path(__file__).resolve().parent
_REPOSITORY = _HERE.parent.parent
_HOME = Path.home()
"""The home folder of the person who runs the tests, with the installers' settings. Read here: later, tests have another
one."""
_OWN_PROGRAMS = Path(sys.executable).parent
_INSTALL_SECONDS = 1800
_NO_REGISTRY = {
    "Python package": re.compile(
        r"Retrying \(Retry|Could not fetch URL|ConnectionError|ProxyError|Read timed out|SSLError"
    ),
    "npm": re.compile(r"EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|ENOTFOUND|ETIMEDOUT"),
}


def find_programs(tool: str) -> Path:
    """Give the folder of a tool's programs, after installing it where it is missing, or skip the test and say why.

    ``tools/`` has either the tool's list of Python packages, or a folder with its lock of npm packages.
    """
    folder, packages = _REPOSITORY / f".venv-{tool}", _HERE / "tools" / tool
    is_npm = packages.is_dir()
    wanted = packages / "package-lock.json" if is_npm else packages.with_suffix(".txt")
    mark = folder / ".installed"
    with (_REPOSITORY / f".venv-{tool}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not mark.exists() or mark.read_text() != wanted.read_text():
            shutil.rmtree(folder, ignore_errors=True)
            if is_npm:
                _install_from_npm(tool, folder, packages)
            else:
                _install_from_python_registry(tool, folder, wanted)
            mark.write_text(wanted.read_text())
    return folder / ("node_modules/.bin" if is_npm else "bin")


def _install_from_python_registry(tool: str, folder: Path, wanted: Path) -> None:
    """Install by uv, with a tenth of pip's time; or by pip where uv can't, as ``scripts/install-locked`` does."""
    # The oldest Python, because such programs support new versions late.
    python = subprocess.check_output([_REPOSITORY / "scripts" / "find-python", "oldest"], text=True).strip()
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
    what = ("--quiet", "--no-deps", "--requirement", str(wanted))
    uv, into = _OWN_PROGRAMS / "uv", ("--python", str(folder / "bin" / "python"))
    if uv.exists() and _run(str(uv), "pip", "install", *into, *what).returncode == 0:
        return
    _require_installed(tool, "Python package", _run(sys.executable, "-m", "pip", *into, "install", *what))


def _install_from_npm(tool: str, folder: Path, packages: Path) -> None:
    shutil.copytree(packages, folder)
    _require_installed(tool, "npm", _run("npm", "ci", "--loglevel=error", "--prefix", str(folder)))


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([os.environ["PATH"], str(_OWN_PROGRAMS)])
    environment = os.environ | {"HOME": str(_HOME), "PATH": path, "PIP_RETRIES": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_INSTALL_SECONDS)


def _require_installed(tool: str, registry: str, finished: subprocess.CompletedProcess[str]) -> None:
    if finished.returncode and _NO_REGISTRY[registry].search(finished.stderr):
        pytest.skip(f"The {registry} registry can't be reached: {tool} can't be tried")
    assert finished.returncode == 0, finished.stderr
