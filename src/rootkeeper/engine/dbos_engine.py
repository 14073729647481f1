"""The durable engine, DBOS, as the product uses it: one workflow for each job, with one step that performs it.

Our tables are the truth. The engine sees to it that somebody performs a job, again if a process dies, and nothing else;
so what it keeps is a job's id and which process has it. What stops here is left PENDING, for whoever comes next.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine as ConnectionPool
from sqlalchemy.exc import SQLAlchemyError

from rootkeeper.engine.databases import EngineDatabase, choose_database
from rootkeeper.engine.pickles import refuse_pickles
from rootkeeper.engine.slots import describe
from rootkeeper.engine.takeover import SlotKeeping
from rootkeeper.engine.workflows import (
    APPLICATION_NAME,
    OVER,
    PERFORM_JOB,
    Sighting,
    find_next_id,
    list_ids,
    parse_job_id,
)
from rootkeeper.errors import DatabaseError

if TYPE_CHECKING:
    from dbos import DBOSClient

APPLICATION_VERSION = "1"
"""Raised by hand, when what a workflow does changes so that an older program can't go on with it."""

_QUEUE_POLL_SECONDS = 0.5
_LOOK_SECONDS = 0.1
_FORGOTTEN_AT_ONCE = 500
_CLOSE_SECONDS = 1.5
"""DBOS waits much longer for a database that is away."""
_SETTLED_SECONDS = 5.0
"""For so long a workflow may be between the queue and the thread that performs it."""


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


class _LeftForOthersError(BaseException):
    """Ends a workflow's thread without an outcome: no ``Exception``, since an outcome is kept of each of those."""


