"""What people at a browser have begun: sessions, MFA challenges, links to reset a password, and failed attempts.

Ids and tokens are kept as SHA-256 only. Everything ends by the sandbox's clock.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

SESSION_LIFETIME = timedelta(hours=12)
"""Source: AWS Sign-In User Guide: a console session of a root user or IAM user lasts 12 hours."""
CHALLENGE_LIFETIME = timedelta(minutes=5)
RESET_LIFETIME = timedelta(minutes=60)
"""AWS says only that its links are time-limited."""
MFA_GRACE = timedelta(days=35)
"""How long a root user may put off registering MFA. Source: aws-facts E."""
FAILURE_WINDOW = timedelta(minutes=15)
MAX_FAILURES = 10
MAX_ENTRIES = 10_000
"""Of each kind; the oldest go first."""


class _Expiring(Protocol):
    @property
    def expires_at(self) -> datetime: ...


_Entry = TypeVar("_Entry", bound=_Expiring)


@dataclass(frozen=True, slots=True)
class SignInSession:
    """A root user who is signed in. Nothing but its end or signing out ends it."""

    account_id: str
    access_key_id: str
    """Of the temporary credentials that the console would call AWS with."""
    signed_in_at: datetime
    has_mfa: bool

    @property
    def expires_at(self) -> datetime:
        return self.signed_in_at + SESSION_LIFETIME


@dataclass(slots=True)
class MfaChallenge:
    """Somebody who knew the password and is asked for a code."""

    account_id: str
    begun_at: datetime
    profile_created_at: datetime
    """Of the login profile whose password it was: another one has another password."""
    remaining_tries: int = 5

    @property
    def expires_at(self) -> datetime:
        return self.begun_at + CHALLENGE_LIFETIME


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """A link that lets whoever has it set the password, once."""

    account_id: str
    sent_at: datetime
    profile_created_at: datetime
    """The link is void once this login profile is gone, even if another one has come."""

    @property
    def expires_at(self) -> datetime:
        return self.sent_at + RESET_LIFETIME


@dataclass(slots=True)
class Failures:
    """Attempts that failed for one e-mail address."""

    began_at: datetime
    number: int = 0

    @property
    def expires_at(self) -> datetime:
        return self.began_at + FAILURE_WINDOW


@dataclass(slots=True)
class SignInStore:
    """All of it."""

    sessions: dict[str, SignInSession] = field(default_factory=dict)
    challenges: dict[str, MfaChallenge] = field(default_factory=dict)
    resets: dict[str, PasswordReset] = field(default_factory=dict)
    failures: dict[str, Failures] = field(default_factory=dict)
    """By what ``digest`` makes of a browser's id, a link's token, or a purpose and e-mail address."""

    def add_session(self, key: str, session: SignInSession) -> None:
        _add(self.sessions, key, session, session.signed_in_at)

    def add_challenge(self, key: str, challenge: MfaChallenge) -> None:
        _add(self.challenges, key, challenge, challenge.begun_at)

    def add_reset(self, key: str, reset: PasswordReset) -> None:
        _add(self.resets, key, reset, reset.sent_at)

    def find_session(self, key: str, now: datetime) -> SignInSession | None:
        return _find(self.sessions, key, now)

    def find_challenge(self, key: str, now: datetime) -> MfaChallenge | None:
        return _find(self.challenges, key, now)

    def find_reset(self, key: str, now: datetime) -> PasswordReset | None:
        return _find(self.resets, key, now)

    def forget_resets(self, account_id: str) -> None:
        """Make all links of an account useless."""
        for key in [key for key, reset in self.resets.items() if reset.account_id == account_id]:
            del self.resets[key]

    def is_held_off(self, key: str, now: datetime) -> bool:
        """Tell whether so many attempts have failed that no more are taken for a while."""
        failures = _find(self.failures, key, now)
        return failures is not None and failures.number >= MAX_FAILURES

    def count_failure(self, key: str, now: datetime) -> None:
        failures = _find(self.failures, key, now)
        if failures is None:
            failures = Failures(now)
            _add(self.failures, key, failures, now)
        failures.number += 1


def digest(*words: str) -> str:
    """Give what is kept of ids and tokens."""
    return hashlib.sha256("\x1f".join(words).encode("utf-8", "surrogatepass")).hexdigest()


def _add(entries: dict[str, _Entry], key: str, entry: _Entry, now: datetime) -> None:
    """Add an entry; sweeps those that have ended, and drops the oldest of too many."""
    for ended in [key for key, found in entries.items() if found.expires_at <= now]:
        del entries[ended]
    while len(entries) >= MAX_ENTRIES:
        del entries[next(iter(entries))]
    entries[key] = entry


def _find(entries: dict[str, _Entry], key: str, now: datetime) -> _Entry | None:
    entry = entries.get(key)
    return entry if entry is not None and now < entry.expires_at else None
