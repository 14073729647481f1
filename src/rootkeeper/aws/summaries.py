"""The audit's two calls, over a transport of their own.

Signature Version 4 of a call that is sent many times with other bodies and credentials.

What is signed is botocore's canonical request, taken once, which spares CPU; what differs from call to call is put
into it. The signature itself is botocore's each time.

A call as botocore would send it, taken once and sent many times with another account in it.

Endpoint, headers and the form of the body come from botocore itself, by a request that is built and never sent. So its
endpoint rules, its user agent and its settings hold for calls that go another way, too.

The way over which the two calls of an audit go: aiohttp, as strict about TLS as botocore, with botocore's errors.

A proxy is left to botocore: where one is set, ``needs_botocore`` says so and nothing goes this way.

Reading the summaries of many accounts at once: the two calls of an audit, which is all that most accounts cost.

The two calls by which an account is read: AssumeRoot with the audit task policy, GetAccountSummary.

Botocore's endpoint, signature and parser, the pacer, a valid intent before the request leaves, and the translation of
errors are the same as everywhere in the gateway. Only what carries the bytes is another.

Readers of many accounts at once: one event loop over a transport of its own, or threads that call botocore.

Threads cost about three times the CPU for the same two calls (``bench/audit.py``). They remain for what botocore alone
can do: going through a proxy.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Protocol, Self, cast
from urllib.parse import urlsplit

import aiohttp
from botocore import exceptions as botocore_errors
from botocore import xform_name
from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.client import BaseClient
from botocore.compat import get_current_datetime
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError
from botocore.httpsession import create_urllib3_context, get_cert_path
from botocore.parsers import ResponseParserError, ResponseParserFactory
from botocore.session import Session
from botocore.utils import get_environ_proxies, parse_timestamp
from multidict import CIMultiDictProxy
from yarl import URL

from rootkeeper.aws.clients import AwsClients, RootSessionCredentials, root_session_entered
from rootkeeper.aws.endpoints import host_and_port
from rootkeeper.aws.errors import TRANSLATED, AwsResponse, FailedCall, raise_translated
from rootkeeper.aws.pacing import require_still_valid
from rootkeeper.aws.root_sessions import (
    AwsRootSession,
    AwsRootSessions,
    RootSession,
    assume_root_parameters,
    parse_summary,
    require_intent_covers,
    session_answered,
)
from rootkeeper.aws.task_policies import TaskPolicy
from rootkeeper.errors import AwsCredentialsError, AwsError, AwsThrottledError
from rootkeeper.ledger.rules import Intent
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import RootCredentialsSummary

_TOKEN = "token-of-the-form"  # noqa: S105 - a place to be filled


_BODY = b"body-of-the-form"


_FORM_KEY, _FORM_SECRET = "key-of-the-form", "secret-of-the-form"


@dataclass(frozen=True, slots=True)
class _CanonicalRequest:
    """A canonical request, but for the moment, the session token and the hash of the body."""

    moment: str
    """Stands for the moment of signing."""
    text: str
    signed_headers: str

    def fill(self, moment: str, token: str | None, body: bytes) -> str:
        text = self.text.replace(self.moment, moment).replace(_BODY_HASH, sha256(body).hexdigest())
        return text if token is None else text.replace(_TOKEN, token)


_BODY_HASH = sha256(_BODY).hexdigest()


@dataclass(frozen=True, slots=True)
class _SigningContext:
    """All that botocore's signature wants to know of a request."""

    context: dict[str, Any]


