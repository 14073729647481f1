"""Second factors of users: authenticator apps and passkeys, how they are set up, verified, removed and reset.

A passkey's device verifies its user, by a PIN or biometrics: a found or borrowed security key proves nothing. A page
within a page of another server can't ask for a passkey. The ledger records each change before it is made, with the
factor's kind only. pyotp and py_webauthn are imported where they are used, because most commands need neither.

Source: RFC 6238; WebAuthn Level 3.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rootkeeper.access.counts import FailureCounter
from rootkeeper.access.factor_store import FactorStore
from rootkeeper.access.notices import NO_NOTICES, IdentityNotices
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
    needs_factor,
)
from rootkeeper.access.service import AuthenticatedSession, make_secret
from rootkeeper.access.store import IdentityStore, SessionStore
from rootkeeper.clock import Clock
from rootkeeper.errors import (
    FactorRefusedError,
    Hint,
    InputError,
    NotFoundError,
    NotSignedInError,
    TooManyAttemptsError,
)
from rootkeeper.ledger.rules import Action
from rootkeeper.ledger.store import Ledger
from rootkeeper.notifications.rules import NotificationEvent
from rootkeeper.organization.accounts import Endpoint
from rootkeeper.references import is_loopback
from rootkeeper.values import JsonValue

ISSUER = "Rootkeeper"
_CODE_LENGTH = 6


def make_seed() -> str:
    """Return 160 random bits in base32. Source: RFC 4226, section 4."""
    import pyotp

    return pyotp.random_base32()


def make_uri(seed: str, name: str) -> str:
    import pyotp

    return pyotp.TOTP(seed, interval=TOTP_SECONDS).provisioning_uri(name=name, issuer_name=ISSUER)


def find_step(seed: str, code: str, now: datetime) -> int | None:
    """Return the step of a code, now or its neighbour; ``None`` if the code is wrong."""
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
    """The server as the browser sees it. A passkey is valid only there."""

    host: str
    """The relying party's id: a name without port."""
    origin: str
    """Such as ``https://rootkeeper.example.com``."""

    def require_named(self) -> None:
        """:raises InputError: if the host is an IP address, for which browsers make no passkeys."""
        if self.host.replace(".", "").isdecimal() or ":" in self.host:
            instead = self.origin.replace(self.host, "localhost") if is_loopback(self.host) else "the server's name"
            raise InputError(
                f"Browsers make no passkeys for the IP address {self.host}.", hint=f"Open {instead} instead."
            )


@dataclass(frozen=True, slots=True)
class PasskeyChallenge:
    """A challenge to a passkey."""

    challenge: bytes
    options: Mapping[str, Any]
    """The JSON for the browser's WebAuthn call."""


