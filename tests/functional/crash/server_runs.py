"""Servers against one sandbox, ended by SIGKILL where a test says so, on SQLite or PostgreSQL."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from tests.durations import Stopwatch
from tests.forked import run_forked
from tests.functional.crash.killing_proxy import KillingProxy, KillPoint
from tests.postgresql import PostgresqlServer
from tests.sandbox_process import SandboxProcess

KILLED = -9
SECONDS = 60.0
STEPPING_CALLS = frozenset({"AssumeRoot", "CreateLoginProfile", "DeleteLoginProfile"})
"""The calls of a window's life that do more than read: between two of them nothing changes but in the database."""


class KeptDatabase(Protocol):
    """A database that can be taken back to what it was."""

    @property
    def url(self) -> str: ...

    @property
    def beside(self) -> Path:
        """The folder that is remembered with it."""
        ...

    def keep(self, name: str) -> None:
        """Remember it as it is now; no process uses it meanwhile."""
        ...

    def restore(self, name: str) -> None:
        """Go back to what was remembered."""
        ...

    def query(self, statement: str) -> list[dict[str, Any]]:
        """Rows, read past the program."""
        ...


class SqliteFolder:
    """A SQLite file with its mirror and anchor."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "data" / "rootkeeper.db"

    @property
    def url(self) -> str:
        return f"sqlite:///{self._path}"

    @property
    def beside(self) -> Path:
        return self._path.parent

    def keep(self, name: str) -> None:
        shutil.copytree(self.beside, self._folder / name)

    def restore(self, name: str) -> None:
        shutil.rmtree(self.beside)
        shutil.copytree(self._folder / name, self.beside)

    def query(self, statement: str) -> list[dict[str, Any]]:
        with contextlib.closing(sqlite3.connect(self._path)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement).fetchall()]


class PostgresqlDatabase:
    """A database of a PostgreSQL server; what is remembered of it are the rows of its tables."""

    def __init__(self, server: PostgresqlServer, folder: Path) -> None:
        self.url = server.create_database()
        self.beside = folder / "share"
        """Of mirror and anchor."""
        self._folder = folder
        self._kept: dict[str, dict[str, bytes]] = {}

    def keep(self, name: str) -> None:
        with self._connect() as connection:
            self._kept[name] = {table: _copy_out(connection, table) for table in _list_tables(connection)}
        shutil.copytree(self.beside, self._folder / name)

    def restore(self, name: str) -> None:
        kept = self._kept[name]
        with self._connect() as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(map(sql.Identifier, kept))))
            for table, rows in kept.items():
                _copy_in(connection, table, rows)
        shutil.rmtree(self.beside)
        shutil.copytree(self._folder / name, self.beside)

    def query(self, statement: str) -> list[dict[str, Any]]:
        with self._connect() as connection:
            return [dict(row) for row in connection.execute(statement.encode()).fetchall()]

    def _connect(self) -> psycopg.Connection[dict[str, Any]]:
        return psycopg.connect(self.url.replace("+psycopg", ""), row_factory=dict_row)


def _list_tables(connection: psycopg.Connection[dict[str, Any]]) -> list[str]:
    rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return [str(row["tablename"]) for row in rows]


def _copy_out(connection: psycopg.Connection[dict[str, Any]], table: str) -> bytes:
    statement = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
    with connection.cursor().copy(statement) as copied:
        return b"".join(bytes(part) for part in copied)


def _copy_in(connection: psycopg.Connection[dict[str, Any]], table: str, rows: bytes) -> None:
    statement = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
    with connection.cursor().copy(statement) as copied:
        copied.write(rows)


@dataclass(frozen=True, slots=True)
class Server:
    """One process of a server or worker."""

    pid: int
    folder: Path
    url: str
    """Where it listens; empty for a worker."""

    @property
    def stderr(self) -> str:
        return (self.folder / "stderr").read_text(encoding="utf-8")

    @property
    def commits(self) -> int:
        """So many steps of windows it has committed."""
        return int((self.folder / "commits").read_text() or 0)

    @property
    def steps(self) -> str:
        """What each of them wrote last."""
        return (self.folder / "steps").read_text(encoding="utf-8")

    def move_clock(self, seconds: float) -> None:
        """Let its wall clock be off by so much from now on."""
        new = self.folder / "offset.new"
        new.write_text(str(seconds))
        new.replace(self.folder / "offset")


class Servers:
    """Starts them, one driver for all."""

    def __init__(
        self,
        folder: Path,
        sandbox: SandboxProcess,
        proxy: KillingProxy,
        database: KeptDatabase,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.proxy = proxy
        self.database = database
        self.running: dict[int, Server] = {}
        self._started = 0
        self._driver = subprocess.Popen(
            [sys.executable, "-m", "tests.functional.crash.server_driver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.environment = {
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "share"),
            "XDG_STATE_HOME": str(database.beside),  # what the ledger remembers is kept with the database
            "PATH": "/usr/bin:/bin",
            "AWS_EC2_METADATA_DISABLED": "true",
            **sandbox.environment(),
            "AWS_ENDPOINT_URL": proxy.url,
            "ROOTKEEPER_AWS_VERIFY_SECONDS": "1",
            "ROOTKEEPER_DATABASE_URL": database.url,
            "ROOTKEEPER_LEASE_SECONDS": "60",
            "ROOTKEEPER_SERVER_ENGINE": "false",
            # The default audit of 06:00 UTC would begin between two steps if the clock is moved past that time.
            "ROOTKEEPER_SCHEDULES_AUDITS": "",
            "ROOTKEEPER_SCHEDULES_DETAILED_AUDITS": "",
            **(settings or {}),
        }

    def close(self) -> None:
        for server in list(self.running.values()):
            self.kill(server)
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        self._driver.stdin.close()
        self._driver.wait(SECONDS)
        self._driver.stdout.close()

    def start(self, command: str = "serve", *, offset: float = 0, kill: KillPoint | None = None) -> Server:
        """Start one; it may be dead by the time this returns."""
        self._started += 1
        folder = self.folder / "servers" / str(self._started)
        order = {
            "command": command,
            "port": 0,
            "environment": self.environment,
            "offset": offset,
            "kill": kill.number if kill is not None and kill.what == "commit" else None,
            "folder": str(folder),
        }
        pid = int(self._ask(order)["pid"])
        if kill is not None:
            self.proxy.arm(pid, kill)
        self._ask("go")
        server = Server(pid, folder, "")
        self.running[pid] = server
        return server

    def wait_ready(self, server: Server) -> Server:
        """:raises AssertionError: if it ends before."""
        end = time.monotonic() + SECONDS
        while "Rootkeeper serves" not in server.stderr and "Rootkeeper works" not in server.stderr:
            assert self.find_status(server) is None, server.stderr
            assert time.monotonic() < end, server.stderr
            time.sleep(0.01)
        said = server.stderr.partition("Rootkeeper serves ")[2].split()
        return Server(server.pid, server.folder, said[0].rstrip(":") if said else "")

    def find_status(self, server: Server, seconds: float = 0) -> int | None:
        """How it ended; ``None`` if it still runs after so many seconds."""
        if server.pid not in self.running:
            return KILLED
        status: int | None = self._ask({"wait": server.pid, "seconds": seconds})["status"]
        if status is not None:
            del self.running[server.pid]
        return status

    def kill(self, server: Server) -> None:
        """As kill -9 does."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGKILL)
        self.find_status(server, SECONDS)

    def run(self, *arguments: str) -> str:
        """A command line beside them, with a long lease; its stdout."""
        done = run_forked(list(arguments), self.environment | {"ROOTKEEPER_LEASE_SECONDS": "60"}, timeout=SECONDS)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _ask(self, order: Any) -> Any:
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        self._driver.stdin.write(json.dumps(order) + "\n")
        self._driver.stdin.flush()
        return json.loads(self._driver.stdout.readline())


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer that isn't a good one."""

    status: int
    text: str


