"""Requests to a Rootkeeper server, its errors, and the stored tokens of ``rootkeeper login``.

A command through a server ends with the same exit status and hint as without a server: a problem's ``code`` is the code
of our own error. Only reading is retried. A change is sent once; if its answer is lost, the result is unknown.
Redirects aren't followed, because a token belongs to one server. Source of problem documents: RFC 9457.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import platformdirs
import urllib3
from urllib3.exceptions import ConnectTimeoutError as ConnectTimeout
from urllib3.exceptions import HTTPError, NewConnectionError, ProxyError, SSLError

from rootkeeper import __version__, errors
from rootkeeper.database.files import make_private_folder, open_replacing
from rootkeeper.errors import (
    Hint,
    InputError,
    NotFoundError,
    NotSignedInError,
    PermissionDeniedError,
    RootkeeperError,
    ServerUnreachableError,
    UnprovenChangeError,
)
from rootkeeper.references import is_loopback
from rootkeeper.settings.reading import APPLICATION_NAME
from rootkeeper.shapes import parse_facts

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse


DEFAULT_PORT = 8700
_HINT = f"Use https://HOST[:PORT], or http://127.0.0.1:{DEFAULT_PORT} on this machine."


def parse_server_url(text: str) -> str:
    """Normalize the address: scheme, host and port in lower case, no slash at its end.

    Without TLS only a server on this machine is allowed, because anyone who reads the token can use it.

    :raises InputError: if it isn't the address of a server, or contains a password.
    """
    parts = urlsplit(text.strip())
    try:
        port = parts.port
    except ValueError as error:
        raise InputError(f"The server address {_shown(text)} has no valid port.", hint=_HINT) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise InputError(f"{_shown(text)} is not the address of a server.", hint=_HINT)
    if parts.username is not None or parts.password is not None:
        raise InputError(
            "The server address contains a name or a password.", hint="Leave it out, and sign in: rootkeeper login"
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise InputError(
            f"The connection to {parts.hostname} needs TLS, because it carries the token.",
            hint="Use https://, or a tunnel to the server's machine: ssh -L 8700:127.0.0.1:8700 HOST",
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{f':{port}' if port is not None else ''}{parts.path.rstrip('/')}"


def _shown(text: str) -> str:
    """Hide a possible password."""
    return repr(text if "@" not in text else f"…@{text.rpartition('@')[2]}")


_LONGEST = 2_000
"""Characters of a message that are used."""


def error_of(status: int, problem: object, *, url: str) -> RootkeeperError:
    """Make the error that a server's answer means.

    :param problem: the answer's body as JSON; without a problem document the HTTP status decides.
    """
    document = problem if isinstance(problem, Mapping) else {}
    known = _CLASSES.get(str(document.get("code")))
    hint, hint_code, facts = _problem_text(document, "hint"), document.get("hint_code"), document.get("hint_facts")
    if hint is not None and isinstance(hint_code, str) and isinstance(facts, Mapping):
        hint = Hint(hint, hint_code, **{str(name): str(value)[:_LONGEST] for name, value in facts.items()})
    detail = _problem_text(document, "detail") or _problem_text(document, "title")
    if known is not None and known is not NotSignedInError:
        return known(detail or known.__name__, hint=hint)
    if status == 401:
        return NotSignedInError(
            f"The server {url} doesn't know you: {detail or 'the token is missing or no longer valid.'}",
            hint=hint
            if isinstance(hint, Hint)
            else f"Sign in: rootkeeper login --server {url}. Or set ROOTKEEPER_TOKEN to a token that is valid.",
        )
    if status == 403:
        return PermissionDeniedError(detail or f"The server {url} doesn't allow it.", hint=hint)
    if status == 404 and "code" not in document:
        return ServerUnreachableError(
            f"{url} doesn't answer as a Rootkeeper server of this version: the route doesn't exist.",
            hint=Hint("Check the address, and that server and command line have the same version.", "server.route"),
        )
    if status == 404:
        return NotFoundError(detail or f"{url} doesn't have what was requested.", hint=hint)
    if 400 <= status < 500 and status != 429:
        return InputError(detail or f"The server {url} refused the request (HTTP {status}).", hint=hint)
    request_id = _problem_text(document, "request_id")
    number = f", request {request_id}" if request_id else ""
    said = f": {detail}" if detail else "."
    return ServerUnreachableError(
        f"The server {url} couldn't answer (HTTP {status}{number}){said}",
        hint="Try again later. The server's log has the details.",
    )


def _problem_text(document: Mapping[str, Any], name: str) -> str | None:
    value = document.get(name)
    return value[:_LONGEST] if isinstance(value, str) and value else None


def _list_classes(of: type[RootkeeperError]) -> Iterator[type[RootkeeperError]]:
    yield of
    for below in of.__subclasses__():
        yield from _list_classes(below)


_CLASSES: Mapping[str, type[RootkeeperError]] = {
    kind.code: kind
    for kind in _list_classes(RootkeeperError)
    if kind is not RootkeeperError and hasattr(errors, kind.__name__)
}
"""Our errors by their codes."""


CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0

CHANGE_SECONDS = 300.0
"""Opening and closing a window is answered after a re-read in AWS."""

PAUSES = (0.5, 1.0, 2.0)
"""Seconds before reading is retried."""

PAGE = 500
"""Records of a page: the server's limit."""

