"""Whom a server knows, and how people sign in.

Each change of an identity is recorded in the ledger before it is made, with who made it; what proves an identity, a
password or token, is handed to the store and goes nowhere else.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rootkeeper.domain.access import Identity, IdentityKind, ServerRole
from rootkeeper.domain.identity_names import ensure_password, fold_name, parse_identity_name
from rootkeeper.domain.ledger import Action, Actor, JsonValue
from rootkeeper.errors import InputError, NotFoundError, NotSignedInError, TooManyAttemptsError
from rootkeeper.ports.access import IdentityStore
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.ledger import Ledger

SIGN_IN_LASTS = timedelta(hours=12)
TOKEN_PREFIX = "rk_"  # noqa: S105 - what tokens begin with, so that scanners for leaked ones find them
_TOKEN_BYTES = 32
_CHECKED_AT_ONCE = 2
"""Each check of a password takes 64 MB of memory for a moment."""


def make_token() -> str:
    """A new token: 256 random bits."""
    return TOKEN_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)


@dataclass(frozen=True, slots=True)
class NewToken:
    """An API token that was just made."""

    identity: Identity
    token: str = field(repr=False)
    """Shown once: nobody can find it again."""


@dataclass(frozen=True, slots=True)
class IdentityKeeping:
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
        ensure_password(password, name)
        self._record(Action.IDENTITY_ADD, identity)
        self.store.add_user(identity, password)
        return identity

    def create_token(self, name: str, role: ServerRole, expires_at: datetime | None = None) -> NewToken:
        """An API token, an identity of its own.

        :raises InputError: if the name is taken or can't be one, or the end has passed.
        """
        identity = self._make("t", IdentityKind.TOKEN, name, role, expires_at)
        if expires_at is not None and expires_at <= identity.created_at:
            raise InputError("The token would have expired before its first use.", hint="Give an end in the future.")
        token = make_token()
        self._record(Action.IDENTITY_ADD, identity)
        self.store.add_token(identity, token)
        return NewToken(identity, token)

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
        self._record(Action.IDENTITY_CHANGE, found, {"change": "role", "new_role": role.value})
        return self.store.set_role(name, role)

    def set_password(self, name: str, password: str) -> Identity:
        """Give a user another password; whoever is signed in by that name isn't any more.

        :raises InputError: if there is no user of that name, or the password is too weak.
        """
        found = self._get(name, IdentityKind.USER)
        ensure_password(password, found.name)
        self._record(Action.IDENTITY_CHANGE, found, {"change": "sign_in"})
        return self.store.set_password(name, password)

    def _make(
        self, prefix: str, kind: IdentityKind, name: str, role: ServerRole, expires_at: datetime | None = None
    ) -> Identity:
        self._ensure_free(parse_identity_name(name))
        identity_id = f"{prefix}-{secrets.token_hex(5)}"
        return Identity(identity_id, kind, name, role, self.actor.name, self.clock.now(), expires_at)

    def _ensure_free(self, name: str) -> None:
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
        described: dict[str, JsonValue] = {
            "identity_id": identity.identity_id,
            "kind": identity.kind.value,
            "name": identity.name,
            "role": identity.role.value,
            "expires_at": None if identity.expires_at is None else identity.expires_at.isoformat(),
        }
        self.ledger.append_fact(action, parameters=described | (change or {}))


@dataclass(frozen=True, slots=True)
class SignIn:
    """Somebody who has just signed in."""

    identity: Identity
    token: str = field(repr=False)
    expires_at: datetime


class SigningIn:
    """Lets users sign in by name and password.

    Failures are counted by name and by address in this process alone: several servers on one database each allow as
    many. Tokens aren't touched by it, so that nobody is kept from a server by somebody who guesses at his name.
    """

    def __init__(self, store: IdentityStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._by_name = FailureCounts(limit=10, within_seconds=300)
        self._by_address = FailureCounts(limit=50, within_seconds=300)
        self._hashing = threading.BoundedSemaphore(_CHECKED_AT_ONCE)

    def sign_in(self, name: str, password: str, address: str) -> SignIn:
        """A token for 12 hours.

        :raises NotSignedInError: if it isn't the password, or there is no such user; the answer is the same.
        :raises TooManyAttemptsError: after too many failures of this name or from this address.
        """
        with self._hashing:
            admitted = self._try(name, password, address)
        if admitted is None:
            raise NotSignedInError(
                "That isn't the password of a user here.", hint="Check both. An administrator can set a new password."
            )
        return admitted

    def sign_out(self, token: str) -> None:
        """End a sign-in; an API token stays as it is."""
        self._store.end_sign_in(token)

    def _try(self, name: str, password: str, address: str) -> SignIn | None:
        """Failures are looked at only once it is this attempt's turn, or many at once would all find none yet."""
        moment, folded = self._clock.monotonic(), fold_name(name)
        if self._by_name.is_reached(folded, moment) or self._by_address.is_reached(address, moment):
            raise TooManyAttemptsError("There were too many wrong passwords.", hint="Wait 5 minutes, then try again.")
        token, expires_at = make_token(), self._clock.now() + SIGN_IN_LASTS
        identity = self._store.sign_in(name, password, token, expires_at)
        if identity is None:
            self._by_name.add(folded, moment)
            self._by_address.add(address, moment)
            return None
        return SignIn(identity, token, expires_at)


class FailureCounts:
    """When each of many keys failed lately; safe in many threads, and bounded in size."""

    def __init__(self, limit: int, within_seconds: float, largest: int = 10_000) -> None:
        self._limit = limit
        self._within_seconds = within_seconds
        self._largest = largest
        self._failures: OrderedDict[str, list[float]] = OrderedDict()
        self._guard = threading.Lock()

    def add(self, key: str, moment: float) -> None:
        """Count a failure; of too many keys the one that failed longest ago is forgotten."""
        with self._guard:
            self._failures[key] = [*self._list_recent(key, moment), moment][-self._limit :]
            self._failures.move_to_end(key)
            if len(self._failures) > self._largest:
                self._failures.popitem(last=False)

    def is_reached(self, key: str, moment: float) -> bool:
        with self._guard:
            return len(self._list_recent(key, moment)) >= self._limit

    def _list_recent(self, key: str, moment: float) -> list[float]:
        return [failed_at for failed_at in self._failures.get(key, ()) if moment - failed_at < self._within_seconds]
