"""Second factors of users, as values. What proves one is kept elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from rootkeeper.domain.sessions import FactorKind

TOTP_SECONDS = 30
"""How long each code lasts. Source: RFC 6238, section 4.1."""
TOTP_DRIFT_STEPS = 1
"""A code of the step before or after is taken too: clocks differ."""
ENROLMENT_LASTS = timedelta(minutes=15)
"""So long a new authenticator app may take to show its first code."""
CHALLENGE_LASTS = timedelta(minutes=5)
"""So long a passkey may take to answer."""
MOST_FACTORS = 10
"""Of one user."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One second factor of one user."""

    factor_id: str
    """``f-…``."""
    identity_id: str
    kind: FactorKind
    name: str | None
    created_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TotpFactor:
    """An authenticator app, with what its codes are made from."""

    factor: Factor
    secret: str = field(repr=False)
    """In base32."""
    last_step: int
    """The newest step whose code was taken: no code is taken twice, and none from before it."""


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey, with what its answers are checked by. Nothing here is secret."""

    factor: Factor
    credential_id: bytes
    public_key: bytes
    """In COSE. Source: WebAuthn, section 6.5.1.1."""
    sign_count: int
    """Grows with each use where the device counts; one that doesn't grow tells of a copy."""


class ChallengePurpose(StrEnum):
    """What a challenge was made for; an answer to one isn't one to the other."""

    PROVE = "prove"
    REGISTER = "register"
