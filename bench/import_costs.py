"""What importing each dependency of the package costs, as ``docs/dev/dependencies.md`` lists it.

Each import is a process of its own under ``python -X importtime``; the figure is the cumulative one of the package,
median of seven runs. A run that had to wait for a core, seen by less CPU time than wall time, is made again. A figure
for which that didn't help is marked: it is one of a busy machine.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from statistics import median

REPOSITORY = Path(__file__).resolve().parents[1]
RUNS = 7
MOST_TRIES = 28
LEAST_SHARE = 0.9
"""CPU time by wall time of a run that counts."""
MODULES = {
    "argon2-cffi": "argon2",
    "authlib": "authlib.integrations.requests_client",
    "botocore": "botocore.session",
    "cryptography": "cryptography.hazmat.primitives.ciphers.aead",
    "joserfc": "joserfc.jwt",
    "prometheus-client": "prometheus_client",
    "pyyaml": "yaml",
    "rich": "rich.console",
}
"""Where the package isn't imported by its own name, or is next to nothing without the part that the product imports."""


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0] if __doc__ else None)
    parser.add_argument("packages", nargs="*", help="by default all that the package depends on")
    print(f"{'package':20} {'import':>8}  version")
    for package in parser.parse_args().packages or list_dependencies():
        module = MODULES.get(package, package.replace("-", "_"))
        milliseconds, is_quiet = measure(module)
        remark = "" if is_quiet else "  (the machine was busy)"
        print(f"{package:20} {milliseconds:5.0f} ms  {importlib.metadata.version(package)}{remark}", flush=True)
    return 0


def list_dependencies() -> list[str]:
    """Names of the package's dependencies and those of its extras, as ``pyproject.toml`` has them."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [one for extra in project["optional-dependencies"].values() for one in extra]
    names = {re.split(r"[<>=!~; \[]", one, maxsplit=1)[0] for one in [*project["dependencies"], *extras]}
    return sorted(names - {"rootkeeper"})


def measure(module: str) -> tuple[float, bool]:
    """Milliseconds, and whether enough of the runs had a core of their own."""
    time_import(module)  # brings its files into the disk cache
    every: list[float] = []
    quiet: list[float] = []
    while len(quiet) < RUNS and len(every) < MOST_TRIES:
        milliseconds, share = time_import(module)
        every.append(milliseconds)
        if share >= LEAST_SHARE:
            quiet.append(milliseconds)
    return (median(quiet), True) if len(quiet) == RUNS else (median(every), False)


def time_import(module: str) -> tuple[float, float]:
    """Milliseconds of one import, and the share of its time in which the process had a core."""
    before, began = os.times(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import {module}"], capture_output=True, text=True, check=True
    )
    wall, after = time.perf_counter() - began, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    rows = re.findall(rf"\|\s+(\d+) \| {re.escape(module)}$", done.stderr, re.MULTILINE)
    return int(rows[-1]) / 1000 if rows else 0.0, used / wall


if __name__ == "__main__":
    sys.exit(main())
