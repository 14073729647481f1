"""What passkeys are asked, and whether their answers are right. Source: WebAuthn Level 3, by py_webauthn.

A passkey is a second factor here: the password came before, so that the device needn't ask for a PIN of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rootkeeper.domain.factors import CHALLENGE_LASTS, Passkey
from rootkeeper.domain.loopback import is_loopback
from rootkeeper.errors import FactorRefusedError, InputError

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
