"""Users, tokens and sign-ins.

Where a server keeps whom it knows.

Where sign-ins of people are kept, those of browsers and those of the command line.

Where second factors of users are kept.

How sign-ins begin, and what else their secret is good for.

Whom a server knows, and how people sign in.

Each change of an identity is recorded in the ledger before it is made, with who made it; what proves an identity, a
password or token, is handed to the store and goes nowhere else.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from rootkeeper.access.counts import FailureCounter
from rootkeeper.access.records import identity_to_parameters
from rootkeeper.access.rules import (
    SESSION_LASTS,
    UNLIMITED,
    AttemptLimit,
    Identity,
    IdentityKind,
    NewSession,
    ProviderIdentity,
    ServerRole,
    Session,
    SessionKind,
    SignInWay,
    TokenScope,
    fold_name,
    parse_identity_name,
    require_password,
    require_scope,
)
from rootkeeper.clock import Clock
from rootkeeper.errors import InputError, NotFoundError, NotSignedInError, PermissionDeniedError, TooManyAttemptsError
from rootkeeper.ledger.rules import Action, Actor
from rootkeeper.ledger.store import Ledger
from rootkeeper.values import JsonValue


class IdentityStore(Protocol):
    """Users and API tokens of one organization. Secrets go in and never come out: only their hashes are kept.

    :raises DatabaseError: if the database can't be read or written.
    """

    def add_user(self, identity: Identity, password: str) -> None:
        """:raises InputError: if the name is taken by a user or a token."""
        ...

    def add_token(self, identity: Identity, token: str) -> None:
        """:raises InputError: if the name is taken by a user or a token."""
        ...

    def add_provider_user(self, identity: Identity, proof_hash: str) -> None:
        """A user who signs in at an identity provider, which alone knows a password.

        :raises InputError: if the name is taken by a user or a token.
        """
        ...

    def find_provider_user(self, proof_hash: str) -> Identity | None:
        """The user of an identity provider, though disabled; ``None`` if that person was never here."""
        ...

    def find_by_token(self, token: str) -> Identity | None:
        """Whose API token it is; ``None`` if nobody's, or if it has ended. Sign-ins are the SessionStore's."""
        ...

    def sign_in(self, name: str, password: str, new: NewSession) -> Identity | None:
        """Begin a sign-in of the user of that name; ``None`` if it isn't the password.

        Takes as long for an unknown name. A password that is replaced meanwhile lets nobody in.
        """
        ...

    def get(self, name: str) -> Identity:
        """:raises InputError: if there is none of that name."""
        ...

    def list_identities(self) -> tuple[Identity, ...]:
        """By kind and name, disabled ones too."""
        ...

    def disable(self, name: str, at: datetime) -> Identity:
        """Let it act no more; its sign-ins end with it.

        :raises InputError: if there is none of that name.
        """
        ...

    def set_role(self, name: str, role: ServerRole) -> Identity:
        """:raises InputError: if there is none of that name, or it is a token."""
        ...

    def set_password(self, name: str, password: str) -> Identity:
        """A new password; sign-ins end.

        :raises InputError: if there is no user of that name.
        """
        ...


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


class FirstAdministrators(Protocol):
    """Links by which the first administrator of an organization makes himself known; only hashes are kept.

    :raises DatabaseError: if the database can't be read or written.
    """

    def add_link(self, token: str, ends_at: datetime) -> None: ...

    def is_good(self, token: str) -> bool:
        """Whether the link can be used now."""
        ...

    def use_link(self, token: str, identity: Identity, password: str) -> bool:
        """Add the administrator, and let no link be used any more, in one transaction.

        ``False`` if the link can't be used, or somebody usable is an administrator already.

        :raises InputError: if the name is taken.
        """
        ...


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


FAILURES_COUNT = timedelta(minutes=5)
"""For how long a failed attempt is held against a name or an address."""


_CHECKED_AT_ONCE = 2
"""Each check of a password takes 64 MB of memory for a moment."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """An API token that was just made."""

    identity: Identity
    token: str = field(repr=False)
    """Shown once: nobody can find it again."""


@dataclass(frozen=True, slots=True)
class IdentityService:
    """Adds and changes users and API tokens."""

    store: IdentityStore
    ledger: Ledger
    clock: Clock
    actor: Actor

    def add_user(self, name: str, role: ServerRole, password: str) -> Identity:
        """A user who signs in with a password.

        :raises InputError: if the name is taken or can't be one, or the password is too weak.
        """
        identity = self._make("u", IdentityKind.USER, name, role)
        require_password(password, name)
        self._record(Action.IDENTITY_ADD, identity)
        self.store.add_user(identity, password)
        return identity

    def add_first_administrator(
        self, links: FirstAdministrators, link_token: str, name: str, password: str
    ) -> Identity:
        """The first administrator, by a link that the server has printed; no link works afterwards.

        :raises NotSignedInError: if the link can't be used any more.
        :raises InputError: if the name is taken or can't be one, or the password is too weak.
        """
        if not links.is_good(link_token):
            raise _spent_link()
        identity = self._make("u", IdentityKind.USER, name, ServerRole.ADMINISTRATOR)
        require_password(password, name)
        self._record(Action.IDENTITY_ADD, identity, {"added_by": "one_time_link"})
        if not links.use_link(link_token, identity, password):
            raise _spent_link()
        return identity

    def create_token(
        self, name: str, role: ServerRole, expires_at: datetime | None = None, scope: TokenScope = UNLIMITED
    ) -> NewToken:
        """An API token, an identity of its own.

        :raises InputError: if the name is taken or can't be one, the end has passed, or it could do nothing.
        """
        require_scope(role, scope)
        identity = replace(self._make("t", IdentityKind.TOKEN, name, role, expires_at), scope=scope)
        if expires_at is not None and expires_at <= identity.created_at:
            raise InputError("The token would have expired before its first use.", hint="Give an end in the future.")
        token = make_secret(SessionKind.TOKEN)
        self._record(Action.IDENTITY_ADD, identity)
        self.store.add_token(identity, token)
        return NewToken(identity, token)

    def admit(self, person: ProviderIdentity, role: ServerRole) -> Identity:
        """Whoever has signed in at the identity provider; known from the first time on, in the role of that moment.

        :raises NotSignedInError: if the person was disabled here.
        :raises PermissionDeniedError: if it is the first time, and the name is somebody else's.
        :raises InputError: if it is the first time, and the name can't be one.
        """
        found = self.store.find_provider_user(person.proof_hash)
        if found is None:
            return self._add_person(person, role)
        if not found.is_usable(self.clock.now()):
            raise NotSignedInError(f"{found.name} was disabled here.", hint="Ask an administrator.")
        if found.role is role:
            return found
        change: dict[str, JsonValue] = {"change": "role", "new_role": role.value, "provider": person.issuer}
        self._record(Action.IDENTITY_CHANGE, found, change)
        return self.store.set_role(found.name, role)

    def _add_person(self, person: ProviderIdentity, role: ServerRole) -> Identity:
        try:
            self.store.get(person.name)
        except NotFoundError:
            made = replace(self._make("u", IdentityKind.USER, person.name, role), signs_in_by=SignInWay.OIDC)
            self._record(Action.IDENTITY_ADD, made, {"provider": person.issuer})
            self.store.add_provider_user(made, person.proof_hash)
            return made
        raise PermissionDeniedError(
            f"There is another user or token of the name {person.name}, which nobody takes over.",
            hint="Have the identity provider send another name, or another claim: the setting oidc.name_claims.",
        )

    def list_identities(self) -> tuple[Identity, ...]:
        """By kind and name, disabled ones too."""
        return self.store.list_identities()

    def disable(self, name: str, kind: IdentityKind | None = None) -> Identity:
        """Let a user or token act no more; again without harm.

        :raises NotFoundError: if there is none of that name and kind.
        """
        found = self._get(name, kind)
        if found.disabled_at is not None:
            return found
        self._record(Action.IDENTITY_CHANGE, found, {"change": "disabled"})
        return self.store.disable(name, self.clock.now())

    def set_role(self, name: str, role: ServerRole) -> Identity:
        """Give a user another role.

        :raises InputError: if there is no user of that name.
        """
        found = self._get(name, IdentityKind.USER)
        if found.signs_in_by is SignInWay.OIDC:
            raise InputError(
                f"{found.name} has the role that the identity provider's groups give.",
                hint="Change the groups there, or the setting oidc.groups; it holds from the next sign-in on.",
            )
        self._record(Action.IDENTITY_CHANGE, found, {"change": "role", "new_role": role.value})
        return self.store.set_role(name, role)

    def set_password(self, name: str, password: str) -> Identity:
        """Give a user another password; whoever is signed in by that name isn't any more.

        :raises InputError: if there is no user of that name, or the password is too weak.
        """
        found = self._get(name, IdentityKind.USER)
        if found.signs_in_by is SignInWay.OIDC:
            raise InputError(f"{found.name} signs in at an identity provider.", hint="A password is changed there.")
        require_password(password, found.name)
        self._record(Action.IDENTITY_CHANGE, found, {"change": "sign_in"})
        return self.store.set_password(name, password)

    def _make(
        self, prefix: str, kind: IdentityKind, name: str, role: ServerRole, expires_at: datetime | None = None
    ) -> Identity:
        self._require_free(parse_identity_name(name))
        identity_id = f"{prefix}-{secrets.token_hex(5)}"
        return Identity(identity_id, kind, name, role, self.actor.name, self.clock.now(), expires_at)

    def _require_free(self, name: str) -> None:
        """Before anything is recorded; that of two at once only one gets the name is the store's to see to."""
        try:
            self.store.get(name)
        except NotFoundError:
            return
        raise InputError(
            f"There is a user or token of the name {name} already.",
            hint="Take another name: that of a disabled one stays taken, since the ledger names it.",
        )

    def _get(self, name: str, kind: IdentityKind | None) -> Identity:
        found = self.store.get(name)
        if kind is not None and found.kind is not kind:
            raise NotFoundError(
                f"{found.name} is a {found.kind.value}, not a {kind.value}.",
                hint="See them: rootkeeper users list, rootkeeper token list",
            )
        return found

    def _record(self, action: Action, identity: Identity, change: dict[str, JsonValue] | None = None) -> None:
        self.ledger.append_fact(action, parameters=identity_to_parameters(identity) | (change or {}))


