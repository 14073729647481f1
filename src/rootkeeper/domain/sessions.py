"""Sign-ins of people: how long one lasts, when it still needs a second factor, and when that factor is fresh.

A sign-in is proven by a secret: in a browser's cookie, or as a bearer token of the command line. The secret changes
each time that a factor was given; ``session_id`` doesn't, and proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from rootkeeper.domain.access import Identity, ServerRole
from rootkeeper.errors import FactorNeededError, SignInUnfinishedError

SESSION_LASTS = timedelta(hours=12)
"""Whatever is done in it."""
IDLE_LASTS = timedelta(minutes=30)
"""So long a browser's sign-in lives without being used."""
FACTOR_LASTS = timedelta(minutes=5)
"""So long a second factor is fresh enough for what is weighty."""

_WITHOUT_FACTOR = frozenset({ServerRole.VIEWER, ServerRole.AUDITOR})


class SessionKind(StrEnum):
    """How a sign-in's secret is carried."""

    BROWSER = "browser"
    TOKEN = "token"  # noqa: S105 - a kind's name


class FactorKind(StrEnum):
    """Kinds of second factors."""

    PASSKEY = "passkey"
    TOTP = "totp"


class SessionNeed(StrEnum):
    """What a sign-in lacks before anything can be done in it."""

    ENROLMENT = "enrolment"
    """The role needs a second factor, and none is set up."""
    FACTOR = "factor"
    """One is set up, and wasn't given yet."""


def needs_factor(role: ServerRole) -> bool:
    """Whether nobody may act in that role by a password alone."""
    return role not in _WITHOUT_FACTOR


@dataclass(frozen=True, slots=True)
class NewSession:
    """A sign-in that is about to begin."""

    session_id: str
    """``s-…``."""
    secret: str = field(repr=False)
    kind: SessionKind
    started_at: datetime
    expires_at: datetime
    address: str | None = None
    """Where it came from, as far as the server knows."""
    user_agent: str | None = None
    factor_at: datetime | None = None
    """When an identity provider took a second factor; ``None`` where none was given yet."""


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in that lasts."""

    session_id: str
    kind: SessionKind
    identity: Identity
    started_at: datetime
    last_used_at: datetime
    """To the minute."""
    expires_at: datetime
    address: str | None = None
    user_agent: str | None = None
    factor_at: datetime | None = None
    """When a second factor was given last."""
    enrolled: frozenset[FactorKind] = frozenset()
    """What its user has set up."""

    @property
    def need(self) -> SessionNeed | None:
        """Judged anew at each request: role and factors may have changed since it began."""
        if self.factor_at is not None:
            return None
        if self.enrolled:
            return SessionNeed.FACTOR
        return SessionNeed.ENROLMENT if needs_factor(self.identity.role) else None

    @property
    def fresh_until(self) -> datetime | None:
        """Until when the factor counts as fresh; ``None`` where none was given."""
        return None if self.factor_at is None else self.factor_at + FACTOR_LASTS

    def is_alive(self, now: datetime) -> bool:
        """Whether neither its end nor idleness has ended it."""
        is_idle = self.kind is SessionKind.BROWSER and now >= self.last_used_at + IDLE_LASTS
        return now < self.expires_at and not is_idle

    def require_finished(self) -> None:
        """:raises SignInUnfinishedError: if a second factor is still to be given or set up."""
        if self.need is SessionNeed.FACTOR:
            raise SignInUnfinishedError("The second factor wasn't given yet.", hint="Give it to finish the sign-in.")
        if self.need is SessionNeed.ENROLMENT:
            raise SignInUnfinishedError(
                f"The role {self.identity.role.value} needs a second factor, and {self.identity.name} has none.",
                hint="Sign in to the console in a browser and set one up.",
            )

    def require_fresh(self, now: datetime) -> None:
        """Whoever has none set up isn't asked for one: where the role needs one nothing else can be done anyway.

        :raises FactorNeededError: if the second factor was given too long ago, or not at all.
        """
        if not self.enrolled and self.factor_at is None:
            return
        if self.fresh_until is None or now >= self.fresh_until:
            minutes = int(FACTOR_LASTS.total_seconds() // 60)
            raise FactorNeededError(
                f"This needs a second factor that was given in the last {minutes} minutes.",
                hint="Give it again: POST /api/v1/auth/step-up.",
            )
