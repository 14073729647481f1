"""Sign-ins and second factors, in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime

from rootkeeper.access.factor_store import FactorStore
from rootkeeper.access.rules import (
    SESSION_LASTS,
    ChallengePurpose,
    Factor,
    Identity,
    NewSession,
    Passkey,
    ServerRole,
    Session,
    SessionKind,
    TotpFactor,
    fold_name,
)
from rootkeeper.access.store import FirstAdministratorStore, SessionStore
from rootkeeper.errors import InputError
from tests.fakes.access import InMemoryIdentities
from tests.fakes.clock import START, FakeClock
from tests.fakes.databases import FakeDatabase, FakeLedger


def new_session(
    secret: str,
    kind: SessionKind = SessionKind.TOKEN,
    started_at: datetime = START,
    ends_at: datetime | None = None,
) -> NewSession:
    """A sign-in of that secret, whose id follows from it."""
    session_id = f"s-{hashlib.sha256(secret.encode()).hexdigest()[:16]}"
    return NewSession(session_id, secret, kind, started_at, ends_at or started_at + SESSION_LASTS)


@dataclass
class InMemoryFactors(FactorStore):
    """Implements FactorStore; secrets are kept as they are."""

    totp: dict[str, TotpFactor] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    """Ids of those that aren't confirmed."""
    passkeys: dict[str, Passkey] = field(default_factory=dict)
    challenges: dict[bytes, tuple[str, ChallengePurpose, datetime]] = field(default_factory=dict)

    def list_factors(self, identity_id: str) -> tuple[Factor, ...]:
        found = [one.factor for one in self.list_totp(identity_id)]
        found += [one.factor for one in self.list_passkeys(identity_id)]
        return tuple(sorted(found, key=lambda one: (one.created_at, one.factor_id)))

    def begin_totp(self, factor: Factor, secret: str) -> None:
        for factor_id in self._list_waiting(factor.identity_id):
            self.waiting.remove(factor_id)
            del self.totp[factor_id]
        self.waiting.add(factor.factor_id)
        self.totp[factor.factor_id] = TotpFactor(factor, secret, 0)

    def find_waiting_totp(self, identity_id: str, since: datetime) -> TotpFactor | None:
        waiting = [self.totp[factor_id] for factor_id in self._list_waiting(identity_id)]
        return next((one for one in waiting if one.factor.created_at >= since), None)

    def confirm_totp(self, factor_id: str, step: int, at: datetime) -> bool:
        if factor_id not in self.waiting:
            return False
        self.waiting.remove(factor_id)
        self._use_totp(factor_id, step, at)
        return True

    def list_totp(self, identity_id: str) -> tuple[TotpFactor, ...]:
        return tuple(
            one
            for one in self.totp.values()
            if one.factor.identity_id == identity_id and one.factor.factor_id not in self.waiting
        )

    def take_step(self, factor_id: str, step: int, at: datetime) -> bool:
        if factor_id not in self.totp or factor_id in self.waiting or self.totp[factor_id].last_step >= step:
            return False
        self._use_totp(factor_id, step, at)
        return True

    def add_passkey(self, passkey: Passkey) -> None:
        if any(one.credential_id == passkey.credential_id for one in self.passkeys.values()):
            raise InputError("This passkey is already set up.")
        self.passkeys[passkey.factor.factor_id] = passkey

    def list_passkeys(self, identity_id: str) -> tuple[Passkey, ...]:
        return tuple(one for one in self.passkeys.values() if one.factor.identity_id == identity_id)

    def take_sign_count(self, factor_id: str, known: int, new: int, at: datetime) -> bool:
        passkey = self.passkeys.get(factor_id)
        if passkey is None or passkey.sign_count != known:
            return False
        used = replace(passkey.factor, last_used_at=at)
        self.passkeys[factor_id] = replace(passkey, sign_count=new, factor=used)
        return True

    def remove(self, identity_id: str, factor_id: str) -> Factor | None:
        found = next((one for one in self.list_factors(identity_id) if one.factor_id == factor_id), None)
        if found is not None:
            self.totp.pop(factor_id, None)
            self.passkeys.pop(factor_id, None)
        return found

    def remove_all(self, identity_id: str) -> int:
        found = self.list_factors(identity_id)
        for factor in found:
            self.remove(identity_id, factor.factor_id)
        for factor_id in self._list_waiting(identity_id):
            self.waiting.remove(factor_id)
            del self.totp[factor_id]
        return len(found)

    def add_challenge(self, session_id: str, purpose: ChallengePurpose, challenge: bytes, ends_at: datetime) -> None:
        self.challenges[challenge] = (session_id, purpose, ends_at)

    def take_challenge(self, session_id: str, purpose: ChallengePurpose, challenge: bytes, now: datetime) -> bool:
        kept = self.challenges.get(challenge)
        if kept is None or kept[:2] != (session_id, purpose):
            return False
        del self.challenges[challenge]
        return now < kept[2]

    def _use_totp(self, factor_id: str, step: int, at: datetime) -> None:
        kept = self.totp[factor_id]
        self.totp[factor_id] = replace(kept, last_step=step, factor=replace(kept.factor, last_used_at=at))

    def _list_waiting(self, identity_id: str) -> list[str]:
        return [one for one in self.waiting if self.totp[one].factor.identity_id == identity_id]