def _spent_link() -> NotSignedInError:
    return NotSignedInError(
        "This link can't be used any more: it works once, for a day, and while there is no administrator.",
        hint="Ask an administrator, or start the server again: without one it prints a new link.",
    )


@dataclass(frozen=True, slots=True)
class CompletedSignIn:
    """Somebody who has just signed in."""

    identity: Identity
    token: str = field(repr=False)
    expires_at: datetime


class SignInService:
    """Lets users sign in by name and password.

    Failures are counted by name and by address, by all servers of one database together. Tokens aren't touched by it,
    so that nobody is kept from a server by somebody who guesses at his name.
    """

    def __init__(self, store: IdentityStore, clock: Clock, failures: FailureCounter) -> None:
        self._store = store
        self._clock = clock
        self._failures = failures
        self._hashing = threading.BoundedSemaphore(_CHECKED_AT_ONCE)

    def sign_in(
        self, name: str, password: str, client_origin: ClientOrigin, kind: SessionKind = SessionKind.TOKEN
    ) -> CompletedSignIn:
        """A sign-in for 12 hours. Where a second factor is needed it can do nothing before that was given.

        :raises NotSignedInError: if it isn't the password, or there is no such user; the answer is the same.
        :raises TooManyAttemptsError: after too many failures of this name or from this address.
        """
        with self._hashing:
            admitted = self._try(name, password, client_origin, kind)
        if admitted is None:
            raise NotSignedInError(
                "That isn't the password of a user here.", hint="Check both. An administrator can set a new password."
            )
        return admitted

    def _try(self, name: str, password: str, client_origin: ClientOrigin, kind: SessionKind) -> CompletedSignIn | None:
        attempt = self._failures.begin_attempt(limit_sign_ins(name, client_origin.address or "unknown"))
        if attempt is None:
            raise TooManyAttemptsError(
                "There were too many wrong passwords.",
                hint="Wait 5 minutes, then try again.",
                wait_seconds=int(FAILURES_COUNT.total_seconds()),
            )
        new = make_session(kind, client_origin, self._clock)
        identity = self._store.sign_in(name, password, new)
        if identity is None:
            return None
        self._failures.remove_attempt(attempt)
        return CompletedSignIn(identity, new.secret, new.expires_at)


def limit_sign_ins(name: str, address: str) -> tuple[AttemptLimit, ...]:
    """How often a password may be wrong: by name, and by the address that tries."""
    return (
        AttemptLimit(f"name {fold_name(name)}", 10, FAILURES_COUNT),
        AttemptLimit(f"address {address}", 50, FAILURES_COUNT),
    )