@dataclass(frozen=True)
class CachedRequestSigner:
    """Signs POST requests to one URL with the same headers."""

    url: str
    headers: Mapping[str, str]
    signing_name: str
    region: str

    def sign(self, body: bytes, credentials: ReadOnlyCredentials, at: datetime) -> dict[str, str]:
        """All headers of the signed request; ``at`` is in UTC."""
        moment = at.strftime(SIGV4_TIMESTAMP)
        token = credentials.token or None
        form = self._without_token if token is None else self._with_token
        auth = SigV4Auth(credentials, self.signing_name, self.region)
        signing: Any = _SigningContext({"timestamp": moment})
        signature = auth.signature(auth.string_to_sign(signing, form.fill(moment, token, body)), signing)
        headers = {**self.headers, "X-Amz-Date": moment}
        if token is not None:
            headers["X-Amz-Security-Token"] = token
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={auth.scope(signing)}, SignedHeaders={form.signed_headers},"
            f" Signature={signature}"
        )
        return headers

    @cached_property
    def _with_token(self) -> _CanonicalRequest:
        return self._take_form(_TOKEN)

    @cached_property
    def _without_token(self) -> _CanonicalRequest:
        return self._take_form(None)

    def _take_form(self, token: str | None) -> _CanonicalRequest:
        auth = SigV4Auth(ReadOnlyCredentials(_FORM_KEY, _FORM_SECRET, token), self.signing_name, self.region)
        request = AWSRequest("POST", self.url, headers=self.headers, data=_BODY)
        auth.add_auth(request)
        del request.headers["Authorization"]
        headers = auth.headers_to_sign(request)
        return _CanonicalRequest(
            request.context["timestamp"], auth.canonical_request(request), auth.signed_headers(headers)
        )


PLACEHOLDER = "000000000000"
"""Stands for the account id in the parameters of a template."""


_KEPT_HEADERS = ("Content-Type", "User-Agent")


_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/(?P<region>[^/]+)/(?P<name>[^/]+)/aws4_request")


_LOWEST_ERROR = 300


class RequestCapturedError(Exception):
    """Ends a call just before its request would leave."""

    def __init__(self, request: AWSPreparedRequest) -> None:
        super().__init__()
        self.request = request


@dataclass(frozen=True, slots=True)
class SignedCall:
    """What goes over the wire."""

    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class CallTemplate:
    """One operation, ready but for the account and the signature."""

    operation: str
    url: str
    body: bytes
    signature: CachedRequestSigner
    output_shape: Any
    parser: Any

    def sign(self, account_id: str, credentials: ReadOnlyCredentials) -> SignedCall:
        """The call for one account, signed now with Signature Version 4."""
        body = self.body.replace(PLACEHOLDER.encode(), account_id.encode())
        return SignedCall(self.url, self.signature.sign(body, credentials, get_current_datetime()), body)

    def parse(self, status: int, headers: Any, body: bytes) -> AwsResponse:
        """What AWS answered.

        :raises ClientError: if it is an error.
        :raises ResponseParserError: if it isn't AWS's protocol.
        """
        answer: dict[str, Any] = self.parser.parse(
            {"status_code": status, "headers": headers, "body": body}, self.output_shape
        )
        if status >= _LOWEST_ERROR:
            raise ClientError(cast("Any", answer), self.operation)
        return answer


def take_template(client: BaseClient, operation: str, **parameters: object) -> CallTemplate:
    """Have botocore build a call of the query protocol; nothing is sent, nor by this client ever after.

    :param client: a client that nobody else uses.
    :raises botocore.exceptions.BotoCoreError: if there are no credentials, or the settings can't be used.
    """
    client.meta.events.register_first("before-send", _capture)
    try:
        getattr(client, xform_name(operation))(**parameters)
    except RequestCapturedError as captured:
        return _make_template(client, operation, captured.request)
    raise RuntimeError("botocore sent what was only to be built")


def _make_template(client: BaseClient, operation: str, request: AWSPreparedRequest) -> CallTemplate:
    """Of a signed request that botocore has built."""
    model = client.meta.service_model
    scope = _SCOPE.search(_text(request.headers["Authorization"]))
    if scope is None:
        raise RuntimeError("botocore signed in a way that isn't Signature Version 4")
    headers = {name: _text(request.headers[name]) for name in _KEPT_HEADERS}
    return CallTemplate(
        operation=operation,
        url=request.url,
        body=request.body if isinstance(request.body, bytes) else str(request.body).encode(),
        signature=CachedRequestSigner(request.url, headers, scope["name"], scope["region"]),
        output_shape=model.operation_model(operation).output_shape,
        parser=_create_parser(model.metadata["protocol"]),
    )


