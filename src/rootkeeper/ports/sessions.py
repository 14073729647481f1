"""Where sign-ins of people are kept, those of browsers and those of the command line."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from rootkeeper.domain.sessions import NewSession, Session, SessionKind


class SessionStore(Protocol):
    """Sign-ins of one organization. Secrets go in and never come out: only their hashes are kept.

    A sign-in counts while its identity is usable, until its end and, in a browser, until it was idle for too long.

    :raises DatabaseError: if the database can't be read or written.
    """

    def begin(self, identity_id: str, new: NewSession) -> Session | None:
        """Let somebody act who has proven elsewhere who it is; ``None`` if the identity isn't usable."""
        ...

    def find(self, secret: str, kind: SessionKind, *, is_use: bool = True) -> Session | None:
        """Whose sign-in it is. ``None`` if nobody's, or if it has ended.

        :param is_use: whether somebody uses it, which is noted; ``False`` for what goes on without a person.
        """
        ...

    def renew(self, secret: str, new_secret: str, factor_at: datetime) -> Session | None:
        """Give a sign-in another secret, since a second factor was given; the old one is worth nothing from then on.

        ``None`` if nobody's sign-in it is, or if it has ended.
        """
        ...

    def list_sessions(self, identity_id: str | None = None) -> tuple[Session, ...]:
        """Sign-ins of browsers that last, the newest first; everybody's, or one user's."""
        ...

    def end(self, secret: str) -> None:
        """Again without harm."""
        ...

    def end_session(self, session_id: str, identity_id: str | None = None) -> Session | None:
        """End the sign-in of that id, of one user where that is given; ``None`` if there is none."""
        ...

    def end_all(self, identity_id: str) -> int:
        """End all sign-ins of one user, those of the command line too; how many there were."""
        ...
