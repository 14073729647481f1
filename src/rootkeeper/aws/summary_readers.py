"""Readers of many accounts at once: one event loop over a transport of its own, or threads that call botocore.

Threads cost about three times the CPU for the same two calls (``bench/audit.py``). They remain for what botocore alone
can do: going through a proxy.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.root_sessions import AwsRootSessions
from rootkeeper.aws.summary_calls import SummaryCalls, SummaryTemplates
from rootkeeper.aws.transport import create_tls_context, needs_botocore, open_transport
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.errors import AwsError
from rootkeeper.ports.root_sessions import RootSession
from rootkeeper.ports.root_summaries import Deliver, SummaryAnswer, SummaryRequest


def open_reader(clients: AwsClients, concurrency: int) -> LoopSummaryReader | ThreadedSummaryReader:
    """The reader for the settings of this machine; nothing is sent yet.

    :raises AwsCredentialsError: if there are no credentials.
    :raises OSError: if the CA bundle can't be read.
    """
    templates = SummaryTemplates(clients)
    if any(needs_botocore(url) for url in templates.urls):
        return ThreadedSummaryReader(AwsRootSessions(clients), clients, concurrency)
    return LoopSummaryReader(clients, templates, create_tls_context(clients.session), concurrency)


class LoopSummaryReader:
    """Implements the port SummaryReader by an event loop in a thread of its own."""

    _loop: asyncio.AbstractEventLoop

    def __init__(
        self, clients: AwsClients, templates: SummaryTemplates, context: ssl.SSLContext, concurrency: int
    ) -> None:
        self._clients = clients
        self._templates = templates
        self._context = context
        self._concurrency = concurrency
        self._thread = threading.Thread(target=self._serve, name="rootkeeper-summaries", daemon=True)
        self._begun: Future[SummaryCalls] = Future()
        self._end = asyncio.Event()
        self._tasks: set[asyncio.Task[SummaryAnswer]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._begun.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def submit(self, request: SummaryRequest, deliver: Deliver) -> None:
        """See the port."""
        self._loop.call_soon_threadsafe(self._begin, request, deliver)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=create_event_loop) as runner:
            self._loop = runner.get_loop()
            runner.run(self._run())

    async def _run(self) -> None:
        async with open_transport(
            self._context,
            connections=self._concurrency,
            connect_timeout_seconds=self._clients.options.connect_timeout_seconds,
            read_timeout_seconds=self._clients.options.read_timeout_seconds,
        ) as transport:
            self._begun.set_result(SummaryCalls(self._clients, self._templates, transport, self._concurrency))
            await self._end.wait()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, request: SummaryRequest, deliver: Deliver) -> None:
        task = self._loop.create_task(self._begun.result().read(request))
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._take(ended, request, deliver))

    def _take(self, task: asyncio.Task[SummaryAnswer], request: SummaryRequest, deliver: Deliver) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        deliver(task.result() if error is None else SummaryAnswer(request, None, None, error))


class ThreadedSummaryReader:
    """Implements the port SummaryReader by threads that call the shared botocore clients."""

    def __init__(self, sessions: AwsRootSessions, clients: AwsClients, concurrency: int) -> None:
        self._sessions = sessions
        self._clients = clients
        self._executor = ThreadPoolExecutor(concurrency, thread_name_prefix="rootkeeper-summaries")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)

    def submit(self, request: SummaryRequest, deliver: Deliver) -> None:
        """See the port."""
        future = self._executor.submit(self._read, request)
        future.add_done_callback(lambda ended: _hand_over(ended, request, deliver))

    def _read(self, request: SummaryRequest) -> SummaryAnswer:
        session: RootSession | None = request.session
        if request.delay_seconds:
            self._clients.clock.sleep(request.delay_seconds)
        try:
            session = session or self._sessions.open(request.account_id, TaskPolicy.AUDIT, request.intent)
            return SummaryAnswer(request, session, session.read_summary(), None)
        except AwsError as error:
            return SummaryAnswer(request, session, None, error)


def _hand_over(future: Future[SummaryAnswer], request: SummaryRequest, deliver: Deliver) -> None:
    if future.cancelled():
        return
    error = future.exception()
    deliver(future.result() if error is None else SummaryAnswer(request, None, None, error))


def create_event_loop() -> asyncio.AbstractEventLoop:
    """A new loop: of uvloop where it exists, which is everywhere but on Windows."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # a tenth of a second of import, for audits alone

    return uvloop.new_event_loop()
