"""The users of ``rootkeeper demo``, one of each role, and the codes of their authenticator apps.

Their secrets are public and are worth nothing elsewhere: each demo makes the users in a database of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from rootkeeper.access.rules import ServerRole

PASSWORD = "correct horse battery"  # noqa: S105 - every demo user's, shown on the screen
_STEP_SECONDS = 30
"""Source: RFC 6238, section 4.1."""


@dataclass(frozen=True, slots=True)
class DemoUser:
    """One user of a demo."""

    name: str
    role: ServerRole
    totp_secret: str | None
    """In base32; ``None`` where the role takes no second factor."""
    does: str


DEMO_USERS = (
    DemoUser("vera", ServerRole.VIEWER, None, "reads everything, changes nothing"),
    DemoUser("aude", ServerRole.AUDITOR, None, "audits"),
    DemoUser("olga", ServerRole.OPERATOR, "OLGAOLGAOLGAOLGAOLGAOLGAOLGAOLGA", "deletes, requests and opens windows"),
    DemoUser("amir", ServerRole.APPROVER, "AMIRAMIRAMIRAMIRAMIRAMIRAMIRAMIR", "approves windows"),
    DemoUser("adam", ServerRole.ADMINISTRATOR, "ADAMADAMADAMADAMADAMADAMADAMADAM", "enables features, manages users"),
)


def list_codes(now: float) -> tuple[tuple[str, str], ...]:
    """List the names with the current codes of their authenticator apps, at a moment in seconds since 1970."""
    import pyotp

    return tuple((one.name, pyotp.TOTP(one.totp_secret).at(int(now))) for one in DEMO_USERS if one.totp_secret)


def count_seconds_left(now: float) -> int:
    """Count how long the codes of a moment are valid."""
    return _STEP_SECONDS - int(now) % _STEP_SECONDS
