"""The entry point of ``pipx run``: the program in an environment that is made for this use alone.

The command line alone is installed there. ``demo`` and other commands of a server need more, so it is added to this
temporary environment first. An installed Rootkeeper never installs anything: it names the command that does.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from rootkeeper import __version__
from rootkeeper.cli.entry import main as run
from rootkeeper.installation import DISTRIBUTION, find_source, is_installed

SERVER_COMMANDS = frozenset({"demo", "notifications", "sandbox", "serve", "token", "users", "worker"})
"""Commands that need the extra ``server``; a test compares them with the commands."""


def main() -> int:
    """Add the packages for the command, run it, and return its exit status."""
    arguments = sys.argv[1:]
    if needs_server(arguments) and not is_installed("server"):
        sys.stderr.write("Adding the packages of a server to this temporary environment, once …\n")
        command = find_installer()
        if command is not None:
            # Where it fails, the installer says why, and the command names the missing extra.
            subprocess.run(command, stdout=sys.stderr, check=False)  # noqa: S603 - no shell
    return run(arguments)


def needs_server(arguments: Sequence[str]) -> bool:
    """Whether a command of the arguments needs the extra ``server``, for more than its help."""
    return not SERVER_COMMANDS.isdisjoint(arguments) and "--help" not in arguments


def find_installer() -> list[str] | None:
    """Find the command that adds the extra ``server`` to this environment; ``None`` if there is neither pip nor uv."""
    if find_spec("pip") is not None:
        # This version is there already, so that only the packages of the extra are fetched.
        wanted = f"{DISTRIBUTION}[server]=={__version__}"
        return [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted]
    uv = shutil.which("uv")
    if uv is None:
        return None
    return [uv, "pip", "install", "--quiet", "--python", sys.executable, f"{find_source()}[server]"]