def post(server: Server, path: str, token: str, body: object = None) -> Any:
    """One request in the name of a token's holder; ``None`` if the server died before it answered."""
    address = server.url.removeprefix("http://")
    with contextlib.closing(http.client.HTTPConnection(address, timeout=SECONDS)) as connection:
        try:
            connection.request(
                "POST",
                f"/api/v1{path}",
                json.dumps(body or {}),
                {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            )
            response = connection.getresponse()
            text = response.read().decode()
        except (http.client.HTTPException, OSError):
            return None
    return json.loads(text) if response.status < 300 else Refused(response.status, text)


def wait_until(holds: Callable[[], bool], seconds: float, what: str | Callable[[], str]) -> float:
    """Wait for something; how many seconds it took.

    :param what: what is reported if it takes longer.
    """
    watch = Stopwatch()
    while not holds():
        assert watch.seconds < seconds, what if isinstance(what, str) else what()
        watch.pause(0.02)
    return watch.seconds


@contextlib.contextmanager
def started_servers(
    folder: Path, database: KeptDatabase, *sandbox_arguments: str, settings: Mapping[str, str] | None = None
) -> Iterator[Servers]:
    """A sandbox, a proxy before it, and what starts servers."""
    with (
        SandboxProcess.start(*sandbox_arguments) as sandbox,
        KillingProxy(sandbox.base_url, STEPPING_CALLS) as proxy,
    ):
        servers = Servers(folder, sandbox, proxy, database, settings)
        try:
            yield servers
        finally:
            servers.close()
