"""A job's changes as server-sent events.

Events are read from the job's row, so they include a job that another process performs. A stream ends with its job,
when the client leaves or loses its permission, when the server stops, or after an hour.

Source: HTML standard, server-sent events.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from rootkeeper.access.rules import Identity, Permission
from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.errors import AccountBusyError, RootkeeperError
from rootkeeper.jobs.records import job_to_record
from rootkeeper.jobs.rules import Job
from rootkeeper.server.guards import identify

LOOK_SECONDS = 1.0
SIGN_OF_LIFE_SECONDS = 15.0
LONGEST_SECONDS = 3600.0
MOST_STREAMS = 100
MOST_STREAMS_OF_PERSON = 10
"""Of a user or token: enough for the open pages of a person, and nine others have as many."""


async def stream_job(services: ServerRuntime, job_id: str, request: Request) -> StreamingResponse:
    """Return the stream of a job; its first event comes at once.

    :raises InputError: if there is no such job.
    """
    job = await run_in_threadpool(services.jobs.get, job_id)
    streams: StreamCount = request.app.state.streams
    identity: Identity = request.state.identity
    streams.take(identity.identity_id)
    return _CountedStream(_stream_events(services, job, request), lambda: streams.give_back(identity.identity_id))


class _CountedStream(StreamingResponse):
    """A stream that is counted until it ends, also if its client leaves before the first event."""

    def __init__(self, events: AsyncIterator[bytes], give_back: Callable[[], None]) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._give_back = give_back

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._give_back()


class StreamCount:
    """Counts open streams; each reads the database once a second."""

    def __init__(self, most: int = MOST_STREAMS, most_of_person: int = MOST_STREAMS_OF_PERSON) -> None:
        self._most = most
        self._most_of_person = most_of_person
        self._open: Counter[str] = Counter()
        self._guard = threading.Lock()

    def take(self, identity_id: str) -> None:
        """:raises AccountBusyError: if there are too many, in all or of this person."""
        with self._guard:
            if self._open[identity_id] >= self._most_of_person:
                raise AccountBusyError(
                    f"You follow {self._most_of_person} jobs already.",
                    hint="Close other pages and clients, or read the job from time to time instead.",
                )
            if self._open.total() >= self._most:
                raise AccountBusyError("Too many clients follow jobs.", hint="Read the job from time to time instead.")
            self._open[identity_id] += 1

    def give_back(self, identity_id: str) -> None:
        with self._guard:
            self._open[identity_id] -= 1
            self._open += Counter()  # forgets those without any


async def _stream_events(services: ServerRuntime, job: Job, request: Request) -> AsyncIterator[bytes]:
    shown: bytes | None = None
    loop = asyncio.get_running_loop()
    ends_at, spoke_at = loop.time() + LONGEST_SECONDS, loop.time()
    try:
        while True:
            event = f"event: job\ndata: {json.dumps(job_to_record(job))}\n\n".encode()
            if event != shown:
                yield event
                shown, spoke_at = event, loop.time()
            if job.is_over or services.is_stopping or loop.time() > ends_at:
                return
            if loop.time() - spoke_at > SIGN_OF_LIFE_SECONDS:
                yield b": still here\n\n"
                spoke_at = loop.time()
            await asyncio.sleep(LOOK_SECONDS)
            job = await run_in_threadpool(_look, services, job.job_id, request)
    except RootkeeperError:
        return  # the client connects again, and then gets the error


def _look(services: ServerRuntime, job_id: str, request: Request) -> Job:
    """:raises RootkeeperError: if the job can't be read, or the client has lost its permission."""
    identify(request, is_use=False).require_permission(Permission.JOBS_READ)
    return services.jobs.get(job_id)
