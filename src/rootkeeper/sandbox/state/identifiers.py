"""Identifiers and keys that look like AWS's: derived for what a scenario holds, random for what is issued later.

A scenario has the same ids and keys on every start, so that shell histories and tests stay valid. Session credentials
are random, since nobody needs them again.
"""

from __future__ import annotations

import base64
import hashlib
import secrets

_ACCOUNT_BITS = 40
_ACCOUNT_SHIFT = 7
_TOKEN_PREFIX = "IQoJb3JpZ2luX2Vj"  # noqa: S105 - how every AWS session token begins, no secret


def derive_bytes(*parts: str) -> bytes:
    """Derive 32 bytes from the words given; the same words give the same bytes."""
    return hashlib.sha256("\x1f".join(parts).encode()).digest()


def derive_unique_id(prefix: str, *parts: str) -> str:
    """Derive an id such as ``AIDA…`` (users), ``AROA…`` (roles): the prefix and 17 characters."""
    return prefix + base64.b32encode(derive_bytes(prefix, *parts)).decode()[:17]


def derive_lower_id(length: int, *parts: str) -> str:
    """Derive the lower-case letters and digits that Organizations uses in its ids."""
    return base64.b32encode(derive_bytes(*parts)).decode().lower()[:length]


def derive_access_key_id(account_id: str, *parts: str) -> str:
    """Derive a long-term access key id, ``AKIA`` and 16 characters."""
    return _access_key_id("AKIA", account_id, derive_bytes("access-key", account_id, *parts))


def derive_secret_access_key(access_key_id: str, *parts: str) -> str:
    """Derive the 40 characters that belong to an access key id."""
    return base64.b64encode(derive_bytes("secret", access_key_id, *parts)[:30]).decode()


def new_access_key_id(prefix: str, account_id: str) -> str:
    """Make a random access key id: ``AKIA`` long-term, ``ASIA`` temporary."""
    return _access_key_id(prefix, account_id, secrets.token_bytes(16))


def new_secret_access_key() -> str:
    return base64.b64encode(secrets.token_bytes(30)).decode()


def new_session_token() -> str:
    return _TOKEN_PREFIX + base64.b64encode(secrets.token_bytes(96)).decode()


def new_unique_id(prefix: str) -> str:
    return prefix + base64.b32encode(secrets.token_bytes(11)).decode()[:17]


def account_of_access_key(access_key_id: str) -> str | None:
    """Read the account id out of an access key id of today's form; ``None`` for other texts.

    Bits 7 to 46 of the six bytes after the prefix hold it, as public write-ups of AWS's format found out.
    """
    try:
        head = base64.b32decode(access_key_id[4:20])[:6]
    except ValueError:
        return None
    return str((int.from_bytes(head) >> _ACCOUNT_SHIFT) & ((1 << _ACCOUNT_BITS) - 1)).zfill(12)


def _access_key_id(prefix: str, account_id: str, noise: bytes) -> str:
    head = (1 << 47) | (int(account_id) << _ACCOUNT_SHIFT) | (noise[0] & 0x7F)
    return prefix + base64.b32encode(head.to_bytes(6) + noise[1:5]).decode()
