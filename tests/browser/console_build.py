"""The console's built files: built once if they aren't there, or are older than what they are built from."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
CONSOLE = REPOSITORY / "console"
BUILT = REPOSITORY / "src" / "rootkeeper" / "console" / "index.html"
SOURCES = ("index.html", "vite.config.ts", "package-lock.json", "openapi.json")
BUILD_SECONDS = 300


def ensure_console() -> None:
    """Build the console if necessary. Concurrent callers wait."""
    with (CONSOLE / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_current():
            build()


def is_current() -> bool:
    """Whether the built files are newer than all sources."""
    if not BUILT.exists():
        return False
    sources = [CONSOLE / name for name in SOURCES] + [
        path for path in (CONSOLE / "src").rglob("*") if path.is_file() and path.name != "generated.ts"
    ]
    return BUILT.stat().st_mtime >= max(path.stat().st_mtime for path in sources)


def build() -> None:
    """Without Node.js, skip loudly."""
    path = os.pathsep.join((os.environ["PATH"], str(REPOSITORY / ".venv" / "bin")))
    npm = shutil.which("npm", path=path)
    if npm is None:
        pytest.skip("no Node.js on this machine: scripts/ensure-node installs one")
    if not (CONSOLE / "node_modules").exists():
        run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", path=path)
    run(npm, "run", "build", path=path)


def run(*command: str, path: str) -> None:
    done = subprocess.run(
        command,
        cwd=CONSOLE,
        env=os.environ | {"PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
