"""One request to a Rootkeeper server, and its answer.

Only reading is tried again: a request that changes something is sent once, and where its answer is lost nobody claims
to know what came of it. Redirects aren't followed, since a token belongs to one server.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import urllib3
from urllib3.exceptions import ConnectTimeoutError as ConnectTimeout
from urllib3.exceptions import HTTPError, NewConnectionError, ProxyError, SSLError

from rootkeeper import __version__
from rootkeeper.domain.loopback import is_loopback
from rootkeeper.errors import RootkeeperError, ServerUnreachableError, UnprovenChangeError
from rootkeeper.remote.problems import error_of

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
CHANGE_SECONDS = 300.0
"""Opening and closing a window is answered when AWS has shown it."""
PAUSES = (0.5, 1.0, 2.0)
"""Before reading is tried again."""
PAGE = 500
"""Records of a page: the most that a server gives."""
LARGEST_BYTES = 256 * 2**20
_WORTH_ANOTHER_TRY = frozenset({429, 502, 503, 504})
_MAY_HAVE_ACTED = frozenset({500, 502, 504})
"""Without an error of ours in it: the server broke off, or something before it gave up waiting."""
_PIECE_BYTES = 2**16

_Parsed = TypeVar("_Parsed")
Query = Mapping[str, str | int | bool | None]


@dataclass(slots=True)
class Connection:
    """Speaks to one server."""

    url: str
    """As ``parse_server_url`` gives it."""
    token: str | None = field(repr=False)
    sleep: Callable[[float], None] = time.sleep
    _pool: urllib3.PoolManager = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._pool = _open_pool(self.url)

    def get(self, path: str, query: Query | None = None) -> Any:
        """What the server answers, as JSON; tried again while it can't be reached.

        :raises ServerUnreachableError: if it can't be reached, or doesn't answer as a Rootkeeper server.
        :raises NotSignedInError: if it doesn't know the token.
        :raises RootkeeperError: what it refused, as its own error.
        """
        for pause in (*PAUSES, None):
            try:
                return self._exchange("GET", path, query, None)
            except _RetryableError as error:
                if pause is None:
                    raise error.cause from error
                self.sleep(pause)
        raise AssertionError  # the last pause is None

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What came of a change, as JSON. Sent once, without a body where there is nothing to say.

        :raises ServerUnreachableError: if nothing was sent.
        :raises UnprovenChangeError: if it was sent and the answer was lost: it may have been done.
        :raises NotSignedInError: if it doesn't know the token.
        :raises RootkeeperError: what it refused, as its own error.
        """
        try:
            return self._exchange("POST", path, None, body)
        except _RetryableError as error:
            raise error.cause from error

    def list_pages(self, path: str, name: str, query: Query | None = None) -> Iterator[Any]:
        """The records of every page, asked for as they are used.

        :param name: of the list in each page.
        :raises RootkeeperError: as ``get``.
        """
        asked = dict(query or {})
        while True:
            page = self.get(path, asked)
            yield from self.parse_answer(lambda answer: list(answer[name]), page)
            following = page.get("next")
            if following is None:
                return
            asked["after"] = self.parse_answer(str, following)

    def parse_answer(self, parse: Callable[[Any], _Parsed], answer: Any) -> _Parsed:
        """What ``parse`` makes of an answer.

        :raises ServerUnreachableError: if it isn't one that this version understands.
        """
        try:
            return parse(answer)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ServerUnreachableError(
                f"The answer of {self.url} can't be understood.",
                hint="Check that server and command line are of the same version.",
            ) from error

    def _exchange(self, method: str, path: str, query: Query | None, body: Mapping[str, Any] | None) -> Any:
        try:
            answer = self._pool.request(
                method,
                self._address_of(path, query),
                headers=self._headers(body),
                body=json.dumps(body).encode() if body else None,
                timeout=urllib3.Timeout(CONNECT_SECONDS, READ_SECONDS if method == "GET" else CHANGE_SECONDS),
                redirect=False,
                retries=False,
                preload_content=False,
            )
            try:
                content = _read(answer)
            finally:
                answer.release_conn()
        except HTTPError as error:
            raise self._translate(method, error) from error
        return self._check_answer(method, answer.status, content)

    def _check_answer(self, method: str, status: int, content: bytes) -> Any:
        try:
            document = json.loads(content) if content else None
        except ValueError as error:
            if 200 <= status < 300:
                raise self._not_ours() from error
            document = None
        if 200 <= status < 300:
            return document
        if 300 <= status < 400:
            raise self._not_ours()
        refusal = error_of(status, document, url=self.url)
        if not isinstance(refusal, ServerUnreachableError):
            raise refusal
        if method != "GET" and status in _MAY_HAVE_ACTED:
            raise self._lost(f"HTTP {status}") from refusal
        raise _RetryableError(refusal) if status in _WORTH_ANOTHER_TRY else refusal

    def _translate(self, method: str, error: HTTPError) -> Exception:
        if isinstance(error, SSLError):
            return ServerUnreachableError(
                f"The certificate of {self.url} isn't trusted: {_render_cause(error)}.",
                hint="Set SSL_CERT_FILE to the file of the authority that signed it.",
            )
        if method == "GET" or _never_left(error):
            return _RetryableError(
                ServerUnreachableError(
                    f"The server {self.url} can't be reached: {_render_cause(error)}.",
                    hint="Check the address, and that rootkeeper serve runs there.",
                )
            )
        return self._lost(_render_cause(error))

    def _lost(self, words: str) -> UnprovenChangeError:
        return UnprovenChangeError(
            f"The server {self.url} took the request, and its answer was lost: {words}. It may be done.",
            hint="See what came of it: rootkeeper windows list, or rootkeeper jobs list.",
        )

    def _not_ours(self) -> ServerUnreachableError:
        return ServerUnreachableError(
            f"{self.url} doesn't answer as a Rootkeeper server.", hint="Check the address and its port."
        )

    def _address_of(self, path: str, query: Query | None) -> str:
        given = {name: _text_of(value) for name, value in (query or {}).items() if value is not None}
        return f"{self.url}/api/v1/{path}{f'?{urlencode(given)}' if given else ''}"

    def _headers(self, body: Mapping[str, Any] | None) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": f"rootkeeper/{__version__}"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if body:
            headers["Content-Type"] = "application/json"
        return headers


