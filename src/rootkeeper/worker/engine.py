"""The adapter to the durable engine, DBOS: a workflow for each attempt at a job.

Our tables are the truth. DBOS keeps only the queue: it gives each job to one process, within its concurrency, and
stores the job's id and its process. A workflow that stops here stays PENDING, so that the next process continues it.

The engine uses a SQLite file beside ours, or its own schema in our PostgreSQL database. The connection pool is set up
here, because DBOS doesn't set the options that matter: on SQLite WAL (nine times the throughput), ``synchronous=FULL``
and IMMEDIATE transactions; on PostgreSQL few connections that notice a lost server within seconds.
"""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy import Engine as ConnectionPool
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from rootkeeper.errors import DatabaseError, SettingsError

if TYPE_CHECKING:
    from dbos import DBOSClient, WorkflowStatus


SCHEMA = "rootkeeper_engine"
"""In PostgreSQL."""

FILE_ENDING = ".engine.db"

NOTICING_GONE_SERVERS = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}
"""In seconds, the last in milliseconds. Source: libpq, parameter key words."""

_BUSY_MILLISECONDS = 30_000
_POOLED_CONNECTIONS = 4


class SqliteFile:
    """A file of the engine's own, for the only server that runs on it; ``prepare`` opens it."""

    schema: str | None = None

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def place(self) -> str:
        return str(self.path)

    def prepare(self) -> None:
        """Create the file, for its owner alone; SQLite gives its companion files the same mode."""
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            self.path.chmod(0o600)
        except OSError as error:
            raise DatabaseError(
                f"The engine's file {self.path} can't be created or opened: {error.strerror or error}.",
                hint="Check the permissions of its folder, and the disk.",
            ) from error

    def connect(self) -> Engine:
        engine = create_engine(URL.create("sqlite", database=str(self.path)), pool_size=_POOLED_CONNECTIONS)
        event.listen(engine, "connect", _set_up_sqlite)
        return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    """From Python 3.12 on DBOS reads the time by ``unixepoch('subsec')``, which is NULL in SQLite before 3.42.

    Source: SQLite, release notes of 3.42.0.
    """
    connection.isolation_level = "IMMEDIATE"
    if sqlite3.sqlite_version_info < (3, 42):
        connection.create_function("unixepoch", -1, lambda *_modifiers: time.time())
    for pragma in (f"busy_timeout={_BUSY_MILLISECONDS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


class PostgresqlSchema:
    """A schema of the engine's own, shared by all workers; ``prepare`` opens it."""

    schema: str | None = SCHEMA

    def __init__(self, url: URL) -> None:
        self._url = url

    @property
    def place(self) -> str:
        return self._url.render_as_string(hide_password=True)

    def prepare(self) -> None:
        """Refuse a pooler that shares sessions: psycopg prepares statements in a session, and DBOS repeats its own.

        :raises DatabaseError: if there is such a pooler, or the database can't be used.
        """
        pool = self.connect()
        try:
            with pool.connect() as connection:
                require_own_session(connection, pool.connect)
        except SQLAlchemyError as error:
            raise DatabaseError(f"The engine's database {self.place} can't be used: {describe(error)}.") from error
        finally:
            pool.dispose()

    def connect(self) -> Engine:
        return create_engine(
            self._url,
            pool_pre_ping=True,
            pool_size=_POOLED_CONNECTIONS,
            max_overflow=_POOLED_CONNECTIONS,
            connect_args=NOTICING_GONE_SERVERS,
        )


EngineDatabase = SqliteFile | PostgresqlSchema


def choose_database(url_text: str) -> EngineDatabase:
    """:raises SettingsError: if the engine can't use the product's database of that URL."""
    try:
        url = make_url(url_text)
    except ArgumentError as error:
        raise SettingsError("The database URL can't be read.") from error
    if url.get_backend_name() == "sqlite" and url.database:
        path = Path(url.database).absolute()
        return SqliteFile(path.with_name(path.name + FILE_ENDING))
    if url.drivername == "postgresql+psycopg":
        return PostgresqlSchema(url)
    raise SettingsError(f"The engine can't use the database {url.render_as_string(hide_password=True)}.")


def require_own_session(connection: Connection, connect: Callable[[], Connection]) -> None:
    """Check that a connection keeps its session, by using a second connection in between.

    A pooler that shares sessions gives the second client the session of the first, or gives the first client another
    session at its next transaction.

    :raises DatabaseError: if so.
    """
    before = _read_session(connection)
    with connect() as other:
        between = _read_session(other)
        after = _read_session(connection)
    if between in (before, after) or before != after:
        raise DatabaseError(
            "The connection to PostgreSQL goes through a pooler that shares sessions among clients, and prepared "
            "statements don't survive that.",
            hint="Connect to PostgreSQL itself, or use the pooler's session mode.",
        )


def _read_session(connection: Connection) -> int:
    """In a transaction of its own."""
    session: int = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    connection.commit()
    return session


def describe(error: SQLAlchemyError) -> str:
    """Its first line, which contains no parameters."""
    original = getattr(error, "orig", None) or error
    return (str(original).splitlines() or [type(original).__name__])[0].rstrip(".")


APPLICATION_VERSION = "1"
"""Raised by hand, when the work of a workflow changes so that an older program can't continue it."""

_APPLICATION_NAME = "rootkeeper"
_PERFORM_JOB = "perform_job"

_OVER = ["SUCCESS", "ERROR", "CANCELLED"]
"""Source: DBOS 3.4, WorkflowStatusString."""

_QUEUE_POLL_SECONDS = 0.5
_LOOK_SECONDS = 0.1
_FORGOTTEN_AT_ONCE = 500

_CLOSE_SECONDS = 1.5
"""DBOS waits much longer for a database that is away."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How jobs are performed."""

    concurrency: int = 4
    """Jobs that this process performs at the same time."""
    application_version: str = APPLICATION_VERSION


def open_engine(url_text: str, organization_id: str, options: EngineOptions | None = None) -> DbosEngine:
    """The engine for the jobs of an organization in this database; nothing is opened yet.

    :raises SettingsError: if the URL can't be used.
    """
    return DbosEngine(choose_database(url_text), organization_id, options or EngineOptions())


class _WorkflowReleasedError(BaseException):
    """Ends a workflow's thread without an outcome: DBOS stores every ``Exception`` as an outcome."""


class DbosEngine:
    """Implements the port Engine; one at a time in a process, because a process has a single DBOS."""

    def __init__(self, database: EngineDatabase, organization_id: str, options: EngineOptions) -> None:
        self._database = database
        self._queue = f"jobs-{organization_id}"
        self._options = options
        self._pool: ConnectionPool | None = None
        self._client_field: DBOSClient | None = None
        self._performing: set[str] = set()
        self._guard = threading.Lock()
        self._is_launched = False
        self._stopping = threading.Event()
        self._abandoning = threading.Event()

    # Performing jobs.

    def start(self, perform: Callable[[str], None]) -> None:
        """After an error it can be tried again."""
        self._stopping.clear()
        self._abandoning.clear()
        self._database.prepare()
        try:
            with self._explained():
                self._launch(perform)
        except BaseException:
            self._close()
            raise

    def stop(self, grace_seconds: float) -> bool:
        self._stopping.set()
        deadline = time.monotonic() + grace_seconds
        while self._performing and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
        all_ended = not self._performing
        closing = threading.Thread(target=self._close, name="rootkeeper-engine-closing", daemon=True)
        closing.start()
        closing.join(max(_CLOSE_SECONDS, deadline - time.monotonic()))
        return all_ended

    def _launch(self, perform: Callable[[str], None]) -> None:
        from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

        logger = logging.getLogger("dbos")
        if not logger.handlers:  # then DBOS adds none of its own, so that its messages go where ours do
            logger.addHandler(logging.NullHandler())
        refuse_pickles()
        config: DBOSConfig = {
            "name": _APPLICATION_NAME,
            "system_database_engine": self._connect(),
            "dbos_system_schema": self._database.schema,
            "application_version": self._options.application_version,
            "executor_id": secrets.token_hex(8),
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
            "enable_otlp": False,
            "use_listen_notify": False,
        }
        self._is_launched = True
        DBOS(config=config)

        @DBOS.workflow(name=_PERFORM_JOB, max_recovery_attempts=None)
        def perform_job(job_id: str) -> None:
            self._perform_here(perform, DBOS.workflow_id or "", job_id)

        DBOS.listen_queues([self._queue])
        DBOS.launch()
        DBOS.register_queue(
            self._queue,
            worker_concurrency=self._options.concurrency,
            polling_interval_sec=_QUEUE_POLL_SECONDS,
            on_conflict="always_update",
        )

    def _perform_here(self, perform: Callable[[str], None], workflow_id: str, job_id: str) -> None:
        """In a thread of its own, because a process can end without waiting for it, unlike for the threads of DBOS."""
        worker = threading.Thread(target=perform, args=(job_id,), name=f"rootkeeper-{job_id}", daemon=True)
        with self._guard:
            self._performing.add(workflow_id)
        try:
            if not self._stopping.is_set():
                worker.start()
                while worker.is_alive() and not self._abandoning.is_set():
                    worker.join(_LOOK_SECONDS)
        finally:
            with self._guard:
                self._performing.discard(workflow_id)
        if self._stopping.is_set():
            raise _WorkflowReleasedError

    def _close(self) -> None:
        self._stopping.set()
        self._abandoning.set()
        if self._is_launched:
            from dbos import DBOS

            self._is_launched = False
            DBOS.destroy(destroy_registry=True)
        if self._client_field is not None:
            self._client_field.destroy()
            self._client_field = None
        if self._pool is not None:
            self._pool.dispose()
            self._pool = None

    # The queue of jobs.

    def enqueue(self, job_id: str) -> None:
        """An attempt that waits or runs prevents a second attempt of the same version."""
        version = self._options.application_version
        with self._explained():
            self._client.enqueue(
                {
                    "workflow_name": _PERFORM_JOB,
                    "queue_name": self._queue,
                    "workflow_id": f"{job_id}.{secrets.token_hex(8)}",
                    "app_version": version,
                    "deduplication_id": f"{job_id}@{version}",
                    "duplication_policy": "return-existing",
                },
                job_id,
            )

    def cancel(self, job_id: str) -> None:
        with self._explained():
            unclaimed = self._list(workflow_id_prefix=f"{job_id}.", status=["ENQUEUED", "DELAYED"])
            if unclaimed:
                self._client.cancel_workflows([attempt.workflow_id for attempt in unclaimed])

    def list_waiting(self) -> tuple[str, ...]:
        """Without jobs that another version of the program enqueued, because no process here performs them."""
        return self._list_jobs("ENQUEUED", "DELAYED", "PENDING")

    def list_claimed(self) -> tuple[str, ...]:
        return self._list_jobs("PENDING")

    def put_back(self, job_id: str) -> None:
        with self._explained():
            claimed = self._list(workflow_id_prefix=f"{job_id}.", status="PENDING")
            if claimed:
                self._client.resume_workflows([attempt.workflow_id for attempt in claimed], queue_name=self._queue)

    def forget_before(self, moment: datetime) -> int:
        with self._explained():
            old = self._list(
                name=_PERFORM_JOB, status=_OVER, completed_before=moment.isoformat(), limit=_FORGOTTEN_AT_ONCE
            )
            if old:
                self._client.delete_workflows([attempt.workflow_id for attempt in old])
        return len(old)

    def _list_jobs(self, *statuses: str) -> tuple[str, ...]:
        version = self._options.application_version
        with self._explained():
            found = self._list(queue_name=self._queue, status=list(statuses), app_version=version)
        return tuple(dict.fromkeys(attempt.workflow_id.rpartition(".")[0] for attempt in found))

    def _list(self, **conditions: Any) -> list[WorkflowStatus]:
        """The oldest first."""
        return self._client.list_workflows(load_input=False, load_output=False, **conditions)

    @property
    def _client(self) -> DBOSClient:
        """For all but performing: it reports a lost connection, where DBOS itself waits until it is back."""
        if self._client_field is None:
            from dbos import DBOSClient, DBOSPortableJSONSerializer

            self._client_field = DBOSClient(
                system_database_engine=self._connect(),
                dbos_system_schema=self._database.schema,
                serializer=DBOSPortableJSONSerializer(),
                application_name=_APPLICATION_NAME,
                lazy=True,
                retry_connection_errors=False,
            )
        return self._client_field

    def _connect(self) -> ConnectionPool:
        if self._pool is None:
            self._pool = self._database.connect()
        return self._pool

    @contextmanager
    def _explained(self) -> Iterator[None]:
        from dbos import error as dbos_error

        try:
            yield
        except SQLAlchemyError as error:
            raise DatabaseError(
                f"The engine's database {self._database.place} can't be used: {describe(error)}."
            ) from error
        except dbos_error.DBOSException as error:
            raise DatabaseError(f"The engine can't use its database {self._database.place}: {error}.") from error


@cache
def refuse_pickles() -> None:
    """Prevent this process from unpickling anything that could run code, because a row of DBOS may ask for it.

    Each row names its serializer, and a row that names pickle is unpickled even if another serializer is configured. So
    an audit hook refuses to look up any class or function for a pickle. Hooks can't be removed; a single hook is
    enough.

    Source: DBOS 3.4, ``deserialize_args``; Python, audit events table, ``pickle.find_class``.
    """

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "pickle.find_class":
            raise ValueError(f"A pickle asks for {arguments[0]}.{arguments[1]}; this program unpickles nothing.")

    sys.addaudithook(refuse)
