"""Second factors of users: set up, given at a sign-in and again before something weighty, removed and reset.

Each change is recorded in the ledger before it is made, by the factor's kind alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from rootkeeper.domain.access import Identity, IdentityKind
from rootkeeper.domain.attempt_limits import AttemptLimit
from rootkeeper.domain.factors import (
    CHALLENGE_LASTS,
    ENROLMENT_LASTS,
    MOST_FACTORS,
    ChallengePurpose,
    Factor,
    Passkey,
)
from rootkeeper.domain.identity_records import identity_to_parameters
from rootkeeper.domain.ledger import Action, JsonValue
from rootkeeper.domain.organizations import Endpoint
from rootkeeper.domain.sessions import FactorKind, Session, needs_factor
from rootkeeper.errors import (
    FactorRefusedError,
    InputError,
    NotFoundError,
    NotSignedInError,
    TooManyAttemptsError,
)
from rootkeeper.ports.access import IdentityStore
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.factors import FactorStore
from rootkeeper.ports.failure_counting import FailureCounter
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.sessions import SessionStore
from rootkeeper.workflows.authenticator_apps import find_step, make_seed, make_uri
from rootkeeper.workflows.passkeys import (
    RelyingParty,
    ask_to_prove,
    ask_to_register,
    check_proof,
    check_registration,
    find_passkey,
    read_challenge,
)
from rootkeeper.workflows.sessions import AuthenticatedSession, make_secret

_MOST_FAILURES = 10
FAILURES_COUNT = timedelta(hours=1)
"""A code has three right values among a million: ten guesses an hour take longer than anybody has."""


@dataclass(frozen=True, slots=True)
class TotpEnrolment:
    """What an authenticator app is set up with; shown this once."""

    seed: str = field(repr=False)
    uri: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FactorVerifier:
    """Takes second factors."""

    factors: FactorStore
    sessions: SessionStore
    failures: FailureCounter
    clock: Clock

    def ask_passkey(self, session: Session, site: RelyingParty) -> Mapping[str, Any]:
        """What the browser asks one of the user's passkeys.

        :raises InputError: if there is none.
        """
        question = ask_to_prove(site, self.factors.list_passkeys(session.identity.identity_id))
        ends_at = self.clock.now() + CHALLENGE_LASTS
        self.factors.add_challenge(session.session_id, ChallengePurpose.PROVE, question.challenge, ends_at)
        return question.options

    def verify_totp(self, proven: AuthenticatedSession, code: str) -> AuthenticatedSession:
        """The sign-in under a new secret, with a fresh factor.

        :raises FactorRefusedError: if it isn't a code, or was taken before.
        :raises TooManyAttemptsError: after too many wrong ones of this user.
        """
        attempt = self._begin_attempt(proven.session)
        if not self._is_code(proven.session.identity.identity_id, code):
            raise FactorRefusedError(
                "That isn't the code of now, or it was used before.", hint="Wait for the next code, then type that one."
            )
        self.failures.remove_attempt(attempt)
        return self.renew(proven)

    def verify_passkey(
        self, proven: AuthenticatedSession, answer: Mapping[str, Any], site: RelyingParty
    ) -> AuthenticatedSession:
        """The same by a passkey.

        :raises FactorRefusedError: if the answer isn't right, or the question wasn't asked of this sign-in.
        :raises TooManyAttemptsError: after too many wrong ones of this user.
        """
        attempt = self._begin_attempt(proven.session)
        now, session = self.clock.now(), proven.session
        challenge = read_challenge(answer)
        passkey = find_passkey(answer, self.factors.list_passkeys(session.identity.identity_id))
        _require_asked(self.factors.take_challenge(session.session_id, ChallengePurpose.PROVE, challenge, now))
        new_count = check_proof(answer, site, challenge, passkey)
        _require_asked(self.factors.take_sign_count(passkey.factor.factor_id, passkey.sign_count, new_count, now))
        self.failures.remove_attempt(attempt)
        return self.renew(proven)

    def renew(self, proven: AuthenticatedSession) -> AuthenticatedSession:
        """A new secret for a sign-in whose user has just given a second factor.

        :raises NotSignedInError: if the sign-in has ended meanwhile.
        """
        new_secret = make_secret(proven.session.kind)
        session = self.sessions.renew(proven.secret, new_secret, self.clock.now())
        if session is None:
            raise NotSignedInError("The sign-in has ended.", hint="Sign in again.")
        return AuthenticatedSession(session, new_secret)

    def _begin_attempt(self, session: Session) -> str:
        """Counted before it is looked at, so that many at once don't all find none yet."""
        limit = AttemptLimit(f"factor {session.identity.identity_id}", _MOST_FAILURES, FAILURES_COUNT)
        attempt = self.failures.begin_attempt((limit,))
        if attempt is None:
            raise TooManyAttemptsError(
                "There were too many wrong second factors.",
                hint="Wait an hour, or have an administrator reset them: rootkeeper users reset-factors NAME",
                wait_seconds=int(FAILURES_COUNT.total_seconds()),
            )
        return attempt

    def _is_code(self, identity_id: str, code: str) -> bool:
        now = self.clock.now()
        for app in self.factors.list_totp(identity_id):
            step = find_step(app.secret, code, now)
            if step is not None and self.factors.take_step(app.factor.factor_id, step, now):
                return True
        return False