def _create_parser(protocol: str) -> Any:
    """Botocore's, but for instants in their usual form, which it would read in many forms at many times the cost."""
    factory = ResponseParserFactory()
    factory.set_parser_defaults(timestamp_parser=_parse_instant)
    return factory.create_parser(protocol)


def _parse_instant(value: Any) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return parse_timestamp(value)


def _capture(request: AWSPreparedRequest, **_: object) -> NoReturn:
    raise RequestCapturedError(request)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


_UNTOUCHED = ("Accept", "Accept-Encoding")


class Transport:
    """One pool of connections, used within one event loop."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def send(self, call: SignedCall) -> tuple[int, CIMultiDictProxy[str], bytes]:
        """Send once: status, headers and body of the answer.

        :raises botocore.exceptions.BotoCoreError: as botocore does, if no answer comes.
        :raises ResponseParserError: if it isn't HTTP.
        """
        try:
            async with self._http.post(
                URL(call.url, encoded=True), data=call.body, headers=call.headers, allow_redirects=False
            ) as answer:
                return answer.status, answer.headers, await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _as_botocore_has_it(error, call.url) from error


@asynccontextmanager
async def open_transport(
    context: ssl.SSLContext, *, connections: int, connect_timeout_seconds: float, read_timeout_seconds: float
) -> AsyncIterator[Transport]:
    connector = aiohttp.TCPConnector(limit=connections, ssl=context)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout_seconds, sock_read=read_timeout_seconds)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=_UNTOUCHED,
        trust_env=False,
    ) as http:
        yield Transport(http)


def _as_botocore_has_it(error: Exception, url: str) -> Exception:
    match error:
        case aiohttp.ClientSSLError() | aiohttp.ClientConnectorCertificateError() | ssl.SSLError():
            return botocore_errors.SSLError(endpoint_url=url, error=error)
        case aiohttp.ConnectionTimeoutError():
            return botocore_errors.ConnectTimeoutError(endpoint_url=url, error=error)
        case TimeoutError():
            return botocore_errors.ReadTimeoutError(endpoint_url=url, error=error)
        case aiohttp.ClientConnectorError():
            return botocore_errors.EndpointConnectionError(endpoint_url=url, error=error)
        case aiohttp.ClientResponseError():
            return ResponseParserError("the answer isn't HTTP")
        case _:
            return botocore_errors.ConnectionClosedError(endpoint_url=url, error=error)


def needs_botocore(url: str) -> bool:
    """Whether a proxy stands before ``url``: one for its scheme, from which ``NO_PROXY`` doesn't except its host."""
    return urlsplit(url).scheme in get_environ_proxies(url)


def create_tls_context(session: Session) -> ssl.SSLContext:
    """As botocore has it: its protocol versions and ciphers, the CA bundle of ``AWS_CA_BUNDLE`` or the profile, else
    certifi's; the certificate and the host's name are always checked.

    :raises OSError: if the CA bundle can't be read.
    """
    context: ssl.SSLContext = create_urllib3_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    bundle = Path(str(get_cert_path(session.get_config_variable("ca_bundle") or True)))
    if bundle.is_dir():
        context.load_verify_locations(capath=bundle)
    else:
        context.load_verify_locations(cafile=bundle)
    return context


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    """One account that is to be read."""

    account_id: AccountId
    intent: Intent
    """Of action ``accounts:audit``, naming the account."""
    session: RootSession | None = None
    """An audit session of an earlier try that is still good; then there is no AssumeRoot."""
    delay_seconds: float = 0.0
    """How long to wait first."""


