"""Answers to requests with an ``Idempotency-Key``: who sends the same request again gets the same answer.

They are kept in this process and for a day; after a restart, or on another server of the same database, a request that
comes again is done again. What must never be done twice doesn't rest on this: an account has one window at a time, an
approval counts once for each person, and a deletion finds nothing to delete.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from rootkeeper.domain.access import Identity
from rootkeeper.errors import InputError, JobConflictError
from rootkeeper.ports.clock import Clock

HEADER = "Idempotency-Key"
KEPT_SECONDS = 24 * 3600.0
_MOST = 1_000
_LONGEST_KEY = 200


@dataclass(slots=True)
class Replay:
    """One request that came with a key, and its answer once there is one."""

    name: str
    fingerprint: str
    """Of method, path and body: another request under the same key is a mistake."""
    since: float
    response: Response | None = field(default=None, repr=False)
    """May hold a new token, and so is kept in memory alone."""


class Replays:
    """The answers of this process; safe in many threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, Replay] = OrderedDict()
        self._guard = threading.Lock()

    def begin(self, request: Request, body: bytes, identity: Identity) -> Replay | None:
        """The request's place among the others, with its answer if it was answered; ``None`` if it has no key.

        :raises InputError: if the key is too long, or was used for another request.
        :raises JobConflictError: if the first request of this key is still being answered.
        """
        key = request.headers.get(HEADER.lower())
        if key is None or request.method != "POST":
            return None
        if not 0 < len(key) <= _LONGEST_KEY:
            raise InputError(f"{HEADER} has {len(key)} characters.", hint=f"1 to {_LONGEST_KEY} are taken.")
        content = b"\0".join((request.method.encode(), request.url.path.encode(), body))
        wanted = Replay(f"{identity.identity_id} {key}", hashlib.sha256(content).hexdigest(), self._clock.monotonic())
        with self._guard:
            self._forget_old(wanted.since)
            return self._find_or_keep(wanted)

    def end(self, replay: Replay, response: Response | None) -> None:
        """The request's answer; without one, such as after an error, it is done anew when it comes again."""
        with self._guard:
            if response is None:
                self._kept.pop(replay.name, None)
            else:
                replay.response = response

    def _find_or_keep(self, wanted: Replay) -> Replay:
        kept = self._kept.setdefault(wanted.name, wanted)
        if kept.fingerprint != wanted.fingerprint:
            raise InputError(f"This {HEADER} was used for another request.", hint="Take a new key for each request.")
        if kept is not wanted and kept.response is None:
            raise JobConflictError("The same request is being answered.", hint="Wait for it, or ask again later.")
        return kept

    def _forget_old(self, now: float) -> None:
        while self._kept and (len(self._kept) >= _MOST or now - next(iter(self._kept.values())).since > KEPT_SECONDS):
            self._kept.popitem(last=False)