@dataclass
class InMemorySessions(SessionStore):
    """Implements SessionStore, on the sign-ins of the identities in memory."""

    identities: InMemoryIdentities
    factors: InMemoryFactors
    clock: FakeClock

    def begin(self, identity_id: str, new: NewSession) -> Session | None:
        identity = next((one for one in self.identities.list_identities() if one.identity_id == identity_id), None)
        if identity is None or not identity.is_usable(self.clock.now()):
            return None
        self.identities.begin(identity, new)
        return self._find_session(new.secret)

    def find(self, secret: str, kind: SessionKind, *, is_use: bool = True) -> Session | None:
        found = self._find_session(secret)
        if found is None or found.kind is not kind:
            return None
        if is_use:
            used = replace(self.identities.sign_ins[secret], last_used_at=self.clock.now())
            self.identities.sign_ins[secret] = used
        return found

    def renew(self, secret: str, new_secret: str, factor_at: datetime) -> Session | None:
        if self._find_session(secret) is None:
            return None
        kept = self.identities.sign_ins.pop(secret)
        self.identities.sign_ins[new_secret] = replace(kept, factor_at=factor_at, last_used_at=self.clock.now())
        return self._find_session(new_secret)

    def list_sessions(self, identity_id: str | None = None) -> tuple[Session, ...]:
        found = [self._find_session(secret) for secret in self.identities.sign_ins]
        lasting = [
            one
            for one in found
            if one is not None and one.kind is SessionKind.BROWSER and identity_id in (None, one.identity.identity_id)
        ]
        return tuple(sorted(lasting, key=lambda one: one.started_at, reverse=True))

    def end(self, secret: str) -> None:
        self.identities.sign_ins.pop(secret, None)

    def end_session(self, session_id: str, identity_id: str | None = None) -> Session | None:
        for secret, one in list(self.identities.sign_ins.items()):
            if one.session_id == session_id and identity_id in (None, one.identity.identity_id):
                return self.identities.sign_ins.pop(secret)
        return None

    def end_all(self, identity_id: str) -> int:
        ended = [secret for secret, one in self.identities.sign_ins.items() if one.identity.identity_id == identity_id]
        for secret in ended:
            del self.identities.sign_ins[secret]
        return len(ended)

    def _find_session(self, secret: str) -> Session | None:
        kept = self.identities.sign_ins.get(secret)
        if kept is None:
            return None
        identity = self.identities.get(kept.identity.name)
        enrolled = frozenset(one.kind for one in self.factors.list_factors(identity.identity_id))
        session = replace(kept, identity=identity, enrolled=enrolled)
        now = self.clock.now()
        return session if session.is_alive(now) and identity.is_usable(now) else None


@dataclass
class SignInDesk:
    """Who is known and signed in, and the ledger of what changes of that."""

    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.database = FakeDatabase(self.clock)
        self.ledger = FakeLedger(self.database, "here")
        self.identities = InMemoryIdentities(self.clock)
        self.factors = InMemoryFactors()
        self.sessions = InMemorySessions(self.identities, self.factors, self.clock)


@dataclass
class InMemoryFirstAdministrators(FirstAdministratorStore):
    """Implements FirstAdministratorStore."""

    identities: InMemoryIdentities
    clock: FakeClock
    links: dict[str, datetime] = field(default_factory=dict)

    def add_link(self, token: str, ends_at: datetime) -> None:
        self.links[token] = ends_at

    def is_good(self, token: str) -> bool:
        now = self.clock.now()
        administrators = [one for one in self.identities.list_identities() if one.role is ServerRole.ADMINISTRATOR]
        return token in self.links and now < self.links[token] and not any(one.is_usable(now) for one in administrators)

    def use_link(self, token: str, identity: Identity, password: str) -> bool:
        if not self.is_good(token):
            return False
        if fold_name(identity.name) in self.identities.kept:
            raise InputError(f"There is a user or token of the name {identity.name} already.")
        self.identities.add_user(identity, password)
        self.links.clear()
        return True
