"""When a person has completed the failsafe's root login, judged from what a re-read shows.

A login profile alone shows nothing: it is there from the moment that recovery is allowed. That somebody set a password
and holds it shows when it was used after that moment. ``AccountMFAEnabled`` counts only with its device, which AWS
enables for two codes in a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rootkeeper.domain.ledger import JsonValue
from rootkeeper.domain.root_credentials import RootCredentials, RootCredentialsSummary


@dataclass(frozen=True, slots=True)
class LoginProgress:
    """How far a person has come."""

    missing: tuple[str, ...]
    """Half a sentence for each step that isn't shown to be done, in their order."""
    obstacles: tuple[str, ...] = ()
    """What must go before the login can be kept."""

    @property
    def shortcomings(self) -> tuple[str, ...]:
        """All of them, what is missing first."""
        return (*self.missing, *self.obstacles)

    @property
    def is_complete(self) -> bool:
        return not self.shortcomings


def evaluate_progress(
    found: RootCredentials, summary: RootCredentialsSummary, opened_at: datetime | None
) -> LoginProgress:
    """Judge details and summary of one moment together: a kind is there if either shows it, and counts as done only
    where both do.

    :param opened_at: ``CreateDate`` of the login profile that the window made; ``None`` for a login that was there
        before, whose own ``CreateDate`` counts.
    """
    missing, obstacles = [], []
    profile = found.login_profile
    since = opened_at or (profile.created_at if profile else None)
    if profile is None or not summary.has_password:
        missing.append("the login profile isn't shown any more")
    elif since is None or profile.last_used_at is None or profile.last_used_at < since:
        missing.append("nobody has signed in with a new password yet")
    if not found.mfa_devices or not summary.has_mfa_devices:
        missing.append("no MFA device is registered yet")
    if found.access_keys or summary.has_access_keys:
        obstacles.append("the root user has an access key, which must be deleted")
    if found.signing_certificates or summary.has_signing_certificates:
        obstacles.append("the root user has a signing certificate, which must be deleted")
    return LoginProgress(tuple(missing), tuple(obstacles))


def describe_login(found: RootCredentials) -> dict[str, JsonValue]:
    """What the ledger keeps of a login that is kept."""
    profile = found.login_profile
    return {
        "login_profile_created_at": profile.created_at.isoformat() if profile else None,
        "last_signed_in_at": profile.last_used_at.isoformat() if profile and profile.last_used_at else None,
        "mfa_serial_numbers": [device.mfa_serial_number for device in found.mfa_devices],
    }