def ask_to_register(site: RelyingParty, identity_id: str, name: str, known: Sequence[Passkey]) -> PasskeyChallenge:
    """Make a challenge for a new passkey. A device makes no second passkey.

    :raises InputError: if browsers make no passkeys for this address.
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
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_describe(known),
    )
    return PasskeyChallenge(options.challenge, options_to_json_dict(options))


def ask_to_prove(site: RelyingParty, known: Sequence[Passkey]) -> PasskeyChallenge:
    """Make a challenge for the user's passkeys.

    :raises InputError: if there is none, or browsers use no passkeys for this address.
    """
    from webauthn import generate_authentication_options
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers.structs import UserVerificationRequirement

    if not known:
        raise InputError("No passkey is set up.", hint="Give a code of the authenticator app.")
    site.require_named()
    options = generate_authentication_options(
        rp_id=site.host,
        timeout=_TIMEOUT_MILLISECONDS,
        allow_credentials=_describe(known),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return PasskeyChallenge(options.challenge, options_to_json_dict(options))


def read_challenge(answer: Mapping[str, Any]) -> bytes:
    """Return the challenge that an answer claims to belong to; nothing is verified yet.

    :raises FactorRefusedError: if it isn't a passkey's answer.
    """
    with _refusing():
        challenge: bytes = _parse_client_data(answer).challenge
        return challenge


def _parse_client_data(answer: Mapping[str, Any]) -> Any:
    """Read what the browser says of the page that asked."""
    from webauthn.helpers import base64url_to_bytes, parse_client_data_json

    return parse_client_data_json(base64url_to_bytes(answer["response"]["clientDataJSON"]))


def _require_own_window(answer: Mapping[str, Any]) -> None:
    """Refuse the answer of a page within a page of another origin. Source: WebAuthn Level 3, sections 7.1 and 7.2."""
    if _parse_client_data(answer).cross_origin:
        raise _refusal()


def check_registration(answer: Mapping[str, Any], site: RelyingParty, challenge: bytes, factor: Factor) -> Passkey:
    """Verify an answer, and return the new passkey.

    :raises FactorRefusedError: if the answer is wrong.
    """
    from webauthn import verify_registration_response

    with _refusing():
        _require_own_window(answer)
        found = verify_registration_response(
            credential=dict(answer),
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    return Passkey(factor, found.credential_id, found.credential_public_key, found.sign_count)


def find_passkey(answer: Mapping[str, Any], known: Sequence[Passkey]) -> Passkey:
    """:raises FactorRefusedError: if none of the known passkeys answered."""
    from webauthn.helpers import base64url_to_bytes

    with _refusing():
        credential_id = base64url_to_bytes(answer["rawId"])
    found = next((passkey for passkey in known if passkey.credential_id == credential_id), None)
    if found is None:
        raise _refusal()
    return found


def check_proof(answer: Mapping[str, Any], site: RelyingParty, challenge: bytes, passkey: Passkey) -> int:
    """Verify an answer, and return the passkey's new sign count.

    :raises FactorRefusedError: if the answer is wrong, or the count shows that the device was copied.
    """
    from webauthn import verify_authentication_response

    with _refusing():
        _require_own_window(answer)
        found = verify_authentication_response(
            credential=dict(answer),
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    return found.new_sign_count


def _describe(known: Sequence[Passkey]) -> list[Any]:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(id=passkey.credential_id) for passkey in known]


@contextmanager
def _refusing() -> Iterator[None]:
    """Translate all that the library raises for an answer of any shape: the answer is wrong."""
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        yield
    except (WebAuthnException, ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise _refusal() from error


def _refusal() -> FactorRefusedError:
    return FactorRefusedError("The passkey's answer is wrong.", hint="Try again, or use another second factor.")


_MOST_FAILURES = 10

FAILURES_COUNT = timedelta(hours=1)
"""Three of a million codes are right, so ten guesses an hour take years."""


@dataclass(frozen=True, slots=True)
class TotpEnrolment:
    """The seed for a new authenticator app; shown once."""

    seed: str = field(repr=False)
    uri: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FactorVerifier:
    """Verifies second factors."""

    factors: FactorStore
    sessions: SessionStore
    failures: FailureCounter
    clock: Clock

    def ask_passkey(self, session: Session, site: RelyingParty) -> Mapping[str, Any]:
        """Return the browser's options for asking the user's passkeys.

        :raises InputError: if there is none.
        """
        question = ask_to_prove(site, self.factors.list_passkeys(session.identity.identity_id))
        ends_at = self.clock.now() + CHALLENGE_LASTS
        self.factors.add_challenge(session.session_id, ChallengePurpose.PROVE, question.challenge, ends_at)
        return question.options

    def verify_totp(
        self, proven: AuthenticatedSession, code: str, device_id: str | None = None
    ) -> AuthenticatedSession:
        """Return the sign-in under a new secret, with a fresh factor.

        :param device_id: of a device from which this user has signed in before: only its own failures count.
        :raises FactorRefusedError: if the code is wrong or was used before.
        :raises TooManyAttemptsError: after too many wrong codes of this user.
        """
        attempt = self._begin_attempt(proven.session, device_id)
        now = self.clock.now()
        for app in self.factors.list_totp(proven.session.identity.identity_id):
            step = find_step(app.secret, code, now)
            if step is not None and self.factors.take_step(app.factor.factor_id, step, now):
                self.failures.remove_attempt(attempt)
                return self.renew(proven)
        raise FactorRefusedError(
            "The code is wrong, or it was used before.", hint="Wait for the next code, then enter that one."
        )

    def verify_passkey(
        self, proven: AuthenticatedSession, answer: Mapping[str, Any], site: RelyingParty
    ) -> AuthenticatedSession:
        """Return the sign-in under a new secret, with a fresh factor.

        Failures aren't counted, because a signature can't be guessed, and wrong codes don't affect passkeys.

        :raises FactorRefusedError: if the answer is wrong, or doesn't belong to a challenge of this sign-in.
        """
        now, session = self.clock.now(), proven.session
        challenge = read_challenge(answer)
        passkey = find_passkey(answer, self.factors.list_passkeys(session.identity.identity_id))
        _require_asked(self.factors.take_challenge(session.session_id, ChallengePurpose.PROVE, challenge, now))
        new_count = check_proof(answer, site, challenge, passkey)
        _require_asked(self.factors.take_sign_count(passkey.factor.factor_id, passkey.sign_count, new_count, now))
        return self.renew(proven)

    def renew(self, proven: AuthenticatedSession) -> AuthenticatedSession:
        """Replace the secret of a sign-in after its user gave a second factor.

        :raises NotSignedInError: if the sign-in has ended meanwhile.
        """
        new_secret = make_secret(proven.session.kind)
        session = self.sessions.renew(proven.secret, new_secret, self.clock.now())
        if session is None:
            raise NotSignedInError("The sign-in has ended.", hint="Sign in again.")
        return AuthenticatedSession(session, new_secret)

    def _begin_attempt(self, session: Session, device_id: str | None) -> str:
        """Count the attempt before the code is checked, so that parallel attempts can't exceed the limit."""
        of_device = "" if device_id is None else f" on {device_id}"
        limits = (AttemptLimit(f"factor {session.identity.identity_id}{of_device}", _MOST_FAILURES, FAILURES_COUNT),)
        attempt = self.failures.begin_attempt(limits)
        if attempt is None:
            raise TooManyAttemptsError(
                "There were too many wrong codes.",
                hint=Hint("Wait an hour, or ask an administrator to reset your second factors.", "factors.wait"),
                wait_seconds=max(1, self.failures.find_wait_seconds(limits)),
            )
        return attempt


