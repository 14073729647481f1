"""What a server refused, as the same error that a command on the database would have met.

Source: RFC 9457. A problem's ``code`` is that of our own errors, so a command through a server ends with the exit
status and the hint of the one without.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rootkeeper import errors
from rootkeeper.errors import (
    InputError,
    NotFoundError,
    NotSignedInError,
    PermissionDeniedError,
    RootkeeperError,
    ServerUnreachableError,
)

_LONGEST = 2_000
"""Characters of a message that are taken over."""


def error_of(status: int, problem: object, *, url: str) -> RootkeeperError:
    """The error that a server's answer stands for.

    :param problem: the answer's body as JSON; whatever isn't a problem document is judged by the HTTP status.
    """
    document = problem if isinstance(problem, Mapping) else {}
    known = _CLASSES.get(str(document.get("code")))
    hint = _text_of(document, "hint")
    if known is not None and known is not NotSignedInError:
        return known(_text_of(document, "detail") or _text_of(document, "title") or known.__name__, hint=hint)
    return _classify_status(status, document, hint, url)


def _classify_status(status: int, document: Mapping[str, Any], hint: str | None, url: str) -> RootkeeperError:
    detail = _text_of(document, "detail") or _text_of(document, "title")
    if status == 401:
        return NotSignedInError(
            f"The server {url} doesn't know you: {detail or 'the token is missing or not valid any more'}",
            hint=f"Sign in: rootkeeper login --server {url}. Or set ROOTKEEPER_TOKEN to a token that is valid.",
        )
    if status == 403:
        return PermissionDeniedError(detail or f"The server {url} doesn't permit it.", hint=hint)
    if status == 404 and "code" not in document:
        return ServerUnreachableError(
            f"{url} doesn't answer as a Rootkeeper server of this version: there is no such address.",
            hint="Check the address, and that server and command line are of the same version.",
        )
    if status == 404:
        return NotFoundError(detail or "There is no such thing.", hint=hint)
    if 400 <= status < 500 and status != 429:
        return InputError(detail or f"The server {url} refused what was sent (HTTP {status}).", hint=hint)
    return _server_failed(status, document, detail, url)


def _server_failed(status: int, document: Mapping[str, Any], detail: str | None, url: str) -> RootkeeperError:
    request_id = _text_of(document, "request_id")
    number = f", request {request_id}" if request_id else ""
    said = f": {detail}" if detail else "."
    return ServerUnreachableError(
        f"The server {url} couldn't answer (HTTP {status}{number}){said}",
        hint="Try again later; its log says more.",
    )


def _text_of(document: Mapping[str, Any], name: str) -> str | None:
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