@dataclass(frozen=True, slots=True)
class SummaryAnswer:
    """What came of it: a summary, or the error of the call that failed."""

    request: SummaryRequest
    session: RootSession | None
    """The session, if one was opened."""
    summary: RootCredentialsSummary | None
    error: BaseException | None
    """An AwsError, LockLostError if the intent was too old (nothing was sent since), or a bug."""


Deliver = Callable[[SummaryAnswer], None]
"""Called once for each request, from any thread; must not block."""


class SummaryReader(Protocol):
    """Reads accounts, as many at once as it was opened for."""

    def submit(self, request: SummaryRequest, deliver: Deliver) -> None:
        """Have one account read: sts:AssumeRoot, iam:GetAccountSummary. Returns at once."""
        ...


class RootSummaries(Protocol):
    """Opens readers."""

    def open_summary_reader(self, concurrency: int) -> AbstractContextManager[SummaryReader]:
        """Leaving the context drops what hasn't begun; what is in flight may be waited for or dropped, too.

        Each call is made once for a request; whether to try again is the caller's to decide.
        """
        ...


_NO_SESSION = RootSessionCredentials("AKIAIOSFODNN7EXAMPLE", "of no session", "of no session")
"""Signs the template of a root session's call, which never leaves."""


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
    """Used within one event loop."""

    def __init__(
        self, clients: AwsClients, templates: SummaryTemplates, transport: Transport, concurrency: int
    ) -> None:
        self._clients = clients
        self._templates = templates
        self._transport = transport
        self._slots = asyncio.Semaphore(concurrency)
        self._quota = clients.pacer.bucket_of("sts", "AssumeRoot")
        self._drawing = asyncio.Lock()

    async def read(self, request: SummaryRequest) -> SummaryAnswer:
        """Read one account; an error of AWS is part of the answer.

        :raises LockLostError: if the intent is too old; nothing was sent since.
        """
        if request.delay_seconds:
            await asyncio.sleep(request.delay_seconds)
        async with self._slots:
            session = request.session if isinstance(request.session, AwsRootSession) else None
            try:
                session = session or await self._open(request)
                answer = await self._ask_for_summary(session)
                return SummaryAnswer(request, session, parse_summary(answer), None)
            except AwsError as error:
                return SummaryAnswer(request, session, None, error)

    async def _open(self, request: SummaryRequest) -> AwsRootSession:
        require_intent_covers(request.intent, request.account_id, TaskPolicy.AUDIT)
        await self._wait_for_token()
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
            await self._slow_down()
            raise
        except AwsCredentialsError:
            self._clients.give_up_operator()
            raise
        return session_answered(self._clients, request.account_id, TaskPolicy.AUDIT, answer)

    async def _ask_for_summary(self, session: AwsRootSession) -> AwsResponse:
        call = FailedCall(
            "iam:GetAccountSummary",
            host_and_port(self._templates.read_summary.url),
            self._clients.profile,
            target=session.account_id,
            in_root_session=True,
        )
        return await self._exchange(self._templates.read_summary, session.account_id, session.frozen_credentials, call)

    async def _exchange(
        self,
        template: CallTemplate,
        account_id: AccountId,
        find_credentials: Callable[[], ReadOnlyCredentials],
        call: FailedCall,
    ) -> AwsResponse:
        """Sign, send and parse. Credentials that must be renewed hold up the loop, as all its calls wait for them."""
        try:
            return template.parse(*await self._transport.send(template.sign(account_id, find_credentials())))
        except TRANSLATED as error:
            raise_translated(error, call)

    async def _wait_for_token(self) -> None:
        wait_seconds = self._quota.find_drawn()
        while wait_seconds is None:
            async with self._drawing:
                wait_seconds = self._quota.find_drawn()
                if wait_seconds is None:
                    await asyncio.to_thread(self._quota.draw_ahead)
        if wait_seconds > 0:
            await asyncio.sleep(wait_seconds)

    async def _slow_down(self) -> None:
        await asyncio.to_thread(self._quota.slow_down)


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
