"""Reads the root credentials summaries of many accounts at once: AssumeRoot with the audit policy, GetAccountSummary.

Botocore's endpoint, signature and parser, the pacer, the check of the intent before the request, and the translation of
errors are those of the rest of the gateway; only the transport differs. Threads that call botocore cost about three
times the CPU (``bench/audit.py``). They remain for calls through a proxy, and where the extra ``fast`` isn't installed.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self
from urllib.parse import urlsplit

from botocore.credentials import ReadOnlyCredentials

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.credentials import RootSessionCredentials, require_still_valid, root_session_entered
from rootkeeper.aws.endpoints import host_and_port
from rootkeeper.aws.errors import TRANSLATED, AwsResponse, FailedCall, raise_translated
from rootkeeper.aws.root_sessions import (
    AwsRootSession,
    AwsRootSessions,
    RootSession,
    assume_root_parameters,
    parse_summary,
    require_intent_covers,
    session_answered,
)
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.aws.templates import PLACEHOLDER, CallTemplate, create_tls_context, needs_botocore, take_template
from rootkeeper.errors import AwsCredentialsError, AwsError, AwsThrottledError, AwsUnreachableError
from rootkeeper.installation import is_installed
from rootkeeper.ledger.rules import Intent
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import RootCredentialsSummary

if TYPE_CHECKING:
    from rootkeeper.aws.transport import Transport


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    """An account to read."""

    account_id: AccountId
    intent: Intent
    """Of action ``accounts:audit``, with the account among its accounts."""
    session: RootSession | None = None
    """A valid audit session of an earlier try; then AssumeRoot isn't called."""
    delay_seconds: float = 0.0
    """How long to wait first."""


@dataclass(frozen=True, slots=True)
class SummaryAnswer:
    """A summary, or the error of the call that failed."""

    request: SummaryRequest
    session: RootSession | None
    """``None`` if no session was opened."""
    summary: RootCredentialsSummary | None
    error: BaseException | None
    """An AwsError, LockLostError if the intent had expired (nothing was sent after that), or a bug."""


Deliver = Callable[[SummaryAnswer], None]
"""Is called once for each request, from any thread; must not block."""


class SummaryReader(Protocol):
    """Reads many accounts at once."""

    def submit(self, request: SummaryRequest, deliver: Deliver) -> None:
        """Start to read an account: sts:AssumeRoot, iam:GetAccountSummary. Returns at once."""
        ...


class RootSummaries(Protocol):
    """Opens readers of summaries."""

    def open_summary_reader(self, concurrency: int) -> AbstractContextManager[SummaryReader]:
        """Open a reader. Its end drops requests that haven't begun; it waits for those in flight, or drops them too.

        Each call is made once for a request; the caller decides whether to try again.
        """
        ...


_NO_SESSION = RootSessionCredentials("AKIAIOSFODNN7EXAMPLE", "of no session", "of no session")
"""Signs the template of a root session's call, which is never sent."""


class SummaryTemplates:
    """Both calls as botocore sends them."""

    def __init__(self, clients: AwsClients) -> None:
        """:raises AwsCredentialsError: if there are no credentials."""
        parameters = assume_root_parameters(AccountId(PLACEHOLDER), TaskPolicy.AUDIT, clients.partition)
        try:
            self.assume_root = take_template(clients.create_template_client("sts"), "AssumeRoot", **parameters)
            with root_session_entered(_NO_SESSION):
                client = clients.create_template_client("iam", in_root_session=True)
                self.read_summary = take_template(client, "GetAccountSummary")
        except TRANSLATED as error:
            raise_translated(error, FailedCall(operation="sts:AssumeRoot", host="", profile=clients.profile))

    @property
    def urls(self) -> tuple[str, str]:
        return self.assume_root.url, self.read_summary.url


