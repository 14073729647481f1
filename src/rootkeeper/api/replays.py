"""Answers to requests with an ``Idempotency-Key``: who sends the same request again gets the same answer.

They are kept in the database and for a day, so that another server of it gives the same answer. What must never be done
twice doesn't rest on this: an account has one window at a time, an approval counts once for each person, and a deletion
finds nothing to delete. What holds a secret, in the question or the answer, is never kept: whoever repeats that is told
that it was answered.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from rootkeeper.domain.access import Identity
from rootkeeper.domain.kept_answers import StoredAnswer
from rootkeeper.errors import DatabaseError, InputError, JobConflictError
from rootkeeper.ports.answer_keeping import StoredAnswers

HEADER = "Idempotency-Key"
LONGEST_KEPT_BYTES = 256 * 1024
SECRET_PARTS = frozenset({"auth", "identities", "me", "sessions", "tokens", "users"})
"""First parts of paths below the API's, whose requests or answers may hold a password, a token or a factor's secret."""
_LONGEST_KEY = 200
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """One request that came with a key."""

    key: str
    """With whom it is of."""
    has_secret: bool
    response: Response | None = field(default=None, repr=False)
    """What it was answered, if it was."""


class IdempotencyService:
    """The answers of all servers of one database."""

    def __init__(self, answers: StoredAnswers) -> None:
        self._answers = answers

    def begin(self, request: Request, body: bytes, identity: Identity) -> IdempotentRequest | None:
        """The request's place among the others, with its answer if it was answered; ``None`` if it has no key.

        :raises InputError: if the key is too long, or was used for another request.
        :raises JobConflictError: if the first request of this key is still being answered, or its answer isn't kept.
        :raises DatabaseError: if the database can't be written.
        """
        text = request.headers.get(HEADER.lower())
        if text is None or request.method != "POST":
            return None
        if not 0 < len(text) <= _LONGEST_KEY:
            raise InputError(f"{HEADER} has {len(text)} characters.", hint=f"1 to {_LONGEST_KEY} are taken.")
        key, has_secret = f"{identity.identity_id} {text}", _has_secret(request.url.path)
        answer = self._answers.claim(key, _fingerprint(request, b"" if has_secret else body))
        return IdempotentRequest(key, has_secret, None if answer is None else _to_response(answer))

    def end(self, replay: IdempotentRequest, response: Response | None) -> None:
        """The request's answer; without one, such as after an error, it is done anew when it comes again.

        Never raises: whoever asked gets his answer though it can't be kept.
        """
        try:
            if response is None:
                self._answers.release(replay.key)
            else:
                self._answers.keep(replay.key, _to_answer(response, has_secret=replay.has_secret))
        except DatabaseError as error:
            _log.warning("The answer to a request with a key can't be kept: %s", error.message)


def _has_secret(path: str) -> bool:
    """By what follows ``/api/v1``."""
    return not SECRET_PARTS.isdisjoint(path.strip("/").split("/")[2:3])


def _fingerprint(request: Request, body: bytes) -> str:
    """Of method, path and body: another request under the same key is a mistake. No body that may hold a secret."""
    content = b"\0".join((request.method.encode(), request.url.path.encode(), body))
    return hashlib.sha256(content).hexdigest()


def _to_answer(response: Response, *, has_secret: bool) -> StoredAnswer:
    """What isn't text, such as a stream, isn't kept."""
    content = getattr(response, "body", None)
    is_kept = not has_secret and isinstance(content, bytes) and len(content) <= LONGEST_KEPT_BYTES
    body = bytes(content).decode() if is_kept and content is not None else None
    return StoredAnswer(response.status_code, response.headers.get("content-type"), body)


def _to_response(answer: StoredAnswer) -> Response:
    """:raises JobConflictError: if the answer isn't kept."""
    if answer.body is None:
        raise JobConflictError(
            "The same request was answered before, and that answer isn't kept.",
            hint="Look at what came of it. A token that got lost is revoked and made again, under another key.",
        )
    headers = {} if answer.media_type is None else {"Content-Type": answer.media_type}
    return Response(answer.body, answer.status, headers)
