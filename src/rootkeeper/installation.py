"""The missing parts of this installation of Rootkeeper, and the command that adds it.

The command line alone is small. A server, PostgreSQL, and AWS's own sign-in need extras of the package.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rootkeeper.errors import ExtraMissingError

DISTRIBUTION = "rootkeeper"

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "crt": ("awscrt",),
    "fast": ("aiohttp",),
    "pdf": ("typst",),
    "postgresql": ("psycopg",),
    "server": ("apprise", "argon2", "authlib", "dbos", "fastapi", "uvicorn"),
}
"""Modules by which an extra shows; each is imported nowhere without it. A test compares them with the package."""


def is_installed(extra: str) -> bool:
    """Whether the packages of the extra can be imported; nothing is imported."""
    from importlib.util import find_spec

    return all(find_spec(module) is not None for module in EXTRAS[extra])


def require_extra(extra: str, user: str = "This command") -> None:
    """Check that an extra is installed, before its user begins.

    :raises ExtraMissingError: if it isn't.
    """
    if not is_installed(extra):
        raise ExtraMissingError(
            f"{user} needs the extra {extra} of Rootkeeper, which isn't installed. Install it: "
            f"{describe_installing(extra)}"
        )


def describe_installing(extra: str) -> str:
    """Return the command that adds an extra to this installation, from where it was installed.

    pipx and uv install it again, so their command names the extras that are installed already, too.
    """
    folder, source = Path(sys.prefix), find_source()
    everything = sorted({extra, *filter(is_installed, EXTRAS)})
    wanted = shlex.quote(f"{source}[{','.join(everything)}]")
    if {"pipx", "venvs"} <= set(folder.parts):
        return f"pipx install --force {wanted}"
    if {"uv", "tools"} <= set(folder.parts):
        return f"uv tool install --force {wanted}"
    return f"{shlex.quote(sys.executable)} -m pip install {shlex.quote(f'{source}[{extra}]')}"


def find_source() -> str:
    """Return the folder or wheel on this machine that it was installed from, or else the name of the package.

    Source: "Recording the Direct URL Origin of installed distributions", PyPA specifications.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        record = distribution(DISTRIBUTION).read_text("direct_url.json")
    except PackageNotFoundError:
        return DISTRIBUTION
    url = urlsplit(json.loads(record)["url"] if record else "")
    return unquote(url.path) if url.scheme == "file" else DISTRIBUTION