class DbosEngine:
    """Implements the port Engine; one at a time in a process, since DBOS is one for a process."""

    def __init__(self, database: EngineDatabase, organization_id: str, options: EngineOptions) -> None:
        self._database = database
        self._queue = f"jobs-{organization_id}"
        self._options = options
        self._keeping = SlotKeeping(database.slots(), self._list_pending, self._resume, self._move)
        self._pool: ConnectionPool | None = None
        self._client_field: DBOSClient | None = None
        self._perform: Callable[[str], None] = _perform_nothing
        self._performing: set[str] = set()
        self._guard = threading.Lock()
        self._is_launched = False
        self._stopping = threading.Event()
        self._abandoning = threading.Event()

    def start(self, perform: Callable[[str], None]) -> None:
        """See the port. What failed can be tried again."""
        self._perform = perform
        self._stopping.clear()
        self._abandoning.clear()
        self._database.prepare()
        try:
            with self._explained():
                self._keeping.take_slot()
                self._launch(self._keeping.executor_id)
        except BaseException:
            self._close()
            raise
        self._keeping.start()

    def enqueue(self, job_id: str) -> None:
        """See the port; what is enqueued already, and not over, isn't again."""
        with self._explained():
            known = self._find_workflows(job_id)
            if any(self._is_waiting(sighting) for sighting in known.values()):
                return
            self._client.enqueue(
                {
                    "workflow_name": PERFORM_JOB,
                    "queue_name": self._queue,
                    "workflow_id": find_next_id(job_id, known),
                    "app_version": self._options.application_version,
                },
                job_id,
            )

    def cancel(self, job_id: str) -> None:
        """See the port."""
        with self._explained():
            unbegun = [workflow_id for workflow_id, one in self._find_workflows(job_id).items() if one.is_enqueued]
            if unbegun:
                self._client.cancel_workflows(unbegun)

    def list_waiting(self) -> tuple[str, ...]:
        """See the port; what another version of the program enqueued isn't seen, since nobody here performs it."""
        with self._explained():
            found = self._list(queue_name=self._queue, status=["ENQUEUED", "PENDING", "DELAYED"])
        waiting = [one for one in found if self._is_waiting(one)]
        waiting.sort(key=lambda one: one.created_at)
        return tuple(dict.fromkeys(parse_job_id(one.workflow_id) for one in waiting))

    def forget_before(self, moment: datetime) -> int:
        """See the port. A job's attempts go together, since the next one's id follows from those before."""
        with self._explained():
            old = self._list(
                queue_name=self._queue,
                status=list(OVER),
                completed_before=moment.isoformat(),
                limit=_FORGOTTEN_AT_ONCE,
            )
            ids = [
                workflow_id
                for job_id in dict.fromkeys(parse_job_id(one.workflow_id) for one in old)
                for workflow_id in _choose_forgotten(self._find_workflows(job_id), moment)
            ]
            if ids:
                self._client.delete_workflows(ids)
        return len(ids)

    def stop(self, grace_seconds: float) -> None:
        """See the port."""
        self._stopping.set()
        deadline = time.monotonic() + grace_seconds
        while self._list_performing() and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
        closing = threading.Thread(target=self._close, name="rootkeeper-engine-closing", daemon=True)
        closing.start()
        closing.join(max(_CLOSE_SECONDS, deadline - time.monotonic()))

    # What performs.

    def _launch(self, executor_id: str) -> None:
        from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

        _silence_logger()
        refuse_pickles()
        pool = self._connect()
        config: DBOSConfig = {
            "name": APPLICATION_NAME,
            "system_database_engine": pool,
            "dbos_system_schema": self._database.schema,
            "application_version": self._options.application_version,
            "executor_id": executor_id,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
            "enable_otlp": False,
            "use_listen_notify": False,
        }
        self._is_launched = True
        DBOS(config=config)

        @DBOS.workflow(name=PERFORM_JOB, max_recovery_attempts=None)
        def perform_job(job_id: str) -> None:
            DBOS.run_step(None, self._perform_here, DBOS.workflow_id or "", job_id)

        DBOS.listen_queues([self._queue])
        DBOS.launch()
        DBOS.register_queue(
            self._queue,
            worker_concurrency=self._options.concurrency,
            polling_interval_sec=_QUEUE_POLL_SECONDS,
            on_conflict="always_update",
        )

    def _perform_here(self, workflow_id: str, job_id: str) -> None:
        """In a thread of its own, which a stop doesn't wait for beyond its grace."""
        if self._stopping.is_set():
            raise _LeftForOthersError
        done = threading.Event()

        def work() -> None:
            try:
                self._perform(job_id)
            finally:
                done.set()

        with self._guard:
            self._performing.add(workflow_id)
        try:
            threading.Thread(target=work, name=f"rootkeeper-{job_id}", daemon=True).start()
            while not done.wait(_LOOK_SECONDS) and not self._abandoning.is_set():
                pass
        finally:
            with self._guard:
                self._performing.discard(workflow_id)
        if self._stopping.is_set():
            raise _LeftForOthersError

    def _list_performing(self) -> set[str]:
        with self._guard:
            return set(self._performing)

    def _move(self, executor_id: str) -> None:
        """Go on in another slot, since somebody else has this process's own."""
        from dbos import DBOS

        DBOS.destroy(destroy_registry=True)
        with self._explained():
            self._launch(executor_id)

    def _close(self) -> None:
        self._stopping.set()
        self._abandoning.set()
        self._keeping.stop()
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
        self._keeping.release()

    # What is known of jobs.

    @property
    def _client(self) -> DBOSClient:
        """For all that isn't performing: it tells of a lost connection, instead of waiting for it to come back."""
        if self._client_field is None:
            from dbos import DBOSClient, DBOSPortableJSONSerializer

            refuse_pickles()
            self._client_field = DBOSClient(
                system_database_engine=self._connect(),
                dbos_system_schema=self._database.schema,
                serializer=DBOSPortableJSONSerializer(),
                application_name=APPLICATION_NAME,
                lazy=True,
                retry_connection_errors=False,
            )
        return self._client_field

    def _connect(self) -> ConnectionPool:
        if self._pool is None:
            self._pool = self._database.connect()
        return self._pool

    def _find_workflows(self, job_id: str) -> dict[str, Sighting]:
        """Every attempt at a job, by the workflow's id."""
        found: dict[str, Sighting] = {}
        for ids in list_ids(job_id):
            some = self._list(workflow_ids=ids)
            found |= {one.workflow_id: one for one in some}
            if len(some) < len(ids):
                break
        return found

    def _list(self, **conditions: Any) -> list[Sighting]:
        found = self._client.list_workflows(load_input=False, load_output=False, **conditions)
        return [Sighting.of(status) for status in found]

    def _is_waiting(self, one: Sighting) -> bool:
        """Whether somebody will perform it, or does."""
        if one.version != self._options.application_version:
            return False
        if not one.is_pending or one.executor_id != self._keeping.executor_id:
            return one.is_enqueued or one.is_pending
        is_young = time.time() - one.updated_at < _SETTLED_SECONDS
        return is_young or one.workflow_id in self._list_performing()

    def _list_pending(self) -> list[Sighting]:
        """What some process has begun, for whichever organization."""
        with self._explained():
            return self._list(status="PENDING")

    def _resume(self, ids_by_queue: Mapping[str | None, list[str]]) -> None:
        with self._explained():
            for queue, workflow_ids in ids_by_queue.items():
                self._client.resume_workflows(workflow_ids, queue_name=queue)

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


def _choose_forgotten(attempts: Mapping[str, Sighting], moment: datetime) -> list[str]:
    """All attempts at a job or, unless each was over by then, none."""
    is_old = all(one.is_over and one.updated_at <= moment.timestamp() for one in attempts.values())
    return list(attempts) if is_old else []


def _perform_nothing(job_id: str) -> None:
    """Before it is started."""


def _silence_logger() -> None:
    """What it logs goes where ours does: with a handler there it adds none of its own."""
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
