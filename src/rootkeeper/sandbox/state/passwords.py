"""Passwords as the sandbox keeps them: hashed by scrypt, or known to everybody where a scenario sets them.

Scenarios' passwords are known so that they can be tried out; hashing thousands of them would also take minutes.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

_COST, _BLOCK_SIZE, _PARALLELISM = 1 << 14, 8, 1
_SALT_BYTES = 16
_DECOY_SALT = b"\0" * _SALT_BYTES


@dataclass(frozen=True, slots=True)
class Password:
    """A password that somebody set, as salt and hash, or a scenario's, as text."""

    salt: bytes = _DECOY_SALT
    digest: bytes = field(default=b"", repr=False)
    known_text: str | None = field(default=None, repr=False)


def hash_password(text: str) -> Password:
    """Make what is kept of a password that somebody sets. Takes some hundredths of a second."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return Password(salt, _hash(text, salt))


def verify_password(password: Password | None, text: str) -> bool:
    """Tell whether it is the password; takes the same time for every kind and for none."""
    digest = _hash(text, password.salt if password else _DECOY_SALT)
    if password is None:
        return False
    if password.known_text is not None:
        return hmac.compare_digest(_encode(text), _encode(password.known_text))
    return hmac.compare_digest(digest, password.digest)


def _hash(text: str, salt: bytes) -> bytes:
    return hashlib.scrypt(_encode(text), salt=salt, n=_COST, r=_BLOCK_SIZE, p=_PARALLELISM)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
