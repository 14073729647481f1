"""A passkey without a device: it makes its keys itself, and answers as a browser's ``toJSON()`` gives it.

Source: WebAuthn Level 3, sections 6.1 and 6.5.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import bytes_to_base64url, encode_cbor

_PRESENT, _VERIFIED, _WITH_CREDENTIAL = 0x01, 0x04, 0x40
_ES256, _P256, _EC2 = -7, 1, 2
"""Source: RFC 9053, sections 2.1 and 7.1."""


@dataclass
class SoftPasskey:
    """One passkey."""

    origin: str
    """Of the page that asks; the browser says it, and the page can't."""
    host: str
    """The relying party that the browser takes from the page."""
    verifies_user: bool = True
    """Whether it asked for a PIN or biometrics."""
    is_cross_origin: bool = False
    """Whether the page is within a page of another origin."""
    sign_count: int = 0
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()), repr=False)

    def register(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What it answers to the options of a registration."""
        reported = self._tell("webauthn.create", options["challenge"])
        numbers = self.key.public_key().public_numbers()
        public_key = encode_cbor(
            {1: _EC2, 3: _ES256, -1: _P256, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        )
        credential = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + public_key
        authenticator_data = self._describe(_WITH_CREDENTIAL) + credential
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": authenticator_data})
        return self._answer({"clientDataJSON": reported, "attestationObject": attestation})

    def prove(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What it answers to the options of a sign-in; it counts each time."""
        self.sign_count += 1
        reported = self._tell("webauthn.get", options["challenge"])
        authenticator_data = self._describe(0)
        signed = authenticator_data + hashlib.sha256(reported).digest()
        signature = self.key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {"clientDataJSON": reported, "authenticatorData": authenticator_data, "signature": signature}
        )

    def _tell(self, kind: str, challenge: str) -> bytes:
        told = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": self.is_cross_origin}
        return json.dumps(told).encode()

    def _describe(self, flags: int) -> bytes:
        flags |= _PRESENT | (_VERIFIED if self.verifies_user else 0)
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + self.sign_count.to_bytes(4, "big")

    def _answer(self, response: Mapping[str, bytes]) -> dict[str, Any]:
        name = bytes_to_base64url(self.credential_id)
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {part: bytes_to_base64url(content) for part, content in response.items()},
        }
