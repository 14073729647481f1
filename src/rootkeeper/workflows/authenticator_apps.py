"""Codes of authenticator apps. Source: RFC 6238, by pyotp."""

from __future__ import annotations

from datetime import datetime

from rootkeeper.domain.factors import TOTP_DRIFT_STEPS, TOTP_SECONDS

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