class SummaryCalls:
    """The two calls, within an event loop."""

    def __init__(
        self, clients: AwsClients, templates: SummaryTemplates, transport: Transport, concurrency: int
    ) -> None:
        self._clients = clients
        self._templates = templates
        self._transport = transport
        self._slots = asyncio.Semaphore(concurrency)
        self._quota = clients.pacer.bucket_of("sts", "AssumeRoot")
        self._turn = asyncio.Lock()
        """Held by the account that waits for its token, so that a change of the pace reaches all the others."""

    async def read(self, request: SummaryRequest) -> SummaryAnswer:
        """Read an account; an error of AWS is part of the answer.

        :raises LockLostError: if the intent has expired; nothing was sent after that.
        """
        if request.delay_seconds:
            await asyncio.sleep(request.delay_seconds)
        async with self._slots:
            session = request.session if isinstance(request.session, AwsRootSession) else None
            try:
                session = session or await self._open(request)
                call = FailedCall(
                    "iam:GetAccountSummary",
                    host_and_port(self._templates.read_summary.url),
                    self._clients.profile,
                    target=session.account_id,
                    in_root_session=True,
                )
                answer = await self._exchange(
                    self._templates.read_summary, session.account_id, session.freeze_credentials, call
                )
                return SummaryAnswer(request, session, parse_summary(answer), None)
            except AwsError as error:
                return SummaryAnswer(request, session, None, error)

    async def _open(self, request: SummaryRequest) -> AwsRootSession:
        require_intent_covers(request.intent, request.account_id, TaskPolicy.AUDIT)
        async with self._turn:
            # Before the wait, too: a token that isn't used is a call less.
            require_still_valid(request.intent, self._clients.clock)
            while (wait_seconds := self._quota.find_drawn()) is None:
                await asyncio.to_thread(self._quota.draw_ahead)
            if wait_seconds > 0:
                await asyncio.sleep(wait_seconds)
        require_still_valid(request.intent, self._clients.clock)
        call = FailedCall(
            "sts:AssumeRoot",
            host_and_port(self._templates.assume_root.url),
            self._clients.profile,
            target=request.account_id,
        )
        try:
            answer = await self._exchange(
                self._templates.assume_root, request.account_id, self._clients.find_operator, call
            )
        except AwsThrottledError:
            await asyncio.to_thread(self._quota.slow_down)
            raise
        except AwsUnreachableError:
            raise
        except AwsError as error:
            self._quota.accept()
            if isinstance(error, AwsCredentialsError):
                self._clients.give_up_operator()
            raise
        self._quota.accept()
        return session_answered(self._clients, request.account_id, TaskPolicy.AUDIT, answer)

    async def _exchange(
        self,
        template: CallTemplate,
        account_id: AccountId,
        find_credentials: Callable[[], ReadOnlyCredentials],
        call: FailedCall,
    ) -> AwsResponse:
        """Sign, send and parse. A renewal of the credentials blocks the loop, because all its calls need them."""
        try:
            signed = template.sign(account_id, find_credentials(), self._clients.latest_clock.find_aws_time())
            return template.parse(*await self._transport.send(signed))
        except TRANSLATED as error:
            raise_translated(error, call)


def open_reader(clients: AwsClients, concurrency: int) -> LoopSummaryReader | ThreadedSummaryReader:
    """Open the reader for this machine's settings. Nothing is sent yet.

    :raises AwsCredentialsError: if there are no credentials.
    :raises OSError: if the CA bundle can't be read.
    """
    templates = SummaryTemplates(clients)
    if not is_installed("fast") or any(needs_botocore(url) for url in templates.urls):
        return ThreadedSummaryReader(AwsRootSessions(clients), clients, concurrency)
    is_encrypted = any(urlsplit(url).scheme == "https" for url in templates.urls)  # not to a sandbox
    context = create_tls_context(clients.session) if is_encrypted else None
    return LoopSummaryReader(clients, templates, context, concurrency)


class LoopSummaryReader:
    """Implements ``SummaryReader`` by an event loop in a thread of its own."""

    _loop: asyncio.AbstractEventLoop

    def __init__(
        self, clients: AwsClients, templates: SummaryTemplates, context: ssl.SSLContext | None, concurrency: int
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

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def submit(self, request: SummaryRequest, deliver: Deliver) -> None:
        self._loop.call_soon_threadsafe(self._begin, request, deliver)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=create_event_loop) as runner:
            self._loop = runner.get_loop()
            runner.run(self._run())

    async def _run(self) -> None:
        from rootkeeper.aws.transport import open_transport  # of the extra fast

        async with open_transport(
            self._context,
            connections=self._concurrency,
            connect_timeout_seconds=self._clients.options.connect_timeout_seconds,
            read_timeout_seconds=self._clients.options.read_timeout_seconds,
            call_timeout_seconds=self._clients.options.call_timeout_seconds,
        ) as transport:
            self._begun.set_result(SummaryCalls(self._clients, self._templates, transport, self._concurrency))
            await self._end.wait()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, request: SummaryRequest, deliver: Deliver) -> None:
        task = self._loop.create_task(self._begun.result().read(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda ended: _hand_over(ended, request, deliver))


class ThreadedSummaryReader:
    """Implements ``SummaryReader`` by threads that call the shared botocore clients."""

    def __init__(self, sessions: AwsRootSessions, clients: AwsClients, concurrency: int) -> None:
        self._sessions = sessions
        self._clients = clients
        self._executor = ThreadPoolExecutor(concurrency, thread_name_prefix="rootkeeper-summaries")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)

    def submit(self, request: SummaryRequest, deliver: Deliver) -> None:
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


def _hand_over(
    ended: asyncio.Task[SummaryAnswer] | Future[SummaryAnswer], request: SummaryRequest, deliver: Deliver
) -> None:
    if ended.cancelled():
        return
    error = ended.exception()
    deliver(ended.result() if error is None else SummaryAnswer(request, None, None, error))


def create_event_loop() -> asyncio.AbstractEventLoop:
    """Create a loop: uvloop's, or asyncio's own on Windows."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # a tenth of a second of import, for audits alone

    return uvloop.new_event_loop()