@dataclass(frozen=True, slots=True)
class FactorService:
    """Adds and removes factors, in the name of the ledger's actor."""

    factors: FactorStore
    identities: IdentityStore
    sessions: SessionStore
    ledger: Ledger
    clock: Clock
    notices: IdentityNotices = NO_NOTICES

    def list_factors(self, identity: Identity) -> tuple[Factor, ...]:
        return self.factors.list_factors(identity.identity_id)

    def begin_totp(self, identity: Identity) -> TotpEnrolment:
        """Add an authenticator app, which counts from its first code on.

        :raises InputError: if the user has too many factors.
        """
        self._require_room(identity)
        seed = make_seed()
        self.factors.begin_totp(self._make(identity, FactorKind.TOTP, None), seed)
        return TotpEnrolment(seed, make_uri(seed, identity.name))

    def confirm_totp(self, identity: Identity, code: str) -> Factor:
        """:raises FactorRefusedError: if the code is wrong, or no app waits for its first code."""
        now = self.clock.now()
        waiting = self.factors.find_waiting_totp(identity.identity_id, now - ENROLMENT_LASTS)
        if waiting is None:
            raise FactorRefusedError(
                "No authenticator app waits for its first code.", hint="Start the set-up of the app again."
            )
        step = find_step(waiting.secret, code, now)
        if step is None:
            raise FactorRefusedError(
                "The code isn't the one that the app shows now.",
                hint="Check the device's clock, and enter the next code.",
            )
        self._record("factor_added", identity, waiting.factor.kind)
        if not self.factors.confirm_totp(waiting.factor.factor_id, step, now):
            raise FactorRefusedError(
                "Another set-up of the authenticator app began meanwhile.", hint="Start the set-up of the app again."
            )
        return waiting.factor

    def preset_totp(self, identity_id: str, seed: str, endpoint: Endpoint) -> None:
        """Add an app with a known seed, for the users of a demo.

        :raises InputError: if the endpoint isn't a sandbox, or there is no such user.
        """
        identity = next((user for user in self.identities.list_identities() if user.identity_id == identity_id), None)
        if identity is None or not endpoint.is_sandbox:
            raise InputError("Only users of a sandbox's server can have preset second factors.")
        factor = self._make(identity, FactorKind.TOTP, None)
        self._record("factor_added", identity, factor.kind)
        self.factors.begin_totp(factor, seed)
        self.factors.confirm_totp(factor.factor_id, 0, self.clock.now())

    def ask_new_passkey(self, session: Session, site: RelyingParty) -> Mapping[str, Any]:
        """Return the browser's options for making a passkey.

        :raises InputError: if the user has too many factors, or browsers make no passkeys for this address.
        """
        identity = session.identity
        self._require_room(identity)
        known = self.factors.list_passkeys(identity.identity_id)
        question = ask_to_register(site, identity.identity_id, identity.name, known)
        ends_at = self.clock.now() + CHALLENGE_LASTS
        self.factors.add_challenge(session.session_id, ChallengePurpose.REGISTER, question.challenge, ends_at)
        return question.options

    def add_passkey(self, session: Session, answer: Mapping[str, Any], name: str | None, site: RelyingParty) -> Factor:
        """:raises FactorRefusedError: if the answer is wrong, or doesn't belong to a challenge of this sign-in."""
        challenge = read_challenge(answer)
        now = self.clock.now()
        _require_asked(self.factors.take_challenge(session.session_id, ChallengePurpose.REGISTER, challenge, now))
        passkey = check_registration(answer, site, challenge, self._make(session.identity, FactorKind.PASSKEY, name))
        self._record("factor_added", session.identity, passkey.factor.kind)
        self.factors.add_passkey(passkey)
        return passkey.factor

    def remove(self, identity: Identity, factor_id: str) -> Factor:
        """Remove a factor of the user's own.

        :raises NotFoundError: if there is no such factor.
        :raises InputError: if it is the last factor, and the role needs one.
        """
        known = self.list_factors(identity)
        found = next((factor for factor in known if factor.factor_id == factor_id), None)
        if found is None:
            raise NotFoundError(f"You have no second factor {factor_id}.", hint="List them again.")
        if len(known) == 1 and needs_factor(identity.role):
            raise InputError(
                f"This is your last second factor, and the role {identity.role.value} needs one.",
                hint="Set up another one first.",
            )
        self._record("factor_removed", identity, found.kind)
        self.factors.remove(identity.identity_id, factor_id)
        return found

    def reset(self, name: str) -> int:
        """Remove all factors of a user who has lost them, and end the user's sign-ins; return how many there were.

        :raises NotFoundError: if there is no user of that name.
        :raises InputError: if it is a token.
        """
        identity = self.identities.get(name)
        if identity.kind is not IdentityKind.USER:
            raise InputError(f"{identity.name} is a token; tokens have no second factors.", hint="Name a user.")
        self._record("factors_reset", identity)
        # Before: a sign-in that outlives its factor could set up another factor. After: a sign-in may begin meanwhile.
        self.sessions.end_all(identity.identity_id)
        removed = self.factors.remove_all(identity.identity_id)
        self.sessions.end_all(identity.identity_id)
        body = (
            f"The second factors of {identity.name} were removed, and all sign-ins have ended. {identity.name} sets up "
            "a new factor at the next sign-in if the role needs one."
        )
        self.notices.announce(NotificationEvent.USER_RESET, identity, body, self.clock.now())
        return removed

    def _require_room(self, identity: Identity) -> None:
        if len(self.list_factors(identity)) >= MOST_FACTORS:
            raise InputError(f"You already have {MOST_FACTORS} second factors.", hint="Remove one first.")

    def _make(self, identity: Identity, kind: FactorKind, name: str | None) -> Factor:
        return Factor(f"f-{secrets.token_hex(8)}", identity.identity_id, kind, name, self.clock.now())

    def _record(self, change: str, identity: Identity, kind: FactorKind | None = None) -> None:
        changed: dict[str, JsonValue] = {"change": change, "factor": None if kind is None else kind.value}
        self.ledger.append_fact(Action.IDENTITY_CHANGE, parameters=identity_to_parameters(identity) | changed)


def _require_asked(is_asked: bool) -> None:
    """:raises FactorRefusedError: if the answer belongs to no open challenge, or the passkey was used elsewhere."""
    if not is_asked:
        raise FactorRefusedError("The passkey's answer belongs to no open question.", hint="Try again.")
