"""Second factors: authenticator apps and passkeys.

Where second factors of users are kept.

Codes of authenticator apps. Source: RFC 6238, by pyotp.

What passkeys are asked, and whether their answers are right. Source: WebAuthn Level 3, by py_webauthn.

A passkey is a second factor here: the password came before, so that the device needn't ask for a PIN of its own.

Second factors of users: set up, given at a sign-in and again before something weighty, removed and reset.

Each change is recorded in the ledger before it is made, by the factor's kind alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from rootkeeper.access.counts import FailureCounter
from rootkeeper.access.records import identity_to_parameters
from rootkeeper.access.rules import (
    CHALLENGE_LASTS,
    ENROLMENT_LASTS,
    MOST_FACTORS,
    TOTP_DRIFT_STEPS,
    TOTP_SECONDS,
    AttemptLimit,
    ChallengePurpose,
    Factor,
    FactorKind,
    Identity,
    IdentityKind,
    Passkey,
    Session,
    TotpFactor,
    needs_factor,
)
from rootkeeper.access.service import AuthenticatedSession, IdentityStore, SessionStore, make_secret
from rootkeeper.clock import Clock
from rootkeeper.errors import FactorRefusedError, InputError, NotFoundError, NotSignedInError, TooManyAttemptsError
from rootkeeper.ledger.rules import Action
from rootkeeper.ledger.store import Ledger
from rootkeeper.organization.accounts import Endpoint
from rootkeeper.references import is_loopback
from rootkeeper.values import JsonValue


class FactorStore(Protocol):
    """Second factors of one organization's users.

    A factor that isn't confirmed yet counts for nothing. What codes are made from is kept encrypted, by a key that
    isn't in the database.

    :raises DatabaseError: if the database can't be read or written.
    """

    def list_factors(self, identity_id: str) -> tuple[Factor, ...]:
        """The confirmed ones, the oldest first."""
        ...

    def begin_totp(self, factor: Factor, secret: str) -> None:
        """Keep what waits for its first code; replaces another one of the user that waits."""
        ...

    def find_waiting_totp(self, identity_id: str, since: datetime) -> TotpFactor | None:
        """The one that waits for its first code, if it was made since then."""
        ...

    def confirm_totp(self, factor_id: str, step: int, at: datetime) -> bool:
        """Let it count from now on; ``False`` if it doesn't wait any more."""
        ...

    def list_totp(self, identity_id: str) -> tuple[TotpFactor, ...]:
        """The confirmed ones."""
        ...

    def take_step(self, factor_id: str, step: int, at: datetime) -> bool:
        """Note that the code of a step was taken; ``False`` if this one or a later one was before."""
        ...

    def add_passkey(self, passkey: Passkey) -> None:
        """:raises InputError: if it is kept already."""
        ...

    def list_passkeys(self, identity_id: str) -> tuple[Passkey, ...]: ...

    def take_sign_count(self, factor_id: str, known: int, new: int, at: datetime) -> bool:
        """Note a use; ``False`` if the count isn't ``known`` any more, or the passkey is gone."""
        ...

    def remove(self, identity_id: str, factor_id: str) -> Factor | None:
        """``None`` if the user has no such factor."""
        ...

    def remove_all(self, identity_id: str) -> int:
        """Also what isn't confirmed; how many confirmed ones there were."""
        ...

    def add_challenge(self, session_id: str, purpose: ChallengePurpose, challenge: bytes, ends_at: datetime) -> None:
        """Remember what a passkey is to answer in this sign-in; only its hash is kept."""
        ...

    def take_challenge(self, session_id: str, purpose: ChallengePurpose, challenge: bytes, now: datetime) -> bool:
        """Whether it was asked of this sign-in for this purpose and not answered yet; it is gone afterwards."""
        ...


ISSUER = "Rootkeeper"


_CODE_LENGTH = 6


def make_seed() -> str:
    """What an app's codes are made from: 160 random bits in base32. Source: RFC 4226, section 4."""
    import pyotp

    return pyotp.random_base32()


def make_uri(seed: str, name: str) -> str:
    """What an app reads from the QR code."""
    import pyotp

    return pyotp.TOTP(seed, interval=TOTP_SECONDS).provisioning_uri(name=name, issuer_name=ISSUER)


def find_step(seed: str, code: str, now: datetime) -> int | None:
    """The step whose code it is, this one or a neighbour; ``None`` if it is none of them."""
    import pyotp
    from pyotp.exceptions import OTPVerificationError

    if len(code) != _CODE_LENGTH or not (code.isascii() and code.isdecimal()):
        return None
    try:
        return pyotp.TOTP(seed, interval=TOTP_SECONDS).verify_and_get_timecode(
            code, for_time=now, valid_window=TOTP_DRIFT_STEPS
        )
    except OTPVerificationError:
        return None


