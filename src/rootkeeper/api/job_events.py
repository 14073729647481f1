"""A job's changes as server-sent events, read from its row: so they also tell of a job that another process performs.

Each stream ends when its job is over, when the client goes away or isn't let in any more, when the server is about to
end, or after an hour.
Source of the format: HTML standard, server-sent events.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse

from rootkeeper.api.guarding import identify
from rootkeeper.api.services import ServerServices
from rootkeeper.domain.access import Permission
from rootkeeper.domain.job_records import job_to_record
from rootkeeper.domain.jobs import Job
from rootkeeper.errors import AccountBusyError, RootkeeperError

LOOK_SECONDS = 1.0
SIGN_OF_LIFE_SECONDS = 15.0
LONGEST_SECONDS = 3600.0
MOST_STREAMS = 100


async def stream_job(services: ServerServices, job_id: str, request: Request) -> StreamingResponse:
    """The stream of one job; its first event comes at once.

    :raises InputError: if there is no such job.
    """
    job = await run_in_threadpool(services.jobs.get, job_id)
    streams: StreamCount = request.app.state.streams
    streams.take()
    return StreamingResponse(
        _stream_events(services, job, streams, request),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


class StreamCount:
    """How many streams are open: each asks the database once a second."""

    def __init__(self, most: int = MOST_STREAMS) -> None:
        self._most = most
        self._open = 0
        self._guard = threading.Lock()

    def take(self) -> None:
        """:raises AccountBusyError: if there are too many."""
        with self._guard:
            if self._open >= self._most:
                raise AccountBusyError("Too many people follow jobs.", hint="Ask for the job itself now and then.")
            self._open += 1

    def give_back(self) -> None:
        with self._guard:
            self._open -= 1


async def _stream_events(
    services: ServerServices, job: Job, streams: StreamCount, request: Request
) -> AsyncIterator[bytes]:
    try:
        async for event in _follow(services, job, request):
            yield event
    finally:
        streams.give_back()


async def _follow(services: ServerServices, job: Job, request: Request) -> AsyncIterator[bytes]:
    shown: bytes | None = None
    loop = asyncio.get_running_loop()
    ends_at, spoke_at = loop.time() + LONGEST_SECONDS, loop.time()
    while True:
        event = render_event(job)
        if event != shown:
            yield event
            shown, spoke_at = event, loop.time()
        if job.is_over or services.is_stopping or loop.time() > ends_at:
            return
        if loop.time() - spoke_at > SIGN_OF_LIFE_SECONDS:
            yield b": still here\n\n"
            spoke_at = loop.time()
        await asyncio.sleep(LOOK_SECONDS)
        try:
            job = await run_in_threadpool(_look, services, job.job_id, request)
        except RootkeeperError:
            return  # the client comes back, and is then told what is amiss


def _look(services: ServerServices, job_id: str, request: Request) -> Job:
    """:raises RootkeeperError: if the job can't be read, or whoever follows it may not any more."""
    identify(request, is_use=False).require_permission(Permission.JOBS_READ)
    return services.jobs.get(job_id)


def render_event(job: Job) -> bytes:
    """One event: the job's record, under the name of its state."""
    return f"event: job\ndata: {json.dumps(job_to_record(job))}\n\n".encode()
