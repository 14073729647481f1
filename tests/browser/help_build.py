"""The built documentation site: built once if it isn't there, or is older than what it is built from."""

from __future__ import annotations

import fcntl
import subprocess
from pathlib import Path

import pytest

from docs.site.build import HELP
from docs.site.pages import BESIDE_DOCS, NOT_OF_THE_SITE
from docs.site.reference_pages import OPENAPI

REPOSITORY = Path(__file__).parents[2]
PYTHON = REPOSITORY / ".venv-docs/bin/python"
BUILD_SECONDS = 300


def ensure_help() -> Path:
    """Build the site if necessary, and return its folder. Concurrent callers wait."""
    with (REPOSITORY / "docs/README.md").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_current():
            _build()
    return HELP


def is_current() -> bool:
    """Whether the built site is newer than all sources."""
    start = HELP / "index.html"
    below = [path for path in (REPOSITORY / "docs").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    sources = [path for path in below if not path.relative_to(REPOSITORY).as_posix().startswith(NOT_OF_THE_SITE)]
    sources += [REPOSITORY / name for name in (*BESIDE_DOCS, OPENAPI)]
    return start.exists() and start.stat().st_mtime >= max(path.stat().st_mtime for path in sources)


def _build() -> None:
    """Without the generator, skip loudly."""
    if not PYTHON.exists():
        pytest.skip("no generator of the documentation on this machine: make docs installs one")
    done = subprocess.run(
        [PYTHON, "-m", "docs.site.build", "--to", HELP],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