class _RetryableError(Exception):
    """Nothing was changed by it."""

    def __init__(self, cause: RootkeeperError) -> None:
        super().__init__(cause.message)
        self.cause = cause


def segment(text: str) -> str:
    """Text as one part of a path, whatever is in it."""
    return quote(text, safe="")


def _never_left(error: HTTPError) -> bool:
    """Whether there was no connection, also none to the proxy, so that nothing can have been done."""
    cause = error.original_error if isinstance(error, ProxyError) else error
    return isinstance(cause, NewConnectionError | ConnectTimeout)


def _open_pool(url: str) -> urllib3.PoolManager:
    """Through the proxy that the environment names, but never for this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxy = getproxies_environment().get(parts.scheme)
    if proxy is None or is_loopback(host) or proxy_bypass(host):
        return urllib3.PoolManager(maxsize=2)
    return urllib3.ProxyManager(proxy, maxsize=2)


def _read(answer: BaseHTTPResponse) -> bytes:
    """At most so much that a wrong address can't fill the memory."""
    pieces, size = [], 0
    for piece in answer.stream(_PIECE_BYTES):
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST_BYTES:
            raise HTTPError("the answer is too large")
    return b"".join(pieces)


def _render_cause(error: Exception) -> str:
    """The last cause in words, which is the one that a person knows."""
    reason: object = getattr(error, "reason", None) or error
    text = str(reason)
    return text.rpartition("): ")[2].rstrip(".") or type(error).__name__


def _text_of(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
