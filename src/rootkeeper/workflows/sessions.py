"""How sign-ins begin, and what else their secret is good for."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from rootkeeper.domain.access import Identity
from rootkeeper.domain.identity_records import identity_to_parameters
from rootkeeper.domain.ledger import Action
from rootkeeper.domain.sessions import SESSION_LASTS, NewSession, Session, SessionKind
from rootkeeper.errors import NotFoundError
from rootkeeper.ports.access import IdentityStore
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.sessions import SessionStore

TOKEN_PREFIX = "rk_"  # noqa: S105 - what tokens begin with, so that scanners for leaked ones find them
_SECRET_BYTES = 32
_LONGEST_TEXT = 256
_CSRF_PURPOSE = b"rootkeeper forged requests"


@dataclass(frozen=True, slots=True)
class ClientOrigin:
    """Where a sign-in comes from, as far as the server knows. Both are shown, and believed in nothing."""

    address: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class AuthenticatedSession:
    """A sign-in, with the secret that proves it."""

    session: Session
    secret: str = field(repr=False)

    @property
    def csrf_token(self) -> str:
        """Without it no changing request of a browser is taken."""
        return derive_csrf_token(self.secret)


def make_secret(kind: SessionKind) -> str:
    """A new secret: 256 random bits."""
    prefix = TOKEN_PREFIX if kind is SessionKind.TOKEN else ""
    return prefix + secrets.token_urlsafe(_SECRET_BYTES)


def make_session(kind: SessionKind, client_origin: ClientOrigin, clock: Clock) -> NewSession:
    """A sign-in that begins now, without a second factor yet."""
    now = clock.now()
    return NewSession(
        session_id=f"s-{secrets.token_hex(8)}",
        secret=make_secret(kind),
        kind=kind,
        started_at=now,
        expires_at=now + SESSION_LASTS,
        address=_cut(client_origin.address),
        user_agent=_cut(client_origin.user_agent),
    )


def _cut(text: str | None) -> str | None:
    """Printable, and not longer than anybody reads: it comes from whoever signs in."""
    if not text:
        return None
    return "".join(character if character.isprintable() else "?" for character in text)[:_LONGEST_TEXT]


def derive_csrf_token(secret: str) -> str:
    """The token against forged requests that belongs to a browser's secret: whoever knows it learns nothing of the
    secret, and it needn't be kept anywhere.
    """
    return hmac.new(secret.encode(errors="surrogatepass"), _CSRF_PURPOSE, hashlib.sha256).hexdigest()


def is_csrf_token(given: str, secret: str) -> bool:
    """Whether it is the secret's; takes as long whatever was given."""
    return hmac.compare_digest(given.encode(errors="surrogatepass"), derive_csrf_token(secret).encode())


@dataclass(frozen=True, slots=True)
class SessionEnder:
    """Ends sign-ins of others, or one's own."""

    sessions: SessionStore
    identities: IdentityStore
    ledger: Ledger

    def end_own(self, session_id: str, identity: Identity) -> Session:
        """:raises NotFoundError: if the user has no such sign-in."""
        return _require_found(self.sessions.end_session(session_id, identity.identity_id), session_id)

    def end_any(self, session_id: str) -> Session:
        """Anybody's; recorded before it is done.

        :raises NotFoundError: if there is none.
        """
        known = next((one for one in self.sessions.list_sessions() if one.session_id == session_id), None)
        found = _require_found(known, session_id)
        self._record(found.identity)
        self.sessions.end_session(session_id)
        return found

    def sign_out(self, name: str) -> int:
        """End all sign-ins of a user, those of the command line too; how many there were.

        :raises NotFoundError: if there is none of that name.
        """
        identity = self.identities.get(name)
        self._record(identity)
        return self.sessions.end_all(identity.identity_id)

    def _record(self, identity: Identity) -> None:
        self.ledger.append_fact(
            Action.IDENTITY_CHANGE, parameters=identity_to_parameters(identity) | {"change": "signed_out"}
        )


def _require_found(session: Session | None, session_id: str) -> Session:
    if session is None:
        raise NotFoundError(f"There is no sign-in {session_id}.", hint="It may have ended. List them again.")
    return session
