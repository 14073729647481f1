"""The durable engine, DBOS, as the product uses it: one workflow for each attempt at a job.

Our tables are the truth. DBOS keeps the queue: it gives each job to one process, to no more at a time than its
concurrency allows, and stores nothing but the job's id and which process has it. Work that stops here stays PENDING, so
that the next process continues it.
"""

from __future__ import annotations

import logging
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine as ConnectionPool
from sqlalchemy.exc import SQLAlchemyError

from rootkeeper.engine.databases import EngineDatabase, choose_database, describe
from rootkeeper.errors import DatabaseError

if TYPE_CHECKING:
    from dbos import DBOSClient, WorkflowStatus

APPLICATION_VERSION = "1"
"""Raised by hand, when what a workflow does changes so that an older program can't continue it."""

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
    """The engine for the jobs of one organization in this database; nothing is opened yet.

    :raises SettingsError: if the URL can't be used.
    """
    return DbosEngine(choose_database(url_text), organization_id, options or EngineOptions())


class _WorkflowReleasedError(BaseException):
    """Ends a workflow's thread without an outcome: DBOS stores each ``Exception`` as one, so this is none."""


class DbosEngine:
    """Implements the port Engine; one at a time in a process, because DBOS is one for a process."""

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

    # What performs.

    def start(self, perform: Callable[[str], None]) -> None:
        """See the port. After an error it can be tried again."""
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
        """See the port."""
        self._stopping.set()
        deadline = time.monotonic() + grace_seconds
        while self._list_performing() and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
        all_ended = not self._list_performing()
        closing = threading.Thread(target=self._close, name="rootkeeper-engine-closing", daemon=True)
        closing.start()
        closing.join(max(_CLOSE_SECONDS, deadline - time.monotonic()))
        return all_ended

    def _launch(self, perform: Callable[[str], None]) -> None:
        from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

        _mute_logger()
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

    def _list_performing(self) -> set[str]:
        with self._guard:
            return set(self._performing)

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

    # What asks.

    def enqueue(self, job_id: str) -> None:
        """See the port. An attempt that waits or runs keeps a second one of the same version away."""
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
        """See the port."""
        with self._explained():
            unclaimed = self._list(workflow_id_prefix=f"{job_id}.", status=["ENQUEUED", "DELAYED"])
            if unclaimed:
                self._client.cancel_workflows([one.workflow_id for one in unclaimed])

    def list_waiting(self) -> tuple[str, ...]:
        """See the port; without what another version of the program enqueued, because no process here performs it."""
        return self._list_jobs("ENQUEUED", "DELAYED", "PENDING")

    def list_claimed(self) -> tuple[str, ...]:
        """See the port."""
        return self._list_jobs("PENDING")

    def put_back(self, job_id: str) -> None:
        """See the port."""
        with self._explained():
            claimed = self._list(workflow_id_prefix=f"{job_id}.", status="PENDING")
            if claimed:
                self._client.resume_workflows([one.workflow_id for one in claimed], queue_name=self._queue)

    def forget_before(self, moment: datetime) -> int:
        """See the port."""
        with self._explained():
            old = self._list(
                name=_PERFORM_JOB, status=_OVER, completed_before=moment.isoformat(), limit=_FORGOTTEN_AT_ONCE
            )
            if old:
                self._client.delete_workflows([one.workflow_id for one in old])
        return len(old)

    def _list_jobs(self, *statuses: str) -> tuple[str, ...]:
        version = self._options.application_version
        with self._explained():
            found = self._list(queue_name=self._queue, status=list(statuses), app_version=version)
        return tuple(dict.fromkeys(one.workflow_id.rpartition(".")[0] for one in found))

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


def _mute_logger() -> None:
    """With a handler there DBOS adds none of its own, so that its messages go where ours do."""
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


@cache
def refuse_pickles() -> None:
    """Let this process unpickle nothing that could run code, because a row of DBOS may ask for it.

    Each row names its serializer, and a row that names pickle is unpickled whatever serializer is configured. So an
    audit hook refuses to look up any class or function for a pickle. Hooks can't be removed; one is enough.

    Source: DBOS 3.4, ``deserialize_args``; Python, audit events table, ``pickle.find_class``.
    """
    sys.addaudithook(_refuse_class_of_pickle)


def _refuse_class_of_pickle(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "pickle.find_class":
        raise ValueError(f"A pickle asks for {arguments[0]}.{arguments[1]}; this program unpickles nothing.")