@dataclass(frozen=True, slots=True)
class FactorService:
    """Sets factors up and takes them away, in the name of whoever the ledger writes for."""

    factors: FactorStore
    identities: IdentityStore
    sessions: SessionStore
    ledger: Ledger
    clock: Clock

    def list_factors(self, identity: Identity) -> tuple[Factor, ...]:
        """The oldest first."""
        return self.factors.list_factors(identity.identity_id)

    def begin_totp(self, identity: Identity) -> TotpEnrolment:
        """A new authenticator app, which counts from its first code on.

        :raises InputError: if the user has too many factors.
        """
        self._require_room(identity)
        seed = make_seed()
        self.factors.begin_totp(self._make(identity, FactorKind.TOTP, None), seed)
        return TotpEnrolment(seed, make_uri(seed, identity.name))

    def confirm_totp(self, identity: Identity, code: str) -> Factor:
        """Let the app count.

        :raises FactorRefusedError: if it isn't its code, or no app waits for its first one.
        """
        now = self.clock.now()
        waiting = self.factors.find_waiting_totp(identity.identity_id, now - ENROLMENT_LASTS)
        if waiting is None:
            raise FactorRefusedError("No authenticator app waits for its first code.", hint="Begin anew.")
        step = find_step(waiting.secret, code, now)
        if step is None:
            raise FactorRefusedError(
                "That isn't the code that the app shows now.", hint="Check the device's clock, and type the next one."
            )
        self._record("factor_added", identity, waiting.factor.kind)
        if not self.factors.confirm_totp(waiting.factor.factor_id, step, now):
            raise FactorRefusedError("The authenticator app was set up anew meanwhile.", hint="Begin anew.")
        return waiting.factor

    def preset_totp(self, identity_id: str, seed: str, endpoint: Endpoint) -> None:
        """An app whose seed was made elsewhere, as a demo's users have it.

        :raises InputError: if it isn't a sandbox's server, or there is no such user.
        """
        identity = next((one for one in self.identities.list_identities() if one.identity_id == identity_id), None)
        if identity is None or not endpoint.is_sandbox:
            raise InputError("Only users of a sandbox's server have second factors that are preset.")
        factor = self._make(identity, FactorKind.TOTP, None)
        self._record("factor_added", identity, factor.kind)
        self.factors.begin_totp(factor, seed)
        self.factors.confirm_totp(factor.factor_id, 0, self.clock.now())

    def ask_new_passkey(self, session: Session, site: RelyingParty) -> Mapping[str, Any]:
        """What the browser asks a device that is to make a passkey.

        :raises InputError: if the user has too many factors, or browsers make none for such an address.
        """
        identity = session.identity
        self._require_room(identity)
        known = self.factors.list_passkeys(identity.identity_id)
        question = ask_to_register(site, identity.identity_id, identity.name, known)
        ends_at = self.clock.now() + CHALLENGE_LASTS
        self.factors.add_challenge(session.session_id, ChallengePurpose.REGISTER, question.challenge, ends_at)
        return question.options

    def add_passkey(self, session: Session, answer: Mapping[str, Any], name: str | None, site: RelyingParty) -> Factor:
        """:raises FactorRefusedError: if the answer isn't right, or the question wasn't asked of this sign-in."""
        challenge = read_challenge(answer)
        now = self.clock.now()
        _require_asked(self.factors.take_challenge(session.session_id, ChallengePurpose.REGISTER, challenge, now))
        new = check_registration(answer, site, challenge)
        factor = self._make(session.identity, FactorKind.PASSKEY, name)
        self._record("factor_added", session.identity, factor.kind)
        self.factors.add_passkey(Passkey(factor, new.credential_id, new.public_key, new.sign_count))
        return factor

    def remove(self, identity: Identity, factor_id: str) -> Factor:
        """Take one of one's own away.

        :raises NotFoundError: if there is none.
        :raises InputError: if it is the last one, and the role needs one.
        """
        known = self.list_factors(identity)
        found = next((one for one in known if one.factor_id == factor_id), None)
        if found is None:
            raise NotFoundError(f"You have no second factor {factor_id}.", hint="List them again.")
        if len(known) == 1 and needs_factor(identity.role):
            raise InputError(
                f"It is your last second factor, and the role {identity.role.value} needs one.",
                hint="Set another one up first.",
            )
        self._record("factor_removed", identity, found.kind)
        self.factors.remove(identity.identity_id, factor_id)
        return found

    def reset(self, name: str) -> int:
        """Take all of somebody's factors away, for whoever has lost them; sign-ins end. How many there were.

        :raises NotFoundError: if there is none of that name.
        :raises InputError: if it is a token.
        """
        identity = self.identities.get(name)
        if identity.kind is not IdentityKind.USER:
            raise InputError(f"{identity.name} is a token; it has no second factors.", hint="Name a user.")
        self._record("factors_reset", identity)
        # First: a sign-in that outlived its factor could set up another one; and again, as one may begin meanwhile.
        self.sessions.end_all(identity.identity_id)
        removed = self.factors.remove_all(identity.identity_id)
        self.sessions.end_all(identity.identity_id)
        return removed

    def _require_room(self, identity: Identity) -> None:
        if len(self.list_factors(identity)) >= MOST_FACTORS:
            raise InputError(f"You have {MOST_FACTORS} second factors already.", hint="Remove one first.")

    def _make(self, identity: Identity, kind: FactorKind, name: str | None) -> Factor:
        return Factor(f"f-{secrets.token_hex(8)}", identity.identity_id, kind, name, self.clock.now())

    def _record(self, change: str, identity: Identity, kind: FactorKind | None = None) -> None:
        changed: dict[str, JsonValue] = {"change": change, "factor": None if kind is None else kind.value}
        self.ledger.append_fact(Action.IDENTITY_CHANGE, parameters=identity_to_parameters(identity) | changed)


def _require_asked(is_asked: bool) -> None:
    """:raises FactorRefusedError: if the answer belongs to no open question, or the passkey was used elsewhere."""
    if not is_asked:
        raise FactorRefusedError("The passkey answered what isn't asked any more.", hint="Try again.")