RELYING_PARTY = "Rootkeeper"


_TIMEOUT_MILLISECONDS = int(CHALLENGE_LASTS.total_seconds() * 1000)


_LONGEST_HANDLE = 64
"""Source: WebAuthn, section 4, "User Handle"."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The server as the browser sees it: a passkey is good there and nowhere else."""

    host: str
    """The relying party's id: a name without port."""
    origin: str
    """Such as ``https://rootkeeper.example.com``."""

    def require_named(self) -> None:
        """:raises InputError: if it is reached by a bare address, for which browsers make no passkeys."""
        if self.host.replace(".", "").isdecimal() or ":" in self.host:
            instead = self.origin.replace(self.host, "localhost") if is_loopback(self.host) else "the server's name"
            raise InputError(
                f"Browsers make no passkeys for the bare address {self.host}.", hint=f"Open {instead} instead."
            )


@dataclass(frozen=True, slots=True)
class PasskeyChallenge:
    """What a passkey is asked."""

    challenge: bytes
    options: Mapping[str, Any]
    """As a browser takes them, in JSON."""


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """What a device told of a passkey that it has just made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


def ask_to_register(site: RelyingParty, identity_id: str, name: str, known: Sequence[Passkey]) -> PasskeyChallenge:
    """For a new passkey; a device that has one already makes no second one.

    :raises InputError: if browsers make none for such an address.
    """
    from webauthn import generate_registration_options
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    site.require_named()
    options = generate_registration_options(
        rp_id=site.host,
        rp_name=RELYING_PARTY,
        user_name=name,
        user_id=identity_id.encode()[:_LONGEST_HANDLE],
        timeout=_TIMEOUT_MILLISECONDS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_describe(known),
    )
    return PasskeyChallenge(options.challenge, options_to_json_dict(options))


def ask_to_prove(site: RelyingParty, known: Sequence[Passkey]) -> PasskeyChallenge:
    """For one of the user's passkeys.

    :raises InputError: if there is none, or browsers ask none for such an address.
    """
    from webauthn import generate_authentication_options
    from webauthn.helpers import options_to_json_dict

    if not known:
        raise InputError("No passkey is set up.", hint="Give a code of the authenticator app.")
    site.require_named()
    options = generate_authentication_options(
        rp_id=site.host, timeout=_TIMEOUT_MILLISECONDS, allow_credentials=_describe(known)
    )
    return PasskeyChallenge(options.challenge, options_to_json_dict(options))


def read_challenge(answer: Mapping[str, Any]) -> bytes:
    """Which question an answer claims to belong to; nothing of it is believed yet.

    :raises FactorRefusedError: if it isn't a passkey's answer.
    """
    from webauthn.helpers import base64url_to_bytes, parse_client_data_json

    with _refusing():
        return parse_client_data_json(base64url_to_bytes(answer["response"]["clientDataJSON"])).challenge


def check_registration(answer: Mapping[str, Any], site: RelyingParty, challenge: bytes) -> NewPasskey:
    """:raises FactorRefusedError: if the answer isn't right."""
    from webauthn import verify_registration_response

    with _refusing():
        found = verify_registration_response(
            credential=dict(answer),
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
        )
    return NewPasskey(found.credential_id, found.credential_public_key, found.sign_count)


def find_passkey(answer: Mapping[str, Any], known: Sequence[Passkey]) -> Passkey:
    """Which passkey answers.

    :raises FactorRefusedError: if it is none of them.
    """
    from webauthn.helpers import base64url_to_bytes

    with _refusing():
        credential_id = base64url_to_bytes(answer["rawId"])
    found = next((one for one in known if one.credential_id == credential_id), None)
    if found is None:
        raise _refusal()
    return found


def check_proof(answer: Mapping[str, Any], site: RelyingParty, challenge: bytes, passkey: Passkey) -> int:
    """The passkey's new sign count.

    :raises FactorRefusedError: if the answer isn't right, or the count tells of a copy of the device.
    """
    from webauthn import verify_authentication_response

    with _refusing():
        found = verify_authentication_response(
            credential=dict(answer),
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
        )
    return found.new_sign_count


def _describe(known: Sequence[Passkey]) -> list[Any]:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(id=one.credential_id) for one in known]


@contextmanager
def _refusing() -> Iterator[None]:
    """What an answer of any shape makes the library raise means one thing: it isn't right."""
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        yield
    except (WebAuthnException, ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise _refusal() from error


def _refusal() -> FactorRefusedError:
    return FactorRefusedError("The passkey's answer isn't right.", hint="Try again, or use another second factor.")


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