LARGEST_BYTES = 256 * 2**20

_WORTH_ANOTHER_TRY = frozenset({429, 502, 503, 504})

_MAY_HAVE_ACTED = frozenset({500, 502, 504})
"""Without our own error code: the server failed, or a proxy stopped waiting."""

_SEE_RESULT = "See the result: rootkeeper windows list, or rootkeeper jobs list"

_Parsed = TypeVar("_Parsed")

Query = Mapping[str, str | int | bool | Sequence[str] | None]


@dataclass(frozen=True, slots=True)
class File:
    """The content of an answer, and its headers."""

    content: bytes
    headers: Mapping[str, str]


@dataclass(slots=True)
class Connection:
    """Sends requests to a server."""

    url: str
    """As ``parse_server_url`` gives it."""
    token: str | None = field(repr=False)
    organization: str | None = None
    """The name of the organization, on a server that has several."""
    sleep: Callable[[float], None] = time.sleep
    _pool: urllib3.PoolManager = field(init=False, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        proxy = getproxies_environment().get(parts.scheme)
        if proxy is None or is_loopback(host) or proxy_bypass(host):
            self._pool = urllib3.PoolManager(maxsize=2)
        else:
            self._pool = urllib3.ProxyManager(proxy, maxsize=2)

    def get(self, path: str, query: Query | None = None) -> Any:
        """Read JSON; retry while the server can't be reached.

        :raises RootkeeperError: as ``get_file``.
        """
        return self._parse_json(self.get_file(path, query).content)

    def get_file(self, path: str, query: Query | None = None) -> File:
        """Read a file; retry while the server can't be reached.

        :raises ServerUnreachableError: if it can't be reached, or doesn't answer as a Rootkeeper server.
        :raises NotSignedInError: if it doesn't know the token.
        :raises RootkeeperError: the server's refusal, as its own error.
        """
        for pause in (*PAUSES, None):
            try:
                return self._exchange("GET", path, query, None)
            except _RetryableError as error:
                if pause is None:
                    raise error.cause from error
                self.sleep(pause)
        raise AssertionError  # the last pause is None

    def is_ready(self) -> bool:
        """Whether ``/readyz`` says that the server can work. A single request, without the token.

        :raises ServerUnreachableError: if it can't be reached, or isn't a Rootkeeper server.
        """
        timeout = urllib3.Timeout(CONNECT_SECONDS, CONNECT_SECONDS)
        try:
            answer = self._pool.request("GET", f"{self.url}/readyz", timeout=timeout, redirect=False, retries=False)
        except HTTPError as error:
            translated = self._translate("GET", error)
            raise (translated.cause if isinstance(translated, _RetryableError) else translated) from error
        try:
            return {"not_ready": False, "ready": True}[json.loads(answer.data)["status"]]
        except (KeyError, TypeError, ValueError) as error:
            raise self._not_ours() from error

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Request a change, once, and return its JSON.

        :raises ServerUnreachableError: if nothing was sent.
        :raises UnprovenChangeError: if it was sent and the answer was lost: it may be done.
        :raises KeyboardInterrupt: at Ctrl-C, with the same explanation, because the answer is then unknown.
        :raises NotSignedInError: if it doesn't know the token.
        :raises RootkeeperError: the server's refusal, as its own error.
        """
        try:
            return self._parse_json(self._exchange("POST", path, None, body).content)
        except _RetryableError as error:
            raise error.cause from error
        except KeyboardInterrupt as interrupt:
            raise KeyboardInterrupt(
                f"{self.url} hadn't answered yet, so it may do what was requested. {_SEE_RESULT}"
            ) from interrupt

    def list_pages(self, path: str, name: str, query: Query | None = None) -> Iterator[Any]:
        """List the records of every page, requested as they are used.

        Pages are as large as the server allows, unless ``query`` has another ``limit``.

        :param name: of the list in each page.
        :raises RootkeeperError: as ``get``.
        """
        asked = dict(query or {})
        asked.setdefault("limit", PAGE)
        while True:
            page = self.get(path, asked)
            yield from self.parse_answer(lambda answer: list(answer[name]), page)
            following = page.get("next")
            if following is None:
                return
            asked["after"] = self.parse_answer(str, following)

    def read(self, parse: Callable[[Any], _Parsed], path: str, query: Query | None = None) -> _Parsed:
        """Read JSON, and parse it.

        :raises RootkeeperError: as ``get``.
        """
        return self.parse_answer(parse, self.get(path, query))

    def change(self, parse: Callable[[Any], _Parsed], path: str, body: Mapping[str, Any] | None = None) -> _Parsed:
        """Request a change, once, and parse its answer.

        :raises RootkeeperError: as ``post``.
        """
        return self.parse_answer(parse, self.post(path, body))

    def parse_answer(self, parse: Callable[[Any], _Parsed], answer: Any) -> _Parsed:
        """Parse an answer with ``parse``.

        :raises ServerUnreachableError: if this version doesn't understand it.
        """
        with self.parsing():
            return parse(answer)

    @contextmanager
    def parsing(self) -> Iterator[None]:
        """Raise ``ServerUnreachableError`` in place of the error of an answer that this version doesn't understand."""
        try:
            yield
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ServerUnreachableError(
                f"The answer of {self.url} can't be understood.",
                hint="Check that server and command line have the same version.",
            ) from error

    @property
    def _of_organization(self) -> str:
        return "" if self.organization is None else f"organizations/{quote(self.organization, safe='')}/"

    def _exchange(self, method: str, path: str, query: Query | None, body: Mapping[str, Any] | None) -> File:
        given = [
            (name, str(value).lower() if isinstance(value, bool) else str(value))
            for name, values in (query or {}).items()
            for value in (values if isinstance(values, list | tuple) else [values])
            if value is not None
        ]
        headers = {"Accept": "application/json, */*;q=0.9", "User-Agent": f"rootkeeper/{__version__}"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if body:
            headers["Content-Type"] = "application/json"
        try:
            answer = self._pool.request(
                method,
                f"{self.url}/api/v1/{self._of_organization}{path}{f'?{urlencode(given)}' if given else ''}",
                headers=headers,
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
        if not 200 <= answer.status < 300:
            self._raise_problem(method, answer.status, content)
        return File(content, answer.headers)

    def _parse_json(self, content: bytes) -> Any:
        try:
            return json.loads(content) if content else None
        except ValueError as error:
            raise self._not_ours() from error

    def _raise_problem(self, method: str, status: int, content: bytes) -> NoReturn:
        if 300 <= status < 400:
            raise self._not_ours()
        try:
            document = json.loads(content) if content else None
        except ValueError:
            document = None
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
                hint="Set SSL_CERT_FILE to the certificate of the authority that signed it.",
            )
        if method == "GET" or _never_left(error):
            return _RetryableError(
                ServerUnreachableError(
                    f"The server {self.url} can't be reached: {_render_cause(error)}.",
                    hint="Check the address, and that rootkeeper serve runs there.",
                )
            )
        return self._lost(_render_cause(error))

    def _lost(self, reason: str) -> UnprovenChangeError:
        return UnprovenChangeError(
            f"The request was sent to {self.url}, but its answer was lost: {reason}. The change may be done.",
            hint=_SEE_RESULT,
        )

    def _not_ours(self) -> ServerUnreachableError:
        return ServerUnreachableError(
            f"{self.url} doesn't answer as a Rootkeeper server.", hint="Check the address and its port."
        )


class _RetryableError(Exception):
    """A failure that changed nothing."""

    def __init__(self, cause: RootkeeperError) -> None:
        super().__init__(cause.message)
        self.cause = cause


def segment(text: str) -> str:
    """Quote text as a part of a path."""
    return quote(text, safe="")


def _never_left(error: HTTPError) -> bool:
    """Return whether there was no connection, also none to the proxy, so that nothing was sent."""
    cause = error.original_error if isinstance(error, ProxyError) else error
    return isinstance(cause, NewConnectionError | ConnectTimeout)


def _read(answer: BaseHTTPResponse) -> bytes:
    """Read a limited answer, so that a wrong address can't fill the memory."""
    pieces, size = [], 0
    for piece in answer.stream(2**16):
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST_BYTES:
            raise HTTPError("the answer is too large")
    return b"".join(pieces)


def _render_cause(error: Exception) -> str:
    """Render the last cause, which a person knows."""
    reason: object = getattr(error, "reason", None) or error
    text = str(reason)
    return text.rpartition("): ")[2].rstrip(".") or type(error).__name__


@dataclass(frozen=True, slots=True)
class StoredToken:
    """The token of an identity on a server."""

    url: str
    name: str
    token: str = field(repr=False)
    expires_at: datetime | None = None


def parse_token(text: str, source: str) -> str:
    """Check a token before it goes into a header.

    :param source: where it was given.
    :raises InputError: if it can't be a token; the message doesn't show it.
    """
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(f"{source} has no API token.", hint="For example: rootkeeper login --token-stdin < FILE")
    return token


@dataclass(frozen=True, slots=True)
class StoredTokens:
    """The tokens of a person on this machine: a file for each server, which only its owner can read."""

    folder: Path

    def find(self, url: str) -> StoredToken | None:
        """:raises InputError: if the file can't be read, or other users can read it."""
        path = self._path_of(url)
        try:
            with path.open("rb") as source:
                mode = os.fstat(source.fileno()).st_mode
                content = source.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"{path} can't be read: {error.strerror}.", hint="Sign in: rootkeeper login") from error
        if mode & 0o077:
            raise InputError(
                f"{path} contains a token, and other users can read it.",
                hint=f"Have the token revoked if someone may have read it. Then: chmod 600 {path}",
            )
        try:
            return parse_facts(StoredToken, json.loads(content))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} isn't a stored token.", hint="Sign in again: rootkeeper login") from error

    def keep(self, stored: StoredToken) -> Path:
        """Store the token of that server, and return its file.

        :raises InputError: if it can't be written.
        """
        path = self._path_of(stored.url)
        ends = stored.expires_at.isoformat() if stored.expires_at else None
        record = {"url": stored.url, "name": stored.name, "token": stored.token, "expires_at": ends}
        try:
            make_private_folder(self.folder)
            self.folder.chmod(0o700)
            with open_replacing(path) as target:
                target.write(json.dumps(record).encode() + b"\n")
        except OSError as error:
            raise InputError(f"The token can't be stored in {path}: {error.strerror}.") from error
        return path

    def forget(self, url: str) -> bool:
        """Remove the token; return whether it existed.

        :raises InputError: if the file can't be removed.
        """
        path = self._path_of(url)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise InputError(f"{path} can't be removed: {error.strerror}.") from error
        return True

    def _path_of(self, url: str) -> Path:
        host = re.sub(r"[^a-z0-9.-]", "_", urlsplit(url).netloc)
        return self.folder / f"{host}-{hashlib.sha256(url.encode()).hexdigest()[:12]}.json"


def open_stored_tokens() -> StoredTokens:
    """Return the tokens of this user on this machine."""
    return StoredTokens(platformdirs.user_config_path(APPLICATION_NAME, appauthor=False) / "servers")
