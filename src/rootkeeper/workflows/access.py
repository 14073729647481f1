"""Whom a server knows, and how people sign in.

Each change of an identity is recorded in the ledger before it is made, with who made it; what proves an identity, a
password or token, is handed to the store and goes nowhere else.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rootkeeper.domain.access import (
    UNLIMITED,
    Identity,
    IdentityKind,
    ServerRole,
    SignInWay,
    TokenScope,
    require_scope,
)
from rootkeeper.domain.attempt_limits import AttemptLimit
from rootkeeper.domain.identity_names import fold_name, parse_identity_name, require_password
from rootkeeper.domain.identity_providers import ProviderIdentity
from rootkeeper.domain.identity_records import identity_to_parameters
from rootkeeper.domain.ledger import Action, Actor, JsonValue
from rootkeeper.domain.sessions import SessionKind
from rootkeeper.errors import InputError, NotFoundError, NotSignedInError, PermissionDeniedError, TooManyAttemptsError
from rootkeeper.ports.access import IdentityStore
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.factors import FirstAdministrators
from rootkeeper.ports.failure_counting import FailureCounter
from rootkeeper.ports.ledger import Ledger
from rootkeeper.workflows.sessions import ClientOrigin, make_secret, make_session

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
