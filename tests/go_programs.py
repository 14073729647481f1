"""Programs of others, built from Go modules with the checksums of Go's own database."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HOME = Path.home()
"""Of the person who runs the tests, with the caches of Go. Read here: later, tests have another one."""
SECONDS = 900


def build_program(module: str, folder: Path) -> Path:
    """Build ``module@version`` into a folder and return the program, or skip the test and say why."""
    name = module.partition("@")[0].rstrip("/")
    name = (name.rpartition("/")[0] if name.rpartition("/")[2].lstrip("v").isdigit() else name).rpartition("/")[2]
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin:/usr/lib/go/bin")
    if go is None:
        pytest.skip(f"Go isn't installed: {name} can't be built")
    environment = os.environ | {"HOME": str(HOME), "GOBIN": str(folder), "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    done = subprocess.run(
        [go, "install", module], env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if "dial tcp" in done.stderr or "no such host" in done.stderr:
        pytest.skip(f"Go's modules can't be fetched: {name} can't be built ({done.stderr.strip()[-200:]})")
    assert done.returncode == 0, done.stderr
    return folder / name
