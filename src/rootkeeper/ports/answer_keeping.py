"""Where answers are kept that are given again, for all servers of one database together."""

from __future__ import annotations

from typing import Protocol

from rootkeeper.domain.kept_answers import StoredAnswer


class StoredAnswers(Protocol):
    """Answers to requests of one organization, each under a key of whoever asked; kept for a day.

    :raises DatabaseError: if the database can't be written.
    """

    def claim(self, key: str, fingerprint: str) -> StoredAnswer | None:
        """The answer that the request of this key got; ``None`` if it is the caller's to answer, once.

        A claim ends with its process.

        :raises InputError: if the key was used for a request of another fingerprint.
        :raises JobConflictError: if the first request of this key is still being answered.
        """
        ...

    def keep(self, key: str, answer: StoredAnswer) -> None:
        """The answer to a claimed request; nothing if the claim is another's by now."""
        ...

    def release(self, key: str) -> None:
        """Answer it anew when it comes again; nothing if the claim is another's by now."""
        ...
