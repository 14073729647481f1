"""Answers that are given again, in memory."""

from __future__ import annotations

from rootkeeper.access.counts import StoredAnswers
from rootkeeper.access.records import StoredAnswer
from rootkeeper.errors import InputError, JobConflictError


class InMemoryAnswers(StoredAnswers):
    """Implements StoredAnswers; nothing is forgotten."""

    kept: dict[str, tuple[str, StoredAnswer | None]]
    """Fingerprint and answer by key."""

    def __init__(self) -> None:
        object.__setattr__(self, "kept", {})

    def claim(self, key: str, fingerprint: str) -> StoredAnswer | None:
        if key not in self.kept:
            self.kept[key] = (fingerprint, None)
            return None
        claimed, answer = self.kept[key]
        if claimed != fingerprint:
            raise InputError("This Idempotency-Key was used for another request.")
        if answer is None:
            raise JobConflictError("The same request is in progress.")
        return answer

    def keep(self, key: str, answer: StoredAnswer) -> None:
        self.kept[key] = (self.kept[key][0], answer)

    def release(self, key: str) -> None:
        self.kept.pop(key, None)
